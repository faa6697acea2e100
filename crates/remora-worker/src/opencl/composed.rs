//! Commands that are not one of the driver's: a marker (when the command is ready), a user event (when it is done) and a
//! marker that waits for that, in the program's queue.

use std::ptr;
use std::sync::Arc;

use opencl_sys::{CL_COMPLETE, cl_int};
use remora_protocol::{Handle, List};

use super::completions::{Watched, Work};
use super::copies::nothing;
use super::driver::Object;
use super::events::{Event, set_status, user_event};
use super::queue::{At, Queue};
use super::shared::Shared;
use super::violation::Violation;
use super::waits::marker_event;

/// What stands for such a command.
pub struct Composed {
    /// Where it was enqueued.
    pub queue: Arc<Queue>,
    /// Complete when it was ready.
    pub marker: Arc<Object>,
    /// What makes the queue wait for it. It stays until the end: PoCL 3.1 forgets to keep events that fail.
    _after: Arc<Object>,
    /// The event of the command.
    pub event: Arc<Event>,
}

impl Composed {
    /// Enqueues it and names its event. The inner error is the code with which the driver refused it.
    ///
    /// # Errors
    /// If the event can't be named.
    pub fn enqueue(at: &At<'_>, event: Handle, wait: &List<'_, Handle>) -> Result<Result<Self, cl_int>, Violation> {
        match place(at, wait) {
            Ok((marker, done, after)) => {
                let composed = Arc::new(Event::composed(at.queue, at.position, done));
                at.named(event, Arc::clone(&composed))?;
                Ok(Ok(Self { queue: Arc::clone(at.queue), marker, _after: after, event: composed }))
            }
            Err(code) => {
                at.refused(event, code)?;
                Ok(Err(code))
            }
        }
    }

    /// Does `then` when it is ready, or its wait has failed. It starts by itself, without a flush of the program's: what
    /// it needs of the program travels while that does something else.
    pub fn when_ready(self, at: &At<'_>, then: impl FnOnce(&Arc<Shared>, Self, cl_int) + Send + 'static) {
        let ready = Watched::Own(Arc::clone(&self.marker));
        let work = Work::Run(Box::new(move |shared: &Arc<Shared>, status| then(shared, self, status)));
        at.shared.completions.when(at.shared.driver, ready, CL_COMPLETE, work);
        at.queue.flush(at.shared);
    }

    /// It is done: `state` is CL_COMPLETE or a negative status.
    pub fn end(&self, shared: &Shared, state: cl_int) {
        if let Ok(done) = self.event.object() {
            finish(shared, done, state);
        }
    }
}

fn place(at: &At<'_>, wait: &List<'_, Handle>) -> Result<(Arc<Object>, Object, Arc<Object>), cl_int> {
    let (raw_waits, kept) = at.waits(wait)?;
    let ready = if at.queue.out_of_order && raw_waits.is_empty() {
        // A marker without a list would wait for everything before it, which this command must not.
        let mut raw = ptr::null_mut();
        // SAFETY: no events are waited for, and `raw` can be written.
        unsafe { nothing(at, &[], &raw mut raw) }?;
        at.queue.enqueued();
        // SAFETY: the driver has just made it for us.
        Arc::new(unsafe { Object::new(raw, at.shared.driver.clReleaseEvent) })
    } else {
        // SAFETY: `waits` gives live events, which are kept.
        unsafe { marker_event(at.shared, at.queue, &raw_waits) }?
    };
    drop(kept);
    let done = user_event(at.shared.driver, &at.queue.context)?;
    // SAFETY: a live event of ours.
    match unsafe { marker_event(at.shared, at.queue, &[done.raw()]) } {
        Ok(after) => Ok((ready, done, after)),
        Err(code) => {
            finish(at.shared, &done, code);
            Err(code)
        }
    }
}

fn finish(shared: &Shared, done: &Object, state: cl_int) {
    if let Err(code) = set_status(shared, done, state) {
        tracing::error!(code, "clSetUserEventStatus of a composed command");
    }
}
