//! Running a program, natively or through Remora.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::places;
use crate::processes;

/// Every process of a run has this variable, with a value of the run's own.
pub const MARK: &str = "REMORA_TESTKIT_RUN";

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Link {
    /// Shared memory.
    Memfd,
    /// Bytes on a socket.
    Stream,
}

impl Link {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Memfd, Self::Stream];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memfd => "memfd",
            Self::Stream => "stream",
        }
    }
}

/// Who makes the calls in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The machine's own, which is PoCL where tests run.
    Pocl,
    /// Intel's for CPUs, which has what PoCL lacks. It is there for x86-64 only.
    Intel,
}

impl Driver {
    /// What leads a loader to it, in a program or a broker.
    #[must_use]
    pub fn variables(self) -> Vec<(&'static str, PathBuf)> {
        match self {
            Self::Pocl => Vec::new(),
            Self::Intel => {
                let (libraries, vendors) = places::intel();
                vec![("OCL_ICD_VENDORS", vendors), ("LD_LIBRARY_PATH", libraries)]
            }
        }
    }
}

/// A program, its arguments and its surroundings.
#[derive(Clone, Debug)]
pub struct Run {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    limit: Duration,
    driver: Option<&'static str>,
}

impl Run {
    /// `program` without arguments, for at most a minute.
    #[must_use]
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: None,
            limit: Duration::from_secs(60),
            driver: None,
        }
    }

    /// With these arguments, after those that it has.
    #[must_use]
    pub fn arguments(mut self, arguments: &[impl AsRef<OsStr>]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// With this variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// On this driver, natively or through a private broker.
    #[must_use]
    pub fn on(self, driver: Driver) -> Self {
        driver.variables().into_iter().fold(self, |run, (name, value)| run.variable(name, value))
    }

    /// In this directory.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// For at most so long.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// With the null driver, where it is run through a private broker.
    #[must_use]
    pub fn with_null_driver(mut self) -> Self {
        self.driver = Some("null");
        self
    }

    /// Runs it on the driver of this machine.
    #[must_use]
    pub fn native(&self) -> Outcome {
        self.start_native().finish()
    }

    /// Runs it through Remora with a broker of its own.
    #[must_use]
    pub fn remoted(&self, link: Link) -> Outcome {
        self.start_remoted(link).finish()
    }

    /// Runs it through Remora and this broker.
    #[must_use]
    pub fn through(&self, broker: &Broker, link: Link) -> Outcome {
        self.start_through(broker, link).finish()
    }

    /// Starts it on the driver of this machine.
    #[must_use]
    pub fn start_native(&self) -> Running {
        self.start(Command::new(&self.program))
    }

    /// Starts it through Remora with a broker of its own.
    #[must_use]
    pub fn start_remoted(&self, link: Link) -> Running {
        let mut command = Command::new(places::built("remora"));
        command.args(["run", "--link", link.name()]);
        if let Some(driver) = self.driver {
            command.args(["--driver", driver]);
        }
        command.arg("--").arg(&self.program);
        self.start(command)
    }

    /// Starts it through Remora and this broker.
    #[must_use]
    pub fn start_through(&self, broker: &Broker, link: Link) -> Running {
        self.start_to(broker.url(), link)
    }

    /// Starts it through Remora and whatever listens at this URL.
    #[must_use]
    pub fn start_to(&self, url: &str, link: Link) -> Running {
        let mut command = Command::new(places::built("remora"));
        command.args(["run", "--to", url, "--link", link.name(), "--"]).arg(&self.program);
        self.start(command)
    }

    fn start(&self, mut command: Command) -> Running {
        let mark = new_mark();
        let [mut stdout, mut stderr] = [(); 2].map(|()| tempfile::tempfile().expect("a temporary file"));
        for file in [&mut stdout, &mut stderr] {
            file.rewind().expect("a temporary file can be rewound");
        }
        common_surroundings(&mut command, &mark);
        command.args(&self.arguments).envs(self.variables.iter().cloned());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.stdin(Stdio::piped());
        command.stdout(stdout.try_clone().expect("a descriptor")).stderr(stderr.try_clone().expect("a descriptor"));
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{} can't be run: {error}", self.program.display()));
        let input = child.stdin.take();
        Running { child, input, stdout, stderr, started: Instant::now(), limit: self.limit, mark, ended: None }
    }
}

