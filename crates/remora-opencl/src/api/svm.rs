//! Shared virtual memory. To the worker it is a buffer, and commands about it are those of buffers.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::HostArea;
use remora_protocol::opencl::{EnqueueCopyBuffer, EnqueueFillBuffer, EnqueueMarkerOrBarrier, EnqueueMigrateMemObjects};
use remora_protocol::{Handle, List};

use crate::api::context::{Context, Data};
use crate::api::map::read_unwritten;
use crate::command::Enqueue;
use crate::error::{Error, Result, ensure};
use crate::map::{Backing, Mapping, shows};
use crate::mem::bytes_of_buffer;
use crate::object::{pointer_of, share};
use crate::record::Record;
use crate::svm::{self, Range};
use crate::transfer::{host_call, nothing, read, write};

type FreeFunction = unsafe extern "C" fn(cl_command_queue, cl_uint, *mut *mut c_void, *mut c_void);

const ACCESS: u64 = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
const FINE: u64 = CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS;

/// # Safety
/// As clSVMAlloc.
pub unsafe fn svm_alloc(context: cl_context, flags: cl_svm_mem_flags, size: usize, alignment: cl_uint) -> *mut c_void {
    // SAFETY: passed on to the caller.
    let allocated = unsafe { share(context) }.and_then(|context| alloc(&context, flags, size, alignment));
    allocated.unwrap_or_else(|error| {
        tracing::debug!(code = error.code(), "clSVMAlloc failed");
        std::ptr::null_mut()
    })
}

fn alloc(context: &Arc<Context>, flags: u64, size: usize, alignment: u32) -> Result<*mut c_void> {
    ensure(flags & !(ACCESS | FINE) == 0 && (flags & ACCESS).count_ones() <= 1, CL_INVALID_VALUE)?;
    ensure(flags & FINE != CL_MEM_SVM_ATOMICS, CL_INVALID_VALUE)?;
    ensure(alignment == 0 || alignment.is_power_of_two(), CL_INVALID_VALUE)?;
    let wanted = [
        (0, CL_DEVICE_SVM_COARSE_GRAIN_BUFFER),
        (CL_MEM_SVM_FINE_GRAIN_BUFFER, CL_DEVICE_SVM_FINE_GRAIN_BUFFER),
        (CL_MEM_SVM_ATOMICS, CL_DEVICE_SVM_ATOMICS),
    ];
    for (flag, capability) in wanted {
        ensure(flags & flag != flag || context.all_can(capability), CL_INVALID_OPERATION)?;
    }
    let most = context.devices.iter().map(|device| device.infos.number(CL_DEVICE_MAX_MEM_ALLOC_SIZE)).min();
    ensure(size > 0 && size as u64 <= most.unwrap_or(0), CL_INVALID_BUFFER_SIZE)?;
    svm::allocate(context, flags, size, alignment, None).map(<*mut u8>::cast)
}

/// # Safety
/// As clSVMFree.
pub unsafe fn svm_free(context: cl_context, pointer: *mut c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    svm::free(&context, pointer.cast());
    Ok(())
}

/// # Safety
/// As clEnqueueSVMFree.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_svm_free(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    function: Option<FreeFunction>,
    user_data: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let enqueue = unsafe { begin(queue, num_events, wait_list, event) }?;
    ensure((count == 0) == pointers.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives `count` pointers.
    let pointers = (0..count as usize).map(|place| Data(unsafe { *pointers.add(place) })).collect::<Vec<_>>();
    let missing = pointers.iter().any(|pointer| pointer.get().is_null());
    ensure(!missing, CL_INVALID_VALUE)?;
    let (queue, user_data) = (Arc::clone(&enqueue.queue), Data(user_data));
    let free = move || {
        let Some(function) = function else {
            return pointers.iter().for_each(|pointer| svm::free(&queue.context, pointer.get().cast()));
        };
        let mut list: Vec<*mut c_void> = pointers.iter().map(|pointer| pointer.get()).collect();
        // SAFETY: the program's own function, with what it is documented to get.
        unsafe { function(pointer_of(&*queue), count, list.as_mut_ptr(), user_data.get()) };
    };
    host_call(enqueue, CL_COMMAND_SVM_FREE, Box::new(free))
}

