//! Launching kernels.

use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{EnqueueNDRangeKernel, GetSuggestedLocalWorkSize, Status, Value};
use remora_protocol::{Handle, List};

use crate::api::command_buffer::properties;
use crate::api::mutable::MutableCommand;
use crate::api::queue::Queue;
use crate::arguments::Arguments;
use crate::command::Enqueue;
use crate::error::{Result, check, ensure};
use crate::facts::Device;
use crate::kernel::{Kernel, Shape};
use crate::object::{get, share};
use crate::record::{Changeable, Record};

/// Work sizes of a launch; unused dimensions are 1, a local size of 0 is the driver's choice.
pub(crate) struct Range {
    pub(crate) dimensions: u32,
    pub(crate) offset: [u64; 3],
    pub(crate) global: [u64; 3],
    pub(crate) local: [u64; 3],
}

impl Range {
    unsafe fn new(
        dimensions: cl_uint,
        offset: *const usize,
        global: *const usize,
        local: *const usize,
    ) -> Result<Self> {
        ensure((1..=3).contains(&dimensions), CL_INVALID_WORK_DIMENSION)?;
        // SAFETY: the program gives `dimensions` values or NULL.
        let values = |from: *const usize, default: [u64; 3]| unsafe {
            let mut values = default;
            if !from.is_null() {
                for (place, value) in values.iter_mut().enumerate().take(dimensions as usize) {
                    *value = *from.add(place) as u64;
                }
            }
            values
        };
        let local = if local.is_null() {
            [0; 3]
        } else {
            let local = values(local, [1; 3]);
            ensure(!local.contains(&0), CL_INVALID_WORK_GROUP_SIZE)?;
            local
        };
        Ok(Self { dimensions, offset: values(offset, [0; 3]), global: values(global, [1; 3]), local })
    }

    fn check(&self, kernel: &Kernel, device: &Device) -> Result<()> {
        let (limits, most) = (&device.limits, device.limits.global);
        ensure(self.global.iter().all(|size| *size <= most), CL_INVALID_GLOBAL_WORK_SIZE)?;
        for (offset, size) in self.offset.iter().zip(self.global) {
            ensure(offset.checked_add(size).is_some_and(|end| end <= most), CL_INVALID_GLOBAL_OFFSET)?;
        }
        if self.local[0] == 0 {
            return Ok(());
        }
        ensure(self.local.iter().zip(limits.local).all(|(size, most)| *size <= most), CL_INVALID_WORK_ITEM_SIZE)?;
        let items = self.local.iter().try_fold(1u64, |items, size| items.checked_mul(*size));
        let most = kernel.description.group(device.handle).map_or(0, |group| group.most);
        ensure(items.is_some_and(|items| most == 0 || items <= most), CL_INVALID_WORK_GROUP_SIZE)
    }

    /// What decides whether the driver accepts a launch of `kernel` with `arguments` on `device`.
    fn shape(&self, kernel: &Kernel, arguments: &Arguments, device: &Device, recorded: bool) -> Shape {
        Shape {
            device: device.handle,
            dimensions: self.dimensions,
            local: self.local,
            local_memory: arguments.local_memory(),
            recorded,
            uniform: self.is_uniform(kernel, device),
        }
    }

    /// Whether the global sizes are multiples of the local ones: the program's, or those that the kernel was written for.
    fn is_uniform(&self, kernel: &Kernel, device: &Device) -> bool {
        let required = || kernel.description.group(device.handle).map_or([0; 3], |group| group.required);
        let local = if self.local[0] == 0 { required() } else { self.local };
        local[0] == 0 || self.global.iter().zip(local).all(|(global, local)| global.checked_rem(local) == Some(0))
    }
}

