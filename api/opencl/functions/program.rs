// Programs. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(program)]
    #[asynchronous(CreateProgramWithSource)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE")]
    fn clCreateProgramWithSource(
        context: cl_context,
        count: cl_uint,
        #[input(count)] strings: *mut *const c_char,
        #[nullable]
        #[input(count)]
        lengths: *const size_t,
        errcode_ret: *mut cl_int,
    ) -> cl_program;

    #[since("1.0")]
    #[body(program)]
    #[waits(CreateProgramWithBinary)]
    #[checked(
        "CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_DEVICE; the binaries are the driver's to judge, in the reply"
    )]
    fn clCreateProgramWithBinary(
        context: cl_context,
        num_devices: cl_uint,
        #[input(num_devices)] device_list: *const cl_device_id,
        #[input(num_devices)] lengths: *const size_t,
        #[input(num_devices)] binaries: *mut *const c_uchar,
        #[nullable]
        #[output(num_devices)]
        binary_status: *mut cl_int,
        errcode_ret: *mut cl_int,
    ) -> cl_program;

    #[since("2.1")]
    #[body(program)]
    #[waits(CreateProgramWithIL)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_OPERATION, CL_INVALID_VALUE")]
    fn clCreateProgramWithIL(
        context: cl_context,
        #[input(length)] il: *const c_void,
        length: size_t,
        errcode_ret: *mut cl_int,
    ) -> cl_program;

    #[since("1.2")]
    #[body(program)]
    #[waits(CreateProgramWithBuiltInKernels)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_DEVICE")]
    fn clCreateProgramWithBuiltInKernels(
        context: cl_context,
        num_devices: cl_uint,
        #[input(num_devices)] device_list: *const cl_device_id,
        #[string] kernel_names: *const c_char,
        errcode_ret: *mut cl_int,
    ) -> cl_program;

    #[since("1.0")]
    #[body(program)]
    #[local]
    #[checked("CL_INVALID_PROGRAM")]
    fn clRetainProgram(program: cl_program) -> cl_int;

    #[since("1.0")]
    #[body(program)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_PROGRAM")]
    fn clReleaseProgram(program: cl_program) -> cl_int;

    #[since("1.0")]
    #[body(program)]
    #[waits(BuildProgram, ProgramBuilt)]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_VALUE, CL_INVALID_DEVICE, CL_INVALID_OPERATION")]
    #[late(
        "without a callback the call waits for the build; with one it returns and CL_PROGRAM_BUILD_STATUS is in progress"
    )]
    fn clBuildProgram(
        program: cl_program,
        num_devices: cl_uint,
        #[nullable]
        #[input(num_devices)]
        device_list: *const cl_device_id,
        #[nullable]
        #[string]
        options: *const c_char,
        #[callback] pfn_notify: Option<unsafe extern "C" fn(program: cl_program, user_data: *mut c_void)>,
        #[user_data] user_data: *mut c_void,
    ) -> cl_int;

    #[since("1.2")]
    #[body(program)]
    #[waits(CompileProgram, ProgramBuilt)]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_VALUE, CL_INVALID_DEVICE, CL_INVALID_OPERATION")]
    #[late(
        "without a callback the call waits for the build; with one it returns and CL_PROGRAM_BUILD_STATUS is in progress"
    )]
    fn clCompileProgram(
        program: cl_program,
        num_devices: cl_uint,
        #[nullable]
        #[input(num_devices)]
        device_list: *const cl_device_id,
        #[nullable]
        #[string]
        options: *const c_char,
        num_input_headers: cl_uint,
        #[nullable]
        #[input(num_input_headers)]
        input_headers: *const cl_program,
        #[nullable]
        #[input(num_input_headers)]
        header_include_names: *mut *const c_char,
        #[callback] pfn_notify: Option<unsafe extern "C" fn(program: cl_program, user_data: *mut c_void)>,
        #[user_data] user_data: *mut c_void,
    ) -> cl_int;

    #[since("1.2")]
    #[body(program)]
    #[waits(LinkProgram, ProgramBuilt)]
    #[checked("CL_INVALID_CONTEXT, CL_INVALID_VALUE, CL_INVALID_PROGRAM, CL_INVALID_DEVICE")]
    #[late(
        "without a callback the call waits for the build; with one it returns and CL_PROGRAM_BUILD_STATUS is in progress"
    )]
    fn clLinkProgram(
        context: cl_context,
        num_devices: cl_uint,
        #[nullable]
        #[input(num_devices)]
        device_list: *const cl_device_id,
        #[nullable]
        #[string]
        options: *const c_char,
        num_input_programs: cl_uint,
        #[input(num_input_programs)] input_programs: *const cl_program,
        #[callback] pfn_notify: Option<unsafe extern "C" fn(program: cl_program, user_data: *mut c_void)>,
        #[user_data] user_data: *mut c_void,
        errcode_ret: *mut cl_int,
    ) -> cl_program;

    #[since("2.2")]
    #[body(program)]
    #[waits(SetSpecConstant)]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_VALUE; the constant is the driver's to judge, in the reply")]
    fn clSetProgramSpecializationConstant(
        program: cl_program,
        spec_id: cl_uint,
        spec_size: size_t,
        #[input(spec_size)] spec_value: *const c_void,
    ) -> cl_int;

    #[since("2.2")]
    #[body(program)]
    #[waits(WatchProgram, ProgramReleased)]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_VALUE; whether a device has destructors is the driver's word, in the reply")]
    fn clSetProgramReleaseCallback(
        program: cl_program,
        #[callback] pfn_notify: Option<unsafe extern "C" fn(program: cl_program, user_data: *mut c_void)>,
        #[user_data] user_data: *mut c_void,
    ) -> cl_int;

    /// Binaries, and whether there are constructors and destructors, are asked for once; the rest is known since the build.
    #[since("1.0")]
    #[body(program)]
    #[waits(GetProgramBinaries, GetProgramInfo, ProgramBuilt)]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_VALUE, CL_INVALID_PROGRAM_EXECUTABLE")]
    fn clGetProgramInfo(
        program: cl_program,
        param_name: cl_program_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.0")]
    #[body(program)]
    #[local]
    #[checked("CL_INVALID_PROGRAM, CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clGetProgramBuildInfo(
        program: cl_program,
        device: cl_device_id,
        param_name: cl_program_build_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;
}
