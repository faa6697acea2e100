// Command queues and what orders their commands. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(queue)]
    #[waits(CreateCommandQueue)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_DEVICE, CL_INVALID_VALUE, CL_INVALID_QUEUE_PROPERTIES")]
    fn clCreateCommandQueue(
        context: cl_context,
        device: cl_device_id,
        properties: cl_command_queue_properties,
        errcode_ret: *mut cl_int,
    ) -> cl_command_queue;

    #[since("2.0")]
    #[body(queue)]
    #[waits(CreateCommandQueue, CreateDeviceQueue)]
    #[checked("as clCreateCommandQueue")]
    fn clCreateCommandQueueWithProperties(
        context: cl_context,
        device: cl_device_id,
        #[nullable]
        #[properties]
        properties: *const cl_queue_properties,
        errcode_ret: *mut cl_int,
    ) -> cl_command_queue;

    #[since("2.1")]
    #[body(device_queue)]
    #[waits(SetDefaultDeviceQueue)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_DEVICE, CL_INVALID_COMMAND_QUEUE, CL_INVALID_OPERATION")]
    fn clSetDefaultDeviceCommandQueue(
        context: cl_context,
        device: cl_device_id,
        command_queue: cl_command_queue,
    ) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[local]
    #[checked("CL_INVALID_COMMAND_QUEUE; a release also flushes")]
    fn clRetainCommandQueue(command_queue: cl_command_queue) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_COMMAND_QUEUE; a release also flushes")]
    fn clReleaseCommandQueue(command_queue: cl_command_queue) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[local]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE")]
    fn clGetCommandQueueInfo(
        command_queue: cl_command_queue,
        param_name: cl_command_queue_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.0")]
    #[unsupported("CL_INVALID_OPERATION", "only OpenCL 1.0 devices have it")]
    fn clSetCommandQueueProperty(
        command_queue: cl_command_queue,
        properties: cl_command_queue_properties,
        enable: cl_bool,
        #[nullable]
        #[output(1)]
        old_properties: *mut cl_command_queue_properties,
    ) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[asynchronous(Flush)]
    #[checked("CL_INVALID_COMMAND_QUEUE")]
    fn clFlush(command_queue: cl_command_queue) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[waits(Finish)]
    #[checked("CL_INVALID_COMMAND_QUEUE")]
    #[late("returns the first late error of the queue since the last time")]
    fn clFinish(command_queue: cl_command_queue) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[asynchronous(EnqueueMarkerOrBarrier)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE")]
    fn clEnqueueMarker(command_queue: cl_command_queue, #[event] event: *mut cl_event) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[asynchronous(EnqueueMarkerOrBarrier)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_EVENT")]
    fn clEnqueueWaitForEvents(
        command_queue: cl_command_queue,
        num_events: cl_uint,
        #[wait_list(num_events)] event_list: *const cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(queue)]
    #[asynchronous(EnqueueMarkerOrBarrier)]
    #[checked("CL_INVALID_COMMAND_QUEUE")]
    fn clEnqueueBarrier(command_queue: cl_command_queue) -> cl_int;

    #[since("1.2")]
    #[body(queue)]
    #[asynchronous(EnqueueMarkerOrBarrier)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueMarkerWithWaitList(
        command_queue: cl_command_queue,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.2")]
    #[body(queue)]
    #[asynchronous(EnqueueMarkerOrBarrier)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueBarrierWithWaitList(
        command_queue: cl_command_queue,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;
}
