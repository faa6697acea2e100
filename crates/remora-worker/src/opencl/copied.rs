//! What copies between memory objects touch. Drivers check that too, but not all with arithmetic that can't wrap.

use opencl_sys::{CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, cl_int};
use remora_protocol::Handle;
use remora_protocol::opencl::{Area, CommandMessage};

use super::area::{Region, Shape};

/// Checks what the copy that `message` is reads and writes; `shape` finds the objects.
///
/// # Errors
/// The code of `shape`, or of regions that aren't inside their objects or aren't of one size.
pub fn check_copy(message: &CommandMessage<'_>, shape: impl Fn(Handle) -> Result<Shape, cl_int>) -> Result<(), cl_int> {
    let (from, to) = match message {
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

fn bytes(offset: u64, size: u64) -> Area {
    Area { kind: 0, element: 1, origin: [offset, 0, 0], region: [size, 1, 1], row_pitch: 0, slice_pitch: 0 }
}

fn pixels(shape: &Shape, origin: [u64; 3], region: [u64; 3]) -> Result<Region, cl_int> {
    let Shape::Image { element, .. } = shape else { return Err(CL_INVALID_MEM_OBJECT) };
    Region::new(&Area { kind: 2, element: *element, origin, region, row_pitch: 0, slice_pitch: 0 }, shape)
}
