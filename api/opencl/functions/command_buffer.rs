// Command buffers, which are recorded once and kept in the worker. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("cl_khr_command_buffer")]
    #[body(command_buffer)]
    #[waits(CreateCommandBuffer)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE; the driver says whether queue and properties go together")]
    fn clCreateCommandBufferKHR(
        num_queues: cl_uint,
        #[input(num_queues)]
        queues: *const cl_command_queue,
        #[nullable]
        #[properties]
        properties: *const cl_command_buffer_properties_khr,
        errcode_ret: *mut cl_int,
    ) -> cl_command_buffer_khr;

    #[since("cl_khr_command_buffer")]
    #[body(command_buffer)]
    #[waits(FinalizeCommandBuffer)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_OPERATION")]
    #[late("returns what the driver said of a command that was recorded without waiting")]
    fn clFinalizeCommandBufferKHR(
        command_buffer: cl_command_buffer_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(command_buffer)]
    #[local]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR")]
    fn clRetainCommandBufferKHR(
        command_buffer: cl_command_buffer_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(command_buffer)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR")]
    fn clReleaseCommandBufferKHR(
        command_buffer: cl_command_buffer_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(command_buffer)]
    #[asynchronous(EnqueueCommandBuffer)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_OPERATION, CL_INVALID_VALUE, CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    #[late("the first time in each queue waits for the driver's code")]
    fn clEnqueueCommandBufferKHR(
        num_queues: cl_uint,
        #[nullable]
        #[input(num_queues)]
        queues: *mut cl_command_queue,
        command_buffer: cl_command_buffer_khr,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)]
        event_wait_list: *const cl_event,
        #[event]
        event: *mut cl_event,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(command_buffer)]
    #[waits(RecordCommand)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandBarrierWithWaitListKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(copy)]
    #[waits(RecordCommand)]
    #[records(EnqueueCopyBuffer)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueCopyBuffer")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandCopyBufferKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        src_buffer: cl_mem,
        dst_buffer: cl_mem,
        src_offset: size_t,
        dst_offset: size_t,
        size: size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(copy)]
    #[waits(RecordCommand)]
    #[records(EnqueueCopyBufferRect)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueCopyBufferRect")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandCopyBufferRectKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        src_buffer: cl_mem,
        dst_buffer: cl_mem,
        #[input(3)]
        src_origin: *const size_t,
        #[input(3)]
        dst_origin: *const size_t,
        #[input(3)]
        region: *const size_t,
        src_row_pitch: size_t,
        src_slice_pitch: size_t,
        dst_row_pitch: size_t,
        dst_slice_pitch: size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(copy)]
    #[waits(RecordCommand)]
    #[records(EnqueueCopyImage)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueCopyImage")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandCopyImageKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        src_image: cl_mem,
        dst_image: cl_mem,
        #[input(3)]
        src_origin: *const size_t,
        #[input(3)]
        dst_origin: *const size_t,
        #[input(3)]
        region: *const size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(copy)]
    #[waits(RecordCommand)]
    #[records(EnqueueCopyImageToBuffer)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueCopyImageToBuffer")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandCopyImageToBufferKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        src_image: cl_mem,
        dst_buffer: cl_mem,
        #[input(3)]
        src_origin: *const size_t,
        #[input(3)]
        region: *const size_t,
        dst_offset: size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(copy)]
    #[waits(RecordCommand)]
    #[records(EnqueueCopyBufferToImage)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueCopyBufferToImage")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandCopyBufferToImageKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        src_buffer: cl_mem,
        dst_image: cl_mem,
        src_offset: size_t,
        #[input(3)]
        dst_origin: *const size_t,
        #[input(3)]
        region: *const size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(fill)]
    #[waits(RecordCommand)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueFillBuffer")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandFillBufferKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        buffer: cl_mem,
        #[input(pattern_size)]
        pattern: *const c_void,
        pattern_size: size_t,
        offset: size_t,
        size: size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(fill)]
    #[waits(RecordCommand)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueFillImage")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandFillImageKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        image: cl_mem,
        #[input(1)]
        fill_color: *const c_void,
        #[input(3)]
        origin: *const size_t,
        #[input(3)]
        region: *const size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(launch)]
    #[waits(RecordCommand)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueNDRangeKernel")]
    #[late("the first of each (kernel, device, local size, local memory) and those that can be changed wait for the driver's code, others fail the finalizing")]
    fn clCommandNDRangeKernelKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        properties: *const cl_command_properties_khr,
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
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(svm)]
    #[waits(RecordCommand)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueSVMMemcpy")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandSVMMemcpyKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        #[host]
        dst_ptr: *mut c_void,
        #[host]
        src_ptr: *const c_void,
        size: size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(svm)]
    #[waits(RecordCommand)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE, and as clEnqueueSVMMemFill")]
    #[late("the first command of each kind waits for the driver's code, others fail the finalizing")]
    fn clCommandSVMMemFillKHR(
        command_buffer: cl_command_buffer_khr,
        command_queue: cl_command_queue,
        #[nullable]
        #[properties]
        #[from("0.9.5")]
        properties: *const cl_command_properties_khr,
        #[host]
        svm_ptr: *mut c_void,
        #[input(pattern_size)]
        pattern: *const c_void,
        pattern_size: size_t,
        size: size_t,
        num_sync_points_in_wait_list: cl_uint,
        #[nullable]
        #[input(num_sync_points_in_wait_list)]
        sync_point_wait_list: *const cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        sync_point: *mut cl_sync_point_khr,
        #[nullable]
        #[output(1)]
        mutable_handle: *mut cl_mutable_command_khr,
    ) -> cl_int;

    #[since("cl_khr_command_buffer")]
    #[body(command_buffer)]
    #[waits(GetCommandBufferInfo)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_VALUE; the state of what is finalized and the properties are asked of the driver")]
    fn clGetCommandBufferInfoKHR(
        command_buffer: cl_command_buffer_khr,
        param_name: cl_command_buffer_info_khr,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("cl_khr_command_buffer_mutable_dispatch")]
    #[body(mutable)]
    #[waits(UpdateMutableCommands)]
    #[checked("CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_OPERATION, CL_INVALID_MUTABLE_COMMAND_KHR, CL_INVALID_VALUE, and as clSetKernelArg")]
    fn clUpdateMutableCommandsKHR(
        command_buffer: cl_command_buffer_khr,
        num_configs: cl_uint,
        #[nullable]
        #[input(num_configs)]
        config_types: *const cl_command_buffer_update_type_khr,
        #[nullable]
        #[input(num_configs)]
        configs: *mut *const c_void,
    ) -> cl_int;

    #[since("cl_khr_command_buffer_mutable_dispatch")]
    #[body(mutable)]
    #[local]
    #[checked("CL_INVALID_MUTABLE_COMMAND_KHR, CL_INVALID_VALUE")]
    fn clGetMutableCommandInfoKHR(
        command: cl_mutable_command_khr,
        param_name: cl_mutable_command_info_khr,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;
}
