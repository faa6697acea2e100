//! Putting commands into queues: wait lists, events, and what must come first.

use std::sync::Arc;

use opencl_sys::*;
use remora_client::{Answer, Needs, Staging};
use remora_protocol::message::Command;
use remora_protocol::opencl::{EnqueueRead, Status};
use remora_protocol::{Bulk, Handle, Kind};
use smallvec::SmallVec;

use crate::api::context::Context;
use crate::api::queue::Queue;
use crate::error::{Error, Result, check, ensure};
use crate::event::Event;
use crate::host_memory::HostPart;
use crate::mem::Mem;
use crate::object::{Remote, get, publish, share};

/// The events that a command waits for.
pub(crate) type Waits = SmallVec<[Handle; 4]>;

/// What the checks of a call come to, when they don't refuse it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Valid,
    /// Some drivers take it and others don't: the call's code is the driver's.
    DriversWord,
}

impl Verdict {
    pub(crate) fn valid_if(valid: bool) -> Self {
        if valid { Self::Valid } else { Self::DriversWord }
    }
}

/// A command of a queue that is being put together.
pub(crate) struct Enqueue {
    pub(crate) queue: Arc<Queue>,
    needs: Needs,
    waits: Waits,
    event: Option<Arc<Event>>,
    event_ret: *mut cl_event,
    /// Whether it waits for an event that only the program can complete.
    waits_for_gated: bool,
    /// Of the CL_MEM_USE_HOST_PTR objects that it names.
    host_parts: Vec<HostPart>,
    /// Whether it waits for an event that is known to have failed.
    waits_for_failed: bool,
    /// Events of our own that it waits for, until it has been sent: they are released after what has been sent by then.
    parts: Vec<Arc<Event>>,
}

impl Enqueue {
    /// Checks queue and wait list.
    ///
    /// # Safety
    /// The pointers are the program's, as for any clEnqueue function.
    pub(crate) unsafe fn new(
        queue: cl_command_queue,
        num_events: cl_uint,
        wait_list: *const cl_event,
        event_ret: *mut cl_event,
    ) -> Result<Self> {
        // SAFETY: passed on to the caller.
        let mut this = Self::on(unsafe { share(queue) }?, event_ret);
        // SAFETY: passed on to the caller.
        unsafe { this.wait_for(num_events, wait_list) }?;
        Ok(this)
    }

    /// For a part of what a call of the program comes to.
    pub(crate) fn part(queue: &Arc<Queue>) -> Self {
        Self::on(Arc::clone(queue), std::ptr::null_mut())
    }

    /// Waits for nothing yet but its queue.
    #[inline]
    pub(crate) fn on(queue: Arc<Queue>, event_ret: *mut cl_event) -> Self {
        Self {
            queue,
            needs: Needs::default(),
            waits: Waits::new(),
            event: None,
            event_ret,
            waits_for_gated: false,
            host_parts: Vec::new(),
            parts: Vec::new(),
            waits_for_failed: false,
        }
    }

    /// Waits for `event` as well.
    pub(crate) fn after(mut self, event: &Arc<Event>) -> Self {
        event.needed_by(&mut self.needs);
        self.waits.push(event.remote.handle);
        self.waits_for_gated |= event.gated;
        self.parts.push(Arc::clone(event));
        self
    }

    /// The first and the last part of what a call comes to: the one waits for what the program says, the other has its
    /// event.
    pub(crate) fn divide(self) -> (Self, Self) {
        let last = Self { event_ret: self.event_ret, ..Self::part(&self.queue) };
        (Self { event_ret: std::ptr::null_mut(), ..self }, last)
    }

    /// Whether the program may ask when it ran.
    pub(crate) fn is_measured(&self) -> bool {
        self.queue.profiles() && !self.event_ret.is_null()
    }

    /// Room in the arena for the bytes of a command of its queue, or `None` if there is none now.
    pub(crate) fn stage(&self, length: usize) -> Option<Staging> {
        let session = &self.queue.remote.session;
        // What is measured is one command of the driver.
        if self.queue.profiles() { session.stage_whole(length) } else { session.stage(length) }
    }

    /// Enqueues a part, and gives its event.
    pub(crate) fn internal(
        mut self,
        command_type: u32,
        enqueue: impl FnOnce(Self) -> Result<()>,
    ) -> Result<Arc<Event>> {
        let event = self.event(command_type, true);
        enqueue(self)?;
        event.ok_or(Error(CL_OUT_OF_HOST_MEMORY))
    }

