//! Queues on the device, and what the program can ask about queues of both kinds.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::{
    CL_INVALID_CONTEXT, CL_INVALID_DEVICE, CL_INVALID_OPERATION, CL_INVALID_QUEUE_PROPERTIES, CL_QUEUE_DEVICE_DEFAULT,
    CL_QUEUE_ON_DEVICE, CL_QUEUE_SIZE, CL_SUCCESS, cl_int,
};
use remora_protocol::opencl::{CreateDeviceQueue, SetDefaultDeviceQueue};

use super::context::Context;
use super::driver::{Driver, Object, call, check, create, query_number};
use super::queue::queue_properties;
use super::shared::Shared;

/// A queue that only kernels enqueue to.
pub struct DeviceQueue {
    object: Object,
    /// Its context.
    pub context: Arc<Context>,
}

/// What the driver says of a queue that has just been made.
pub struct QueueFacts {
    /// The code of CL_QUEUE_DEVICE_DEFAULT.
    pub no_default: cl_int,
    /// CL_QUEUE_SIZE, of queues that have one.
    pub size: u32,
}

impl DeviceQueue {
    /// Executes `CreateDeviceQueue`.
    ///
    /// # Errors
    /// The code for the program.
    pub fn create(shared: &Shared, message: &CreateDeviceQueue<'_>) -> Result<(Arc<Self>, QueueFacts), cl_int> {
        let context = shared.tables.contexts.get(message.context)?;
        let device = shared.tables.devices.get(message.device)?;
        if device.platform != context.platform {
            return Err(CL_INVALID_DEVICE);
        }
        if context.version < (2, 0) {
            return Err(CL_INVALID_OPERATION);
        }
        if queue_properties(&message.properties) & CL_QUEUE_ON_DEVICE == 0 {
            return Err(CL_INVALID_QUEUE_PROPERTIES);
        }
        shared.reaper.wait_for_device_queues(shared);
        let list: Vec<u64> = message.properties.iter().chain([0, 0]).collect();
        // SAFETY: live objects, and a list that ends with 0, also where the client's last name has no value.
        let raw = unsafe {
            create!(shared.driver, clCreateCommandQueueWithProperties(context.raw(), device.id(), list.as_ptr()))
        }?;
        // SAFETY: the driver has just made it for us.
        let object = unsafe { Object::new(raw, shared.driver.clReleaseCommandQueue) };
        let facts = QueueFacts::of(shared.driver, &object);
        Ok((Arc::new(Self { object, context }), facts))
    }

    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }
}

impl QueueFacts {
    /// Asks the driver.
    #[must_use]
    pub fn of(driver: Driver, queue: &Object) -> Self {
        let ask = |param| {
            // SAFETY: a live queue, and `value` has room for `size` bytes.
            move |size, value, size_ret| unsafe {
                call!(driver, clGetCommandQueueInfo(queue.raw(), param, size, value, size_ret))
            }
        };
        let default = query_number::<{ size_of::<usize>() }>(ask(CL_QUEUE_DEVICE_DEFAULT));
        let size = query_number(ask(CL_QUEUE_SIZE));
        Self { no_default: default.err().unwrap_or(CL_SUCCESS), size: size.map_or(0, u32::from_ne_bytes) }
    }
}

/// Executes `SetDefaultDeviceQueue`.
///
/// # Errors
/// The code for the program.
pub fn set_default(shared: &Shared, message: &SetDefaultDeviceQueue) -> Result<(), cl_int> {
    let context = shared.tables.contexts.get(message.context)?;
    let device = shared.tables.devices.get(message.device)?;
    let queue = shared.tables.device_queues.get(message.queue)?;
    if !Arc::ptr_eq(&queue.context, &context) {
        return Err(CL_INVALID_CONTEXT);
    }
    if device.platform != context.platform {
        return Err(CL_INVALID_DEVICE);
    }
    if context.version < (2, 1) {
        return Err(CL_INVALID_OPERATION);
    }
    // SAFETY: live objects of the driver.
    check(unsafe { call!(shared.driver, clSetDefaultDeviceCommandQueue(context.raw(), device.id(), queue.raw())) })
}
