//! A broker that a test holds.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde::Deserialize;

use crate::places;
use crate::processes;
use crate::run::{Run, common_surroundings, new_mark};

/// How long a broker may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `remorad` that listens in a directory of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Broker {
    child: Child,
    socket: PathBuf,
    url: String,
    mark: String,
    log: PathBuf,
    _directory: tempfile::TempDir,
}

/// What the broker says of a session.
#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    /// Its number.
    pub session: u64,
    /// The program's process.
    pub pid: u32,
    /// The program's name.
    pub program: String,
    /// How frames travel.
    pub link: String,
    /// The worker's process.
    pub worker_pid: u32,
    /// What the worker counts.
    pub counters: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Status {
    sessions: Vec<Session>,
}

impl Broker {
    /// With the machine's own driver.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// With these arguments and variables besides.
    ///
    /// # Panics
    /// If it doesn't listen in time.
    #[must_use]
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self::start_at(directory.path().join("remora.sock"), arguments, variables, directory)
    }

    /// At a socket that may be there already. `directory` is removed in the end.
    ///
    /// # Panics
    /// If it doesn't listen in time.
    #[must_use]
    pub fn start_at(
        socket: PathBuf,
        arguments: &[&str],
        variables: &[(&str, &str)],
        directory: tempfile::TempDir,
    ) -> Self {
        let url = format!("unix:{}", socket.display());
        let mark = new_mark();
        let log = directory.path().join("log");
        let mut command = Command::new(places::built("remorad"));
        common_surroundings(&mut command, &mark);
        command.args(["--listen", &url]).args(arguments).envs(variables.iter().copied());
        // A configuration of this machine is none of the tests' business.
        let config = directory.path().join("remorad.toml");
        if !arguments.contains(&"--config") {
            File::create(&config).expect("a temporary file");
            command.arg("--config").arg(&config);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a temporary file"));
        let child = command.spawn().expect("remorad can be run");
        let mut broker = Self { child, socket, url, mark, log, _directory: directory };
        let listens = processes::wait_until(PATIENCE, || {
            broker.child.try_wait().is_ok_and(|ended| ended.is_some()) || UnixStream::connect(&broker.socket).is_ok()
        });
        let ended = broker.child.try_wait().expect("a child can be waited for");
        assert!(listens && ended.is_none(), "remorad doesn't listen at {} ({ended:?}):\n{}", broker.url, broker.log());
        broker
    }

    /// What programs connect to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file of its socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it and its workers have as mark.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// What it and its workers have logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What `remora status --json` shows.
    ///
    /// # Panics
    /// If it can't be had.
    #[must_use]
    #[track_caller]
    pub fn status(&self) -> serde_json::Value {
        let outcome = Run::new(places::built("remora"))
            .arguments(&["status", "--json", "--to", &self.url])
            .limit(Duration::from_secs(30))
            .native()
            .good();
        serde_json::from_slice(&outcome.stdout).expect("`remora status --json` prints JSON")
    }

    /// Its sessions.
    ///
    /// # Panics
    /// If they can't be had.
    #[must_use]
    #[track_caller]
    pub fn sessions(&self) -> Vec<Session> {
        let status: Status = serde_json::from_value(self.status()).expect("the status lists sessions");
        status.sessions
    }

    /// Waits for the session of the program with this process number.
    ///
    /// # Panics
    /// If there is none in time.
    #[must_use]
    #[track_caller]
    pub fn wait_for_session(&self, pid: u32) -> Session {
        let mut found = None;
        processes::wait_until(PATIENCE, || {
            found = self.sessions().into_iter().find(|session| session.pid == pid);
            found.is_some()
        });
        found.unwrap_or_else(|| panic!("there is no session of process {pid}:\n{}", self.log()))
    }

    /// Its processes named remora-worker.
    #[must_use]
    pub fn workers(&self) -> Vec<u32> {
        let marked = processes::marked(&self.mark).into_iter();
        marked.filter(|pid| processes::name(*pid).as_deref() == Some("remora-worker")).collect()
    }

    /// No session, worker or memory file may be left, soon.
    ///
    /// # Panics
    /// With what is.
    #[track_caller]
    pub fn assert_clean(&self) {
        let limit = Duration::from_secs(3);
        let gone = processes::wait_until(limit, || self.workers().is_empty());
        assert!(gone, "these workers are left: {:?}\n{}", self.workers(), self.log());
        let closed = processes::wait_until(limit, || processes::memory_files(self.pid()).is_empty());
        assert!(closed, "the broker holds {:?}", processes::memory_files(self.pid()));
        let ended = processes::wait_until(limit, || self.sessions().is_empty());
        assert!(ended, "these sessions are left: {:?}", self.sessions());
    }

    /// Kills it as with `kill -9`, and gives back its directory with all that is left there.
    ///
    /// # Panics
    /// If there is no waiting for it.
    #[must_use]
    pub fn kill(mut self) -> (tempfile::TempDir, PathBuf) {
        processes::signal(self.pid(), Signal::KILL);
        self.child.wait().expect("a child can be waited for");
        let directory = std::mem::replace(&mut self._directory, tempfile::tempdir().expect("a temporary directory"));
        (directory, self.socket.clone())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            processes::signal(self.pid(), Signal::TERM);
            let ended = processes::wait_until(Duration::from_secs(5), || {
                self.child.try_wait().is_ok_and(|ended| ended.is_some())
            });
            if !ended {
                processes::kill_group(self.pid());
                let _ = self.child.wait();
            }
        }
    }
}
