//! Functions for what OpenCL 3.0 leaves to the device, and this device says that it hasn't: shared virtual memory, pipes,
//! native kernels; and for what comes after 3.0. They check the object that they are called with and refuse.

use super::context::Context;
use super::ffi::{self, Outcome, code};
use super::kernel::Kernel;
use super::memory::Mem;
use super::pool::{Object, Ref};
use super::queue::Queue;
use opencl_sys::*;
use std::ffi::c_void;

fn refuse<T: Object>(handle: *mut c_void) -> cl_int {
    code(Ref::<T>::find(handle).and(Err(CL_INVALID_OPERATION)))
}

pub unsafe extern "C" fn enqueue_native_kernel(
    queue: cl_command_queue,
    _function: Option<unsafe extern "C" fn(*mut c_void)>,
    _args: *mut c_void,
    _size: usize,
    _mem_count: cl_uint,
    _mems: *const cl_mem,
    _places: *mut *const c_void,
    _count: cl_uint,
    _first: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    refuse::<Queue>(queue)
}

pub unsafe extern "C" fn svm_alloc(
    _context: cl_context,
    _flags: cl_svm_mem_flags,
    _size: usize,
    _alignment: cl_uint,
) -> *mut c_void {
    std::ptr::null_mut()
}

pub unsafe extern "C" fn svm_free(_context: cl_context, _pointer: *mut c_void) {}

pub unsafe extern "C" fn enqueue_svm_free(
    queue: cl_command_queue,
    _pointer_count: cl_uint,
    _pointers: *mut *mut c_void,
    _function: Option<unsafe extern "C" fn(cl_command_queue, cl_uint, *mut *mut c_void, *mut c_void)>,
    _data: *mut c_void,
    _count: cl_uint,
    _first: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    refuse::<Queue>(queue)
}

pub unsafe extern "C" fn enqueue_svm_memcpy(
    queue: cl_command_queue,
    _blocking: cl_bool,
    _to: *mut c_void,
    _from: *const c_void,
    _size: usize,
    _count: cl_uint,
    _first: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    refuse::<Queue>(queue)
}

pub unsafe extern "C" fn enqueue_svm_mem_fill(
    queue: cl_command_queue,
    _pointer: *mut c_void,
    _pattern: *const c_void,
    _pattern_size: usize,
    _size: usize,
    _count: cl_uint,
    _first: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    refuse::<Queue>(queue)
}

pub unsafe extern "C" fn enqueue_svm_map(
    queue: cl_command_queue,
    _blocking: cl_bool,
    _flags: cl_map_flags,
    _pointer: *mut c_void,
    _size: usize,
    _count: cl_uint,
    _first: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    refuse::<Queue>(queue)
}

pub unsafe extern "C" fn enqueue_svm_unmap(
    queue: cl_command_queue,
    _pointer: *mut c_void,
    _count: cl_uint,
    _first: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    refuse::<Queue>(queue)
}

pub unsafe extern "C" fn enqueue_svm_migrate_mem(
    queue: cl_command_queue,
    _pointer_count: cl_uint,
    _pointers: *mut *const c_void,
    _sizes: *const usize,
    _flags: cl_mem_migration_flags,
    _count: cl_uint,
    _first: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    refuse::<Queue>(queue)
}

pub unsafe extern "C" fn set_kernel_arg_svm_pointer(
    kernel: cl_kernel,
    _index: cl_uint,
    _value: *const c_void,
) -> cl_int {
    refuse::<Kernel>(kernel)
}

pub unsafe extern "C" fn set_kernel_exec_info(
    kernel: cl_kernel,
    _param: cl_kernel_exec_info,
    _size: usize,
    _value: *const c_void,
) -> cl_int {
    refuse::<Kernel>(kernel)
}

pub unsafe extern "C" fn create_pipe(
    context: cl_context,
    _flags: cl_mem_flags,
    _packet_size: cl_uint,
    _packets: cl_uint,
    _properties: *const cl_pipe_properties,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    let made: Outcome<Ref<Mem>> = Ref::<Context>::find(context).and(Err(CL_INVALID_OPERATION));
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn get_pipe_info(
    pipe: cl_mem,
    _param: cl_pipe_info,
    _size: usize,
    _value: *mut c_void,
    _size_ret: *mut usize,
) -> cl_int {
    // No memory object is a pipe.
    code(Ref::<Mem>::find(pipe).and(Err(CL_INVALID_MEM_OBJECT)))
}

pub unsafe extern "C" fn get_kernel_suggested_local_work_size(
    queue: cl_command_queue,
    _kernel: cl_kernel,
    _dimensions: cl_uint,
    _offset: *const usize,
    _global: *const usize,
    _local: *mut usize,
) -> cl_int {
    refuse::<Queue>(queue)
}