/// # Safety
/// As clEnqueueSVMMemcpy.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_svm_memcpy(
    queue: cl_command_queue,
    blocking: cl_bool,
    dst: *mut c_void,
    src: *const c_void,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let enqueue = unsafe { begin(queue, num_events, wait_list, event) }?;
    copy(enqueue, CL_COMMAND_SVM_MEMCPY, (dst, src, size), blocking != CL_FALSE)
}

/// Enqueues a copy between any two places of the program, shared virtual memory or not.
pub(crate) fn copy(
    mut enqueue: Enqueue,
    command_type: u32,
    (dst, src, size): (*mut c_void, *const c_void, usize),
    blocking: bool,
) -> Result<()> {
    check_copy(dst, src, size)?;
    if size == 0 {
        return nothing(enqueue, command_type, blocking);
    }
    let (to, from) = (find(&enqueue.queue.context, dst, size)?, find(&enqueue.queue.context, src, size)?);
    for range in [&to, &from].into_iter().flatten() {
        enqueue.names(&range.mem.remote, &range.mem.context)?;
    }
    match (to, from) {
        (Some(to), Some(from)) => {
            let own = enqueue.event(command_type, blocking);
            let (event, waits) = enqueue.begin(command_type);
            let command = EnqueueCopyBuffer {
                event,
                wait: List::new(&waits),
                src_buffer: from.mem.remote.handle,
                dst_buffer: to.mem.remote.handle,
                src_offset: from.offset as u64,
                dst_offset: to.offset as u64,
                size: size as u64,
            };
            enqueue.send(&command, None)?;
            if blocking { crate::transfer::wait(own) } else { Ok(()) }
        }
        (Some(to), None) => {
            let host = HostArea::flat(src.cast_mut().cast(), size);
            write(enqueue, command_type, &to.mem, bytes_of_buffer(to.offset, size), host, blocking, None)
        }
        (None, Some(from)) => {
            let host = HostArea::flat(dst.cast(), size);
            read(enqueue, command_type, &from.mem, bytes_of_buffer(from.offset, size), host, blocking, None)
        }
        (None, None) => {
            let own = enqueue.event(command_type, blocking);
            let (dst, src) = (Data(dst), Data(src.cast_mut()));
            let copy = move || {
                // SAFETY: the program keeps both valid until the command is complete, and they don't overlap.
                unsafe { std::ptr::copy_nonoverlapping(src.get().cast::<u8>(), dst.get().cast(), size) };
            };
            host_call(enqueue, command_type, Box::new(copy))?;
            if blocking { crate::transfer::wait(own) } else { Ok(()) }
        }
    }
}

/// # Safety
/// As clEnqueueSVMMemFill.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_svm_mem_fill(
    queue: cl_command_queue,
    pointer: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let enqueue = begin(queue, num_events, wait_list, event)?;
        fill(enqueue, CL_COMMAND_SVM_MEMFILL, (pointer, size), (pattern, pattern_size))
    }
}

/// Enqueues a fill of shared virtual memory.
///
/// # Safety
/// `pattern` is null or valid for `pattern_size` bytes.
pub(crate) unsafe fn fill(
    mut enqueue: Enqueue,
    command_type: u32,
    (pointer, size): (*mut c_void, usize),
    (pattern, pattern_size): (*const c_void, usize),
) -> Result<()> {
    check_fill(pointer, pattern, pattern_size, size)?;
    if size == 0 {
        return nothing(enqueue, command_type, false);
    }
    let range = find(&enqueue.queue.context, pointer, size)?.ok_or(Error(CL_INVALID_VALUE))?;
    enqueue.names(&range.mem.remote, &range.mem.context)?;
    // SAFETY: the program gives `pattern_size` bytes.
    let pattern = unsafe { std::slice::from_raw_parts(pattern.cast::<u8>(), pattern_size) };
    let (event, waits) = enqueue.begin(command_type);
    let (mem, offset, size) = (range.mem.remote.handle, range.offset as u64, size as u64);
    let command = EnqueueFillBuffer { event, wait: List::new(&waits), mem, pattern, offset, size };
    enqueue.send(&command, None)?;
    Ok(())
}

