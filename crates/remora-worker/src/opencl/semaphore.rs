//! Semaphores (cl_khr_semaphore).

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::{
    CL_INVALID_CONTEXT, CL_INVALID_DEVICE, CL_INVALID_OPERATION, CL_INVALID_PROPERTY, CL_INVALID_VALUE,
    CL_SEMAPHORE_DEVICE_HANDLE_LIST_KHR, CL_SEMAPHORE_PAYLOAD_KHR, CL_SEMAPHORE_TYPE_KHR, CL_SUCCESS, cl_int,
    cl_semaphore_khr,
};
use remora_protocol::Handle;
use remora_protocol::opencl::{CreateSemaphore, EnqueueSemaphores};

use super::context::Context;
use super::driver::{Object, call, check, create, query};
use super::queue::At;
use super::shared::Shared;
use super::transfer::wait_list;
use super::violation::Violation;

/// A semaphore.
pub struct Semaphore {
    object: Object,
    context: Arc<Context>,
}

/// CL_SEMAPHORE_DEVICE_HANDLE_LIST_KHR as version 0.9.0 had it.
const OLD_DEVICE_LIST: u64 = 0x2051;

impl Semaphore {
    /// Executes `CreateSemaphore`.
    ///
    /// # Errors
    /// The code for the program.
    pub fn create(shared: &Shared, message: &CreateSemaphore<'_>) -> Result<Arc<Self>, cl_int> {
        let context = shared.tables.contexts.get(message.context)?;
        let properties = properties(shared, &context, message)?;
        let (raw, list) = (context.raw(), properties.as_ptr());
        // SAFETY: a live context, and a list that ends with 0, as the lists in it do.
        let raw = unsafe { create!(context.extensions, clCreateSemaphoreWithPropertiesKHR(raw, list)) }?;
        // SAFETY: the driver has just made it for us.
        let object = unsafe { Object::new(raw, context.extensions.clReleaseSemaphoreKHR) };
        Ok(Arc::new(Self { object, context }))
    }

    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }

    /// Executes `GetSemaphorePayload`.
    ///
    /// # Errors
    /// The driver's code.
    pub fn payload(&self) -> Result<Vec<u8>, cl_int> {
        let extensions = self.context.extensions;
        query(|size, value, size_ret| {
            let param = CL_SEMAPHORE_PAYLOAD_KHR;
            // SAFETY: a live semaphore, and `value` has room for `size` bytes.
            unsafe { call!(extensions, clGetSemaphoreInfoKHR(self.raw(), param, size, value, size_ret)) }
        })
    }
}

/// The driver's list: names and values, and lists of devices that end with 0. Other properties hold descriptors.
fn properties(shared: &Shared, context: &Context, message: &CreateSemaphore<'_>) -> Result<Vec<u64>, cl_int> {
    let mut words = message.properties.iter();
    let mut properties = Vec::new();
    while let Some(name) = words.next() {
        properties.push(name);
        if name == u64::from(CL_SEMAPHORE_TYPE_KHR) {
            properties.push(words.next().ok_or(CL_INVALID_PROPERTY)?);
        } else if name == u64::from(CL_SEMAPHORE_DEVICE_HANDLE_LIST_KHR) || name == OLD_DEVICE_LIST {
            for device in words.by_ref().take_while(|device| *device != 0) {
                let device = shared.tables.devices.get(Handle::from_bits(device))?;
                if device.platform != context.platform {
                    return Err(CL_INVALID_DEVICE);
                }
                properties.push(device.id().expose_provenance() as u64);
            }
            properties.push(0);
        } else {
            return Err(CL_INVALID_PROPERTY);
        }
    }
    properties.push(0);
    Ok(properties)
}

/// Executes `EnqueueSemaphores`.
///
/// # Errors
/// If the event can't be named.
pub fn enqueue(at: &At<'_>, message: &EnqueueSemaphores<'_>) -> Result<(), Violation> {
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let semaphores = at.shared.tables.semaphores.get_all(message.semaphores.iter())?;
        if semaphores.iter().any(|semaphore| !Arc::ptr_eq(&semaphore.context, &at.queue.context)) {
            return Err(CL_INVALID_CONTEXT);
        }
        let raw: Vec<cl_semaphore_khr> = semaphores.iter().map(|semaphore| semaphore.raw()).collect();
        let payloads: Vec<u64> = message.payloads.iter().collect();
        if !payloads.is_empty() && payloads.len() != raw.len() {
            return Err(CL_INVALID_VALUE);
        }
        let payloads = if payloads.is_empty() { std::ptr::null() } else { payloads.as_ptr() };
        let number = u32::try_from(raw.len()).map_err(|_| CL_INVALID_VALUE)?;
        let (count, list) = wait_list(wait)?;
        let extensions = at.queue.context.extensions;
        let function = if message.signal {
            extensions.clEnqueueSignalSemaphoresKHR
        } else {
            extensions.clEnqueueWaitSemaphoresKHR
        };
        let function = function.ok_or(CL_INVALID_OPERATION)?;
        // SAFETY: live objects of the driver, and a payload for each or none; `event` is null or can be written.
        check(unsafe { function(at.queue.raw(), number, raw.as_ptr(), payloads, count, list, event) })
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}
