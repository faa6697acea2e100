//! Threads that live in somebody else's process.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that blocks all signals, so that the program's handlers never run on it. Its name is at most 15 bytes.
///
/// # Errors
/// The system's, if there can be no more threads.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    // The mask is inherited, so it is set around the start: the new thread never runs without it.
    let blocked = Blocked::new();
    let thread = Builder::new().name(name.to_owned()).spawn(body);
    drop(blocked);
    thread
}

/// All signals are blocked in this thread as long as it lives.
struct Blocked {
    old: libc::sigset_t,
}

impl Blocked {
    fn new() -> Self {
        let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        let mut old = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: both are room for a signal set. sigfillset initialises the first, and pthread_sigmask, which can't
        // fail with SIG_SETMASK, the second.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
            Self { old: old.assume_init() }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `old` is the set that was in force before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.old, std::ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The set in the form of /proc: a line of hexadecimal digits.
    fn blocked() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    }

    #[test]
    fn a_thread_blocks_all_signals_and_its_starter_none() {
        let before = blocked();
        let (sender, receiver) = std::sync::mpsc::channel();
        spawn("remora-test", move || sender.send(blocked()).unwrap()).unwrap().join().unwrap();
        let inside = receiver.recv().unwrap();
        // SIGKILL (9) and SIGSTOP (19) can't be blocked, and the C library keeps 32 and 33 for itself.
        let expected = !(1 << 8 | 1 << 18 | 1 << 31 | 1 << 32);
        assert_eq!(inside & expected, expected);
        assert_eq!(blocked(), before);
    }
}
