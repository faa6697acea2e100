//! Commands that move bytes between the program and memory objects: reads, writes, and maps of stores.

use std::ptr;
use std::sync::Arc;

use opencl_sys::{
    CL_COMPLETE, CL_FALSE, CL_INVALID_CONTEXT, CL_INVALID_OPERATION, CL_INVALID_VALUE, CL_MAP_FAILURE, CL_SUCCESS,
    CL_TRUE, cl_event, cl_int,
};
use remora_protocol::opencl::{
    EnqueueMapStore, EnqueueNoBytes, EnqueueRead, EnqueueUnmapStore, EnqueueWrite, EventDone, TransferDone,
};
use remora_protocol::{Bulk, Handle};

use super::area::{Region, Shape};
use super::completions::{Watched, Work};
use super::driver::{call, check};
use super::engine;
use super::events::Event;
use super::memory::Mem;
use super::pending::Transfer;
use super::pins::Way;
use super::queue::{At, Enqueued};
use super::shared::Shared;
use super::store::map_region;
use super::transfer::{read_region, wait_list, write_region};
use super::violation::Violation;

/// The `staging` of a read that has none.
const NO_STAGING: u64 = u64::MAX;

/// Executes `EnqueueRead`.
///
/// # Errors
/// If the staging is not the client's to give, or the event can't be named.
pub fn read(at: &At<'_>, message: &EnqueueRead<'_>) -> Result<(), Violation> {
    let (mem, region) = match target(at, message.mem, |mem| Region::new(&message.area, &mem.shape)) {
        Ok(target) => target,
        Err(code) => return read_refused(at, message, code),
    };
    if message.staging == NO_STAGING {
        if message.transfer == 0 {
            return Err(Violation::new("a read to nowhere"));
        }
        return engine::defer_read(at, message, mem, region);
    }
    let bulk = Bulk { offset: message.staging, length: region.packed() as u64 };
    let staging = at.shared.client_memory(bulk)?;
    at.shared.stats.bytes_copied.add(bulk.length);
    // With a wait list the executor would block while it keeps failing events as they are, which holds others up.
    let inline = at.answer && message.wait.is_empty() && at.queue.may_block(at.shared);
    let way = Way::new(at, bulk, message.wait.is_empty());
    let enqueued = at.enqueue(message.event, &message.wait, !inline, |wait, event| {
        way.enqueue(at, &region, wait, event, |part, last, wait, event| {
            let (blocking, target) =
                (if inline && last { CL_TRUE } else { CL_FALSE }, staging.wrapping_add(part.offset));
            let (driver, queue) = (at.shared.driver, at.queue.raw());
            // SAFETY: live objects; the staging is the client's until it is told that the read is done, and stays mapped.
            unsafe { read_region(driver, queue, mem.raw(), &part.region, blocking, target, wait, event) }
        })
    })?;
    match enqueued {
        Err(code) => read_told(at, message, code),
        Ok(_) if inline => {
            at.shared.settle();
            // The program learns now what it could not be told before.
            let code = at.queue.take_late().unwrap_or(CL_SUCCESS);
            at.reply(&EventDone { code, state: CL_COMPLETE }, Some(bulk));
        }
        Ok(Some(event)) if at.answer => answer_later(at, &event, bulk),
        Ok(Some(event)) => announce(at.shared, message.transfer, &event, Some(bulk)),
        Ok(None) => {}
    }
    Ok(())
}

/// A blocking read where the executor may not block.
fn answer_later(at: &At<'_>, event: &Arc<Event>, bulk: Bulk) {
    let (queue, position) = (Arc::clone(at.queue), at.position);
    at.queue.flush(at.shared);
    at.shared.stats.round_trips.add(1);
    let reply = move |shared: &Arc<Shared>, state: cl_int| {
        // A failure is in the state; the code is about the call.
        let code = if state < 0 { CL_SUCCESS } else { queue.take_late().unwrap_or(CL_SUCCESS) };
        let bulk = (state == CL_COMPLETE).then_some(bulk);
        queue.replies.send(&shared.notices, position, &EventDone { code, state }, bulk);
    };
    at.shared.completions.when(at.shared.driver, watched(event), CL_COMPLETE, Work::Run(Box::new(reply)));
}

