//! The platform, its device, and sub-devices of it.

use super::clock;
use super::device_info;
use super::ffi::{self, Outcome, Room, code, lock};
use super::pool::{self, Handle, Ref, object};
use opencl_sys::*;
use std::ffi::{c_char, c_void};
use std::sync::{Mutex, OnceLock};

/// Compute units of the device; fixed, so that runs on different machines look alike.
pub const UNITS: u32 = 4;

/// A device: the only one there is, or a part of it.
pub struct Device {
    pub parent: Option<Ref<Device>>,
    pub units: u32,
    /// How it came off its parent: what CL_DEVICE_PARTITION_TYPE answers.
    pub partition: Vec<cl_device_partition_property>,
}

object!(Device, 1, CL_INVALID_DEVICE);

/// The device that the platform has. It can't be released.
pub fn root() -> Outcome<Ref<Device>> {
    static ROOT: OnceLock<Ref<Device>> = OnceLock::new();
    static MAKING: Mutex<()> = Mutex::new(());
    if let Some(root) = ROOT.get() {
        return Ok(root.clone());
    }
    let _making = lock(&MAKING);
    if let Some(root) = ROOT.get() {
        return Ok(root.clone());
    }
    let root = Ref::new(Device { parent: None, units: UNITS, partition: Vec::new() })?;
    let _ = root.clone().into_handle();
    Ok(ROOT.get_or_init(|| root).clone())
}

/// The platform's handle: the address of something that is nothing else.
pub fn platform() -> Handle {
    static PLATFORM: u64 = u64::from_le_bytes(*b"RMRANULL");
    std::ptr::from_ref(&PLATFORM).cast_mut().cast()
}

/// The devices that a caller lists for something that is made for devices; all must be valid.
///
/// # Safety
/// `first` is NULL or points to `count` handles.
pub unsafe fn listed(count: cl_uint, first: *const cl_device_id) -> Outcome<Vec<Ref<Device>>> {
    // SAFETY: the caller's promise.
    let handles = unsafe { ffi::list(count, first) }?;
    handles.iter().map(|&handle| Ref::find(handle)).collect()
}

pub unsafe extern "C" fn get_platform_ids(
    entries: cl_uint,
    platforms: *mut cl_platform_id,
    found: *mut cl_uint,
) -> cl_int {
    if (platforms.is_null() && found.is_null()) || (!platforms.is_null() && entries == 0) {
        return CL_INVALID_VALUE;
    }
    // SAFETY: the caller's promise (see `ffi`); `platforms` has room for one at least.
    unsafe {
        ffi::put(platforms, platform());
        ffi::put(found, 1);
    }
    CL_SUCCESS
}

pub unsafe extern "C" fn get_platform_info(
    handle: cl_platform_id,
    param: cl_platform_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    if handle != platform() {
        return CL_INVALID_PLATFORM;
    }
    // SAFETY: the caller's promise (see `ffi`).
    code(device_info::platform(param, unsafe { Room::new(size, value, size_ret) }))
}

pub unsafe extern "C" fn get_device_ids(
    handle: cl_platform_id,
    device_type: cl_device_type,
    entries: cl_uint,
    devices: *mut cl_device_id,
    found: *mut cl_uint,
) -> cl_int {
    if handle != platform() {
        return CL_INVALID_PLATFORM;
    }
    if (devices.is_null() && found.is_null()) || (!devices.is_null() && entries == 0) {
        return CL_INVALID_VALUE;
    }
    code(of_type(device_type).map(|device| {
        // SAFETY: the caller's promise (see `ffi`); `devices` has room for one at least.
        unsafe {
            ffi::put(devices, device.handle());
            ffi::put(found, 1);
        }
    }))
}

/// The device, if it is of one of these types.
pub fn of_type(device_type: cl_device_type) -> Outcome<Ref<Device>> {
    let known = CL_DEVICE_TYPE_DEFAULT
        | CL_DEVICE_TYPE_CPU
        | CL_DEVICE_TYPE_GPU
        | CL_DEVICE_TYPE_ACCELERATOR
        | CL_DEVICE_TYPE_CUSTOM;
    if device_type == 0 || (device_type != CL_DEVICE_TYPE_ALL && device_type & !known != 0) {
        return Err(CL_INVALID_DEVICE_TYPE);
    }
    if device_type & (CL_DEVICE_TYPE_DEFAULT | CL_DEVICE_TYPE_CPU) == 0 {
        return Err(CL_DEVICE_NOT_FOUND);
    }
    root()
}

pub unsafe extern "C" fn get_device_info(
    device: cl_device_id,
    param: cl_device_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(device).and_then(|device| device_info::device(&device, param, room)))
}

pub unsafe extern "C" fn create_sub_devices(
    device: cl_device_id,
    properties: *const cl_device_partition_property,
    entries: cl_uint,
    devices: *mut cl_device_id,
    found: *mut cl_uint,
) -> cl_int {
    let made = Ref::find(device).and_then(|device: Ref<Device>| {
        // SAFETY: the caller's promise (see `ffi`): a list that ends with 0.
        let (property, partition) = unsafe { partition_list(properties) }?;
        let parts = parts(device.units, &partition)?;
        if !devices.is_null() && (entries as usize) < parts.len() {
            return Err(CL_INVALID_VALUE);
        }
        if !devices.is_null() {
            let all: Outcome<Vec<Ref<Device>>> = parts
                .iter()
                .map(|&units| {
                    let (parent, partition) = (Some(device.clone()), property.clone());
                    Ref::new(Device { parent, units, partition })
                })
                .collect();
            for (index, part) in all?.into_iter().enumerate() {
                // SAFETY: `devices` has room for `entries`, which is enough as checked above.
                unsafe { devices.add(index).write(part.into_handle()) };
            }
        }
        Ok(parts.len())
    });
    code(made.map(|count| {
        // SAFETY: the caller's promise.
        unsafe { ffi::put(found, count as cl_uint) }
    }))
}

