//! Events: user events, failed dependencies, callbacks, profiling.

use super::*;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

fn write(setup: &Setup, buffer: cl_mem, byte: &u8, wait: &[cl_event]) -> cl_event {
    let mut event = ptr::null_mut();
    ok!(clEnqueueWriteBuffer(
        setup.queue,
        buffer,
        CL_FALSE,
        0,
        1,
        ptr::from_ref(byte).cast(),
        wait.len() as u32,
        list(wait),
        &mut event
    ));
    event
}

#[test]
fn a_user_event_holds_up_what_waits_and_what_follows() {
    let setup = Setup::in_order();
    let buffer = setup.filled(&[0]);
    let user = setup.user_event();
    assert_eq!(status(user), CL_SUBMITTED);
    let first = write(&setup, buffer, &1, &[user]);
    let second = write(&setup, buffer, &2, &[]);
    assert_eq!((status(first), status(second)), (CL_QUEUED, CL_QUEUED));
    ok!(clFlush(setup.queue));
    assert_eq!(status(first), CL_SUBMITTED);
    // Another queue goes on.
    let other = make!(clCreateCommandQueue(setup.context, device(), 0));
    let mut byte = 9u8;
    let place = (&raw mut byte).cast();
    ok!(clEnqueueReadBuffer(other, buffer, CL_TRUE, 0, 1, place, 0, ptr::null(), ptr::null_mut()));
    assert_eq!(byte, 0);
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    assert_eq!((status(first), status(second)), (CL_COMPLETE, CL_COMPLETE));
    assert_eq!(setup.read(buffer, 1), [2]);
    assert_eq!(cl!(clSetUserEventStatus(user, CL_COMPLETE)), CL_INVALID_OPERATION);
    for event in [user, first, second] {
        ok!(clReleaseEvent(event));
    }
    ok!(clReleaseCommandQueue(other));
    ok!(clReleaseMemObject(buffer));
}

#[test]
fn finish_waits_for_another_threads_user_event() {
    let setup = Setup::in_order();
    let user = setup.user_event();
    let marker = setup.marker(&[user]);
    let user_address = user.expose_provenance();
    let setter = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        ok!(clSetUserEventStatus(ptr::with_exposed_provenance_mut(user_address), CL_COMPLETE));
    });
    setup.finish();
    assert_eq!(status(marker), CL_COMPLETE);
    setter.join().unwrap();
    ok!(clReleaseEvent(user));
    ok!(clReleaseEvent(marker));
}

#[test]
fn a_failed_event_fails_what_waits_for_it() {
    let setup = Setup::in_order();
    let buffer = setup.filled(&[7]);
    let user = setup.user_event();
    let failed = write(&setup, buffer, &1, &[user]);
    let chained = setup.marker(&[failed]);
    let after = setup.marker(&[]);
    ok!(clSetUserEventStatus(user, -1234));
    assert_eq!(status(user), -1234);
    let code = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    assert_eq!((status(failed), status(chained), status(after)), (code, code, CL_COMPLETE));
    assert_eq!(setup.read(buffer, 1), [7]);
    assert_eq!(cl!(clWaitForEvents(1, &failed)), code);
    // A command that is enqueued afterwards fails too, and a blocking one says so.
    let late = write(&setup, buffer, &1, &[failed]);
    assert_eq!(status(late), code);
    let mut byte = 0u8;
    let place = (&raw mut byte).cast();
    let blocking = cl!(clEnqueueReadBuffer(setup.queue, buffer, CL_TRUE, 0, 1, place, 1, &failed, ptr::null_mut()));
    assert_eq!((blocking, byte), (code, 0));
    for event in [user, failed, chained, after, late] {
        ok!(clReleaseEvent(event));
    }
    ok!(clReleaseMemObject(buffer));
}

