//! What a program can ask of platforms and devices, all at once. Nothing is left out for being unknown to Remora: the
//! front-end decides what it shows.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_void};
use std::ptr;

use opencl_sys::*;
use remora_protocol::Handle;
use remora_protocol::opencl::{DeviceFacts, Facts, Info, PlatformFacts};
use remora_protocol::wire::encode_to_vec;

use super::context::{Context, Device, Platform, platforms};
use super::driver::{Driver, Object, call, query};
use super::extensions;
use super::generated::queries;

/// One answer of the driver.
pub struct Answer {
    param: u32,
    code: cl_int,
    value: Vec<u8>,
}

/// Everything about `driver`, encoded as [`Facts`].
#[must_use]
pub fn probe(driver: Driver) -> Vec<u8> {
    let platforms = platforms(driver);
    let answers: Vec<_> = platforms
        .iter()
        .map(|platform| {
            let devices = platform.devices.iter().map(|device| (device.handle, device_infos(driver, device)));
            let functions = extensions::functions(driver, platform.id());
            (platform_infos(driver, platform), functions, devices.collect::<Vec<_>>())
        })
        .collect();
    let platforms = answers.iter().map(|(infos, functions, devices)| PlatformFacts {
        infos: wire(infos),
        functions: functions.iter().map(|name| name.as_bytes()).collect(),
        devices: devices.iter().map(|(handle, infos)| device_facts(*handle, infos)).collect(),
    });
    encode_to_vec(&Facts { platforms: platforms.collect() })
}

/// All that the driver says of a device.
#[must_use]
pub fn device_infos(driver: Driver, device: &Device) -> Vec<Answer> {
    let ask = |param| {
        let value = query(|size, value, size_ret| {
            // SAFETY: a device of the driver, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetDeviceInfo(device.id(), param, size, value, size_ret)) }
        })?;
        // SAFETY: what the driver answers for such a parameter are strings of its own.
        Ok(if queries::STRINGS.contains(&param) { unsafe { strings(&value) } } else { value })
    };
    answers(&[DEVICE, queries::DEVICE], ask)
}

/// Strings as they travel, each with its final 0, from an array of pointers to them.
///
/// # Safety
/// Each pointer is null or points to a string that ends with 0.
unsafe fn strings(pointers: &[u8]) -> Vec<u8> {
    let pointers = pointers.chunks_exact(size_of::<usize>());
    let addresses = pointers.map(|bytes| usize::from_ne_bytes(bytes.try_into().unwrap_or_default()));
    // SAFETY: by the promise of the caller.
    let strings =
        addresses.filter(|address| *address != 0).map(|address| unsafe { CStr::from_ptr(address as *const _) });
    strings.flat_map(|string| string.to_bytes_with_nul()).copied().collect()
}

fn platform_infos(driver: Driver, platform: &Platform) -> Vec<Answer> {
    let ask = |param| {
        query(|size, value, size_ret| {
            // SAFETY: a platform of the driver, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetPlatformInfo(platform.id(), param, size, value, size_ret)) }
        })
    };
    answers(&[PLATFORM, queries::PLATFORM], ask)
}

/// A parameter that the driver does not know is left out: the front-end gives the same CL_INVALID_VALUE for it.
fn answers(params: &[&[u32]], ask: impl Fn(u32) -> Result<Vec<u8>, cl_int>) -> Vec<Answer> {
    // Extensions that became part of OpenCL have the same parameters under other names.
    let params: BTreeSet<u32> = params.iter().copied().flatten().copied().collect();
    let answers = params.into_iter().filter_map(|param| match ask(param) {
        Ok(value) => Some(Answer { param, code: CL_SUCCESS, value: presentable(param, value) }),
        Err(CL_INVALID_VALUE) => None,
        Err(code) => Some(Answer { param, code, value: Vec::new() }),
    });
    answers.collect()
}

/// Names with versions are arrays of characters: what is behind the final 0 of a name is whatever was in the driver's memory,
/// addresses among it, and nobody else's business.
fn presentable(param: u32, mut value: Vec<u8>) -> Vec<u8> {
    let lists = [
        CL_PLATFORM_EXTENSIONS_WITH_VERSION,
        CL_DEVICE_EXTENSIONS_WITH_VERSION,
        CL_DEVICE_ILS_WITH_VERSION,
        CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION,
        CL_DEVICE_OPENCL_C_ALL_VERSIONS,
        CL_DEVICE_OPENCL_C_FEATURES,
    ];
    if lists.contains(&param) {
        for item in value.chunks_exact_mut(size_of::<cl_name_version>()) {
            let name = &mut item[size_of::<cl_version>()..];
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            name[end..].fill(0);
        }
    }
    value
}

/// Answers as they travel.
#[must_use]
pub fn wire(answers: &[Answer]) -> Vec<Info<'_>> {
    answers.iter().map(|answer| Info { param: answer.param, code: answer.code, value: &answer.value }).collect()
}

