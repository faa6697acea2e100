//! Child processes: started with exactly the descriptors meant for them, ended and reaped by pidfd.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, WaitId, WaitIdOptions};

/// Overrides where the worker's executable is.
pub const WORKER_VARIABLE: &str = "REMORA_WORKER";
const WORKER_NAME: &str = "remora-worker";

/// A child in a session and process group of its own.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Process {
    /// Starts `command`. Besides 0, 1 and 2 the child gets the descriptors in `keep`, under the numbers that they have
    /// here, and no others; it starts with no signal blocked and with the descriptor limit `files`. It outlives us.
    ///
    /// # Errors
    /// If the executable cannot be run. No process is left then.
    pub fn start(command: &mut Command, keep: &[BorrowedFd<'_>], files: Rlimit) -> io::Result<Self> {
        let keep: Vec<RawFd> = keep.iter().map(|fd| fd.as_raw_fd()).collect();
        // SAFETY: the closure runs between fork and exec in a copy of this process that may have been made while
        // another thread held a lock. It makes system calls only and allocates nothing.
        unsafe { command.pre_exec(move || prepare_child(&keep, files)) };
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        // The child is not reaped before `reap`, so the number is still its own.
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { pid, pidfd }),
            Err(error) => {
                // Nobody would hear of its end, nor could end it.
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
                let _ = child.wait();
                Err(error.into())
            }
        }
    }

    /// Like [`Process::start`], but the child is killed when the thread ends that calls this.
    ///
    /// # Errors
    /// If the executable cannot be run.
    pub fn start_tied(command: &mut Command, keep: &[BorrowedFd<'_>], files: Rlimit) -> io::Result<Self> {
        let tie = || Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?);
        // SAFETY: the closure makes one system call between fork and exec and allocates nothing.
        unsafe { command.pre_exec(tie) };
        Self::start(command, keep, files)
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, signal);
    }

    /// Kills it and what it has started.
    pub fn kill(&self) {
        // Until `reap` the number belongs to this child, so the group cannot be anybody else's.
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        self.signal(Signal::KILL);
    }

    /// Kills it and waits for its end; [`Process::reap`] then says how it ended. This is for a child that has only just
    /// been started and ends at once: one that is inside a driver could keep its killer waiting.
    pub fn cancel(&self) {
        self.kill();
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options));
    }

    /// How it ended, once it has. What it started and left behind is killed.
    pub fn reap(&self) -> Option<Ending> {
        let look = |options| rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options);
        let status = look(WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT).ok()??;
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        let _ = look(WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Ending::Exit(code),
            (None, signal) => Ending::Signal(signal.unwrap_or_default()),
        })
    }
}

impl AsFd for Process {
    /// The pidfd: readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exit(code) => write!(formatter, "exit status {code}"),
            Self::Signal(signal) => write!(formatter, "signal {signal} ({})", signal_name(signal)),
        }
    }
}

/// What people call a signal.
#[must_use]
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS, a call that its sandbox forbids",
        _ => "no common name",
    }
}

/// Runs in the child, before exec.
fn prepare_child(keep: &[RawFd], files: Rlimit) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::setrlimit(Resource::Nofile, files)?;
    // SAFETY: all zero is a valid signal set, and the C library fills it before it is used.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `none` is a local.
    unsafe { libc::sigemptyset(&raw mut none) };
    // SAFETY: `none` has been filled; the old set is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
    // Whatever the broker itself inherited and does not know of must not go on to the worker. Kernels before 5.11 lack
    // the flag; the broker's own descriptors are all close-on-exec anyway.
    // SAFETY: the call only sets flags on descriptors.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    for fd in keep {
        // SAFETY: the call only clears a flag on a descriptor.
        if unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Finds the worker's executable.
///
/// # Errors
/// Says where it was looked for.
pub fn find_worker(configured: Option<&Path>) -> Result<PathBuf> {
    let variable = std::env::var_os(WORKER_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = variable {
        return if path.is_file() { Ok(path) } else { bail!("{WORKER_VARIABLE}: there is no file {}", path.display()) };
    }
    if let Some(path) = configured {
        let path = path.to_owned();
        return if path.is_file() { Ok(path) } else { bail!("worker: there is no file {}", path.display()) };
    }
    let own = std::env::current_exe()?;
    let directory = own.parent().unwrap_or(Path::new("/"));
    let places = ["", "../libexec/remora", "../lib/remora"].map(|place| directory.join(place).join(WORKER_NAME));
    let Some(found) = places.iter().find(|place| place.is_file()) else {
        let places = places.map(|place| place.display().to_string()).join(", ");
        bail!("there is no {WORKER_NAME} at any of {places}; install it there or name it in {WORKER_VARIABLE}");
    };
    Ok(found.clone())
}

/// Raises the limit of open descriptors as far as it may be raised, and returns what it was.
#[must_use]
pub fn raise_file_limit() -> Rlimit {
    let before = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{has_children, refuse_call};
    use std::io::Read;
    use std::process::Stdio;

    fn wait(process: &Process) -> Ending {
        let mut fds = [rustix::event::PollFd::new(process, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, None).unwrap();
        process.reap().unwrap()
    }

    fn limit() -> Rlimit {
        rustix::process::getrlimit(Resource::Nofile)
    }

    #[test]
    fn endings_are_told() {
        let run = |script: &str| {
            let process = Process::start(Command::new("sh").args(["-c", script]), &[], limit()).unwrap();
            wait(&process)
        };
        assert_eq!(run("exit 7"), Ending::Exit(7));
        assert_eq!(run("kill -SEGV $$").to_string(), "signal 11 (SIGSEGV)");
        assert!(Process::start(&mut Command::new("/no/such/program"), &[], limit()).is_err());
    }

    #[test]
    fn a_child_that_cannot_be_watched_is_not_left_behind() {
        let attempt = || {
            refuse_call(libc::SYS_pidfd_open);
            assert!(Process::start(Command::new("sleep").arg("1000"), &[], limit()).is_err());
            assert!(!has_children());
        };
        std::thread::spawn(attempt).join().unwrap();
    }

    #[test]
    fn a_cancelled_child_has_ended() {
        let process = Process::start(Command::new("sleep").arg("1000"), &[], limit()).unwrap();
        process.cancel();
        assert_eq!(process.reap(), Some(Ending::Signal(libc::SIGKILL)));
    }

    #[test]
    fn only_meant_descriptors_arrive() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let meant = std::fs::File::open("/dev/null").unwrap();
        let stray = std::fs::File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&stray, rustix::io::FdFlags::empty()).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "ls /proc/$$/fd"]).stdin(Stdio::null()).stdout(writer);
        let process = Process::start(&mut command, &[meant.as_fd()], limit()).unwrap();
        drop(command);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(wait(&process), Ending::Exit(0));
        let numbers: Vec<i32> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.contains(&meant.as_raw_fd()), "{numbers:?}");
        assert!(!numbers.contains(&stray.as_raw_fd()), "{numbers:?}");
    }
}
