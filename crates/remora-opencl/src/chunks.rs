//! Large transfers of ordinary memory as several commands: while the device moves one chunk, this process copies another.

use std::sync::Arc;

use opencl_sys::*;
use remora_client::{HostArea, Staging};
use remora_protocol::List;
use remora_protocol::opencl::{Area, EnqueueRead, EventDone};

use crate::command::Enqueue;
use crate::error::{Error, Result, check};
use crate::mem::{Mem, bytes_of_buffer};
use crate::transfer::{Finally, write_taken};

/// Bytes of a chunk.
const CHUNK: usize = 16 << 20;

/// Whether a transfer is one for chunks: its last command must be the end of all, and what the first waits for can't fail.
pub(crate) fn divides(enqueue: &Enqueue, mem: &Mem, area: &Area, host: &HostArea) -> bool {
    let plain = area.kind == 0 && host.is_flat() && mem.host_part().is_none();
    plain && host.packed_length() > CHUNK && enqueue.queue.in_order() && !enqueue.is_measured() && !enqueue.waits()
}

/// The chunks of a transfer: where each is in the object and in the program's memory, and whether it is the last one.
fn chunks(area: Area, host: HostArea) -> impl Iterator<Item = (Area, HostArea, bool)> {
    let (offset, start, length) = (area.origin[0] as usize, host.span().start as *mut u8, host.packed_length());
    (0..length).step_by(CHUNK).map(move |done| {
        let size = CHUNK.min(length - done);
        let host = HostArea::flat(start.wrapping_add(done), size);
        (bytes_of_buffer(offset + done, size), host, done + size == length)
    })
}

/// A write whose bytes are taken now.
pub(crate) fn write(
    enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    blocking: bool,
    _: Option<Finally>,
) -> Result<()> {
    let queue = Arc::clone(&enqueue.queue);
    let (first, last) = enqueue.divide();
    let (mut first, mut last) = (Some(first), Some(last));
    for (area, host, is_last) in chunks(area, host) {
        let own = if is_last { last.take() } else { first.take() };
        let part = own.unwrap_or_else(|| Enqueue::part(&queue));
        write_taken(part, command_type, mem, area, host, blocking && is_last, None)?;
    }
    Ok(())
}

/// The staging of two chunks.
pub(crate) struct Slots([Staging; 2]);

impl Slots {
    pub(crate) fn new(enqueue: &Enqueue) -> Option<Self> {
        let session = &enqueue.queue.remote.session;
        Some(Self([session.stage(CHUNK)?, session.stage(CHUNK)?]))
    }
}

/// A blocking read. The next chunk has been asked for before one is waited for.
pub(crate) fn read(
    enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    Slots(slots): Slots,
) -> Result<()> {
    let queue = Arc::clone(&enqueue.queue);
    let (first, mut last) = enqueue.divide();
    let own = last.event(command_type, false);
    let (mut first, mut last) = (Some(first), Some(last));
    let mut coming = chunks(area, host).zip(slots.iter().cycle());
    let mut ask = || -> Option<Result<Asked>> {
        let ((area, host, is_last), staging) = coming.next()?;
        let part = if is_last { last.take() } else { first.take() };
        let mut part = part.unwrap_or_else(|| Enqueue::part(&queue));
        let (event, waits) = part.begin(command_type);
        let (wait, mem, staging_at) = (List::new(&waits), mem.remote.handle, staging.offset());
        let command = EnqueueRead { event, wait, mem, area, staging: staging_at, transfer: 0 };
        Some(part.ask_ahead(&command).map(|position| Asked { part, position, host, staging }))
    };
    let (mut late, mut failed) = (CL_SUCCESS, None);
    let mut next = ask().transpose()?;
    while let Some(Asked { part, position, host, staging }) = next {
        // Whatever comes of this chunk: what has been asked for is waited for, since it goes into our staging.
        let following = if failed.is_none() { ask() } else { None };
        let answer = part.answer::<EnqueueRead>(position)?;
        let done: EventDone = answer.decode()?;
        late = if late == CL_SUCCESS { done.code } else { late };
        if done.state == CL_COMPLETE {
            // SAFETY: the program's destination is valid during this call; the staging is as long as a chunk.
            unsafe { host.scatter(0, staging.pointer().as_ptr(), host.packed_length()) };
            queue.event_complete(position);
            if failed.is_none() {
                part.succeed();
            }
        } else {
            failed = failed.or(Some(done.state));
        }
        next = following.transpose()?;
    }
    if let Some(event) = own {
        event.reached(failed.unwrap_or(CL_COMPLETE));
    }
    queue.context.in_use.show();
    match failed {
        Some(state) => check(late).and(Err(Error(state))),
        None => check(late),
    }
}

/// A chunk that is being read.
struct Asked<'a> {
    part: Enqueue,
    position: u64,
    host: HostArea,
    staging: &'a Staging,
}
