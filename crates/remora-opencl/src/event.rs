//! Events: what is known here of a command's (or the program's own) progress.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{EventDone, GetEventStatus, WaitForEvent, WatchEvent};

use crate::api::context::Context;
use crate::api::queue::Queue;
use crate::error::{Error, Result};
use crate::object::{Object, Remote, ShellRef, pointer_of};
use crate::session::Sink;

type Function = unsafe extern "C" fn(cl_event, cl_int, *mut c_void);

/// A program that polls for a state before the end learns of it within this time.
const PATIENCE: Duration = Duration::from_millis(1);

/// An event of the program.
pub(crate) struct Event {
    shell: ShellRef,
    /// Itself, for callbacks: the program may let go of it before they run.
    this: Weak<Event>,
    pub(crate) remote: Remote,
    pub(crate) context: Arc<Context>,
    /// `None` for a user event.
    pub(crate) queue: Option<Arc<Queue>>,
    pub(crate) command_type: u32,
    /// Whether only the program can complete it: it is a user event, or its command waits for one, in whatever way.
    pub(crate) gated: bool,
    /// CL_QUEUED to CL_COMPLETE, or negative.
    state: AtomicI32,
    /// How much was printed up to the end; see [`Event::seen`].
    printed: AtomicU64,
    /// The command's place in its queue's stream; 0 until it is sent.
    position: AtomicU64,
    /// Of a user event: the program has said how it ends.
    set: AtomicBool,
    /// Which states the worker has been asked to tell, one bit each.
    watched: AtomicU8,
    callbacks: Mutex<Vec<Callback>>,
    changed: Condvar,
    pub(crate) profile: OnceLock<[u64; 5]>,
    /// How much was known of the session when the worker was last asked.
    asked: AtomicU64,
    asked_at: Mutex<Option<Instant>>,
    /// Its bytes are still to be copied to the program's memory: only the transfer's end completes it.
    transfers: AtomicBool,
}

struct Callback {
    state: cl_int,
    function: Function,
    data: *mut c_void,
}

// SAFETY: the pointer is the program's; it is only ever handed to the program's callback.
unsafe impl Send for Callback {}

