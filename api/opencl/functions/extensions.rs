// Functions of extensions, each beside what it is like in the core. ../README.md explains the attributes.

unsafe extern "C" {
    /// As clCreateCommandQueueWithProperties, for drivers of before OpenCL 2.0.
    #[since("cl_khr_create_command_queue")]
    #[body(queue)]
    #[waits(CreateCommandQueue)]
    #[checked("as clCreateCommandQueue")]
    fn clCreateCommandQueueWithPropertiesKHR(
        context: cl_context,
        device: cl_device_id,
        #[nullable]
        #[properties]
        properties: *const cl_queue_properties_khr,
        errcode_ret: *mut cl_int,
    ) -> cl_command_queue;

    /// As clCreateProgramWithIL, for drivers of before OpenCL 2.1.
    #[since("cl_khr_il_program")]
    #[body(program)]
    #[waits(CreateProgramWithIL)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_OPERATION, CL_INVALID_VALUE")]
    fn clCreateProgramWithILKHR(
        context: cl_context,
        #[input(length)] il: *const c_void,
        length: size_t,
        errcode_ret: *mut cl_int,
    ) -> cl_program;

    /// As clGetKernelSubGroupInfo, for drivers of before OpenCL 2.1.
    #[since("cl_khr_subgroups")]
    #[body(kernel)]
    #[waits(GetKernelSubGroupInfo)]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clGetKernelSubGroupInfoKHR(
        in_kernel: cl_kernel,
        in_device: cl_device_id,
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

    /// As clGetKernelSuggestedLocalWorkSize, for drivers of before OpenCL 3.1.
    #[since("cl_khr_suggested_local_work_size")]
    #[body(launch)]
    #[waits(GetSuggestedLocalWorkSize)]
    #[checked("as clEnqueueNDRangeKernel without a local size, and CL_INVALID_VALUE")]
    fn clGetKernelSuggestedLocalWorkSizeKHR(
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

    #[since("cl_pocl_content_size")]
    #[body(mem)]
    #[waits(SetContentSize)]
    #[checked("CL_INVALID_MEM_OBJECT")]
    fn clSetContentSizeBufferPoCL(buffer: cl_mem, content_size_buffer: cl_mem) -> cl_int;

    /// As clCreateBuffer, with flags of NVIDIA's.
    #[since("cl_nv_create_buffer")]
    #[body(mem)]
    #[waits(CreateBuffer)]
    #[checked("as clCreateBuffer")]
    fn clCreateBufferNV(
        context: cl_context,
        flags: cl_mem_flags,
        flags_NV: cl_bitfield,
        size: size_t,
        #[nullable]
        #[host]
        host_ptr: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("cl_nv_kernel_attribute")]
    #[body(kernel)]
    #[waits(SetKernelAttribute)]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clSetKernelAttributeNV(
        kernel: cl_kernel,
        device: cl_device_id,
        k_attr: cl_uint,
        param_value_size: size_t,
        #[input(param_value_size)] param_value: *const c_void,
    ) -> cl_int;

    #[since("cl_nv_kernel_attribute")]
    #[body(kernel)]
    #[waits(GetKernelAttribute)]
    #[checked("CL_INVALID_KERNEL, CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clGetKernelAttributeNV(
        kernel: cl_kernel,
        device: cl_device_id,
        k_attr: cl_uint,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;
}
