// Between memory objects. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(copy)]
    #[asynchronous(EnqueueCopyBuffer)]
    #[uniform(CL_COMMAND_COPY_BUFFER)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_MEM_COPY_OVERLAP"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueCopyBuffer(
        command_queue: cl_command_queue,
        src_buffer: cl_mem,
        dst_buffer: cl_mem,
        src_offset: size_t,
        dst_offset: size_t,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.1")]
    #[body(copy)]
    #[asynchronous(EnqueueCopyBufferRect)]
    #[uniform(CL_COMMAND_COPY_BUFFER_RECT)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_MEM_COPY_OVERLAP"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueCopyBufferRect(
        command_queue: cl_command_queue,
        src_buffer: cl_mem,
        dst_buffer: cl_mem,
        #[input(3)] src_origin: *const size_t,
        #[input(3)] dst_origin: *const size_t,
        #[input(3)] region: *const size_t,
        src_row_pitch: size_t,
        src_slice_pitch: size_t,
        dst_row_pitch: size_t,
        dst_slice_pitch: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(copy)]
    #[asynchronous(EnqueueCopyImage)]
    #[uniform(CL_COMMAND_COPY_IMAGE)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_INVALID_OPERATION, CL_IMAGE_FORMAT_MISMATCH, CL_MEM_COPY_OVERLAP"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueCopyImage(
        command_queue: cl_command_queue,
        src_image: cl_mem,
        dst_image: cl_mem,
        #[input(3)] src_origin: *const size_t,
        #[input(3)] dst_origin: *const size_t,
        #[input(3)] region: *const size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(copy)]
    #[asynchronous(EnqueueCopyImageToBuffer)]
    #[uniform(CL_COMMAND_COPY_IMAGE_TO_BUFFER)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueCopyImageToBuffer(
        command_queue: cl_command_queue,
        src_image: cl_mem,
        dst_buffer: cl_mem,
        #[input(3)] src_origin: *const size_t,
        #[input(3)] region: *const size_t,
        dst_offset: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.0")]
    #[body(copy)]
    #[asynchronous(EnqueueCopyBufferToImage)]
    #[uniform(CL_COMMAND_COPY_BUFFER_TO_IMAGE)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueCopyBufferToImage(
        command_queue: cl_command_queue,
        src_buffer: cl_mem,
        dst_image: cl_mem,
        src_offset: size_t,
        #[input(3)] dst_origin: *const size_t,
        #[input(3)] region: *const size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.2")]
    #[body(fill)]
    #[asynchronous(EnqueueFillBuffer)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_MISALIGNED_SUB_BUFFER_OFFSET"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueFillBuffer(
        command_queue: cl_command_queue,
        buffer: cl_mem,
        #[input(pattern_size)] pattern: *const c_void,
        pattern_size: size_t,
        offset: size_t,
        size: size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.2")]
    #[body(fill)]
    #[asynchronous(EnqueueFillImage)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST, CL_INVALID_OPERATION"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueFillImage(
        command_queue: cl_command_queue,
        image: cl_mem,
        #[input(16)] fill_color: *const c_void,
        #[input(3)] origin: *const size_t,
        #[input(3)] region: *const size_t,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;

    #[since("1.2")]
    #[body(copy)]
    #[asynchronous(EnqueueMigrateMemObjects)]
    #[checked(
        "CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_EVENT_WAIT_LIST"
    )]
    #[late("a driver's refusal fails the event and comes out of the next finish")]
    fn clEnqueueMigrateMemObjects(
        command_queue: cl_command_queue,
        num_mem_objects: cl_uint,
        #[input(num_mem_objects)] mem_objects: *const cl_mem,
        flags: cl_mem_migration_flags,
        num_events_in_wait_list: cl_uint,
        #[wait_list(num_events_in_wait_list)] event_wait_list: *const cl_event,
        #[event] event: *mut cl_event,
    ) -> cl_int;
}
