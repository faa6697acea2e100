//! What the back-end offers, found out once by a worker that does nothing else.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use remora_protocol::hello::MAX_MESSAGE;
use remora_protocol::opencl;
use remora_protocol::wire::decode_all;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::PipeFlags;
use rustix::process::Rlimit;
use tracing::{error, info};

use crate::config::Driver;
use crate::environment;
use crate::poller::{Interest, Poller, Token};
use crate::process::{Ending, Process};

/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon after a failure another probe is started.
const RETRY: Duration = Duration::from_secs(5);
/// Facts travel in one message, with a few bytes around them.
const MAX_FACTS: usize = MAX_MESSAGE - 64;
/// A probe that never stops writing must not keep the broker from its other work.
const READS_AT_A_TIME: usize = MAX_MESSAGE / (64 << 10) + 2;
/// What is kept of a probe's messages.
const MAX_MESSAGES: usize = 16 << 10;

/// How to start workers.
#[derive(Clone, Debug)]
pub struct WorkerProgram {
    /// The executable.
    pub path: PathBuf,
    /// What it is to load.
    pub driver: Driver,
    /// Its limit of open descriptors.
    pub files: Rlimit,
}

impl WorkerProgram {
    /// A command with a worker's environment and nothing on its standard streams but stderr.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env_clear().envs(environment::for_worker(std::env::vars_os()));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// What is known of the back-end.
#[derive(Clone, Debug)]
pub enum Knowledge {
    /// A probe is under way.
    Pending,
    /// An encoded `opencl::Facts`.
    Facts(Arc<[u8]>),
    /// Why there are none.
    None(String),
}

/// Runs probes and keeps what they found.
#[derive(Debug)]
pub struct Prober {
    program: WorkerProgram,
    running: Option<Running>,
    knowledge: Knowledge,
    failed: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    facts: Stream,
    messages: Stream,
    deadline: Instant,
    /// Why it was killed, if it was.
    killed: Option<String>,
}

/// One of the probe's pipes.
#[derive(Debug)]
struct Stream {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
}

impl Prober {
    /// A prober that has not started anything yet.
    #[must_use]
    pub fn new(program: WorkerProgram) -> Self {
        Self { program, running: None, knowledge: Knowledge::Pending, failed: None }
    }

    /// What is known. After a failure that is some seconds old, another probe is started first.
    pub fn ask(&mut self, poller: &Poller) -> Knowledge {
        if self.failed.is_some_and(|at| at.elapsed() >= RETRY) {
            self.start(poller);
        }
        self.knowledge.clone()
    }

    /// What is known, without starting anything.
    #[must_use]
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// When [`Prober::expire`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().filter(|running| running.killed.is_none()).map(|running| running.deadline)
    }

    /// Starts a probe.
    pub fn start(&mut self, poller: &Poller) {
        self.failed = None;
        self.knowledge = Knowledge::Pending;
        match Running::start(&self.program, poller) {
            Ok(running) => self.running = Some(running),
            Err(error) => self.fail(format!("cannot run the worker {}: {error}", self.program.path.display())),
        }
    }

    /// Reads what the probe has written.
    pub fn read(&mut self, token: Token, poller: &Poller) {
        let Some(running) = &mut self.running else { return };
        if token == Token::ProbeMessages {
            running.messages.read(poller);
            let surplus = running.messages.bytes.len().saturating_sub(MAX_MESSAGES);
            // The last ones say why it failed.
            running.messages.bytes.drain(..surplus);
        } else {
            running.facts.read(poller);
            if running.facts.bytes.len() > MAX_FACTS {
                running.facts.close(poller);
                running.kill(format!("the worker's facts are larger than {MAX_FACTS} bytes"));
            }
        }
    }

    /// Ends a probe that takes too long.
    pub fn expire(&mut self, now: Instant) {
        if let Some(running) = self.running.as_mut().filter(|running| running.deadline <= now) {
            running.kill(format!("the driver did not answer within {} seconds", PATIENCE.as_secs()));
        }
    }