    /// Checks the wait list, and waits for what is in it.
    ///
    /// # Safety
    /// As for [`Enqueue::new`].
    #[inline]
    pub(crate) unsafe fn wait_for(&mut self, num_events: cl_uint, wait_list: *const cl_event) -> Result<()> {
        ensure((num_events == 0) == wait_list.is_null(), CL_INVALID_EVENT_WAIT_LIST)?;
        for place in 0..num_events as usize {
            // SAFETY: the program gives `num_events` events.
            let event: Result<&Event> = unsafe { get(*wait_list.add(place)) };
            let event = event.map_err(|_| Error(CL_INVALID_EVENT_WAIT_LIST))?;
            ensure(Arc::ptr_eq(&event.context, &self.queue.context), CL_INVALID_CONTEXT)?;
            // What is on its way to standard output comes before what this command's end is the sign for.
            if event.seen() != CL_COMPLETE {
                event.needed_by(&mut self.needs);
                self.waits.push(event.remote.handle);
                self.waits_for_gated |= event.gated;
                self.waits_for_failed |= event.known() < 0;
            }
        }
        Ok(())
    }

    /// Keeps the wait list from becoming empty because all in it is complete: to markers and barriers an empty one means
    /// everything.
    ///
    /// # Safety
    /// As for [`Enqueue::new`], with the same list.
    pub(crate) unsafe fn keep_list(&mut self, num_events: cl_uint, wait_list: *const cl_event) -> Result<()> {
        if num_events > 0 && self.waits.is_empty() {
            // SAFETY: passed on to the caller; `new` has found it to be an event.
            let event: &Event = unsafe { get(*wait_list) }?;
            event.needed_by(&mut self.needs);
            self.waits.push(event.remote.handle);
        }
        Ok(())
    }

    /// Whether the program must do something before it has its turn: set a user event that it waits for, itself or by what
    /// is before it in its queue or in another.
    pub(crate) fn is_gated(&self) -> bool {
        self.waits_for_gated || self.queue.is_gated()
    }

    /// Whether it waits for an event that is known to have failed.
    pub(crate) fn waits_for_failed(&self) -> bool {
        self.waits_for_failed
    }

    /// Whether it waits for events that are not known to be complete.
    pub(crate) fn waits(&self) -> bool {
        !self.waits.is_empty()
    }

    /// The command names `object`, which must belong to the queue's context.
    pub(crate) fn names(&mut self, object: &Remote, context: &Arc<Context>) -> Result<()> {
        ensure(Arc::ptr_eq(context, &self.queue.context), CL_INVALID_CONTEXT)?;
        object.needed_by(&mut self.needs);
        Ok(())
    }

    /// The command names a memory object, which must belong to the queue's context.
    pub(crate) fn names_memory(&mut self, mem: &Mem) -> Result<()> {
        self.names(&mem.remote, &mem.context)?;
        mem.host_part().map_or(Ok(()), |part| self.uses(&part))
    }

    /// As [`Enqueue::names_memory`], for a command that only shows what is in the object.
    pub(crate) fn shows_memory(&mut self, mem: &Mem) -> Result<()> {
        self.names(&mem.remote, &mem.context)?;
        mem.host_part().map_or(Ok(()), |part| self.uses(&part.unchanged()))
    }

    /// The command uses a part of the program's own memory.
    pub(crate) fn uses(&mut self, part: &HostPart) -> Result<()> {
        let position = part.to_device(&self.queue.remote.session)?;
        self.needs_objects(position);
        if part.memory.is_beside() {
            self.host_parts.push(part.clone());
        }
        Ok(())
    }

    /// The command needs the object stream to have come to `position`.
    pub(crate) fn needs_objects(&mut self, position: u64) {
        self.needs.add(0, position);
    }

    /// The command needs `stream` to have come to `position`.
    pub(crate) fn needs(&mut self, stream: u32, position: u64) {
        self.needs.add(stream, position);
    }

    /// The command's event: the one that the program asked for, or one for our own use if `internal`.
    pub(crate) fn event(&mut self, command_type: u32, internal: bool) -> Option<Arc<Event>> {
        if self.event.is_none() && (internal || !self.event_ret.is_null()) {
            let queue = &self.queue;
            let session = Arc::clone(&queue.remote.session);
            let remote = Remote { handle: session.mint(Kind::Event), session, created: 0 };
            let (context, gated) = (Arc::clone(&queue.context), self.is_gated());
            self.event = Some(Event::new(remote, context, Some(Arc::clone(queue)), command_type, gated));
        }
        self.event.clone()
    }

