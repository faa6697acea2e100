//! Devices.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;

use crate::api::platform::platform_or_first;
use crate::error::{Error, Result, ensure};
use crate::facts::Device;
use crate::info::{Answer, list};
use crate::object::{get, pointer_of, share};

/// The devices of a list that a program gave; CL_INVALID_VALUE for an empty one.
pub(crate) unsafe fn device_list(count: cl_uint, devices: *const cl_device_id) -> Result<Vec<Arc<Device>>> {
    ensure(count > 0 && !devices.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives `count` devices.
    let pointers = unsafe { std::slice::from_raw_parts(devices, count as usize) };
    // SAFETY: passed on to the caller.
    pointers.iter().map(|device| unsafe { share(*device) }).collect()
}

/// Whether a device answers to `device_type` in clGetDeviceIDs and clCreateContextFromType.
pub(crate) fn is_of_type(device: &Device, device_type: cl_device_type) -> bool {
    let own = device.infos.number(CL_DEVICE_TYPE);
    if device_type == CL_DEVICE_TYPE_ALL { own != CL_DEVICE_TYPE_CUSTOM } else { own & device_type != 0 }
}

/// The devices of `device_type`, or the first one for CL_DEVICE_TYPE_DEFAULT if none says that it is the default.
pub(crate) fn select(devices: Vec<Arc<Device>>, device_type: cl_device_type) -> Result<Vec<Arc<Device>>> {
    let known = CL_DEVICE_TYPE_DEFAULT
        | CL_DEVICE_TYPE_CPU
        | CL_DEVICE_TYPE_GPU
        | CL_DEVICE_TYPE_ACCELERATOR
        | CL_DEVICE_TYPE_CUSTOM;
    ensure(
        device_type == CL_DEVICE_TYPE_ALL || (device_type != 0 && device_type & !known == 0),
        CL_INVALID_DEVICE_TYPE,
    )?;
    let first = devices.first().cloned();
    let mut chosen: Vec<_> = devices.into_iter().filter(|device| is_of_type(device, device_type)).collect();
    if chosen.is_empty() && device_type & CL_DEVICE_TYPE_DEFAULT != 0 {
        chosen.extend(first);
    }
    if device_type == CL_DEVICE_TYPE_DEFAULT {
        chosen.truncate(1);
    }
    ensure(!chosen.is_empty(), CL_DEVICE_NOT_FOUND)?;
    Ok(chosen)
}

/// # Safety
/// As clGetDeviceIDs.
pub unsafe fn get_device_ids(
    platform: cl_platform_id,
    device_type: cl_device_type,
    num_entries: cl_uint,
    devices: *mut cl_device_id,
    num_devices: *mut cl_uint,
) -> Result<()> {
    ensure(num_entries > 0 || devices.is_null(), CL_INVALID_VALUE)?;
    ensure(!devices.is_null() || !num_devices.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: passed on to the caller.
    let platform = unsafe { platform_or_first(platform) }?;
    let chosen = match select(platform.devices(), device_type) {
        Ok(chosen) => chosen,
        Err(error) => {
            if !num_devices.is_null() && error.code() == CL_DEVICE_NOT_FOUND {
                // SAFETY: the program gives a valid pointer.
                unsafe { num_devices.write(0) };
            }
            return Err(error);
        }
    };
    let pointers: Vec<cl_device_id> = chosen.iter().map(|device| pointer_of(&**device)).collect();
    // SAFETY: passed on to the caller.
    unsafe { list(&pointers, num_entries, devices, num_devices) }
}

/// # Safety
/// As clGetDeviceInfo.
pub unsafe fn get_device_info(
    device: cl_device_id,
    param_name: cl_device_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let device: &Device = unsafe { get(device) }?;
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        match param_name {
            CL_DEVICE_PLATFORM => answer.value(pointer_of(&*device.platform()?)),
            CL_DEVICE_PARENT_DEVICE => {
                answer.value(device.parent.as_ref().map_or(std::ptr::null_mut(), |parent| pointer_of(&**parent)))
            }
            CL_DEVICE_REFERENCE_COUNT => {
                let count = if device.parent.is_some() { crate::object::references(device) } else { 1 };
                answer.value(count)
            }
            _ => answer.bytes(device.infos.bytes(param_name)?),
        }
    }
}

/// The only device of a list where a NULL device is allowed, or the one that is named.
pub(crate) unsafe fn device_of(devices: &[Arc<Device>], device: cl_device_id) -> Result<Arc<Device>> {
    if device.is_null() {
        return match devices {
            [only] => Ok(Arc::clone(only)),
            _ => Err(Error(CL_INVALID_DEVICE)),
        };
    }
    // SAFETY: passed on to the caller.
    let device: Arc<Device> = unsafe { share(device) }?;
    ensure(devices.iter().any(|one| Arc::ptr_eq(one, &device)), CL_INVALID_DEVICE)?;
    Ok(device)
}