    /// Ends the probe for good, as the broker does.
    pub fn stop(&mut self, poller: &Poller) {
        if let Some(running) = self.running.take() {
            running.process.kill();
            running.remove(poller);
            // In a container there may be nobody who reaps what the broker leaves behind.
            let mut exit = [PollFd::new(&running.process, PollFlags::IN)];
            let _ = poll(&mut exit, Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
            let _ = running.process.reap();
        }
    }

    /// Takes note of the probe's end; whether it has ended.
    pub fn finish(&mut self, poller: &Poller) -> bool {
        let Some(ending) = self.running.as_ref().and_then(|running| running.process.reap()) else { return false };
        self.read(Token::ProbeFacts, poller);
        self.read(Token::ProbeMessages, poller);
        let Some(running) = self.running.take() else { return false };
        running.remove(poller);
        match running.result(ending) {
            Ok(facts) => {
                info!("the driver offers {}", summary_line(&facts));
                self.knowledge = Knowledge::Facts(facts.into());
            }
            Err(message) => self.fail(message),
        }
        true
    }

    fn fail(&mut self, message: String) {
        error!("no OpenCL for programs: {message}");
        self.failed = Some(Instant::now());
        self.knowledge = Knowledge::None(message);
    }
}

impl Running {
    fn start(program: &WorkerProgram, poller: &Poller) -> io::Result<Self> {
        let (facts, facts_end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (messages, messages_end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        for pipe in [&facts, &messages] {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        let mut command = program.command();
        command.args(["probe", "--driver", &program.driver.to_string()]);
        command.stdout(facts_end).stderr(messages_end);
        let process = Process::start_tied(&mut command, &[], program.files)?;
        let stream = |pipe| Stream { pipe: Some(pipe), bytes: Vec::new() };
        let deadline = Instant::now() + PATIENCE;
        let running = Self { process, facts: stream(facts), messages: stream(messages), deadline, killed: None };
        if let Err(error) = running.add(poller) {
            running.process.cancel();
            let _ = running.process.reap();
            return Err(error);
        }
        Ok(running)
    }

    fn add(&self, poller: &Poller) -> io::Result<()> {
        for (stream, token) in [(&self.facts, Token::ProbeFacts), (&self.messages, Token::ProbeMessages)] {
            if let Some(pipe) = &stream.pipe {
                poller.add(pipe, token, Interest::Read)?;
            }
        }
        poller.add(&self.process, Token::ProbeExit, Interest::Read)
    }

    fn remove(&self, poller: &Poller) {
        poller.remove(&self.process);
        for pipe in [&self.facts.pipe, &self.messages.pipe].into_iter().flatten() {
            poller.remove(pipe);
        }
    }

    fn kill(&mut self, why: String) {
        self.process.kill();
        self.killed.get_or_insert(why);
    }

    fn result(self, ending: Ending) -> Result<Vec<u8>, String> {
        let messages = String::from_utf8_lossy(&self.messages.bytes);
        for line in messages.lines() {
            info!("probe: {line}");
        }
        let last = messages.lines().map(str::trim).rfind(|line| !line.is_empty());
        let last = last.map(|line| line.strip_prefix("remora-worker: ").unwrap_or(line));
        if let Some(why) = self.killed {
            return Err(why);
        }
        if ending != Ending::Exit(0) {
            return Err(match (last, ending) {
                (Some(line), Ending::Exit(_)) => line.to_owned(),
                (Some(line), _) => format!("the driver ended the worker with {ending}; its last words: {line}"),
                (None, _) => format!("the worker ended with {ending} while it looked for devices"),
            });
        }
        match decode_all::<opencl::Facts<'_>>(&self.facts.bytes) {
            Ok(facts) if facts.platforms.is_empty() => Err("the driver has no OpenCL platform".into()),
            Ok(_) => Ok(self.facts.bytes),
            Err(error) => Err(format!("the worker does not fit this broker ({error}): install both from one version")),
        }
    }
}

impl Stream {
    /// Reads some of what is there; what remains wakes the broker again.
    fn read(&mut self, poller: &Poller) {
        let Some(pipe) = &self.pipe else { return };
        let mut chunk = vec![0; 64 << 10];
        for _ in 0..READS_AT_A_TIME {
            match rustix::io::read(pipe, &mut chunk[..]) {
                Ok(count) if count > 0 => self.bytes.extend_from_slice(&chunk[..count]),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return,
                Ok(_) | Err(_) => return self.close(poller),
            }
        }
    }

    fn close(&mut self, poller: &Poller) {
        if let Some(pipe) = self.pipe.take() {
            poller.remove(pipe);
        }
    }
}

/// The names of platforms and of their devices.
#[must_use]
pub fn summary(facts: &[u8]) -> Vec<(String, Vec<String>)> {
    const CL_PLATFORM_NAME: u32 = 0x0902;
    const CL_DEVICE_NAME: u32 = 0x102B;
    let Ok(facts) = decode_all::<opencl::Facts<'_>>(facts) else { return Vec::new() };
    let name = |infos: &[opencl::Info<'_>], param| {
        let info = infos.iter().find(|info| info.param == param && info.code == 0);
        let text = info.map_or(&b"?"[..], |info| info.value);
        String::from_utf8_lossy(text).trim_end_matches('\0').trim().to_owned()
    };
    let platform = |platform: &opencl::PlatformFacts<'_>| {
        let devices = platform.devices.iter().map(|device| name(&device.infos, CL_DEVICE_NAME)).collect();
        (name(&platform.infos, CL_PLATFORM_NAME), devices)
    };
    facts.platforms.iter().map(platform).collect()
}

fn summary_line(facts: &[u8]) -> String {
    let platforms = summary(facts).into_iter().map(|(name, devices)| format!("{name}: {}", devices.join(", ")));
    platforms.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{has_children, refuse_call};
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn a_probe_that_cannot_be_watched_is_not_left_behind() {
        let attempt = || {
            let poller = Poller::new().unwrap();
            refuse_call(libc::SYS_epoll_ctl);
            let files = getrlimit(Resource::Nofile);
            let program = WorkerProgram { path: "/bin/true".into(), driver: Driver::Null, files };
            let mut prober = Prober::new(program);
            prober.start(&poller);
            assert!(matches!(prober.knowledge(), Knowledge::None(_)));
            assert!(!has_children());
        };
        std::thread::spawn(attempt).join().unwrap();
    }
}
