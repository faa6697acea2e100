//! What the driver calls back for. Its callbacks run on its own threads, sometimes within the call that caused them and
//! with its locks held: so they only put a note into a queue, and one thread of the session acts on it.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};

use opencl_sys::{CL_COMPLETE, cl_event, cl_int, cl_mem};
use remora_protocol::Handle;
use remora_protocol::opencl::{ContextNotify, MemDestroyed};

use super::driver::{Driver, call};
use super::events::Event;
use super::pending::Transfer;
use super::shared::Shared;

/// The way to the thread that acts on completions.
pub struct Completions {
    queue: Sender<Note>,
}

/// What is to be done when an event gets there.
pub enum Work {
    /// The bytes of a transfer have arrived.
    Arrived(Arc<Transfer>),
    /// Anything else, told the status that was reached. What was printed and what was read before has been sent by then.
    Run(Box<dyn FnOnce(&Arc<Shared>, cl_int) + Send>),
}

enum Note {
    Work(Work, cl_int),
    End,
}

impl Completions {
    /// The queue, and its end for [`run`].
    #[must_use]
    pub fn new() -> (Self, Notes) {
        let (queue, notes) = mpsc::channel();
        (Self { queue }, Notes(notes))
    }

    /// Acts on `work` as if the driver had called back with `status`.
    pub fn push(&self, work: Work, status: cl_int) {
        // Nobody listens once the session has ended.
        let _ = self.queue.send(Note::Work(work, status));
    }

    /// Acts on `work` when `event` reaches `state` or something later, or has failed.
    pub fn when(&self, driver: Driver, event: &Event, state: cl_int, work: Work) {
        match event.raw() {
            Ok(raw) => self.when_raw(driver, raw, state, work),
            Err(code) => self.push(work, code),
        }
    }

    /// As [`Completions::when`], for an event that only the worker has. The caller keeps it for the call.
    pub fn when_raw(&self, driver: Driver, raw: cl_event, state: cl_int, work: Work) {
        let asked = Box::into_raw(Box::new(Asked { queue: self.queue.clone(), work }));
        // SAFETY: a live event; the driver calls back exactly once for what it accepted, with our data.
        let code = unsafe { call!(driver, clSetEventCallback(raw, state, Some(on_event), asked.cast())) };
        if code != 0 {
            // SAFETY: the driver refused, so it will not call back and the data is still ours.
            let asked = unsafe { Box::from_raw(asked) };
            self.push(asked.work, code);
        }
    }

    /// Ends the thread.
    pub fn end(&self) {
        let _ = self.queue.send(Note::End);
    }
}

/// What the thread receives.
pub struct Notes(Receiver<Note>);

/// Acts on completions until the session ends. The body of a thread.
pub fn run(shared: &Arc<Shared>, notes: &Notes) {
    let mut ready = Vec::new();
    while let Ok(first) = notes.0.recv() {
        // Everything that is there already shares one look at what has been printed and read.
        for note in std::iter::once(first).chain(notes.0.try_iter()) {
            let Note::Work(work, status) = note else { return };
            super::waits::saw(shared, status);
            match work {
                Work::Arrived(transfer) => transfer.arrived(status),
                Work::Run(run) => ready.push((run, status)),
            }
        }
        shared.settle();
        for (run, status) in ready.drain(..) {
            run(shared, status);
        }
    }
}

struct Asked {
    queue: Sender<Note>,
    work: Work,
}

extern "C" fn on_event(_: cl_event, status: cl_int, data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is what `when_raw` passed, and the driver calls once.
        let asked = unsafe { Box::from_raw(data.cast::<Asked>()) };
        let _ = asked.queue.send(Note::Work(asked.work, status));
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
    let data = Box::into_raw(Box::new(Watched { queue: shared.completions.queue.clone(), mem: handle }));
    // SAFETY: a live memory object; the driver calls back once, with our data.
    let code = unsafe {
        call!(shared.driver, clSetMemObjectDestructorCallback(mem.raw(), Some(on_destroyed), data.cast()))
    };
    if code != 0 {
        // SAFETY: the driver refused, so it will not call back and the data is still ours.
        drop(unsafe { Box::from_raw(data) });
        told(shared);
    }
}

struct Watched {
    queue: Sender<Note>,
    mem: Handle,
}

extern "C" fn on_destroyed(_: cl_mem, data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is what `watch_mem` passed, and the driver calls once.
        let Watched { queue, mem } = *unsafe { Box::from_raw(data.cast::<Watched>()) };
        let work = Work::Run(Box::new(move |shared, _| shared.notices.send(&MemDestroyed { mem }, None)));
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
pub extern "C" fn on_context(text: *const c_char, private: *const c_void, length: usize, data: *mut c_void) {
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
