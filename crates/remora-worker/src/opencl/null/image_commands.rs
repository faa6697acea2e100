//! Commands on images: read, write, copy, fill, map, and copies to and from buffers.

use super::buffer_commands::{Tail, check_map, is_buffer, of_context, queue_and, submit_map};
use super::ffi::{self, Outcome, Place, code};
use super::format;
use super::image::Image;
use super::memory::Mem;
use super::operation::{Fill, Layout, Operation, Shape, Transfer};
use super::pool::Ref;
use super::queue::Queue;
use super::rect::Rect;
use opencl_sys::*;
use std::ffi::c_void;

fn queue_and_image(queue: cl_command_queue, image: cl_mem) -> Outcome<(Ref<Queue>, Ref<Mem>, Image)> {
    let (queue, mem) = queue_and(queue, image)?;
    let image = mem.image.ok_or(CL_INVALID_MEM_OBJECT)?;
    Ok((queue, mem, image))
}

/// A box of pixels of an image.
#[derive(Clone, Copy)]
struct Pixels {
    image: Image,
    origin: [usize; 3],
    region: [usize; 3],
}

impl Pixels {
    /// Checks it against the image.
    fn new(image: Image, origin: [usize; 3], region: [usize; 3]) -> Outcome<Pixels> {
        for dimension in 0..3 {
            let end = origin[dimension].checked_add(region[dimension]).ok_or(CL_INVALID_VALUE)?;
            if region[dimension] == 0 || end > image.extent[dimension] {
                return Err(CL_INVALID_VALUE);
            }
        }
        Ok(Pixels { image, origin, region })
    }

    fn shape(&self) -> Shape {
        Shape { row: self.region[0] * self.image.element, rows: self.region[1], slices: self.region[2] }
    }

    fn layout(&self, base: Place) -> Layout {
        let [row_pitch, slice_pitch] = self.image.pitches;
        let [x, y, z] = self.origin;
        let place = base.add(z * slice_pitch + y * row_pitch + x * self.image.element);
        Layout { place, row_pitch, slice_pitch }
    }

    /// The same pixels on the host, with the pitches that the caller gives.
    fn host(&self, base: Place, row_pitch: usize, slice_pitch: usize) -> Outcome<Layout> {
        if slice_pitch != 0 && self.image.dimensions() < 3 && !self.image.is_layered_1d() {
            return Err(CL_INVALID_VALUE);
        }
        let shape = self.shape();
        if self.image.is_layered_1d() {
            let row_pitch = if row_pitch == 0 { shape.row } else { row_pitch };
            let layer_pitch = if slice_pitch == 0 { row_pitch } else { slice_pitch };
            if row_pitch < shape.row || layer_pitch < row_pitch {
                return Err(CL_INVALID_VALUE);
            }
            return Ok(Rect::new([0; 3], [shape.row, shape.rows, 1], layer_pitch, 0, false)?.layout(base));
        }
        Ok(Rect::new([0; 3], [shape.row, shape.rows, shape.slices], row_pitch, slice_pitch, false)?.layout(base))
    }

    /// The same pixels packed in a buffer at `offset`.
    fn packed(&self, buffer: &Mem, offset: usize) -> Outcome<Layout> {
        let shape = self.shape();
        let rect = Rect::new([0; 3], [shape.row, shape.rows, shape.slices], 0, 0, false)?;
        buffer.check_range(offset, rect.end())?;
        Ok(rect.layout(buffer.base.add(offset)))
    }

    fn overlaps(&self, other: &Pixels) -> bool {
        (0..3).all(|dimension| self.origin[dimension].abs_diff(other.origin[dimension]) < self.region[dimension])
    }
}

