//! What the platform and the device say of themselves.

use super::device::{Device, UNITS, platform as platform_handle};
use super::ffi::{Outcome, Room};
use super::image;
use super::pool::Ref;
use opencl_sys::*;
use std::ptr;

/// Largest buffer.
pub const MAX_ALLOCATION: usize = 2 << 30;
/// All memory objects together.
pub const GLOBAL_MEMORY: u64 = 7 << 30;
/// Largest work-group, in all and in each dimension.
pub const MAX_WORK_GROUP: usize = 1024;
pub const LOCAL_MEMORY: u64 = 64 << 10;
/// Most bytes of arguments that a kernel takes.
pub const MAX_PARAMETERS: usize = 4096;
/// Alignment of sub-buffers, in bytes.
pub const BASE_ALIGNMENT: usize = 128;
pub const QUEUE_PROPERTIES: cl_command_queue_properties =
    CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE;

const VERSION: &[u8] = b"OpenCL 3.0 Remora Null";
const VENDOR: &[u8] = b"Remora";
const NUMERIC_VERSION: cl_version = make_version(3, 0, 0);

const EXTENSIONS: [&str; 8] = [
    "cl_khr_3d_image_writes",
    "cl_khr_byte_addressable_store",
    "cl_khr_depth_images",
    "cl_khr_fp64",
    "cl_khr_global_int32_base_atomics",
    "cl_khr_global_int32_extended_atomics",
    "cl_khr_image2d_from_buffer",
    "cl_khr_local_int32_base_atomics",
];

const C_FEATURES: [&str; 5] = [
    "__opencl_c_3d_image_writes",
    "__opencl_c_fp64",
    "__opencl_c_images",
    "__opencl_c_int64",
    "__opencl_c_read_write_images",
];

/// clGetPlatformInfo.
pub fn platform(param: cl_platform_info, room: Room) -> Outcome<()> {
    match param {
        CL_PLATFORM_PROFILE => room.text(b"FULL_PROFILE"),
        CL_PLATFORM_VERSION => room.text(VERSION),
        CL_PLATFORM_NAME => room.text(b"Remora Null"),
        CL_PLATFORM_VENDOR => room.text(VENDOR),
        CL_PLATFORM_EXTENSIONS => room.text(EXTENSIONS.join(" ").as_bytes()),
        CL_PLATFORM_HOST_TIMER_RESOLUTION => room.put(1u64),
        CL_PLATFORM_NUMERIC_VERSION => room.put(NUMERIC_VERSION),
        CL_PLATFORM_EXTENSIONS_WITH_VERSION => room.list(&named(&EXTENSIONS, make_version(1, 0, 0))),
        _ => Err(CL_INVALID_VALUE),
    }
}

