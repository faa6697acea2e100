// Contexts. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(context)]
    #[waits(CreateContext)]
    #[checked("CL_INVALID_PROPERTY, CL_INVALID_PLATFORM, CL_INVALID_VALUE, CL_INVALID_DEVICE")]
    fn clCreateContext(
        #[nullable]
        #[properties]
        properties: *const cl_context_properties,
        num_devices: cl_uint,
        #[input(num_devices)] devices: *const cl_device_id,
        #[callback] pfn_notify: Option<
            unsafe extern "C" fn(
                errinfo: *const c_char,
                private_info: *const c_void,
                cb: size_t,
                user_data: *mut c_void,
            ),
        >,
        #[user_data] user_data: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_context;

    #[since("1.0")]
    #[body(context)]
    #[waits(CreateContext)]
    #[checked("as clCreateContext, and CL_INVALID_DEVICE_TYPE, CL_DEVICE_NOT_FOUND")]
    fn clCreateContextFromType(
        #[nullable]
        #[properties]
        properties: *const cl_context_properties,
        device_type: cl_device_type,
        #[callback] pfn_notify: Option<
            unsafe extern "C" fn(
                errinfo: *const c_char,
                private_info: *const c_void,
                cb: size_t,
                user_data: *mut c_void,
            ),
        >,
        #[user_data] user_data: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_context;

    #[since("1.0")]
    #[body(context)]
    #[local]
    #[checked("CL_INVALID_CONTEXT")]
    fn clRetainContext(context: cl_context) -> cl_int;

    #[since("1.0")]
    #[body(context)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_CONTEXT")]
    fn clReleaseContext(context: cl_context) -> cl_int;

    #[since("1.0")]
    #[body(context)]
    #[local]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE")]
    fn clGetContextInfo(
        context: cl_context,
        param_name: cl_context_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("3.0")]
    #[body(context)]
    #[local]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE")]
    fn clSetContextDestructorCallback(
        context: cl_context,
        #[callback] pfn_notify: Option<unsafe extern "C" fn(context: cl_context, user_data: *mut c_void)>,
        #[user_data] user_data: *mut c_void,
    ) -> cl_int;
}