/// A device's answers as they travel.
#[must_use]
pub fn device_facts(handle: Handle, infos: &[Answer]) -> DeviceFacts<'_> {
    DeviceFacts { handle, infos: wire(infos) }
}

/// Asks a kernel for what depends on the device.
#[must_use]
pub fn work_group_infos(driver: Driver, kernel: &Object, device: &Device) -> Vec<Answer> {
    let core: &[u32] = &[
        CL_KERNEL_WORK_GROUP_SIZE,
        CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
        CL_KERNEL_LOCAL_MEM_SIZE,
        CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE,
        CL_KERNEL_PRIVATE_MEM_SIZE,
    ];
    answers(&[core, queries::WORK_GROUP], |param| {
        query(|size, value, size_ret| {
            // SAFETY: a live kernel and a device of the driver, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetKernelWorkGroupInfo(kernel.raw(), device.id(), param, size, value, size_ret)) }
        })
    })
}

/// Asks a kernel for what depends on the device and has to do with sub-groups. What depends on sizes is asked when it is
/// wanted.
#[must_use]
pub fn sub_group_infos(driver: Driver, context: &Context, kernel: &Object, device: &Device) -> Vec<Answer> {
    let Some(function) = sub_group_function(driver, context) else { return Vec::new() };
    let core: &[u32] = &[CL_KERNEL_MAX_NUM_SUB_GROUPS, CL_KERNEL_COMPILE_NUM_SUB_GROUPS];
    answers(&[core, queries::SUB_GROUP], |param| {
        query(|size, value, size_ret| {
            // SAFETY: a live kernel and a device of the driver, no input, and `value` has room for `size` bytes.
            unsafe { function(kernel.raw(), device.id(), param, 0, ptr::null(), size, value, size_ret) }
        })
    })
}

/// The function that asks for sub-groups, if the driver has one.
pub fn sub_group_function(driver: Driver, context: &Context) -> Option<SubGroupFunction> {
    if context.version >= (2, 1) {
        driver.clGetKernelSubGroupInfo
    } else {
        context.extensions.clGetKernelSubGroupInfoKHR
    }
}

type SubGroupFunction = unsafe extern "C" fn(
    cl_kernel,
    cl_device_id,
    cl_kernel_sub_group_info,
    usize,
    *const c_void,
    usize,
    *mut c_void,
    *mut usize,
) -> cl_int;

const PLATFORM: &[u32] = &[
    CL_PLATFORM_PROFILE,
    CL_PLATFORM_VERSION,
    CL_PLATFORM_NAME,
    CL_PLATFORM_VENDOR,
    CL_PLATFORM_EXTENSIONS,
    CL_PLATFORM_HOST_TIMER_RESOLUTION,
    CL_PLATFORM_NUMERIC_VERSION,
    CL_PLATFORM_EXTENSIONS_WITH_VERSION,
];

