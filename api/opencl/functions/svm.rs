// Shared virtual memory. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("2.0")]
    #[body(svm)]
    #[waits(CreateSvm)]
    #[checked("NULL for what the specification refuses")]
    fn clSVMAlloc(context: cl_context, flags: cl_svm_mem_flags, size: size_t, alignment: cl_uint) -> *mut c_void;

    #[since("2.0")]
    #[body(svm)]
    #[asynchronous(Release)]
    #[checked("what is not shared virtual memory is left alone")]
    fn clSVMFree(
        context: cl_context,
        #[nullable]
        #[host]
        svm_pointer: *mut c_void,
    );

    #[since("2.0")]
    #[body(svm)]
    #[asynchronous(EnqueueHostCall, HostCall, HostCalled, TransferDone)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueSVMFree(
        command_queue: cl_command_queue,
        num_svm_pointers: cl_uint,
        #[nullable]
        #[input(num_svm_pointers)]
        svm_pointers: *mut *mut c_void,
        #[callback] pfn_free_func: Option<
            unsafe extern "C" fn(
                queue: cl_command_queue,
                num_svm_pointers: cl_uint,
                svm_pointers: *mut *mut c_void,
                user_data: *mut c_void,
            ),
        >,
        #[user_data] user_data: *mut c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("2.0")]
    #[body(svm)]
    #[asynchronous(EnqueueCopyBuffer, EnqueueRead, EnqueueWrite, EnqueueHostCall, TransferDone)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_EVENT_WAIT_LIST, CL_MEM_COPY_OVERLAP")]
    fn clEnqueueSVMMemcpy(
        command_queue: cl_command_queue,
        #[blocking] blocking_copy: cl_bool,
        #[host] dst_ptr: *mut c_void,
        #[host] src_ptr: *const c_void,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("2.0")]
    #[body(svm)]
    #[asynchronous(EnqueueFillBuffer)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueSVMMemFill(
        command_queue: cl_command_queue,
        #[host] svm_ptr: *mut c_void,
        #[input(pattern_size)] pattern: *const c_void,
        pattern_size: size_t,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("2.0")]
    #[body(svm)]
    #[asynchronous(EnqueueNothing, EnqueueRead, TransferDone)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueSVMMap(
        command_queue: cl_command_queue,
        #[blocking] blocking_map: cl_bool,
        flags: cl_map_flags,
        #[host] svm_ptr: *mut c_void,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("2.0")]
    #[body(svm)]
    #[asynchronous(EnqueueNothing, EnqueueWrite, TransferDone)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_EVENT_WAIT_LIST")]
    fn clEnqueueSVMUnmap(
        command_queue: cl_command_queue,
        #[host] svm_ptr: *mut c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("2.1")]
    #[body(svm)]
    #[asynchronous(EnqueueMigrateMemObjects)]
    #[checked("CL_INVALID_COMMAND_QUEUE, CL_INVALID_VALUE, CL_INVALID_OPERATION, CL_INVALID_EVENT_WAIT_LIST, CL_INVALID_CONTEXT")]
    fn clEnqueueSVMMigrateMem(
        command_queue: cl_command_queue,
        num_svm_pointers: cl_uint,
        #[input(num_svm_pointers)] svm_pointers: *mut *const c_void,
        #[nullable]
        #[input(num_svm_pointers)]
        sizes: *const size_t,
        flags: cl_mem_migration_flags,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;
}
