//! Unified shared memory (cl_intel_unified_shared_memory), on devices that see the same pages as the program: there it is
//! fine-grain shared virtual memory, whatever its kind.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_protocol::List;
use remora_protocol::opencl::{EnqueueMarkerOrBarrier, EnqueueMigrateMemObjects};

use crate::api::context::Context;
use crate::api::svm::{copy, fill};
use crate::command::Enqueue;
use crate::error::{Error, Result, ensure};
use crate::facts::Device;
use crate::info::Answer;
use crate::kernel::Kernel;
use crate::object::{get, pointer_of, share};
use crate::svm::{self, Range, Usm};
use crate::transfer::{nothing, wait};

/// # Safety
/// As clHostMemAllocINTEL.
pub unsafe fn host_mem_alloc_intel(
    context: cl_context,
    properties: *const cl_mem_properties_intel,
    size: usize,
    alignment: cl_uint,
) -> Result<*mut c_void> {
    // SAFETY: passed on to the caller.
    let (context, flags) = unsafe { (share(context)?, alloc_flags(properties)) };
    alloc(&context, Usm { kind: CL_MEM_TYPE_HOST_INTEL, device: None, flags: flags? }, size, alignment)
}

/// # Safety
/// As clDeviceMemAllocINTEL.
pub unsafe fn device_mem_alloc_intel(
    context: cl_context,
    device: cl_device_id,
    properties: *const cl_mem_properties_intel,
    size: usize,
    alignment: cl_uint,
) -> Result<*mut c_void> {
    // SAFETY: passed on to the caller.
    let (context, device, flags) = unsafe { (share(context)?, share::<Device>(device)?, alloc_flags(properties)) };
    alloc(&context, Usm { kind: CL_MEM_TYPE_DEVICE_INTEL, device: Some(device), flags: flags? }, size, alignment)
}

/// # Safety
/// As clSharedMemAllocINTEL.
pub unsafe fn shared_mem_alloc_intel(
    context: cl_context,
    device: cl_device_id,
    properties: *const cl_mem_properties_intel,
    size: usize,
    alignment: cl_uint,
) -> Result<*mut c_void> {
    // SAFETY: passed on to the caller.
    let (context, device, flags) = unsafe {
        let device = if device.is_null() { None } else { Some(share::<Device>(device)?) };
        (share(context)?, device, alloc_flags(properties))
    };
    alloc(&context, Usm { kind: CL_MEM_TYPE_SHARED_INTEL, device, flags: flags? }, size, alignment)
}

unsafe fn alloc_flags(properties: *const cl_mem_properties_intel) -> Result<u64> {
    let known = CL_MEM_ALLOC_WRITE_COMBINED_INTEL
        | CL_MEM_ALLOC_INITIAL_PLACEMENT_DEVICE_INTEL
        | CL_MEM_ALLOC_INITIAL_PLACEMENT_HOST_INTEL;
    let mut flags = None;
    if properties.is_null() {
        return Ok(0);
    }
    for place in (0..).step_by(2) {
        // SAFETY: the program ends its list with a 0 in a name's place.
        let name = unsafe { *properties.add(place) };
        if name == 0 {
            break;
        }
        ensure(name == CL_MEM_ALLOC_FLAGS_INTEL && flags.is_none(), CL_INVALID_PROPERTY)?;
        // SAFETY: a value follows each name.
        let value = unsafe { *properties.add(place + 1) };
        ensure(value & !known == 0, CL_INVALID_PROPERTY)?;
        flags = Some(value);
    }
    Ok(flags.unwrap_or(0))
}

fn alloc(context: &Arc<Context>, usm: Usm, size: usize, alignment: u32) -> Result<*mut c_void> {
    let has = |device: &Device| device.infos.number(CL_DEVICE_DEVICE_MEM_CAPABILITIES_INTEL) != 0;
    ensure(context.devices.iter().all(|device| has(device)), CL_INVALID_OPERATION)?;
    if let Some(device) = &usm.device {
        ensure(context.devices.iter().any(|own| Arc::ptr_eq(own, device)), CL_INVALID_DEVICE)?;
    }
    ensure(alignment == 0 || alignment.is_power_of_two(), CL_INVALID_VALUE)?;
    let most = context.devices.iter().map(|device| device.infos.number(CL_DEVICE_MAX_MEM_ALLOC_SIZE)).min();
    ensure(size > 0 && size as u64 <= most.unwrap_or(0), CL_INVALID_BUFFER_SIZE)?;
    let flags = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS;
    svm::allocate(context, flags, size, alignment, Some(usm)).map(<*mut u8>::cast)
}

/// # Safety
/// As clMemFreeINTEL.
pub unsafe fn mem_free_intel(context: cl_context, pointer: *mut c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    if pointer.is_null() {
        return Ok(());
    }
    base(&context, pointer).ok_or(Error(CL_INVALID_VALUE))?;
    svm::free(&context, pointer.cast());
    Ok(())
}

/// # Safety
/// As clMemBlockingFreeINTEL.
pub unsafe fn mem_blocking_free_intel(context: cl_context, pointer: *mut c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    if pointer.is_null() {
        return Ok(());
    }
    base(&context, pointer).ok_or(Error(CL_INVALID_VALUE))?;
    for queue in context.queues() {
        let marker = |mut part: Enqueue| {
            let (event, waits) = part.begin(CL_COMMAND_MARKER);
            part.send(&EnqueueMarkerOrBarrier { event, wait: List::new(&waits), barrier: false }, None).map(drop)
        };
        let end = Enqueue::part(&queue).internal(CL_COMMAND_MARKER, marker)?;
        // Whatever became of the commands, they are over.
        let _ = wait(Some(end));
    }
    svm::free(&context, pointer.cast());
    Ok(())
}