impl Object for Event {
    const KIND: u32 = 0x4556_4e54;
    const INVALID: cl_int = CL_INVALID_EVENT;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Event {
    pub(crate) fn new(
        remote: Remote,
        context: Arc<Context>,
        queue: Option<Arc<Queue>>,
        command_type: u32,
        gated: bool,
    ) -> Arc<Self> {
        let state = if queue.is_some() { CL_QUEUED } else { CL_SUBMITTED };
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            shell: ShellRef::default(),
            remote,
            context,
            queue,
            command_type,
            gated,
            state: AtomicI32::new(state),
            printed: AtomicU64::new(0),
            position: AtomicU64::new(0),
            set: AtomicBool::new(false),
            watched: AtomicU8::new(0),
            callbacks: Mutex::default(),
            changed: Condvar::new(),
            profile: OnceLock::new(),
            asked: AtomicU64::new(u64::MAX),
            asked_at: Mutex::new(None),
            transfers: AtomicBool::new(false),
        })
    }

    /// Its command has been sent.
    pub(crate) fn sent_at(&self, position: u64) {
        self.position.store(position, Ordering::Release);
    }

    /// What a command that names this event must be preceded by.
    pub(crate) fn needed_by(&self, needs: &mut Needs) {
        match &self.queue {
            Some(queue) => needs.add(queue.stream.number(), self.position.load(Ordering::Acquire)),
            None => self.remote.needed_by(needs),
        }
    }

    /// The program says how this user event ends; false if it has said so before.
    pub(crate) fn set(&self) -> bool {
        !self.set.swap(true, Ordering::AcqRel)
    }

    /// The command's bytes pass through this process; see [`Event::transferred`].
    pub(crate) fn awaits_transfer(&self) {
        self.transfers.store(true, Ordering::Release);
    }

    /// The command's transfer has ended.
    pub(crate) fn transferred(&self, state: cl_int) {
        self.transfers.store(false, Ordering::Release);
        self.reached(state);
    }

    /// The worker tells of a state. While the command's bytes pass through this process, only the transfer's own end ends
    /// it: until then the program must leave its memory alone.
    pub(crate) fn told(&self, state: cl_int) {
        if state > CL_COMPLETE || !self.transfers.load(Ordering::Acquire) {
            self.reached(state);
        }
    }

    /// What is known now, without asking anybody.
    pub(crate) fn known(&self) -> cl_int {
        let state = self.state.load(Ordering::Acquire);
        if state <= CL_COMPLETE {
            return state;
        }
        if let Some(queue) = &self.queue {
            let position = self.position.load(Ordering::Acquire);
            if position != 0 && queue.stream.finished() >= position {
                // Failures are told before what comes after them is.
                let failure = Sink::of(&self.remote.session).failure_of(self.remote.handle);
                self.reached(failure.unwrap_or(CL_COMPLETE));
                return self.state.load(Ordering::Acquire);
            }
            if self.remote.session.check().is_err() {
                self.reached(CL_DEVICE_NOT_AVAILABLE);
                return CL_DEVICE_NOT_AVAILABLE;
            }
        }
        state
    }

    /// What the program is to see of what is known: while something that was printed is on its way, the kernel still runs.
    pub(crate) fn seen(&self) -> cl_int {
        match self.known() {
            CL_COMPLETE if !self.remote.session.is_written(self.printed.load(Ordering::Acquire)) => CL_RUNNING,
            state => state,
        }
    }

    /// For polling: the state, at least as late as all that this process has learnt of its session demands.
    pub(crate) fn poll(self: &Arc<Self>) -> cl_int {
        if self.known() > CL_COMPLETE && self.queue.is_some() {
            self.ask();
        }
        self.seen()
    }

    /// Asks the worker, after each news of the session and now and then, for states before the end; of that it tells by
    /// itself.
    fn ask(self: &Arc<Self>) {
        let session = &self.remote.session;
        let news = session.news();
        let old = self.asked.swap(news, Ordering::AcqRel) == news;
        let mut asked_at = self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        if old && asked_at.is_some_and(|at| at.elapsed() < PATIENCE) {
            return;
        }
        *asked_at = Some(Instant::now());
        drop(asked_at);
        self.watch(CL_COMPLETE);
        let command = GetEventStatus { event: self.remote.handle };
        let asked = session.call(session.objects(), &command, &Needs::default(), None);
        match asked.and_then(|(_, answer)| answer.decode::<EventDone>()) {
            Ok(now) => self.told(now.state),
            Err(_) => self.reached(CL_DEVICE_NOT_AVAILABLE),
        }
    }

    /// Takes over a new state, unless a later one is known; wakes and tells who waits for it.
    pub(crate) fn reached(&self, state: cl_int) {
        let mut callbacks = self.lock();
        if let Some(queue) = self.queue.as_ref().filter(|_| self.state.load(Ordering::Acquire) > CL_COMPLETE) {
            self.printed.store(self.remote.session.printed(&queue.stream), Ordering::Release);
        }
        let later = |known: i32| (known > CL_COMPLETE && state < known).then_some(state);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).is_err() {
            return;
        }
        self.changed.notify_all();
        // An error ends all waiting, whatever state was waited for.
        let (due, rest) = std::mem::take(&mut *callbacks).into_iter().partition(|callback| callback.state >= state);
        *callbacks = rest;
        drop(callbacks);
        self.run(due, state);
    }

    /// Runs callbacks that have become due. Those of a user event run in the call that sets its status, as drivers have it;
    /// what they are told, and in which order, is as drivers have it, too.
    fn run(&self, mut due: Vec<Callback>, state: cl_int) {
        let Some(queue) = &self.queue else {
            due.sort_by_key(|callback| callback.state);
            due.iter().for_each(|callback| self.call(callback, state));
            return;
        };
        due.sort_by_key(|callback| std::cmp::Reverse(callback.state));
        // Commands that don't wait for each other have callbacks that don't.
        let turn = if queue.in_order() { queue.remote.handle } else { self.remote.handle };
        for callback in due {
            let Some(event) = self.this.upgrade() else { return };
            let told = if state < 0 { state } else { callback.state };
            self.remote.session.callbacks().run(turn, move || event.call(&callback, told));
        }
    }

    fn call(&self, callback: &Callback, told: cl_int) {
        if told == CL_COMPLETE {
            self.show();
        }
        // SAFETY: the program registered this function for this event and data.
        unsafe { (callback.function)(pointer_of(self), told, callback.data) };
    }

    /// Registers a callback of the program. If its state has been reached it is called at once, or when what was printed is
    /// written.
    pub(crate) fn add_callback(self: &Arc<Self>, state: cl_int, function: Function, data: *mut c_void) {
        let callback = Callback { state, function, data };
        let known = self.known();
        let mut callbacks = self.lock();
        let now = self.state.load(Ordering::Acquire).min(known);
        if now <= state {
            drop(callbacks);
            if self.seen() > state {
                return self.run(vec![callback], now);
            }
            return self.call(&callback, if now < 0 { now } else { state });
        }
        callbacks.push(callback);
        drop(callbacks);
        if self.queue.is_some() {
            self.watch(state);
            // The end is what takes it off the list of those that are watched.
            self.watch(CL_COMPLETE);
        }
    }

    /// Asks the worker to tell of `state`, once.
    fn watch(self: &Arc<Self>, state: cl_int) {
        let bit = 1u8 << state;
        if self.watched.fetch_or(bit, Ordering::AcqRel) & bit != 0 {
            return;
        }
        let session = &self.remote.session;
        Sink::of(session).watch(self);
        let mut needs = Needs::default();
        self.needed_by(&mut needs);
        if session.send(session.objects(), &WatchEvent { event: self.remote.handle, state }, &needs, None).is_err() {
            self.reached(CL_DEVICE_NOT_AVAILABLE);
        }
    }

    /// Waits for the end and gives the final state.
    pub(crate) fn wait(self: &Arc<Self>) -> Result<cl_int> {
        let state = self.wait_for_end()?;
        if state < 0 {
            // Whether this thread or another one has noticed that the worker is gone, it is said in the same way.
            self.remote.session.check()?;
        }
        self.show();
        Ok(state)
    }

    /// The program learns of the end: it may look at its memory now, and at what was printed.
    pub(crate) fn show(&self) {
        self.remote.session.wait_for_output(self.printed.load(Ordering::Acquire));
        self.context.in_use.show();
    }

    fn wait_for_end(self: &Arc<Self>) -> Result<cl_int> {
        let state = self.known();
        if state <= CL_COMPLETE {
            return Ok(state);
        }
        let Some(queue) = &self.queue else { return Ok(self.wait_here()) };
        let position = self.position.load(Ordering::Acquire);
        let command = WaitForEvent { event: self.remote.handle };
        let Some(called) = self.remote.session.call_first(&queue.stream, &command, &Needs::default()) else {
            // Another thread waits in this queue, maybe for something later: this one must not have to wait for that, too.
            self.watch(CL_COMPLETE);
            return Ok(self.wait_here());
        };
        let (_, answer) = called?;
        let done: EventDone = answer.decode()?;
        if done.code != CL_SUCCESS {
            return Err(Error(done.code));
        }
        self.reached(done.state);
        // A notice may have told of a failure that the driver's own answer hides.
        let state = self.state.load(Ordering::Acquire);
        if state == CL_COMPLETE {
            queue.event_complete(position);
        }
        Ok(state)
    }

    /// Waits until this process is told: of a user event by another thread of its own, of others by the worker.
    fn wait_here(&self) -> cl_int {
        let mut callbacks = self.lock();
        while self.state.load(Ordering::Acquire) > CL_COMPLETE {
            callbacks = self.changed.wait(callbacks).unwrap_or_else(PoisonError::into_inner);
        }
        self.state.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Callback>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        Sink::of(&self.remote.session).forget_failure(self.remote.handle);
    }
}
