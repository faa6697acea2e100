//! Slice pitches that are no multiples of the row pitch. OpenCL has an error for them, but not every driver: what the driver
//! of a context takes is tried out when a program first has one, with buffers of our own, for the driver never sees the
//! program's memory and its pitches.

use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{CreateBuffer, EnqueueCopyBufferRect, Status};
use remora_protocol::{Handle, Kind, List};

use crate::api::context::Context;
use crate::api::queue::Queue;
use crate::command::Enqueue;
use crate::error::Result;
use crate::object::Remote;

/// Whether the driver takes such pitches.
pub(crate) fn takes_odd_slices(queue: &Arc<Queue>) -> Result<bool> {
    let context = &queue.context;
    if let Some(takes) = context.odd_slices.get() {
        return Ok(*takes);
    }
    let (from, to) = (buffer(context)?, buffer(context)?);
    let mut enqueue = Enqueue::part(queue);
    enqueue.names(&from, context)?;
    enqueue.names(&to, context)?;
    let command = EnqueueCopyBufferRect {
        event: Handle::NONE,
        wait: List::default(),
        src_buffer: from.handle,
        dst_buffer: to.handle,
        src_origin: [0; 3],
        dst_origin: [0; 3],
        region: [1, 1, 2],
        src_row_pitch: 2,
        src_slice_pitch: 3,
        dst_row_pitch: 2,
        dst_slice_pitch: 3,
    };
    // Where another thread waits in the queue it is what OpenCL says, this time.
    let Some((_, answer)) = enqueue.ask_first(&command)? else { return Ok(false) };
    let takes = answer.decode::<Status>()?.code == CL_SUCCESS;
    Ok(*context.odd_slices.get_or_init(|| takes))
}

/// A buffer for the two bytes that are copied, three bytes apart.
fn buffer(context: &Arc<Context>) -> Result<Remote> {
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Mem);
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let context = context.remote.handle;
    let flags = CL_MEM_READ_WRITE;
    let command = CreateBuffer { mem: handle, context, flags, size: 4, store: u64::MAX, svm: 0, vendor_flags: 0 };
    let created = session.send(session.objects(), &command, &needs, None)?;
    Ok(Remote { session, handle, created })
}
