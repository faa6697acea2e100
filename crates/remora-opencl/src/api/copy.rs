//! Copies between memory objects (their checks; the rest is generated) and migration.

use std::sync::Arc;

use opencl_sys::*;
use remora_protocol::opencl::EnqueueMigrateMemObjects;
use remora_protocol::{Handle, List};

use crate::api::queue::Queue;
use crate::api::transfer::{Rect, check_sub_buffer};
use crate::command::{Enqueue, Verdict};
use crate::error::{Error, Result, ensure};
use crate::image::Image;
use crate::mem::Mem;
use crate::object::get;

pub(crate) fn buffer<'a>(queue: &Queue, mem: &'a Mem) -> Result<&'a Mem> {
    ensure(mem.is_buffer(), CL_INVALID_MEM_OBJECT)?;
    check_sub_buffer(queue, mem)?;
    Ok(mem)
}

pub(crate) fn image(mem: &Mem) -> Result<&Image> {
    mem.image.as_ref().ok_or(Error(CL_INVALID_MEM_OBJECT))
}

/// Whether two buffers are the same memory: one object, or parts of one.
fn same_memory(one: &Mem, other: &Mem) -> bool {
    fn root(mem: &Mem) -> *const Mem {
        mem.parent.as_ref().map_or(std::ptr::from_ref(mem), Arc::as_ptr)
    }
    root(one) == root(other)
}

fn overlap(one: (usize, usize), other: (usize, usize)) -> bool {
    one.0 < other.0 + other.1 && other.0 < one.0 + one.1
}

pub(crate) fn check_copy_buffer(
    queue: &Queue,
    src: &Mem,
    dst: &Mem,
    src_offset: usize,
    dst_offset: usize,
    size: usize,
) -> Result<Verdict> {
    let (src, dst) = (buffer(queue, src)?, buffer(queue, dst)?);
    for (mem, offset) in [(src, src_offset), (dst, dst_offset)] {
        ensure(offset.checked_add(size).is_some_and(|end| end <= mem.size), CL_INVALID_VALUE)?;
    }
    let clash = same_memory(src, dst) && overlap((src.origin + src_offset, size), (dst.origin + dst_offset, size));
    ensure(!clash, CL_MEM_COPY_OVERLAP)?;
    Ok(Verdict::valid_if(size > 0))
}

#[allow(clippy::too_many_arguments)]
pub(crate) fn check_copy_buffer_rect(
    queue: &Queue,
    src: &Mem,
    dst: &Mem,
    src_origin: [usize; 3],
    dst_origin: [usize; 3],
    region: [usize; 3],
    src_row_pitch: usize,
    src_slice_pitch: usize,
    dst_row_pitch: usize,
    dst_slice_pitch: usize,
) -> Result<Verdict> {
    let (src, dst) = (buffer(queue, src)?, buffer(queue, dst)?);
    let from = Rect { origin: src_origin, row_pitch: src_row_pitch, slice_pitch: src_slice_pitch };
    let to = Rect { origin: dst_origin, row_pitch: dst_row_pitch, slice_pitch: dst_slice_pitch };
    let ((from, from_end), (to, to_end)) = (from.resolve(region)?, to.resolve(region)?);
    ensure(from_end <= src.size && to_end <= dst.size, CL_INVALID_VALUE)?;
    let usual = !from.has_odd_slices() && !to.has_odd_slices();
    if !same_memory(src, dst) {
        return Ok(Verdict::valid_if(usual));
    }
    if !std::ptr::eq(src, dst) {
        let (one, other) = (src.origin + from.start(), dst.origin + to.start());
        ensure(!overlap((one, from_end - from.start()), (other, to_end - to.start())), CL_MEM_COPY_OVERLAP)?;
        return Ok(Verdict::valid_if(usual));
    }
    ensure(from.row_pitch == to.row_pitch && from.slice_pitch == to.slice_pitch, CL_INVALID_VALUE)?;
    let axes = (0..3).all(|axis| overlap((src_origin[axis], region[axis]), (dst_origin[axis], region[axis])));
    ensure(!axes, CL_MEM_COPY_OVERLAP)?;
    // Rows that wrap, and rows and slices between the other's: drivers differ in what they take for overlapping.
    let length =
        region.iter().zip([1, from.row_pitch, from.slice_pitch]).map(|(count, pitch)| count.saturating_mul(pitch));
    let length = length.fold(0, usize::saturating_add);
    let near = from.start().abs_diff(to.start()) < length;
    Ok(Verdict::valid_if(usual && !near))
}

