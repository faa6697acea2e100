//! Handles of every kind of wrong, reference counts, and what the platform and device say.

use super::*;

#[test]
fn garbage_is_refused_without_being_followed() {
    let setup = Setup::in_order();
    let buffer = setup.buffer(16);
    let stale = setup.buffer(16);
    ok!(clReleaseMemObject(stale));
    let mut wrong =
        vec![ptr::null_mut(), ptr::without_provenance_mut(1), ptr::without_provenance_mut(0xdead_beef_0000)];
    wrong.extend([
        stale,
        setup.queue,
        setup.context,
        device(),
        buffer.wrapping_byte_add(4),
        buffer.wrapping_byte_add(8),
    ]);
    wrong.push(ptr::without_provenance_mut(usize::MAX));
    for handle in wrong {
        assert_eq!(cl!(clRetainMemObject(handle)), CL_INVALID_MEM_OBJECT);
        assert_eq!(cl!(clReleaseMemObject(handle)), CL_INVALID_MEM_OBJECT);
        assert_eq!(cl!(clReleaseEvent(handle)), CL_INVALID_EVENT);
        assert_eq!(cl!(clReleaseKernel(handle)), CL_INVALID_KERNEL);
        assert_eq!(cl!(clReleaseProgram(handle)), CL_INVALID_PROGRAM);
        assert_eq!(cl!(clReleaseSampler(handle)), CL_INVALID_SAMPLER);
        let none = ptr::null_mut();
        assert_eq!(cl!(clGetMemObjectInfo(handle, CL_MEM_SIZE, 0, none, none.cast())), CL_INVALID_MEM_OBJECT);
        if handle != setup.queue {
            assert_eq!(cl!(clFinish(handle)), CL_INVALID_COMMAND_QUEUE);
        }
        if handle != setup.context {
            assert_eq!(fails!(clCreateBuffer(handle, 0, 16, none)), CL_INVALID_CONTEXT);
        }
        if handle != device() {
            assert_eq!(cl!(clGetDeviceInfo(handle, CL_DEVICE_NAME, 0, none, none.cast())), CL_INVALID_DEVICE);
        }
    }
    ok!(clReleaseMemObject(buffer));
}

#[test]
fn a_handle_stays_stale_when_its_slot_is_used_again() {
    let setup = Setup::in_order();
    let new = || make!(clCreateSampler(setup.context, CL_FALSE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST));
    let stale = new();
    ok!(clReleaseSampler(stale));
    for _ in 0..5000 {
        let sampler = new();
        assert_eq!(cl!(clRetainSampler(stale)), CL_INVALID_SAMPLER);
        ok!(clReleaseSampler(sampler));
    }
}

/// Threads that retain, use and release one event while it goes away: codes may differ, memory must not.
#[test]
fn racing_releases_are_survived() {
    let setup = Setup::in_order();
    for _ in 0..300 {
        let event = setup.user_event().expose_provenance();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(move || {
                    let event = ptr::with_exposed_provenance_mut(event);
                    if cl!(clRetainEvent(event)) == CL_SUCCESS {
                        let _ = cl!(clSetUserEventStatus(event, CL_COMPLETE));
                        let _ = cl!(clWaitForEvents(1, &event));
                        ok!(clReleaseEvent(event));
                    }
                });
            }
            let _ = cl!(clSetUserEventStatus(ptr::with_exposed_provenance_mut(event), CL_COMPLETE));
            ok!(clReleaseEvent(ptr::with_exposed_provenance_mut(event)));
        });
    }
}

#[test]
fn every_function_is_there() {
    // Functions is a struct of options; a function that is missing prints as None.
    assert!(!format!("{:?}", *CL).contains("None"));
}