/// # Safety
/// As clEnqueueNDRangeKernel.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_nd_range_kernel(
    queue: cl_command_queue,
    kernel: cl_kernel,
    dimensions: cl_uint,
    offset: *const usize,
    global: *const usize,
    local: *const usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        // Made in place: it is large.
        let mut enqueue = Enqueue::on(share(queue)?, event);
        enqueue.wait_for(num_events, wait_list)?;
        let kernel = get(kernel)?;
        // Since OpenCL 2.1 no sizes mean that there is nothing to do.
        let nothing = [0; 3];
        let old = global.is_null() && enqueue.queue.device.version() < (2, 1);
        ensure(!old, CL_INVALID_GLOBAL_WORK_SIZE)?;
        let global = if global.is_null() { nothing.as_ptr() } else { global };
        launch(&mut enqueue, kernel, &Range::new(dimensions, offset, global, local)?, CL_COMMAND_NDRANGE_KERNEL)
    }
}

/// # Safety
/// As clEnqueueTask.
pub unsafe fn enqueue_task(
    queue: cl_command_queue,
    kernel: cl_kernel,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (mut enqueue, kernel) = unsafe { (Enqueue::new(queue, num_events, wait_list, event)?, get(kernel)?) };
    let range = Range { dimensions: 1, offset: [0; 3], global: [1; 3], local: [1; 3] };
    launch(&mut enqueue, kernel, &range, CL_COMMAND_TASK)
}

/// Checks that `kernel` can run on the device of `queue`, which is of its context.
#[inline]
fn check_launch(kernel: &Kernel, arguments: &Arguments, queue: &Queue, range: &Range) -> Result<()> {
    check_range(kernel, arguments, queue, range)?;
    ensure(arguments.are_complete(), CL_INVALID_KERNEL_ARGS)
}

/// As [`check_launch`]; arguments may be missing.
#[inline]
fn check_range(kernel: &Kernel, arguments: &Arguments, queue: &Queue, range: &Range) -> Result<()> {
    ensure(kernel.description.group(queue.device.handle).is_some(), CL_INVALID_PROGRAM_EXECUTABLE)?;
    range.check(kernel, &queue.device)?;
    ensure(arguments.local_memory() <= queue.device.limits.local_memory, CL_OUT_OF_RESOURCES)
}

/// # Safety
/// As clGetKernelSuggestedLocalWorkSize.
pub unsafe fn get_kernel_suggested_local_work_size(
    queue: cl_command_queue,
    kernel: cl_kernel,
    dimensions: cl_uint,
    offset: *const usize,
    global: *const usize,
    suggested: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        ensure(get::<Queue>(queue)?.device.version() >= (3, 1), CL_INVALID_OPERATION)?;
        suggest(queue, kernel, dimensions, offset, global, suggested)
    }
}

/// # Safety
/// As clGetKernelSuggestedLocalWorkSizeKHR.
pub unsafe fn get_kernel_suggested_local_work_size_khr(
    queue: cl_command_queue,
    kernel: cl_kernel,
    dimensions: cl_uint,
    offset: *const usize,
    global: *const usize,
    suggested: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { suggest(queue, kernel, dimensions, offset, global, suggested) }
}

unsafe fn suggest(
    queue: cl_command_queue,
    kernel: cl_kernel,
    dimensions: cl_uint,
    offset: *const usize,
    global: *const usize,
    suggested: *mut usize,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (queue, kernel): (&Queue, &Kernel) = unsafe { (get(queue)?, get(kernel)?) };
    ensure(Arc::ptr_eq(&queue.context, &kernel.program.context), CL_INVALID_CONTEXT)?;
    // SAFETY: passed on to the caller.
    let range = unsafe { Range::new(dimensions, offset, global, std::ptr::null()) }?;
    let sizes = &range.global[..dimensions as usize];
    ensure(!global.is_null() && !sizes.contains(&0), CL_INVALID_GLOBAL_WORK_SIZE)?;
    let arguments = {
        let state = kernel.state();
        check_launch(kernel, &state.arguments, queue, &range)?;
        state.arguments.taken()
    };
    ensure(!suggested.is_null(), CL_INVALID_VALUE)?;
    // All objects that these name were created in this very stream.
    let command = GetSuggestedLocalWorkSize {
        queue: queue.remote.handle,
        kernel: kernel.remote.handle,
        work_dim: dimensions,
        offset: range.offset,
        global: range.global,
        args: arguments.wire(),
        svm: List::new(&arguments.svm),
    };
    let session = &kernel.remote.session;
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    let reply: Value<'_> = answer.decode()?;
    check(reply.code)?;
    for (place, size) in reply.value.chunks_exact(8).enumerate().take(dimensions as usize) {
        let size = u64::from_le_bytes(size.try_into().unwrap_or_default());
        // SAFETY: the program gives room for `dimensions` sizes.
        unsafe { suggested.add(place).write(size as usize) };
    }
    Ok(())
}

