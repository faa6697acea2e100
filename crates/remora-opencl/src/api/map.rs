//! Mapping and unmapping memory objects.

use std::ffi::c_void;
use std::ops::Range;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::HostArea;
use remora_protocol::List;
use remora_protocol::opencl::{Area, EnqueueMapStore, EnqueueUnmapStore};

use crate::api::transfer::{check_sub_buffer, triple};
use crate::command::Enqueue;
use crate::error::{Error, Result, ensure};
use crate::map::{Backing, Heap, Mapping, shows};
use crate::mem::{Mem, bytes_of_buffer};
use crate::object::share;
use crate::transfer::{is_there, nothing, read, wait, write, write_later, write_staged};

/// A map that is being made.
struct Map {
    enqueue: Enqueue,
    mem: Arc<Mem>,
    command_type: u32,
    blocking: bool,
    flags: cl_map_flags,
    area: Area,
}

impl Map {
    unsafe fn new(
        (queue, mem, blocking, flags): (cl_command_queue, cl_mem, cl_bool, cl_map_flags),
        (num_events, wait_list, event): (cl_uint, *const cl_event, *mut cl_event),
        command_type: u32,
    ) -> Result<Self> {
        // SAFETY: passed on to the caller.
        let (mut enqueue, mem): (_, Arc<Mem>) =
            unsafe { (Enqueue::new(queue, num_events, wait_list, event)?, share(mem)?) };
        enqueue.shows_memory(&mem)?;
        let known = CL_MAP_READ | CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION;
        ensure(flags & !known == 0, CL_INVALID_VALUE)?;
        let both = flags & CL_MAP_WRITE_INVALIDATE_REGION != 0 && flags & (CL_MAP_READ | CL_MAP_WRITE) != 0;
        ensure(!both, CL_INVALID_VALUE)?;
        let no_reads = CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS;
        ensure(flags & CL_MAP_READ == 0 || mem.flags & no_reads == 0, CL_INVALID_OPERATION)?;
        let no_writes = CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
        ensure(flags & (known & !CL_MAP_READ) == 0 || mem.flags & no_writes == 0, CL_INVALID_OPERATION)?;
        let area = bytes_of_buffer(0, 0);
        Ok(Self { enqueue, mem, command_type, blocking: blocking != CL_FALSE, flags, area })
    }

    /// Maps `area`, which is at `host` in memory of `backing`.
    fn bring(self, host: HostArea, backing: Backing) -> Result<*mut c_void> {
        let Self { enqueue, mem, command_type, blocking, flags, area } = self;
        let pointer = host.span().start as *mut c_void;
        match &backing {
            Backing::Staging(_) | Backing::Heap(_) | Backing::HostPointer if shows(flags) => {
                read_unwritten(enqueue, command_type, &mem, area, host, &backing, blocking)?;
            }
            Backing::Store => map_store(enqueue, command_type, &mem, flags, area, blocking)?,
            _ => nothing(enqueue, command_type, blocking)?,
        }
        mem.mapped(flags, area, host, backing);
        Ok(pointer)
    }
}

/// Reads what a map shows, but not over what the program may have written through others in the same memory.
pub(crate) fn read_unwritten(
    mut enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    area: Area,
    host: HostArea,
    backing: &Backing,
    blocking: bool,
) -> Result<()> {
    let mut pieces = mem.not_written(&host);
    let Some(last) = pieces.pop() else { return nothing(enqueue, command_type, blocking) };
    let whole = mem.whole();
    let start = match backing {
        Backing::Heap(heap) => Some(heap.pointer()),
        _ => whole.host_pointer(),
    };
    let some = pieces.iter().chain([&last]).map(Range::len).sum::<usize>() < host.packed_length();
    // An unfinished map keeps its memory, whatever happens to the object meanwhile.
    let Some(start) = start.filter(|_| some && whole.is_buffer()) else {
        return read(enqueue, command_type, mem, area, host, blocking, backing.keep());
    };
    let read_piece = |enqueue, piece: Range<usize>, blocking| {
        let area = bytes_of_buffer(piece.start - start as usize, piece.len());
        let host = HostArea::flat(start.wrapping_add(piece.start - start as usize), piece.len());
        read(enqueue, command_type, whole, area, host, blocking, backing.keep())
    };
    for piece in pieces {
        let (first, rest) = enqueue.divide();
        let there = first.internal(command_type, |part| read_piece(part, piece, false))?;
        enqueue = rest.after(&there);
        enqueue.names(&mem.remote, &mem.context)?;
    }
    read_piece(enqueue, last, blocking)
}

/// The driver makes the store current.
fn map_store(
    mut enqueue: Enqueue,
    command_type: u32,
    mem: &Mem,
    flags: cl_map_flags,
    area: Area,
    blocking: bool,
) -> Result<()> {
    let own = enqueue.event(command_type, blocking);
    let (event, waits) = enqueue.begin(command_type);
    let (wait_list, mem) = (List::new(&waits), mem.remote.handle);
    enqueue.send(&EnqueueMapStore { event, wait: wait_list, mem, flags, area }, None)?;
    if blocking { wait(own) } else { Ok(()) }
}

/// # Safety
/// As clEnqueueMapBuffer.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_map_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    flags: cl_map_flags,
    offset: usize,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<*mut c_void> {
    let events = (num_events, wait_list, event);
    // SAFETY: passed on to the caller.
    let mut map = unsafe { Map::new((queue, buffer, blocking, flags), events, CL_COMMAND_MAP_BUFFER) }?;
    let mem = Arc::clone(&map.mem);
    ensure(mem.is_buffer(), CL_INVALID_MEM_OBJECT)?;
    ensure(size > 0 && offset.checked_add(size).is_some_and(|end| end <= mem.size), CL_INVALID_VALUE)?;
    check_sub_buffer(&map.enqueue.queue, &mem)?;
    map.area = bytes_of_buffer(offset, size);
    let (start, backing) = memory(&map, offset, &HostArea::flat(std::ptr::null_mut(), size))?;
    map.bring(HostArea::flat(start, size), backing)
}

