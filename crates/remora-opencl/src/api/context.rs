//! Contexts.

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use opencl_sys::*;
use remora_client::{Needs, Session};
use remora_protocol::opencl::{AskArgInfo, CreateContext, Status};
use remora_protocol::{Handle, Kind, List};

use crate::api::device::{device_list, select};
use crate::api::device_queue::Defaults;
use crate::api::queue::Queue;
use crate::error::{Error, Result, check, ensure};
use crate::facts::{Device, Infos, Platform, platforms};
use crate::host_memory::InUse;
use crate::info::Answer;
use crate::object::{Object, Remote, ShellRef, get, pointer_of, publish, references, release, retain, share};
use crate::session::Sink;

type NotifyFunction = unsafe extern "C" fn(*const c_char, *const c_void, usize, *mut c_void);
type Destructor = unsafe extern "C" fn(cl_context, *mut c_void);

/// A context of the program.
pub(crate) struct Context {
    pub(crate) remote: Remote,
    pub(crate) devices: Vec<Arc<Device>>,
    /// As the program gave them, with the final 0; empty if it gave none.
    properties: Vec<cl_context_properties>,
    /// Supported image formats by flags and type, once asked for.
    pub(crate) formats: Mutex<Vec<ImageFormats>>,
    /// Whether its driver tells of arguments where a program did not ask for that, once asked.
    tells_args: OnceLock<bool>,
    pub(crate) default_queues: Mutex<Defaults>,
    /// Its queues, some of which may be gone.
    queues: Mutex<Vec<Weak<Queue>>>,
    /// CL_MEM_USE_HOST_PTR objects that commands name.
    pub(crate) in_use: InUse,
    /// See [`crate::pitches`].
    pub(crate) odd_slices: OnceLock<bool>,
    destructors: Mutex<Vec<(Destructor, Data)>>,
    // Last: callbacks of the destructor still show the pointer.
    shell: ShellRef,
}

pub(crate) type ImageFormats = ((cl_mem_flags, cl_mem_object_type), Arc<[[u32; 2]]>);

/// A pointer of the program, for its callback.
#[derive(Clone, Copy)]
pub(crate) struct Data(pub(crate) *mut c_void);
// SAFETY: it is only handed back to the program.
unsafe impl Send for Data {}
impl Data {
    pub(crate) fn get(self) -> *mut c_void {
        self.0
    }
}

/// The program's function for errors in a context.
#[derive(Clone, Copy)]
pub(crate) struct Notify {
    function: NotifyFunction,
    data: Data,
}

impl Notify {
    pub(crate) fn call(self, text: &CStr, private: &[u8]) {
        // SAFETY: the program registered this function for this data.
        unsafe { (self.function)(text.as_ptr(), private.as_ptr().cast(), private.len(), self.data.get()) };
    }
}

