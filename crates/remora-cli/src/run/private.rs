//! A broker for one program.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use remora_broker::config::Driver;
use remora_broker::lifetime::Signals;
use remora_broker::process::{Process, find_worker};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Resource, Signal};

use super::scratch::Scratch;
use crate::places;

/// How long a broker may take until it listens. It does so before it looks for devices.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to end, its workers included, before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// A running broker. Dropping it ends it and its workers.
pub struct PrivateBroker {
    process: Process,
    /// The broker ends when this is closed, by whatever ends us.
    ready: Option<OwnedFd>,
    url: String,
}

/// What came of starting one.
pub enum Start {
    /// It listens.
    Ready(PrivateBroker),
    /// A signal came first.
    Interrupted(i32),
}

impl PrivateBroker {
    /// Starts a broker that listens in `scratch`, with our own environment.
    pub fn start(scratch: &Scratch, driver: Option<Driver>, signals: &Signals) -> Result<Start> {
        let program = places::broker()?;
        // The broker looks for it too; here it is known whether it is missing before anything has been started.
        if program.parent() == std::env::current_exe()?.parent() {
            find_worker(None)?;
        }
        let url = format!("unix:{}", scratch.path().join("remora.sock").display());
        let (ready, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let mut command = Command::new(&program);
        command.args(["--private", "--listen", &url, "--ready-fd", &theirs.as_raw_fd().to_string()]);
        command.arg("--scratch").arg(scratch.path());
        if let Some(driver) = driver {
            command.args(["--driver", &driver.to_string()]);
        }
        // What is set for a broker of this machine is not meant for this one.
        for variable in ["REMORAD_CONFIG", "REMORAD_LISTEN", "REMORAD_MAX_SESSIONS"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let files = rustix::process::getrlimit(Resource::Nofile);
        let process = Process::start(&mut command, &[theirs.as_fd()], files)
            .with_context(|| format!("cannot start a private broker, {}", program.display()))?;
        drop(theirs);
        let broker = Self { process, ready: Some(ready), url };
        match broker.wait_until_ready(signals)? {
            Some(signal) => Ok(Start::Interrupted(signal)),
            None => Ok(Start::Ready(broker)),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the signal if one comes first.
    fn wait_until_ready(&self, signals: &Signals) -> Result<Option<i32>> {
        let deadline = Instant::now() + PATIENCE;
        let Some(ready) = &self.ready else { return Ok(None) };
        let mut announced = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("the private broker did not start within {} seconds", PATIENCE.as_secs());
            }
            let mut fds = [PollFd::new(ready, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
            wait(&mut fds, left)?;
            let readable = !fds[0].revents().is_empty();
            if let Some((signal, _)) = signals.next() {
                return Ok(Some(signal));
            }
            if !readable {
                continue;
            }
            let mut chunk = [0; 1024];
            let count = std::fs::File::from(ready.try_clone()?).read(&mut chunk)?;
            announced.extend_from_slice(&chunk[..count]);
            if announced.ends_with(b"\n") {
                return Ok(None);
            }
            if count == 0 {
                // It has told on stderr what is wrong.
                bail!("the private broker did not start");
            }
        }
    }
}

impl Drop for PrivateBroker {
    fn drop(&mut self) {
        self.ready = None;
        self.process.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while self.process.reap().is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.process.kill();
                let _ = wait(&mut [PollFd::new(&self.process, PollFlags::IN)], GRACE);
                let _ = self.process.reap();
                return;
            }
            if wait(&mut [PollFd::new(&self.process, PollFlags::IN)], left).is_err() {
                return;
            }
        }
    }
}

fn wait(fds: &mut [PollFd<'_>], time: Duration) -> io::Result<()> {
    let timeout =
        Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(time.subsec_nanos()) };
    match poll(fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