#[test]
fn an_abandoned_user_event_fails_what_waits_for_it() {
    let setup = Setup::in_order();
    let user = setup.user_event();
    let marker = setup.marker(&[user]);
    ok!(clReleaseEvent(user));
    assert_eq!(status(marker), CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
    setup.finish();
    ok!(clReleaseEvent(marker));
}

#[test]
fn profiling_times_never_go_back() {
    let setup = Setup::new(CL_QUEUE_PROFILING_ENABLE);
    let buffer = setup.buffer(1);
    let user = setup.user_event();
    let events = [write(&setup, buffer, &1, &[]), write(&setup, buffer, &1, &[user]), setup.marker(&[])];
    let early = {
        let mut time = 0u64;
        let place = (&raw mut time).cast();
        cl!(clGetEventProfilingInfo(events[1], CL_PROFILING_COMMAND_QUEUED, 8, place, ptr::null_mut()))
    };
    assert_eq!(early, CL_PROFILING_INFO_NOT_AVAILABLE);
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    let mut last_end = 0;
    for event in events {
        let times = [
            CL_PROFILING_COMMAND_QUEUED,
            CL_PROFILING_COMMAND_SUBMIT,
            CL_PROFILING_COMMAND_START,
            CL_PROFILING_COMMAND_END,
            CL_PROFILING_COMMAND_COMPLETE,
        ]
        .map(|param| info!(clGetEventProfilingInfo(event, param) as u64));
        assert!(times[0] > 0 && times.is_sorted(), "{times:?}");
        assert!(times[2] >= last_end);
        last_end = times[3];
        ok!(clReleaseEvent(event));
    }
    ok!(clReleaseEvent(user));
    ok!(clReleaseMemObject(buffer));
    // Not on a queue without it.
    let plain = Setup::in_order();
    let marker = plain.marker(&[]);
    let code = cl!(clGetEventProfilingInfo(marker, CL_PROFILING_COMMAND_END, 0, ptr::null_mut(), ptr::null_mut()));
    assert_eq!(code, CL_PROFILING_INFO_NOT_AVAILABLE);
    ok!(clReleaseEvent(marker));
}

/// Notes each status that it is called with, as a digit from the left.
unsafe extern "C" fn note(event: cl_event, status: cl_int, data: *mut c_void) {
    // The event is there even if the program has released it.
    assert!(info!(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS) as cl_int) <= status);
    // SAFETY: each test passes an atomic that outlives its events.
    let notes = unsafe { &*data.cast::<AtomicI32>() };
    notes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |all| Some(all * 10 + status + 1)).unwrap();
}

#[test]
fn callbacks_come_for_each_stage_and_each_once() {
    let setup = Setup::in_order();
    let notes = AtomicI32::new(0);
    let data = (&raw const notes).cast_mut().cast::<c_void>();
    let user = setup.user_event();
    let marker = setup.marker(&[user]);
    for at in [CL_COMPLETE, CL_RUNNING, CL_SUBMITTED] {
        ok!(clSetEventCallback(marker, at, Some(note), data));
    }
    assert_eq!(notes.load(Ordering::SeqCst), 0);
    ok!(clFlush(setup.queue));
    assert_eq!(notes.load(Ordering::SeqCst), 3);
    let kept = marker;
    ok!(clReleaseEvent(marker));
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    assert_eq!(notes.load(Ordering::SeqCst), 321);
    assert_eq!(cl!(clRetainEvent(kept)), CL_INVALID_EVENT);
    // On an event that is complete it comes at once.
    notes.store(0, Ordering::SeqCst);
    ok!(clSetEventCallback(user, CL_COMPLETE, Some(note), data));
    assert_eq!(notes.load(Ordering::SeqCst), 1);
    assert_eq!(cl!(clSetEventCallback(user, CL_QUEUED, Some(note), data)), CL_INVALID_VALUE);
    assert_eq!(cl!(clSetEventCallback(user, CL_COMPLETE, None, data)), CL_INVALID_VALUE);
    ok!(clReleaseEvent(user));
}

