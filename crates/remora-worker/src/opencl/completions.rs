//! What the driver calls back for. Its callbacks run on its own threads, sometimes within the call that caused them and
//! with its locks held: so they only put a note into a queue, and one thread of the session acts on it.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use opencl_sys::{CL_COMPLETE, CL_INVALID_OPERATION, cl_event, cl_int, cl_mem, cl_program};
use remora_protocol::Handle;
use remora_protocol::opencl::{ContextNotify, MemDestroyed, ProgramReleased};

use super::driver::{Driver, Object, call, check};
use super::events::{Event, execution_status};
use super::pending::Transfer;
use super::shared::Shared;
use crate::lock;

/// The way to the thread that acts on completions.
pub struct Completions {
    queue: Sender<Note>,
    watches: Mutex<Watches>,
}

/// What is to be done when an event gets there.
pub enum Work {
    /// The bytes of a transfer have arrived.
    Arrived(Arc<Transfer>),
    /// Anything else, told the status that was reached. What was printed and what was read before has been sent by then.
    Run(Then),
}

/// Something to do with the status that was reached.
pub type Then = Box<dyn FnOnce(&Arc<Shared>, cl_int) + Send>;

enum Note {
    Work(Work, cl_int),
    /// A watched event got there.
    Reached(u64, cl_int),
    /// Something has failed: see [`Completions::sweep`].
    Sweep,
    End,
}

/// What the driver has been asked to call back for.
#[derive(Default)]
struct Watches {
    next: u64,
    all: HashMap<u64, Watch>,
}

struct Watch {
    event: Arc<Watched>,
    work: Work,
}

/// An event that stays until it is complete: some drivers forget to keep those that fail.
pub enum Watched {
    /// One of the program's.
    Event(Arc<Event>),
    /// One of the worker's.
    Own(Arc<Object>),
}

impl Watched {
    fn object(&self) -> Result<&Object, cl_int> {
        match self {
            Self::Event(event) => event.object(),
            Self::Own(object) => Ok(object),
        }
    }
}

impl Completions {
    /// The queue, and its end for [`run`].
    #[must_use]
    pub fn new() -> (Self, Notes) {
        let (queue, notes) = mpsc::channel();
        (Self { queue, watches: Mutex::default() }, Notes(notes))
    }

    /// Acts on `work` as if the driver had called back with `status`.
    pub fn push(&self, work: Work, status: cl_int) {
        // Nobody listens once the session has ended.
        let _ = self.queue.send(Note::Work(work, status));
    }

    /// Acts on `work` when `event` reaches `state` or something later, or has failed.
    pub fn when(&self, driver: Driver, event: Watched, state: cl_int, work: Work) {
        let event = Arc::new(event);
        let raw = match event.object() {
            Ok(object) => object.raw(),
            Err(code) => return self.push(work, code),
        };
        let number = {
            let mut watches = lock(&self.watches);
            watches.next += 1;
            let number = watches.next;
            watches.all.insert(number, Watch { event: Arc::clone(&event), work });
            number
        };
        let asked = Box::into_raw(Box::new(Asked { queue: self.queue.clone(), number }));
        // SAFETY: a live event, which stays until the note has arrived; the driver calls back at most once, with our data.
        let code = unsafe { call!(driver, clSetEventCallback(raw, state, Some(on_event), asked.cast())) };
        if code != 0 {
            // SAFETY: the driver refused, so it will not call back and the data is still ours.
            drop(unsafe { Box::from_raw(asked) });
            let _ = self.queue.send(Note::Reached(number, code));
            return;
        }
        // Not every driver calls back for what has happened already (oclgrind does not). A second note says nothing new.
        if let Ok(status) = event.object().map(|object| execution_status(driver, object)) {
            if status <= state {
                let _ = self.queue.send(Note::Reached(number, status));
            }
        }
    }

    /// Something has failed. Not every driver calls back for an event that fails because of another (PoCL 3.1 does not):
    /// the thread looks for such events itself.
    pub fn sweep(&self) {
        let _ = self.queue.send(Note::Sweep);
    }

