//! Commands that the program carries out by itself when it is their turn: native kernels, the freeing of memory.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

use opencl_sys::{CL_COMPLETE, CL_SUCCESS, cl_int};
use remora_protocol::opencl::{EnqueueHostCall, HostCall};

use super::composed::Composed;
use super::copies::done;
use super::events::interval;
use super::queue::At;
use super::shared::Shared;
use super::violation::Violation;
use crate::lock;

/// What the program is doing now.
#[derive(Default)]
pub struct HostCalls(Mutex<HashMap<u64, (Composed, Instant)>>);

/// Executes `EnqueueHostCall`.
///
/// # Errors
/// If the event can't be named.
pub fn enqueue(at: &At<'_>, message: &EnqueueHostCall<'_>) -> Result<(), Violation> {
    let transfer = message.transfer;
    let composed = Composed::enqueue(at, message.event, &message.wait)?;
    at.reply_status(composed.as_ref().err().copied().unwrap_or(CL_SUCCESS));
    match composed {
        Ok(composed) => composed.when_ready(at, move |shared, composed, status| {
            if status < 0 {
                return end(shared, transfer, &composed, status);
            }
            let before = lock(&shared.host_calls.0).insert(transfer, (composed, Instant::now()));
            if before.is_some() {
                return shared.end(&Violation::new("two calls under one number"));
            }
            shared.notices.send(&HostCall { transfer }, None);
        }),
        Err(code) => done(at.shared, transfer, code),
    }
    Ok(())
}

/// The program has done what it was told to.
///
/// # Errors
/// If it wasn't told to.
pub fn called(shared: &Shared, transfer: u64) -> Result<(), Violation> {
    let under_way = lock(&shared.host_calls.0).remove(&transfer);
    let (composed, start) = under_way.ok_or_else(|| Violation::new("the end of a call that was not made"))?;
    if let Ok([queued, submit, ready, _, _]) = interval(shared.driver, &composed.marker) {
        // The program's clock and the device's run alike, but from different beginnings.
        let end = ready.saturating_add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        composed.event.measured([queued, submit, ready, end, end]);
    }
    end(shared, transfer, &composed, CL_COMPLETE);
    Ok(())
}

/// The notice goes before whatever the end sets off.
fn end(shared: &Shared, transfer: u64, composed: &Composed, state: cl_int) {
    if state < 0 {
        shared.errors_seen.store(true, Ordering::SeqCst);
    }
    shared.settle();
    done(shared, transfer, state);
    composed.end(shared, state);
}
