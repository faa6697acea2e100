//! Reads and writes of regions by the driver's three pairs of functions.

use std::ffi::c_void;
use std::ptr;

use opencl_sys::{CL_COMPLETE, CL_INVALID_EVENT_WAIT_LIST, CL_TRUE, cl_bool, cl_event, cl_int};

use super::area::{Kind, Region};
use super::driver::{Driver, Object, call, check};
use super::events::execution_status;

/// Enqueues a read of `region` to packed bytes at `target`.
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// Queue, memory object (of the shape that the region was checked against) and events are live ones of the driver;
/// `target` has room for the packed bytes until the command is complete; `event` is null or can be written.
#[allow(clippy::too_many_arguments)]
pub unsafe fn read_region(
    driver: Driver,
    queue: *mut c_void,
    mem: *mut c_void,
    region: &Region,
    blocking: cl_bool,
    target: *mut u8,
    wait: &[cl_event],
    event: *mut cl_event,
) -> Result<(), cl_int> {
    let (count, list) = wait_list(wait)?;
    let (target, size, host_origin) = (target.cast::<c_void>(), region.packed(), [0; 3]);
    let (origin, extent) = (region.origin.as_ptr(), region.region.as_ptr());
    let (row, slice) = region.pitches();
    let (host_row, host_slice) = region.host_pitches();
    // SAFETY: by the promise of the caller; the arrays outlive the call, and the host's pitches are those of packed bytes.
    check(unsafe {
        match region.kind {
            Kind::Bytes => call!(
                driver,
                clEnqueueReadBuffer(queue, mem, blocking, region.origin[0], size, target, count, list, event)
            ),
            Kind::Rectangle { .. } => call!(
                driver,
                clEnqueueReadBufferRect(
                    queue,
                    mem,
                    blocking,
                    origin,
                    host_origin.as_ptr(),
                    extent,
                    row,
                    slice,
                    host_row,
                    host_slice,
                    target,
                    count,
                    list,
                    event
                )
            ),
            Kind::Pixels => call!(
                driver,
                clEnqueueReadImage(queue, mem, blocking, origin, extent, 0, 0, target, count, list, event)
            ),
        }
    })
}

/// Enqueues a write of `region` from packed bytes at `source`.
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// As [`read_region`], with `source` in place of `target`.
#[allow(clippy::too_many_arguments)]
pub unsafe fn write_region(
    driver: Driver,
    queue: *mut c_void,
    mem: *mut c_void,
    region: &Region,
    blocking: cl_bool,
    source: *const u8,
    wait: &[cl_event],
    event: *mut cl_event,
) -> Result<(), cl_int> {
    let (count, list) = wait_list(wait)?;
    let (source, size, host_origin) = (source.cast::<c_void>(), region.packed(), [0; 3]);
    let (origin, extent) = (region.origin.as_ptr(), region.region.as_ptr());
    let (row, slice) = region.pitches();
    let (host_row, host_slice) = region.host_pitches();
    // SAFETY: as in `read_region`.
    check(unsafe {
        match region.kind {
            Kind::Bytes => call!(
                driver,
                clEnqueueWriteBuffer(queue, mem, blocking, region.origin[0], size, source, count, list, event)
            ),
            Kind::Rectangle { .. } => call!(
                driver,
                clEnqueueWriteBufferRect(
                    queue,
                    mem,
                    blocking,
                    origin,
                    host_origin.as_ptr(),
                    extent,
                    row,
                    slice,
                    host_row,
                    host_slice,
                    source,
                    count,
                    list,
                    event
                )
            ),
            Kind::Pixels => call!(
                driver,
                clEnqueueWriteImage(queue, mem, blocking, origin, extent, 0, 0, source, count, list, event)
            ),
        }
    })
}

/// Reads `region` to packed bytes at `target` now. The result is the event of that, which is complete.
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// As [`read_region`].
pub unsafe fn read_now(
    driver: Driver,
    queue: *mut c_void,
    mem: *mut c_void,
    region: &Region,
    target: *mut u8,
) -> Result<Object, cl_int> {
    let mut event = ptr::null_mut();
    // SAFETY: by the promise of the caller.
    unsafe { read_region(driver, queue, mem, region, CL_TRUE, target, &[], &raw mut event) }?;
    // SAFETY: the driver has just made it for us.
    Ok(unsafe { Object::new(event, driver.clReleaseEvent) })
}

/// Writes `region` from packed bytes at `source` now. The result is the event of that, which is complete. OpenCL lets a blocking
/// write return once the bytes have been taken, and Intel's runtime makes use of that: it is waited for. Where it is complete
/// by then it is not: NVIDIA's driver sometimes never ends a wait while other threads enqueue.
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// As [`write_region`].
pub unsafe fn write_now(
    driver: Driver,
    queue: *mut c_void,
    mem: *mut c_void,
    region: &Region,
    source: *const u8,
) -> Result<Object, cl_int> {
    let mut event = ptr::null_mut();
    // SAFETY: by the promise of the caller.
    unsafe { write_region(driver, queue, mem, region, CL_TRUE, source, &[], &raw mut event) }?;
    // SAFETY: the driver has just made it for us.
    let made = unsafe { Object::new(event, driver.clReleaseEvent) };
    if execution_status(driver, &made) != CL_COMPLETE {
        // SAFETY: a list of one live event.
        check(unsafe { call!(driver, clWaitForEvents(1, &raw const event)) })?;
    }
    Ok(made)
}

/// The two arguments that a wait list is.
///
/// # Errors
/// If it is longer than OpenCL can say.
pub fn wait_list(wait: &[cl_event]) -> Result<(u32, *const cl_event), cl_int> {
    let count = u32::try_from(wait.len()).map_err(|_| CL_INVALID_EVENT_WAIT_LIST)?;
    Ok((count, if wait.is_empty() { ptr::null() } else { wait.as_ptr() }))
}
