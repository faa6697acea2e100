//! Kernels.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::Kind;
use remora_protocol::argument::MOST_OF_AN_ATTRIBUTE;
use remora_protocol::opencl::{
    CreateKernel, GetKernelAttribute, GetKernelSubGroupInfo, KernelAttribute, SetKernelAttribute, Status, Value,
};

use crate::api::device::device_of;
use crate::build::{KernelDescription, SubGroupQuestion};
use crate::error::{Error, Result, check, ensure};
use crate::info::Answer;
use crate::kernel::Kernel;
use crate::object::{Remote, get, pointer_of, publish, references, release, retain, share};
use crate::program::Program;

/// # Safety
/// As clCreateKernel.
pub unsafe fn create_kernel(program: cl_program, name: *const c_char) -> Result<cl_kernel> {
    // SAFETY: passed on to the caller.
    let program: Arc<Program> = unsafe { share(program) }?;
    ensure(!name.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let kernels = program.kernels()?;
    let description = kernels.iter().find(|kernel| kernel.name == name).ok_or(Error(CL_INVALID_KERNEL_NAME))?;
    Ok(publish(create(program, Arc::clone(description))?))
}

fn create(program: Arc<Program>, description: Arc<KernelDescription>) -> Result<Arc<Kernel>> {
    let session = Arc::clone(&program.remote.session);
    let handle = session.mint(Kind::Kernel);
    let command = CreateKernel { kernel: handle, program: program.remote.handle, name: &description.name };
    let mut needs = Needs::default();
    program.remote.needed_by(&mut needs);
    let created = session.send(session.objects(), &command, &needs, None)?;
    Ok(Kernel::new(Remote { session, handle, created }, program, description))
}

/// # Safety
/// As clCreateKernelsInProgram.
pub unsafe fn create_kernels_in_program(
    program: cl_program,
    count: cl_uint,
    out: *mut cl_kernel,
    count_ret: *mut cl_uint,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let program: Arc<Program> = unsafe { share(program) }?;
    let kernels = program.kernels()?;
    ensure(out.is_null() || count as usize >= kernels.len(), CL_INVALID_VALUE)?;
    if !out.is_null() {
        for (place, description) in kernels.iter().enumerate() {
            let kernel = publish(create(Arc::clone(&program), Arc::clone(description))?);
            // SAFETY: there is room for all kernels.
            unsafe { out.add(place).write(kernel) };
        }
    }
    if !count_ret.is_null() {
        // SAFETY: the program gives a valid place.
        unsafe { count_ret.write(kernels.len() as cl_uint) };
    }
    Ok(())
}

/// # Safety
/// As clCloneKernel.
pub unsafe fn clone_kernel(kernel: cl_kernel) -> Result<cl_kernel> {
    // SAFETY: passed on to the caller.
    let kernel: &Kernel = unsafe { get(kernel) }?;
    let clone = create(Arc::clone(&kernel.program), Arc::clone(&kernel.description))?;
    // Arguments travel with each launch: the copy of what was set is all there is to clone.
    let arguments = kernel.state().arguments.clone();
    clone.state().arguments = arguments;
    Ok(publish(clone))
}

/// # Safety
/// As clRetainKernel.
pub unsafe fn retain_kernel(kernel: cl_kernel) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Kernel>(kernel) }
}

/// # Safety
/// As clReleaseKernel.
pub unsafe fn release_kernel(kernel: cl_kernel) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<Kernel>(kernel) }
}

/// # Safety
/// As clSetKernelArg.
pub unsafe fn set_kernel_arg(kernel: cl_kernel, index: cl_uint, size: usize, value: *const c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { get::<Kernel>(kernel)?.set_arg(index, size, value) }
}

/// # Safety
/// As clSetKernelArgSVMPointer.
pub unsafe fn set_kernel_arg_svm_pointer(kernel: cl_kernel, index: cl_uint, value: *const c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    let kernel: &Kernel = unsafe { get(kernel) }?;
    ensure(kernel.has_svm(), CL_INVALID_OPERATION)?;
    kernel.set_arg_svm(index, value)
}

