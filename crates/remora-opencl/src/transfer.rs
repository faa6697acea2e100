//! Moving bytes between the program's memory and memory objects.
//!
//! The ordinary way is through staging in the arena: a write's bytes are taken at the call, a read's bytes are copied out
//! when the worker tells that they are there. Where the arena has no room, or a write's bytes are not there yet, they go in
//! parts when the command is ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opencl_sys::*;
use remora_client::{Direction, HostArea, HostCall, Session, Staging, Transfer};
use remora_protocol::List;
use remora_protocol::opencl::{Area, EnqueueHostCall, EnqueueNothing, EnqueueRead, EnqueueWrite, EventDone};

use crate::api::queue::Queue;
use crate::chunks;
use crate::command::Enqueue;
use crate::error::{Error, Result, check};
use crate::event::Event;
use crate::in_place::{self, Attempt};
use crate::mem::Mem;
use crate::svm;

/// Small writes wait for the queue's next wait to free their staging, instead of a notice each.
const SMALL: usize = 64 << 10;
/// As long as no more than this is held that way.
const HELD: u64 = 4 << 20;
/// `staging` of a read without any.
const NOWHERE: u64 = u64::MAX;

/// What is done once the bytes have been brought, or can't be.
pub(crate) type Finally = Box<dyn FnOnce() + Send>;

/// Enqueues a copy of `area` of `mem` to the program's memory at `host`, which `keep` keeps if it isn't the program's to keep.
pub(crate) fn read(
    enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    blocking: bool,
    keep: Option<Finally>,
) -> Result<()> {
    // What the program has mapped can lie in the arena: commands behind this one may need the bytes there.
    let there = place(&enqueue.queue.remote.session, &host);
    let bytes = if there.is_none() { in_place::bytes_of(&enqueue, mem, &area) } else { None };
    let Some(bytes) = bytes else { return read_staged(enqueue, command_type, mem, area, host, there, blocking, keep) };
    let length = host.packed_length();
    // SAFETY: the program's destination is valid during this call; the store has the area's bytes as long as the object.
    let (attempt, late) = in_place::attempt(&enqueue, blocking, || unsafe { host.scatter(0, bytes, length) })?;
    match attempt {
        Attempt::Copied => in_place::succeed(enqueue, command_type)?,
        Attempt::NotNow => read_staged(enqueue, command_type, mem, area, host, there, blocking, keep)?,
    }
    check(late)
}

/// A read that the worker does: to where the bytes lie in the arena, to staging, or in parts.
#[allow(clippy::too_many_arguments)]
fn read_staged(
    enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    there: Option<u64>,
    blocking: bool,
    keep: Option<Finally>,
) -> Result<()> {
    if blocking && there.is_none() && chunks::divides(&enqueue, mem, &area, &host) {
        if let Some(slots) = chunks::Slots::new(&enqueue) {
            return chunks::read(enqueue, command_type, mem, area, host, slots);
        }
    }
    let staging = if there.is_none() { enqueue.stage(host.packed_length()) } else { None };
    let offset = there.or(staging.as_ref().map(Staging::offset));
    if blocking {
        let parts = offset.is_none().then_some(host);
        read_now(enqueue, command_type, mem, area, offset.unwrap_or(NOWHERE), parts, || {
            if let Some(staging) = staging {
                // SAFETY: the program's destination is valid during this call; the staging is as long as the area.
                unsafe { host.scatter(0, staging.pointer().as_ptr(), host.packed_length()) };
            }
        })
    } else {
        read_later(enqueue, command_type, mem, area, offset, host, staging, keep)
    }
}

/// Where memory of the program lies in the arena, if it does in one piece: a mapped object, or shared virtual memory.
fn place(session: &Arc<Session>, host: &HostArea) -> Option<u64> {
    let span = host.span();
    if host.is_flat() { session.place(&span).or_else(|| svm::place(session, &span)) } else { None }
}