#[inline]
fn launch(enqueue: &mut Enqueue, kernel: &Kernel, range: &Range, command_type: u32) -> Result<()> {
    enqueue.names(&kernel.remote, &kernel.program.context)?;
    let mut state = kernel.state();
    check_launch(kernel, &state.arguments, &enqueue.queue, range)?;
    let shape = range.shape(kernel, &state.arguments, &enqueue.queue.device, false);
    // The first of its kind: only the driver's compiler knows whether it can be.
    let known = state.accepted.contains(&shape) && !range.global.contains(&0);
    let arguments = state.arguments.taken();
    drop(state);
    for part in &arguments.host_parts {
        enqueue.uses(part)?;
    }
    enqueue.needs_objects(arguments.created);
    let (event, waits) = enqueue.begin(command_type);
    let command = EnqueueNDRangeKernel {
        event,
        wait: List::new(&waits),
        kernel: kernel.remote.handle,
        work_dim: range.dimensions,
        offset: range.offset,
        global: range.global,
        local: range.local,
        args: arguments.wire(),
        svm: List::new(&arguments.svm),
    };
    let asked = if known { None } else { enqueue.ask_first(&command)? };
    let Some((_, answer)) = asked else {
        enqueue.send(&command, None)?;
        return Ok(());
    };
    check(answer.decode::<Status>()?.code)?;
    kernel.accept(shape);
    enqueue.succeed();
    Ok(())
}

/// # Safety
/// As clCommandNDRangeKernelKHR.
#[allow(clippy::too_many_arguments)]
pub unsafe fn command_nd_range_kernel_khr(
    buffer: cl_command_buffer_khr,
    queue: cl_command_queue,
    list: *const cl_command_properties_khr,
    kernel: cl_kernel,
    dimensions: cl_uint,
    offset: *const usize,
    global: *const usize,
    local: *const usize,
    count: cl_uint,
    waits: *const cl_sync_point_khr,
    sync_point: *mut cl_sync_point_khr,
    handle_ret: *mut cl_mutable_command_khr,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (record, kernel, list): (_, Arc<Kernel>, _) =
        unsafe { (Record::launch(buffer, queue, count, waits, sync_point)?, share(kernel)?, properties(list)) };
    record.names(&kernel.program.context)?;
    let queue = Arc::clone(record.queue());
    ensure(!global.is_null(), CL_INVALID_GLOBAL_WORK_SIZE)?;
    // SAFETY: passed on to the caller.
    let range = unsafe { Range::new(dimensions, offset, global, local) }?;
    let fixed = list.is_empty() && handle_ret.is_null();
    let mut state = kernel.state();
    // What can be changed may get its arguments later: the driver says.
    let check = if fixed { check_launch } else { check_range };
    check(&kernel, &state.arguments, &queue, &range)?;
    let shape = range.shape(&kernel, &state.arguments, &queue.device, true);
    let known = state.accepted.contains(&shape);
    let arguments = state.arguments.taken();
    drop(state);
    record.buffer.uses(arguments.host_parts.iter().cloned());
    let command = EnqueueNDRangeKernel {
        event: Handle::NONE,
        wait: List::default(),
        kernel: kernel.remote.handle,
        work_dim: range.dimensions,
        offset: range.offset,
        global: range.global,
        local: range.local,
        args: arguments.wire(),
        svm: List::new(&arguments.svm),
    };
    if fixed {
        record.send_launch(&command, !known)?;
        kernel.accept(shape);
        return Ok(());
    }
    let names = list.split_last().map_or(Vec::new(), |(_, names)| names.to_vec());
    let changeable = Changeable { properties: names, handle_ret };
    let buffer = Arc::clone(&record.buffer);
    record.send_changeable(&command, &changeable, |number| MutableCommand::new(number, &buffer, &kernel, list, range))
}
