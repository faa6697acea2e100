//! Sleeping until the other side has done something, and waking it without a system call if it does not sleep.

use crate::cells::Futex;
use crate::sync::{Ordering, fence};

/// A word to sleep on. One thread waits on it: it arms the bell, looks once more whether there is still nothing to do, and
/// sleeps as long as the bell is armed. Others change what it waits for and ring the bell, which costs a system call
/// only if it is armed.
pub struct Bell<'a> {
    futex: Futex<'a>,
}

impl<'a> Bell<'a> {
    #[inline]
    pub(crate) fn new(futex: Futex<'a>) -> Self {
        Self { futex }
    }

    /// Waits, asleep, until `ready` has an answer. Whoever changes what it looks at rings the bell afterwards.
    pub fn wait_until<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        loop {
            self.futex.word().store(1, Ordering::Relaxed);
            // Pairs with the fence in `ring`: either the ringer sees the armed bell, or we see what it did before.
            fence(Ordering::SeqCst);
            if let Some(answer) = ready() {
                self.futex.word().store(0, Ordering::Relaxed);
                return answer;
            }
            self.futex.wait();
        }
    }

    /// Wakes the sleeper, if there is one, after something that it waits for has changed.
    #[inline]
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.futex.word().load(Ordering::Relaxed) != 0 {
            self.ring_always();
        }
    }

    /// Wakes the sleeper whatever the bell says: the other side may have written to it.
    #[cold]
    pub fn ring_always(&self) {
        self.futex.word().store(0, Ordering::Relaxed);
        self.futex.wake();
    }
}