#[test]
fn references_are_counted() {
    let setup = Setup::in_order();
    let count = |mem| info!(clGetMemObjectInfo(mem, CL_MEM_REFERENCE_COUNT) as u32);
    let buffer = setup.buffer(16);
    ok!(clRetainMemObject(buffer));
    assert_eq!(count(buffer), 2);
    ok!(clReleaseMemObject(buffer));
    // What the driver holds doesn't show.
    let user = setup.user_event();
    let zero = 0u8;
    let none = ptr::null_mut();
    ok!(clEnqueueFillBuffer(setup.queue, buffer, (&raw const zero).cast(), 1, 0, 16, 1, &user, none));
    assert_eq!(count(buffer), 1);
    ok!(clSetUserEventStatus(user, CL_COMPLETE));
    ok!(clReleaseMemObject(buffer));
    assert_eq!(cl!(clRetainMemObject(buffer)), CL_INVALID_MEM_OBJECT);
    ok!(clReleaseEvent(user));
    assert_eq!(info!(clGetContextInfo(setup.context, CL_CONTEXT_REFERENCE_COUNT) as u32), 1);
    assert_eq!(info!(clGetContextInfo(setup.context, CL_CONTEXT_DEVICES) as usize), device().addr());
}

#[test]
fn the_platform_and_device_answer_everything() {
    let platform_params = [0x900..=0x907];
    for param in platform_params.into_iter().flatten() {
        ok!(clGetPlatformInfo(platform(), param, 0, ptr::null_mut(), &mut 0));
    }
    assert_eq!(text!(clGetPlatformInfo(platform(), CL_PLATFORM_NAME)), "Remora Null");
    let core = (0x1000..=0x1032).chain(0x1033..=0x105E).chain(0x1060..=0x1069).chain(0x106F..=0x1072);
    for param in core {
        let mut size = 0;
        let code = cl!(clGetDeviceInfo(device(), param, 0, ptr::null_mut(), &mut size));
        assert_eq!(code, CL_SUCCESS, "{param:#x}");
        let mut value = vec![0u8; size];
        ok!(clGetDeviceInfo(device(), param, size, value.as_mut_ptr().cast(), ptr::null_mut()));
        if size > 0 {
            let code = cl!(clGetDeviceInfo(device(), param, size - 1, value.as_mut_ptr().cast(), ptr::null_mut()));
            assert_eq!(code, CL_INVALID_VALUE);
        }
    }
    assert_eq!(cl!(clGetDeviceInfo(device(), 0x4242, 0, ptr::null_mut(), &mut 0)), CL_INVALID_VALUE);
    assert!(text!(clGetDeviceInfo(device(), CL_DEVICE_VERSION)).starts_with("OpenCL 3.0 "));
    let mut device = ptr::null_mut();
    let gpus = cl!(clGetDeviceIDs(platform(), CL_DEVICE_TYPE_GPU, 1, &mut device, ptr::null_mut()));
    assert_eq!(gpus, CL_DEVICE_NOT_FOUND);
    assert_eq!(cl!(clGetDeviceIDs(platform(), 1 << 20, 1, &mut device, ptr::null_mut())), CL_INVALID_DEVICE_TYPE);
    let (mut here, mut there) = (0, 0);
    ok!(clGetDeviceAndHostTimer(super::device(), &mut there, &mut here));
    assert!(here > 0 && here == there);
}