pub unsafe extern "C" fn enqueue_read_image(
    queue: cl_command_queue,
    image: cl_mem,
    blocking: cl_bool,
    origin: *const usize,
    region: *const usize,
    row_pitch: usize,
    slice_pitch: usize,
    pointer: *mut c_void,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    code(queue_and_image(queue, image).and_then(|(queue, mem, image)| {
        // SAFETY: as above.
        let (origin, region) = unsafe { (ffi::triple(origin)?, ffi::triple(region)?) };
        let pixels = Pixels::new(image, origin, region)?;
        let to = host_layout(&pixels, pointer, row_pitch, slice_pitch)?;
        mem.check_host_reads()?;
        let transfer = Transfer { from: pixels.layout(mem.base), to, shape: pixels.shape(), keep: [Some(mem), None] };
        tail.submit(&queue, CL_COMMAND_READ_IMAGE, Operation::Copy(transfer))
    }))
}

pub unsafe extern "C" fn enqueue_write_image(
    queue: cl_command_queue,
    image: cl_mem,
    blocking: cl_bool,
    origin: *const usize,
    region: *const usize,
    row_pitch: usize,
    slice_pitch: usize,
    pointer: *const c_void,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    code(queue_and_image(queue, image).and_then(|(queue, mem, image)| {
        // SAFETY: as above.
        let (origin, region) = unsafe { (ffi::triple(origin)?, ffi::triple(region)?) };
        let pixels = Pixels::new(image, origin, region)?;
        let from = host_layout(&pixels, pointer, row_pitch, slice_pitch)?;
        mem.check_host_writes()?;
        let transfer = Transfer { from, to: pixels.layout(mem.base), shape: pixels.shape(), keep: [Some(mem), None] };
        tail.submit(&queue, CL_COMMAND_WRITE_IMAGE, Operation::Copy(transfer))
    }))
}

fn host_layout(pixels: &Pixels, pointer: *const c_void, row_pitch: usize, slice_pitch: usize) -> Outcome<Layout> {
    if pointer.is_null() {
        return Err(CL_INVALID_VALUE);
    }
    pixels.host(Place(pointer.cast_mut().cast()), row_pitch, slice_pitch)
}

pub unsafe extern "C" fn enqueue_copy_image(
    queue: cl_command_queue,
    from: cl_mem,
    to: cl_mem,
    from_origin: *const usize,
    to_origin: *const usize,
    region: *const usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and_image(queue, from).and_then(|(queue, from, from_image)| {
        let to = of_context(&queue, to)?;
        let to_image = to.image.ok_or(CL_INVALID_MEM_OBJECT)?;
        let format = |image: &Image| (image.format.image_channel_order, image.format.image_channel_data_type);
        if format(&from_image) != format(&to_image) {
            return Err(CL_IMAGE_FORMAT_MISMATCH);
        }
        // SAFETY: as above.
        let region = unsafe { ffi::triple(region) }?;
        // SAFETY: as above.
        let (from_origin, to_origin) = unsafe { (ffi::triple(from_origin)?, ffi::triple(to_origin)?) };
        // A layer of a 1D array is a step in the second dimension on one side and may be one in the third on the other;
        // regions that go in both only fit images that both have.
        let source = Pixels::new(from_image, from_origin, region)?;
        let target = Pixels::new(to_image, to_origin, region)?;
        if from.is(&to) && source.overlaps(&target) {
            return Err(CL_MEM_COPY_OVERLAP);
        }
        let transfer = Transfer {
            from: source.layout(from.base),
            to: target.layout(to.base),
            shape: source.shape(),
            keep: [Some(from), Some(to)],
        };
        tail.submit(&queue, CL_COMMAND_COPY_IMAGE, Operation::Copy(transfer))
    }))
}

pub unsafe extern "C" fn enqueue_copy_image_to_buffer(
    queue: cl_command_queue,
    from: cl_mem,
    to: cl_mem,
    origin: *const usize,
    region: *const usize,
    offset: usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and_image(queue, from).and_then(|(queue, from, image)| {
        let to = of_context(&queue, to)?;
        is_buffer(&to)?;
        // SAFETY: as above.
        let (origin, region) = unsafe { (ffi::triple(origin)?, ffi::triple(region)?) };
        let pixels = Pixels::new(image, origin, region)?;
        let (source, target) = (pixels.layout(from.base), pixels.packed(&to, offset)?);
        let transfer = Transfer { from: source, to: target, shape: pixels.shape(), keep: [Some(from), Some(to)] };
        tail.submit(&queue, CL_COMMAND_COPY_IMAGE_TO_BUFFER, Operation::Copy(transfer))
    }))
}

