//! Contexts.

use super::device::{self, Device, platform};
use super::ffi::{self, Outcome, Room, UserData, code, lock};
use super::pool::{self, Handle, Ref, object};
use opencl_sys::*;
use std::ffi::{c_char, c_void};
use std::sync::Mutex;

type Notify = Option<unsafe extern "C" fn(*const c_char, *const c_void, usize, *mut c_void)>;
type Destructor = unsafe extern "C" fn(cl_context, *mut c_void);

pub struct Context {
    pub devices: Vec<Ref<Device>>,
    properties: Vec<cl_context_properties>,
    destructors: Mutex<Vec<(Destructor, UserData)>>,
}

object!(Context, 2, CL_INVALID_CONTEXT, {
    fn retire(&mut self, handle: Handle) {
        for (function, data) in std::mem::take(&mut *lock(&self.destructors)).into_iter().rev() {
            // SAFETY: the caller registered this function to be called now, with this data.
            unsafe { function(handle, data.0) };
        }
    }
});

impl Context {
    /// Whether `device` belongs to the context.
    pub fn has(&self, device: &Ref<Device>) -> bool {
        self.devices.iter().any(|own| own.is(device))
    }

    /// The devices that a caller lists, or all if it lists none; each must belong to the context.
    ///
    /// # Safety
    /// `first` is NULL or points to `count` handles.
    pub unsafe fn chosen(&self, count: cl_uint, first: *const cl_device_id) -> Outcome<Vec<Ref<Device>>> {
        if count == 0 && first.is_null() {
            return Ok(self.devices.clone());
        }
        // SAFETY: the caller's promise.
        let devices = unsafe { device::listed(count, first) }?;
        if devices.iter().all(|device| self.has(device)) { Ok(devices) } else { Err(CL_INVALID_DEVICE) }
    }
}

impl Ref<Context> {
    fn info(&self, param: cl_context_info, room: Room) -> Outcome<()> {
        match param {
            CL_CONTEXT_REFERENCE_COUNT => room.put(self.count()),
            CL_CONTEXT_NUM_DEVICES => room.put(self.devices.len() as cl_uint),
            CL_CONTEXT_DEVICES => room.list(&self.devices.iter().map(Ref::handle).collect::<Vec<_>>()),
            CL_CONTEXT_PROPERTIES => room.list(&self.properties),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

fn create(properties: Vec<cl_context_properties>, devices: Vec<Ref<Device>>) -> Outcome<Ref<Context>> {
    Ref::new(Context { devices, properties, destructors: Mutex::default() })
}

fn check(properties: &[cl_context_properties]) -> Outcome<()> {
    let mut seen = Vec::new();
    for (name, value) in ffi::pairs(properties) {
        if seen.contains(&name) {
            return Err(CL_INVALID_PROPERTY);
        }
        seen.push(name);
        match name {
            CL_CONTEXT_PLATFORM if value != platform() as isize => return Err(CL_INVALID_PLATFORM),
            CL_CONTEXT_INTEROP_USER_SYNC if !(0..=1).contains(&value) => return Err(CL_INVALID_PROPERTY),
            CL_CONTEXT_PLATFORM | CL_CONTEXT_INTEROP_USER_SYNC => {}
            _ => return Err(CL_INVALID_PROPERTY),
        }
    }
    Ok(())
}

fn check_notify(notify: Notify, data: *mut c_void) -> Outcome<()> {
    if notify.is_none() && !data.is_null() { Err(CL_INVALID_VALUE) } else { Ok(()) }
}

pub unsafe extern "C" fn create_context(
    properties: *const cl_context_properties,
    count: cl_uint,
    devices: *const cl_device_id,
    notify: Notify,
    data: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_context {
    let made = (|| {
        // SAFETY: the caller's promise (see `ffi`).
        let properties = unsafe { ffi::properties(properties) }?;
        check(&properties)?;
        check_notify(notify, data)?;
        // SAFETY: as above.
        create(properties, unsafe { device::listed(count, devices) }?)
    })();
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn create_context_from_type(
    properties: *const cl_context_properties,
    device_type: cl_device_type,
    notify: Notify,
    data: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_context {
    let made = (|| {
        // SAFETY: the caller's promise (see `ffi`).
        let properties = unsafe { ffi::properties(properties) }?;
        check(&properties)?;
        check_notify(notify, data)?;
        create(properties, vec![device::of_type(device_type)?])
    })();
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn retain_context(context: cl_context) -> cl_int {
    code(pool::retain::<Context>(context))
}

pub unsafe extern "C" fn release_context(context: cl_context) -> cl_int {
    code(pool::release::<Context>(context))
}

pub unsafe extern "C" fn get_context_info(
    context: cl_context,
    param: cl_context_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(context).and_then(|context: Ref<Context>| context.info(param, room)))
}

pub unsafe extern "C" fn set_context_destructor_callback(
    context: cl_context,
    function: Option<Destructor>,
    data: *mut c_void,
) -> cl_int {
    code(Ref::find(context).and_then(|context: Ref<Context>| {
        let function = function.ok_or(CL_INVALID_VALUE)?;
        lock(&context.destructors).push((function, UserData(data)));
        Ok(())
    }))
}