/// Without what holds handles: CL_DEVICE_PLATFORM and the parent devices.
const DEVICE: &[u32] = &[
    CL_DEVICE_TYPE,
    CL_DEVICE_VENDOR_ID,
    CL_DEVICE_MAX_COMPUTE_UNITS,
    CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS,
    CL_DEVICE_MAX_WORK_GROUP_SIZE,
    CL_DEVICE_MAX_WORK_ITEM_SIZES,
    CL_DEVICE_PREFERRED_VECTOR_WIDTH_CHAR,
    CL_DEVICE_PREFERRED_VECTOR_WIDTH_SHORT,
    CL_DEVICE_PREFERRED_VECTOR_WIDTH_INT,
    CL_DEVICE_PREFERRED_VECTOR_WIDTH_LONG,
    CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT,
    CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE,
    CL_DEVICE_MAX_CLOCK_FREQUENCY,
    CL_DEVICE_ADDRESS_BITS,
    CL_DEVICE_MAX_READ_IMAGE_ARGS,
    CL_DEVICE_MAX_WRITE_IMAGE_ARGS,
    CL_DEVICE_MAX_MEM_ALLOC_SIZE,
    CL_DEVICE_IMAGE2D_MAX_WIDTH,
    CL_DEVICE_IMAGE2D_MAX_HEIGHT,
    CL_DEVICE_IMAGE3D_MAX_WIDTH,
    CL_DEVICE_IMAGE3D_MAX_HEIGHT,
    CL_DEVICE_IMAGE3D_MAX_DEPTH,
    CL_DEVICE_IMAGE_SUPPORT,
    CL_DEVICE_MAX_PARAMETER_SIZE,
    CL_DEVICE_MAX_SAMPLERS,
    CL_DEVICE_MEM_BASE_ADDR_ALIGN,
    CL_DEVICE_MIN_DATA_TYPE_ALIGN_SIZE,
    CL_DEVICE_SINGLE_FP_CONFIG,
    CL_DEVICE_GLOBAL_MEM_CACHE_TYPE,
    CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE,
    CL_DEVICE_GLOBAL_MEM_CACHE_SIZE,
    CL_DEVICE_GLOBAL_MEM_SIZE,
    CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE,
    CL_DEVICE_MAX_CONSTANT_ARGS,
    CL_DEVICE_LOCAL_MEM_TYPE,
    CL_DEVICE_LOCAL_MEM_SIZE,
    CL_DEVICE_ERROR_CORRECTION_SUPPORT,
    CL_DEVICE_PROFILING_TIMER_RESOLUTION,
    CL_DEVICE_ENDIAN_LITTLE,
    CL_DEVICE_AVAILABLE,
    CL_DEVICE_COMPILER_AVAILABLE,
    CL_DEVICE_EXECUTION_CAPABILITIES,
    CL_DEVICE_QUEUE_ON_HOST_PROPERTIES,
    CL_DEVICE_NAME,
    CL_DEVICE_VENDOR,
    CL_DRIVER_VERSION,
    CL_DEVICE_PROFILE,
    CL_DEVICE_VERSION,
    CL_DEVICE_EXTENSIONS,
    CL_DEVICE_DOUBLE_FP_CONFIG,
    CL_DEVICE_HALF_FP_CONFIG,
    CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF,
    CL_DEVICE_HOST_UNIFIED_MEMORY,
    CL_DEVICE_NATIVE_VECTOR_WIDTH_CHAR,
    CL_DEVICE_NATIVE_VECTOR_WIDTH_SHORT,
    CL_DEVICE_NATIVE_VECTOR_WIDTH_INT,
    CL_DEVICE_NATIVE_VECTOR_WIDTH_LONG,
    CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT,
    CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE,
    CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF,
    CL_DEVICE_OPENCL_C_VERSION,
    CL_DEVICE_LINKER_AVAILABLE,
    CL_DEVICE_BUILT_IN_KERNELS,
    CL_DEVICE_IMAGE_MAX_BUFFER_SIZE,
    CL_DEVICE_IMAGE_MAX_ARRAY_SIZE,
    CL_DEVICE_PARTITION_MAX_SUB_DEVICES,
    CL_DEVICE_PARTITION_PROPERTIES,
    CL_DEVICE_PARTITION_AFFINITY_DOMAIN,
    CL_DEVICE_PARTITION_TYPE,
    CL_DEVICE_REFERENCE_COUNT,
    CL_DEVICE_PREFERRED_INTEROP_USER_SYNC,
    CL_DEVICE_PRINTF_BUFFER_SIZE,
    CL_DEVICE_IMAGE_PITCH_ALIGNMENT,
    CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT,
    CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS,
    CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE,
    CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES,
    CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE,
    CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE,
    CL_DEVICE_MAX_ON_DEVICE_QUEUES,
    CL_DEVICE_MAX_ON_DEVICE_EVENTS,
    CL_DEVICE_SVM_CAPABILITIES,
    CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE,
    CL_DEVICE_MAX_PIPE_ARGS,
    CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS,
    CL_DEVICE_PIPE_MAX_PACKET_SIZE,
    CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT,
    CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT,
    CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT,
    CL_DEVICE_IL_VERSION,
    CL_DEVICE_MAX_NUM_SUB_GROUPS,
    CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS,
    CL_DEVICE_NUMERIC_VERSION,
    CL_DEVICE_EXTENSIONS_WITH_VERSION,
    CL_DEVICE_ILS_WITH_VERSION,
    CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION,
    CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES,
    CL_DEVICE_ATOMIC_FENCE_CAPABILITIES,
    CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT,
    CL_DEVICE_OPENCL_C_ALL_VERSIONS,
    CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE,
    CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT,
    CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT,
    CL_DEVICE_UUID,
    CL_DRIVER_UUID,
    CL_DEVICE_LUID_VALID,
    CL_DEVICE_LUID,
    CL_DEVICE_NODE_MASK,
    CL_DEVICE_OPENCL_C_FEATURES,
    CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES,
    CL_DEVICE_PIPE_SUPPORT,
    CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED,
    CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES,
    CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_8BIT,
    CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_4x8BIT_PACKED,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_drivers_memory_is_behind_a_name() {
        let item = |name: &[u8], rest: u8| {
            let mut item = vec![rest; size_of::<cl_name_version>()];
            item[..4].fill(3);
            item[4..4 + name.len()].copy_from_slice(name);
            item
        };
        let (dirty, whole) = (item(b"cl_khr_icd\0", 0x7f), item(&[b'x'; 64], 0));
        let clean = [item(b"cl_khr_icd\0", 0), whole.clone()].concat();
        assert_eq!(presentable(CL_DEVICE_EXTENSIONS_WITH_VERSION, [dirty.clone(), whole].concat()), clean);
        assert_eq!(presentable(CL_DEVICE_UUID, dirty.clone()), dirty);
    }
}
