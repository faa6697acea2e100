//! What copies between memory objects, and fills of them, touch. Drivers check that too, but not all with arithmetic that can't wrap.

use opencl_sys::{CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, cl_int};
use remora_protocol::Handle;
use remora_protocol::opencl::{Area, CommandMessage, EnqueueFillBuffer, EnqueueFillImage};

use super::area::{Region, Shape};
use super::commands::{narrow, sizes};
use super::memory::Mem;

/// Checks what the copy that `message` is reads and writes; `shape` finds the objects.
///
/// # Errors
/// The code of `shape`, or of regions that aren't inside their objects or aren't of one size.
pub fn check_copy(message: &CommandMessage<'_>, shape: impl Fn(Handle) -> Result<Shape, cl_int>) -> Result<(), cl_int> {
    let (from, to) = match message {
        // Some drivers take it.
        CommandMessage::EnqueueCopyBuffer(copy) if copy.size == 0 => {
            let inside = |mem: Handle, offset: u64| {
                shape(mem).map(|shape| matches!(shape, Shape::Buffer(whole) if offset <= whole))
            };
            let fits = inside(copy.src_buffer, copy.src_offset)? && inside(copy.dst_buffer, copy.dst_offset)?;
            return if fits { Ok(()) } else { Err(CL_INVALID_VALUE) };
        }
        CommandMessage::EnqueueCopyBuffer(copy) => (
            Region::new(&bytes(copy.src_offset, copy.size), &shape(copy.src_buffer)?)?,
            Region::new(&bytes(copy.dst_offset, copy.size), &shape(copy.dst_buffer)?)?,
        ),
        CommandMessage::EnqueueCopyBufferRect(copy) => {
            let rectangle = |origin, row_pitch, slice_pitch| Area {
                kind: 1,
                element: 1,
                origin,
                region: copy.region,
                row_pitch,
                slice_pitch,
            };
            let from = rectangle(copy.src_origin, copy.src_row_pitch, copy.src_slice_pitch);
            let to = rectangle(copy.dst_origin, copy.dst_row_pitch, copy.dst_slice_pitch);
            (Region::new(&from, &shape(copy.src_buffer)?)?, Region::new(&to, &shape(copy.dst_buffer)?)?)
        }
        CommandMessage::EnqueueCopyImage(copy) => (
            pixels(&shape(copy.src_image)?, copy.src_origin, copy.region)?,
            pixels(&shape(copy.dst_image)?, copy.dst_origin, copy.region)?,
        ),
        CommandMessage::EnqueueCopyImageToBuffer(copy) => {
            let from = pixels(&shape(copy.src_image)?, copy.src_origin, copy.region)?;
            (from, Region::new(&bytes(copy.dst_offset, from.packed() as u64), &shape(copy.dst_buffer)?)?)
        }
        CommandMessage::EnqueueCopyBufferToImage(copy) => {
            let to = pixels(&shape(copy.dst_image)?, copy.dst_origin, copy.region)?;
            (Region::new(&bytes(copy.src_offset, to.packed() as u64), &shape(copy.src_buffer)?)?, to)
        }
        _ => return Err(CL_INVALID_VALUE),
    };
    if from.packed() == to.packed() { Ok(()) } else { Err(CL_INVALID_VALUE) }
}

/// Checks what a fill writes to, and gives its offset and size.
///
/// # Errors
/// If that isn't inside the buffer.
pub fn check_fill_buffer(mem: &Mem, fill: &EnqueueFillBuffer<'_>) -> Result<(usize, usize), cl_int> {
    let Shape::Buffer(whole) = mem.shape else { return Err(CL_INVALID_VALUE) };
    fill.offset.checked_add(fill.size).filter(|end| *end <= whole).ok_or(CL_INVALID_VALUE)?;
    Ok((narrow(fill.offset)?, narrow(fill.size)?))
}

/// Checks what a fill writes to, and gives its origin and region.
///
/// # Errors
/// If that isn't inside the image.
pub fn check_fill_image(mem: &Mem, fill: &EnqueueFillImage<'_>) -> Result<([usize; 3], [usize; 3]), cl_int> {
    let Shape::Image { extent, .. } = mem.shape else { return Err(CL_INVALID_VALUE) };
    for (dimension, limit) in extent.iter().enumerate() {
        let end = fill.origin[dimension].checked_add(fill.region[dimension]);
        end.filter(|end| end <= limit).ok_or(CL_INVALID_VALUE)?;
    }
    Ok((sizes(fill.origin)?, sizes(fill.region)?))
}

fn bytes(offset: u64, size: u64) -> Area {
    Area { kind: 0, element: 1, origin: [offset, 0, 0], region: [size, 1, 1], row_pitch: 0, slice_pitch: 0 }
}

fn pixels(shape: &Shape, origin: [u64; 3], region: [u64; 3]) -> Result<Region, cl_int> {
    let Shape::Image { element, .. } = shape else { return Err(CL_INVALID_MEM_OBJECT) };
    Region::new(&Area { kind: 2, element: *element, origin, region, row_pitch: 0, slice_pitch: 0 }, shape)
}
