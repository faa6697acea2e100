//! Large transfers of ordinary memory as several commands: while the device moves one chunk, this process copies another.

use std::sync::Arc;

use opencl_sys::*;
use remora_client::{HostArea, Staging};
use remora_protocol::List;
use remora_protocol::opencl::{Area, EnqueueRead, EventDone};

use crate::command::Enqueue;
use crate::error::{Error, Result, check};
use crate::mem::{Mem, bytes_of_buffer};
use crate::transfer::{wait, write_later, write_staged};

/// Bytes of a chunk.
const CHUNK: usize = 16 << 20;

/// Whether a transfer is one for chunks: its last command must be the end of all, and what the first waits for can't fail.
pub(crate) fn divides(enqueue: &Enqueue, mem: &Mem, area: &Area, host: &HostArea) -> bool {
    let plain = area.kind == 0 && host.is_flat() && mem.host_part().is_none();
    plain
        && host.packed_length() > CHUNK
        && enqueue.queue.in_order()
        && !enqueue.is_measured()
        && !enqueue.waits()
        && !enqueue.is_gated()
}

/// `size` bytes of a transfer, after `done` bytes.
fn piece(area: &Area, host: &HostArea, done: usize, size: usize) -> (Area, HostArea) {
    let start = host.span().start as *mut u8;
    (bytes_of_buffer(area.origin[0] as usize + done, size), HostArea::flat(start.wrapping_add(done), size))
}

/// Where the chunks of a transfer begin, and their sizes.
fn chunks(host: &HostArea) -> impl Iterator<Item = (usize, usize)> + use<> {
    let length = host.packed_length();
    (0..length).step_by(CHUNK).map(move |done| (done, CHUNK.min(length - done)))
}

/// A write whose bytes are taken now, as far as there is room for them.
pub(crate) fn write(
    enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    blocking: bool,
) -> Result<()> {
    let (queue, length) = (Arc::clone(&enqueue.queue), host.packed_length());
    let Some(mut staging) = enqueue.stage(CHUNK) else {
        return write_later(enqueue, command_type, mem, area, host, blocking, None);
    };
    let (first, mut last) = enqueue.divide();
    let own = if blocking { last.event(command_type, true) } else { None };
    let mut first = Some(first);
    // To other threads it is one command.
    let turn = queue.stream.take_turn();
    for (done, size) in chunks(&host) {
        let (chunk, from) = piece(&area, &host, done, size);
        // SAFETY: the program's source is valid during this call; the staging is as long as the chunk.
        unsafe { from.gather(0, staging.pointer().as_ptr(), size) };
        let left = length - done - size;
        if left == 0 {
            write_staged(last, command_type, mem, chunk, staging, None)?;
            break;
        }
        let part = first.take().unwrap_or_else(|| Enqueue::part(&queue));
        write_staged(part, command_type, mem, chunk, staging, None)?;
        staging = match last.stage(left.min(CHUNK)) {
            Some(staging) => staging,
            None => {
                // The rest comes when the command is ready.
                let (rest, from) = piece(&area, &host, done + size, left);
                write_later(last, command_type, mem, rest, from, false, None)?;
                break;
            }
        };
    }
    drop(turn);
    if blocking { wait(own) } else { Ok(()) }
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
    let mut coming = chunks(&host).zip(slots.iter().cycle());
    let mut ask = || -> Option<Result<Asked>> {
        let ((done, size), staging) = coming.next()?;
        let (area, into) = piece(&area, &host, done, size);
        let part = if done + size == host.packed_length() { last.take() } else { first.take() };
        let mut part = part.unwrap_or_else(|| Enqueue::part(&queue));
        let (event, waits) = part.begin(command_type);
        let (wait, mem, staging_at) = (List::new(&waits), mem.remote.handle, staging.offset());
        let command = EnqueueRead { event, wait, mem, area, staging: staging_at, transfer: 0 };
        Some(part.ask_ahead(&command).map(|position| Asked { part, position, into, staging }))
    };
    let (mut late, mut failed) = (CL_SUCCESS, None);
    // To other threads it is one command. Nothing that it waits for needs one of theirs: the queue isn't gated.
    let _turn = queue.stream.take_turn();
    let mut next = ask().transpose()?;
    while let Some(Asked { part, position, into, staging }) = next {
        // Whatever comes of this chunk: what has been asked for is waited for, since it goes into our staging.
        let following = if failed.is_none() { ask() } else { None };
        let answer = part.answer::<EnqueueRead>(position)?;
        let done: EventDone = answer.decode()?;
        late = if late == CL_SUCCESS { done.code } else { late };
        if done.state == CL_COMPLETE {
            // SAFETY: the program's destination is valid during this call; the staging is as long as a chunk.
            unsafe { into.scatter(0, staging.pointer().as_ptr(), into.packed_length()) };
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
    into: HostArea,
    staging: &'a Staging,
}
