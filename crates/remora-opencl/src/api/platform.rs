//! Platforms.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use opencl_sys::*;

use crate::error::{Error, Result};
use crate::facts::{Platform, platforms};
use crate::generated::dispatch::{self, Offers};
use crate::info::{Answer, list};
use crate::object::{get, pointer_of, share};

/// The platform behind a pointer; NULL means the first, as most drivers have it.
pub(crate) unsafe fn platform_or_first(platform: cl_platform_id) -> Result<Arc<Platform>> {
    if platform.is_null() {
        return platforms().first().cloned().ok_or(Error(CL_INVALID_PLATFORM));
    }
    // SAFETY: passed on to the caller.
    unsafe { share(platform) }
}

/// # Safety
/// As clGetPlatformIDs.
pub unsafe fn get_platform_ids(
    num_entries: cl_uint,
    out: *mut cl_platform_id,
    num_platforms: *mut cl_uint,
) -> Result<()> {
    let platforms: Vec<cl_platform_id> = platforms().iter().map(|platform| pointer_of(&**platform)).collect();
    // SAFETY: passed on to the caller.
    unsafe { list(&platforms, num_entries, out, num_platforms) }?;
    // The code that cl_khr_icd has for an empty list.
    crate::error::ensure(!platforms.is_empty(), CL_PLATFORM_NOT_FOUND_KHR)
}

/// # Safety
/// As clIcdGetPlatformIDsKHR.
pub unsafe fn icd_get_platform_ids_khr(
    num_entries: cl_uint,
    out: *mut cl_platform_id,
    num_platforms: *mut cl_uint,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { get_platform_ids(num_entries, out, num_platforms) }
}

/// # Safety
/// As clGetPlatformInfo.
pub unsafe fn get_platform_info(
    platform: cl_platform_id,
    param_name: cl_platform_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let platform = platform_or_first(platform)?;
        Answer { size, value, size_ret }.bytes(platform.infos.bytes(param_name)?)
    }
}

/// # Safety
/// As clGetExtensionFunctionAddress.
pub unsafe fn get_extension_function_address(name: *const c_char) -> *mut c_void {
    // SAFETY: passed on to the caller.
    unsafe { address(&First, name) }
}

/// The first platform, looked for only if it must be asked: a loader wants to know where our functions are before anything
/// else.
struct First;

impl Offers for First {
    fn function(&self, name: &str) -> bool {
        platforms().first().is_some_and(|platform| platform.function(name))
    }

    fn version(&self, extension: &str) -> u32 {
        platforms().first().map_or(0, |platform| platform.version(extension))
    }
}

/// # Safety
/// As clGetExtensionFunctionAddressForPlatform.
pub unsafe fn get_extension_function_address_for_platform(
    platform: cl_platform_id,
    name: *const c_char,
) -> *mut c_void {
    // SAFETY: passed on to the caller.
    unsafe { get::<Platform>(platform).map_or(std::ptr::null_mut(), |platform| address(platform, name)) }
}

unsafe fn address(platform: &impl Offers, name: *const c_char) -> *mut c_void {
    if name.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: the program gives a C string.
    dispatch::address(unsafe { CStr::from_ptr(name) }, platform).cast_mut()
}
