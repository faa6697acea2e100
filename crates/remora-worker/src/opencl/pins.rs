//! Staging that the driver knows. A device with memory of its own moves bytes at full speed only from and to pages that its
//! driver has pinned, and a driver pins the memory that a CL_MEM_USE_HOST_PTR buffer is made of. So blocks of the arena's
//! staging become such buffers when a transfer first passes through them.
//!
//! More than speed: NVIDIA's driver (580) hangs when a callback of an event falls together with an asynchronous write from
//! memory that it does not know, once several processes share the GPU.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use opencl_sys::{CL_FALSE, CL_MEM_READ_WRITE, CL_MEM_USE_HOST_PTR, CL_TRUE, cl_bool, cl_event, cl_int};
use remora_link::Arena;
use remora_protocol::Bulk;

use super::area::{Kind, Part, Region};
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
    blocks: &mut MutexGuard<'_, HashMap<u64, Option<Object>>>,
    shared: &Shared,
    context: *mut c_void,
    start: u64,
    length: u64,
) -> bool {
    let make = || {
        // With memory behind it, pinning it can't meet a page that is not to be had.
        shared.arena().commit(start, length).ok()?;
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
    /// Bytes of a part.
    limit: usize,
    /// Whether the driver may take a write's bytes later.
    later: bool,
}

impl Way {
    const WHOLE: Self = Self { limit: usize::MAX, later: true };

    /// For `region` from or to `bulk`, by a command that waits for nothing but its queue, if `alone`.
    #[must_use]
    pub fn new(at: &At<'_>, region: &Region, bulk: Bulk, alone: bool) -> Self {
        let context = &at.queue.context;
        if !context.pins.are_wanted() {
            return Self::WHOLE;
        }
        // SAFETY: the context is alive, and owns its pins.
        let known = unsafe { context.pins.know(at.shared, context.raw(), bulk) };
        let in_one = bulk.offset % Arena::BLOCK + bulk.length <= Arena::BLOCK;
        // Blocks are known one by one: a transfer over several is as slow as if none was. Parts have no common event but the
        // last one's, which is enough in an in-order queue that doesn't measure.
        let parts =
            matches!(region.kind, Kind::Bytes) && bulk.offset % Arena::BLOCK == 0 && at.queue.in_order_unmeasured();
        match (known, in_one, parts) {
            (true, true, _) => Self::WHOLE,
            (true, false, true) => Self { limit: Arena::BLOCK as usize, later: true },
            _ => Self { limit: usize::MAX, later: !(alone && at.queue.may_block(at.shared)) },
        }
    }

    /// Whether a write is to be a blocking one.
    #[must_use]
    pub fn blocking_write(self) -> cl_bool {
        if self.later { CL_FALSE } else { CL_TRUE }
    }

    /// Enqueues the parts of `region` by `enqueue`, which gets a part, whether it is the last one, and the wait list and the
    /// place for the event where they belong.
    ///
    /// # Errors
    /// The driver's code. Nothing is under way then.
    pub fn enqueue(
        self,
        at: &At<'_>,
        region: &Region,
        wait: &[cl_event],
        event: *mut cl_event,
        mut enqueue: impl FnMut(&Part, bool, &[cl_event], *mut cl_event) -> Result<(), cl_int>,
    ) -> Result<(), cl_int> {
        let mut parts = region.parts(self.limit).peekable();
        while let Some(part) = parts.next() {
            let (first, last) = (part.offset == 0, parts.peek().is_none());
            let wait = if first { wait } else { &[] };
            let event = if last { event } else { std::ptr::null_mut() };
            enqueue(&part, last, wait, event).inspect_err(|_| {
                if !first {
                    // SAFETY: a live queue. Whether that fails changes nothing.
                    unsafe { call!(at.shared.driver, clFinish(at.queue.raw())) };
                }
            })?;
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
