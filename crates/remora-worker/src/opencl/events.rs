//! Events: what the program waits for, watches and measures.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, Weak};

use opencl_sys::{
    CL_COMPLETE, CL_EVENT_COMMAND_EXECUTION_STATUS, CL_INVALID_OPERATION, CL_PROFILING_COMMAND_COMPLETE,
    CL_PROFILING_COMMAND_END, CL_PROFILING_COMMAND_QUEUED, CL_PROFILING_COMMAND_START, CL_PROFILING_COMMAND_SUBMIT,
    CL_PROFILING_INFO_NOT_AVAILABLE, CL_QUEUED, CL_SUBMITTED, CL_SUCCESS, cl_int,
};
use remora_protocol::Handle;
use remora_protocol::opencl::{EventDone, EventStatus, Profile};

use super::completions::{Watched, Work};
use super::context::Context;
use super::driver::{Driver, Object, call, check, create, query_number};
use super::queue::Queue;
use super::shared::Shared;

/// An event of the session.
pub struct Event {
    state: State,
    /// What it belongs to: events of other contexts can't be mixed with it.
    pub context: Arc<Context>,
    /// The queue of its command; none for a user event.
    queue: Option<Weak<Queue>>,
    /// The place of its command in the queue's stream.
    pub position: u64,
    /// For a command that the worker made of several: its interval, once it is known.
    profile: OnceLock<[u64; 5]>,
    /// Whether the interval comes from `profile` and not from the driver.
    composed: bool,
    /// For a user event: whether the program has set its status.
    resolved: AtomicBool,
}

enum State {
    Driver(Object),
    /// The driver never had it: the command was refused with this code.
    Failed(cl_int),
}

impl Event {
    /// The event of a command that the driver has accepted.
    ///
    /// # Safety
    /// `raw` is an event of the driver, with a reference that is ours.
    #[must_use]
    pub unsafe fn of_command(driver: Driver, queue: &Arc<Queue>, position: u64, raw: *mut c_void) -> Self {
        // SAFETY: by the promise of the caller.
        let object = unsafe { Object::new(raw, driver.clReleaseEvent) };
        Self::new(State::Driver(object), Arc::clone(&queue.context), Some(queue), position, false)
    }

    /// The event of a command that the worker makes of several; `done` is a user event of the driver.
    #[must_use]
    pub fn composed(queue: &Arc<Queue>, position: u64, done: Object) -> Self {
        Self::new(State::Driver(done), Arc::clone(&queue.context), Some(queue), position, true)
    }

    /// The event of a command that was refused.
    #[must_use]
    pub fn failed(queue: &Arc<Queue>, position: u64, code: cl_int) -> Self {
        Self::new(State::Failed(code), Arc::clone(&queue.context), Some(queue), position, false)
    }

    /// A user event.
    ///
    /// # Errors
    /// The driver's code.
    pub fn user(driver: Driver, context: Arc<Context>) -> Result<Self, cl_int> {
        let object = user_event(driver, &context)?;
        Ok(Self::new(State::Driver(object), context, None, 0, false))
    }

    fn new(state: State, context: Arc<Context>, queue: Option<&Arc<Queue>>, position: u64, composed: bool) -> Self {
        Self {
            state,
            context,
            queue: queue.map(Arc::downgrade),
            position,
            profile: OnceLock::new(),
            composed,
            resolved: AtomicBool::new(false),
        }
    }

    /// The driver's event.
    ///
    /// # Errors
    /// The code with which the command was refused.
    pub fn object(&self) -> Result<&Object, cl_int> {
        match &self.state {
            State::Driver(object) => Ok(object),
            State::Failed(code) => Err(*code),
        }
    }

    /// As [`Event::object`], as the driver names it.
    ///
    /// # Errors
    /// Likewise.
    pub fn raw(&self) -> Result<*mut c_void, cl_int> {
        self.object().map(Object::raw)
    }

    /// Whether the program sets its status.
    #[must_use]
    pub fn is_user(&self) -> bool {
        self.queue.is_none()
    }

    /// The queue of its command, if that lives.
    #[must_use]
    pub fn queue(&self) -> Option<Arc<Queue>> {
        self.queue.as_ref()?.upgrade()
    }

    /// What clGetEventInfo says of its execution.
    #[must_use]
    pub fn status(&self, driver: Driver) -> cl_int {
        match &self.state {
            State::Failed(code) => *code,
            State::Driver(object) => execution_status(driver, object),
        }
    }

    /// Marks a user event as resolved; false if it already was.
    pub fn resolve(&self) -> bool {
        self.is_user() && !self.resolved.swap(true, Ordering::SeqCst)
    }

    /// The interval of a composed command.
    pub fn measured(&self, interval: [u64; 5]) {
        let _ = self.profile.set(interval);
    }

    fn profile(&self, driver: Driver) -> Result<[u64; 5], cl_int> {
        let object = self.object().map_err(|_| CL_PROFILING_INFO_NOT_AVAILABLE)?;
        if self.composed {
            return self.profile.get().copied().ok_or(CL_PROFILING_INFO_NOT_AVAILABLE);
        }
        interval(driver, object)
    }
}

/// A user event that is not the program's.
///
/// # Errors
/// The driver's code.
pub fn user_event(driver: Driver, context: &Context) -> Result<Object, cl_int> {
    // SAFETY: a live context.
    let raw = unsafe { create!(driver, clCreateUserEvent(context.raw())) }?;
    // SAFETY: the driver has just made it for us.
    Ok(unsafe { Object::new(raw, driver.clReleaseEvent) })
}

