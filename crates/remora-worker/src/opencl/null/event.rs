//! Events: status, waiting, callbacks, profiling, and user events.

use super::context::Context;
use super::ffi::{self, Outcome, Room, UserData, code, lock};
use super::pool::{self, Ref, object};
use super::queue::Queue;
use super::work;
use opencl_sys::*;
use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

type Notify = unsafe extern "C" fn(cl_event, cl_int, *mut c_void);

pub struct Event {
    origin: Origin,
    command: cl_command_type,
    /// CL_QUEUED down to CL_COMPLETE, or a negative code. Written with `inner` locked once others can see the event.
    status: AtomicI32,
    /// When it was queued, submitted, started and ended; only kept for a queue that profiles.
    times: [AtomicU64; 4],
    inner: Mutex<Inner>,
    changed: Condvar,
}

enum Origin {
    Command(Ref<Queue>),
    User(Ref<Context>),
}

#[derive(Default)]
struct Inner {
    /// Queues with commands that wait for this event.
    waiters: Vec<Ref<Queue>>,
    callbacks: Vec<(cl_int, Notify, UserData)>,
    sleepers: u32,
}

/// When a command passed which stage.
#[derive(Clone, Copy)]
pub enum Stage {
    Queued,
    Submitted,
    Started,
    Ended,
}

object!(Event, 3, CL_INVALID_EVENT, {
    fn abandoned(this: &Ref<Event>) {
        // Nobody can set a user event any more whose last reference is given up; what waits for it must not for ever.
        if matches!(this.origin, Origin::User(_)) && this.resolve(CL_INVALID_EVENT) {
            work::settle();
        }
    }
});

impl Event {
    /// The event of a command, queued now.
    pub fn of_command(queue: &Ref<Queue>, command: cl_command_type) -> Outcome<Ref<Event>> {
        Event::create(Origin::Command(queue.clone()), command, CL_QUEUED)
    }