#[test]
fn a_failure_is_told_to_every_callback() {
    unsafe extern "C" fn add(_event: cl_event, status: cl_int, data: *mut c_void) {
        // SAFETY: the test passes an atomic that outlives its events.
        unsafe { &*data.cast::<AtomicI32>() }.fetch_add(status, Ordering::SeqCst);
    }
    let setup = Setup::in_order();
    let sum = AtomicI32::new(0);
    let data = (&raw const sum).cast_mut().cast::<c_void>();
    let user = setup.user_event();
    ok!(clSetEventCallback(user, CL_COMPLETE, Some(add), data));
    ok!(clSetEventCallback(user, CL_RUNNING, Some(add), data));
    ok!(clSetUserEventStatus(user, -50));
    assert_eq!(sum.load(Ordering::SeqCst), -100);
    ok!(clReleaseEvent(user));
}

/// A callback that resolves a user event on which a command of another queue waits, and waits for that one.
#[test]
fn callbacks_may_call_the_driver() {
    static DONE: AtomicU32 = AtomicU32::new(0);
    struct Chain {
        next: cl_event,
        waits: cl_event,
        queue: cl_command_queue,
    }
    unsafe extern "C" fn go_on(_event: cl_event, _status: cl_int, data: *mut c_void) {
        // SAFETY: the test passes a Chain that outlives its events.
        let chain = unsafe { &*data.cast::<Chain>() };
        ok!(clSetUserEventStatus(chain.next, CL_COMPLETE));
        ok!(clWaitForEvents(1, &chain.waits));
        ok!(clFinish(chain.queue));
        DONE.store(1, Ordering::SeqCst);
    }
    let (setup, start) = (Setup::in_order(), Setup::in_order());
    let next = setup.user_event();
    let waits = setup.marker(&[next]);
    let chain = Chain { next, waits, queue: setup.queue };
    let first = start.user_event();
    ok!(clSetEventCallback(first, CL_COMPLETE, Some(go_on), (&raw const chain).cast_mut().cast()));
    ok!(clSetUserEventStatus(first, CL_COMPLETE));
    assert_eq!(DONE.load(Ordering::SeqCst), 1);
    for event in [next, waits, first] {
        ok!(clReleaseEvent(event));
    }
}

#[test]
fn a_long_chain_across_queues_needs_no_deep_stack() {
    let setup = Setup::in_order();
    let other = make!(clCreateCommandQueue(setup.context, device(), CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE));
    let user = setup.user_event();
    let mut events = vec![user];
    for index in 0..5000 {
        let (last, mut event) = (events[index], ptr::null_mut());
        let queue = if index % 2 == 0 { other } else { setup.queue };
        ok!(clEnqueueMarkerWithWaitList(queue, 1, &last, &mut event));
        events.push(event);
    }
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    ok!(clWaitForEvents(events.len() as u32, events.as_ptr()));
    for event in events {
        assert_eq!(status(event), CL_COMPLETE);
        ok!(clReleaseEvent(event));
    }
    ok!(clReleaseCommandQueue(other));
}

#[test]
fn wait_lists_are_checked() {
    let (setup, foreign) = (Setup::in_order(), Setup::in_order());
    let event = foreign.user_event();
    let marker = |count, first| cl!(clEnqueueMarkerWithWaitList(setup.queue, count, first, ptr::null_mut()));
    assert_eq!(marker(1, ptr::null()), CL_INVALID_EVENT_WAIT_LIST);
    assert_eq!(marker(0, &event), CL_INVALID_EVENT_WAIT_LIST);
    assert_eq!(marker(1, &setup.queue), CL_INVALID_EVENT_WAIT_LIST);
    assert_eq!(marker(1, &event), CL_INVALID_CONTEXT);
    assert_eq!(cl!(clWaitForEvents(0, ptr::null())), CL_INVALID_VALUE);
    assert_eq!(cl!(clWaitForEvents(1, &setup.queue)), CL_INVALID_EVENT);
    ok!(clReleaseEvent(event));
}
