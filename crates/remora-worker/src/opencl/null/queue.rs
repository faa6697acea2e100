//! Command queues: when a command runs, and on which thread.
//!
//! A command whose dependencies are met when it is enqueued runs there and then, on the caller's thread. Any other waits
//! in its queue until whoever resolves the last dependency drains the queue. An in-order queue runs one command at a time,
//! in order; an out-of-order queue runs each as soon as its wait list and the barriers before it allow.

use super::clock;
use super::context::Context;
use super::device::Device;
use super::device_info::QUEUE_PROPERTIES;
use super::event::{Event, Stage, WaitList};
use super::ffi::{self, EventOut, Outcome, Room, code, lock};
use super::operation::Operation;
use super::pool::{self, Ref, object};
use super::work;
use opencl_sys::*;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::{Condvar, Mutex, PoisonError};

pub struct Queue {
    pub context: Ref<Context>,
    device: Ref<Device>,
    properties: cl_command_queue_properties,
    /// What clCreateCommandQueueWithProperties got.
    list: Vec<cl_queue_properties>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Position of the latest command; they count from 1.
    last: u64,
    /// Positions of the commands that some thread is running now.
    running: Vec<u64>,
    /// Commands that wait, in order of position.
    pending: VecDeque<Pending>,
    sleepers: u32,
}

struct Pending {
    position: u64,
    operation: Operation,
    order: Order,
    wait: Vec<Ref<Event>>,
    failed: bool,
    event: Option<Ref<Event>>,
}

/// How a command stands to others of an out-of-order queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Only its wait list counts.
    Free,
    /// After all earlier commands.
    Marker,
    /// After all earlier commands (unless it has a wait list) and before all later ones.
    Barrier { waits_for_all: bool },
}

/// What to enqueue, and what its caller wants to know of it.
pub struct Command {
    pub kind: cl_command_type,
    pub operation: Operation,
    pub order: Order,
    pub wait: WaitList,
    pub event: EventOut,
    pub is_blocking: bool,
}

object!(Queue, 4, CL_INVALID_COMMAND_QUEUE);

impl Queue {
    fn is_in_order(&self) -> bool {
        self.properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE == 0
    }

    /// Whether its events keep times.
    pub fn profiles(&self) -> bool {
        self.properties & CL_QUEUE_PROFILING_ENABLE != 0
    }

    pub fn device(&self) -> &Ref<Device> {
        &self.device
    }

    /// Does the work of a command whose turn it is; its final status.
    fn run(&self, operation: &mut Operation, failed: bool, event: Option<&Ref<Event>>) -> cl_int {
        if failed {
            return CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
        }
        let Some(event) = event.filter(|_| self.profiles()) else {
            operation.run();
            return CL_COMPLETE;
        };
        let start = clock::now();
        event.stamp(Stage::Submitted, start);
        event.stamp(Stage::Started, start);
        operation.run();
        event.stamp(Stage::Ended, clock::now());
        CL_COMPLETE
    }

    /// Takes a command off the running ones. True if others wait.
    fn leave(&self, position: u64) -> bool {
        let mut state = lock(&self.state);
        state.running.retain(|&other| other != position);
        if state.sleepers > 0 {
            self.changed.notify_all();
        }
        !state.pending.is_empty()
    }

    /// Tells the events of what is still queued that it is submitted.
    fn flush(&self) {
        let events: Vec<Ref<Event>> =
            lock(&self.state).pending.iter().filter_map(|pending| pending.event.clone()).collect();
        events.iter().for_each(|event| event.advance(CL_SUBMITTED));
        work::settle();
    }

    /// Sleeps until all that was enqueued before is done.
    fn finish(&self) {
        self.flush();
        work::settle_before_wait();
        let mut state = lock(&self.state);
        let last = state.last;
        while state.has_unfinished(last) {
            state.sleepers += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleepers -= 1;
        }
    }
}

