//! When the broker ends: signals, and for a private one the end of whoever started it.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

/// Signals that end the broker, as a descriptor to read.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// From here on the signals wait in the descriptor. Must be called before there are other threads.
    ///
    /// # Errors
    /// If the kernel has no room for the descriptor.
    pub fn block(signals: &[Signal]) -> io::Result<Self> {
        // SAFETY: all zero is a valid signal set, and the C library fills it before it is used.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: `set` is a local.
        unsafe { libc::sigemptyset(&raw mut set) };
        for signal in signals {
            // SAFETY: `set` has been filled, and every `Signal` is a valid number.
            unsafe { libc::sigaddset(&raw mut set, signal.as_raw()) };
        }
        // SAFETY: `set` has been filled; the old set is not asked for.
        let blocked = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if blocked != 0 {
            return Err(io::Error::from_raw_os_error(blocked));
        }
        // SAFETY: `set` has been filled; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us; nothing else knows it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// The next signal that has come, if one has, and whether the terminal sent it.
    pub fn next(&self) -> Option<(i32, bool)> {
        // SAFETY: all zero is a valid `signalfd_siginfo`: it holds numbers only.
        let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let size = size_of_val(&info);
        // SAFETY: `info` is writable for `size` bytes.
        let read = unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size) };
        if usize::try_from(read) != Ok(size) {
            return None;
        }
        let signal = i32::try_from(info.ssi_signo).ok()?;
        Some((signal, info.ssi_code == libc::SI_KERNEL))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The descriptor given as `--ready-fd`.
#[derive(Debug)]
pub struct Ready {
    fd: OwnedFd,
}

impl Ready {
    /// Takes over descriptor `number`.
    ///
    /// # Errors
    /// If there is none of that number.
    pub fn take(number: RawFd) -> Result<Self> {
        if number <= 2 {
            bail!("--ready-fd {number}: must be above 2");
        }
        // SAFETY: the call only sets a flag, and fails if there is no such descriptor.
        if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error()).with_context(|| format!("--ready-fd {number}"));
        }
        // SAFETY: who started us opened this descriptor for us alone, and it is taken before anything else is opened.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(number) } })
    }

    /// Says that the URLs can be connected to.
    ///
    /// # Errors
    /// If the other end is gone.
    pub fn announce(&self, urls: &[String]) -> io::Result<()> {
        let text = urls.iter().map(|url| format!("{url}\n")).collect::<String>();
        let mut file = std::fs::File::from(self.fd.try_clone()?);
        file.write_all(text.as_bytes())
    }
}

impl AsFd for Ready {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Makes the kernel send SIGTERM when the parent process ends.
///
/// # Errors
/// If the parent has already ended.
pub fn end_with_parent() -> Result<()> {
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
    // A parent that ended before the line above sends nothing any more.
    if parent.is_none() || rustix::process::getppid() != parent {
        bail!("the process that started this private broker is gone");
    }
    Ok(())
}
