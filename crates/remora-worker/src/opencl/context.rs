//! Platforms, devices and contexts.

use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock};

use opencl_sys::{
    CL_CONTEXT_INTEROP_USER_SYNC, CL_CONTEXT_MEMORY_INITIALIZE_KHR, CL_CONTEXT_PLATFORM,
    CL_CONTEXT_SHOW_DIAGNOSTICS_INTEL, CL_DEVICE_HOST_UNIFIED_MEMORY, CL_DEVICE_TYPE, CL_DEVICE_TYPE_ALL,
    CL_DEVICE_TYPE_CPU, CL_DEVICE_TYPE_CUSTOM, CL_FALSE, CL_INVALID_DEVICE, CL_INVALID_PLATFORM, CL_INVALID_PROPERTY,
    CL_MEM_READ_WRITE, CL_PLATFORM_VERSION, CL_QUEUE_PROFILING_ENABLE, CL_SUCCESS, cl_context_properties, cl_device_id,
    cl_device_type, cl_int, cl_platform_id,
};
use remora_protocol::opencl::CreateContext;
use remora_protocol::{Handle, Kind, List};

use super::driver::{Driver, Object, call, create, query, query_number};
use super::extensions::{self, Extensions};
use super::pins::Pins;
use super::shared::Shared;
use crate::lock;

/// One platform of the driver. Its number is its place in the facts.
pub struct Platform {
    id: cl_platform_id,
    /// The version of OpenCL that it speaks.
    pub version: (u32, u32),
    /// The functions of its extensions.
    pub extensions: &'static Extensions,
    /// Its root devices.
    pub devices: Vec<Arc<Device>>,
}

// SAFETY: a platform's id is a constant of the driver.
unsafe impl Send for Platform {}
// SAFETY: as above.
unsafe impl Sync for Platform {}

impl Platform {
    /// The driver's name for it.
    #[must_use]
    pub fn id(&self) -> cl_platform_id {
        self.id
    }
}

/// A device, or a part of one.
pub struct Device {
    id: cl_device_id,
    /// Its name in messages.
    pub handle: Handle,
    /// Which platform it is of.
    pub platform: usize,
    /// For a sub-device, the reference that keeps it.
    _reference: Option<Object>,
    _parent: Option<Arc<Device>>,
}

// SAFETY: devices may be used by any thread.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

impl Device {
    /// The driver's name for it.
    #[must_use]
    pub fn id(&self) -> cl_device_id {
        self.id
    }

    /// A part of `parent`, which `reference` keeps.
    #[must_use]
    pub fn part(parent: &Arc<Self>, handle: Handle, reference: Object) -> Self {
        Self {
            id: reference.raw(),
            handle,
            platform: parent.platform,
            _reference: Some(reference),
            _parent: Some(Arc::clone(parent)),
        }
    }
}

/// All platforms and devices of `driver`, in its order. A worker and the probe before it number them alike.
#[must_use]
pub fn platforms(driver: Driver) -> Vec<Platform> {
    let mut next = 0;
    let mut platform = |(number, id)| {
        let devices = device_ids(driver, id).into_iter().map(|device| {
            let handle = Handle::new(Kind::Device, 0, next);
            next += 1;
            Arc::new(Device { id: device, handle, platform: number, _reference: None, _parent: None })
        });
        let devices: Vec<_> = devices.collect();
        let extensions = extensions::load(driver, id, devices.iter().map(|device: &Arc<Device>| &**device));
        Platform { id, version: version(driver, id), extensions, devices }
    };
    platform_ids(driver).into_iter().enumerate().map(&mut platform).collect()
}

fn platform_ids(driver: Driver) -> Vec<cl_platform_id> {
    let mut count = 0;
    // SAFETY: asks only for the number.
    let code = unsafe { call!(driver, clGetPlatformIDs(0, ptr::null_mut(), &raw mut count)) };
    if code != CL_SUCCESS {
        return Vec::new();
    }
    let mut ids = vec![ptr::null_mut(); count as usize];
    // SAFETY: `ids` has room for `count`.
    let code = unsafe { call!(driver, clGetPlatformIDs(count, ids.as_mut_ptr(), &raw mut count)) };
    if code != CL_SUCCESS {
        return Vec::new();
    }
    ids.truncate(count as usize);
    ids
}

/// CL_DEVICE_TYPE_ALL leaves custom devices out.
fn device_ids(driver: Driver, platform: cl_platform_id) -> Vec<cl_device_id> {
    let mut all = ids_of_type(driver, platform, CL_DEVICE_TYPE_ALL);
    for custom in ids_of_type(driver, platform, CL_DEVICE_TYPE_CUSTOM) {
        if !all.contains(&custom) {
            all.push(custom);
        }
    }
    all
}

