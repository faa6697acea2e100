//! Queues on the device. Only kernels enqueue to them, so they have no stream, and to the functions that enqueue they are no
//! queues at all.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{CreateDeviceQueue, QueueCreated, SetDefaultDeviceQueue, Status};
use remora_protocol::{Handle, Kind, List};

use crate::api::context::Context;
use crate::api::device::device_of;
use crate::error::{Error, Result, check, ensure};
use crate::facts::Device;
use crate::info::Answer;
use crate::object::{Object, Remote, ShellRef, get, pointer_of, publish, references, retain, share};

/// A queue on a device.
pub(crate) struct DeviceQueue {
    pub(crate) remote: Remote,
    context: Arc<Context>,
    device: Arc<Device>,
    properties: cl_command_queue_properties,
    /// As given to clCreateCommandQueueWithProperties, with the final 0; empty otherwise.
    list: Vec<cl_queue_properties>,
    size: cl_uint,
    no_default: cl_int,
    shell: ShellRef,
}

impl Object for DeviceQueue {
    const KIND: u32 = 0x4451_5545;
    const INVALID: cl_int = CL_INVALID_COMMAND_QUEUE;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

/// The default queues of a context's devices.
pub(crate) type Defaults = HashMap<Handle, Weak<DeviceQueue>>;

fn defaults(context: &Context) -> MutexGuard<'_, Defaults> {
    context.default_queues.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Creates a queue on `device`, or gives the default one again. `properties` are known ones and hold CL_QUEUE_ON_DEVICE;
/// `for_driver` names and values without the final 0.
pub(crate) fn create(
    context: Arc<Context>,
    device: Arc<Device>,
    properties: cl_command_queue_properties,
    list: Vec<cl_queue_properties>,
    for_driver: &[u64],
) -> Result<cl_command_queue> {
    let supported = device.infos.number(CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES);
    let place = CL_QUEUE_ON_DEVICE | CL_QUEUE_ON_DEVICE_DEFAULT;
    ensure(supported != 0 && properties & !(supported | place) == 0, CL_INVALID_QUEUE_PROPERTIES)?;
    ensure(properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE != 0, CL_INVALID_VALUE)?;
    let is_default = properties & CL_QUEUE_ON_DEVICE_DEFAULT != 0;
    // Held until it is made: there is one default queue, whoever asks for it at the same time.
    let mut defaults = is_default.then(|| defaults(&context));
    let known = defaults.as_ref().and_then(|defaults| defaults.get(&device.handle)).and_then(Weak::upgrade);
    if let Some(queue) = known {
        let pointer = pointer_of(&*queue);
        // SAFETY: the pointer of a living queue.
        unsafe { retain::<DeviceQueue>(pointer) }?;
        return Ok(pointer);
    }
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::DeviceQueue);
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let command = CreateDeviceQueue {
        queue: handle,
        context: context.remote.handle,
        device: device.handle,
        properties: List::new(for_driver),
    };
    let (created, answer) = session.call(session.objects(), &command, &needs, None)?;
    let QueueCreated { code, no_default, size } = answer.decode()?;
    check(code)?;
    let number = device.handle;
    let queue = Arc::new(DeviceQueue {
        remote: Remote { session, handle, created },
        context: Arc::clone(&context),
        device,
        properties,
        list,
        size,
        no_default,
        shell: ShellRef::default(),
    });
    if let Some(defaults) = &mut defaults {
        defaults.insert(number, Arc::downgrade(&queue));
    }
    Ok(publish(queue))
}

/// # Safety
/// As clSetDefaultDeviceCommandQueue.
pub unsafe fn set_default_device_command_queue(
    context: cl_context,
    device: cl_device_id,
    queue: cl_command_queue,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    ensure(!device.is_null(), CL_INVALID_DEVICE)?;
    // SAFETY: passed on to the caller.
    let device = unsafe { device_of(&context.devices, device) }?;
    let replaceable = CL_DEVICE_QUEUE_REPLACEABLE_DEFAULT;
    let capabilities = device.infos.number(CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES);
    // Drivers of before OpenCL 3.0 don't say what only those can't do.
    let says = device.infos.bytes(CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES).is_ok();
    let can = device.infos.number(CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES) != 0;
    ensure(can && (!says || capabilities & replaceable != 0), CL_INVALID_OPERATION)?;
    // SAFETY: passed on to the caller.
    let queue: Arc<DeviceQueue> = unsafe { share(queue) }?;
    let belongs = Arc::ptr_eq(&queue.context, &context) && Arc::ptr_eq(&queue.device, &device);
    ensure(belongs, CL_INVALID_COMMAND_QUEUE)?;
    let mut defaults = defaults(&context);
    let session = context.session();
    let command =
        SetDefaultDeviceQueue { context: context.remote.handle, device: device.handle, queue: queue.remote.handle };
    // What was launched before goes by the default of then.
    let needs = session.everything_sent();
    let (_, answer) = session.call(session.objects(), &command, &needs, None)?;
    check(answer.decode::<Status>()?.code)?;
    defaults.insert(device.handle, Arc::downgrade(&queue));
    Ok(())
}

/// Answers CL_QUEUE_DEVICE_DEFAULT; `no_default` is what the driver said to that while there was none.
///
/// # Safety
/// As clGetCommandQueueInfo.
pub(crate) unsafe fn default_info(
    context: &Context,
    device: &Device,
    no_default: cl_int,
    answer: Answer,
) -> Result<()> {
    let default = defaults(context).get(&device.handle).and_then(Weak::upgrade);
    if default.is_none() {
        check(no_default)?;
    }
    // SAFETY: passed on to the caller.
    unsafe { answer.value(default.map_or(std::ptr::null_mut(), |queue| pointer_of(&*queue))) }
}

/// # Safety
/// As clGetCommandQueueInfo.
pub(crate) unsafe fn info(queue: cl_command_queue, param_name: cl_command_queue_info, answer: Answer) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe {
        let queue: &DeviceQueue = get(queue)?;
        match param_name {
            CL_QUEUE_CONTEXT => answer.value(pointer_of(&*queue.context)),
            CL_QUEUE_DEVICE => answer.value(pointer_of(&*queue.device)),
            CL_QUEUE_REFERENCE_COUNT => answer.value(references(queue)),
            CL_QUEUE_PROPERTIES => answer.value(queue.properties),
            CL_QUEUE_PROPERTIES_ARRAY => answer.values(&queue.list),
            CL_QUEUE_SIZE => answer.value(queue.size),
            CL_QUEUE_DEVICE_DEFAULT => default_info(&queue.context, &queue.device, queue.no_default, answer),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}