/// What every process that tests start has in its surroundings.
pub(crate) fn common_surroundings(command: &mut Command, mark: &str) {
    for name in ["REMORA_TO", "REMORA_LINK", "REMORA_STRICT", "REMORAD_CONFIG", "REMORAD_LISTEN", "REMORAD_ARENA"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").env("POCL_CACHE_DIR", places::scratch("pocl-cache")).env(MARK, mark);
    // Where brokers keep what programs have sent.
    command.env("XDG_CACHE_HOME", places::scratch("cache"));
    // Else PoCL's devices have as much memory as the machine has free at the moment.
    command.env("POCL_MEMORY_LIMIT", "2");
    // One that tests start is ended with all that it has started.
    command.process_group(0);
}

/// A value for [`MARK`] that no other run has.
pub(crate) fn new_mark() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    stdout: File,
    stderr: File,
    started: Instant,
    limit: Duration,
    mark: String,
    ended: Option<(ExitStatus, Duration)>,
}

impl Running {
    /// The process that was started: `remora run` where that is so.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What all of its processes have as [`MARK`].
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Its processes whose executable has this name.
    #[must_use]
    pub fn processes(&self, name: &str) -> Vec<u32> {
        processes::marked(&self.mark).into_iter().filter(|pid| processes::name(*pid).as_deref() == Some(name)).collect()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&contents(&self.stdout)).into_owned()
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits until it has printed `text`.
    ///
    /// # Panics
    /// If it ends before, or its time is over.
    pub fn wait_for_text(&mut self, text: &str) {
        loop {
            if self.printed().contains(text) {
                return;
            }
            let ended = self.has_ended();
            let late = self.started.elapsed() > self.limit;
            assert!(!ended && !late, "it didn't print {text:?}:\n{}{}", self.printed(), lossy(&contents(&self.stderr)));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self
                .child
                .try_wait()
                .expect("a child can be waited for")
                .map(|status| (status, self.started.elapsed()));
        }
        self.ended.is_some()
    }

    /// Waits until it ends, or kills it with all that it started when its time is over.
    ///
    /// # Panics
    /// If it can't be waited for.
    #[must_use]
    pub fn finish(self) -> Outcome {
        self.finish_unless(|| false).expect("nothing stops it")
    }

    /// As [`Running::finish`], unless `stop` says that nobody wants to know any more: then it is killed at once.
    ///
    /// # Panics
    /// If it can't be waited for.
    #[must_use]
    pub fn finish_unless(mut self, stop: impl Fn() -> bool) -> Option<Outcome> {
        self.close_input();
        let mut pause = Duration::from_micros(200);
        while !self.has_ended() && self.started.elapsed() < self.limit {
            if stop() {
                return None;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
        let timed_out = !self.has_ended();
        self.kill();
        let (status, wall) = self.ended.expect("it was waited for");
        Some(Outcome {
            status,
            stdout: contents(&self.stdout),
            stderr: contents(&self.stderr),
            wall,
            timed_out,
            mark: self.mark.clone(),
        })
    }

    fn kill(&mut self) {
        if !self.has_ended() {
            processes::kill_group(self.child.id());
            let status = self.child.wait().expect("a child can be waited for");
            self.ended = Some((status, self.started.elapsed()));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn contents(file: &File) -> Vec<u8> {
    // Reading by position: the programs that write share the file's own.
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; usize::try_from(file.metadata().map_or(0, |data| data.len())).unwrap_or(0)];
    let count = file.read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(count);
    bytes
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
    /// How long it took.
    pub wall: Duration,
    /// Whether it had to be killed when its time was over.
    pub timed_out: bool,
    /// What its processes had as [`MARK`].
    pub mark: String,
}

impl Outcome {
    /// What it printed, as text.
    #[must_use]
    pub fn text(&self) -> String {
        lossy(&self.stdout)
    }

    /// What it complained of, as text.
    #[must_use]
    pub fn complaints(&self) -> String {
        lossy(&self.stderr)
    }

    /// Itself, if it ended with status 0.
    ///
    /// # Panics
    /// If not.
    #[must_use]
    #[track_caller]
    pub fn good(self) -> Self {
        assert!(self.status.success() && !self.timed_out, "{}", self.describe());
        self
    }

    /// Everything about it.
    #[must_use]
    pub fn describe(&self) -> String {
        let end = match (self.timed_out, self.status.code(), self.status.signal()) {
            (true, ..) => "its time was over".to_owned(),
            (_, Some(code), _) => format!("status {code}"),
            (_, _, signal) => format!("signal {}", signal.unwrap_or_default()),
        };
        format!(
            "{end} after {:.1?}\nstdout:\n{}\nstderr:\n{}",
            self.wall,
            last_lines(&self.text()),
            last_lines(&self.complaints())
        )
    }
}

/// The last lines of a long text.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(60);
    let mut shown = if from > 0 { format!("... {from} lines before ...\n") } else { String::new() };
    for line in &lines[from..] {
        shown.extend(line.chars().take(400));
        shown.push('\n');
    }
    shown
}

/// The whole of a file.
///
/// # Panics
/// If it can't be read.
#[must_use]
pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let path = path.as_ref();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    bytes
}
