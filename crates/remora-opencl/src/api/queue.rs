//! Command queues.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencl_sys::*;
use remora_client::{Needs, Stream};
use remora_protocol::opencl::{CreateCommandQueue, EnqueueMarkerOrBarrier, Finish, Flush, QueueCreated, Status};
use remora_protocol::{Kind, List};

use crate::api::context::Context;
use crate::api::device::device_of;
use crate::api::device_queue::{self, DeviceQueue, default_info};
use crate::command::Enqueue;
use crate::error::{Error, Result, check, ensure};
use crate::facts::Device;
use crate::info::Answer;
use crate::object::{Object, Remote, ShellRef, get, pointer_of, publish, references, release, retain, share};

/// A command queue of the program on the host, and the stream that carries it.
pub(crate) struct Queue {
    pub(crate) remote: Remote,
    pub(crate) context: Arc<Context>,
    pub(crate) device: Arc<Device>,
    pub(crate) stream: Arc<Stream>,
    properties: AtomicU64,
    /// As given to clCreateCommandQueueWithProperties, with the final 0; empty otherwise.
    list: Vec<cl_queue_properties>,
    /// What the driver said to CL_QUEUE_DEVICE_DEFAULT without such a queue.
    no_default: cl_int,
    /// The positions of commands that wait for something which only the program can complete, and aren't known to be.
    gated: Mutex<BTreeSet<u64>>,
    shell: ShellRef,
}