/// # Safety
/// As clSetKernelExecInfo.
pub unsafe fn set_kernel_exec_info(
    kernel: cl_kernel,
    param_name: cl_kernel_exec_info,
    size: usize,
    value: *const c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let kernel: &Kernel = unsafe { get(kernel) }?;
    ensure(kernel.has_svm(), CL_INVALID_OPERATION)?;
    ensure(value.is_null() == (size == 0), CL_INVALID_VALUE)?;
    match param_name {
        CL_KERNEL_EXEC_INFO_SVM_PTRS | CL_KERNEL_EXEC_INFO_USM_PTRS_INTEL => {
            let count = size / size_of::<*mut c_void>();
            ensure(size == count * size_of::<*mut c_void>(), CL_INVALID_VALUE)?;
            // SAFETY: the program gives `size` bytes.
            let pointer = |place| unsafe { value.cast::<*const u8>().add(place).read_unaligned() };
            kernel.set_svm((0..count).map(pointer))
        }
        CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM => {
            ensure(size == size_of::<cl_bool>(), CL_INVALID_VALUE)?;
            // SAFETY: as above.
            let wanted = unsafe { value.cast::<cl_bool>().read_unaligned() } != CL_FALSE;
            // No device is said to share the system's memory.
            ensure(!wanted, CL_INVALID_OPERATION)
        }
        // Where there is such memory, a kernel sees all of it.
        CL_KERNEL_EXEC_INFO_INDIRECT_HOST_ACCESS_INTEL
        | CL_KERNEL_EXEC_INFO_INDIRECT_DEVICE_ACCESS_INTEL
        | CL_KERNEL_EXEC_INFO_INDIRECT_SHARED_ACCESS_INTEL => ensure(size == size_of::<cl_bool>(), CL_INVALID_VALUE),
        _ => Err(Error(CL_INVALID_VALUE)),
    }
}

