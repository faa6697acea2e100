//! Command queues, and what all their commands have in common: wait lists, events, and errors that come late.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLockReadGuard, Weak};

use opencl_sys::{
    CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, CL_INVALID_CONTEXT, CL_INVALID_DEVICE, CL_INVALID_EVENT_WAIT_LIST,
    CL_INVALID_QUEUE_PROPERTIES, CL_INVALID_VALUE, CL_QUEUE_ON_DEVICE, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE,
    CL_QUEUE_PROPERTIES, cl_event, cl_int,
};
use remora_protocol::message::Reply;
use remora_protocol::opencl::{CreateCommandQueue, EventStatus, Status};
use remora_protocol::{Bulk, Handle, List};

use super::context::{Context, Device};
use super::device_queue::QueueFacts;
use super::driver::{Object, call, check, create};
use super::events::Event;
use super::replies::Replies;
use super::shared::Shared;
use super::violation::Violation;
use crate::lock;

/// A command queue.
pub struct Queue {
    object: Object,
    /// Its context.
    pub context: Arc<Context>,
    /// Its device.
    pub device: Arc<Device>,
    /// Its stream.
    pub stream: u32,
    /// Where its commands are answered.
    pub replies: Arc<Replies>,
    /// Whether its commands may overtake each other.
    pub out_of_order: bool,
    /// The first error of a command that could not tell anybody.
    late: Mutex<Option<cl_int>>,
    /// Whether something was enqueued since the last flush.
    unflushed: AtomicBool,
    /// Events of its commands that the program may still ask about.
    events: Mutex<Vec<(Handle, Weak<Event>)>>,
}

/// When this many events are remembered, those that are gone are forgotten.
const MANY: usize = 256;

impl Queue {
    /// Executes `CreateCommandQueue`, but for the stream.
    ///
    /// # Errors
    /// The code for the program.
    pub fn create(
        shared: &Shared,
        message: &CreateCommandQueue<'_>,
        replies: Arc<Replies>,
    ) -> Result<Arc<Self>, cl_int> {
        let context = shared.tables.contexts.get(message.context)?;
        let device = shared.tables.devices.get(message.device)?;
        if device.platform != context.platform {
            return Err(CL_INVALID_DEVICE);
        }
        let properties = queue_properties(&message.properties);
        if properties & CL_QUEUE_ON_DEVICE != 0 {
            return Err(CL_INVALID_QUEUE_PROPERTIES);
        }
        let modern = context.version >= (2, 0) && shared.driver.clCreateCommandQueueWithProperties.is_some();
        let ended: Vec<u64> = message.properties.iter().chain([0, 0]).collect();
        let (raw_context, raw_device, list) = (context.raw(), device.id(), ended.as_ptr());
        let raw = if message.with_properties && modern {
            // SAFETY: live objects, and a list that ends with 0, also where the client's last name has no value.
            unsafe { create!(shared.driver, clCreateCommandQueueWithProperties(raw_context, raw_device, list)) }
        } else if message.with_properties && context.extensions.clCreateCommandQueueWithPropertiesKHR.is_some() {
            // SAFETY: as above.
            unsafe { create!(context.extensions, clCreateCommandQueueWithPropertiesKHR(raw_context, raw_device, list)) }
        } else {
            super::context::create_queue(shared.driver, &context, &device, properties)
        }?;
        Ok(Arc::new(Self {
            // SAFETY: the driver has just made it for us.
            object: unsafe { Object::new(raw, shared.driver.clReleaseCommandQueue) },
            context,
            device,
            stream: message.stream,
            replies,
            out_of_order: properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE != 0,
            late: Mutex::new(None),
            unflushed: AtomicBool::new(false),
            events: Mutex::default(),
        }))
    }

    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }

    /// What the program can ask about it.
    #[must_use]
    pub fn facts(&self, shared: &Shared) -> QueueFacts {
        if self.context.version < (2, 0) {
            // Such a driver knows of no queues on devices, and need not be bothered.
            return QueueFacts { no_default: CL_INVALID_VALUE, size: 0 };
        }
        QueueFacts::of(shared.driver, &self.object)
    }

    /// Gives everything to the device that has not been yet.
    pub fn flush(&self, shared: &Shared) {
        if self.unflushed.swap(false, Ordering::SeqCst) {
            // SAFETY: a live queue.
            let code = unsafe { call!(shared.driver, clFlush(self.raw())) };
            if code != 0 {
                tracing::warn!(code, "clFlush");
            }
        }
    }

    /// Waits for everything in it.
    ///
    /// # Errors
    /// The driver's code.
    pub fn finish(&self, shared: &Shared) -> Result<(), cl_int> {
        self.unflushed.store(false, Ordering::SeqCst);
        // SAFETY: a live queue.
        check(unsafe { call!(shared.driver, clFinish(self.raw())) })
    }

    /// Whether waiting for it may block its executor: nothing that only another call of the program can resolve may be in
    /// the way.
    #[must_use]
    pub fn may_block(&self, shared: &Shared) -> bool {
        !self.out_of_order && shared.unresolved.load(Ordering::SeqCst) <= 0
    }

    /// Something has been enqueued.
    pub fn enqueued(&self) {
        self.unflushed.store(true, Ordering::SeqCst);
    }

    /// An error that nobody could be told of. The first is what the next finish says.
    pub fn late(&self, code: cl_int) {
        lock(&self.late).get_or_insert(code);
    }

    /// Takes the late error.
    pub fn take_late(&self) -> Option<cl_int> {
        lock(&self.late).take()
    }

    fn remember(&self, handle: Handle, event: &Arc<Event>) {
        let mut events = lock(&self.events);
        if events.len() >= MANY && events.len() == events.capacity() {
            events.retain(|(_, event)| event.strong_count() > 0);
        }
        events.push((handle, Arc::downgrade(event)));
    }

    /// Tells of all commands that have failed on the device, and forgets those that have ended.
    pub fn tell_failures(&self, shared: &Shared) {
        lock(&self.events).retain(|(handle, event)| {
            let Some(event) = event.upgrade() else { return false };
            let state = event.status(shared.driver);
            if state < 0 {
                shared.notices.send(&EventStatus { event: *handle, state }, None);
            }
            state > 0
        });
    }
}

