//! Parts of devices.

use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{CreateSubDevices, SubDevices};
use remora_protocol::{Handle, Kind, List};

use crate::error::{Error, Result, check, ensure};
use crate::facts::Device;
use crate::object::{Remote, get, publish, release, retain, share};

/// # Safety
/// As clCreateSubDevices.
pub unsafe fn create_sub_devices(
    device: cl_device_id,
    properties: *const cl_device_partition_property,
    count: cl_uint,
    out: *mut cl_device_id,
    count_ret: *mut cl_uint,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let parent: Arc<Device> = unsafe { share(device) }?;
    // SAFETY: passed on to the caller.
    let properties = unsafe { partition(properties) }?;
    let supported = parent.infos.sizes(CL_DEVICE_PARTITION_PROPERTIES);
    ensure(supported.contains(&properties[0]), CL_INVALID_VALUE)?;
    ensure(out.is_null() || count > 0, CL_INVALID_VALUE)?;
    let platform = parent.platform()?;
    let session = platform.session()?;
    let most = parent.infos.number(CL_DEVICE_PARTITION_MAX_SUB_DEVICES).clamp(1, 4096);
    let handles: Vec<Handle> = (0..most).map(|_| session.mint(Kind::Device)).collect();
    let command =
        CreateSubDevices { device: parent.handle, properties: List::new(&properties), handles: List::new(&handles) };
    let (created, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    let reply: SubDevices<'_> = answer.decode()?;
    check(reply.code)?;
    // Dropping a part that the program does not take releases it.
    let parts: Vec<Arc<Device>> = reply
        .devices
        .iter()
        .map(|facts| {
            let remote = Remote { session: Arc::clone(&session), handle: facts.handle, created };
            Arc::new(Device::new(&platform, facts, Some(Arc::clone(&parent)), Some(remote)))
        })
        .collect();
    if !count_ret.is_null() {
        // SAFETY: the program gives a valid place.
        unsafe { count_ret.write(parts.len() as cl_uint) };
    }
    if !out.is_null() {
        ensure(count as usize >= parts.len(), CL_INVALID_VALUE)?;
        for (place, part) in parts.into_iter().enumerate() {
            // SAFETY: there is room for `count` of them.
            unsafe { out.add(place).write(publish(part)) };
        }
    }
    Ok(())
}

/// The property list without its final 0.
unsafe fn partition(properties: *const cl_device_partition_property) -> Result<Vec<u64>> {
    ensure(!properties.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives a list that ends as its first value says.
    unsafe {
        let kind = *properties;
        let mut list = vec![kind as u64];
        match kind {
            CL_DEVICE_PARTITION_EQUALLY | CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN => {
                list.push(*properties.add(1) as u64);
            }
            CL_DEVICE_PARTITION_BY_COUNTS => {
                for place in 1.. {
                    let count = *properties.add(place);
                    list.push(count as u64);
                    if count == CL_DEVICE_PARTITION_BY_COUNTS_LIST_END {
                        break;
                    }
                }
            }
            _ => return Err(Error(CL_INVALID_VALUE)),
        }
        Ok(list)
    }
}

/// # Safety
/// As clRetainDevice.
pub unsafe fn retain_device(device: cl_device_id) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { if get::<Device>(device)?.parent.is_some() { retain::<Device>(device) } else { Ok(()) } }
}

/// # Safety
/// As clReleaseDevice.
pub unsafe fn release_device(device: cl_device_id) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { if get::<Device>(device)?.parent.is_some() { release::<Device>(device) } else { Ok(()) } }
}