enum Partition {
    Equally(u32),
    Counts(Vec<u32>),
}

/// The property list as given, with its final 0, and what it means.
///
/// # Safety
/// `first` is NULL or points to a list that ends with 0.
unsafe fn partition_list(
    first: *const cl_device_partition_property,
) -> Outcome<(Vec<cl_device_partition_property>, Partition)> {
    if first.is_null() {
        return Err(CL_INVALID_VALUE);
    }
    // SAFETY: the caller's promise: each index up to the final 0 can be read, and `at` is called in order up to there.
    let at = |index: usize| unsafe { first.add(index).read() };
    match at(0) {
        CL_DEVICE_PARTITION_EQUALLY => {
            let units = at(1);
            if at(2) != 0 {
                return Err(CL_INVALID_VALUE);
            }
            let partition = Partition::Equally(u32::try_from(units).map_err(|_| CL_INVALID_VALUE)?);
            Ok((vec![CL_DEVICE_PARTITION_EQUALLY, units, 0], partition))
        }
        CL_DEVICE_PARTITION_BY_COUNTS => {
            let mut counts = Vec::new();
            loop {
                match at(1 + counts.len()) {
                    CL_DEVICE_PARTITION_BY_COUNTS_LIST_END => break,
                    _ if counts.len() as u32 == UNITS => return Err(CL_INVALID_DEVICE_PARTITION_COUNT),
                    count => counts.push(u32::try_from(count).map_err(|_| CL_INVALID_DEVICE_PARTITION_COUNT)?),
                }
            }
            if at(2 + counts.len()) != 0 {
                return Err(CL_INVALID_VALUE);
            }
            let mut property = vec![CL_DEVICE_PARTITION_BY_COUNTS];
            property.extend(counts.iter().map(|&count| count as cl_device_partition_property));
            property.extend([CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0]);
            Ok((property, Partition::Counts(counts)))
        }
        _ => Err(CL_INVALID_VALUE),
    }
}

/// How many units each sub-device gets.
fn parts(units: u32, partition: &Partition) -> Outcome<Vec<u32>> {
    match partition {
        Partition::Equally(0) => Err(CL_INVALID_VALUE),
        Partition::Equally(each) if *each > units => Err(CL_DEVICE_PARTITION_FAILED),
        Partition::Equally(each) => Ok(vec![*each; (units / each) as usize]),
        Partition::Counts(counts) if counts.is_empty() => Err(CL_INVALID_VALUE),
        Partition::Counts(counts) if counts.iter().map(|&count| u64::from(count)).sum::<u64>() > u64::from(units) => {
            Err(CL_INVALID_DEVICE_PARTITION_COUNT)
        }
        Partition::Counts(counts) => Ok(counts.clone()),
    }
}

pub unsafe extern "C" fn retain_device(device: cl_device_id) -> cl_int {
    code(Ref::find(device).and_then(|found: Ref<Device>| match found.parent {
        Some(_) => pool::retain::<Device>(device),
        None => Ok(()),
    }))
}

pub unsafe extern "C" fn release_device(device: cl_device_id) -> cl_int {
    code(Ref::find(device).and_then(|found: Ref<Device>| match found.parent {
        Some(_) => pool::release::<Device>(device),
        None => Ok(()),
    }))
}

pub unsafe extern "C" fn get_device_and_host_timer(
    device: cl_device_id,
    device_time: *mut cl_ulong,
    host_time: *mut cl_ulong,
) -> cl_int {
    code(Ref::find(device).and_then(|_: Ref<Device>| {
        if device_time.is_null() || host_time.is_null() {
            return Err(CL_INVALID_VALUE);
        }
        let now = clock::now();
        // SAFETY: the caller's promise (see `ffi`); the device's clock is the host's.
        unsafe {
            device_time.write(now);
            host_time.write(now);
        }
        Ok(())
    }))
}

pub unsafe extern "C" fn get_host_timer(device: cl_device_id, host_time: *mut cl_ulong) -> cl_int {
    code(Ref::find(device).and_then(|_: Ref<Device>| {
        if host_time.is_null() {
            return Err(CL_INVALID_VALUE);
        }
        // SAFETY: the caller's promise (see `ffi`).
        unsafe { host_time.write(clock::now()) };
        Ok(())
    }))
}

pub unsafe extern "C" fn unload_platform_compiler(handle: cl_platform_id) -> cl_int {
    if handle == platform() { CL_SUCCESS } else { CL_INVALID_PLATFORM }
}

pub unsafe extern "C" fn unload_compiler() -> cl_int {
    CL_SUCCESS
}

pub unsafe extern "C" fn get_extension_function_address(_name: *const c_char) -> *mut c_void {
    std::ptr::null_mut()
}

pub unsafe extern "C" fn get_extension_function_address_for_platform(
    _platform: cl_platform_id,
    _name: *const c_char,
) -> *mut c_void {
    std::ptr::null_mut()
}