    fn create(origin: Origin, command: cl_command_type, status: cl_int) -> Outcome<Ref<Event>> {
        Ref::new(Event {
            origin,
            command,
            status: AtomicI32::new(status),
            times: [const { AtomicU64::new(0) }; 4],
            inner: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    pub fn context(&self) -> &Ref<Context> {
        match &self.origin {
            Origin::Command(queue) => &queue.context,
            Origin::User(context) => context,
        }
    }

    /// CL_EVENT_COMMAND_EXECUTION_STATUS.
    pub fn status(&self) -> cl_int {
        self.status.load(Ordering::Acquire)
    }

    /// Complete or failed.
    pub fn is_done(&self) -> bool {
        self.status() <= CL_COMPLETE
    }

    pub fn stamp(&self, stage: Stage, time: u64) {
        self.times[stage as usize].store(time, Ordering::Relaxed);
    }

    fn time(&self, stage: Stage) -> u64 {
        self.times[stage as usize].load(Ordering::Relaxed)
    }

    /// Sets the final status of an event that nobody else knows yet.
    pub fn resolve_unseen(&self, status: cl_int) {
        self.status.store(status, Ordering::Release);
    }

    /// Has `queue` drained when the event is done. False if it is already.
    pub fn wake_when_done(&self, queue: &Ref<Queue>) -> bool {
        let mut inner = lock(&self.inner);
        if self.is_done() {
            return false;
        }
        if !inner.waiters.iter().any(|waiter| waiter.is(queue)) {
            inner.waiters.push(queue.clone());
        }
        true
    }

    /// Sleeps until the event is done, and gives its status.
    pub fn wait(&self) -> cl_int {
        work::settle_before_wait();
        let mut inner = lock(&self.inner);
        while !self.is_done() {
            inner.sleepers += 1;
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.sleepers -= 1;
        }
        self.status()
    }

    fn profile(&self, param: cl_profiling_info, room: Room) -> Outcome<()> {
        let profiled = matches!(&self.origin, Origin::Command(queue) if queue.profiles());
        if !profiled || self.status() != CL_COMPLETE {
            return Err(CL_PROFILING_INFO_NOT_AVAILABLE);
        }
        room.put(self.time(match param {
            CL_PROFILING_COMMAND_QUEUED => Stage::Queued,
            CL_PROFILING_COMMAND_SUBMIT => Stage::Submitted,
            CL_PROFILING_COMMAND_START => Stage::Started,
            CL_PROFILING_COMMAND_END | CL_PROFILING_COMMAND_COMPLETE => Stage::Ended,
            _ => return Err(CL_INVALID_VALUE),
        }))
    }
}

impl Ref<Event> {
    /// Passes to CL_SUBMITTED or CL_RUNNING. What follows is on the thread's list (see `work`).
    pub fn advance(&self, status: cl_int) {
        let mut inner = lock(&self.inner);
        if self.status() > status {
            self.status.store(status, Ordering::Release);
            let due = self.take_due(&mut inner, status);
            drop(inner);
            work::call(due);
        }
    }

    /// Sets the final status, unless there is one. What follows is on the thread's list (see `work`).
    pub fn resolve(&self, status: cl_int) -> bool {
        let mut inner = lock(&self.inner);
        if self.is_done() {
            return false;
        }
        self.status.store(status, Ordering::Release);
        let waiters = std::mem::take(&mut inner.waiters);
        let due = self.take_due(&mut inner, status);
        let sleepers = inner.sleepers;
        drop(inner);
        if sleepers > 0 {
            self.changed.notify_all();
        }
        work::wake(waiters);
        work::call(due);
        true
    }

    fn take_due(&self, inner: &mut Inner, status: cl_int) -> Vec<Callback> {
        let (due, later) = std::mem::take(&mut inner.callbacks).into_iter().partition(|(at, ..)| *at >= status);
        inner.callbacks = later;
        let due: Vec<_> = due;
        due.into_iter().map(|due| self.callback(due, status)).collect()
    }

    fn callback(&self, (at, function, data): (cl_int, Notify, UserData), status: cl_int) -> Callback {
        Callback { event: self.clone(), status: if status < 0 { status } else { at }, function, data }
    }

    fn info(&self, param: cl_event_info, room: Room) -> Outcome<()> {
        match param {
            CL_EVENT_COMMAND_QUEUE => room.put(match &self.origin {
                Origin::Command(queue) => queue.handle(),
                Origin::User(_) => std::ptr::null_mut(),
            }),
            CL_EVENT_CONTEXT => room.put(self.context().handle()),
            CL_EVENT_COMMAND_TYPE => room.put(self.command),
            CL_EVENT_COMMAND_EXECUTION_STATUS => room.put(self.status()),
            CL_EVENT_REFERENCE_COUNT => room.put(self.count()),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

/// A callback that is due.
pub struct Callback {
    event: Ref<Event>,
    status: cl_int,
    function: Notify,
    data: UserData,
}

impl Callback {
    /// Calls it. The event's handle is good meanwhile, even if the program has released it since.
    pub fn run(self) {
        // SAFETY: the program registered this function to be called now, with this data.
        self.event.lend(|handle| unsafe { (self.function)(handle, self.status, self.data.0) });
    }
}

/// The events that a command must wait for.
#[derive(Default)]
pub struct WaitList {
    /// Those not done yet.
    pub unmet: Vec<Ref<Event>>,
    /// One of them failed already.
    pub failed: bool,
    /// Whether the caller named any: a marker or barrier without waits for all earlier commands.
    pub is_given: bool,
}

impl WaitList {
    /// # Safety
    /// `first` is NULL or points to `count` handles.
    pub unsafe fn new(context: &Ref<Context>, count: cl_uint, first: *const cl_event) -> Outcome<WaitList> {
        let mut list = WaitList::default();
        if count == 0 && first.is_null() {
            return Ok(list);
        }
        // SAFETY: the caller's promise.
        for &handle in unsafe { ffi::list(count, first) }.map_err(|_| CL_INVALID_EVENT_WAIT_LIST)? {
            let event: Ref<Event> = Ref::find(handle).map_err(|_| CL_INVALID_EVENT_WAIT_LIST)?;
            if !event.context().is(context) {
                return Err(CL_INVALID_CONTEXT);
            }
            match event.status() {
                CL_COMPLETE => {}
                status if status < 0 => list.failed = true,
                _ => list.unmet.push(event),
            }
        }
        list.is_given = true;
        Ok(list)
    }
}

pub unsafe extern "C" fn create_user_event(context: cl_context, errcode_ret: *mut cl_int) -> cl_event {
    let made =
        Ref::find(context).and_then(|context| Event::create(Origin::User(context), CL_COMMAND_USER, CL_SUBMITTED));
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn set_user_event_status(event: cl_event, status: cl_int) -> cl_int {
    let outcome = Ref::find(event).and_then(|event: Ref<Event>| {
        if matches!(event.origin, Origin::Command(_)) {
            return Err(CL_INVALID_EVENT);
        }
        if status > CL_COMPLETE {
            return Err(CL_INVALID_VALUE);
        }
        if event.resolve(status) { Ok(()) } else { Err(CL_INVALID_OPERATION) }
    });
    work::settle();
    code(outcome)
}

pub unsafe extern "C" fn wait_for_events(count: cl_uint, first: *const cl_event) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    code(unsafe { ffi::list(count, first) }.and_then(|handles| {
        let events: Vec<Ref<Event>> = handles.iter().map(|&handle| Ref::find(handle)).collect::<Outcome<_>>()?;
        if events.iter().any(|event| !event.context().is(events[0].context())) {
            return Err(CL_INVALID_CONTEXT);
        }
        // All of them, also after one that failed.
        let failed = events.iter().filter(|event| event.wait() < 0).count();
        if failed == 0 { Ok(()) } else { Err(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) }
    }))
}

pub unsafe extern "C" fn set_event_callback(
    event: cl_event,
    at: cl_int,
    function: Option<Notify>,
    data: *mut c_void,
) -> cl_int {
    let outcome = Ref::find(event).and_then(|event: Ref<Event>| {
        let function = function.ok_or(CL_INVALID_VALUE)?;
        if !(CL_COMPLETE..=CL_SUBMITTED).contains(&at) {
            return Err(CL_INVALID_VALUE);
        }
        let mut inner = lock(&event.inner);
        let status = event.status();
        let callback = (at, function, UserData(data));
        if status <= at {
            drop(inner);
            work::call(vec![event.callback(callback, status)]);
        } else {
            inner.callbacks.push(callback);
        }
        Ok(())
    });
    work::settle();
    code(outcome)
}

pub unsafe extern "C" fn retain_event(event: cl_event) -> cl_int {
    code(pool::retain::<Event>(event))
}

pub unsafe extern "C" fn release_event(event: cl_event) -> cl_int {
    code(pool::release::<Event>(event))
}

pub unsafe extern "C" fn get_event_info(
    event: cl_event,
    param: cl_event_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(event).and_then(|event: Ref<Event>| event.info(param, room)))
}

pub unsafe extern "C" fn get_event_profiling_info(
    event: cl_event,
    param: cl_profiling_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(event).and_then(|event: Ref<Event>| event.profile(param, room)))
}
