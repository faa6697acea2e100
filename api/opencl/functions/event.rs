// Events. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(event)]
    #[waits(WaitForEvent, Flush)]
    #[checked("CL_INVALID_VALUE, CL_INVALID_CONTEXT, CL_INVALID_EVENT, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST")]
    fn clWaitForEvents(num_events: cl_uint, #[wait_list(num_events)] event_list: *const cl_event) -> cl_int;

    #[since("1.0")]
    #[body(event)]
    #[waits(GetEventStatus, WatchEvent, EventStatus)]
    #[checked("CL_INVALID_EVENT, CL_INVALID_VALUE")]
    fn clGetEventInfo(
        event: cl_event,
        param_name: cl_event_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.0")]
    #[body(event)]
    #[local]
    #[checked("CL_INVALID_EVENT")]
    fn clRetainEvent(event: cl_event) -> cl_int;

    #[since("1.0")]
    #[body(event)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_EVENT")]
    fn clReleaseEvent(event: cl_event) -> cl_int;

    #[since("1.1")]
    #[body(event)]
    #[asynchronous(CreateUserEvent)]
    #[checked("CL_INVALID_CONTEXT")]
    fn clCreateUserEvent(context: cl_context, errcode_ret: *mut cl_int) -> cl_event;

    #[since("1.1")]
    #[body(event)]
    #[asynchronous(SetUserEventStatus)]
    #[checked("CL_INVALID_EVENT, CL_INVALID_VALUE, CL_INVALID_OPERATION")]
    fn clSetUserEventStatus(event: cl_event, execution_status: cl_int) -> cl_int;

    #[since("1.1")]
    #[body(event)]
    #[asynchronous(WatchEvent, EventStatus)]
    #[checked("CL_INVALID_EVENT, CL_INVALID_VALUE")]
    fn clSetEventCallback(
        event: cl_event,
        command_exec_callback_type: cl_int,
        #[callback] pfn_notify: Option<
            unsafe extern "C" fn(event: cl_event, event_command_status: cl_int, user_data: *mut c_void),
        >,
        #[user_data] user_data: *mut c_void,
    ) -> cl_int;

    #[since("1.0")]
    #[body(event)]
    #[waits(GetEventProfiling)]
    #[checked("CL_INVALID_EVENT, CL_INVALID_VALUE, CL_PROFILING_INFO_NOT_AVAILABLE")]
    fn clGetEventProfilingInfo(
        event: cl_event,
        param_name: cl_profiling_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;
}