pub unsafe extern "C" fn enqueue_copy_buffer_to_image(
    queue: cl_command_queue,
    from: cl_mem,
    to: cl_mem,
    offset: usize,
    origin: *const usize,
    region: *const usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and_image(queue, to).and_then(|(queue, to, image)| {
        let from = of_context(&queue, from)?;
        is_buffer(&from)?;
        // SAFETY: as above.
        let (origin, region) = unsafe { (ffi::triple(origin)?, ffi::triple(region)?) };
        let pixels = Pixels::new(image, origin, region)?;
        let (source, target) = (pixels.packed(&from, offset)?, pixels.layout(to.base));
        let transfer = Transfer { from: source, to: target, shape: pixels.shape(), keep: [Some(from), Some(to)] };
        tail.submit(&queue, CL_COMMAND_COPY_BUFFER_TO_IMAGE, Operation::Copy(transfer))
    }))
}

pub unsafe extern "C" fn enqueue_fill_image(
    queue: cl_command_queue,
    image: cl_mem,
    colour: *const c_void,
    origin: *const usize,
    region: *const usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and_image(queue, image).and_then(|(queue, mem, image)| {
        if colour.is_null() {
            return Err(CL_INVALID_VALUE);
        }
        // SAFETY: as above.
        let (origin, region) = unsafe { (ffi::triple(origin)?, ffi::triple(region)?) };
        let pixels = Pixels::new(image, origin, region)?;
        let mut components = [0u32; 4];
        // The fill colour of a depth image is a single float.
        let given = if image.format.image_channel_order == CL_DEPTH { 1 } else { 4 };
        // SAFETY: as above: as many components of four bytes, at any alignment.
        unsafe { std::ptr::copy(colour.cast::<u8>(), components.as_mut_ptr().cast::<u8>(), 4 * given) };
        let pattern = format::pixel(image.format, components);
        let fill = Fill { to: pixels.layout(mem.base), shape: pixels.shape(), pattern, keep: mem };
        tail.submit(&queue, CL_COMMAND_FILL_IMAGE, Operation::Fill(fill))
    }))
}

pub unsafe extern "C" fn enqueue_map_image(
    queue: cl_command_queue,
    image: cl_mem,
    blocking: cl_bool,
    flags: cl_map_flags,
    origin: *const usize,
    region: *const usize,
    row_pitch: *mut usize,
    slice_pitch: *mut usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
    errcode_ret: *mut cl_int,
) -> *mut c_void {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    let mapped = queue_and_image(queue, image).and_then(|(queue, mem, image)| {
        // SAFETY: as above.
        let (origin, region) = unsafe { (ffi::triple(origin)?, ffi::triple(region)?) };
        let pixels = Pixels::new(image, origin, region)?;
        let needs_slice_pitch = image.dimensions() == 3 || image.is_layered_1d();
        if row_pitch.is_null() || (needs_slice_pitch && slice_pitch.is_null()) {
            return Err(CL_INVALID_VALUE);
        }
        check_map(&mem, flags)?;
        let [row, slice] = image.reported_pitches();
        let place = pixels.layout(mem.base).place;
        let pointer = submit_map(&tail, &queue, CL_COMMAND_MAP_IMAGE, mem, place)?;
        // SAFETY: as above.
        unsafe {
            ffi::put(row_pitch, row);
            ffi::put(slice_pitch, slice);
        }
        Ok(pointer)
    });
    // SAFETY: as above.
    unsafe { ffi::returned(mapped, errcode_ret) }
}