fn ids_of_type(driver: Driver, platform: cl_platform_id, kind: cl_device_type) -> Vec<cl_device_id> {
    let mut count = 0;
    // SAFETY: `platform` comes from the driver; asks only for the number.
    let code = unsafe { call!(driver, clGetDeviceIDs(platform, kind, 0, ptr::null_mut(), &raw mut count)) };
    if code != CL_SUCCESS || count == 0 {
        return Vec::new();
    }
    let mut ids = vec![ptr::null_mut(); count as usize];
    // SAFETY: `ids` has room for `count`.
    let code = unsafe { call!(driver, clGetDeviceIDs(platform, kind, count, ids.as_mut_ptr(), ptr::null_mut())) };
    if code == CL_SUCCESS { ids } else { Vec::new() }
}

/// From "OpenCL 3.0 anything". What can't be read is taken for 1.2: every driver of today has that.
fn version(driver: Driver, platform: cl_platform_id) -> (u32, u32) {
    let text = query(|size, value, size_ret| {
        // SAFETY: `platform` comes from the driver, `value` has room for `size` bytes.
        unsafe { call!(driver, clGetPlatformInfo(platform, CL_PLATFORM_VERSION, size, value, size_ret)) }
    });
    text.ok().and_then(|text| parse_version(&String::from_utf8_lossy(&text))).unwrap_or((1, 2))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text.strip_prefix("OpenCL ")?.split([' ', '\0']).next()?;
    let (major, minor) = number.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn is_cpu(driver: Driver, device: &Device) -> bool {
    let kind = query_number(|size, value, size_ret| {
        // SAFETY: a live device, and `value` has room for `size` bytes.
        unsafe { call!(driver, clGetDeviceInfo(device.id(), CL_DEVICE_TYPE, size, value, size_ret)) }
    });
    kind.is_ok_and(|kind| cl_device_type::from_ne_bytes(kind) & CL_DEVICE_TYPE_CPU != 0)
}

/// Whether the device works on the host's memory. What can't be asked is taken for a device that does.
fn shares_memory(driver: Driver, device: &Device) -> bool {
    let shares = query_number(|size, value, size_ret| {
        // SAFETY: a live device, and `value` has room for `size` bytes.
        unsafe { call!(driver, clGetDeviceInfo(device.id(), CL_DEVICE_HOST_UNIFIED_MEMORY, size, value, size_ret)) }
    });
    shares.is_ok_and(|shares| u32::from_ne_bytes(shares) != CL_FALSE) || shares.is_err() || is_cpu(driver, device)
}

/// Has large memory come from the system, all zeros, and go back there: a driver on a CPU makes buffers of it. A program may
/// have told its allocator to do so, which is the driver's natively, and read what it hasn't written (darktable does both).
fn fresh_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number of the allocator's.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10);
    }
}

/// A context, and what the worker keeps beside it for itself.
pub struct Context {
    /// The staging that its driver knows.
    pub pins: Pins,
    /// Queues for transfers that the program does not see, by device.
    side: Mutex<HashMap<Handle, Arc<Object>>>,
    /// Four bytes that commands with no effect write to.
    scratch: OnceLock<Object>,
    object: Object,
    /// What it was made for.
    pub devices: Vec<Arc<Device>>,
    /// The platform's version.
    pub version: (u32, u32),
    /// The platform's number.
    pub platform: usize,
    /// The functions of the platform's extensions.
    pub extensions: &'static Extensions,
}

