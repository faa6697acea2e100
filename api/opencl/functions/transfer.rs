// Between the program's memory and memory objects. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(transfer)]
    #[asynchronous(EnqueueRead, EnqueueNoBytes, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish; where it is about no bytes, out of the call")]
    fn clEnqueueReadBuffer(
        command_queue: cl_command_queue,
        buffer: cl_mem,
        #[blocking] blocking_read: cl_bool,
        offset: size_t,
        size: size_t,
        #[host] ptr: *mut c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(transfer)]
    #[asynchronous(EnqueueWrite, EnqueueNoBytes, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish; where it is about no bytes, out of the call")]
    fn clEnqueueWriteBuffer(
        command_queue: cl_command_queue,
        buffer: cl_mem,
        #[blocking] blocking_write: cl_bool,
        offset: size_t,
        size: size_t,
        #[host] ptr: *const c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.1")]
    #[body(transfer)]
    #[asynchronous(EnqueueRead, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueReadBufferRect(
        command_queue: cl_command_queue,
        buffer: cl_mem,
        #[blocking] blocking_read: cl_bool,
        #[input(3)] buffer_origin: *const size_t,
        #[input(3)] host_origin: *const size_t,
        #[input(3)] region: *const size_t,
        buffer_row_pitch: size_t,
        buffer_slice_pitch: size_t,
        host_row_pitch: size_t,
        host_slice_pitch: size_t,
        #[host] ptr: *mut c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.1")]
    #[body(transfer)]
    #[asynchronous(EnqueueWrite, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueWriteBufferRect(
        command_queue: cl_command_queue,
        buffer: cl_mem,
        #[blocking] blocking_write: cl_bool,
        #[input(3)] buffer_origin: *const size_t,
        #[input(3)] host_origin: *const size_t,
        #[input(3)] region: *const size_t,
        buffer_row_pitch: size_t,
        buffer_slice_pitch: size_t,
        host_row_pitch: size_t,
        host_slice_pitch: size_t,
        #[host] ptr: *const c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(transfer)]
    #[asynchronous(EnqueueRead, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueReadImage(
        command_queue: cl_command_queue,
        image: cl_mem,
        #[blocking] blocking_read: cl_bool,
        #[input(3)] origin: *const size_t,
        #[input(3)] region: *const size_t,
        row_pitch: size_t,
        slice_pitch: size_t,
        #[host] ptr: *mut c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(transfer)]
    #[asynchronous(EnqueueWrite, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueWriteImage(
        command_queue: cl_command_queue,
        image: cl_mem,
        #[blocking] blocking_write: cl_bool,
        #[input(3)] origin: *const size_t,
        #[input(3)] region: *const size_t,
        input_row_pitch: size_t,
        input_slice_pitch: size_t,
        #[host] ptr: *const c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(map)]
    #[asynchronous(EnqueueMapStore, EnqueueRead, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_OPERATION, CL_MAP_FAILURE"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueMapBuffer(
        command_queue: cl_command_queue,
        buffer: cl_mem,
        #[blocking] blocking_map: cl_bool,
        map_flags: cl_map_flags,
        offset: size_t,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
        errcode_ret: *mut cl_int,
    ) -> *mut c_void;

    #[since("1.0")]
    #[body(map)]
    #[asynchronous(EnqueueMapStore, EnqueueRead, TransferDone)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_INVALID_OPERATION, CL_MAP_FAILURE"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueMapImage(
        command_queue: cl_command_queue,
        image: cl_mem,
        #[blocking] blocking_map: cl_bool,
        map_flags: cl_map_flags,
        #[input(3)] origin: *const size_t,
        #[input(3)] region: *const size_t,
        #[output(1)] image_row_pitch: *mut size_t,
        #[nullable]
        #[output(1)]
        image_slice_pitch: *mut size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
        errcode_ret: *mut cl_int,
    ) -> *mut c_void;

    #[since("1.0")]
    #[body(map)]
    #[asynchronous(EnqueueUnmapStore, EnqueueWrite, EnqueueNothing)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueUnmapMemObject(
        command_queue: cl_command_queue,
        memobj: cl_mem,
        #[host] mapped_ptr: *mut c_void,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;
}
