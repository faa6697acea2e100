//! Threads that live in somebody else's process.

use std::io;
use std::mem::MaybeUninit;
use std::thread::{Builder, JoinHandle};

/// A thread that faults ends the process if it blocks these, and never gets to the program's handler: one that lets the
/// program write to the page, perhaps.
const FAULTS: [libc::c_int; 6] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// Starts a thread of ours. It blocks all signals but for its own faults, so that what is sent to the program is handled on
/// the program's threads. Its name is at most 15 bytes.
///
/// # Errors
/// The system's, if there can be no more threads.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    start(Builder::new().name(name.to_owned()), Signals::all_but_faults(), body)
}

/// Starts a thread for code of the program, which finds what a driver's thread would have: these signals blocked and no
/// others, and as much stack as the C library gives a thread.
///
/// # Errors
/// As for [`spawn`].
pub fn spawn_for_program(
    name: &str,
    blocked: Signals,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    start(Builder::new().name(name.to_owned()).stack_size(default_stack()), blocked, body)
}

fn start(builder: Builder, blocked: Signals, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    // The mask is inherited, so it is set around the start: the new thread never runs with another.
    let own = blocked.block();
    let thread = builder.spawn(body);
    own.block();
    thread
}

/// What the C library gives a thread that asks for nothing: what `ulimit -s` said when the program started.
fn default_stack() -> usize {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut size = 0;
    // SAFETY: the first call initialises the attributes, if it succeeds; the others read them and let go of them.
    unsafe {
        if libc::pthread_attr_init(attributes.as_mut_ptr()) == 0 {
            libc::pthread_attr_getstacksize(attributes.as_ptr(), &mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
    }
    size
}

/// The signals that a thread blocks.
#[derive(Clone, Copy)]
pub struct Signals(libc::sigset_t);

impl Signals {
    /// Those that the calling thread blocks.
    #[must_use]
    pub fn blocked_here() -> Self {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: without a new set this initialises the old one, and can't fail.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), set.as_mut_ptr());
            Self(set.assume_init())
        }
    }

    fn all_but_faults() -> Self {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: there is room for a set, and sigfillset, which can't fail, initialises it.
        unsafe {
            libc::sigfillset(set.as_mut_ptr());
            for signal in FAULTS {
                libc::sigdelset(set.as_mut_ptr(), signal);
            }
            Self(set.assume_init())
        }
    }

    /// Makes the calling thread block these; gives what it blocked before.
    fn block(&self) -> Self {
        let mut old = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `old` is room for a set; pthread_sigmask initialises it, and can't fail with SIG_SETMASK.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, old.as_mut_ptr());
            Self(old.assume_init())
        }
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
    fn a_thread_of_ours_blocks_all_signals_but_faults_and_its_starter_none() {
        let before = blocked();
        let (sender, receiver) = std::sync::mpsc::channel();
        spawn("remora-test", move || sender.send(blocked()).unwrap()).unwrap().join().unwrap();
        let inside = receiver.recv().unwrap();
        let bit = |signal: libc::c_int| 1_u64 << (signal - 1);
        let faults = FAULTS.into_iter().map(bit).sum::<u64>();
        // These can't be blocked, and the C library keeps 32 and 33 for itself.
        let expected = !(bit(libc::SIGKILL) | bit(libc::SIGSTOP) | bit(32) | bit(33) | faults);
        assert_eq!(inside & (expected | faults), expected);
        assert_eq!(blocked(), before);
    }
}