fn watched(event: &Arc<Event>) -> Watched {
    Watched::Event(Arc::clone(event))
}

/// A read whose end is told by TransferDone.
fn announce(shared: &Arc<Shared>, number: u64, event: &Arc<Event>, bulk: Option<Bulk>) {
    let transfer = Transfer::new(number, Arc::clone(event), bulk);
    shared.pending.add(&transfer);
    shared.completions.when(shared.driver, watched(event), CL_COMPLETE, Work::Arrived(transfer));
}

fn read_refused(at: &At<'_>, message: &EnqueueRead<'_>, code: cl_int) -> Result<(), Violation> {
    at.refused(message.event, code)?;
    read_told(at, message, code);
    Ok(())
}

/// Tells of a read that was refused, which has been taken care of otherwise.
fn read_told(at: &At<'_>, message: &EnqueueRead<'_>, code: cl_int) {
    if at.answer {
        at.reply(&EventDone { code, state: code }, None);
    } else {
        done(at.shared, message.transfer, code);
    }
}

/// Executes `EnqueueWrite`.
///
/// # Errors
/// If the bulk bytes are not the client's to give or not as many as the area takes, or the event can't be named.
pub fn write(at: &At<'_>, message: &EnqueueWrite<'_>) -> Result<(), Violation> {
    let source = at.bulk.map(|bulk| at.shared.client_memory(bulk)).transpose()?;
    let (mem, region) = match target(at, message.mem, |mem| Region::new(&message.area, &mem.shape)) {
        Ok(target) => target,
        Err(code) => {
            at.refused(message.event, code)?;
            done(at.shared, message.transfer, code);
            at.reply_status(code);
            return Ok(());
        }
    };
    let (Some(source), Some(bulk)) = (source, at.bulk) else {
        if message.transfer == 0 {
            return Err(Violation::new("a write of nothing"));
        }
        return engine::defer_write(at, message, mem, region);
    };
    if bulk.length != region.packed() as u64 {
        return Err(Violation::new("a write of another size than its area"));
    }
    at.shared.stats.bytes_copied.add(bulk.length);
    let track = message.transfer != 0;
    let way = Way::new(at, bulk, message.wait.is_empty());
    let enqueued = at.enqueue(message.event, &message.wait, track, |wait, event| {
        way.enqueue(at, &region, wait, event, |part, _, wait, event| {
            let (blocking, source) = (way.blocking_write(), source.wrapping_add(part.offset));
            let (driver, queue) = (at.shared.driver, at.queue.raw());
            // SAFETY: live objects; the bytes are the client's until it is told that the write is done, and stay mapped.
            unsafe { write_region(driver, queue, mem.raw(), &part.region, blocking, source, wait, event) }
        })
    })?;
    // What only waits for something that has failed is said by events alone.
    let silent = !message.event.is_none() || !message.wait.is_empty();
    told_when_done(at, message.transfer, &enqueued, silent);
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// TransferDone follows the completion of a write. If that fails and nothing else says so, which is not so if it is `silent`, the
/// next finish does.
fn told_when_done(at: &At<'_>, transfer: u64, enqueued: &Enqueued, silent: bool) {
    match enqueued {
        Err(code) => done(at.shared, transfer, *code),
        Ok(Some(event)) if transfer != 0 => {
            let queue = Arc::clone(at.queue);
            let work = Work::Run(Box::new(move |shared: &Arc<Shared>, state: cl_int| {
                if state < 0 && !silent {
                    queue.late(state);
                }
                done(shared, transfer, state);
            }));
            at.shared.completions.when(at.shared.driver, watched(event), CL_COMPLETE, work);
        }
        Ok(_) => {}
    }
}

/// Tells that a transfer has ended, unless nobody cares.
pub fn done(shared: &Shared, transfer: u64, state: cl_int) {
    if transfer != 0 {
        shared.notices.send(&TransferDone { transfer, state }, None);
    }
}

/// The memory object of a command and its region, checked.
fn target(
    at: &At<'_>,
    mem: Handle,
    region: impl FnOnce(&Mem) -> Result<Region, cl_int>,
) -> Result<(Arc<Mem>, Region), cl_int> {
    let mem = memory(at, mem)?;
    let region = region(&mem)?;
    Ok((mem, region))
}

/// A memory object that the queue's commands may use.
///
/// # Errors
/// The code that such a command is refused with.
pub fn memory(at: &At<'_>, mem: Handle) -> Result<Arc<Mem>, cl_int> {
    let mem = at.shared.tables.mems.get(mem)?;
    if Arc::ptr_eq(&mem.context, &at.queue.context) { Ok(mem) } else { Err(CL_INVALID_CONTEXT) }
}

/// Executes `EnqueueMapStore`: the driver makes the store current, no bytes move.
///
/// # Errors
/// If the event can't be named.
pub fn map_store(at: &At<'_>, message: &EnqueueMapStore<'_>) -> Result<(), Violation> {
    let mut in_place = true;
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let (mem, region) = target(at, message.mem, |mem| Region::new(&message.area, &mem.shape))?;
        let store = mem.store.ok_or(CL_INVALID_OPERATION)?;
        let (queue, maps) = (at.queue.raw(), &mem.maps);
        // SAFETY: live objects of the driver.
        in_place =
            unsafe { map_region(at.shared, queue, mem.raw(), &store, maps, &region, message.flags, wait, event) }?;
        at.shared.stats.bytes_mapped.add(region.packed() as u64);
        Ok(())
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    if !in_place {
        at.queue.late(CL_MAP_FAILURE);
    }
    Ok(())
}

/// Executes `EnqueueUnmapStore`.
///
/// # Errors
/// If the event can't be named.
pub fn unmap_store(at: &At<'_>, message: &EnqueueUnmapStore<'_>) -> Result<(), Violation> {
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let (mem, region) = target(at, message.mem, |mem| Region::new(&message.area, &mem.shape))?;
        let (count, list) = wait_list(wait)?;
        let address = mem.maps.take(&region).ok_or(CL_INVALID_VALUE)?;
        let queue = at.queue.raw();
        // SAFETY: live objects of the driver, and an address that it mapped and has not unmapped.
        let unmapped = check(unsafe {
            call!(at.shared.driver, clEnqueueUnmapMemObject(queue, mem.raw(), address, count, list, event))
        });
        unmapped.inspect_err(|_| mem.maps.add(region, address))
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// Executes `EnqueueNoBytes`.
///
/// # Errors
/// If the event can't be named.
pub fn no_bytes(at: &At<'_>, message: &EnqueueNoBytes<'_>) -> Result<(), Violation> {
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let mem = memory(at, message.mem)?;
        let offset = match mem.shape {
            Shape::Buffer(whole) if message.offset <= whole => usize::try_from(message.offset),
            _ => return Err(CL_INVALID_VALUE),
        };
        let (offset, (count, list)) = (offset.map_err(|_| CL_INVALID_VALUE)?, wait_list(wait)?);
        let (driver, queue, mut nowhere) = (at.shared.driver, at.queue.raw(), [0_u8; 1]);
        let (mem, host) = (mem.raw(), nowhere.as_mut_ptr().cast());
        // SAFETY: live objects, and no byte is read or written at `host`.
        check(unsafe {
            if message.write {
                call!(driver, clEnqueueWriteBuffer(queue, mem, CL_FALSE, offset, 0, host, count, list, event))
            } else {
                call!(driver, clEnqueueReadBuffer(queue, mem, CL_FALSE, offset, 0, host, count, list, event))
            }
        })
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// Enqueues a command that does nothing but wait for `wait` (and, as every command, for barriers before it).
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// `wait` are live events of the driver; `event` is null or can be written.
pub unsafe fn nothing(at: &At<'_>, wait: &[cl_event], event: *mut cl_event) -> Result<(), cl_int> {
    static ZEROS: [u8; 4] = [0; 4];
    let scratch = at.queue.context.scratch(at.shared.driver)?;
    let (count, list) = wait_list(wait)?;
    let (queue, source, size) = (at.queue.raw(), ptr::from_ref(&ZEROS).cast(), ZEROS.len());
    // SAFETY: live objects, and a source of the buffer's size that stays.
    check(unsafe {
        call!(at.shared.driver, clEnqueueWriteBuffer(queue, scratch, CL_FALSE, 0, size, source, count, list, event))
    })
}
