//! What a link costs: `cargo run --release -p remora-link --example ping`.
//!
//! Two processes; the other one is this program again. Prints what sending a frame costs the sender, how long a question
//! and its answer take when both sides spin, and when both sleep. The median of nine runs each, with the fastest and
//! the slowest.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use remora_link::{Closed, Lane, Layout, Link, Receiver, Sender, Side, Url, create_memory, handshake};
use remora_protocol::{Bulk, FrameWriter};

type Anything = Result<(), Box<dyn std::error::Error>>;

const KINDS: [&str; 2] = ["memfd", "stream"];
const RUNS: usize = 9;
/// What a command does to the other process, by its opcode.
const KEEP: u16 = 1;
const ANSWER: u16 = 2;
/// Answers, and sleeps at once for the next one.
const ANSWER_AND_SLEEP: u16 = 3;

fn layout() -> Layout {
    Layout { streams: 4, arena: 64 << 20, ..Layout::default() }
}

fn main() -> Anything {
    let mut arguments = std::env::args().skip(1);
    if let (Some(kind), Some(socket)) = (arguments.next(), arguments.next()) {
        return answer(&kind, &socket);
    }
    println!("microseconds: median (fastest .. slowest) of {RUNS} runs; frames of 64 bytes");
    for kind in KINDS {
        let (link, mut other) = start(kind)?;
        let mut asking = Asking::new(&link)?;
        asking.ask(1000, ANSWER, Duration::ZERO)?;
        // What fits into the ring, so that the receiver's speed does not count.
        show(kind, "send, the receiver keeps up or not", &mut || {
            asking.send(2000, KEEP)?;
            Ok(asking.last)
        })?;
        show(kind, "send, the receiver sleeps", &mut || {
            asking.ask(1, ANSWER_AND_SLEEP, Duration::ZERO)?;
            std::thread::sleep(Duration::from_millis(2));
            asking.send(1, KEEP)?;
            Ok(asking.last)
        })?;
        show(kind, "round trip, both sides spin", &mut || asking.ask(5000, ANSWER, Duration::ZERO))?;
        show(kind, "round trip, both sides sleep", &mut || {
            asking.parked = true;
            let time = asking.ask(200, ANSWER_AND_SLEEP, Duration::from_micros(300));
            asking.parked = false;
            time
        })?;
        for size in [4 << 10, 1 << 20, 16 << 20] {
            let what = format!("round trip with {} KiB of bulk", size >> 10);
            show(kind, &what, &mut || asking.bulk(size, (64 << 20) / size))?;
        }
        drop((asking, link));
        other.wait()?;
    }
    Ok(())
}

/// Prints microseconds of what `measure` gives as nanoseconds.
fn show(kind: &str, what: &str, measure: &mut dyn FnMut() -> Result<f64, Closed>) -> Anything {
    let mut times = (0..RUNS).map(|_| measure()).collect::<Result<Vec<f64>, _>>()?;
    times.sort_by(f64::total_cmp);
    let [fastest, median, slowest] = [0, RUNS / 2, RUNS - 1].map(|at| times[at] / 1000.0);
    println!("{kind:7} {what:37} {median:9.3} ({fastest:.3} .. {slowest:.3})");
    Ok(())
}

/// The side that measures.
struct Asking {
    link: Link,
    commands: Sender,
    replies: Receiver,
    writer: FrameWriter,
    reply: Vec<u8>,
    position: u64,
    parked: bool,
    /// Nanoseconds of one send, of the last [`Asking::send`].
    last: f64,
}

impl Asking {
    fn new(link: &Link) -> Result<Self, remora_link::LinkError> {
        Ok(Self {
            link: link.clone(),
            commands: link.sender(Lane::Commands(0))?,
            replies: link.receiver(Lane::Replies(0))?,
            writer: FrameWriter::default(),
            reply: Vec::new(),
            position: 0,
            parked: false,
            last: 0.0,
        })
    }

