//! `remora status`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;

use crate::Broker;
use crate::administrator::{Administrator, only_one, print};
use crate::table::{Table, bytes, count, duration};

/// What to show.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    broker: Broker,
    /// Show what the broker says as it is, as one JSON object
    #[arg(long)]
    json: bool,
}

/// What a broker says of itself. What a newer one says beyond that is left out.
#[derive(Deserialize)]
pub struct Status {
    /// The broker's version.
    pub version: String,
    /// For how long it has been running.
    pub uptime_s: f64,
    /// Who uses it.
    pub sessions: Vec<Session>,
    facts: Facts,
}

/// One program.
#[derive(Deserialize)]
pub struct Session {
    /// Its number.
    pub session: u64,
    /// Whose it is.
    pub tenant: String,
    /// Its process.
    pub pid: u32,
    /// What it calls itself.
    pub program: String,
    /// How its frames travel.
    pub link: String,
    /// Its worker's process.
    pub worker_pid: u32,
    /// For how long it has been there.
    pub age_s: f64,
    /// What its worker counts; nothing if it does not answer.
    pub counters: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Facts {
    platforms: Vec<Platform>,
    #[serde(default)]
    problem: Option<String>,
}

#[derive(Deserialize)]
struct Platform {
    name: String,
    devices: Vec<String>,
}

impl Session {
    /// A counter of the worker's, if the worker answered and has it.
    pub fn counter(&self, name: &str) -> Option<f64> {
        self.counters.as_ref()?.get(name)?.as_f64()
    }

    /// A counter as text.
    fn show(&self, name: &str, unit: fn(f64) -> String) -> String {
        self.counter(name).map_or_else(|| "-".into(), unit)
    }

    /// What the session is doing.
    pub fn state(&self) -> String {
        match self.counter("progress_age_ms") {
            None if self.counters.is_none() => "STALLED".into(),
            Some(age) if age >= 1000.0 => format!("quiet {}", duration(age / 1000.0)),
            _ => "ok".into(),
        }
    }
}

/// Asks the broker.
pub fn ask(administrator: &mut Administrator) -> Result<Status> {
    let text = administrator.status()?;
    serde_json::from_str(&text)
        .context("the broker's status makes no sense: it is of another version; update one of them")
}

/// Shows sessions and back-end.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut administrator = Administrator::connect(&only_one(&options.broker.to)?)?;
    if options.json {
        print(&(administrator.status()? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let status = ask(&mut administrator)?;
    print(&heading(&status))?;
    if status.sessions.is_empty() {
        print("no sessions\n")?;
    } else {
        print(&sessions(&status.sessions))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The broker and its devices.
pub fn heading(status: &Status) -> String {
    let mut text = format!("remorad {}, up {}\n", status.version, duration(status.uptime_s));
    for platform in &status.facts.platforms {
        text += &format!("{}: {}\n", platform.name, platform.devices.join(", "));
    }
    if let Some(problem) = &status.facts.problem {
        text += &format!("no devices: {problem}\n");
    }
    text
}

fn sessions(sessions: &[Session]) -> String {
    let mut table = Table::new(&[
        ">SESSION", "TENANT", ">PID", "PROGRAM", "LINK", ">WORKER", ">AGE", ">CALLS", ">WAITS", ">KERNELS", ">COPIED",
        ">MAPPED", ">SENT", ">MEMORY", "STATE",
    ]);
    for session in sessions {
        table.row(vec![
            session.session.to_string(),
            session.tenant.clone(),
            session.pid.to_string(),
            session.program.clone(),
            session.link.clone(),
            session.worker_pid.to_string(),
            duration(session.age_s),
            session.show("commands", count),
            session.show("round_trips", count),
            session.show("kernels", count),
            session.show("bytes_copied", bytes),
            session.show("bytes_mapped", bytes),
            session.show("bytes_sent", bytes),
            session.show("device_memory", bytes),
            session.state(),
        ]);
    }
    table.text()
}