/// Where a map lies that has the layout of `host`, and begins at `offset` where the object has memory in this process.
fn memory(map: &Map, offset: usize, host: &HostArea) -> Result<(*mut u8, Backing)> {
    let mem = &map.mem;
    if let Some(start) = mem.host_pointer() {
        return Ok((start.wrapping_add(offset), mem.host_backing()));
    }
    if let Some(start) = mem.store_pointer() {
        return Ok((start.wrapping_add(offset), Backing::Store));
    }
    let length = host.span().len();
    if let Some((heap, start)) = mem.shown() {
        if let Some(pointer) = heap.at(start + offset, length) {
            return Ok((pointer, Backing::Heap(heap)));
        }
    }
    if let Some(staging) = if host.is_flat() { map.enqueue.stage(length) } else { None } {
        return Ok((staging.pointer().as_ptr(), Backing::Staging(staging)));
    }
    let heap = Heap::new(length).ok_or(Error(CL_MAP_FAILURE))?;
    Ok((heap.pointer(), Backing::Heap(Arc::new(heap))))
}

/// # Safety
/// As clEnqueueMapImage.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_map_image(
    queue: cl_command_queue,
    image: cl_mem,
    blocking: cl_bool,
    flags: cl_map_flags,
    origin: *const usize,
    region: *const usize,
    row_pitch: *mut usize,
    slice_pitch: *mut usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<*mut c_void> {
    let events = (num_events, wait_list, event);
    // SAFETY: passed on to the caller.
    let (mut map, origin, region) = unsafe {
        let map = Map::new((queue, image, blocking, flags), events, CL_COMMAND_MAP_IMAGE)?;
        (map, triple(origin)?, triple(region)?)
    };
    let mem = Arc::clone(&map.mem);
    let image = mem.image.as_ref().ok_or(Error(CL_INVALID_MEM_OBJECT))?;
    image.check_region(origin, region)?;
    let missing = row_pitch.is_null() || (image.has_slices() && slice_pitch.is_null());
    ensure(!missing, CL_INVALID_VALUE)?;
    map.area = image.area(origin, region);
    // Memory of its own is packed; the program's, and a buffer that it is made of, have the pitches that were given.
    let own = mem.host_pointer().is_none() && mem.parent.as_ref().is_none_or(|parent| !parent.is_buffer());
    let image = if own { &image.packed() } else { image };
    let (row, slice) = (image.row_pitch, image.slice_pitch);
    let at = |start| image.host_area(start, region, row, slice);
    let (start, backing) = memory(&map, image.offset_of(origin), &at(std::ptr::null_mut())?)?;
    let mapped = map.bring(at(start)?, backing)?;
    let slice = if image.has_slices() { slice } else { 0 };
    // SAFETY: the program gives valid places or NULL.
    unsafe {
        row_pitch.write(row);
        if !slice_pitch.is_null() {
            slice_pitch.write(slice);
        }
    }
    Ok(mapped)
}

/// # Safety
/// As clEnqueueUnmapMemObject.
pub unsafe fn enqueue_unmap_mem_object(
    queue: cl_command_queue,
    mem: cl_mem,
    mapped: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (mut enqueue, mem): (_, Arc<Mem>) =
        unsafe { (Enqueue::new(queue, num_events, wait_list, event)?, share(mem)?) };
    enqueue.names(&mem.remote, &mem.context)?;
    let mapping = {
        let mut maps = mem.lock_maps();
        let place = maps.iter().position(|mapping| mapping.pointer == mapped as usize);
        maps.swap_remove(place.ok_or(Error(CL_INVALID_VALUE))?)
    };
    let command_type = CL_COMMAND_UNMAP_MEM_OBJECT;
    let Mapping { area, host, backing, written, .. } = mapping;
    let writes = written.is_some();
    if matches!(backing, Backing::Store) && writes && enqueue.queue.remote.session.will_write(&host.span()) {
        enqueue = after_taking(enqueue, &mem, area, host)?;
    }
    if let Some(part) = mem.host_range(area.origin[0] as usize, area.region[0] as usize) {
        part.unmapped();
        enqueue.uses(&if writes { part } else { part.unchanged() })?;
    }
    match backing {
        Backing::Store => {
            let (event, waits) = enqueue.begin(command_type);
            let command = EnqueueUnmapStore { event, wait: List::new(&waits), mem: mem.remote.handle, area };
            enqueue.send(&command, None)?;
            Ok(())
        }
        Backing::SamePages => nothing(enqueue, command_type, false),
        _ if !writes => nothing(enqueue, command_type, false),
        Backing::Staging(staging) if is_there(&enqueue, &host) => {
            write_staged(enqueue, command_type, &mem, area, staging, None)
        }
        Backing::Staging(_) | Backing::Heap(_) | Backing::HostPointer => {
            write(enqueue, command_type, &mem, area, host, false, backing.keep())
        }
    }
}

/// What is yet to come to mapped memory of the program is not in the object by itself: it is taken first, when it has come.
fn after_taking(enqueue: Enqueue, mem: &Mem, area: Area, host: HostArea) -> Result<Enqueue> {
    const TYPE: u32 = CL_COMMAND_UNMAP_MEM_OBJECT;
    let (first, last) = enqueue.divide();
    let taken = first.internal(TYPE, |part| write_later(part, TYPE, mem, area, host, false, None))?;
    let mut last = last.after(&taken);
    last.names(&mem.remote, &mem.context)?;
    Ok(last)
}