/// What a list of names and values says of CL_QUEUE_PROPERTIES.
#[must_use]
pub fn queue_properties(list: &List<'_, u64>) -> u64 {
    let list: Vec<u64> = list.iter().collect();
    let named = list.chunks_exact(2).filter(|pair| pair[0] == u64::from(CL_QUEUE_PROPERTIES));
    named.fold(0, |all, pair| all | pair[1])
}

/// One command of a queue, about to be executed.
pub struct At<'a> {
    /// The session.
    pub shared: &'a Arc<Shared>,
    /// The queue.
    pub queue: &'a Arc<Queue>,
    /// Its place in the stream.
    pub position: u64,
    /// Whether the program waits for the outcome.
    pub answer: bool,
    /// The bulk bytes that came with it.
    pub bulk: Option<Bulk>,
    /// What it is called.
    pub name: &'static str,
}

/// What a command came to: the event if it has one, or the code with which it was refused. A refusal has been taken care
/// of already.
pub type Enqueued = Result<Option<Arc<Event>>, cl_int>;

/// What keeps the events of a wait list as they are until the driver has them.
#[derive(Default)]
pub struct Kept<'a> {
    _events: Vec<Arc<Event>>,
    _stable: Option<RwLockReadGuard<'a, ()>>,
}

impl At<'_> {
    /// The command counts as executed, and is answered.
    pub fn reply<R: Reply>(&self, reply: &R, bulk: Option<Bulk>) {
        self.shared.progress.publish(self.queue.stream, self.position);
        self.shared.stats.round_trips.add(1);
        self.queue.replies.send(&self.shared.notices, self.position, reply, bulk);
    }

    /// Answers with a code, if an answer was asked for.
    pub fn reply_status(&self, code: cl_int) {
        if self.answer {
            self.reply(&Status { code }, None);
        }
    }

    /// Enqueues something: looks up what it waits for, calls the driver by `enqueue` (which gets the wait list and where
    /// to put the event), and names the event. With `track`, there is an event even if the program asked for none.
    ///
    /// # Errors
    /// If `event` can't be named.
    pub fn enqueue(
        &self,
        event: Handle,
        wait: &List<'_, Handle>,
        track: bool,
        enqueue: impl FnOnce(&[cl_event], *mut cl_event) -> Result<(), cl_int>,
    ) -> Result<Enqueued, Violation> {
        let waits = match self.waits(wait) {
            Ok(waits) => waits,
            Err(code) => return self.refused(event, code).map(|()| Err(code)),
        };
        let (raw_waits, kept) = waits;
        let mut raw = ptr::null_mut();
        let wanted = track || !event.is_none();
        let target = if wanted { &raw mut raw } else { ptr::null_mut() };
        let enqueued = enqueue(&raw_waits, target);
        drop(kept);
        if let Err(code) = enqueued {
            return self.refused(event, code).map(|()| Err(code));
        }
        self.queue.enqueued();
        if !wanted || raw.is_null() {
            return Ok(Ok(None));
        }
        // SAFETY: the driver has just made it, and gave us its reference.
        let made = unsafe { Event::of_command(self.shared.driver, self.queue, self.position, raw) };
        self.named(event, Arc::new(made)).map(Ok)
    }

    /// Gives an event of this command its name.
    ///
    /// # Errors
    /// If it can't be named so.
    pub fn named(&self, handle: Handle, event: Arc<Event>) -> Result<Option<Arc<Event>>, Violation> {
        if !handle.is_none() {
            self.shared.tables.events.insert(handle, Ok(Arc::clone(&event)))?;
            self.queue.remember(handle, &event);
        }
        Ok(Some(event))
    }

    /// The driver's events of a wait list, and what keeps them alive.
    ///
    /// # Errors
    /// The code that the command fails with.
    pub fn waits(&self, wait: &List<'_, Handle>) -> Result<(Vec<cl_event>, Kept<'_>), cl_int> {
        if wait.is_empty() {
            return Ok((Vec::new(), Kept::default()));
        }
        let stable = self.shared.failing.read().unwrap_or_else(PoisonError::into_inner);
        let errors_seen = self.shared.errors_seen.load(Ordering::SeqCst);
        let events = self.shared.tables.events.get_all(wait.iter()).map_err(|_| CL_INVALID_EVENT_WAIT_LIST)?;
        let mut raw = Vec::with_capacity(events.len());
        for event in &events {
            if !Arc::ptr_eq(&event.context, &self.queue.context) {
                return Err(CL_INVALID_CONTEXT);
            }
            raw.push(event.raw().map_err(|_| CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)?);
            if errors_seen && event.status(self.shared.driver) < 0 {
                return Err(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
            }
            // Natively the program must flush what another queue waits for; here it may have asked for that after this
            // command, in a stream that is behind.
            if let Some(other) = event.queue().filter(|other| other.stream != self.queue.stream) {
                other.flush(self.shared);
            }
        }
        Ok((raw, Kept { _events: events, _stable: Some(stable) }))
    }

    /// The driver refused the command: its event fails, and the next finish says so unless the program is told now. That
    /// what it waits for has failed is said by events only, as drivers have it.
    ///
    /// # Errors
    /// If the event can't be named.
    pub fn refused(&self, event: Handle, code: cl_int) -> Result<(), Violation> {
        self.shared.stats.errors.add(1);
        if !self.answer && code != CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST {
            tracing::warn!(code, stream = self.queue.stream, position = self.position, "{} refused", self.name);
            self.queue.late(code);
        }
        if !event.is_none() {
            let failed = Arc::new(Event::failed(self.queue, self.position, code));
            self.named(event, failed)?;
            // The next settling tells the client.
            self.shared.errors_seen.store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}
