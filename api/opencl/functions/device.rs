// Devices and their clocks. ../README.md explains the attributes.

unsafe extern "C" {
    #[since("1.0")]
    #[body(device)]
    #[local]
    #[checked("CL_INVALID_PLATFORM, CL_INVALID_DEVICE_TYPE, CL_INVALID_VALUE, CL_DEVICE_NOT_FOUND")]
    fn clGetDeviceIDs(
        platform: cl_platform_id,
        device_type: cl_device_type,
        num_entries: cl_uint,
        #[nullable]
        #[output(num_entries)]
        devices: *mut cl_device_id,
        #[nullable]
        #[output(1)]
        num_devices: *mut cl_uint,
    ) -> cl_int;

    #[since("1.0")]
    #[body(device)]
    #[local]
    #[checked("CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clGetDeviceInfo(
        device: cl_device_id,
        param_name: cl_device_info,
        param_value_size: size_t,
        #[nullable]
        #[output(param_value_size)]
        param_value: *mut c_void,
        #[nullable]
        #[output(1)]
        param_value_size_ret: *mut size_t,
    ) -> cl_int;

    #[since("1.2")]
    #[body(sub_device)]
    #[waits(CreateSubDevices)]
    #[checked("CL_INVALID_DEVICE, CL_INVALID_VALUE; the partition itself is the driver's to judge, in the reply")]
    fn clCreateSubDevices(
        in_device: cl_device_id,
        #[nullable]
        #[properties]
        properties: *const cl_device_partition_property,
        num_devices: cl_uint,
        #[nullable]
        #[output(num_devices)]
        out_devices: *mut cl_device_id,
        #[nullable]
        #[output(1)]
        num_devices_ret: *mut cl_uint,
    ) -> cl_int;

    #[since("1.2")]
    #[body(sub_device)]
    #[local]
    #[checked("CL_INVALID_DEVICE; root devices are not counted")]
    fn clRetainDevice(device: cl_device_id) -> cl_int;

    #[since("1.2")]
    #[body(sub_device)]
    #[asynchronous(Release)]
    #[checked("CL_INVALID_DEVICE; root devices are not counted")]
    fn clReleaseDevice(device: cl_device_id) -> cl_int;

    /// The device's time unchanged; the host's in the clock of the program's machine.
    #[since("2.1")]
    #[body(timer)]
    #[waits(GetDeviceAndHostTimer)]
    #[checked("CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clGetDeviceAndHostTimer(
        device: cl_device_id,
        #[output(1)] device_timestamp: *mut cl_ulong,
        #[output(1)] host_timestamp: *mut cl_ulong,
    ) -> cl_int;

    #[since("2.1")]
    #[body(timer)]
    #[local]
    #[checked("CL_INVALID_DEVICE, CL_INVALID_VALUE")]
    fn clGetHostTimer(device: cl_device_id, #[output(1)] host_timestamp: *mut cl_ulong) -> cl_int;
}