/// clGetDeviceInfo.
pub fn device(device: &Ref<Device>, param: cl_device_info, room: Room) -> Outcome<()> {
    match param {
        CL_DEVICE_TYPE => room.put(if device.parent.is_some() {
            CL_DEVICE_TYPE_CPU
        } else {
            CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_DEFAULT
        }),
        CL_DEVICE_PLATFORM => room.put(platform_handle()),
        CL_DEVICE_PARENT_DEVICE => room.put(device.parent.as_ref().map_or(ptr::null_mut(), Ref::handle)),
        CL_DEVICE_REFERENCE_COUNT => room.put(if device.parent.is_some() { device.count() } else { 1 }),
        CL_DEVICE_MAX_COMPUTE_UNITS => room.put(device.units),
        CL_DEVICE_PARTITION_MAX_SUB_DEVICES => room.put(device.units),
        CL_DEVICE_PARTITION_TYPE => room.list(&device.partition),
        CL_DEVICE_MAX_WORK_GROUP_SIZE => room.put(MAX_WORK_GROUP),
        CL_DEVICE_MAX_WORK_ITEM_SIZES => room.list(&[MAX_WORK_GROUP; 3]),
        CL_DEVICE_MAX_PARAMETER_SIZE => room.put(MAX_PARAMETERS),
        CL_DEVICE_PROFILING_TIMER_RESOLUTION => room.put(1usize),
        CL_DEVICE_PRINTF_BUFFER_SIZE => room.put(1usize << 20),
        CL_DEVICE_IMAGE_MAX_BUFFER_SIZE => room.put(image::MAX_BUFFER_PIXELS),
        CL_DEVICE_IMAGE_MAX_ARRAY_SIZE => room.put(image::MAX_ARRAY),
        CL_DEVICE_IMAGE2D_MAX_WIDTH | CL_DEVICE_IMAGE2D_MAX_HEIGHT => room.put(image::MAX_2D),
        CL_DEVICE_IMAGE3D_MAX_WIDTH | CL_DEVICE_IMAGE3D_MAX_HEIGHT | CL_DEVICE_IMAGE3D_MAX_DEPTH => {
            room.put(image::MAX_3D)
        }
        CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE
        | CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE
        | CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE => {
            room.put(if param == CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE { 8usize } else { 0 })
        }
        CL_DEVICE_PARTITION_PROPERTIES => room.list(&[CL_DEVICE_PARTITION_EQUALLY, CL_DEVICE_PARTITION_BY_COUNTS]),
        CL_DEVICE_ILS_WITH_VERSION | CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION => room.list::<cl_name_version>(&[]),
        CL_DEVICE_EXTENSIONS_WITH_VERSION => room.list(&named(&EXTENSIONS, make_version(1, 0, 0))),
        CL_DEVICE_OPENCL_C_FEATURES => room.list(&named(&C_FEATURES, NUMERIC_VERSION)),
        CL_DEVICE_OPENCL_C_ALL_VERSIONS => room.list(&c_versions()),
        _ => match (text_info(param), flag_info(param), small_info(param), wide_info(param)) {
            (Some(text), ..) => room.text(text.as_bytes()),
            (_, Some(flag), ..) => room.flag(flag),
            (_, _, Some(value), _) => room.put(value),
            (.., Some(value)) => room.put(value),
            _ => Err(CL_INVALID_VALUE),
        },
    }
}

fn text_info(param: cl_device_info) -> Option<String> {
    let text = match param {
        CL_DEVICE_NAME => "Remora Null Device".into(),
        CL_DEVICE_VENDOR => String::from_utf8_lossy(VENDOR).into_owned(),
        CL_DRIVER_VERSION => env!("CARGO_PKG_VERSION").into(),
        CL_DEVICE_PROFILE => "FULL_PROFILE".into(),
        CL_DEVICE_VERSION => String::from_utf8_lossy(VERSION).into_owned(),
        CL_DEVICE_OPENCL_C_VERSION => "OpenCL C 1.2 Remora Null".into(),
        CL_DEVICE_EXTENSIONS => EXTENSIONS.join(" "),
        CL_DEVICE_BUILT_IN_KERNELS | CL_DEVICE_IL_VERSION | CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED => {
            String::new()
        }
        _ => return None,
    };
    Some(text)
}

fn flag_info(param: cl_device_info) -> Option<bool> {
    Some(match param {
        CL_DEVICE_IMAGE_SUPPORT
        | CL_DEVICE_ENDIAN_LITTLE
        | CL_DEVICE_AVAILABLE
        | CL_DEVICE_COMPILER_AVAILABLE
        | CL_DEVICE_LINKER_AVAILABLE
        | CL_DEVICE_HOST_UNIFIED_MEMORY
        | CL_DEVICE_PREFERRED_INTEROP_USER_SYNC => true,
        CL_DEVICE_ERROR_CORRECTION_SUPPORT
        | CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS
        | CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT
        | CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT
        | CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT
        | CL_DEVICE_PIPE_SUPPORT => false,
        _ => return None,
    })
}

