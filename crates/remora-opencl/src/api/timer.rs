//! Device and host clocks.

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{GetDeviceAndHostTimer, Value};

use crate::error::{Error, Result, check, ensure};
use crate::facts::Device;
use crate::object::get;

/// The device's clock and this host's, read as close together as a round trip allows.
fn timers(device: &Device) -> Result<(u64, u64)> {
    let session = device.platform()?.session()?;
    let command = GetDeviceAndHostTimer { device: device.handle };
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    let reply: Value<'_> = answer.decode()?;
    check(reply.code)?;
    let number = |place: usize| reply.value.get(place..place + 8).and_then(|bytes| bytes.try_into().ok());
    let (device, host) = number(0).zip(number(8)).ok_or(Error(CL_OUT_OF_RESOURCES))?;
    Ok((u64::from_le_bytes(device), u64::from_le_bytes(host)))
}

/// A device whose platform has both clocks.
unsafe fn with_timers<'a>(device: cl_device_id) -> Result<&'a Device> {
    // SAFETY: passed on to the caller.
    let device: &Device = unsafe { get(device) }?;
    let resolution = device.platform()?.infos.number(CL_PLATFORM_HOST_TIMER_RESOLUTION);
    ensure(resolution > 0, CL_INVALID_OPERATION)?;
    Ok(device)
}

/// # Safety
/// As clGetDeviceAndHostTimer.
pub unsafe fn get_device_and_host_timer(
    device: cl_device_id,
    device_timestamp: *mut cl_ulong,
    host_timestamp: *mut cl_ulong,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let device = unsafe { with_timers(device) }?;
    ensure(!device_timestamp.is_null() && !host_timestamp.is_null(), CL_INVALID_VALUE)?;
    let (device_time, host_time) = timers(device)?;
    // SAFETY: the program gives valid places.
    unsafe {
        device_timestamp.write(device_time);
        host_timestamp.write(host_time);
    }
    Ok(())
}

/// # Safety
/// As clGetHostTimer.
pub unsafe fn get_host_timer(device: cl_device_id, host_timestamp: *mut cl_ulong) -> Result<()> {
    // SAFETY: passed on to the caller.
    let device = unsafe { with_timers(device) }?;
    ensure(!host_timestamp.is_null(), CL_INVALID_VALUE)?;
    let (_, host_time) = timers(device)?;
    // SAFETY: the program gives a valid place.
    unsafe { host_timestamp.write(host_time) };
    Ok(())
}
