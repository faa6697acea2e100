//! What a session has done so far, for `remora status`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde::Serialize;

/// Counters of one session. All are only ever told, never decided upon.
#[derive(Default)]
pub struct Stats {
    /// Commands executed.
    pub commands: Counter,
    /// Commands that the program waited for.
    pub round_trips: Counter,
    /// Notices sent.
    pub notices: Counter,
    /// Kernels launched.
    pub kernels: Counter,
    /// Bytes that went through the arena to or from the driver.
    pub bytes_copied: Counter,
    /// Bytes of maps that moved nothing.
    pub bytes_mapped: Counter,
    /// Bytes that were fetched from or delivered to the program in parts.
    pub bytes_sent: Counter,
    /// Bytes of sources and binaries that the program sent.
    pub contents_sent: Counter,
    /// Bytes of those that it did not send, since its tenant had.
    pub contents_saved: Counter,
    /// Commands that the driver refused.
    pub errors: Counter,
    memory: AtomicI64,
    /// Milliseconds of the coarse clock when something last happened.
    last: AtomicU64,
}

/// A number that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// What it has come to.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Serialize)]
struct Snapshot {
    session: u64,
    pid: u32,
    commands: u64,
    round_trips: u64,
    notices: u64,
    kernels: u64,
    errors: u64,
    bytes_copied: u64,
    bytes_mapped: u64,
    bytes_sent: u64,
    contents_sent: u64,
    contents_saved: u64,
    device_memory: i64,
    progress_age_ms: u64,
}

impl Stats {
    /// One command more has been executed.
    pub fn command(&self) {
        self.commands.add(1);
        self.last.store(now(), Ordering::Relaxed);
    }

    /// Memory objects have grown by `bytes`.
    pub fn allocated(&self, bytes: u64) {
        self.memory.fetch_add(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Memory objects have shrunk by `bytes`.
    pub fn freed(&self, bytes: u64) {
        self.memory.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Everything, as JSON.
    #[must_use]
    pub fn json(&self, session: u64) -> String {
        let last = self.last.load(Ordering::Relaxed);
        let snapshot = Snapshot {
            session,
            pid: std::process::id(),
            commands: self.commands.get(),
            round_trips: self.round_trips.get(),
            notices: self.notices.get(),
            kernels: self.kernels.get(),
            errors: self.errors.get(),
            bytes_copied: self.bytes_copied.get(),
            bytes_mapped: self.bytes_mapped.get(),
            bytes_sent: self.bytes_sent.get(),
            contents_sent: self.contents_sent.get(),
            contents_saved: self.contents_saved.get(),
            device_memory: self.memory.load(Ordering::Relaxed),
            progress_age_ms: if last == 0 { 0 } else { now().saturating_sub(last) },
        };
        serde_json::to_string(&snapshot).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// Milliseconds that only grow; never 0. The coarse clock costs a few nanoseconds.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    (seconds * 1000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_holds_the_counters() {
        let stats = Stats::default();
        stats.command();
        stats.allocated(4096);
        stats.freed(96);
        let value: serde_json::Value = serde_json::from_str(&stats.json(7)).unwrap();
        assert_eq!(value["session"], 7);
        assert_eq!(value["commands"], 1);
        assert_eq!(value["device_memory"], 4000);
        assert!(value["progress_age_ms"].as_u64().unwrap() < 1000);
    }
}
