// Buffers, images, pipes and samplers. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(mem)]
    #[asynchronous(CreateBuffer, InitMem)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_BUFFER_SIZE, CL_INVALID_HOST_PTR")]
    #[late(
        "beyond the session's memory credit the call waits for the driver's own code; within it a refusal shows at first use"
    )]
    fn clCreateBuffer(
        context: cl_context,
        flags: cl_mem_flags,
        size: size_t,
        #[nullable]
        #[host]
        host_ptr: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("3.0")]
    #[body(mem)]
    #[asynchronous(CreateBuffer, InitMem)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_BUFFER_SIZE, CL_INVALID_HOST_PTR, CL_INVALID_PROPERTY")]
    #[late(
        "beyond the session's memory credit the call waits for the driver's own code; within it a refusal shows at first use"
    )]
    fn clCreateBufferWithProperties(
        context: cl_context,
        #[nullable]
        #[properties]
        properties: *const cl_mem_properties,
        flags: cl_mem_flags,
        size: size_t,
        #[nullable]
        #[host]
        host_ptr: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("1.1")]
    #[body(mem)]
    #[asynchronous(CreateSubBuffer)]
    #[checked("CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_BUFFER_SIZE, CL_MISALIGNED_SUB_BUFFER_OFFSET")]
    fn clCreateSubBuffer(
        buffer: cl_mem,
        flags: cl_mem_flags,
        buffer_create_type: cl_buffer_create_type,
        #[input(1)] buffer_create_info: *const c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("1.0")]
    #[body(mem)]
    #[local]
    #[checked("CL_INVALID_MEM_OBJECT")]
    fn clRetainMemObject(memobj: cl_mem) -> cl_int;

    #[since("1.0")]
    #[body(mem)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_MEM_OBJECT")]
    fn clReleaseMemObject(memobj: cl_mem) -> cl_int;

    #[since("1.0")]
    #[body(mem)]
    #[local]
    #[checked("CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE")]
    fn clGetMemObjectInfo(
        memobj: cl_mem,
        param_name: cl_mem_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.1")]
    #[body(mem)]
    #[asynchronous(WatchMem, MemDestroyed)]
    #[checked("CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE")]
    fn clSetMemObjectDestructorCallback(
        memobj: cl_mem,
        #[callback] pfn_notify: Option<unsafe extern "C" fn(memobj: cl_mem, user_data: *mut c_void)>,
        #[user_data] user_data: *mut c_void,
    ) -> cl_int;

    #[since("1.2")]
    #[body(image)]
    #[asynchronous(CreateImage, InitMem)]
    #[checked(
        "CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, CL_INVALID_IMAGE_DESCRIPTOR, CL_INVALID_IMAGE_SIZE, CL_INVALID_HOST_PTR, CL_IMAGE_FORMAT_NOT_SUPPORTED, CL_INVALID_OPERATION"
    )]
    #[late(
        "beyond the session's memory credit the call waits for the driver's own code; within it a refusal shows at first use"
    )]
    fn clCreateImage(
        context: cl_context,
        flags: cl_mem_flags,
        #[input(1)] image_format: *const cl_image_format,
        #[input(1)] image_desc: *const cl_image_desc,
        #[nullable]
        #[host]
        host_ptr: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("3.0")]
    #[body(image)]
    #[asynchronous(CreateImage, InitMem)]
    #[checked(
        "CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, CL_INVALID_IMAGE_DESCRIPTOR, CL_INVALID_IMAGE_SIZE, CL_INVALID_HOST_PTR, CL_IMAGE_FORMAT_NOT_SUPPORTED, CL_INVALID_OPERATION, CL_INVALID_PROPERTY"
    )]
    #[late(
        "beyond the session's memory credit the call waits for the driver's own code; within it a refusal shows at first use"
    )]
    fn clCreateImageWithProperties(
        context: cl_context,
        #[nullable]
        #[properties]
        properties: *const cl_mem_properties,
        flags: cl_mem_flags,
        #[input(1)] image_format: *const cl_image_format,
        #[input(1)] image_desc: *const cl_image_desc,
        #[nullable]
        #[host]
        host_ptr: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("1.0")]
    #[body(image)]
    #[asynchronous(CreateImage, InitMem)]
    #[checked(
        "CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, CL_INVALID_IMAGE_SIZE, CL_INVALID_HOST_PTR, CL_IMAGE_FORMAT_NOT_SUPPORTED, CL_INVALID_OPERATION"
    )]
    #[late(
        "beyond the session's memory credit the call waits for the driver's own code; within it a refusal shows at first use"
    )]
    fn clCreateImage2D(
        context: cl_context,
        flags: cl_mem_flags,
        #[input(1)] image_format: *const cl_image_format,
        image_width: size_t,
        image_height: size_t,
        image_row_pitch: size_t,
        #[nullable]
        #[host]
        host_ptr: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("1.0")]
    #[body(image)]
    #[asynchronous(CreateImage, InitMem)]
    #[checked(
        "CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, CL_INVALID_IMAGE_SIZE, CL_INVALID_HOST_PTR, CL_IMAGE_FORMAT_NOT_SUPPORTED, CL_INVALID_OPERATION"
    )]
    #[late(
        "beyond the session's memory credit the call waits for the driver's own code; within it a refusal shows at first use"
    )]
    fn clCreateImage3D(
        context: cl_context,
        flags: cl_mem_flags,
        #[input(1)] image_format: *const cl_image_format,
        image_width: size_t,
        image_height: size_t,
        image_depth: size_t,
        image_row_pitch: size_t,
        image_slice_pitch: size_t,
        #[nullable]
        #[host]
        host_ptr: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    /// Asked once for each (context, flags, type).
    #[since("1.0")]
    #[body(image)]
    #[waits(GetSupportedImageFormats)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE")]
    fn clGetSupportedImageFormats(
        context: cl_context,
        flags: cl_mem_flags,
        image_type: cl_mem_object_type,
        num_entries: cl_uint,
        #[nullable]
        #[output(num_entries)]
        image_formats: *mut cl_image_format,
        #[nullable]
        #[output(1)]
        num_image_formats: *mut cl_uint,
    ) -> cl_int;

    #[since("1.0")]
    #[body(image)]
    #[local]
    #[checked("CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE")]
    fn clGetImageInfo(
        image: cl_mem,
        param_name: cl_image_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("2.0")]
    #[body(pipe)]
    #[waits(CreatePipe)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_PIPE_SIZE")]
    fn clCreatePipe(
        context: cl_context,
        flags: cl_mem_flags,
        pipe_packet_size: cl_uint,
        pipe_max_packets: cl_uint,
        #[nullable]
        #[properties]
        properties: *const cl_pipe_properties,
        errcode_ret: *mut cl_int,
    ) -> cl_mem;

    #[since("2.0")]
    #[body(pipe)]
    #[local]
    #[checked("CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE")]
    fn clGetPipeInfo(
        pipe: cl_mem,
        param_name: cl_pipe_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.0")]
    #[body(sampler)]
    #[asynchronous(CreateSampler)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_OPERATION")]
    #[late("a driver's refusal shows at first use")]
    fn clCreateSampler(
        context: cl_context,
        normalized_coords: cl_bool,
        addressing_mode: cl_addressing_mode,
        filter_mode: cl_filter_mode,
        errcode_ret: *mut cl_int,
    ) -> cl_sampler;

    #[since("2.0")]
    #[body(sampler)]
    #[asynchronous(CreateSampler)]
    #[checked("as clCreateSampler")]
    #[late("a driver's refusal shows at first use")]
    fn clCreateSamplerWithProperties(
        context: cl_context,
        #[nullable]
        #[properties]
        sampler_properties: *const cl_sampler_properties,
        errcode_ret: *mut cl_int,
    ) -> cl_sampler;

    #[since("1.0")]
    #[body(sampler)]
    #[local]
    #[checked("CL_INVALID_SAMPLER")]
    fn clRetainSampler(sampler: cl_sampler) -> cl_int;

    #[since("1.0")]
    #[body(sampler)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_SAMPLER")]
    fn clReleaseSampler(sampler: cl_sampler) -> cl_int;

    #[since("1.0")]
    #[body(sampler)]
    #[local]
    #[checked("CL_INVALID_SAMPLER, CL_INVALID_VALUE")]
    fn clGetSamplerInfo(
        sampler: cl_sampler,
        param_name: cl_sampler_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;
}