impl Object for Queue {
    const KIND: u32 = 0x5155_4555;
    const INVALID: cl_int = CL_INVALID_COMMAND_QUEUE;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Queue {
    pub(crate) fn in_order(&self) -> bool {
        self.properties.load(Ordering::Relaxed) & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE == 0
    }

    pub(crate) fn profiles(&self) -> bool {
        self.properties.load(Ordering::Relaxed) & CL_QUEUE_PROFILING_ENABLE != 0
    }

    /// The command at `position` waits for something that only the program can complete.
    pub(crate) fn gated_at(&self, position: u64) {
        let (mut gated, finished) = (self.lock_gated(), self.stream.finished());
        while gated.first().is_some_and(|first| *first <= finished) {
            gated.pop_first();
        }
        gated.insert(position);
    }

    /// Whether such a command isn't known to be complete. Out of order, too, what comes now may wait for it: by a barrier.
    pub(crate) fn is_gated(&self) -> bool {
        self.lock_gated().last().is_some_and(|latest| self.stream.finished() < *latest)
    }

    /// The event of the command at `position` is complete: in an in-order queue so is all before it.
    pub(crate) fn event_complete(&self, position: u64) {
        if self.in_order() {
            self.stream.finish_to(position);
        } else {
            self.lock_gated().remove(&position);
        }
    }

    /// Waits for everything in it. The code is of something that failed before, and is given once.
    pub(crate) fn finish(&self) -> Result<cl_int> {
        let (session, stream) = (&self.remote.session, &self.stream);
        let code = if stream.is_settled() {
            session.check()?;
            CL_SUCCESS
        } else {
            let (position, answer) = session.call(stream, &Finish {}, &Needs::default(), None)?;
            let code = answer.decode::<Status>()?.code;
            // After an error it is asked again.
            if code == CL_SUCCESS {
                stream.settle_to(position)
            } else {
                stream.finish_to(position)
            }
            code
        };
        self.context.in_use.show();
        Ok(code)
    }

    fn lock_gated(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.gated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const KNOWN: cl_command_queue_properties = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE
    | CL_QUEUE_PROFILING_ENABLE
    | CL_QUEUE_ON_DEVICE
    | CL_QUEUE_ON_DEVICE_DEFAULT;

/// Flags of CL_QUEUE_PROPERTIES that extensions add.
const FLAGS: [(cl_command_queue_properties, &str); 2] = [
    (CL_QUEUE_THREAD_LOCAL_EXEC_ENABLE_INTEL, "cl_intel_exec_by_local_thread"),
    (CL_QUEUE_NO_SYNC_OPERATIONS_INTEL, "cl_intel_queue_no_sync_operations"),
];

/// Names of properties that extensions add.
const NAMES: [(cl_queue_properties, &str); 3] = [
    (CL_QUEUE_PRIORITY_KHR, "cl_khr_priority_hints"),
    (CL_QUEUE_THROTTLE_KHR, "cl_khr_throttle_hints"),
    (CL_QUEUE_JOB_SLOT_ARM, "cl_arm_job_slot_selection"),
];

/// Whether a queue of `device` can have a property.
fn is_name(device: &Device, name: cl_queue_properties) -> bool {
    let core = [CL_QUEUE_PROPERTIES, CL_QUEUE_SIZE].map(cl_queue_properties::from);
    core.contains(&name) || NAMES.iter().any(|(known, extension)| *known == name && device.offers(extension))
}

/// # Safety
/// As clCreateCommandQueue.
pub unsafe fn create_command_queue(
    context: cl_context,
    device: cl_device_id,
    properties: cl_command_queue_properties,
) -> Result<cl_command_queue> {
    // SAFETY: passed on to the caller.
    unsafe { create(context, device, properties, Vec::new(), false) }
}

/// # Safety
/// As clCreateCommandQueueWithProperties.
pub unsafe fn create_command_queue_with_properties(
    context: cl_context,
    device: cl_device_id,
    list: *const cl_queue_properties,
) -> Result<cl_command_queue> {
    let (mut properties, mut sized, mut all) = (0, false, Vec::new());
    if !list.is_null() {
        for place in (0..).step_by(2) {
            // SAFETY: the program ends its list with a 0 in a name's place.
            let name = unsafe { *list.add(place) };
            all.push(name);
            if name == 0 {
                break;
            }
            // SAFETY: a value follows each name.
            let value = unsafe { *list.add(place + 1) };
            all.push(value);
            match name as u32 {
                CL_QUEUE_PROPERTIES => properties = value,
                CL_QUEUE_SIZE => sized = true,
                _ => {}
            }
        }
    }
    ensure(!sized || properties & CL_QUEUE_ON_DEVICE != 0, CL_INVALID_VALUE)?;
    // SAFETY: passed on to the caller.
    unsafe { create(context, device, properties, all, true) }
}

/// # Safety
/// As clCreateCommandQueueWithPropertiesKHR.
pub unsafe fn create_command_queue_with_properties_khr(
    context: cl_context,
    device: cl_device_id,
    list: *const cl_queue_properties_khr,
) -> Result<cl_command_queue> {
    // SAFETY: passed on to the caller.
    unsafe { create_command_queue_with_properties(context, device, list) }
}

unsafe fn create(
    context: cl_context,
    device: cl_device_id,
    properties: cl_command_queue_properties,
    list: Vec<cl_queue_properties>,
    with_properties: bool,
) -> Result<cl_command_queue> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    ensure(!device.is_null(), CL_INVALID_DEVICE)?;
    // SAFETY: passed on to the caller.
    let device = unsafe { device_of(&context.devices, device) }?;
    for name in list.iter().step_by(2).filter(|name| **name != 0) {
        ensure(is_name(&device, *name), CL_INVALID_VALUE)?;
    }
    let of_extensions =
        FLAGS.iter().filter(|(_, extension)| device.offers(extension)).fold(0, |all, (flag, _)| all | flag);
    ensure(properties & !(KNOWN | of_extensions) == 0, CL_INVALID_VALUE)?;
    let legacy = [CL_QUEUE_PROPERTIES.into(), properties];
    let given = list.split_last().map_or(Vec::new(), |(_, rest)| rest.to_vec());
    let for_driver = if with_properties { given.as_slice() } else { &legacy };
    if properties & CL_QUEUE_ON_DEVICE != 0 {
        return device_queue::create(context, device, properties, list, for_driver);
    }
    ensure(properties & CL_QUEUE_ON_DEVICE_DEFAULT == 0, CL_INVALID_VALUE)?;
    let supported = device.infos.number(CL_DEVICE_QUEUE_ON_HOST_PROPERTIES) | of_extensions;
    ensure(properties & !supported == 0, CL_INVALID_QUEUE_PROPERTIES)?;
    let session = Arc::clone(context.session());
    let stream = session.open_stream().ok_or(Error(CL_OUT_OF_RESOURCES))?;
    let handle = session.mint(Kind::Queue);
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let command = CreateCommandQueue {
        queue: handle,
        context: context.remote.handle,
        device: device.handle,
        stream: stream.number(),
        properties: List::new(for_driver),
        with_properties,
    };
    let (created, answer) = session.call(session.objects(), &command, &needs, None)?;
    let QueueCreated { code, no_default, .. } = answer.decode()?;
    check(code).inspect_err(|_| session.stream_closed(stream.number()))?;
    let queue = Arc::new(Queue {
        remote: Remote { session, handle, created },
        context: Arc::clone(&context),
        device,
        stream,
        properties: AtomicU64::new(properties),
        list,
        no_default,
        gated: Mutex::default(),
        shell: ShellRef::default(),
    });
    context.add_queue(&queue);
    Ok(publish(queue))
}

/// # Safety
/// As clRetainCommandQueue.
pub unsafe fn retain_command_queue(queue: cl_command_queue) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Queue>(queue).or_else(|_| retain::<DeviceQueue>(queue)) }
}

