//! Markers, barriers, and the commands that the program waits for: Finish and WaitForEvent.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use opencl_sys::{CL_COMPLETE, CL_SUCCESS, cl_event, cl_int};
use remora_protocol::Handle;
use remora_protocol::opencl::{EnqueueMarkerOrBarrier, EventDone, Status};

use super::completions::{Watched, Work};
use super::driver::{Object, call, check};
use super::events::Event;
use super::queue::{At, Queue};
use super::shared::Shared;
use super::transfer::wait_list;
use super::violation::Violation;

/// Executes `EnqueueMarkerOrBarrier`.
///
/// # Errors
/// If the event can't be named.
pub fn marker_or_barrier(at: &At<'_>, message: &EnqueueMarkerOrBarrier<'_>) -> Result<(), Violation> {
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        // SAFETY: `enqueue` gives live events, and where to put one or null.
        unsafe {
            if message.barrier {
                barrier(at.shared, at.queue, wait, event)
            } else {
                marker(at.shared, at.queue, wait, event)
            }
        }
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// Enqueues a marker. Drivers of before OpenCL 1.2 make it of a wait and a marker of all.
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// `wait` are live events of the driver; `event` is null or can be written.
pub unsafe fn marker(shared: &Shared, queue: &Queue, wait: &[cl_event], event: *mut cl_event) -> Result<(), cl_int> {
    let (count, list) = wait_list(wait)?;
    if queue.context.version >= (1, 2) && shared.driver.clEnqueueMarkerWithWaitList.is_some() {
        // SAFETY: live objects of the driver; `event` is null or can be written.
        return check(unsafe { call!(shared.driver, clEnqueueMarkerWithWaitList(queue.raw(), count, list, event)) });
    }
    // SAFETY: by the promise of the caller.
    unsafe {
        old_wait(shared, queue, wait)?;
        old_marker(shared, queue, event)
    }
}

/// # Safety
/// As for [`marker`].
unsafe fn barrier(shared: &Shared, queue: &Queue, wait: &[cl_event], event: *mut cl_event) -> Result<(), cl_int> {
    let (count, list) = wait_list(wait)?;
    if queue.context.version >= (1, 2) && shared.driver.clEnqueueBarrierWithWaitList.is_some() {
        // SAFETY: as in `marker`.
        return check(unsafe { call!(shared.driver, clEnqueueBarrierWithWaitList(queue.raw(), count, list, event)) });
    }
    if wait.is_empty() {
        // SAFETY: a live queue.
        check(unsafe { call!(shared.driver, clEnqueueBarrier(queue.raw())) })?;
    }
    // SAFETY: by the promise of the caller.
    unsafe {
        old_wait(shared, queue, wait)?;
        if event.is_null() { Ok(()) } else { old_marker(shared, queue, event) }
    }
}

/// # Safety
/// `wait` are live events of the driver.
unsafe fn old_wait(shared: &Shared, queue: &Queue, wait: &[cl_event]) -> Result<(), cl_int> {
    let (count, list) = wait_list(wait)?;
    if count == 0 {
        return Ok(());
    }
    // SAFETY: live objects of the driver.
    check(unsafe { call!(shared.driver, clEnqueueWaitForEvents(queue.raw(), count, list)) })
}

/// Old markers must have an event.
///
/// # Safety
/// `event` is null or can be written.
unsafe fn old_marker(shared: &Shared, queue: &Queue, event: *mut cl_event) -> Result<(), cl_int> {
    let mut unwanted = ptr::null_mut();
    let target = if event.is_null() { &raw mut unwanted } else { event };
    // SAFETY: a live queue, and `target` can be written.
    check(unsafe { call!(shared.driver, clEnqueueMarker(queue.raw(), target)) })?;
    if !unwanted.is_null() {
        // SAFETY: the driver has just made it for us.
        drop(unsafe { Object::new(unwanted, shared.driver.clReleaseEvent) });
    }
    Ok(())
}

/// An event of the driver that is complete when everything that is in `queue` now is.
///
/// # Errors
/// The driver's code.
pub fn end_of(shared: &Shared, queue: &Queue) -> Result<Arc<Object>, cl_int> {
    // SAFETY: no events.
    unsafe { marker_event(shared, queue, &[]) }
}

/// The event of a marker for `wait`.
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// `wait` are live events of the driver.
pub unsafe fn marker_event(shared: &Shared, queue: &Queue, wait: &[cl_event]) -> Result<Arc<Object>, cl_int> {
    let mut raw = ptr::null_mut();
    // SAFETY: by the promise of the caller, and `raw` can be written.
    unsafe { marker(shared, queue, wait, &raw mut raw) }?;
    queue.enqueued();
    // SAFETY: the driver has just made it for us.
    Ok(Arc::new(unsafe { Object::new(raw, shared.driver.clReleaseEvent) }))
}

/// Executes `Finish`.
pub fn finish(at: &At<'_>) {
    let (shared, queue, position) = (at.shared, at.queue, at.position);
    if !at.answer {
        return queue.flush(shared);
    }
    if queue.may_block(shared) {
        let result = queue.finish(shared);
        if result.is_err() {
            shared.errors_seen.store(true, Ordering::SeqCst);
        }
        shared.settle();
        let code = queue.take_late().or(result.err()).unwrap_or(CL_SUCCESS);
        return at.reply(&Status { code }, None);
    }
    let done = match end_of(shared, queue) {
        Ok(done) => done,
        Err(code) => return at.reply(&Status { code }, None),
    };
    queue.flush(shared);
    let kept = Arc::clone(queue);
    shared.stats.round_trips.add(1);
    let reply = move |shared: &Arc<Shared>, _| {
        let code = kept.take_late().unwrap_or(CL_SUCCESS);
        kept.replies.send(&shared.notices, position, &Status { code }, None);
    };
    shared.completions.when(shared.driver, Watched::Own(done), CL_COMPLETE, Work::Run(Box::new(reply)));
}

/// Executes `WaitForEvent`.
pub fn wait_for_event(at: &At<'_>, handle: Handle) {
    let (shared, queue, position) = (at.shared, at.queue, at.position);
    let event = match shared.tables.events.get(handle) {
        Ok(event) => event,
        Err(code) => return at.reply(&EventDone { code, state: code }, None),
    };
    let state = event.status(shared.driver);
    if state <= CL_COMPLETE {
        return answer(at, state);
    }
    let own = event.queue().filter(|own| Arc::ptr_eq(own, queue));
    if let Some(other) = event.queue() {
        other.flush(shared);
    }
    if own.is_some() && queue.may_block(shared) {
        return answer(at, wait(shared, &event));
    }
    shared.stats.round_trips.add(1);
    let replies = Arc::clone(&queue.replies);
    let reply = move |shared: &Arc<Shared>, state| {
        replies.send(&shared.notices, position, &EventDone { code: CL_SUCCESS, state }, None);
    };
    shared.completions.when(shared.driver, Watched::Event(event), CL_COMPLETE, Work::Run(Box::new(reply)));
}

fn wait(shared: &Shared, event: &Event) -> cl_int {
    match event.raw() {
        Err(code) => code,
        Ok(raw) => {
            // SAFETY: a list of one live event. What went wrong is in the event's status.
            let code = unsafe { call!(shared.driver, clWaitForEvents(1, &raw const raw)) };
            let state = event.status(shared.driver);
            if state > CL_COMPLETE && code < 0 { code } else { state.min(CL_COMPLETE) }
        }
    }
}

fn answer(at: &At<'_>, state: cl_int) {
    saw(at.shared, state);
    at.shared.settle();
    at.reply(&EventDone { code: CL_SUCCESS, state }, None);
}

/// From the first failure on, the client is told of all.
pub fn saw(shared: &Shared, state: cl_int) {
    if state < 0 {
        shared.errors_seen.store(true, Ordering::SeqCst);
    }
}
