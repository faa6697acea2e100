//! Events.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::Kind;
use remora_protocol::opencl::{CreateUserEvent, GetEventProfiling, Profile, SetUserEventStatus};

use crate::api::context::Context;
use crate::error::{Error, Result, check, ensure};
use crate::event::Event;
use crate::info::Answer;
use crate::object::{Remote, pointer_of, publish, references, release, retain, share};

/// # Safety
/// As clWaitForEvents.
pub unsafe fn wait_for_events(num_events: cl_uint, list: *const cl_event) -> Result<()> {
    ensure(num_events > 0 && !list.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives `num_events` events.
    let pointers = unsafe { std::slice::from_raw_parts(list, num_events as usize) };
    // SAFETY: passed on to the caller.
    let events = pointers.iter().map(|event| unsafe { share(*event) }).collect::<Result<Vec<Arc<Event>>>>()?;
    for event in &events {
        ensure(Arc::ptr_eq(&event.context, &events[0].context), CL_INVALID_CONTEXT)?;
    }
    let mut failed = false;
    // The last first: when it is complete, so are those before it in its queue.
    for event in events.iter().rev() {
        failed |= event.wait()? < 0;
    }
    ensure(!failed, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
}

/// # Safety
/// As clGetEventInfo.
pub unsafe fn get_event_info(
    event: cl_event,
    param_name: cl_event_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let event: Arc<Event> = share(event)?;
        match param_name {
            CL_EVENT_COMMAND_QUEUE => {
                answer.value(event.queue.as_ref().map_or(std::ptr::null_mut(), |queue| pointer_of(&**queue)))
            }
            CL_EVENT_CONTEXT => answer.value(pointer_of(&*event.context)),
            CL_EVENT_COMMAND_TYPE => answer.value(event.command_type),
            CL_EVENT_COMMAND_EXECUTION_STATUS => {
                let state = event.poll();
                if state == CL_COMPLETE {
                    event.show();
                }
                answer.value(state)
            }
            CL_EVENT_REFERENCE_COUNT => answer.value(references(&*event)),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// # Safety
/// As clRetainEvent.
pub unsafe fn retain_event(event: cl_event) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Event>(event) }
}

/// # Safety
/// As clReleaseEvent.
pub unsafe fn release_event(event: cl_event) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<Event>(event) }
}

/// # Safety
/// As clCreateUserEvent.
pub unsafe fn create_user_event(context: cl_context) -> Result<cl_event> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Event);
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let command = CreateUserEvent { event: handle, context: context.remote.handle };
    let created = session.send(session.objects(), &command, &needs, None)?;
    let remote = Remote { session, handle, created };
    Ok(publish(Event::new(remote, context, None, CL_COMMAND_USER, true)))
}

/// # Safety
/// As clSetUserEventStatus.
pub unsafe fn set_user_event_status(event: cl_event, status: cl_int) -> Result<()> {
    // SAFETY: passed on to the caller.
    let event: Arc<Event> = unsafe { share(event) }?;
    ensure(event.queue.is_none(), CL_INVALID_EVENT)?;
    ensure(status <= CL_COMPLETE, CL_INVALID_VALUE)?;
    ensure(event.set(), CL_INVALID_OPERATION)?;
    let session = &event.remote.session;
    // What the program has written before it sets the event is what a write behind it takes; see `send_part` of the client.
    session.has_news();
    let command = SetUserEventStatus { event: event.remote.handle, status };
    let sent = session.send(session.objects(), &command, &Needs::default(), None);
    // Also where the worker is gone: threads may wait for it.
    event.reached(status);
    sent?;
    Ok(())
}

/// # Safety
/// As clSetEventCallback.
pub unsafe fn set_event_callback(
    event: cl_event,
    state: cl_int,
    function: Option<unsafe extern "C" fn(cl_event, cl_int, *mut c_void)>,
    user_data: *mut c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let event: Arc<Event> = unsafe { share(event) }?;
    let function = function.ok_or(Error(CL_INVALID_VALUE))?;
    ensure([CL_SUBMITTED, CL_RUNNING, CL_COMPLETE].contains(&state), CL_INVALID_VALUE)?;
    event.add_callback(state, function, user_data);
    Ok(())
}

/// # Safety
/// As clGetEventProfilingInfo.
pub unsafe fn get_event_profiling_info(
    event: cl_event,
    param_name: cl_profiling_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let event: Arc<Event> = unsafe { share(event) }?;
    ensure(event.queue.as_ref().is_some_and(|queue| queue.profiles()), CL_PROFILING_INFO_NOT_AVAILABLE)?;
    let place = param_name.wrapping_sub(CL_PROFILING_COMMAND_QUEUED) as usize;
    ensure(place < 5, CL_INVALID_VALUE)?;
    let values = match event.profile.get() {
        Some(values) => *values,
        None => {
            ensure(event.poll() == CL_COMPLETE, CL_PROFILING_INFO_NOT_AVAILABLE)?;
            let session = &event.remote.session;
            let mut needs = Needs::default();
            event.needed_by(&mut needs);
            let command = GetEventProfiling { event: event.remote.handle };
            let (_, answer) = session.call(session.objects(), &command, &needs, None)?;
            let profile: Profile = answer.decode()?;
            check(profile.code)?;
            *event.profile.get_or_init(|| profile.values)
        }
    };
    // SAFETY: passed on to the caller.
    unsafe { Answer { size, value, size_ret }.value(values[place]) }
}