/// The status of an event of the driver; an error in asking is the event's.
#[must_use]
pub fn execution_status(driver: Driver, event: &Object) -> cl_int {
    let status = query_number(|size, value, size_ret| {
        // SAFETY: a live event, and `value` has room for `size` bytes.
        unsafe { call!(driver, clGetEventInfo(event.raw(), CL_EVENT_COMMAND_EXECUTION_STATUS, size, value, size_ret)) }
    });
    match status {
        Ok(status) => cl_int::from_ne_bytes(status),
        Err(code) => code,
    }
}

/// When a command was queued, submitted, started, ended and complete.
///
/// # Errors
/// The driver's code.
pub fn interval(driver: Driver, event: &Object) -> Result<[u64; 5], cl_int> {
    let moment = |param| {
        let moment = query_number(|size, value, size_ret| {
            // SAFETY: a live event, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetEventProfilingInfo(event.raw(), param, size, value, size_ret)) }
        });
        moment.map(u64::from_ne_bytes)
    };
    let end = moment(CL_PROFILING_COMMAND_END)?;
    Ok([
        moment(CL_PROFILING_COMMAND_QUEUED)?,
        moment(CL_PROFILING_COMMAND_SUBMIT)?,
        moment(CL_PROFILING_COMMAND_START)?,
        end,
        // Since 2.0. A command without children is complete when it has ended.
        moment(CL_PROFILING_COMMAND_COMPLETE).unwrap_or(end),
    ])
}

/// Executes `CreateUserEvent`.
pub fn create_user(shared: &Arc<Shared>, context: Handle) -> Result<Arc<Event>, cl_int> {
    let context = shared.tables.contexts.get(context)?;
    let event = Event::user(shared.driver, context)?;
    shared.unresolved.fetch_add(1, Ordering::SeqCst);
    Ok(Arc::new(event))
}

/// Executes `SetUserEventStatus`.
pub fn set_user_status(shared: &Arc<Shared>, event: Handle, status: cl_int) {
    let result = shared.tables.events.get(event).and_then(|event| {
        if !event.is_user() {
            return Err(CL_INVALID_OPERATION);
        }
        if status < 0 {
            shared.errors_seen.store(true, Ordering::SeqCst);
        }
        let set = set_status(shared, event.object()?, status);
        if event.resolve() {
            shared.unresolved.fetch_sub(1, Ordering::SeqCst);
        }
        set
    });
    if let Err(code) = result {
        tracing::warn!(code, status, "SetUserEventStatus refused");
    }
}

/// Sets the status of a user event. One that fails does so while nobody hands it to the driver in a wait list: who holds
/// such a list must not call this.
///
/// # Errors
/// The driver's code.
pub fn set_status(shared: &Shared, event: &Object, status: cl_int) -> Result<(), cl_int> {
    let failing = (status < 0).then(|| shared.failing.write().unwrap_or_else(PoisonError::into_inner));
    // SAFETY: a live event. The driver says if it is no user event.
    let code = unsafe { call!(shared.driver, clSetUserEventStatus(event.raw(), status)) };
    drop(failing);
    if status < 0 {
        shared.completions.sweep();
    }
    check(code)
}

/// The program has let go of an event. What a user event held up stays held up, but no longer counts.
pub fn released(shared: &Shared, event: &Event) {
    if event.resolve() {
        shared.unresolved.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Executes `WatchEvent`.
pub fn watch(shared: &Arc<Shared>, handle: Handle, state: cl_int) {
    let event = match shared.tables.events.get(handle) {
        Ok(event) => event,
        Err(code) => {
            shared.completions.push(Work::Run(Box::new(move |shared, _| tell(shared, handle, code))), code);
            return;
        }
    };
    match event.raw() {
        Err(code) => shared.completions.push(Work::Run(Box::new(move |shared, _| tell(shared, handle, code))), code),
        Ok(_) => {
            // The program is told of it in its own time, but it must come to pass.
            if let Some(queue) = event.queue() {
                queue.flush(shared);
            }
            // What is told is what the driver says then, which may be later than what was asked for.
            let work = Work::Run(Box::new(move |shared, reached| tell(shared, handle, reached)));
            let state = state.clamp(CL_COMPLETE, CL_SUBMITTED);
            shared.completions.when(shared.driver, Watched::Event(Arc::clone(&event)), state, work);
        }
    }
}

fn tell(shared: &Shared, event: Handle, state: cl_int) {
    if state < 0 {
        shared.errors_seen.store(true, Ordering::SeqCst);
    }
    shared.notices.send(&EventStatus { event, state }, None);
}

/// Executes `GetEventStatus`. A command that its stream has not come to yet is queued.
pub fn status_now(shared: &Shared, handle: Handle) -> EventDone {
    let state = match shared.tables.events.get(handle) {
        Ok(event) => {
            let state = event.status(shared.driver);
            if state <= CL_COMPLETE {
                // What the command read and printed comes before the word of its end.
                shared.settle();
            } else if let Some(queue) = event.queue() {
                queue.flush(shared);
            }
            state
        }
        Err(_) => CL_QUEUED,
    };
    EventDone { code: CL_SUCCESS, state }
}

/// Executes `GetEventProfiling`.
pub fn profile(shared: &Shared, event: Handle) -> Profile {
    match shared.tables.events.get(event).and_then(|event| event.profile(shared.driver)) {
        Ok(values) => Profile { code: CL_SUCCESS, values },
        Err(code) => Profile { code, values: [0; 5] },
    }
}
