// Unified shared memory, which is shared virtual memory by other names. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[waits(CreateSvm)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_OPERATION, CL_INVALID_VALUE, CL_INVALID_PROPERTY, CL_INVALID_BUFFER_SIZE")]
    fn clHostMemAllocINTEL(
        context: cl_context,
        #[nullable]
        #[properties]
        properties: *const cl_mem_properties_intel,
        size: size_t,
        alignment: cl_uint,
        errcode_ret: *mut cl_int,
    ) -> *mut c_void;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[waits(CreateSvm)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_OPERATION, CL_INVALID_VALUE, CL_INVALID_PROPERTY, CL_INVALID_BUFFER_SIZE, CL_INVALID_DEVICE")]
    fn clDeviceMemAllocINTEL(
        context: cl_context,
        device: cl_device_id,
        #[nullable]
        #[properties]
        properties: *const cl_mem_properties_intel,
        size: size_t,
        alignment: cl_uint,
        errcode_ret: *mut cl_int,
    ) -> *mut c_void;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[waits(CreateSvm)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_OPERATION, CL_INVALID_VALUE, CL_INVALID_PROPERTY, CL_INVALID_BUFFER_SIZE, CL_INVALID_DEVICE")]
    fn clSharedMemAllocINTEL(
        context: cl_context,
        device: cl_device_id,
        #[nullable]
        #[properties]
        properties: *const cl_mem_properties_intel,
        size: size_t,
        alignment: cl_uint,
        errcode_ret: *mut cl_int,
    ) -> *mut c_void;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE")]
    fn clMemFreeINTEL(
        context: cl_context,
        #[nullable]
        #[host]
        ptr: *mut c_void,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[waits(EnqueueMarkerOrBarrier, WaitForEvent, Release)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE")]
    fn clMemBlockingFreeINTEL(
        context: cl_context,
        #[nullable]
        #[host]
        ptr: *mut c_void,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[local]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE")]
    fn clGetMemAllocInfoINTEL(
        context: cl_context,
        #[nullable]
        #[host]
        ptr: *const c_void,
        param_name: cl_mem_info_intel,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[local]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_OPERATION, CL_INVALID_ARG_INDEX, CL_INVALID_ARG_VALUE")]
    fn clSetKernelArgMemPointerINTEL(
        kernel: cl_kernel,
        arg_index: cl_uint,
        #[nullable]
        #[host]
        arg_value: *const c_void,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[asynchronous(EnqueueFillBuffer)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueMemsetINTEL(
        command_queue: cl_command_queue,
        #[host] dst_ptr: *mut c_void,
        value: cl_int,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[asynchronous(EnqueueFillBuffer)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueMemFillINTEL(
        command_queue: cl_command_queue,
        #[host] dst_ptr: *mut c_void,
        #[input(pattern_size)] pattern: *const c_void,
        pattern_size: size_t,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[asynchronous(EnqueueCopyBuffer, EnqueueRead, EnqueueWrite, EnqueueHostCall, TransferDone)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST, CL_MEM_COPY_OVERLAP")]
    fn clEnqueueMemcpyINTEL(
        command_queue: cl_command_queue,
        #[blocking] blocking: cl_bool,
        #[host] dst_ptr: *mut c_void,
        #[host] src_ptr: *const c_void,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[asynchronous(EnqueueMigrateMemObjects)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueMigrateMemINTEL(
        command_queue: cl_command_queue,
        #[host] ptr: *const c_void,
        size: size_t,
        flags: cl_mem_migration_flags,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("cl_intel_unified_shared_memory")]
    #[body(usm)]
    #[asynchronous(EnqueueNothing)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueMemAdviseINTEL(
        command_queue: cl_command_queue,
        #[host] ptr: *const c_void,
        size: size_t,
        advice: cl_mem_advice_intel,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;
}