    fn command(&mut self, opcode: u16, bulk: Option<Bulk>) -> Result<(), Closed> {
        self.position += 1;
        let frame = self.writer.write(opcode, self.position, &[], bulk, 0, &[0u64; 3]);
        self.commands.send(frame)
    }

    /// Sends `count` commands, and waits until all have been received. The time of sending is in `last`.
    fn send(&mut self, count: u32, opcode: u16) -> Result<(), Closed> {
        let frame = self.writer.write(opcode, 0, &[], None, 0, &[0u64; 3]).to_vec();
        let start = Instant::now();
        for _ in 0..count {
            self.commands.send(&frame)?;
        }
        self.last = nanoseconds(start, count);
        self.ask(1, ANSWER, Duration::ZERO).map(drop)
    }

    /// Nanoseconds from sending a command to having its answer, with `pause` between them.
    fn ask(&mut self, count: u32, opcode: u16, pause: Duration) -> Result<f64, Closed> {
        let mut time = 0.0;
        for _ in 0..count {
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
            let start = Instant::now();
            self.command(opcode, None)?;
            if self.parked {
                self.replies.recv_parked(&mut self.reply)?;
            } else {
                self.replies.recv(&mut self.reply)?;
            }
            time += nanoseconds(start, 1);
        }
        Ok(time / f64::from(count))
    }

    /// Likewise with bulk, which is written into the arena first, as a program's call would.
    fn bulk(&mut self, size: usize, count: usize) -> Result<f64, Closed> {
        let bytes = vec![7; size];
        let start = Instant::now();
        for number in 0..count {
            let offset = (number * size % (32 << 20)) as u64;
            assert!(self.link.arena().write(offset, &bytes));
            self.command(ANSWER, Some(Bulk { offset, length: size as u64 }))?;
            self.replies.recv(&mut self.reply)?;
        }
        Ok(nanoseconds(start, count as u32))
    }
}

fn nanoseconds(start: Instant, count: u32) -> f64 {
    start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}

/// A link to a new process.
fn start(kind: &str) -> Result<(Link, Child), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("remora-ping-{}", std::process::id()));
    let listener = UnixListener::bind(&path)?;
    let child = Command::new(std::env::current_exe()?).arg(kind).arg(&path).spawn()?;
    let (socket, _) = listener.accept()?;
    std::fs::remove_file(&path)?;
    let link = if kind == "memfd" {
        let (rings, arena) = create_memory(&layout())?;
        handshake::send_message(&socket, &0u32, &[rings.as_fd(), arena.as_fd()])?;
        Link::memfd(Side::Client, layout(), rings, arena, socket.into(), None)?
    } else {
        Link::stream(Side::Client, layout(), socket.into(), None)?
    };
    link.arena().commit(0, layout().arena)?;
    Ok((link, child))
}

/// The other process.
fn answer(kind: &str, path: &str) -> Anything {
    let socket: UnixStream = handshake::connect(&Url::parse(&format!("unix:{path}"))?)?;
    let link = if kind == "memfd" {
        let (_, fds) = handshake::recv_message(&socket, Instant::now() + Duration::from_secs(5))?;
        let [rings, arena] = <[OwnedFd; 2]>::try_from(fds).map_err(|_| "two descriptors were expected")?;
        Link::memfd(Side::Worker, layout(), rings, arena, socket.into(), None)?
    } else {
        Link::stream(Side::Worker, layout(), socket.into(), None)?
    };
    let mut commands = link.receiver(Lane::Commands(0))?;
    let mut replies = link.sender(Lane::Replies(0))?;
    let mut writer = FrameWriter::default();
    let mut command = Vec::new();
    let mut sleep = false;
    loop {
        let received = if sleep { commands.recv_parked(&mut command) } else { commands.recv(&mut command) };
        if received.is_err() {
            return Ok(());
        }
        let frame = remora_protocol::Frame::parse(&command)?;
        commands.acknowledge(frame.position);
        sleep = frame.opcode == ANSWER_AND_SLEEP;
        if frame.opcode != KEEP {
            replies.send(writer.write(0, frame.position, &[], None, 0, &[0u64; 3]))?;
        }
    }
}
