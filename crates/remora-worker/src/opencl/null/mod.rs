//! The null driver: an OpenCL 3.0 implementation that needs no device.
//!
//! What latency benchmarks, fuzzers and fault tests run on: its commands cost next to nothing, and its behaviour depends
//! on nothing but the calls. One platform, "Remora Null", with one device of type CPU that can be partitioned.
//!
//! - Memory, images, events, queues and programs behave as the specification says. Compilation understands just enough of
//!   a source to find the kernels and their parameters (`source`); a source with `#error` doesn't build.
//! - Kernels do nothing, except those named "fill_index", "copy", "crash", "spin" and "print" (`launch`).
//! - There are no threads: a command runs on the thread that enqueues it or that resolves what it waited for (`queue`),
//!   callbacks on the thread that resolves the event, with no lock held (`work`).
//! - Handles may be any garbage: they are checked without being followed (`pool`).
//!
//! Optional features of OpenCL 3.0 that the device reports as missing: shared virtual memory, pipes, native kernels,
//! queues on the device, sub-groups, intermediate languages, non-uniform work-groups.

mod buffer_commands;
mod build;
mod clock;
mod context;
mod device;
mod device_info;
mod event;
mod ffi;
mod format;
mod image;
mod image_commands;
mod kernel;
mod launch;
mod marker;
mod memory;
mod operation;
mod optional;
mod options;
mod params;
mod pool;
mod program;
mod queue;
mod rect;
mod sampler;
mod source;
mod store;
mod work;

#[cfg(test)]
mod tests;

use super::generated::driver::Functions;

