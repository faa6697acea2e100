//! The OpenCL side of a session: who is to be told of which notice.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencl_sys::{CL_COMPLETE, CL_DEVICE_NOT_AVAILABLE};
use remora_client::{NoticeSink, Session, Staging};
use remora_protocol::opencl::NoticeMessage;
use remora_protocol::{Handle, Kind};

use crate::api::context::Notify;
use crate::build::{BuildResult, BuildWait};
use crate::event::Event;

/// The turn of callbacks that tell of an object's end: they come in the order of the ends, whatever the objects are. No
/// single memory object has a turn.
const ENDS: Handle = Handle::new(Kind::Mem, 0, 0);

/// What of a session waits for notices.
#[derive(Default)]
pub(crate) struct Sink {
    /// Events whose status was asked for, alive until it is final.
    events: Mutex<HashMap<Handle, Arc<Event>>>,
    /// Events that failed and that nobody has asked about yet.
    failed: Mutex<HashMap<Handle, i32>>,
    any_failed: AtomicBool,
    builds: Mutex<HashMap<u64, Arc<BuildWait>>>,
    contexts: Mutex<HashMap<Handle, Notify>>,
    /// Run when the driver has let go of a memory object or a program.
    destroyed: Mutex<HashMap<Handle, Vec<Destroyed>>>,
}

/// What is to be done when an object is gone.
pub(crate) enum Destroyed {
    /// Its store is free.
    Store(Staging),
    /// The program wants to know.
    Callback(Box<dyn FnOnce() + Send>),
}

impl Sink {
    pub(crate) fn create() -> Arc<dyn NoticeSink> {
        Arc::new(Self::default())
    }

    /// The one of `session`.
    pub(crate) fn of(session: &Session) -> &Self {
        session.sink().as_any().downcast_ref().expect("OpenCL opens its sessions with its own sink")
    }

    /// Tells `event` of its status notices.
    pub(crate) fn watch(&self, event: &Arc<Event>) {
        lock(&self.events).insert(event.remote.handle, Arc::clone(event));
    }

    /// How an event failed, if the worker has told so before anybody asked.
    pub(crate) fn failure_of(&self, event: Handle) -> Option<i32> {
        if self.any_failed.load(Ordering::Acquire) { lock(&self.failed).get(&event).copied() } else { None }
    }

    /// The event is gone: its failure need not be remembered.
    pub(crate) fn forget_failure(&self, event: Handle) {
        if self.any_failed.load(Ordering::Acquire) {
            lock(&self.failed).remove(&event);
        }
    }

    /// Tells `wait` of the end of the build with this number.
    pub(crate) fn await_build(&self, serial: u64, wait: Arc<BuildWait>) {
        lock(&self.builds).insert(serial, wait);
    }

    pub(crate) fn add_context(&self, handle: Handle, notify: Notify) {
        lock(&self.contexts).insert(handle, notify);
    }

    pub(crate) fn remove_context(&self, handle: Handle) {
        lock(&self.contexts).remove(&handle);
    }

    /// Adds something to do when `object` is gone; the last added is done first.
    pub(crate) fn when_destroyed(&self, object: Handle, what: Vec<Destroyed>) {
        lock(&self.destroyed).entry(object).or_default().extend(what);
    }

    fn destroyed(&self, session: &Session, object: Handle) {
        let all = lock(&self.destroyed).remove(&object).unwrap_or_default();
        for what in all.into_iter().rev() {
            match what {
                Destroyed::Store(staging) => drop(staging),
                Destroyed::Callback(callback) => session.callbacks().run(ENDS, callback),
            }
        }
    }
}

impl NoticeSink for Sink {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn notice(&self, session: &Arc<Session>, notice: NoticeMessage<'_>) {
        match notice {
            NoticeMessage::EventStatus(status) => {
                let event = lock(&self.events).get(&status.event).cloned();
                if let Some(event) = event {
                    event.told(status.state);
                } else if status.state < CL_COMPLETE {
                    lock(&self.failed).insert(status.event, status.state);
                    self.any_failed.store(true, Ordering::Release);
                }
                if status.state <= CL_COMPLETE {
                    lock(&self.events).remove(&status.event);
                }
            }
            NoticeMessage::ProgramBuilt(built) => {
                let wait = lock(&self.builds).remove(&built.serial);
                if let Some(wait) = wait {
                    wait.finish(BuildResult::new(built.code, &built.devices, &built.kernels));
                }
            }
            NoticeMessage::ContextNotify(notify) => {
                let target = lock(&self.contexts).get(&notify.context).copied();
                if let Some(target) = target {
                    let text = CString::new(notify.text).unwrap_or_default();
                    let private = notify.private_info.to_vec();
                    session.callbacks().run(notify.context, move || target.call(&text, &private));
                }
            }
            NoticeMessage::MemDestroyed(destroyed) => self.destroyed(session, destroyed.mem),
            NoticeMessage::ProgramReleased(released) => self.destroyed(session, released.program),
            other => tracing::warn!(notice = ?other, "unexpected"),
        }
    }

    fn lost(&self, _session: &Arc<Session>) {
        for (_, event) in lock(&self.events).drain() {
            event.reached(CL_DEVICE_NOT_AVAILABLE);
        }
        for (_, wait) in lock(&self.builds).drain() {
            wait.finish(BuildResult::lost());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
