// Kernels, their arguments and launches. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(kernel)]
    #[asynchronous(CreateKernel)]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_PROGRAM_EXECUTABLE, CL_INVALID_KERNEL_NAME, CL_INVALID_VALUE")]
    fn clCreateKernel(program: cl_program, #[string] kernel_name: *const c_char, errcode_ret: *mut cl_int)
    -> cl_kernel;

    #[since("1.0")]
    #[body(kernel)]
    #[asynchronous(CreateKernel)]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_PROGRAM_EXECUTABLE, CL_INVALID_VALUE")]
    fn clCreateKernelsInProgram(
        program: cl_program,
        num_kernels: cl_uint,
        #[nullable]
        #[output(num_kernels)]
        kernels: *mut cl_kernel,
        #[nullable]
        #[output(1)]
        num_kernels_ret: *mut cl_uint,
    ) -> cl_int;

    /// A new kernel of the same name; arguments live in the front-end and are copied there.
    #[since("2.1")]
    #[body(kernel)]
    #[asynchronous(CreateKernel)]
    #[checked("CL_INVALID_KERNEL")]
    fn clCloneKernel(source_kernel: cl_kernel, errcode_ret: *mut cl_int) -> cl_kernel;

    #[since("1.0")]
    #[body(kernel)]
    #[local]
    #[checked("CL_INVALID_KERNEL")]
    fn clRetainKernel(kernel: cl_kernel) -> cl_int;

    #[since("1.0")]
    #[body(kernel)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_KERNEL")]
    fn clReleaseKernel(kernel: cl_kernel) -> cl_int;

    /// Arguments travel with the launch.
    #[since("1.0")]
    #[body(kernel)]
    #[local]
    #[checked(
        "CL_INVALID_KERNEL, CL_INVALID_ARG_INDEX, CL_INVALID_ARG_VALUE, CL_INVALID_MEM_OBJECT, CL_INVALID_SAMPLER, CL_INVALID_ARG_SIZE"
    )]
    fn clSetKernelArg(
        kernel: cl_kernel,
        arg_index: cl_uint,
        arg_size: size_t,
        #[nullable]
        #[input(arg_size)]
        arg_value: *const c_void,
    ) -> cl_int;

    #[since("2.0")]
    #[body(kernel)]
    #[local]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_OPERATION, CL_INVALID_ARG_INDEX, CL_INVALID_ARG_VALUE")]
    fn clSetKernelArgSVMPointer(
        kernel: cl_kernel,
        arg_index: cl_uint,
        #[nullable]
        #[host]
        arg_value: *const c_void,
    ) -> cl_int;

    #[since("2.0")]
    #[body(kernel)]
    #[local]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_VALUE, CL_INVALID_OPERATION")]
    fn clSetKernelExecInfo(
        kernel: cl_kernel,
        param_name: cl_kernel_exec_info,
        param_value_size: size_t,
        #[input(param_value_size)] param_value: *const c_void,
    ) -> cl_int;

    #[since("1.0")]
    #[body(kernel)]
    #[local]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_VALUE")]
    fn clGetKernelInfo(
        kernel: cl_kernel,
        param_name: cl_kernel_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.2")]
    #[body(kernel)]
    #[local]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_ARG_INDEX, CL_INVALID_VALUE, CL_KERNEL_ARG_INFO_NOT_AVAILABLE")]
    fn clGetKernelArgInfo(
        kernel: cl_kernel,
        arg_index: cl_uint,
        param_name: cl_kernel_arg_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.0")]
    #[body(kernel)]
    #[local]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clGetKernelWorkGroupInfo(
        kernel: cl_kernel,
        device: cl_device_id,
        param_name: cl_kernel_work_group_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    /// What depends on the input is asked for once.
    #[since("2.1")]
    #[body(kernel)]
    #[waits(GetKernelSubGroupInfo)]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_DEVICE, CL_INVALID_VALUE, CL_INVALID_OPERATION")]
    fn clGetKernelSubGroupInfo(
        kernel: cl_kernel,
        device: cl_device_id,
        param_name: cl_kernel_sub_group_info,
        input_value_size: size_t,
        #[nullable]
        #[input(input_value_size)]
        input_value: *const c_void,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("3.1")]
    #[body(launch)]
    #[waits(GetSuggestedLocalWorkSize)]
    #[checked("as clEnqueueNDRangeKernel without a local size, CL_INVALID_VALUE; CL_INVALID_OPERATION before OpenCL 3.1")]
    fn clGetKernelSuggestedLocalWorkSize(
        command_queue: cl_command_queue,
        kernel: cl_kernel,
        work_dim: cl_uint,
        #[nullable]
        #[input(work_dim)]
        global_work_offset: *const size_t,
        #[nullable]
        #[input(work_dim)]
        global_work_size: *const size_t,
        #[output(work_dim)] suggested_local_work_size: *mut size_t,
    ) -> cl_int;

    #[since("1.0")]
    #[body(launch)]
    #[asynchronous(EnqueueNDRangeKernel)]
    #[checked(
        "CL_INVALID_PROGRAM_EXECUTABLE, CL_INVALID_COMMAND_QUEUE, CL_INVALID_KERNEL, CL_INVALID_CONTEXT, CL_INVALID_KERNEL_ARGS, CL_INVALID_WORK_DIMENSION, CL_INVALID_GLOBAL_WORK_SIZE, CL_INVALID_GLOBAL_OFFSET, CL_INVALID_WORK_GROUP_SIZE, CL_INVALID_WORK_ITEM_SIZE, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_EVENT_WAIT_LIST"
    )]
    #[late(
        "CL_OUT_OF_RESOURCES and the like; the first launch of each (kernel, device, local size, local memory) waits for the driver's code"
    )]
    fn clEnqueueNDRangeKernel(
        command_queue: cl_command_queue,
        kernel: cl_kernel,
        work_dim: cl_uint,
        #[nullable]
        #[input(work_dim)]
        global_work_offset: *const size_t,
        #[nullable]
        #[input(work_dim)]
        global_work_size: *const size_t,
        #[nullable]
        #[input(work_dim)]
        local_work_size: *const size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(launch)]
    #[asynchronous(EnqueueNDRangeKernel)]
    #[checked("as clEnqueueNDRangeKernel with one work item")]
    #[late("as clEnqueueNDRangeKernel")]
    fn clEnqueueTask(
        command_queue: cl_command_queue,
        kernel: cl_kernel,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(native)]
    #[asynchronous(EnqueueHostCall, HostCall, HostCalled, EnqueueRead, EnqueueWrite, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_MEM_OBJECT, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST"
    )]
    fn clEnqueueNativeKernel(
        command_queue: cl_command_queue,
        #[callback] user_func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        #[nullable]
        #[input(cb_args)]
        args: *mut c_void,
        cb_args: size_t,
        num_mem_objects: cl_uint,
        #[nullable]
        #[input(num_mem_objects)]
        mem_list: *const cl_mem,
        #[nullable]
        #[input(num_mem_objects)]
        args_mem_loc: *mut *const c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;
}