/// The driver's functions.
pub fn functions() -> Functions {
    Functions {
        clCreateContext: Some(context::create_context),
        clCreateContextFromType: Some(context::create_context_from_type),
        clRetainContext: Some(context::retain_context),
        clReleaseContext: Some(context::release_context),
        clGetContextInfo: Some(context::get_context_info),
        clSetContextDestructorCallback: Some(context::set_context_destructor_callback),
        clEnqueueCopyBuffer: Some(buffer_commands::enqueue_copy_buffer),
        clEnqueueCopyBufferRect: Some(buffer_commands::enqueue_copy_buffer_rect),
        clEnqueueCopyImage: Some(image_commands::enqueue_copy_image),
        clEnqueueCopyImageToBuffer: Some(image_commands::enqueue_copy_image_to_buffer),
        clEnqueueCopyBufferToImage: Some(image_commands::enqueue_copy_buffer_to_image),
        clEnqueueFillBuffer: Some(buffer_commands::enqueue_fill_buffer),
        clEnqueueFillImage: Some(image_commands::enqueue_fill_image),
        clEnqueueMigrateMemObjects: Some(buffer_commands::enqueue_migrate_mem_objects),
        clGetDeviceIDs: Some(device::get_device_ids),
        clGetDeviceInfo: Some(device::get_device_info),
        clCreateSubDevices: Some(device::create_sub_devices),
        clRetainDevice: Some(device::retain_device),
        clReleaseDevice: Some(device::release_device),
        clGetDeviceAndHostTimer: Some(device::get_device_and_host_timer),
        clGetHostTimer: Some(device::get_host_timer),
        clSetDefaultDeviceCommandQueue: Some(queue::set_default_device_command_queue),
        clWaitForEvents: Some(event::wait_for_events),
        clGetEventInfo: Some(event::get_event_info),
        clRetainEvent: Some(event::retain_event),
        clReleaseEvent: Some(event::release_event),
        clCreateUserEvent: Some(event::create_user_event),
        clSetUserEventStatus: Some(event::set_user_event_status),
        clSetEventCallback: Some(event::set_event_callback),
        clGetEventProfilingInfo: Some(event::get_event_profiling_info),
        clCreateKernel: Some(kernel::create_kernel),
        clCreateKernelsInProgram: Some(kernel::create_kernels_in_program),
        clCloneKernel: Some(kernel::clone_kernel),
        clRetainKernel: Some(kernel::retain_kernel),
        clReleaseKernel: Some(kernel::release_kernel),
        clSetKernelArg: Some(kernel::set_kernel_arg),
        clSetKernelArgSVMPointer: Some(optional::set_kernel_arg_svm_pointer),
        clSetKernelExecInfo: Some(optional::set_kernel_exec_info),
        clGetKernelInfo: Some(kernel::get_kernel_info),
        clGetKernelArgInfo: Some(kernel::get_kernel_arg_info),
        clGetKernelWorkGroupInfo: Some(kernel::get_kernel_work_group_info),
        clGetKernelSuggestedLocalWorkSize: Some(optional::get_kernel_suggested_local_work_size),
        clGetKernelSubGroupInfo: Some(kernel::get_kernel_sub_group_info),
        clEnqueueNDRangeKernel: Some(launch::enqueue_nd_range_kernel),
        clEnqueueTask: Some(launch::enqueue_task),
        clEnqueueNativeKernel: Some(optional::enqueue_native_kernel),
        clCreateBuffer: Some(memory::create_buffer),
        clCreateBufferWithProperties: Some(memory::create_buffer_with_properties),
        clCreateSubBuffer: Some(memory::create_sub_buffer),
        clRetainMemObject: Some(memory::retain_mem_object),
        clReleaseMemObject: Some(memory::release_mem_object),
        clGetMemObjectInfo: Some(memory::get_mem_object_info),
        clSetMemObjectDestructorCallback: Some(memory::set_mem_object_destructor_callback),
        clCreateImage: Some(image::create_image),
        clCreateImageWithProperties: Some(image::create_image_with_properties),
        clCreateImage2D: Some(image::create_image_2d),
        clCreateImage3D: Some(image::create_image_3d),
        clGetSupportedImageFormats: Some(image::get_supported_image_formats),
        clGetImageInfo: Some(image::get_image_info),
        clCreateSampler: Some(sampler::create_sampler),
        clCreateSamplerWithProperties: Some(sampler::create_sampler_with_properties),
        clRetainSampler: Some(sampler::retain_sampler),
        clReleaseSampler: Some(sampler::release_sampler),
        clGetSamplerInfo: Some(sampler::get_sampler_info),
        clGetPlatformIDs: Some(device::get_platform_ids),
        clGetPlatformInfo: Some(device::get_platform_info),
        clGetExtensionFunctionAddress: Some(device::get_extension_function_address),
        clGetExtensionFunctionAddressForPlatform: Some(device::get_extension_function_address_for_platform),
        clUnloadCompiler: Some(device::unload_compiler),
        clUnloadPlatformCompiler: Some(device::unload_platform_compiler),
        clCreateProgramWithSource: Some(program::create_program_with_source),
        clCreateProgramWithBinary: Some(program::create_program_with_binary),
        clCreateProgramWithIL: Some(program::create_program_with_il),
        clCreateProgramWithBuiltInKernels: Some(program::create_program_with_built_in_kernels),
        clRetainProgram: Some(program::retain_program),
        clReleaseProgram: Some(program::release_program),
        clBuildProgram: Some(build::build_program),
        clCompileProgram: Some(build::compile_program),
        clLinkProgram: Some(build::link_program),
        clSetProgramSpecializationConstant: Some(program::set_program_specialization_constant),
        clSetProgramReleaseCallback: Some(program::set_program_release_callback),
        clGetProgramInfo: Some(program::get_program_info),
        clGetProgramBuildInfo: Some(program::get_program_build_info),
        clCreateCommandQueue: Some(queue::create_command_queue),
        clCreateCommandQueueWithProperties: Some(queue::create_command_queue_with_properties),
        clRetainCommandQueue: Some(queue::retain_command_queue),
        clReleaseCommandQueue: Some(queue::release_command_queue),
        clGetCommandQueueInfo: Some(queue::get_command_queue_info),
        clSetCommandQueueProperty: Some(queue::set_command_queue_property),
        clFlush: Some(queue::flush),
        clFinish: Some(queue::finish),
        clEnqueueMarker: Some(marker::enqueue_marker),
        clEnqueueWaitForEvents: Some(marker::enqueue_wait_for_events),
        clEnqueueBarrier: Some(marker::enqueue_barrier),
        clEnqueueMarkerWithWaitList: Some(marker::enqueue_marker_with_wait_list),
        clEnqueueBarrierWithWaitList: Some(marker::enqueue_barrier_with_wait_list),
        clSVMAlloc: Some(optional::svm_alloc),
        clSVMFree: Some(optional::svm_free),
        clEnqueueSVMFree: Some(optional::enqueue_svm_free),
        clEnqueueSVMMemcpy: Some(optional::enqueue_svm_memcpy),
        clEnqueueSVMMemFill: Some(optional::enqueue_svm_mem_fill),
        clEnqueueSVMMap: Some(optional::enqueue_svm_map),
        clEnqueueSVMUnmap: Some(optional::enqueue_svm_unmap),
        clEnqueueSVMMigrateMem: Some(optional::enqueue_svm_migrate_mem),
        clCreatePipe: Some(optional::create_pipe),
        clGetPipeInfo: Some(optional::get_pipe_info),
        clEnqueueReadBuffer: Some(buffer_commands::enqueue_read_buffer),
        clEnqueueWriteBuffer: Some(buffer_commands::enqueue_write_buffer),
        clEnqueueReadBufferRect: Some(buffer_commands::enqueue_read_buffer_rect),
        clEnqueueWriteBufferRect: Some(buffer_commands::enqueue_write_buffer_rect),
        clEnqueueReadImage: Some(image_commands::enqueue_read_image),
        clEnqueueWriteImage: Some(image_commands::enqueue_write_image),
        clEnqueueMapBuffer: Some(buffer_commands::enqueue_map_buffer),
        clEnqueueMapImage: Some(image_commands::enqueue_map_image),
        clEnqueueUnmapMemObject: Some(buffer_commands::enqueue_unmap_mem_object),
    }
}
