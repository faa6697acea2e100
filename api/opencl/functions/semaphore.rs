// Semaphores. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("cl_khr_semaphore")]
    #[body(semaphore)]
    #[waits(CreateSemaphore)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_PROPERTY, CL_INVALID_DEVICE")]
    fn clCreateSemaphoreWithPropertiesKHR(
        context: cl_context,
        #[properties]
        sema_props: *const cl_semaphore_properties_khr,
        errcode_ret: *mut cl_int,
    ) -> cl_semaphore_khr;

    #[since("cl_khr_semaphore")]
    #[body(semaphore)]
    #[asynchronous(EnqueueSemaphores)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_SEMAPHORE_KHR, CL_INVALID_CONTEXT, CL_INVALID_EVENT_WAIT_LIST")]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueWaitSemaphoresKHR(
        command_queue: cl_command_queue,
        num_sema_objects: cl_uint,
        #[input(num_sema_objects)]
        sema_objects: *const cl_semaphore_khr,
        #[nullable]
        #[input(num_sema_objects)]
        sema_payload_list: *const cl_semaphore_payload_khr,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)]
        event_wait_list: *const cl_event,
        #[event]
        event: *mut cl_event,
    ) -> cl_int;

    #[since("cl_khr_semaphore")]
    #[body(semaphore)]
    #[asynchronous(EnqueueSemaphores)]
    #[checked("as clEnqueueWaitSemaphoresKHR")]
    #[late("as clEnqueueWaitSemaphoresKHR")]
    fn clEnqueueSignalSemaphoresKHR(
        command_queue: cl_command_queue,
        num_sema_objects: cl_uint,
        #[input(num_sema_objects)]
        sema_objects: *const cl_semaphore_khr,
        #[nullable]
        #[input(num_sema_objects)]
        sema_payload_list: *const cl_semaphore_payload_khr,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)]
        event_wait_list: *const cl_event,
        #[event]
        event: *mut cl_event,
    ) -> cl_int;

    #[since("cl_khr_semaphore")]
    #[body(semaphore)]
    #[waits(GetSemaphorePayload)]
    #[checked("CL_INVALID_SEMAPHORE_KHR, CL_INVALID_VALUE; only the payload is asked of the driver")]
    fn clGetSemaphoreInfoKHR(
        sema_object: cl_semaphore_khr,
        param_name: cl_semaphore_info_khr,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("cl_khr_semaphore")]
    #[body(semaphore)]
    #[local]
    #[checked("CL_INVALID_SEMAPHORE_KHR")]
    fn clRetainSemaphoreKHR(
        sema_object: cl_semaphore_khr,
    ) -> cl_int;

    #[since("cl_khr_semaphore")]
    #[body(semaphore)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_SEMAPHORE_KHR")]
    fn clReleaseSemaphoreKHR(
        sema_object: cl_semaphore_khr,
    ) -> cl_int;

    /// Programs look for it beside the functions of cl_khr_semaphore.
    #[since("cl_khr_external_semaphore")]
    #[unsupported("CL_INVALID_VALUE", "no semaphore was made for handles")]
    fn clGetSemaphoreHandleForTypeKHR(
        sema_object: cl_semaphore_khr,
        device: cl_device_id,
        handle_type: cl_external_semaphore_handle_type_khr,
        handle_size: size_t,
        #[nullable]
        #[output(handle_size)]
        handle_ptr: *mut c_void,
        #[nullable]
        #[output(1)]
        handle_size_ret: *mut size_t,
    ) -> cl_int;

    /// As above.
    #[since("cl_khr_external_semaphore_sync_fd")]
    #[unsupported("CL_INVALID_SEMAPHORE_KHR", "no semaphore was made of a descriptor")]
    fn clReImportSemaphoreSyncFdKHR(
        sema_object: cl_semaphore_khr,
        #[nullable]
        #[host]
        reimport_props: *mut cl_semaphore_reimport_properties_khr,
        fd: c_int,
    ) -> cl_int;
}