pub(crate) fn check_copy_image(
    _queue: &Queue,
    src: &Mem,
    dst: &Mem,
    src_origin: [usize; 3],
    dst_origin: [usize; 3],
    region: [usize; 3],
) -> Result<Verdict> {
    let (from, to) = (image(src)?, image(dst)?);
    let same_format = from.format.image_channel_order == to.format.image_channel_order
        && from.format.image_channel_data_type == to.format.image_channel_data_type;
    ensure(same_format, CL_IMAGE_FORMAT_MISMATCH)?;
    from.check_region(src_origin, region)?;
    to.check_region(dst_origin, region)?;
    let axes = (0..3).all(|axis| overlap((src_origin[axis], region[axis]), (dst_origin[axis], region[axis])));
    let same = std::ptr::eq(src, dst);
    ensure(!(same && axes), CL_MEM_COPY_OVERLAP)?;
    // Some drivers take all layers for one.
    Ok(Verdict::valid_if(!(same && from.is_array())))
}

pub(crate) fn check_copy_image_to_buffer(
    queue: &Queue,
    src: &Mem,
    dst: &Mem,
    origin: [usize; 3],
    region: [usize; 3],
    offset: usize,
) -> Result<Verdict> {
    check_image_and_buffer(queue, src, dst, origin, region, offset)
}

pub(crate) fn check_copy_buffer_to_image(
    queue: &Queue,
    src: &Mem,
    dst: &Mem,
    offset: usize,
    origin: [usize; 3],
    region: [usize; 3],
) -> Result<Verdict> {
    check_image_and_buffer(queue, dst, src, origin, region, offset)
}

fn check_image_and_buffer(
    queue: &Queue,
    pixels: &Mem,
    bytes: &Mem,
    origin: [usize; 3],
    region: [usize; 3],
    offset: usize,
) -> Result<Verdict> {
    let (pixels, bytes) = (image(pixels)?, buffer(queue, bytes)?);
    pixels.check_region(origin, region)?;
    let length = region.iter().try_fold(pixels.element, |length, count| length.checked_mul(*count));
    let end = length.and_then(|length| length.checked_add(offset));
    ensure(end.is_some_and(|end| end <= bytes.size), CL_INVALID_VALUE)?;
    Ok(Verdict::Valid)
}

/// # Safety
/// As clEnqueueMigrateMemObjects.
pub unsafe fn enqueue_migrate_mem_objects(
    queue: cl_command_queue,
    count: cl_uint,
    mems: *const cl_mem,
    flags: cl_mem_migration_flags,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe { Enqueue::new(queue, num_events, wait_list, event) }?;
    ensure(count > 0 && !mems.is_null(), CL_INVALID_VALUE)?;
    let known = CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED;
    ensure(flags & !known == 0, CL_INVALID_VALUE)?;
    let mut handles: Vec<Handle> = Vec::new();
    for place in 0..count as usize {
        // SAFETY: the program gives `count` memory objects.
        let mem: &Mem = unsafe { get(*mems.add(place)) }?;
        enqueue.names_memory(mem)?;
        handles.push(mem.remote.handle);
    }
    let (event, waits) = enqueue.begin(CL_COMMAND_MIGRATE_MEM_OBJECTS);
    let command = EnqueueMigrateMemObjects { event, wait: List::new(&waits), mems: List::new(&handles), flags };
    enqueue.send(&command, None)?;
    Ok(())
}
