//! The commands of a queue's stream. Any of them is answered with the driver's code if the client asks (REMORA_STRICT).

use std::ptr;
use std::sync::Arc;

use opencl_sys::{
    CL_INVALID_CONTEXT, CL_INVALID_EVENT, CL_INVALID_VALUE, CL_INVALID_WORK_DIMENSION, CL_SUCCESS, cl_int, cl_mem,
};
use remora_protocol::opencl::{
    CommandMessage, EnqueueFillBuffer, EnqueueFillImage, EnqueueMigrateMemObjects, EnqueueNDRangeKernel,
};
use remora_protocol::{Handle, List};

use super::command_buffer;
use super::copied::{check_copy, check_fill_buffer, check_fill_image};
use super::copies::{map_store, memory, no_bytes, nothing, read, unmap_store, write};
use super::driver::{call, check};
use super::generated::uniform;
use super::host_calls;
use super::queue::At;
use super::semaphore;
use super::transfer::wait_list;
use super::violation::Violation;
use super::waits::{finish, marker_or_barrier, wait_for_event};

/// Executes one command.
///
/// # Errors
/// What no client sends.
pub fn execute(at: &At<'_>, message: &CommandMessage<'_>) -> Result<(), Violation> {
    match message {
        CommandMessage::EnqueueNDRangeKernel(message) => launch(at, message),
        CommandMessage::EnqueueRead(message) => read(at, message),
        CommandMessage::EnqueueWrite(message) => write(at, message),
        CommandMessage::EnqueueMapStore(message) => map_store(at, message),
        CommandMessage::EnqueueUnmapStore(message) => unmap_store(at, message),
        CommandMessage::EnqueueSemaphores(message) => semaphore::enqueue(at, message),
        CommandMessage::EnqueueCommandBuffer(message) => command_buffer::enqueue(at, message),
        CommandMessage::EnqueueNoBytes(message) => no_bytes(at, message),
        CommandMessage::EnqueueFillBuffer(message) => fill_buffer(at, message),
        CommandMessage::EnqueueFillImage(message) => fill_image(at, message),
        CommandMessage::EnqueueMigrateMemObjects(message) => migrate(at, message),
        CommandMessage::EnqueueMarkerOrBarrier(message) => marker_or_barrier(at, message),
        CommandMessage::EnqueueNothing(message) => {
            // SAFETY: `enqueue` gives live events, and where to put one or null.
            let enqueued =
                at.enqueue(message.event, &message.wait, false, |wait, event| unsafe { nothing(at, wait, event) })?;
            at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::EnqueueHostCall(message) => host_calls::enqueue(at, message),
        CommandMessage::Flush(_) => {
            at.queue.flush(at.shared);
            at.reply_status(CL_SUCCESS);
            Ok(())
        }
        CommandMessage::Finish(_) => {
            finish(at);
            Ok(())
        }
        CommandMessage::WaitForEvent(message) => {
            wait_for_event(at, message.event);
            Ok(())
        }
        other => copy(at, other),
    }
}

fn launch(at: &At<'_>, message: &EnqueueNDRangeKernel<'_>) -> Result<(), Violation> {
    at.shared.stats.kernels.add(1);
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let kernel = at.shared.tables.kernels.get(message.kernel)?;
        if !Arc::ptr_eq(&kernel.context, &at.queue.context) {
            return Err(CL_INVALID_CONTEXT);
        }
        if !(1..=3).contains(&message.work_dim) {
            return Err(CL_INVALID_WORK_DIMENSION);
        }
        let (offset, global, local) = (sizes(message.offset)?, sizes(message.global)?, sizes(message.local)?);
        let local = if message.local == [0; 3] { ptr::null() } else { local.as_ptr() };
        let (count, list) = wait_list(wait)?;
        let (queue, dimensions) = (at.queue.raw(), message.work_dim);
        let _ready = kernel.set(at.shared, &message.args, &message.svm)?;
        // SAFETY: live objects of the driver; the arrays have three sizes and outlive the call; nobody else sets the
        // kernel's arguments meanwhile.
        check(unsafe {
            call!(
                at.shared.driver,
                clEnqueueNDRangeKernel(
                    queue,
                    kernel.raw(),
                    dimensions,
                    offset.as_ptr(),
                    global.as_ptr(),
                    local,
                    count,
                    list,
                    event
                )
            )
        })
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

fn fill_buffer(at: &At<'_>, message: &EnqueueFillBuffer<'_>) -> Result<(), Violation> {
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let mem = memory(at, message.mem)?;
        let (offset, size) = check_fill_buffer(&mem, message)?;
        let (pattern, length) = (message.pattern.as_ptr().cast(), message.pattern.len());
        let (count, list) = wait_list(wait)?;
        let queue = at.queue.raw();
        // SAFETY: live objects of the driver, which copies the pattern before it returns.
        check(unsafe {
            call!(
                at.shared.driver,
                clEnqueueFillBuffer(queue, mem.raw(), pattern, length, offset, size, count, list, event)
            )
        })
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

fn fill_image(at: &At<'_>, message: &EnqueueFillImage<'_>) -> Result<(), Violation> {
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let mem = memory(at, message.mem)?;
        let (origin, region) = check_fill_image(&mem, message)?;
        let (count, list) = wait_list(wait)?;
        let (queue, color) = (at.queue.raw(), message.color.as_ptr().cast());
        // SAFETY: live objects of the driver; the arrays outlive the call and have what the driver reads.
        check(unsafe {
            call!(
                at.shared.driver,
                clEnqueueFillImage(queue, mem.raw(), color, origin.as_ptr(), region.as_ptr(), count, list, event)
            )
        })
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

fn migrate(at: &At<'_>, message: &EnqueueMigrateMemObjects<'_>) -> Result<(), Violation> {
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let mems = message.mems.iter().map(|mem| memory(at, mem)).collect::<Result<Vec<_>, cl_int>>()?;
        let raw: Vec<cl_mem> = mems.iter().map(|mem| mem.raw()).collect();
        let length = u32::try_from(raw.len()).map_err(|_| CL_INVALID_VALUE)?;
        let (count, list) = wait_list(wait)?;
        let (queue, flags) = (at.queue.raw(), message.flags);
        // SAFETY: live objects of the driver.
        check(unsafe {
            call!(at.shared.driver, clEnqueueMigrateMemObjects(queue, length, raw.as_ptr(), flags, count, list, event))
        })
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// Commands that only pass their arguments on, once the regions are known to lie inside their objects.
fn copy(at: &At<'_>, message: &CommandMessage<'_>) -> Result<(), Violation> {
    let Some((event, wait)) = event_and_wait(message) else {
        return Err(Violation::new("a command of another stream"));
    };
    let enqueued = at.enqueue(event, &wait, false, |wait, event| {
        check_copy(message, |handle| memory(at, handle).map(|mem| mem.shape))?;
        let mut kept = Vec::new();
        let find = |handle: Handle| {
            let mem = memory(at, handle)?;
            let raw = mem.raw();
            kept.push(mem);
            Ok(raw)
        };
        // SAFETY: live objects of the driver, kept until the call returns; `event` is null or can be written.
        let known = unsafe { uniform::execute(at.shared.driver, at.queue.raw(), message, find, wait, event) }?;
        if known { Ok(()) } else { Err(CL_INVALID_EVENT) }
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// The event and the wait list of a copy.
pub fn event_and_wait<'a>(message: &CommandMessage<'a>) -> Option<(Handle, List<'a, Handle>)> {
    Some(match message {
        CommandMessage::EnqueueCopyBuffer(message) => (message.event, message.wait),
        CommandMessage::EnqueueCopyBufferRect(message) => (message.event, message.wait),
        CommandMessage::EnqueueCopyImage(message) => (message.event, message.wait),
        CommandMessage::EnqueueCopyImageToBuffer(message) => (message.event, message.wait),
        CommandMessage::EnqueueCopyBufferToImage(message) => (message.event, message.wait),
        _ => return None,
    })
}

/// A size as the driver has it.
///
/// # Errors
/// `CL_INVALID_VALUE` for what is wider.
pub fn narrow(value: u64) -> Result<usize, cl_int> {
    usize::try_from(value).map_err(|_| CL_INVALID_VALUE)
}

/// Sizes as the driver has them.
///
/// # Errors
/// `CL_INVALID_VALUE` for what is wider than the driver's.
pub fn sizes(values: [u64; 3]) -> Result<[usize; 3], cl_int> {
    Ok([narrow(values[0])?, narrow(values[1])?, narrow(values[2])?])
}