impl Object for Context {
    const KIND: u32 = 0x434f_4e54;
    const INVALID: cl_int = CL_INVALID_CONTEXT;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Context {
    /// Whether its driver tells of a kernel's arguments though the program didn't ask for that with -cl-kernel-arg-info.
    pub(crate) fn tells_args(&self) -> Result<bool> {
        if let Some(tells) = self.tells_args.get() {
            return Ok(*tells);
        }
        let session = self.session();
        let command = AskArgInfo { context: self.remote.handle };
        let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
        match answer.decode::<Status>()?.code {
            CL_SUCCESS => Ok(*self.tells_args.get_or_init(|| true)),
            CL_KERNEL_ARG_INFO_NOT_AVAILABLE => Ok(*self.tells_args.get_or_init(|| false)),
            // The compiler failed: it may not the next time.
            _ => Ok(false),
        }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.remote.session
    }

    /// The smallest value of a device limit over the context's devices.
    pub(crate) fn limit(&self, param: cl_device_info) -> u64 {
        self.devices.iter().map(|device| device.infos.number(param)).max().unwrap_or(0)
    }

    pub(crate) fn add_queue(&self, queue: &Arc<Queue>) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| queue.strong_count() > 0);
        queues.push(Arc::downgrade(queue));
    }

    pub(crate) fn queues(&self) -> Vec<Arc<Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether all devices can do this with shared virtual memory.
    pub(crate) fn all_can(&self, capability: u64) -> bool {
        let can = |infos: &Infos| infos.number(CL_DEVICE_SVM_CAPABILITIES) & capability != 0;
        self.devices.iter().all(|device| can(&device.infos))
    }

    /// Whether all devices are CPUs, whose memory is the host's.
    pub(crate) fn on_cpus(&self) -> bool {
        self.devices.iter().all(|device| device.infos.number(CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU != 0)
    }

    /// Whether any device can do what a boolean parameter says.
    pub(crate) fn any(&self, param: cl_device_info) -> bool {
        self.devices.iter().any(|device| device.infos.number(param) != 0)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        Sink::of(&self.remote.session).remove_context(self.remote.handle);
        let pointer = Data(pointer_of(self));
        let destructors = std::mem::take(self.destructors.get_mut().unwrap_or_else(PoisonError::into_inner));
        if destructors.is_empty() {
            return;
        }
        self.remote.session.aside(move || {
            for (function, data) in destructors.into_iter().rev() {
                // SAFETY: the program registered this function for this data.
                unsafe { function(pointer.get(), data.get()) };
            }
        });
    }
}

/// What a program's property list says.
#[derive(Default)]
struct Properties {
    platform: Option<Arc<Platform>>,
    /// Names and values for the driver.
    forward: Vec<u64>,
    /// Those that devices may have by an extension.
    of_extensions: Vec<[u64; 2]>,
    /// Everything as given.
    all: Vec<cl_context_properties>,
}

unsafe fn properties(list: *const cl_context_properties) -> Result<Properties> {
    let mut properties = Properties::default();
    if list.is_null() {
        return Ok(properties);
    }
    let mut seen = Vec::new();
    for place in (0..).step_by(2) {
        // SAFETY: the program ends its list with a 0 in a name's place.
        let name = unsafe { *list.add(place) };
        properties.all.push(name);
        if name == 0 {
            break;
        }
        // SAFETY: a value follows each name.
        let value = unsafe { *list.add(place + 1) };
        properties.all.push(value);
        ensure(!seen.contains(&name), CL_INVALID_PROPERTY)?;
        seen.push(name);
        match name {
            CL_CONTEXT_PLATFORM => {
                // SAFETY: the value is a platform of the program, or nonsense that is noticed.
                properties.platform = Some(unsafe { share(value as cl_platform_id) }?);
            }
            CL_CONTEXT_INTEROP_USER_SYNC => {
                ensure(value == 0 || value == 1, CL_INVALID_PROPERTY)?;
                properties.forward.extend([name as u64, value as u64]);
            }
            // Which devices it is for isn't known yet.
            _ => properties.of_extensions.push([name as u64, value as u64]),
        }
    }
    Ok(properties)
}

/// # Safety
/// As clCreateContext.
pub unsafe fn create_context(
    list: *const cl_context_properties,
    num_devices: cl_uint,
    devices: *const cl_device_id,
    notify: Option<NotifyFunction>,
    user_data: *mut c_void,
) -> Result<cl_context> {
    // SAFETY: passed on to the caller.
    let (properties, devices) = unsafe { (properties(list), device_list(num_devices, devices)?) };
    ensure(notify.is_some() || user_data.is_null(), CL_INVALID_VALUE)?;
    create(properties?, devices, notify, user_data)
}

/// # Safety
/// As clCreateContextFromType.
pub unsafe fn create_context_from_type(
    list: *const cl_context_properties,
    device_type: cl_device_type,
    notify: Option<NotifyFunction>,
    user_data: *mut c_void,
) -> Result<cl_context> {
    // SAFETY: passed on to the caller.
    let properties = unsafe { properties(list) }?;
    ensure(notify.is_some() || user_data.is_null(), CL_INVALID_VALUE)?;
    let platform = properties.platform.clone().or_else(|| platforms().first().cloned());
    let platform = platform.ok_or(Error(CL_INVALID_PLATFORM))?;
    create(properties, select(platform.devices(), device_type)?, notify, user_data)
}

