//! Reading and writing memory objects.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::HostArea;
use remora_protocol::List;
use remora_protocol::opencl::{Area, EnqueueNoBytes};

use crate::api::queue::Queue;
use crate::command::{Enqueue, Verdict};
use crate::error::{Error, Result, ensure};
use crate::mem::{Mem, bytes_of_buffer};
use crate::object::{get, share};
use crate::pitches::takes_odd_slices;
use crate::transfer::{read, wait, write};

/// What the six functions have in common.
struct Call {
    enqueue: Enqueue,
    mem: Arc<Mem>,
    blocking: bool,
}

impl Call {
    unsafe fn new(
        (queue, mem, blocking): (cl_command_queue, cl_mem, cl_bool),
        host: *const c_void,
        reads: bool,
        (num_events, wait_list, event): (cl_uint, *const cl_event, *mut cl_event),
    ) -> Result<Self> {
        // SAFETY: passed on to the caller.
        let (mut enqueue, mem): (_, Arc<Mem>) = unsafe {
            get::<crate::api::queue::Queue>(queue)?;
            let mem = share(mem)?;
            (Enqueue::new(queue, num_events, wait_list, event)?, mem)
        };
        enqueue.names_memory(&mem)?;
        ensure(!host.is_null(), CL_INVALID_VALUE)?;
        let denied = if reads { CL_MEM_HOST_WRITE_ONLY } else { CL_MEM_HOST_READ_ONLY } | CL_MEM_HOST_NO_ACCESS;
        ensure(mem.flags & denied == 0, CL_INVALID_OPERATION)?;
        Ok(Self { enqueue, mem, blocking: blocking != CL_FALSE })
    }

    fn buffer(&self, offset: usize, size: usize, host: *mut u8) -> Result<(Area, HostArea)> {
        ensure(self.mem.is_buffer(), CL_INVALID_MEM_OBJECT)?;
        ensure(offset.checked_add(size).is_some_and(|end| end <= self.mem.size), CL_INVALID_VALUE)?;
        check_sub_buffer(&self.enqueue.queue, &self.mem)?;
        Ok((bytes_of_buffer(offset, size), HostArea::flat(host, size)))
    }

    fn rect(&self, buffer: Rect, host: Rect, region: [usize; 3], memory: *mut u8) -> Result<(Area, HostArea)> {
        ensure(self.mem.is_buffer(), CL_INVALID_MEM_OBJECT)?;
        let (buffer, end) = buffer.resolve(region)?;
        ensure(end <= self.mem.size, CL_INVALID_VALUE)?;
        check_sub_buffer(&self.enqueue.queue, &self.mem)?;
        let (host, _) = host.resolve(region)?;
        if buffer.has_odd_slices() || host.has_odd_slices() {
            ensure(takes_odd_slices(&self.enqueue.queue)?, CL_INVALID_VALUE)?;
        }
        let start = memory.wrapping_add(host.start());
        let host_area = HostArea::pitched(start, region[0], region[1], region[2], host.row_pitch, host.slice_pitch);
        let area = Area {
            kind: 1,
            element: 1,
            origin: buffer.origin.map(|value| value as u64),
            region: region.map(|value| value as u64),
            row_pitch: buffer.row_pitch as u64,
            slice_pitch: buffer.slice_pitch as u64,
        };
        Ok((area, host_area.ok_or(Error(CL_INVALID_VALUE))?))
    }

    fn image(
        &self,
        origin: [usize; 3],
        region: [usize; 3],
        row_pitch: usize,
        slice_pitch: usize,
        memory: *mut u8,
    ) -> Result<(Area, HostArea)> {
        let image = self.mem.image.as_ref().ok_or(Error(CL_INVALID_MEM_OBJECT))?;
        image.check_region(origin, region)?;
        ensure(image.has_slices() || slice_pitch == 0, CL_INVALID_VALUE)?;
        Ok((image.area(origin, region), image.host_area(memory, region, row_pitch, slice_pitch)?))
    }