    /// Ends the thread.
    pub fn end(&self) {
        let _ = self.queue.send(Note::End);
    }

    fn reached(&self, number: u64) -> Option<Work> {
        // The event is let go of outside the lock.
        let watch = lock(&self.watches).all.remove(&number);
        watch.map(|watch| watch.work)
    }

    /// Events that have failed, with their status.
    fn failed(&self, driver: Driver) -> Vec<(Watch, cl_int)> {
        let status =
            |watch: &Watch| watch.event.object().map_or_else(|code| code, |object| execution_status(driver, object));
        let mut watches = lock(&self.watches);
        let numbers: Vec<(u64, cl_int)> = watches
            .all
            .iter()
            .map(|(number, watch)| (*number, status(watch)))
            .filter(|(_, status)| *status < 0)
            .collect();
        numbers.into_iter().filter_map(|(number, status)| Some((watches.all.remove(&number)?, status))).collect()
    }
}

/// What the thread receives.
pub struct Notes(Receiver<Note>);

/// Failures spread on the driver's own threads: the thread looks again after twice the time, until that is too long.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(500);

/// Acts on completions until the session ends. The body of a thread.
pub fn run(shared: &Arc<Shared>, notes: &Notes) {
    let mut ready = Vec::new();
    let mut look: Option<Duration> = None;
    loop {
        let first = match look {
            None => notes.0.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(after) => notes.0.recv_timeout(after),
        };
        let first = match first {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                look = look.map(|after| after * 2).filter(|after| *after <= LAST_LOOK);
                gather_failed(shared, &mut ready);
                act(shared, &mut ready);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // Everything that is there already shares one look at what has been printed and read.
        for note in std::iter::once(first).chain(notes.0.try_iter()) {
            match note {
                Note::Work(work, status) => ready.push((work, status)),
                Note::Reached(number, status) => {
                    ready.extend(shared.completions.reached(number).map(|work| (work, status)));
                }
                Note::Sweep => {
                    look = Some(FIRST_LOOK);
                    gather_failed(shared, &mut ready);
                }
                Note::End => return,
            }
        }
        act(shared, &mut ready);
    }
}

fn gather_failed(shared: &Shared, ready: &mut Vec<(Work, cl_int)>) {
    let failed = shared.completions.failed(shared.driver);
    ready.extend(failed.into_iter().map(|(watch, status)| (watch.work, status)));
}

fn act(shared: &Arc<Shared>, ready: &mut Vec<(Work, cl_int)>) {
    if ready.is_empty() {
        return;
    }
    let mut runs = Vec::new();
    for (work, status) in ready.drain(..) {
        super::waits::saw(shared, status);
        match work {
            Work::Arrived(transfer) => transfer.arrived(status),
            Work::Run(run) => runs.push((run, status)),
        }
    }
    shared.settle();
    for (run, status) in runs {
        run(shared, status);
    }
}

struct Asked {
    queue: Sender<Note>,
    number: u64,
}

extern "C" fn on_event(_: cl_event, status: cl_int, data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is what `when` passed, and the driver calls at most once.
        let asked = unsafe { Box::from_raw(data.cast::<Asked>()) };
        let _ = asked.queue.send(Note::Reached(asked.number, status));
    }));
}

/// Executes `WatchMem`.
pub fn watch_mem(shared: &Arc<Shared>, handle: Handle) {
    let told = |shared: &Arc<Shared>| {
        let work = Work::Run(Box::new(move |shared, _| shared.notices.send(&MemDestroyed { mem: handle }, None)));
        shared.completions.push(work, CL_COMPLETE);
    };
    let Ok(mem) = shared.tables.mems.get(handle) else {
        // It was never made: the driver has nothing to let go of.
        return told(shared);
    };
    let data = Box::into_raw(Box::new(Destroyed { queue: shared.completions.queue.clone(), mem: handle }));
    // SAFETY: a live memory object; the driver calls back once, with our data.
    let code =
        unsafe { call!(shared.driver, clSetMemObjectDestructorCallback(mem.raw(), Some(on_destroyed), data.cast())) };
    if code != 0 {
        // SAFETY: the driver refused, so it will not call back and the data is still ours.
        drop(unsafe { Box::from_raw(data) });
        told(shared);
    }
}