/// Names of properties that extensions add.
const NAMES: [(u64, &str); 2] = [
    (CL_CONTEXT_MEMORY_INITIALIZE_KHR as u64, "cl_khr_initialize_memory"),
    (CL_CONTEXT_SHOW_DIAGNOSTICS_INTEL as u64, "cl_intel_driver_diagnostics"),
];

/// Whether one of `devices` can have a property.
fn is_name(devices: &[Arc<Device>], name: u64) -> bool {
    let offered = |extension| devices.iter().any(|device| device.offers(extension));
    NAMES.iter().any(|(known, extension)| *known == name && offered(extension))
}

fn create(
    mut properties: Properties,
    devices: Vec<Arc<Device>>,
    notify: Option<NotifyFunction>,
    user_data: *mut c_void,
) -> Result<cl_context> {
    let mut unique: Vec<Arc<Device>> = Vec::new();
    for device in devices {
        if !unique.iter().any(|known| Arc::ptr_eq(known, &device)) {
            unique.push(device);
        }
    }
    let platform = unique.first().ok_or(Error(CL_INVALID_VALUE))?.platform()?;
    for device in &unique {
        ensure(Arc::ptr_eq(&device.platform()?, &platform), CL_INVALID_DEVICE)?;
    }
    if let Some(named) = &properties.platform {
        ensure(Arc::ptr_eq(named, &platform), CL_INVALID_DEVICE)?;
    }
    for [name, value] in &properties.of_extensions {
        ensure(is_name(&unique, *name), CL_INVALID_PROPERTY)?;
        properties.forward.extend([name, value]);
    }
    let session = platform.session()?;
    let handle = session.mint(Kind::Context);
    let notify = notify.map(|function| Notify { function, data: Data(user_data) });
    if let Some(notify) = notify {
        Sink::of(&session).add_context(handle, notify);
    }
    let handles: Vec<Handle> = unique.iter().map(|device| device.handle).collect();
    let command = CreateContext {
        context: handle,
        platform: platform.index,
        properties: List::new(&properties.forward),
        devices: List::new(&handles),
        notify: notify.is_some(),
    };
    let (created, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)?;
    Ok(publish(Arc::new(Context {
        remote: Remote { session, handle, created },
        devices: unique,
        properties: properties.all,
        formats: Mutex::default(),
        queues: Mutex::default(),
        tells_args: OnceLock::new(),
        default_queues: Mutex::default(),
        in_use: InUse::default(),
        odd_slices: OnceLock::new(),
        destructors: Mutex::default(),
        shell: ShellRef::default(),
    })))
}

/// # Safety
/// As clRetainContext.
pub unsafe fn retain_context(context: cl_context) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Context>(context) }
}

/// # Safety
/// As clReleaseContext.
pub unsafe fn release_context(context: cl_context) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<Context>(context) }
}

/// # Safety
/// As clGetContextInfo.
pub unsafe fn get_context_info(
    context: cl_context,
    param_name: cl_context_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let context: &Context = get(context)?;
        match param_name {
            CL_CONTEXT_REFERENCE_COUNT => answer.value(references(context)),
            CL_CONTEXT_NUM_DEVICES => answer.value(context.devices.len() as cl_uint),
            CL_CONTEXT_DEVICES => {
                let devices: Vec<cl_device_id> = context.devices.iter().map(|device| pointer_of(&**device)).collect();
                answer.values(&devices)
            }
            CL_CONTEXT_PROPERTIES => answer.values(&context.properties),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// # Safety
/// As clSetContextDestructorCallback.
pub unsafe fn set_context_destructor_callback(
    context: cl_context,
    function: Option<Destructor>,
    user_data: *mut c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let context: &Context = unsafe { get(context) }?;
    let function = function.ok_or(Error(CL_INVALID_VALUE))?;
    context.destructors.lock().unwrap_or_else(PoisonError::into_inner).push((function, Data(user_data)));
    Ok(())
}
