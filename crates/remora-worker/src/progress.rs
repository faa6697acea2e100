//! How far each stream has come. Executors publish the position that the driver has accepted; others wait for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};

use remora_protocol::Need;

use crate::lock;

/// Looks at a position again this often before a waiting thread sleeps: creations that another stream needs are mostly
/// under way already.
const SPINS: u32 = 200;

/// The executed positions of a session's streams.
pub struct Progress {
    streams: Box<[Stream]>,
    closed: AtomicBool,
    mutex: Mutex<()>,
    changed: Condvar,
}

struct Stream {
    executed: AtomicU64,
    /// The smallest position that somebody sleeps for; `u64::MAX` if nobody does. A publisher that reaches it wakes all.
    wanted: AtomicU64,
}

/// The session has ended; what was waited for will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl Progress {
    /// Nothing has been executed yet on any of `streams`.
    #[must_use]
    pub fn new(streams: u32) -> Self {
        let stream = |_| Stream { executed: AtomicU64::new(0), wanted: AtomicU64::new(u64::MAX) };
        Self {
            streams: (0..streams).map(stream).collect(),
            closed: AtomicBool::new(false),
            mutex: Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    /// Whether there is such a stream.
    #[must_use]
    pub fn has(&self, stream: u32) -> bool {
        (stream as usize) < self.streams.len()
    }

    /// The last executed position of `stream`, 0 before the first.
    #[must_use]
    pub fn executed(&self, stream: u32) -> u64 {
        self.streams.get(stream as usize).map_or(0, |stream| stream.executed.load(Ordering::SeqCst))
    }

    /// The driver has accepted everything of `stream` up to `position`.
    pub fn publish(&self, stream: u32, position: u64) {
        let Some(stream) = self.streams.get(stream as usize) else { return };
        stream.executed.store(position, Ordering::SeqCst);
        if position >= stream.wanted.load(Ordering::SeqCst) {
            let _guard = lock(&self.mutex);
            stream.wanted.store(u64::MAX, Ordering::SeqCst);
            self.changed.notify_all();
        }
    }

    /// Whether all of `needs` have been executed. A need on a stream that can't exist is never met.
    #[must_use]
    pub fn met(&self, needs: &[Need]) -> bool {
        needs.iter().all(|need| self.is_met(need))
    }

    /// Waits until all of `needs` have been executed.
    ///
    /// # Errors
    /// [`Ended`] if the session ends first.
    pub fn wait(&self, needs: impl IntoIterator<Item = Need>) -> Result<(), Ended> {
        for need in needs {
            let mut spins = 0;
            while !self.is_met(&need) && spins < SPINS {
                std::hint::spin_loop();
                spins += 1;
            }
            if self.is_met(&need) {
                continue;
            }
            let mut guard = lock(&self.mutex);
            while !self.wants(&need) {
                if self.closed.load(Ordering::SeqCst) {
                    return Err(Ended);
                }
                guard = self.changed.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
        }
        Ok(())
    }

    /// Sleeps until some of `lists` may be met that is not yet, or [`Progress::nudge`] is called, or the session ends.
    /// `pending` says, under the lock that nudges take, whether there is a reason not to sleep.
    pub fn sleep_for<'a>(&self, lists: impl IntoIterator<Item = &'a [Need]>, pending: impl FnOnce() -> bool) {
        let guard = lock(&self.mutex);
        // All are asked for before any is believed to be open: a list that is met already must keep us awake.
        let mut some_met = false;
        for needs in lists {
            some_met |= needs.iter().all(|need| self.wants(need));
        }
        if !some_met && !pending() && !self.closed.load(Ordering::SeqCst) {
            drop(self.changed.wait(guard));
        }
    }

    /// Wakes everybody to look again.
    pub fn nudge(&self) {
        let _guard = lock(&self.mutex);
        self.changed.notify_all();
    }

    /// The session has ended: wakes everybody for good.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.nudge();
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn is_met(&self, need: &Need) -> bool {
        self.streams
            .get(need.stream as usize)
            .is_some_and(|stream| stream.executed.load(Ordering::SeqCst) >= need.position)
    }

    /// Asks publishers to wake us for `need` and says whether it is met, in the order that can't miss one.
    fn wants(&self, need: &Need) -> bool {
        if let Some(stream) = self.streams.get(need.stream as usize) {
            stream.wanted.fetch_min(need.position, Ordering::SeqCst);
        }
        self.is_met(need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_waiter_sees_what_is_published_later() {
        let progress = Arc::new(Progress::new(4));
        let waiting = Arc::clone(&progress);
        let thread = std::thread::spawn(move || {
            waiting.wait([Need { stream: 2, position: 3 }, Need { stream: 3, position: 1 }])
        });
        for position in 1..=3 {
            std::thread::sleep(Duration::from_millis(5));
            progress.publish(2, position);
        }
        assert!(!thread.is_finished());
        progress.publish(3, 1);
        assert_eq!(thread.join().unwrap(), Ok(()));
    }

    #[test]
    fn closing_ends_every_wait() {
        let progress = Arc::new(Progress::new(1));
        let threads: Vec<_> = [Need { stream: 0, position: 1 }, Need { stream: 77, position: 1 }]
            .map(|need| {
                let progress = Arc::clone(&progress);
                std::thread::spawn(move || progress.wait([need]))
            })
            .into();
        std::thread::sleep(Duration::from_millis(10));
        progress.close();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Err(Ended));
        }
    }

    #[test]
    fn many_waiters_and_publishers_meet() {
        let progress = Arc::new(Progress::new(3));
        let mut threads = Vec::new();
        for stream in 0..2 {
            for step in 1..=8 {
                let progress = Arc::clone(&progress);
                threads.push(std::thread::spawn(move || {
                    progress.wait([Need { stream, position: step * 1000 }]).unwrap();
                    assert!(progress.executed(stream) >= step * 1000);
                }));
            }
            let progress = Arc::clone(&progress);
            threads.push(std::thread::spawn(move || {
                for position in 1..=8000 {
                    progress.publish(stream, position);
                }
            }));
        }
        for thread in threads {
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_sleeper_wakes_for_the_first_list_that_is_met() {
        let progress = Arc::new(Progress::new(3));
        let sleeping = Arc::clone(&progress);
        let thread = std::thread::spawn(move || {
            let lists = [vec![Need { stream: 1, position: 9 }], vec![Need { stream: 2, position: 2 }]];
            while !lists.iter().any(|needs| sleeping.met(needs)) {
                sleeping.sleep_for(lists.iter().map(Vec::as_slice), || false);
            }
        });
        std::thread::sleep(Duration::from_millis(5));
        progress.publish(2, 1);
        progress.publish(2, 2);
        thread.join().unwrap();
    }
}
