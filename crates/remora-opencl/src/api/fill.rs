//! Filling memory objects, by a queue and recorded.

use std::ffi::c_void;

use opencl_sys::*;
use remora_protocol::opencl::{EnqueueFillBuffer, EnqueueFillImage};
use remora_protocol::{Handle, List};

use crate::api::copy::{buffer, image};
use crate::api::queue::Queue;
use crate::api::transfer::triple;
use crate::command::Enqueue;
use crate::error::{Result, ensure};
use crate::mem::Mem;
use crate::object::get;
use crate::record::Record;

/// A fill of a buffer without event and wait list.
unsafe fn fill_of_buffer<'a>(
    queue: &Queue,
    mem: &Mem,
    pattern: *const c_void,
    pattern_size: usize,
    offset: usize,
    size: usize,
) -> Result<EnqueueFillBuffer<'a>> {
    let mem = buffer(queue, mem)?;
    let fits = !pattern.is_null() && pattern_size.is_power_of_two() && pattern_size <= 128;
    ensure(fits, CL_INVALID_VALUE)?;
    ensure(offset.checked_rem(pattern_size) == Some(0) && size.checked_rem(pattern_size) == Some(0), CL_INVALID_VALUE)?;
    ensure(offset.checked_add(size).is_some_and(|end| end <= mem.size), CL_INVALID_VALUE)?;
    Ok(EnqueueFillBuffer {
        event: Handle::NONE,
        wait: List::default(),
        mem: mem.remote.handle,
        // SAFETY: the program gives `pattern_size` bytes, which stay while the call does.
        pattern: unsafe { std::slice::from_raw_parts(pattern.cast::<u8>(), pattern_size) },
        offset: offset as u64,
        size: size as u64,
    })
}

/// A fill of an image without event and wait list.
unsafe fn fill_of_image<'a>(
    mem: &Mem,
    color: *const c_void,
    origin: *const usize,
    region: *const usize,
) -> Result<EnqueueFillImage<'a>> {
    let image = image(mem)?;
    ensure(!color.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: passed on to the caller.
    let (origin, region) = unsafe { (triple(origin)?, triple(region)?) };
    image.check_region(origin, region)?;
    // A depth image has one float, all others four components.
    let components = if image.format.image_channel_order == CL_DEPTH { 1 } else { 4 };
    let mut words = [0; 4];
    for (place, word) in words.iter_mut().enumerate().take(components) {
        // SAFETY: the program gives as many components.
        *word = unsafe { color.cast::<u32>().add(place).read_unaligned() };
    }
    Ok(EnqueueFillImage {
        event: Handle::NONE,
        wait: List::default(),
        mem: mem.remote.handle,
        color: words,
        origin: origin.map(|value| value as u64),
        region: region.map(|value| value as u64),
    })
}

/// # Safety
/// As clEnqueueFillBuffer.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_fill_buffer(
    queue: cl_command_queue,
    mem: cl_mem,
    pattern: *const c_void,
    pattern_size: usize,
    offset: usize,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (mut enqueue, mem): (_, &Mem) = unsafe { (Enqueue::new(queue, num_events, wait_list, event)?, get(mem)?) };
    enqueue.names_memory(mem)?;
    // SAFETY: passed on to the caller.
    let fill = unsafe { fill_of_buffer(&enqueue.queue, mem, pattern, pattern_size, offset, size) }?;
    let (event, waits) = enqueue.begin(CL_COMMAND_FILL_BUFFER);
    enqueue.send(&EnqueueFillBuffer { event, wait: List::new(&waits), ..fill }, None)?;
    Ok(())
}

/// # Safety
/// As clEnqueueFillImage.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_fill_image(
    queue: cl_command_queue,
    mem: cl_mem,
    color: *const c_void,
    origin: *const usize,
    region: *const usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (mut enqueue, mem): (_, &Mem) = unsafe { (Enqueue::new(queue, num_events, wait_list, event)?, get(mem)?) };
    enqueue.names_memory(mem)?;
    // SAFETY: passed on to the caller.
    let fill = unsafe { fill_of_image(mem, color, origin, region) }?;
    let (event, waits) = enqueue.begin(CL_COMMAND_FILL_IMAGE);
    enqueue.send(&EnqueueFillImage { event, wait: List::new(&waits), ..fill }, None)?;
    Ok(())
}

/// # Safety
/// As clCommandFillBufferKHR.
#[allow(clippy::too_many_arguments)]
pub unsafe fn command_fill_buffer_khr(
    command_buffer: cl_command_buffer_khr,
    queue: cl_command_queue,
    properties: *const cl_command_properties_khr,
    mem: cl_mem,
    pattern: *const c_void,
    pattern_size: usize,
    offset: usize,
    size: usize,
    count: cl_uint,
    list: *const cl_sync_point_khr,
    sync_point: *mut cl_sync_point_khr,
    handle: *mut cl_mutable_command_khr,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let record = Record::new(command_buffer, queue, properties, count, list, sync_point, handle)?;
        let mem: &Mem = get(mem)?;
        record.names_memory(mem)?;
        let fill = fill_of_buffer(record.queue(), mem, pattern, pattern_size, offset, size)?;
        record.send(&fill)
    }
}

/// # Safety
/// As clCommandFillImageKHR.
#[allow(clippy::too_many_arguments)]
pub unsafe fn command_fill_image_khr(
    command_buffer: cl_command_buffer_khr,
    queue: cl_command_queue,
    properties: *const cl_command_properties_khr,
    mem: cl_mem,
    color: *const c_void,
    origin: *const usize,
    region: *const usize,
    count: cl_uint,
    list: *const cl_sync_point_khr,
    sync_point: *mut cl_sync_point_khr,
    handle: *mut cl_mutable_command_khr,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let record = Record::new(command_buffer, queue, properties, count, list, sync_point, handle)?;
        let mem: &Mem = get(mem)?;
        record.names_memory(mem)?;
        let fill = fill_of_image(mem, color, origin, region)?;
        record.send(&fill)
    }
}