/// Reads and waits: `take` runs once the bytes are in the staging at `offset`, unless they go to `parts` in parts.
fn read_now(
    mut enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    offset: u64,
    parts: Option<HostArea>,
    take: impl FnOnce(),
) -> Result<()> {
    let session = Arc::clone(&enqueue.queue.remote.session);
    let waits_for_others = enqueue.waits();
    let (event, waits) = enqueue.begin(command_type);
    let transfer = parts.map_or(0, |host| {
        let done = Box::new(|_| ());
        session.begin_transfer(Transfer { direction: Direction::ToProgram, host: Some(host), staging: None, done })
    });
    let mem = mem.remote.handle;
    let command = EnqueueRead { event, wait: List::new(&waits), mem, area, staging: offset, transfer };
    let answer = enqueue.ask(&command, None);
    session.end_transfer(transfer, CL_COMPLETE);
    let (position, answer) = answer?;
    let done: EventDone = answer.decode()?;
    let own = enqueue.event(command_type, false);
    if let Some(event) = &own {
        event.reached(done.state);
    }
    if done.state != CL_COMPLETE {
        check(done.code)?;
        let code = if waits_for_others { CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST } else { done.state };
        return Err(Error(code));
    }
    take();
    enqueue.queue.event_complete(position);
    enqueue.queue.context.in_use.show();
    enqueue.succeed();
    // The read has succeeded: this is the late error of something before it.
    check(done.code)
}

/// Reads without waiting to `host`. The bytes pass through `staging` (at `offset`), or come in parts; with an offset and no
/// staging that is where `host` lies.
/// `finally` is called when they have been brought.
#[allow(clippy::too_many_arguments)]
pub(crate) fn read_later(
    mut enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    offset: Option<u64>,
    host: HostArea,
    staging: Option<Staging>,
    finally: Option<Finally>,
) -> Result<()> {
    let (event, waits) = enqueue.begin(command_type);
    let (transfer, position) = begin(&mut enqueue, command_type, Direction::ToProgram, Some(host), staging, finally);
    let mem = mem.remote.handle;
    let staging = offset.unwrap_or(NOWHERE);
    let command = EnqueueRead { event, wait: List::new(&waits), mem, area, staging, transfer };
    send(enqueue, &command, None, transfer, &position)
}

/// Enqueues a copy of the program's memory at `host` to `area` of `mem`; `keep` as for [`read`].
pub(crate) fn write(
    enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    blocking: bool,
    keep: Option<Finally>,
) -> Result<()> {
    let session = &enqueue.queue.remote.session;
    // What is in the arena the device may yet change.
    let near = session.is_in_arena(&host.span()) || svm::place(session, &host.span()).is_some();
    if near || !is_there(&enqueue, &host) {
        return write_later(enqueue, command_type, mem, area, host, blocking, keep);
    }
    let Some(bytes) = in_place::bytes_of(&enqueue, mem, &area) else {
        if keep.is_none() && chunks::divides(&enqueue, mem, &area, &host) {
            return chunks::write(enqueue, command_type, mem, area, host, blocking);
        }
        return write_taken(enqueue, command_type, mem, area, host, blocking, keep);
    };
    // SAFETY: the program's source is valid during this call; the store has the area's bytes as long as the object.
    let (attempt, late) =
        in_place::attempt(&enqueue, blocking, || unsafe { host.gather(0, bytes, host.packed_length()) })?;
    match attempt {
        Attempt::Copied => in_place::succeed(enqueue, command_type)?,
        Attempt::NotNow => write_taken(enqueue, command_type, mem, area, host, blocking, keep)?,
    }
    check(late)
}

/// A write whose bytes are taken now, if there is room for them.
fn write_taken(
    mut enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    blocking: bool,
    keep: Option<Finally>,
) -> Result<()> {
    let length = host.packed_length();
    let Some(staging) = enqueue.stage(length) else {
        return write_later(enqueue, command_type, mem, area, host, blocking, keep);
    };
    // SAFETY: the program's source is valid during this call; the staging is as long as the area.
    unsafe { host.gather(0, staging.pointer().as_ptr(), length) };
    // The bytes are taken, but the program may rely on the write being done: in other queues, and for its event.
    let own = if blocking { enqueue.event(command_type, true) } else { None };
    write_staged(enqueue, command_type, mem, area, staging, None)?;
    if blocking { wait(own) } else { Ok(()) }
}

/// Whether the program's bytes are what they will be when it is the command's turn: nothing unfinished is yet to bring them,
/// nor may the program do so.
pub(crate) fn is_there(enqueue: &Enqueue, host: &HostArea) -> bool {
    !enqueue.is_gated() && !enqueue.queue.remote.session.will_write(&host.span())
}

