//! Reads and writes of buffers of CPUs, whose memory is in the arena: where nothing in the queue is unfinished, this process
//! copies by itself. That is one copy, where staging would take two, and no message.

use opencl_sys::*;
use remora_protocol::List;
use remora_protocol::opencl::{Area, EnqueueNothing};

use crate::command::Enqueue;
use crate::error::Result;
use crate::mem::Mem;

/// Where the bytes of `area` are in this process, if a command of `enqueue` can get at them there.
pub(crate) fn bytes_of(enqueue: &Enqueue, mem: &Mem, area: &Area) -> Option<*mut u8> {
    let is_range = area.kind == 0 && mem.is_buffer();
    // The program's own memory has its own rules.
    let plain = mem.host_part().is_none() && mem.svm.is_none();
    // Whoever measures wants the copy to be the driver's.
    let direct = is_range && plain && enqueue.queue.in_order() && !enqueue.is_measured() && mem.context.on_cpus();
    let start = if direct { mem.store_pointer() } else { None };
    Some(start?.wrapping_add(usize::try_from(area.origin[0]).ok()?))
}

/// What came of an attempt to copy now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    Copied,
    /// Something is, or has come, before it in the queue.
    NotNow,
}

/// Runs `copy` when all in the queue is complete, and before anything else gets into it. If `blocking` it waits for that. The
/// code is a late error of what was before.
pub(crate) fn attempt(enqueue: &Enqueue, blocking: bool, copy: impl Fn()) -> Result<(Attempt, cl_int)> {
    let queue = &enqueue.queue;
    queue.remote.session.check()?;
    if enqueue.waits() {
        return Ok((Attempt::NotNow, CL_SUCCESS));
    }
    if queue.stream.when_idle(&copy) {
        if blocking {
            // As where it is waited for: what was printed before is there, and so is what is in the program's own memory.
            queue.remote.session.wait_for_output(queue.remote.session.printed(&queue.stream));
            queue.context.in_use.show();
        }
        return Ok((Attempt::Copied, CL_SUCCESS));
    }
    if !blocking || enqueue.is_gated() {
        return Ok((Attempt::NotNow, CL_SUCCESS));
    }
    let code = queue.finish()?;
    let copied = queue.stream.when_idle(&copy);
    Ok((if copied { Attempt::Copied } else { Attempt::NotNow }, code))
}

/// Gives the program its event, if it wants one.
pub(crate) fn succeed(mut enqueue: Enqueue, command_type: u32) -> Result<()> {
    let Some(event) = enqueue.event(command_type, false) else { return Ok(()) };
    let (handle, waits) = enqueue.begin(command_type);
    enqueue.send(&EnqueueNothing { event: handle, wait: List::new(&waits) }, None)?;
    event.reached(CL_COMPLETE);
    Ok(())
}
