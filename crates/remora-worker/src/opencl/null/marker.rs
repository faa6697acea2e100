//! Markers and barriers, with and without wait lists.

use super::event::WaitList;
use super::ffi::{EventOut, Outcome, code};
use super::operation::Operation;
use super::pool::{Handle, Ref};
use super::queue::{Command, Order, Queue};
use opencl_sys::*;
use std::ptr;

/// # Safety
/// As for the entry points below.
unsafe fn enqueue(
    queue: cl_command_queue,
    is_barrier: bool,
    count: cl_uint,
    first: *const cl_event,
    event: *mut Handle,
) -> Outcome<()> {
    let queue: Ref<Queue> = Ref::find(queue)?;
    // SAFETY: the caller's promise (see `ffi`).
    let (wait, event) = unsafe { (WaitList::new(&queue.context, count, first)?, EventOut::new(event)) };
    let (kind, order) = match (is_barrier, wait.is_given) {
        (true, given) => (CL_COMMAND_BARRIER, Order::Barrier { waits_for_all: !given }),
        (false, false) => (CL_COMMAND_MARKER, Order::Marker),
        (false, true) => (CL_COMMAND_MARKER, Order::Free),
    };
    queue.submit(Command { kind, operation: Operation::Nothing, order, wait, event, is_blocking: false })
}

pub unsafe extern "C" fn enqueue_marker_with_wait_list(
    queue: cl_command_queue,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    code(unsafe { enqueue(queue, false, count, first, event) })
}

pub unsafe extern "C" fn enqueue_barrier_with_wait_list(
    queue: cl_command_queue,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    code(unsafe { enqueue(queue, true, count, first, event) })
}

pub unsafe extern "C" fn enqueue_marker(queue: cl_command_queue, event: *mut cl_event) -> cl_int {
    if event.is_null() {
        return CL_INVALID_VALUE;
    }
    // SAFETY: the caller's promise (see `ffi`).
    code(unsafe { enqueue(queue, false, 0, ptr::null(), event) })
}

pub unsafe extern "C" fn enqueue_barrier(queue: cl_command_queue) -> cl_int {
    // SAFETY: no pointers.
    code(unsafe { enqueue(queue, true, 0, ptr::null(), ptr::null_mut()) })
}

pub unsafe extern "C" fn enqueue_wait_for_events(
    queue: cl_command_queue,
    count: cl_uint,
    first: *const cl_event,
) -> cl_int {
    if count == 0 || first.is_null() {
        return CL_INVALID_VALUE;
    }
    // SAFETY: the caller's promise (see `ffi`).
    code(match unsafe { enqueue(queue, true, count, first, ptr::null_mut()) } {
        Err(CL_INVALID_EVENT_WAIT_LIST) => Err(CL_INVALID_EVENT),
        other => other,
    })
}