impl Ref<Queue> {
    /// Runs the command now or queues it.
    pub fn submit(&self, mut command: Command) -> Outcome<()> {
        let event = match command.event.is_wanted() {
            true => Some(Event::of_command(self, command.kind)?),
            false => None,
        };
        if let Some(event) = event.as_ref().filter(|_| self.profiles()) {
            event.stamp(Stage::Queued, clock::now());
        }
        let mut state = lock(&self.state);
        if !command.wait.unmet.is_empty() || !state.admits(self.is_in_order(), command.order) {
            drop(state);
            return self.postpone(command, event);
        }
        state.last += 1;
        let position = state.last;
        state.running.push(position);
        drop(state);
        let status = self.run(&mut command.operation, command.wait.failed, event.as_ref());
        if let Some(event) = event {
            event.resolve_unseen(status);
            command.event.give(event);
        }
        self.finished(position);
        if command.is_blocking && status < 0 { Err(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) } else { Ok(()) }
    }

    fn postpone(&self, mut command: Command, event: Option<Ref<Event>>) -> Outcome<()> {
        // A blocking call waits for the command's event, so there is one even if nobody asked.
        let event = match event {
            None if command.is_blocking => Some(Event::of_command(self, command.kind)?),
            other => other,
        };
        command.operation.keep();
        let unmet = command.wait.unmet.clone();
        let mut state = lock(&self.state);
        state.last += 1;
        let position = state.last;
        state.pending.push_back(Pending {
            position,
            operation: command.operation,
            order: command.order,
            wait: command.wait.unmet,
            failed: command.wait.failed,
            event: event.clone(),
        });
        drop(state);
        // What it waits for may have happened before this queue was noted as waiting.
        for event in unmet {
            event.wake_when_done(self);
        }
        if let Some(event) = event.as_ref().filter(|_| command.event.is_wanted()) {
            command.event.give(event.clone());
        }
        work::wake(vec![self.clone()]);
        work::settle();
        match event.filter(|_| command.is_blocking) {
            Some(event) if event.wait() < 0 => Err(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
            _ => Ok(()),
        }
    }

    /// Runs what is ready.
    pub fn drain(&self) {
        loop {
            let mut state = lock(&self.state);
            let Some(mut pending) = state.take_ready(self.is_in_order()) else { return };
            state.running.push(pending.position);
            drop(state);
            if let Some(event) = &pending.event {
                event.advance(CL_SUBMITTED);
                event.advance(CL_RUNNING);
            }
            let failed = pending.failed || pending.wait.iter().any(|event| event.status() < 0);
            let status = self.run(&mut pending.operation, failed, pending.event.as_ref());
            if let Some(event) = &pending.event {
                event.resolve(status);
            }
            let position = pending.position;
            // Lets go of memory objects and so on before clFinish can return.
            drop(pending);
            self.leave(position);
        }
    }

    fn finished(&self, position: u64) {
        if self.leave(position) {
            work::wake(vec![self.clone()]);
        }
        work::settle();
    }

    fn info(&self, param: cl_command_queue_info, room: Room) -> Outcome<()> {
        match param {
            CL_QUEUE_CONTEXT => room.put(self.context.handle()),
            CL_QUEUE_DEVICE => room.put(self.device.handle()),
            CL_QUEUE_REFERENCE_COUNT => room.put(self.count()),
            CL_QUEUE_PROPERTIES => room.put(self.properties),
            CL_QUEUE_PROPERTIES_ARRAY => room.list(&self.list),
            CL_QUEUE_DEVICE_DEFAULT => room.put(std::ptr::null_mut::<c_void>()),
            // Only a queue on the device has a size.
            CL_QUEUE_SIZE => Err(CL_INVALID_COMMAND_QUEUE),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

impl State {
    /// Whether a command with nothing left in its wait list may run at once.
    fn admits(&self, in_order: bool, order: Order) -> bool {
        if in_order || order.waits_for_all() {
            return self.pending.is_empty() && self.running.is_empty();
        }
        !self.pending.iter().any(|pending| pending.order.holds_up_later())
    }

    fn take_ready(&mut self, in_order: bool) -> Option<Pending> {
        let mut ready = None;
        for (index, pending) in self.pending.iter().enumerate() {
            let first = index == 0 && self.running.iter().all(|&running| running > pending.position);
            let turn =
                if in_order { first && self.running.is_empty() } else { first || !pending.order.waits_for_all() };
            if turn && pending.wait.iter().all(|event| event.is_done()) {
                ready = Some(index);
                break;
            }
            if in_order || pending.order.holds_up_later() {
                break;
            }
        }
        self.pending.remove(ready?)
    }

    fn has_unfinished(&self, last: u64) -> bool {
        self.pending.front().is_some_and(|pending| pending.position <= last)
            || self.running.iter().any(|&position| position <= last)
    }
}

impl Order {
    fn waits_for_all(self) -> bool {
        matches!(self, Order::Marker | Order::Barrier { waits_for_all: true })
    }

    fn holds_up_later(self) -> bool {
        matches!(self, Order::Barrier { .. })
    }
}

fn create(
    context: cl_context,
    device: cl_device_id,
    properties: cl_command_queue_properties,
    list: Vec<cl_queue_properties>,
) -> Outcome<Ref<Queue>> {
    let context: Ref<Context> = Ref::find(context)?;
    let device: Ref<Device> = Ref::find(device)?;
    if !context.has(&device) {
        return Err(CL_INVALID_DEVICE);
    }
    let known = QUEUE_PROPERTIES | CL_QUEUE_ON_DEVICE | CL_QUEUE_ON_DEVICE_DEFAULT;
    if properties & !known != 0 {
        return Err(CL_INVALID_VALUE);
    }
    if properties & !QUEUE_PROPERTIES != 0 {
        return Err(CL_INVALID_QUEUE_PROPERTIES);
    }
    let state = State { running: Vec::with_capacity(8), ..State::default() };
    Ref::new(Queue { context, device, properties, list, state: Mutex::new(state), changed: Condvar::new() })
}

pub unsafe extern "C" fn create_command_queue(
    context: cl_context,
    device: cl_device_id,
    properties: cl_command_queue_properties,
    errcode_ret: *mut cl_int,
) -> cl_command_queue {
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(create(context, device, properties, Vec::new()), errcode_ret) }
}

pub unsafe extern "C" fn create_command_queue_with_properties(
    context: cl_context,
    device: cl_device_id,
    properties: *const cl_queue_properties,
    errcode_ret: *mut cl_int,
) -> cl_command_queue {
    let made = (|| {
        // SAFETY: the caller's promise (see `ffi`).
        let list = unsafe { ffi::properties(properties) }?;
        let mut bits = 0;
        for (name, value) in ffi::pairs(&list) {
            match name as cl_command_queue_info {
                CL_QUEUE_PROPERTIES => bits = value,
                CL_QUEUE_SIZE => return Err(CL_INVALID_QUEUE_PROPERTIES),
                _ => return Err(CL_INVALID_VALUE),
            }
        }
        create(context, device, bits, list)
    })();
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn set_command_queue_property(
    queue: cl_command_queue,
    _properties: cl_command_queue_properties,
    _enable: cl_bool,
    _old: *mut cl_command_queue_properties,
) -> cl_int {
    // Gone since OpenCL 1.1.
    code(Ref::<Queue>::find(queue).and(Err(CL_INVALID_OPERATION)))
}

pub unsafe extern "C" fn set_default_device_command_queue(
    context: cl_context,
    device: cl_device_id,
    _queue: cl_command_queue,
) -> cl_int {
    // There are no queues on the device.
    code(Ref::<Context>::find(context).and(Ref::<Device>::find(device).map(|_| ())).and(Err(CL_INVALID_OPERATION)))
}

pub unsafe extern "C" fn retain_command_queue(queue: cl_command_queue) -> cl_int {
    code(pool::retain::<Queue>(queue))
}

pub unsafe extern "C" fn release_command_queue(queue: cl_command_queue) -> cl_int {
    if let Ok(queue) = Ref::<Queue>::find(queue) {
        queue.flush();
    }
    code(pool::release::<Queue>(queue))
}

pub unsafe extern "C" fn get_command_queue_info(
    queue: cl_command_queue,
    param: cl_command_queue_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(queue).and_then(|queue: Ref<Queue>| queue.info(param, room)))
}

pub unsafe extern "C" fn flush(queue: cl_command_queue) -> cl_int {
    code(Ref::find(queue).map(|queue: Ref<Queue>| queue.flush()))
}

pub unsafe extern "C" fn finish(queue: cl_command_queue) -> cl_int {
    code(Ref::find(queue).map(|queue: Ref<Queue>| queue.finish()))
}
