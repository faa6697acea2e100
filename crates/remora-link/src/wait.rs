//! The wait ladder: spin for about as long as parking would cost, then sleep until the other side rings.
//!
//! Spinning needs a CPU that would otherwise idle. So at most as many threads of a process spin as it has CPUs to use, less
//! one for whoever does the work that is waited for.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bell::Bell;
use crate::cpus;

/// Going to sleep and being woken costs about this much on a machine with few CPUs.
pub(crate) const SPIN_ON_MEMORY: Duration = Duration::from_micros(50);
/// A look at a socket is a system call, so looking for long is dearer.
pub(crate) const SPIN_ON_SOCKET: Duration = Duration::from_micros(30);

/// How many threads of this process spin (low half). In a fork child the number is the parent's, so the process that it
/// counts for stands in the high half.
static SPINNERS: AtomicU64 = AtomicU64::new(0);

/// The right to spin, as long as it lives.
pub(crate) struct Spinner {
    process: u32,
}

impl Spinner {
    /// None if enough threads of this `process` spin already.
    pub fn new(process: u32) -> Option<Self> {
        let most = cpus::usable() as u64 - 1;
        let more = |value| {
            let count = count_of(value, process);
            (count < most).then_some(u64::from(process) << 32 | (count + 1))
        };
        SPINNERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self { process })
    }

    /// Asks `ready` until it has an answer or `time` is over.
    pub fn spin<T>(&self, time: Duration, looks: u32, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        let start = Instant::now();
        loop {
            // Looking at the clock takes longer than looking at memory.
            for _ in 0..looks {
                if let Some(answer) = ready() {
                    return Some(answer);
                }
                std::hint::spin_loop();
            }
            if start.elapsed() >= time {
                return None;
            }
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let less =
            |value| count_of(value, self.process).checked_sub(1).map(|count| u64::from(self.process) << 32 | count);
        let _ = SPINNERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

fn count_of(value: u64, process: u32) -> u64 {
    if value >> 32 == u64::from(process) { value & u64::from(u32::MAX) } else { 0 }
}

/// Sleeps until `ready` has an answer. `sleepers` counts who may be asleep, for whoever closes the link.
pub(crate) fn park<T>(bell: &Bell<'_>, sleepers: &AtomicU32, ready: impl FnMut() -> Option<T>) -> T {
    // Before `ready` looks whether the link is closed; who closes it looks the other way round.
    sleepers.fetch_add(1, Ordering::SeqCst);
    let answer = bell.wait_until(ready);
    sleepers.fetch_sub(1, Ordering::SeqCst);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spinners_are_limited() {
        // Other tests may spin at the same time, so there can be fewer here.
        let all: Vec<_> = std::iter::from_fn(|| Spinner::new(std::process::id())).collect();
        assert!(all.len() < cpus::usable());
        if let Some(spinner) = all.first() {
            let mut looks = 0;
            let answer = spinner.spin(Duration::from_secs(60), 4, || {
                looks += 1;
                (looks == 10).then_some(looks)
            });
            assert_eq!(answer, Some(10));
            assert_eq!(spinner.spin(Duration::from_millis(1), 4, || None::<()>), None);
        }
    }
}