/// # Safety
/// As clEnqueueSVMMap.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_svm_map(
    queue: cl_command_queue,
    blocking: cl_bool,
    flags: cl_map_flags,
    pointer: *mut c_void,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe { begin(queue, num_events, wait_list, event) }?;
    let (blocking, command_type) = (blocking != CL_FALSE, CL_COMMAND_SVM_MAP);
    ensure(!pointer.is_null() && size > 0, CL_INVALID_VALUE)?;
    let known = CL_MAP_READ | CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION;
    let both = flags & CL_MAP_WRITE_INVALIDATE_REGION != 0 && flags & (CL_MAP_READ | CL_MAP_WRITE) != 0;
    ensure(flags & !known == 0 && !both, CL_INVALID_VALUE)?;
    let Range { mem, offset } = find(&enqueue.queue.context, pointer, size)?.ok_or(Error(CL_INVALID_VALUE))?;
    enqueue.names(&mem.remote, &mem.context)?;
    let (area, host) = (bytes_of_buffer(offset, size), HostArea::flat(pointer.cast(), size));
    let backing = mem.host_backing();
    match &backing {
        Backing::HostPointer if shows(flags) => {
            read_unwritten(enqueue, command_type, &mem, area, host, &backing, blocking)?;
        }
        _ => nothing(enqueue, command_type, blocking)?,
    }
    mem.mapped(flags, area, host, backing);
    Ok(())
}

/// # Safety
/// As clEnqueueSVMUnmap.
pub unsafe fn enqueue_svm_unmap(
    queue: cl_command_queue,
    pointer: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe { begin(queue, num_events, wait_list, event) }?;
    let command_type = CL_COMMAND_SVM_UNMAP;
    ensure(!pointer.is_null(), CL_INVALID_VALUE)?;
    let mem = find(&enqueue.queue.context, pointer, 0)?.ok_or(Error(CL_INVALID_VALUE))?.mem;
    enqueue.names(&mem.remote, &mem.context)?;
    let mapping = {
        let mut maps = mem.lock_maps();
        let place = maps.iter().position(|mapping| mapping.pointer == pointer as usize);
        place.map(|place| maps.swap_remove(place))
    };
    match mapping {
        Some(Mapping { area, host, backing: Backing::HostPointer, written: Some(_), .. }) => {
            write(enqueue, command_type, &mem, area, host, false, None)
        }
        _ => nothing(enqueue, command_type, false),
    }
}

/// # Safety
/// As clEnqueueSVMMigrateMem.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_svm_migrate_mem(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *const c_void,
    sizes: *const usize,
    flags: cl_mem_migration_flags,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe { begin(queue, num_events, wait_list, event) }?;
    ensure(count > 0 && !pointers.is_null(), CL_INVALID_VALUE)?;
    ensure(flags & !(CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED) == 0, CL_INVALID_VALUE)?;
    let mut mems = Vec::new();
    for place in 0..count as usize {
        // SAFETY: the program gives `count` pointers, and as many sizes or none.
        let (pointer, size) = unsafe { (*pointers.add(place), if sizes.is_null() { 0 } else { *sizes.add(place) }) };
        let range = find(&enqueue.queue.context, pointer, size)?.ok_or(Error(CL_INVALID_VALUE))?;
        enqueue.names(&range.mem.remote, &range.mem.context)?;
        mems.push(range.mem.remote.handle);
    }
    let (event, waits) = enqueue.begin(CL_COMMAND_SVM_MIGRATE_MEM);
    enqueue.send(&EnqueueMigrateMemObjects { event, wait: List::new(&waits), mems: List::new(&mems), flags }, None)?;
    Ok(())
}