#[test]
fn sub_devices() {
    let units = info!(clGetDeviceInfo(device(), CL_DEVICE_MAX_COMPUTE_UNITS) as u32);
    let equally = [CL_DEVICE_PARTITION_EQUALLY, 1, 0];
    let mut devices = vec![ptr::null_mut(); units as usize];
    let mut count = 0;
    ok!(clCreateSubDevices(device(), equally.as_ptr(), units, devices.as_mut_ptr(), &mut count));
    assert_eq!(count, units);
    for &part in &devices {
        assert_eq!(info!(clGetDeviceInfo(part, CL_DEVICE_MAX_COMPUTE_UNITS) as u32), 1);
        assert_eq!(info!(clGetDeviceInfo(part, CL_DEVICE_PARENT_DEVICE) as usize), device().addr());
        assert_eq!(info!(clGetDeviceInfo(part, CL_DEVICE_PARTITION_TYPE) as [isize; 3]), equally);
    }
    // They work as devices do.
    let context = make!(clCreateContext(ptr::null(), 2, devices.as_ptr(), None, ptr::null_mut()));
    let queue = make!(clCreateCommandQueue(context, devices[1], 0));
    assert_eq!(fails!(clCreateCommandQueue(context, devices[2], 0)), CL_INVALID_DEVICE);
    ok!(clFinish(queue));
    ok!(clReleaseCommandQueue(queue));
    ok!(clReleaseContext(context));
    for part in devices {
        ok!(clReleaseDevice(part));
        assert_eq!(cl!(clRetainDevice(part)), CL_INVALID_DEVICE);
    }
    // The root device can't be released away.
    ok!(clReleaseDevice(device()));
    ok!(clRetainDevice(device()));
    let partition = |list: &[isize]| cl!(clCreateSubDevices(device(), list.as_ptr(), 0, ptr::null_mut(), &mut 0));
    let counts = CL_DEVICE_PARTITION_BY_COUNTS;
    assert_eq!(partition(&[counts, 1, 3, 0, 0]), CL_SUCCESS);
    assert_eq!(partition(&[counts, 2, 3, 0, 0]), CL_INVALID_DEVICE_PARTITION_COUNT);
    assert_eq!(partition(&[CL_DEVICE_PARTITION_EQUALLY, 5, 0]), CL_DEVICE_PARTITION_FAILED);
    assert_eq!(partition(&[CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN, 1, 0]), CL_INVALID_VALUE);
}

#[test]
fn contexts_and_samplers() {
    let device = device();
    let properties = [CL_CONTEXT_PLATFORM, platform().addr() as isize, 0];
    let none = ptr::null_mut();
    let context = make!(clCreateContext(properties.as_ptr(), 1, &device, None, none));
    assert_eq!(info!(clGetContextInfo(context, CL_CONTEXT_PROPERTIES) as [isize; 3]), properties);
    let unknown = [77, 1, 0];
    assert_eq!(fails!(clCreateContext(unknown.as_ptr(), 1, &device, None, none)), CL_INVALID_PROPERTY);
    let foreign = [CL_CONTEXT_PLATFORM, 64, 0];
    assert_eq!(fails!(clCreateContext(foreign.as_ptr(), 1, &device, None, none)), CL_INVALID_PLATFORM);
    assert_eq!(fails!(clCreateContext(ptr::null(), 0, ptr::null(), None, none)), CL_INVALID_VALUE);
    assert_eq!(fails!(clCreateContext(ptr::null(), 1, &context, None, none)), CL_INVALID_DEVICE);
    let typed = make!(clCreateContextFromType(ptr::null(), CL_DEVICE_TYPE_DEFAULT, None, none));
    ok!(clReleaseContext(typed));
    let list = [u64::from(CL_SAMPLER_FILTER_MODE), u64::from(CL_FILTER_LINEAR), 0];
    let sampler = make!(clCreateSamplerWithProperties(context, list.as_ptr()));
    assert_eq!(info!(clGetSamplerInfo(sampler, CL_SAMPLER_FILTER_MODE) as u32), CL_FILTER_LINEAR);
    assert_eq!(info!(clGetSamplerInfo(sampler, CL_SAMPLER_ADDRESSING_MODE) as u32), CL_ADDRESS_CLAMP);
    assert_eq!(info!(clGetSamplerInfo(sampler, CL_SAMPLER_NORMALIZED_COORDS) as u32), CL_TRUE);
    assert_eq!(info!(clGetSamplerInfo(sampler, CL_SAMPLER_PROPERTIES) as [u64; 3]), list);
    assert_eq!(fails!(clCreateSampler(context, CL_TRUE, 5, CL_FILTER_LINEAR)), CL_INVALID_VALUE);
    // The sampler keeps its context.
    ok!(clReleaseContext(context));
    assert_eq!(info!(clGetSamplerInfo(sampler, CL_SAMPLER_CONTEXT) as usize), context.addr());
    ok!(clReleaseSampler(sampler));
}