    fn read(self, command_type: u32, (area, host): (Area, HostArea)) -> Result<()> {
        read(self.enqueue, command_type, &self.mem, area, host, self.blocking, None)
    }

    /// Some drivers take it, others don't.
    fn no_bytes(self, command_type: u32, offset: usize) -> Result<()> {
        let Self { mut enqueue, mem, blocking } = self;
        let own = enqueue.event(command_type, blocking);
        let (event, waits) = enqueue.begin(command_type);
        let (offset, write) = (offset as u64, command_type == CL_COMMAND_WRITE_BUFFER);
        let command = EnqueueNoBytes { event, wait: List::new(&waits), mem: mem.remote.handle, offset, write };
        enqueue.send_judged(&command, Verdict::DriversWord)?;
        if blocking { wait(own) } else { Ok(()) }
    }

    fn write(self, command_type: u32, (area, host): (Area, HostArea)) -> Result<()> {
        write(self.enqueue, command_type, &self.mem, area, host, self.blocking, None)
    }
}

/// A sub-buffer must start where the queue's device can address it.
pub(crate) fn check_sub_buffer(queue: &Queue, mem: &Mem) -> Result<()> {
    let bits = queue.device.infos.number(CL_DEVICE_MEM_BASE_ADDR_ALIGN);
    let aligned = bits == 0 || (mem.origin as u64 * 8).checked_rem(bits) == Some(0);
    ensure(aligned || !mem.is_buffer(), CL_MISALIGNED_SUB_BUFFER_OFFSET)
}

/// Where a rectangle lies in linear memory.
#[derive(Clone, Copy)]
pub(crate) struct Rect {
    pub(crate) origin: [usize; 3],
    pub(crate) row_pitch: usize,
    pub(crate) slice_pitch: usize,
}

impl Rect {
    /// Fills in pitches of 0 and checks the others, but for [`Rect::has_odd_slices`]. Gives also the end of the rectangle in bytes.
    pub(crate) fn resolve(mut self, region: [usize; 3]) -> Result<(Self, usize)> {
        let invalid = Error(CL_INVALID_VALUE);
        ensure(region.iter().all(|length| *length > 0), CL_INVALID_VALUE)?;
        if self.row_pitch == 0 {
            self.row_pitch = region[0];
        }
        ensure(self.row_pitch >= region[0], CL_INVALID_VALUE)?;
        let tight = region[1].checked_mul(self.row_pitch).ok_or(invalid)?;
        if self.slice_pitch == 0 {
            self.slice_pitch = tight;
        }
        ensure(self.slice_pitch >= tight, CL_INVALID_VALUE)?;
        let last = |axis: usize, pitch: usize| {
            self.origin[axis].checked_add(region[axis] - 1).and_then(|index| index.checked_mul(pitch))
        };
        let end = last(2, self.slice_pitch)
            .zip(last(1, self.row_pitch))
            .and_then(|(slices, rows)| slices.checked_add(rows))
            .and_then(|start| start.checked_add(self.origin[0])?.checked_add(region[0]))
            .ok_or(invalid)?;
        Ok((self, end))
    }

    /// Whether slices aren't a number of rows apart, of a rectangle that was resolved. Some drivers take that.
    pub(crate) fn has_odd_slices(&self) -> bool {
        self.slice_pitch.checked_rem(self.row_pitch) != Some(0)
    }

    /// The offset of the first byte, of a rectangle that was resolved.
    pub(crate) fn start(&self) -> usize {
        self.origin[2] * self.slice_pitch + self.origin[1] * self.row_pitch + self.origin[0]
    }
}

