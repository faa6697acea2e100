//! Transfers between the program's memory and the worker that are under way.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{HostArea, Staging};

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Direction {
    ToProgram,
    ToWorker,
}

/// What is to be done for a transfer on this side.
pub struct Transfer {
    /// Which way.
    pub direction: Direction,
    /// The program's memory; `None` if the staging is what the program sees.
    pub host: Option<HostArea>,
    /// Where the bytes pass through; `None` if they go in parts (Fetch, Deliver).
    pub staging: Option<Staging>,
    /// Told the final state once the bytes have arrived (and the staging is free).
    pub done: Box<dyn FnOnce(i32) + Send>,
}

/// The transfers of a session.
#[derive(Default)]
pub(crate) struct Transfers {
    next: AtomicU64,
    pending: Mutex<HashMap<u64, Pending>>,
    /// How many of them write to memory of the program.
    writers: AtomicU64,
}

/// Something that the program does by itself when the worker says that it is its turn.
pub type HostCall = Box<dyn FnOnce() + Send>;

struct Pending {
    transfer: Transfer,
    call: Option<HostCall>,
    /// It is code of the program, which may write anywhere.
    is_call: bool,
    /// Fetch and Deliver copy outside the lock; nothing else touches the transfer meanwhile.
    host: Option<Arc<HostArea>>,
}

impl Pending {
    fn writes(&self) -> bool {
        self.is_call || self.transfer.direction == Direction::ToProgram
    }
}

impl Transfers {
    /// Registers a transfer before its command is sent. Numbers start at 1.
    pub(crate) fn begin(&self, transfer: Transfer, call: Option<HostCall>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (is_call, host) = (call.is_some(), transfer.host.map(Arc::new));
        let pending = Pending { transfer, call, is_call, host };
        if pending.writes() {
            self.writers.fetch_add(1, Ordering::AcqRel);
        }
        self.lock().insert(number, pending);
        number
    }

    /// The transfer ended (or its command could not be sent): moves the bytes if they are to be had, and tells.
    pub(crate) fn end(&self, number: u64, state: i32) {
        // It is pending until they are there: what wants to take them must know.
        if let (0, Some((host, staging))) = (state, self.arrived(number)) {
            let length = host.packed_length().min(staging.length());
            // SAFETY: the program keeps the destination of a read valid until its command is complete, which it is not
            // before `done` is called; the staging holds `length` bytes.
            unsafe { host.scatter(0, staging.pointer().as_ptr(), length) };
        }
        let Some(pending) = self.lock().remove(&number) else { return };
        if pending.writes() {
            self.writers.fetch_sub(1, Ordering::AcqRel);
        }
        drop(pending.transfer.staging);
        (pending.transfer.done)(state);
    }

    /// Where the bytes of a read go, and where they are.
    fn arrived(&self, number: u64) -> Option<(HostArea, Staging)> {
        let pending = self.lock();
        let transfer =
            &pending.get(&number).filter(|pending| pending.transfer.direction == Direction::ToProgram)?.transfer;
        Some((transfer.host?, transfer.staging.clone()?))
    }

    /// The program's memory of a transfer in parts that goes this way.
    pub(crate) fn host(&self, number: u64, direction: Direction) -> Option<Arc<HostArea>> {
        self.lock().get(&number).filter(|pending| pending.transfer.direction == direction)?.host.clone()
    }

    /// What is to be done for a command of which it is the turn.
    pub(crate) fn call(&self, number: u64) -> Option<HostCall> {
        self.lock().get_mut(&number)?.call.take()
    }

    /// Whether it has not ended. Whoever ends it later sees all that was done here before.
    pub(crate) fn is_pending(&self, number: u64) -> bool {
        self.lock().contains_key(&number)
    }

    /// Whether something unfinished will write to some of `span`, or may.
    pub(crate) fn will_write(&self, span: &Range<usize>) -> bool {
        if self.writers.load(Ordering::Acquire) == 0 || span.is_empty() {
            return false;
        }
        self.lock().values().filter(|pending| pending.writes()).any(|Pending { transfer, is_call, .. }| {
            *is_call
                || transfer.host.is_some_and(|host| {
                    let other = host.span();
                    other.start < span.end && span.start < other.end
                })
        })
    }

    /// All that are pending, for when the session is lost.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