/// # Safety
/// As clReleaseCommandQueue.
pub unsafe fn release_command_queue(queue: cl_command_queue) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        if get::<Queue>(queue).is_err() {
            return release::<DeviceQueue>(queue);
        }
        // Releasing flushes. Once the worker is gone there is nothing to flush, and the queue goes all the same.
        let _ = flush(queue);
        release::<Queue>(queue)
    }
}

/// # Safety
/// As clGetCommandQueueInfo.
pub unsafe fn get_command_queue_info(
    queue: cl_command_queue,
    param_name: cl_command_queue_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let Ok(queue) = get::<Queue>(queue) else { return device_queue::info(queue, param_name, answer) };
        match param_name {
            CL_QUEUE_CONTEXT => answer.value(pointer_of(&*queue.context)),
            CL_QUEUE_DEVICE => answer.value(pointer_of(&*queue.device)),
            CL_QUEUE_REFERENCE_COUNT => answer.value(references(queue)),
            CL_QUEUE_PROPERTIES => answer.value(queue.properties.load(Ordering::Relaxed)),
            CL_QUEUE_PROPERTIES_ARRAY => answer.values(&queue.list),
            CL_QUEUE_DEVICE_DEFAULT => default_info(&queue.context, &queue.device, queue.no_default, answer),
            // CL_QUEUE_SIZE is a device queue's.
            CL_QUEUE_SIZE => Err(Error(CL_INVALID_COMMAND_QUEUE)),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// # Safety
/// As clFlush.
pub unsafe fn flush(queue: cl_command_queue) -> Result<()> {
    // SAFETY: passed on to the caller.
    let queue: &Queue = unsafe { get(queue) }?;
    queue.remote.session.send(&queue.stream, &Flush {}, &Needs::default(), None)?;
    queue.remote.session.has_news();
    Ok(())
}

/// # Safety
/// As clFinish.
pub unsafe fn finish(queue: cl_command_queue) -> Result<()> {
    // SAFETY: passed on to the caller.
    let queue: Arc<Queue> = unsafe { share(queue) }?;
    check(queue.finish()?)
}

unsafe fn marker_or_barrier(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
    barrier: bool,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe { Enqueue::new(queue, num_events, wait_list, event) }?;
    // SAFETY: passed on to the caller.
    unsafe { enqueue.keep_list(num_events, wait_list) }?;
    let (event, waits) = enqueue.begin(if barrier { CL_COMMAND_BARRIER } else { CL_COMMAND_MARKER });
    enqueue.send(&EnqueueMarkerOrBarrier { event, wait: List::new(&waits), barrier }, None)?;
    Ok(())
}

/// # Safety
/// As clEnqueueMarkerWithWaitList.
pub unsafe fn enqueue_marker_with_wait_list(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { marker_or_barrier(queue, num_events, wait_list, event, false) }
}

/// # Safety
/// As clEnqueueBarrierWithWaitList.
pub unsafe fn enqueue_barrier_with_wait_list(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { marker_or_barrier(queue, num_events, wait_list, event, true) }
}

/// # Safety
/// As clEnqueueMarker.
pub unsafe fn enqueue_marker(queue: cl_command_queue, event: *mut cl_event) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        get::<Queue>(queue)?;
        ensure(!event.is_null(), CL_INVALID_VALUE)?;
        marker_or_barrier(queue, 0, std::ptr::null(), event, false)
    }
}

/// # Safety
/// As clEnqueueBarrier.
pub unsafe fn enqueue_barrier(queue: cl_command_queue) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { marker_or_barrier(queue, 0, std::ptr::null(), std::ptr::null_mut(), true) }
}

/// # Safety
/// As clEnqueueWaitForEvents.
pub unsafe fn enqueue_wait_for_events(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        get::<Queue>(queue)?;
        ensure(num_events > 0 && !wait_list.is_null(), CL_INVALID_VALUE)?;
        // This function has a code of its own for what others call an invalid wait list.
        marker_or_barrier(queue, num_events, wait_list, std::ptr::null_mut(), true)
            .map_err(|error| if error.code() == CL_INVALID_EVENT_WAIT_LIST { Error(CL_INVALID_EVENT) } else { error })
    }
}