/// Answers of four bytes.
fn small_info(param: cl_device_info) -> Option<cl_uint> {
    Some(match param {
        CL_DEVICE_VENDOR_ID => 0x524d,
        CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS => 3,
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_CHAR | CL_DEVICE_NATIVE_VECTOR_WIDTH_CHAR => 16,
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_SHORT | CL_DEVICE_NATIVE_VECTOR_WIDTH_SHORT => 8,
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_INT | CL_DEVICE_NATIVE_VECTOR_WIDTH_INT => 4,
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT | CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT => 4,
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_LONG | CL_DEVICE_NATIVE_VECTOR_WIDTH_LONG => 2,
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE | CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE => 2,
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF | CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF => 0,
        CL_DEVICE_MAX_CLOCK_FREQUENCY => 1000,
        CL_DEVICE_ADDRESS_BITS => usize::BITS,
        CL_DEVICE_MAX_READ_IMAGE_ARGS => 128,
        CL_DEVICE_MAX_WRITE_IMAGE_ARGS | CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS => 64,
        CL_DEVICE_MAX_SAMPLERS => 16,
        CL_DEVICE_IMAGE_PITCH_ALIGNMENT | CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT => 1,
        CL_DEVICE_MEM_BASE_ADDR_ALIGN => 8 * BASE_ALIGNMENT as cl_uint,
        CL_DEVICE_MIN_DATA_TYPE_ALIGN_SIZE => BASE_ALIGNMENT as cl_uint,
        CL_DEVICE_GLOBAL_MEM_CACHE_TYPE => CL_READ_WRITE_CACHE,
        CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE => 64,
        CL_DEVICE_MAX_CONSTANT_ARGS => 8,
        CL_DEVICE_LOCAL_MEM_TYPE => CL_GLOBAL,
        CL_DEVICE_MAX_PIPE_ARGS | CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS | CL_DEVICE_PIPE_MAX_PACKET_SIZE => 0,
        CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE | CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE => 0,
        CL_DEVICE_MAX_ON_DEVICE_QUEUES | CL_DEVICE_MAX_ON_DEVICE_EVENTS => 0,
        CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT
        | CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT
        | CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT => 0,
        CL_DEVICE_MAX_NUM_SUB_GROUPS => 0,
        CL_DEVICE_NUMERIC_VERSION => NUMERIC_VERSION,
        _ => return None,
    })
}

/// Answers of eight bytes.
fn wide_info(param: cl_device_info) -> Option<u64> {
    let arithmetic = CL_FP_FMA | CL_FP_ROUND_TO_NEAREST | CL_FP_ROUND_TO_ZERO | CL_FP_ROUND_TO_INF | CL_FP_INF_NAN;
    Some(match param {
        CL_DEVICE_MAX_MEM_ALLOC_SIZE => MAX_ALLOCATION as u64,
        CL_DEVICE_GLOBAL_MEM_SIZE => GLOBAL_MEMORY,
        CL_DEVICE_GLOBAL_MEM_CACHE_SIZE => u64::from(UNITS) << 20,
        CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE => 64 << 10,
        CL_DEVICE_LOCAL_MEM_SIZE => LOCAL_MEMORY,
        CL_DEVICE_SINGLE_FP_CONFIG => arithmetic | CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT,
        CL_DEVICE_DOUBLE_FP_CONFIG => arithmetic | CL_FP_DENORM,
        CL_DEVICE_HALF_FP_CONFIG => 0,
        CL_DEVICE_EXECUTION_CAPABILITIES => CL_EXEC_KERNEL,
        CL_DEVICE_QUEUE_ON_HOST_PROPERTIES => QUEUE_PROPERTIES,
        CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES
        | CL_DEVICE_SVM_CAPABILITIES
        | CL_DEVICE_PARTITION_AFFINITY_DOMAIN
        | CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES => 0,
        CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES => CL_DEVICE_ATOMIC_ORDER_RELAXED | CL_DEVICE_ATOMIC_SCOPE_WORK_GROUP,
        CL_DEVICE_ATOMIC_FENCE_CAPABILITIES => {
            CL_DEVICE_ATOMIC_ORDER_RELAXED | CL_DEVICE_ATOMIC_ORDER_ACQ_REL | CL_DEVICE_ATOMIC_SCOPE_WORK_GROUP
        }
        _ => return None,
    })
}

fn named(names: &[&str], version: cl_version) -> Vec<cl_name_version> {
    names.iter().map(|name| name_version(name, version)).collect()
}

fn c_versions() -> [cl_name_version; 4] {
    [(1, 0), (1, 1), (1, 2), (3, 0)].map(|(major, minor)| name_version("OpenCL C", make_version(major, minor, 0)))
}

fn name_version(text: &str, version: cl_version) -> cl_name_version {
    let mut name = [0; CL_NAME_VERSION_MAX_NAME_SIZE];
    for (to, from) in name.iter_mut().zip(text.bytes().take(CL_NAME_VERSION_MAX_NAME_SIZE - 1)) {
        *to = from;
    }
    cl_name_version { version, name }
}
