//! Reads under way: what the driver will have put into the arena, and the program must be told of before it learns of any
//! completion that covers it.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opencl_sys::{CL_COMPLETE, cl_int};
use remora_protocol::Bulk;
use remora_protocol::opencl::TransferDone;

use super::driver::Driver;
use super::events::Event;
use crate::lock;
use crate::notices::Notices;

/// A read whose TransferDone has not been sent.
pub struct Transfer {
    number: u64,
    event: Arc<Event>,
    bulk: Option<Bulk>,
    /// What the driver's callback said; `UNKNOWN` before it.
    status: AtomicI32,
}

/// No status of an event.
const UNKNOWN: cl_int = cl_int::MAX;

impl Transfer {
    /// Transfer `number`, complete with `event`, with its bytes in `bulk`.
    #[must_use]
    pub fn new(number: u64, event: Arc<Event>, bulk: Option<Bulk>) -> Arc<Self> {
        Arc::new(Self { number, event, bulk, status: AtomicI32::new(UNKNOWN) })
    }

    /// The driver has called back.
    pub fn arrived(&self, status: cl_int) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The final status, once there is one.
    fn ended(&self, driver: Driver) -> Option<cl_int> {
        let told = self.status.load(Ordering::SeqCst);
        let status = if told == UNKNOWN { self.event.status(driver) } else { told };
        (status <= CL_COMPLETE).then_some(status)
    }
}

/// All reads under way, in the order in which they were enqueued.
#[derive(Default)]
pub struct Pending {
    list: Mutex<Vec<Arc<Transfer>>>,
    /// Those in the list and those just being told: zero means that every notice due has been sent.
    count: AtomicUsize,
}

impl Pending {
    /// One more is under way.
    pub fn add(&self, transfer: &Arc<Transfer>) {
        let mut list = lock(&self.list);
        list.push(Arc::clone(transfer));
        self.count.store(list.len(), Ordering::SeqCst);
    }

    /// Tells of all that have ended. When this returns, the notices of all that had ended when it was called are sent,
    /// whichever thread did it.
    pub fn tell(&self, driver: Driver, notices: &Notices) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        // Held while sending: a thread that finds nothing left to tell must not reply before it has been told.
        let mut list = lock(&self.list);
        list.retain(|transfer| {
            let Some(state) = transfer.ended(driver) else { return true };
            let bulk = transfer.bulk.filter(|_| state == CL_COMPLETE);
            notices.send(&TransferDone { transfer: transfer.number, state }, bulk);
            false
        });
        self.count.store(list.len(), Ordering::SeqCst);
    }
}
