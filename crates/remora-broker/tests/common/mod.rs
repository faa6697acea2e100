//! A broker with a fake worker, and a client to talk to it.

#![allow(dead_code)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use remora_link::handshake::{recv_message, send_message};
use remora_protocol::Encode;
use remora_protocol::hello::*;
use remora_protocol::opencl::{DeviceFacts, Facts, Info, PlatformFacts};
use remora_protocol::wire::{decode_all, encode_to_vec};
use serde_json::Value;
use tempfile::TempDir;

/// For what must happen sooner or later.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Answers probes with the facts in the file beside it.
pub const GOOD_PROBE: &str = "cat \"$(dirname \"$0\")/facts\"";
/// Answers for its counters, and lives as long as its connection.
pub const GOOD_SESSION: &str = r#"
while IFS= read -r -N 1 byte <&$status; do printf '\x0e\0\0\0{"commands":7}' >&$status; done &
exec cat <&$socket >/dev/null"#;
/// Never answers for its counters.
pub const STALLED_SESSION: &str = "exec cat <&$socket >/dev/null";

/// A directory with a worker that does what these lines of bash say.
pub fn workshop(probe: &str, session: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let infos = |param, value: &'static [u8]| vec![Info { param, code: 0, value }];
    let device = DeviceFacts { infos: infos(0x102B, b"Fake device\0"), ..Default::default() };
    let facts = Facts {
        platforms: vec![PlatformFacts {
            infos: infos(0x0902, b"Fake platform\0"),
            functions: vec![],
            devices: vec![device],
        }],
    };
    fs::write(directory.path().join("facts"), encode_to_vec(&facts)).unwrap();
    let script = format!(
        r#"#!/bin/bash
here=$(dirname "$0")
if [ "$1" = probe ]; then
{probe}
exit
fi
echo "$*" >>"$here/arguments"
while [ $# -gt 0 ]; do
  case $1 in --socket) socket=$2;; --status) status=$2;; esac
  shift
done
{session}
"#
    );
    let text = directory.path().join("worker.text");
    fs::write(&text, script).unwrap();
    install(&text, &directory.path().join("worker"));
    directory
}

/// Makes an executable copy.
fn install(from: &Path, to: &Path) {
    // Another thread may fork while a file is being written here, and a file that is open for writing in any process
    // cannot be run: the copy is written by a process of its own.
    assert!(Command::new("install").arg("-m755").args([from, to]).status().unwrap().success());
}

/// A running remorad.
pub struct Broker {
    pub child: Child,
    pub socket: PathBuf,
    pub log: Arc<Mutex<String>>,
    /// Our end of what the broker got as --ready-fd.
    pub ready: Option<UnixStream>,
}

impl Broker {
    pub fn start(workshop: &TempDir, arguments: &[&str]) -> Self {
        Self::start_with(workshop, arguments, &[])
    }

    pub fn start_with(workshop: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::launch(Command::new(env!("CARGO_BIN_EXE_remorad")), workshop, arguments, variables)
    }

    /// A broker of another user, to whom the workshop belongs from then on. Only root can do that.
    pub fn start_as(uid: u32, workshop: &TempDir, arguments: &[&str]) -> Self {
        // The build may be where only we can reach it.
        let program = workshop.path().join("remorad");
        install(Path::new(env!("CARGO_BIN_EXE_remorad")), &program);
        std::os::unix::fs::chown(workshop.path(), Some(uid), Some(uid)).unwrap();
        let mut command = Command::new(program);
        command.uid(uid).gid(uid).current_dir("/");
        Self::launch(command, workshop, arguments, &[])
    }