    /// Ends the preparation: the event and the wait list to put into the command.
    pub(crate) fn begin(&mut self, command_type: u32) -> (Handle, Waits) {
        let event = self.event(command_type, false);
        (event.map_or(Handle::NONE, |event| event.remote.handle), std::mem::take(&mut self.waits))
    }

    /// Sends the command and gives the program its event.
    pub(crate) fn send<C: Command>(&self, command: &C, bulk: Option<Bulk>) -> Result<u64> {
        let position = self.put(command, bulk)?;
        self.succeed();
        Ok(position)
    }

    /// As [`Enqueue::send`], with the driver's word where the call needs it, unless that had to wait for what another thread
    /// waits for.
    pub(crate) fn send_judged<C: Command>(self, command: &C, verdict: Verdict) -> Result<()> {
        let asked = if verdict == Verdict::DriversWord { self.ask_first(command)? } else { None };
        match asked {
            Some((_, answer)) => check(answer.decode::<Status>()?.code)?,
            None => drop(self.put(command, None)?),
        }
        self.succeed();
        Ok(())
    }

    /// As [`Enqueue::send`] with `staging` as bulk, which is kept until the queue is known to have finished with it.
    pub(crate) fn send_holding<C: Command>(&self, command: &C, staging: Staging) -> Result<()> {
        let position = self.put(command, staging.bulk())?;
        self.queue.stream.hold(position, staging);
        self.succeed();
        Ok(())
    }

    /// Sends the command and waits for the driver's answer to it. The program has not got its event yet.
    pub(crate) fn ask<C: Command>(&self, command: &C, bulk: Option<Bulk>) -> Result<(u64, Answer)> {
        let (position, answer) = self.queue.remote.session.call(&self.queue.stream, command, &self.needs, bulk)?;
        self.sent_at(position);
        Ok((position, answer))
    }

    /// Sends the command, whose answer [`Enqueue::answer`] must be called for.
    pub(crate) fn ask_ahead<C: Command>(&self, command: &C) -> Result<u64> {
        let position = self.queue.remote.session.ask(&self.queue.stream, command, &self.needs, None)?;
        self.sent_at(position);
        Ok(position)
    }

    /// Waits for the driver's answer to the `C` at `position`.
    pub(crate) fn answer<C: Command>(&self, position: u64) -> Result<Answer> {
        Ok(self.queue.remote.session.answer::<C>(&self.queue.stream, position)?.1)
    }

    /// As [`Enqueue::ask`], if the answer doesn't have to wait for one that another thread waits for.
    pub(crate) fn ask_first<C: Command>(&self, command: &C) -> Result<Option<(u64, Answer)>> {
        let session = &self.queue.remote.session;
        let Some(asked) = session.call_first(&self.queue.stream, command, &self.needs) else { return Ok(None) };
        let (position, answer) = asked?;
        self.sent_at(position);
        Ok(Some((position, answer)))
    }

    fn put<C: Command>(&self, command: &C, bulk: Option<Bulk>) -> Result<u64> {
        let queue = &self.queue;
        // A read that is asked for an answer is a blocking one.
        if strict() && C::OPCODE != EnqueueRead::OPCODE {
            let (position, answer) = self.ask(command, bulk)?;
            check(answer.decode::<Status>()?.code)?;
            return Ok(position);
        }
        let position = queue.remote.session.send(&queue.stream, command, &self.needs, bulk)?;
        self.sent_at(position);
        Ok(position)
    }

    fn sent_at(&self, position: u64) {
        if self.waits_for_gated {
            self.queue.gated_at(position);
        }
        if let Some(event) = &self.event {
            event.sent_at(position);
        }
        for part in &self.host_parts {
            self.queue.context.in_use.add(&part.memory, &self.queue.stream, position);
        }
    }

    /// The call has succeeded: hands the event to the program, if it asked for one.
    pub(crate) fn succeed(&self) {
        for part in &self.host_parts {
            part.enqueued();
        }
        if let Some(event) = self.event.as_ref().filter(|_| !self.event_ret.is_null()) {
            // SAFETY: the program gave a valid place for the event.
            unsafe { self.event_ret.write(publish(Arc::clone(event))) };
        }
    }
}

/// `REMORA_STRICT=1`: every command waits for the driver's answer, to find which one it refuses.
fn strict() -> bool {
    static STRICT: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *STRICT.get_or_init(|| std::env::var_os("REMORA_STRICT").is_some_and(|value| value == "1"))
}
