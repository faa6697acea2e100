//! The program: gets our signals, and gives us its status.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use remora_broker::lifetime::Signals;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

/// The signals that are blocked now.
pub fn signal_mask() -> io::Result<libc::sigset_t> {
    // SAFETY: all zero is a valid signal set, and the C library fills it before it is used.
    let mut mask: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: nothing is changed; `mask` is a local.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &raw mut mask) } {
        0 => Ok(mask),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Runs `command` with these signals blocked until it ends.
///
/// # Errors
/// If it cannot be run.
pub fn run(mut command: Command, signals: &Signals, mask: libc::sigset_t) -> io::Result<ExitCode> {
    let restore = move || {
        // SAFETY: `mask` is a valid set; the old one is not asked for.
        match unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure runs between fork and exec; it makes one system call and allocates nothing.
    unsafe { command.pre_exec(restore) };
    let child = command.spawn()?;
    // The child is reaped below only, so the number is still its own.
    let pidfd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    loop {
        let mut fds = [PollFd::new(&pidfd, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some((signal, from_terminal)) = signals.next() {
            // What the terminal sends goes to the whole foreground group: the program has it already.
            if let Some(signal) = Signal::from_named_raw(signal).filter(|_| !from_terminal) {
                let _ = rustix::process::pidfd_send_signal(&pidfd, signal);
            }
        }
        let id = WaitId::PidFd(pidfd.as_fd());
        if let Some(status) = rustix::process::waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOHANG)? {
            return Ok(match (status.exit_status(), status.terminating_signal()) {
                // Only the lowest eight bits of a status reach a parent.
                (Some(code), _) => ExitCode::from(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
                (None, signal) => killed_by(signal.unwrap_or_default()),
            });
        }
    }
}

/// The status that shells give to a program that a signal has ended.
pub fn killed_by(signal: i32) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}
