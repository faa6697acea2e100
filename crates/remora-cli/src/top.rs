//! `remora top`: what sessions do, over and over.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use remora_broker::lifetime::Signals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::Broker;
use crate::administrator::{Administrator, only_one, print};
use crate::status::{Session, Status, ask, heading};
use crate::table::{Table, bytes, count, duration};

/// What is shown as a rate per second.
const RATES: [&str; 6] = ["commands", "round_trips", "kernels", "bytes_copied", "bytes_mapped", "bytes_sent"];

/// How to show it.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    broker: Broker,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    interval: f64,
    /// End after that many looks
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// What a session had counted when it was last looked at.
type Counted = HashMap<u64, (Instant, [f64; RATES.len()])>;

/// Shows sessions until a signal comes.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut administrator = Administrator::connect(&only_one(&options.broker.to)?)?;
    let signals = Signals::block(&[Signal::INT, Signal::TERM, Signal::HUP])?;
    let interval = Duration::try_from_secs_f64(options.interval.clamp(0.1, 3600.0)).unwrap_or(Duration::from_secs(1));
    let screen = Screen::start()?;
    let mut counted = Counted::new();
    let mut looks = 0;
    loop {
        let status = ask(&mut administrator)?;
        screen.show(&(heading(&status) + &rates(&status, &mut counted)))?;
        looks += 1;
        if options.count == Some(looks) || ended(&signals, interval)? {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Waits; whether a signal came meanwhile.
fn ended(signals: &Signals, interval: Duration) -> Result<bool> {
    let timeout = Timespec { tv_sec: i64::try_from(interval.as_secs())?, tv_nsec: i64::from(interval.subsec_nanos()) };
    match poll(&mut [PollFd::new(signals, PollFlags::IN)], Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn rates(status: &Status, counted: &mut Counted) -> String {
    let mut table = Table::new(&[
        ">SESSION",
        "TENANT",
        "PROGRAM",
        ">AGE",
        ">CALLS/s",
        ">WAITS/s",
        ">KERNELS/s",
        ">COPIED/s",
        ">MAPPED/s",
        ">SENT/s",
        ">MEMORY",
        "STATE",
    ]);
    let now = Instant::now();
    let mut next = Counted::new();
    for session in &status.sessions {
        let before = counted.get(&session.session);
        let numbers = RATES.map(|name| session.counter(name));
        let rate = |index: usize, unit: fn(f64) -> String| match (before, numbers[index]) {
            (Some((at, old)), Some(new)) => {
                unit((new - old[index]).max(0.0) / now.duration_since(*at).as_secs_f64().max(0.001))
            }
            _ => "-".into(),
        };
        table.row(row(
            session,
            [rate(0, count), rate(1, count), rate(2, count), rate(3, bytes), rate(4, bytes), rate(5, bytes)],
        ));
        // One that does not answer keeps what it last said.
        let old = before.copied();
        if let Some(current) = session.counters.as_ref().map(|_| (now, numbers.map(Option::unwrap_or_default))).or(old)
        {
            next.insert(session.session, current);
        }
    }
    *counted = next;
    table.text()
}

fn row(session: &Session, rates: [String; RATES.len()]) -> Vec<String> {
    let memory = session.counter("device_memory").map_or_else(|| "-".into(), bytes);
    let mut cells =
        vec![session.session.to_string(), session.tenant.clone(), session.program.clone(), duration(session.age_s)];
    cells.extend(rates);
    cells.extend([memory, session.state()]);
    cells
}

/// The terminal, if there is one; it gets back what it showed before.
struct Screen {
    terminal: bool,
}

impl Screen {
    fn start() -> Result<Self> {
        let terminal = std::io::stdout().is_terminal();
        if terminal {
            print("\x1b[?1049h\x1b[?25l\x1b[?7l")?;
        }
        Ok(Self { terminal })
    }

    fn show(&self, text: &str) -> Result<()> {
        if self.terminal {
            // Each line clears what it had from the last look; what is below goes too.
            let lines = text.replace('\n', "\x1b[K\n");
            print(&format!("\x1b[H{lines}\x1b[J"))
        } else {
            print(&format!("{text}\n"))
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.terminal {
            let _ = print("\x1b[?7h\x1b[?25h\x1b[?1049l");
        }
    }
}