/// # Safety
/// As clGetKernelInfo.
pub unsafe fn get_kernel_info(
    kernel: cl_kernel,
    param_name: cl_kernel_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let kernel: &Kernel = get(kernel)?;
        match param_name {
            CL_KERNEL_FUNCTION_NAME => answer.string(&kernel.description.name),
            CL_KERNEL_NUM_ARGS => answer.value(kernel.description.args.len() as cl_uint),
            CL_KERNEL_REFERENCE_COUNT => answer.value(references(kernel)),
            CL_KERNEL_CONTEXT => answer.value(pointer_of(&*kernel.program.context)),
            CL_KERNEL_PROGRAM => answer.value(pointer_of(&*kernel.program)),
            CL_KERNEL_ATTRIBUTES => answer.string(&kernel.description.attributes),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// # Safety
/// As clGetKernelArgInfo.
pub unsafe fn get_kernel_arg_info(
    kernel: cl_kernel,
    index: cl_uint,
    param_name: cl_kernel_arg_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let kernel: &Kernel = get(kernel)?;
        let arg = kernel.description.args.get(index as usize).ok_or(Error(CL_INVALID_ARG_INDEX))?;
        ensure(arg.known && kernel.program.tells_args()?, CL_KERNEL_ARG_INFO_NOT_AVAILABLE)?;
        match param_name {
            CL_KERNEL_ARG_ADDRESS_QUALIFIER => answer.value(arg.address),
            CL_KERNEL_ARG_ACCESS_QUALIFIER => answer.value(arg.access),
            CL_KERNEL_ARG_TYPE_QUALIFIER => answer.value(arg.type_qualifier),
            CL_KERNEL_ARG_TYPE_NAME => answer.string(&arg.type_name),
            CL_KERNEL_ARG_NAME => answer.string(&arg.name),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// # Safety
/// As clGetKernelWorkGroupInfo.
pub unsafe fn get_kernel_work_group_info(
    kernel: cl_kernel,
    device: cl_device_id,
    param_name: cl_kernel_work_group_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let kernel: &Kernel = get(kernel)?;
        let device = device_of(&kernel.program.devices, device)?;
        let infos = &kernel.description.group(device.handle).ok_or(Error(CL_INVALID_DEVICE))?.infos;
        match param_name {
            // The driver said what the kernel itself uses; arguments come on top.
            CL_KERNEL_LOCAL_MEM_SIZE => {
                answer.value(infos.number(param_name) + kernel.state().arguments.local_memory())
            }
            _ => answer.bytes(infos.bytes(param_name)?),
        }
    }
}

/// # Safety
/// As clGetKernelSubGroupInfo.
#[allow(clippy::too_many_arguments)]
pub unsafe fn get_kernel_sub_group_info(
    kernel: cl_kernel,
    device: cl_device_id,
    param_name: cl_kernel_sub_group_info,
    input_size: usize,
    input: *const c_void,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (kernel, device) = unsafe {
        let kernel: &Kernel = get(kernel)?;
        (kernel, device_of(&kernel.program.devices, device)?)
    };
    let input = if input.is_null() {
        &[]
    } else {
        ensure(input_size <= 64, CL_INVALID_VALUE)?;
        // SAFETY: the program gives `input_size` bytes.
        unsafe { std::slice::from_raw_parts(input.cast::<u8>(), input_size) }
    };
    let question = SubGroupQuestion {
        device: device.handle,
        param: param_name,
        input: input.to_vec(),
        capacity: if value.is_null() { 0 } else { size as u64 },
    };
    let answer = kernel.description.sub_groups.answer(question, |question| {
        let session = &kernel.remote.session;
        let command = GetKernelSubGroupInfo {
            kernel: kernel.remote.handle,
            device: question.device,
            param: question.param,
            input: &question.input,
            capacity: question.capacity,
        };
        let mut needs = Needs::default();
        kernel.remote.needed_by(&mut needs);
        let (_, answer) = session.call(session.objects(), &command, &needs, None)?;
        let reply: Value<'_> = answer.decode()?;
        Ok(if reply.code == CL_SUCCESS { Ok(reply.value.to_vec()) } else { Err(reply.code) })
    })?;
    // SAFETY: passed on to the caller.
    unsafe { Answer { size, value, size_ret }.bytes(&answer) }
}

/// # Safety
/// As clGetKernelSubGroupInfoKHR.
#[allow(clippy::too_many_arguments)]
pub unsafe fn get_kernel_sub_group_info_khr(
    kernel: cl_kernel,
    device: cl_device_id,
    param_name: cl_kernel_sub_group_info,
    input_size: usize,
    input: *const c_void,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { get_kernel_sub_group_info(kernel, device, param_name, input_size, input, size, value, size_ret) }
}

/// # Safety
/// As clSetKernelAttributeNV.
pub unsafe fn set_kernel_attribute_nv(
    kernel: cl_kernel,
    device: cl_device_id,
    attribute: cl_uint,
    size: usize,
    value: *const c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller; the program gives `size` bytes.
    let (kernel, device, value) = unsafe {
        let kernel: &Kernel = get(kernel)?;
        let device = device_of(&kernel.program.devices, device)?;
        ensure(!value.is_null() && size <= MOST_OF_AN_ATTRIBUTE, CL_INVALID_VALUE)?;
        (kernel, device, std::slice::from_raw_parts(value.cast::<u8>(), size))
    };
    let session = &kernel.remote.session;
    let command = SetKernelAttribute { kernel: kernel.remote.handle, device: device.handle, attribute, value };
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)
}

/// # Safety
/// As clGetKernelAttributeNV.
pub unsafe fn get_kernel_attribute_nv(
    kernel: cl_kernel,
    device: cl_device_id,
    attribute: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (kernel, device) = unsafe {
        let kernel: &Kernel = get(kernel)?;
        (kernel, device_of(&kernel.program.devices, device)?)
    };
    let room = if value.is_null() { 0 } else { size };
    ensure(room <= MOST_OF_AN_ATTRIBUTE, CL_INVALID_VALUE)?;
    let session = &kernel.remote.session;
    let (handle, device) = (kernel.remote.handle, device.handle);
    let command = GetKernelAttribute { kernel: handle, device, attribute, size: room as u64 };
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    let reply: KernelAttribute<'_> = answer.decode()?;
    check(reply.code)?;
    // SAFETY: `value` is valid for `size` bytes or null, and then there is no room; `size_ret` is null or valid.
    unsafe {
        if room > 0 {
            let bytes = reply.value.get(..room).ok_or(Error(CL_OUT_OF_RESOURCES))?;
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.cast(), room);
        }
        if !size_ret.is_null() && reply.size != 0 {
            size_ret.write(usize::try_from(reply.size).map_err(|_| Error(CL_OUT_OF_RESOURCES))?);
        }
    }
    Ok(())
}