/// What begins at `pointer`.
fn base(context: &Arc<Context>, pointer: *const c_void) -> Option<Range> {
    svm::find(pointer.cast(), 1).filter(|range| range.offset == 0 && range.is_of(context) && range.usm().is_some())
}

/// # Safety
/// As clGetMemAllocInfoINTEL.
pub unsafe fn get_mem_alloc_info_intel(
    context: cl_context,
    pointer: *const c_void,
    param_name: cl_mem_info_intel,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let context: Arc<Context> = share(context)?;
        let range = svm::find(pointer.cast(), 1).filter(|range| range.is_of(&context));
        let found = range.as_ref().and_then(|range| Some((range, range.usm()?)));
        match param_name {
            CL_MEM_ALLOC_TYPE_INTEL => answer.value(found.map_or(CL_MEM_TYPE_UNKNOWN_INTEL, |(_, usm)| usm.kind)),
            CL_MEM_ALLOC_BASE_PTR_INTEL => {
                answer.value(found.map_or(std::ptr::null_mut(), |(range, _)| range.mem.host.0.cast::<c_void>()))
            }
            CL_MEM_ALLOC_SIZE_INTEL => answer.value(found.map_or(0, |(range, _)| range.mem.size)),
            CL_MEM_ALLOC_DEVICE_INTEL => {
                let device = found.and_then(|(_, usm)| usm.device.as_ref());
                answer.value(device.map_or(std::ptr::null_mut(), |device| pointer_of(&**device)))
            }
            CL_MEM_ALLOC_FLAGS_INTEL_INFO => answer.value(found.map_or(0, |(_, usm)| usm.flags)),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// The property's name is asked for as well.
const CL_MEM_ALLOC_FLAGS_INTEL_INFO: cl_mem_info_intel = CL_MEM_ALLOC_FLAGS_INTEL as cl_mem_info_intel;

/// # Safety
/// As clSetKernelArgMemPointerINTEL.
pub unsafe fn set_kernel_arg_mem_pointer_intel(kernel: cl_kernel, index: cl_uint, value: *const c_void) -> Result<()> {
    // SAFETY: passed on to the caller.
    let kernel: &Kernel = unsafe { get(kernel) }?;
    ensure(kernel.has_svm(), CL_INVALID_OPERATION)?;
    kernel.set_arg_svm(index, value)
}

/// # Safety
/// As clEnqueueMemsetINTEL, which clEnqueueMemFillINTEL has taken the place of.
pub unsafe fn enqueue_memset_intel(
    queue: cl_command_queue,
    pointer: *mut c_void,
    value: cl_int,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    let pattern = value as u8;
    // SAFETY: passed on to the caller.
    unsafe {
        let enqueue = Enqueue::new(queue, num_events, wait_list, event)?;
        fill(enqueue, CL_COMMAND_MEMFILL_INTEL, (pointer, size), ((&raw const pattern).cast(), 1))
    }
}

/// # Safety
/// As clEnqueueMemFillINTEL.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_mem_fill_intel(
    queue: cl_command_queue,
    pointer: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let enqueue = Enqueue::new(queue, num_events, wait_list, event)?;
        fill(enqueue, CL_COMMAND_MEMFILL_INTEL, (pointer, size), (pattern, pattern_size))
    }
}

/// # Safety
/// As clEnqueueMemcpyINTEL.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_memcpy_intel(
    queue: cl_command_queue,
    blocking: cl_bool,
    dst: *mut c_void,
    src: *const c_void,
    size: usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let enqueue = unsafe { Enqueue::new(queue, num_events, wait_list, event) }?;
    copy(enqueue, CL_COMMAND_MEMCPY_INTEL, (dst, src, size), blocking != CL_FALSE)
}

/// # Safety
/// As clEnqueueMigrateMemINTEL.
pub unsafe fn enqueue_migrate_mem_intel(
    queue: cl_command_queue,
    pointer: *const c_void,
    size: usize,
    flags: cl_mem_migration_flags,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe { Enqueue::new(queue, num_events, wait_list, event) }?;
    ensure(flags & !(CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED) == 0, CL_INVALID_VALUE)?;
    let range = svm::find(pointer.cast(), size).ok_or(Error(CL_INVALID_VALUE))?;
    enqueue.names(&range.mem.remote, &range.mem.context)?;
    let (event, waits) = enqueue.begin(CL_COMMAND_MIGRATEMEM_INTEL);
    let mems = [range.mem.remote.handle];
    enqueue.send(&EnqueueMigrateMemObjects { event, wait: List::new(&waits), mems: List::new(&mems), flags }, None)?;
    Ok(())
}

/// # Safety
/// As clEnqueueMemAdviseINTEL.
pub unsafe fn enqueue_mem_advise_intel(
    queue: cl_command_queue,
    pointer: *const c_void,
    size: usize,
    advice: cl_mem_advice_intel,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let enqueue = unsafe { Enqueue::new(queue, num_events, wait_list, event) }?;
    // No advice has been given a meaning yet.
    ensure(advice == 0, CL_INVALID_VALUE)?;
    svm::find(pointer.cast(), size).ok_or(Error(CL_INVALID_VALUE))?;
    nothing(enqueue, CL_COMMAND_MEMADVISE_INTEL, false)
}