impl Context {
    /// Executes `CreateContext`.
    ///
    /// # Errors
    /// The code for the program.
    pub fn create(shared: &Arc<Shared>, message: &CreateContext<'_>) -> Result<Self, cl_int> {
        let number = message.platform as usize;
        let platform = shared.platforms.get(number).ok_or(CL_INVALID_PLATFORM)?;
        let mut devices = shared.tables.devices.get_all(message.devices.iter())?;
        // As OpenCL has it, one that is named twice is there once.
        let mut named = HashSet::new();
        devices.retain(|device| named.insert(device.handle));
        if devices.is_empty() || devices.iter().any(|device| device.platform != number) {
            return Err(CL_INVALID_DEVICE);
        }
        let mut properties = vec![CL_CONTEXT_PLATFORM, platform.id as cl_context_properties];
        // Names and values travel as 64 bits; the driver's are as wide as its pointers.
        properties.extend(values(&message.properties)?);
        properties.push(0);
        let ids: Vec<_> = devices.iter().map(|device| device.id).collect();
        let count = u32::try_from(ids.len()).map_err(|_| CL_INVALID_DEVICE)?;
        let mut user_data = ptr::null_mut();
        if message.notify {
            // Never freed: the driver may call as long as anything of the context lives, which nobody can tell.
            let noticed = super::completions::ContextNoticed::new(shared, message.context);
            user_data = Box::into_raw(Box::new(noticed)).cast::<c_void>();
        }
        let notify = message.notify.then_some(super::completions::on_context as _);
        // SAFETY: the list of properties ends with 0, the devices are the driver's, and the callback's data stays.
        let raw = unsafe {
            create!(shared.driver, clCreateContext(properties.as_ptr(), count, ids.as_ptr(), notify, user_data))
        }?;
        // SAFETY: the driver has just made it for us.
        let object = unsafe { Object::new(raw, shared.driver.clReleaseContext) };
        if devices.iter().any(|device| is_cpu(shared.driver, device)) {
            fresh_memory();
        }
        let own_memory = |device: &Arc<Device>| !shares_memory(shared.driver, device);
        Ok(Self {
            pins: Pins::new(devices.iter().all(own_memory)),
            side: Mutex::default(),
            scratch: OnceLock::new(),
            object,
            devices,
            version: platform.version,
            platform: number,
            extensions: platform.extensions,
        })
    }

    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }

    /// The device for what the program does not choose one for.
    #[must_use]
    pub fn first_device(&self) -> &Arc<Device> {
        &self.devices[0]
    }

    /// Whether its devices are all CPUs.
    #[must_use]
    pub fn on_cpus(&self, driver: Driver) -> bool {
        self.devices.iter().all(|device| is_cpu(driver, device))
    }

    /// A queue on `device` that the program does not see. It measures where the device can.
    ///
    /// # Errors
    /// The driver's code.
    pub fn side_queue(&self, driver: Driver, device: &Device) -> Result<Arc<Object>, cl_int> {
        let mut side = lock(&self.side);
        if let Some(queue) = side.get(&device.handle) {
            return Ok(Arc::clone(queue));
        }
        let raw = create_queue(driver, self, device, CL_QUEUE_PROFILING_ENABLE)
            .or_else(|_| create_queue(driver, self, device, 0))?;
        // SAFETY: the driver has just made it for us.
        let queue = Arc::new(unsafe { Object::new(raw, driver.clReleaseCommandQueue) });
        side.insert(device.handle, Arc::clone(&queue));
        Ok(queue)
    }

    /// A small buffer whose contents mean nothing.
    ///
    /// # Errors
    /// The driver's code.
    pub fn scratch(&self, driver: Driver) -> Result<*mut c_void, cl_int> {
        if let Some(scratch) = self.scratch.get() {
            return Ok(scratch.raw());
        }
        // SAFETY: a live context, and no host pointer.
        let raw = unsafe { create!(driver, clCreateBuffer(self.raw(), CL_MEM_READ_WRITE, 4, ptr::null_mut())) }?;
        // SAFETY: the driver has just made it for us.
        let made = unsafe { Object::new(raw, driver.clReleaseMemObject) };
        Ok(self.scratch.get_or_init(|| made).raw())
    }
}

/// The properties of a context that the client may give. The values of others are pointers of the program's process.
fn values(properties: &List<'_, u64>) -> Result<Vec<cl_context_properties>, cl_int> {
    const KNOWN: [cl_context_properties; 3] =
        [CL_CONTEXT_INTEROP_USER_SYNC, CL_CONTEXT_MEMORY_INITIALIZE_KHR as _, CL_CONTEXT_SHOW_DIAGNOSTICS_INTEL as _];
    let properties: Vec<_> = properties.iter().map(|word| word as cl_context_properties).collect();
    let known = properties.chunks(2).all(|pair| pair.len() == 2 && KNOWN.contains(&pair[0]));
    if known { Ok(properties) } else { Err(CL_INVALID_PROPERTY) }
}

/// A queue with only the properties that all versions know.
///
/// # Errors
/// The driver's code.
pub(super) fn create_queue(
    driver: Driver,
    context: &Context,
    device: &Device,
    properties: u64,
) -> Result<*mut c_void, cl_int> {
    if context.version >= (2, 0) && driver.clCreateCommandQueueWithProperties.is_some() {
        let list = [u64::from(opencl_sys::CL_QUEUE_PROPERTIES), properties, 0];
        // SAFETY: context and device are the driver's, and the list ends with 0.
        return unsafe {
            create!(driver, clCreateCommandQueueWithProperties(context.raw(), device.id(), list.as_ptr()))
        };
    }
    // SAFETY: context and device are the driver's.
    unsafe { create!(driver, clCreateCommandQueue(context.raw(), device.id(), properties)) }
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_are_read() {
        assert_eq!(parse_version("OpenCL 3.0 PoCL 3.1+debian  Linux\0"), Some((3, 0)));
        assert_eq!(parse_version("OpenCL 1.2\0"), Some((1, 2)));
        assert_eq!(parse_version("CUDA"), None);
    }
}