/// Begins a command about shared virtual memory.
unsafe fn begin(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<Enqueue> {
    // SAFETY: passed on to the caller.
    let enqueue = unsafe { Enqueue::new(queue, num_events, wait_list, event) }?;
    ensure(enqueue.queue.device.infos.number(CL_DEVICE_SVM_CAPABILITIES) != 0, CL_INVALID_OPERATION)?;
    Ok(enqueue)
}

/// The shared virtual memory that some bytes are; none if they are other memory of the program.
fn find(context: &Arc<Context>, pointer: *const c_void, size: usize) -> Result<Option<Range>> {
    match svm::find(pointer.cast(), size) {
        Some(range) if range.is_of(context) => Ok(Some(range)),
        Some(_) => Err(Error(CL_INVALID_CONTEXT)),
        // What only begins in it would go beyond its end.
        None if svm::find(pointer.cast(), 1).is_some() => Err(Error(CL_INVALID_VALUE)),
        None => Ok(None),
    }
}

fn check_copy(dst: *const c_void, src: *const c_void, size: usize) -> Result<()> {
    ensure(!dst.is_null() && !src.is_null(), CL_INVALID_VALUE)?;
    let overlap = (dst as usize).abs_diff(src as usize) < size;
    ensure(!overlap, CL_MEM_COPY_OVERLAP)
}

fn check_fill(pointer: *const c_void, pattern: *const c_void, pattern_size: usize, size: usize) -> Result<()> {
    ensure(!pointer.is_null() && !pattern.is_null(), CL_INVALID_VALUE)?;
    ensure(pattern_size.is_power_of_two() && pattern_size <= 128, CL_INVALID_VALUE)?;
    ensure((pointer as usize | size) & (pattern_size - 1) == 0, CL_INVALID_VALUE)
}

/// # Safety
/// As clCommandSVMMemcpyKHR.
#[allow(clippy::too_many_arguments)]
pub unsafe fn command_svm_memcpy_khr(
    buffer: cl_command_buffer_khr,
    queue: cl_command_queue,
    properties: *const cl_command_properties_khr,
    dst: *mut c_void,
    src: *const c_void,
    size: usize,
    count: cl_uint,
    list: *const cl_sync_point_khr,
    sync_point: *mut cl_sync_point_khr,
    handle: *mut cl_mutable_command_khr,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let record = unsafe { begin_record(buffer, queue, properties, count, list, sync_point, handle) }?;
    check_copy(dst, src, size)?;
    if size == 0 {
        return record.send(&EnqueueMarkerOrBarrier { event: Handle::NONE, wait: List::default(), barrier: true });
    }
    let find = |pointer| find(&record.queue().context, pointer, size)?.ok_or(Error(CL_INVALID_VALUE));
    let (to, from) = (find(dst)?, find(src)?);
    record.send(&EnqueueCopyBuffer {
        event: Handle::NONE,
        wait: List::default(),
        src_buffer: from.mem.remote.handle,
        dst_buffer: to.mem.remote.handle,
        src_offset: from.offset as u64,
        dst_offset: to.offset as u64,
        size: size as u64,
    })
}

/// # Safety
/// As clCommandSVMMemFillKHR.
#[allow(clippy::too_many_arguments)]
pub unsafe fn command_svm_mem_fill_khr(
    buffer: cl_command_buffer_khr,
    queue: cl_command_queue,
    properties: *const cl_command_properties_khr,
    pointer: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
    count: cl_uint,
    list: *const cl_sync_point_khr,
    sync_point: *mut cl_sync_point_khr,
    handle: *mut cl_mutable_command_khr,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let record = unsafe { begin_record(buffer, queue, properties, count, list, sync_point, handle) }?;
    check_fill(pointer, pattern, pattern_size, size)?;
    if size == 0 {
        return record.send(&EnqueueMarkerOrBarrier { event: Handle::NONE, wait: List::default(), barrier: true });
    }
    let range = find(&record.queue().context, pointer, size)?.ok_or(Error(CL_INVALID_VALUE))?;
    // SAFETY: the program gives `pattern_size` bytes.
    let pattern = unsafe { std::slice::from_raw_parts(pattern.cast::<u8>(), pattern_size) };
    record.send(&EnqueueFillBuffer {
        event: Handle::NONE,
        wait: List::default(),
        mem: range.mem.remote.handle,
        pattern,
        offset: range.offset as u64,
        size: size as u64,
    })
}

/// Begins recording a command about shared virtual memory.
unsafe fn begin_record(
    buffer: cl_command_buffer_khr,
    queue: cl_command_queue,
    properties: *const cl_command_properties_khr,
    count: cl_uint,
    list: *const cl_sync_point_khr,
    sync_point: *mut cl_sync_point_khr,
    handle: *mut cl_mutable_command_khr,
) -> Result<Record> {
    // SAFETY: passed on to the caller.
    let record = unsafe { Record::new(buffer, queue, properties, count, list, sync_point, handle) }?;
    ensure(record.queue().device.infos.number(CL_DEVICE_SVM_CAPABILITIES) != 0, CL_INVALID_OPERATION)?;
    Ok(record)
}
