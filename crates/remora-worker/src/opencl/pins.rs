//! Staging that the driver knows. A device with memory of its own moves bytes at full speed only from and to pages that its
//! driver has pinned, and a driver pins the memory that a CL_MEM_USE_HOST_PTR buffer is made of. So blocks of the arena's
//! staging become such buffers when a transfer first passes through them.
//!
//! More than speed: NVIDIA's driver (580) hangs when a callback of an event falls together with an asynchronous write from
//! memory that it does not know, once several processes share the GPU.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use opencl_sys::{CL_FALSE, CL_MEM_READ_WRITE, CL_MEM_USE_HOST_PTR, CL_TRUE, cl_bool, cl_event, cl_int};
use remora_link::Arena;
use remora_protocol::Bulk;

use super::area::{Part, Region};
use super::driver::{Object, call, create};
use super::queue::At;
use super::shared::Shared;
use crate::lock;

/// The blocks that a context's driver knows.
pub struct Pins {
    /// Whether the context's devices have memory of their own.
    wanted: AtomicBool,
    /// By where they begin; nothing where the driver refused.
    blocks: Mutex<HashMap<u64, Option<Object>>>,
}

impl Pins {
    /// None yet.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self { wanted: AtomicBool::new(wanted), blocks: Mutex::default() }
    }

    fn are_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// As if the devices had memory of their own.
    #[cfg(test)]
    pub fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// How many blocks the driver knows.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        lock(&self.blocks).values().flatten().count()
    }

    /// Makes the blocks under `bulk` known to the driver of `context`. False if that can't be.
    ///
    /// # Safety
    /// `context` is the live context that these are the pins of.
    unsafe fn know(&self, shared: &Shared, context: *mut c_void, bulk: Bulk) -> bool {
        let (arena, end) = (shared.arena(), bulk.offset + bulk.length);
        let (staging, bounce) = (arena.staging(), arena.bounce());
        let mut blocks = lock(&self.blocks);
        if bulk.offset >= bounce.start {
            // SAFETY: passed on to the caller.
            return unsafe { known(&mut blocks, shared, context, bounce.start, bounce.end - bounce.start) };
        }
        let first = bulk.offset / Arena::BLOCK * Arena::BLOCK;
        end <= staging.end
            && (first..end).step_by(Arena::BLOCK as usize).all(|start| {
                // SAFETY: passed on to the caller.
                unsafe { known(&mut blocks, shared, context, start, Arena::BLOCK) }
            })
    }
}

/// # Safety
/// `context` is a live context of the driver.
unsafe fn known(
    blocks: &mut HashMap<u64, Option<Object>>,
    shared: &Shared,
    context: *mut c_void,
    start: u64,
    length: u64,
) -> bool {
    // With memory behind it, pinning it can't meet a page that is not to be had. There may be some later.
    if !blocks.contains_key(&start) && shared.arena().commit(start, length).is_err() {
        return false;
    }
    let make = || {
        let pointer = shared.arena().pointer(start, length)?;
        let (flags, size) = (CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, usize::try_from(length).ok()?);
        // SAFETY: a live context, and memory of that size which stays mapped as long as the session. No object of the client
        // lies in it, and the driver never uses the buffer's contents.
        let raw = unsafe { create!(shared.driver, clCreateBuffer(context, flags, size, pointer.as_ptr().cast())) };
        let raw = raw.inspect_err(|code| tracing::warn!(code, start, "the driver does not pin staging")).ok()?;
        // SAFETY: the driver has just made it for us.
        Some(unsafe { Object::new(raw, shared.driver.clReleaseMemObject) })
    };
    blocks.entry(start).or_insert_with(make).is_some()
}

/// How a transfer goes through its staging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where its bytes begin in the arena, if it takes a command of the driver for each block that it touches: NVIDIA's driver
    /// refuses images over more than one piece of memory that it knows, and moves buffers as if it knew none.
    in_blocks: Option<u64>,
    /// Whether a write returns only when the driver has taken its bytes.
    blocking: bool,
}

impl Way {
    /// From or to `bulk`, by a command that waits for nothing but its queue, if `alone`.
    #[must_use]
    pub fn new(at: &At<'_>, bulk: Bulk, alone: bool) -> Self {
        let context = &at.queue.context;
        if !context.pins.are_wanted() {
            return Self { in_blocks: None, blocking: false };
        }
        // SAFETY: the context is alive, and owns its pins.
        let known = unsafe { context.pins.know(at.shared, context.raw(), bulk) };
        let in_staging = bulk.offset < at.shared.arena().staging().end;
        Self {
            in_blocks: in_staging.then_some(bulk.offset),
            blocking: !known && alone && at.queue.may_block(at.shared),
        }
    }

    /// Whether a write is to be a blocking one.
    #[must_use]
    pub fn blocking_write(self) -> cl_bool {
        if self.blocking { CL_TRUE } else { CL_FALSE }
    }

    /// Enqueues the commands for `region` by `enqueue`, which gets a part, whether it is the last one, the wait list and the
    /// place for the event. The event is that of the last part, which is complete after all others.
    ///
    /// # Errors
    /// The driver's code. Parts before may be under way if they wait for something.
    pub fn enqueue(
        self,
        at: &At<'_>,
        region: &Region,
        wait: &[cl_event],
        event: *mut cl_event,
        mut enqueue: impl FnMut(&Part, bool, &[cl_event], *mut cl_event) -> Result<(), cl_int>,
    ) -> Result<(), cl_int> {
        let Some(start) = self.in_blocks else {
            return enqueue(&Part { offset: 0, region: *region }, true, wait, event);
        };
        let mut parts = region.parts_in_blocks(start, Arena::BLOCK).peekable();
        // Out of order, each waits for the one before it.
        let chained = at.queue.out_of_order;
        let mut before: Option<Object> = None;
        while let Some(part) = parts.next() {
            let (first, last) = (part.offset == 0, parts.peek().is_none());
            let own = before.as_ref().map(|event| [event.raw()]);
            // A failure of what it waits for must keep any part from being done, whatever a queue makes of it.
            let wait = own.as_ref().map_or(wait, |own| own.as_slice());
            let mut link = ptr::null_mut();
            let place = if last {
                event
            } else if chained {
                &raw mut link
            } else {
                ptr::null_mut()
            };
            enqueue(&part, last, wait, place).inspect_err(|_| {
                // Waiting for what only the program can bring about would hold up everything.
                if !first && wait.is_empty() && at.queue.may_block(at.shared) {
                    // SAFETY: a live queue. Whether that fails changes nothing.
                    unsafe { call!(at.shared.driver, clFinish(at.queue.raw())) };
                }
            })?;
            // SAFETY: the driver has just made it for us.
            before = (!link.is_null()).then(|| unsafe { Object::new(link, at.shared.driver.clReleaseEvent) });
        }
        Ok(())
    }
}

/// Makes `bulk` known to the driver, for transfers that are not a queue's commands.
pub fn make_known(shared: &Shared, context: &super::context::Context, bulk: Bulk) {
    if context.pins.are_wanted() {
        // SAFETY: the context is alive, and owns its pins.
        unsafe { context.pins.know(shared, context.raw(), bulk) };
    }
}