    fn launch(mut command: Command, workshop: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let socket = workshop.path().join("socket");
        let (ours, theirs) = UnixStream::pair().unwrap();
        command.arg("--listen").arg(format!("unix:{}", socket.display()));
        command.args(["--ready-fd", &theirs.as_raw_fd().to_string()]).args(arguments);
        command.env("REMORA_WORKER", workshop.path().join("worker")).env("REMORA_LOG", "debug");
        command.env_remove("REMORAD_CONFIG").envs(variables.iter().copied());
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let fd = theirs.as_raw_fd();
        // SAFETY: the closure makes one system call between fork and exec.
        unsafe {
            command.pre_exec(move || match libc::fcntl(fd, libc::F_SETFD, 0) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        let mut child = command.spawn().unwrap();
        drop(theirs);
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| *sink.lock().unwrap() += &(line + "\n"))
        });
        let mut ready = ours.try_clone().unwrap();
        ready.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut byte = [0];
        let mut announced = Vec::new();
        while !announced.ends_with(b"\n") && ready.read(&mut byte).unwrap() == 1 {
            announced.extend(byte);
        }
        assert_eq!(String::from_utf8(announced).unwrap(), format!("unix:{}\n", socket.display()));
        Self { child, socket, log, ready: Some(ours) }
    }

    pub fn connect(&self) -> Client {
        Client { socket: UnixStream::connect(&self.socket).unwrap() }
    }

    /// A connection that has been welcomed.
    pub fn client(&self, role: Role, link: LinkKind) -> Client {
        let client = self.connect();
        match client.ask(&Hello { role, link, ..hello() }) {
            Answer::Welcome { version, .. } => assert_eq!(version, VERSION),
            other => panic!("{other:?}"),
        }
        client
    }

    pub fn program(&self) -> Client {
        self.client(Role::Program, LinkKind::Memfd)
    }

    pub fn status(&self) -> Value {
        match self.client(Role::Administrator, LinkKind::Memfd).ask(&Request::Status) {
            Answer::Status(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub fn await_log(&self, what: &str) {
        eventually(what, || self.log.lock().unwrap().contains(what));
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: the child is ours and has not been waited for.
        unsafe { libc::kill(self.child.id().try_into().unwrap(), signal) };
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        eventually("the broker ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to a broker.
pub struct Client {
    pub socket: UnixStream,
}

impl Client {
    pub fn ask(&self, message: &impl Encode) -> Answer {
        self.ask_with_descriptors(message).0
    }

    pub fn ask_with_descriptors(&self, message: &impl Encode) -> (Answer, Vec<OwnedFd>) {
        send_message(&self.socket, message, &[]).unwrap();
        self.answer()
    }

    pub fn answer(&self) -> (Answer, Vec<OwnedFd>) {
        let (bytes, fds) = recv_message(&self.socket, Instant::now() + PATIENCE).unwrap();
        (decode_all(&bytes).unwrap(), fds)
    }

    pub fn open(&self) -> Session {
        match self.ask_with_descriptors(&Request::Open { room: u64::MAX }) {
            (Answer::Opened(opened), mut fds) => {
                let worker = fds.pop().unwrap();
                Session { opened, memory: fds, worker }
            }
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the other side has closed the connection.
    pub fn closed(&mut self) {
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        let _ = self.socket.read_to_end(&mut rest).unwrap();
    }
}

/// What an opening gave.
pub struct Session {
    pub opened: Opened,
    pub memory: Vec<OwnedFd>,
    pub worker: OwnedFd,
}

impl Session {
    /// Whether the worker has ended.
    pub fn has_ended(&self) -> bool {
        let mut fds = [rustix::event::PollFd::new(&self.worker, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
    }
}

pub fn hello() -> Hello {
    Hello {
        version: VERSION,
        oldest_version: OLDEST_VERSION,
        role: Role::Program,
        link: LinkKind::Memfd,
        apis: vec![Api { id: API_OPENCL, opcodes: 1 }],
        pointer_bits: 64,
        pid: std::process::id(),
        name: "test".into(),
    }
}

pub fn refusal(answer: Answer) -> (Reason, String) {
    match answer {
        Answer::Refused { reason, message } => (reason, message),
        other => panic!("{other:?}"),
    }
}

/// Waits until `done`; fails only after a time that nothing takes.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "still waiting: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn exists(pid: u64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
