//! What /proc says of processes.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::run::MARK;

/// The processes that have `mark` in their environment and aren't dead.
#[must_use]
pub fn marked(mark: &str) -> Vec<u32> {
    let variable = format!("{MARK}={mark}");
    all().into_iter().filter(|pid| has_variable(*pid, &variable)).collect()
}

/// All processes.
#[must_use]
pub fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn has_variable(pid: u32, variable: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
}

/// The name of its executable's file, or what it calls itself.
#[must_use]
pub fn name(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(text.trim_end().to_owned())
}

/// Whether it runs: it exists and isn't dead.
#[must_use]
pub fn runs(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}

/// KiB of memory that it uses now; nothing if it is gone.
#[must_use]
pub fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Its open memory files that are Remora's.
#[must_use]
pub fn memory_files(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|target| target.as_os_str().as_bytes().starts_with(b"/memfd:remora"))
        .map(|target| target.display().to_string())
        .collect()
}

/// How many descriptors it has open.
#[must_use]
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.flatten().count())
}

/// Sends it a signal, if it is still there.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Kills the process group that `pid` leads.
pub(crate) fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
}

/// Waits until `condition` holds; whether it did in time.
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Nothing that has `mark` may run any more, a second from now at the latest.
///
/// # Panics
/// With those that do.
#[track_caller]
pub fn assert_all_gone(mark: &str) {
    // A little more than a second: this machine may be busy with other tests.
    if !wait_until(Duration::from_secs(3), || marked(mark).is_empty()) {
        let left: Vec<String> =
            marked(mark).into_iter().map(|pid| format!("{pid} ({})", name(pid).unwrap_or_default())).collect();
        panic!("these processes are left: {}", left.join(", "));
    }
}

/// Looks at the memory of processes again and again.
#[derive(Debug)]
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Sampler {
    /// Follows the sum of what `pids` give.
    pub fn start(pids: impl Fn() -> Vec<u32> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut peak = 0;
            while !stopped.load(Ordering::Relaxed) {
                peak = peak.max(pids().into_iter().filter_map(resident_kib).sum());
                std::thread::sleep(Duration::from_millis(20));
            }
            peak
        });
        Self { stop, thread: Some(thread) }
    }

    /// The most KiB that there were.
    ///
    /// # Panics
    /// If the thread that looks did.
    #[must_use]
    pub fn peak_kib(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or(0, |thread| thread.join().expect("the sampling thread"))
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs() {
        let own = std::process::id();
        assert!(runs(own) && resident_kib(own).unwrap() > 0 && open_files(own) > 0);
        assert!(all().contains(&own));
        assert!(!runs(u32::MAX) && resident_kib(u32::MAX).is_none());
    }

    #[test]
    fn a_mark_finds_its_processes() {
        let running = crate::Run::new("/bin/cat").start_native();
        assert_eq!(running.processes("cat"), [running.pid()]);
        let mark = running.mark().to_owned();
        assert!(running.finish().status.success());
        assert_all_gone(&mark);
    }
}