/// Enqueues a write whose bytes are in `staging` already; `finally` is called when it is done.
pub(crate) fn write_staged(
    mut enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    staging: Staging,
    finally: Option<Finally>,
) -> Result<()> {
    let (event, waits) = enqueue.begin(command_type);
    let mem = mem.remote.handle;
    let queue = Arc::clone(&enqueue.queue);
    if finally.is_none() && queue.in_order() && staging.length() <= SMALL && queue.stream.held_bytes() < HELD {
        let command = EnqueueWrite { event, wait: List::new(&waits), mem, area, transfer: 0 };
        return enqueue.send_holding(&command, staging);
    }
    let bulk = staging.bulk();
    let (transfer, position) = begin(&mut enqueue, command_type, Direction::ToWorker, None, Some(staging), finally);
    let command = EnqueueWrite { event, wait: List::new(&waits), mem, area, transfer };
    send(enqueue, &command, bulk, transfer, &position)
}

/// Enqueues a write whose bytes are fetched when it is ready; `finally` is called when they have been.
pub(crate) fn write_later(
    mut enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    blocking: bool,
    finally: Option<Finally>,
) -> Result<()> {
    let own = enqueue.event(command_type, blocking);
    let (event, waits) = enqueue.begin(command_type);
    let (transfer, position) = begin(&mut enqueue, command_type, Direction::ToWorker, Some(host), None, finally);
    let mem = mem.remote.handle;
    let command = EnqueueWrite { event, wait: List::new(&waits), mem, area, transfer };
    send(enqueue, &command, None, transfer, &position)?;
    if blocking { wait(own) } else { Ok(()) }
}

/// Enqueues something that this process does by itself when it is the command's turn.
pub(crate) fn host_call(mut enqueue: Enqueue, command_type: u32, call: HostCall) -> Result<()> {
    let (event, waits) = enqueue.begin(command_type);
    let (done, position) = completion(&mut enqueue, command_type, None);
    let transfer = enqueue.queue.remote.session.begin_host_call(call, done);
    let command = EnqueueHostCall { event, wait: List::new(&waits), transfer };
    send(enqueue, &command, None, transfer, &position)
}

/// Registers the transfer of a command: its end is the command's.
fn begin(
    enqueue: &mut Enqueue,
    command_type: u32,
    direction: Direction,
    host: Option<HostArea>,
    staging: Option<Staging>,
    finally: Option<Finally>,
) -> (u64, Arc<AtomicU64>) {
    let (done, position) = completion(enqueue, command_type, finally);
    let session: &Session = &enqueue.queue.remote.session;
    (session.begin_transfer(Transfer { direction, host, staging, done }), position)
}

type Done = Box<dyn FnOnce(i32) + Send>;

/// What is done at the end of a command that ends in this process, and where its position is to be put.
fn completion(enqueue: &mut Enqueue, command_type: u32, finally: Option<Finally>) -> (Done, Arc<AtomicU64>) {
    let event = enqueue.event(command_type, false);
    if let Some(event) = &event {
        event.awaits_transfer();
    }
    let position = Arc::new(AtomicU64::new(0));
    let (queue, place): (Arc<Queue>, _) = (Arc::clone(&enqueue.queue), Arc::clone(&position));
    let done = move |state| {
        if let Some(finally) = finally {
            finally();
        }
        if state == CL_COMPLETE {
            queue.event_complete(place.load(Ordering::Acquire));
        }
        if let Some(event) = event {
            event.transferred(state);
        }
    };
    (Box::new(done), position)
}

fn send<C: remora_protocol::message::Command>(
    enqueue: Enqueue,
    command: &C,
    bulk: Option<remora_protocol::Bulk>,
    transfer: u64,
    position: &AtomicU64,
) -> Result<()> {
    let session = Arc::clone(&enqueue.queue.remote.session);
    let sent = enqueue.send(command, bulk).inspect_err(|error| session.end_transfer(transfer, error.code()))?;
    position.store(sent, Ordering::Release);
    Ok(())
}

/// Enqueues what only keeps the order: no bytes move. Waits for it if `blocking`.
pub(crate) fn nothing(mut enqueue: Enqueue, command_type: u32, blocking: bool) -> Result<()> {
    let own = enqueue.event(command_type, blocking);
    let (event, waits) = enqueue.begin(command_type);
    enqueue.send(&EnqueueNothing { event, wait: List::new(&waits) }, None)?;
    if blocking { wait(own) } else { Ok(()) }
}

pub(crate) fn wait(event: Option<Arc<Event>>) -> Result<()> {
    match event.map(|event| event.wait()).transpose()? {
        Some(state) if state < CL_COMPLETE => Err(Error(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)),
        _ => Ok(()),
    }
}
