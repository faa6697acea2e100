// Platforms, and what a loader asks. ../README.md explains the attributes.

unsafe extern "C" {
    /// From the facts that the broker gave at connect; no back-end is no platform.
    #[since("1.0")]
    #[body(platform)]
    #[local]
    #[checked("CL_INVALID_VALUE")]
    fn clGetPlatformIDs(
        num_entries: cl_uint,
        #[nullable]
        #[output(num_entries)]
        platforms: *mut cl_platform_id,
        #[nullable]
        #[output(1)]
        num_platforms: *mut cl_uint,
    ) -> cl_int;

    #[since("1.0")]
    #[body(platform)]
    #[local]
    #[checked("CL_INVALID_PLATFORM, CL_INVALID_VALUE")]
    fn clGetPlatformInfo(
        platform: cl_platform_id,
        param_name: cl_platform_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.0")]
    #[body(platform)]
    #[local]
    #[checked("NULL for a function that is not carried")]
    fn clGetExtensionFunctionAddress(#[string] func_name: *const c_char) -> *mut c_void;

    #[since("1.2")]
    #[body(platform)]
    #[local]
    #[checked("NULL for a function that is not carried, or another platform")]
    fn clGetExtensionFunctionAddressForPlatform(
        platform: cl_platform_id,
        #[string] func_name: *const c_char,
    ) -> *mut c_void;

    /// What an ICD loader calls first.
    #[since("cl_khr_icd")]
    #[body(platform)]
    #[local]
    #[checked("CL_INVALID_VALUE, CL_PLATFORM_NOT_FOUND_KHR")]
    fn clIcdGetPlatformIDsKHR(
        num_entries: cl_uint,
        #[nullable]
        #[output(num_entries)]
        platforms: *mut cl_platform_id,
        #[nullable]
        #[output(1)]
        num_platforms: *mut cl_uint,
    ) -> cl_int;

    #[since("cl_khr_icd")]
    #[absent("a loader asks it only of drivers whose dispatch table carries the tag of ICD 2; ours is of ICD 1")]
    fn clIcdGetFunctionAddressForPlatformKHR(
        platform: cl_platform_id,
        #[string] func_name: *const c_char,
    ) -> *mut c_void;

    #[since("cl_khr_icd")]
    #[absent("a loader asks it only of drivers whose dispatch table carries the tag of ICD 2; ours is of ICD 1")]
    fn clIcdSetPlatformDispatchDataKHR(platform: cl_platform_id, #[user_data] dispatch_data: *mut c_void) -> cl_int;

    #[since("1.0")]
    #[body(program)]
    #[asynchronous(UnloadCompiler)]
    fn clUnloadCompiler() -> cl_int;

    #[since("1.2")]
    #[body(program)]
    #[asynchronous(UnloadCompiler)]
    #[checked("CL_INVALID_PLATFORM")]
    fn clUnloadPlatformCompiler(platform: cl_platform_id) -> cl_int;
}
