//! The driver's extensions: which it has, and their functions.

use std::ffi::{CStr, CString, c_void};
use std::ptr;

use opencl_sys::{
    CL_DEVICE_EXTENSIONS, CL_DEVICE_EXTENSIONS_WITH_VERSION, CL_PLATFORM_EXTENSIONS,
    CL_PLATFORM_EXTENSIONS_WITH_VERSION, cl_int, cl_platform_id,
};
use remora_protocol::extensions::Offered;

use super::context::Device;
use super::driver::{Driver, call, query};
use super::generated::driver::EXTENSION_FUNCTIONS;
pub use super::generated::driver::Extensions;

/// The functions of extensions that a platform has. They stay loaded until the process ends, as all of a driver does.
#[must_use]
pub fn load<'a>(
    driver: Driver,
    platform: cl_platform_id,
    devices: impl Iterator<Item = &'a Device>,
) -> &'static Extensions {
    let mut offered = of_platform(driver, platform);
    for device in devices {
        offered.extend(&of_device(driver, device));
    }
    let version = |name: &str| offered.version(name).unwrap_or(0);
    // SAFETY: by its contract, the driver gives null or the function of that name, as the version that it reports has it,
    // and drivers are never unloaded.
    let mut extensions = unsafe { Extensions::load(|name| address(driver, platform, name), version) };
    if offered.version("cl_khr_subgroups").is_none() {
        // Loaders answer with a function of their own, which jumps to what the driver may not have (oclgrind has not).
        extensions.clGetKernelSubGroupInfoKHR = None;
    }
    Box::leak(Box::new(extensions))
}

/// The names of those functions.
#[must_use]
pub fn functions(driver: Driver, platform: cl_platform_id) -> Vec<&'static str> {
    let has = |name: &&&str| CString::new(**name).is_ok_and(|name| !address(driver, platform, &name).is_null());
    EXTENSION_FUNCTIONS.iter().filter(has).copied().collect()
}

/// Null if there is none.
fn address(driver: Driver, platform: cl_platform_id, name: &CStr) -> *const c_void {
    // SAFETY: a platform of the driver, and a string that ends with 0.
    unsafe {
        match (driver.clGetExtensionFunctionAddressForPlatform, driver.clGetExtensionFunctionAddress) {
            (Some(lookup), _) => lookup(platform, name.as_ptr()),
            (None, Some(lookup)) => lookup(name.as_ptr()),
            (None, None) => ptr::null_mut(),
        }
    }
}

fn of_platform(driver: Driver, platform: cl_platform_id) -> Offered {
    let ask = |param| {
        query(|size, value, size_ret| {
            // SAFETY: a platform of the driver, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetPlatformInfo(platform, param, size, value, size_ret)) }
        })
    };
    offered(ask(CL_PLATFORM_EXTENSIONS), ask(CL_PLATFORM_EXTENSIONS_WITH_VERSION))
}

fn of_device(driver: Driver, device: &Device) -> Offered {
    let ask = |param| {
        query(|size, value, size_ret| {
            // SAFETY: a device of the driver, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetDeviceInfo(device.id(), param, size, value, size_ret)) }
        })
    };
    offered(ask(CL_DEVICE_EXTENSIONS), ask(CL_DEVICE_EXTENSIONS_WITH_VERSION))
}

fn offered(names: Result<Vec<u8>, cl_int>, with_version: Result<Vec<u8>, cl_int>) -> Offered {
    Offered::new(&String::from_utf8_lossy(&names.unwrap_or_default()), &with_version.unwrap_or_default())
}