struct Destroyed {
    queue: Sender<Note>,
    mem: Handle,
}

extern "C" fn on_destroyed(_: cl_mem, data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is what `watch_mem` passed, and the driver calls once.
        let Destroyed { queue, mem } = *unsafe { Box::from_raw(data.cast::<Destroyed>()) };
        let work = Work::Run(Box::new(move |shared, _| shared.notices.send(&MemDestroyed { mem }, None)));
        let _ = queue.send(Note::Work(work, CL_COMPLETE));
    }));
}

/// Executes `WatchProgram`.
///
/// # Errors
/// The driver's code: no driver has this but for OpenCL C++.
pub fn watch_program(shared: &Arc<Shared>, handle: Handle) -> Result<(), cl_int> {
    let program = shared.tables.programs.get(handle)?;
    if program.context.version < (2, 2) {
        return Err(CL_INVALID_OPERATION);
    }
    let raw = program.raw(shared)?;
    let data = Box::into_raw(Box::new(Released { queue: shared.completions.queue.clone(), program: handle }));
    // SAFETY: a live program; the driver calls back once, with our data.
    let code = unsafe { call!(shared.driver, clSetProgramReleaseCallback(raw, Some(on_released), data.cast())) };
    check(code).inspect_err(|_| {
        // SAFETY: the driver refused, so it will not call back and the data is still ours.
        drop(unsafe { Box::from_raw(data) });
    })
}

struct Released {
    queue: Sender<Note>,
    program: Handle,
}

extern "C" fn on_released(_: cl_program, data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is what `watch_program` passed, and the driver calls once.
        let Released { queue, program } = *unsafe { Box::from_raw(data.cast::<Released>()) };
        let work = Work::Run(Box::new(move |shared, _| shared.notices.send(&ProgramReleased { program }, None)));
        let _ = queue.send(Note::Work(work, CL_COMPLETE));
    }));
}

/// What a context's callback needs. It lives as long as the process.
pub struct ContextNoticed {
    shared: Weak<Shared>,
    context: Handle,
}

impl ContextNoticed {
    /// For the context that `context` names.
    #[must_use]
    pub fn new(shared: &Arc<Shared>, context: Handle) -> Self {
        Self { shared: Arc::downgrade(shared), context }
    }
}

/// The most private information of a driver's report that is passed on.
const MAX_PRIVATE: usize = 64 << 10;

/// The driver reports an error of a context.
///
/// # Safety
/// Only for the driver: `data` is a [`ContextNoticed`] that is never freed, the others are as clCreateContext says.
pub unsafe extern "C" fn on_context(text: *const c_char, private: *const c_void, length: usize, data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is a `ContextNoticed` that is never freed.
        let noticed = unsafe { &*data.cast::<ContextNoticed>() };
        let text = if text.is_null() {
            Vec::new()
        } else {
            // SAFETY: the driver passes a string that ends with 0.
            unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
        };
        let private = if private.is_null() {
            Vec::new()
        } else {
            // SAFETY: the driver passes `length` bytes; no one else writes to them during the call.
            unsafe { std::slice::from_raw_parts(private.cast::<u8>(), length.min(MAX_PRIVATE)) }.to_vec()
        };
        let context = noticed.context;
        if let Some(shared) = noticed.shared.upgrade() {
            let work = Work::Run(Box::new(move |shared: &Arc<Shared>, _| {
                shared.notices.send(&ContextNotify { context, text: &text, private_info: &private }, None);
            }));
            shared.completions.push(work, CL_COMPLETE);
        }
    }));
}