/// Three sizes that the program must give.
///
/// # Safety
/// `values` is null or has three elements.
pub(crate) unsafe fn triple(values: *const usize) -> Result<[usize; 3]> {
    ensure(!values.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the caller vouches for three elements.
    Ok(unsafe { [*values, *values.add(1), *values.add(2)] })
}

/// # Safety
/// As clEnqueueReadBuffer.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_read_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    offset: usize,
    size: usize,
    ptr: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let call = unsafe { Call::new((queue, buffer, blocking), ptr, true, (num_events, wait_list, event)) }?;
    let what = call.buffer(offset, size, ptr.cast())?;
    if size == 0 { call.no_bytes(CL_COMMAND_READ_BUFFER, offset) } else { call.read(CL_COMMAND_READ_BUFFER, what) }
}

/// # Safety
/// As clEnqueueWriteBuffer.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_write_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    offset: usize,
    size: usize,
    ptr: *const c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let call = unsafe { Call::new((queue, buffer, blocking), ptr, false, (num_events, wait_list, event)) }?;
    let what = call.buffer(offset, size, ptr.cast_mut().cast())?;
    if size == 0 { call.no_bytes(CL_COMMAND_WRITE_BUFFER, offset) } else { call.write(CL_COMMAND_WRITE_BUFFER, what) }
}

/// # Safety
/// As clEnqueueReadBufferRect.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_read_buffer_rect(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    buffer_origin: *const usize,
    host_origin: *const usize,
    region: *const usize,
    buffer_row_pitch: usize,
    buffer_slice_pitch: usize,
    host_row_pitch: usize,
    host_slice_pitch: usize,
    ptr: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let call = Call::new((queue, buffer, blocking), ptr, true, (num_events, wait_list, event))?;
        let from =
            Rect { origin: triple(buffer_origin)?, row_pitch: buffer_row_pitch, slice_pitch: buffer_slice_pitch };
        let to = Rect { origin: triple(host_origin)?, row_pitch: host_row_pitch, slice_pitch: host_slice_pitch };
        let what = call.rect(from, to, triple(region)?, ptr.cast())?;
        call.read(CL_COMMAND_READ_BUFFER_RECT, what)
    }
}

/// # Safety
/// As clEnqueueWriteBufferRect.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_write_buffer_rect(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    buffer_origin: *const usize,
    host_origin: *const usize,
    region: *const usize,
    buffer_row_pitch: usize,
    buffer_slice_pitch: usize,
    host_row_pitch: usize,
    host_slice_pitch: usize,
    ptr: *const c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let call = Call::new((queue, buffer, blocking), ptr, false, (num_events, wait_list, event))?;
        let to = Rect { origin: triple(buffer_origin)?, row_pitch: buffer_row_pitch, slice_pitch: buffer_slice_pitch };
        let from = Rect { origin: triple(host_origin)?, row_pitch: host_row_pitch, slice_pitch: host_slice_pitch };
        let what = call.rect(to, from, triple(region)?, ptr.cast_mut().cast())?;
        call.write(CL_COMMAND_WRITE_BUFFER_RECT, what)
    }
}

/// # Safety
/// As clEnqueueReadImage.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_read_image(
    queue: cl_command_queue,
    image: cl_mem,
    blocking: cl_bool,
    origin: *const usize,
    region: *const usize,
    row_pitch: usize,
    slice_pitch: usize,
    ptr: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let call = Call::new((queue, image, blocking), ptr, true, (num_events, wait_list, event))?;
        let what = call.image(triple(origin)?, triple(region)?, row_pitch, slice_pitch, ptr.cast())?;
        call.read(CL_COMMAND_READ_IMAGE, what)
    }
}

/// # Safety
/// As clEnqueueWriteImage.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_write_image(
    queue: cl_command_queue,
    image: cl_mem,
    blocking: cl_bool,
    origin: *const usize,
    region: *const usize,
    row_pitch: usize,
    slice_pitch: usize,
    ptr: *const c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let call = Call::new((queue, image, blocking), ptr, false, (num_events, wait_list, event))?;
        let what = call.image(triple(origin)?, triple(region)?, row_pitch, slice_pitch, ptr.cast_mut().cast())?;
        call.write(CL_COMMAND_WRITE_IMAGE, what)
    }
}
