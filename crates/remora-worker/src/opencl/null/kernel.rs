//! Kernels: arguments and queries. Launching is in `launch`.

use super::context::Context;
use super::device::Device;
use super::device_info::{LOCAL_MEMORY, MAX_WORK_GROUP};
use super::ffi::{self, Outcome, Room, code, lock};
use super::memory::Mem;
use super::params::{ArgKind, ArgMeta};
use super::pool::{self, Handle, Ref, object};
use super::program::Program;
use super::sampler::Sampler;
use super::source::KernelMeta;
use opencl_sys::*;
use std::ffi::{c_char, c_void};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

pub struct Kernel {
    pub program: Ref<Program>,
    pub meta: Arc<KernelMeta>,
    pub args: Mutex<Vec<Arg>>,
}

object!(Kernel, 7, CL_INVALID_KERNEL, {
    fn retire(&mut self, _handle: Handle) {
        self.program.kernels.fetch_sub(1, Ordering::Release);
    }
});

/// What an argument was last set to. As OpenCL has it, a kernel keeps no reference to its arguments: a memory object is
/// named by its handle, which is looked at again at each launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    Unset,
    /// A memory object's handle as a number; 0 for none.
    Mem(usize),
    Sampler,
    /// So many bytes of local memory.
    Local(usize),
    /// The first eight bytes of a value, filled up with zeros.
    Value([u8; 8]),
}

impl Kernel {
    fn create(program: &Ref<Program>, meta: &Arc<KernelMeta>, args: Vec<Arg>) -> Outcome<Ref<Kernel>> {
        let kernel = Kernel { program: program.clone(), meta: meta.clone(), args: Mutex::new(args) };
        program.kernels.fetch_add(1, Ordering::Release);
        Ref::new(kernel).inspect_err(|_| {
            program.kernels.fetch_sub(1, Ordering::Release);
        })
    }

    fn unset(program: &Ref<Program>, meta: &Arc<KernelMeta>) -> Outcome<Ref<Kernel>> {
        Kernel::create(program, meta, vec![Arg::Unset; meta.args.len()])
    }

    pub fn context(&self) -> &Ref<Context> {
        &self.program.context
    }

    /// # Safety
    /// `value` is NULL or points to `size` bytes.
    unsafe fn set(&self, index: cl_uint, size: usize, value: *const c_void) -> Outcome<()> {
        let meta = self.meta.args.get(index as usize).ok_or(CL_INVALID_ARG_INDEX)?;
        // SAFETY: the caller's promise.
        let arg = unsafe { self.check(meta, size, value) }?;
        if let Some(place) = lock(&self.args).get_mut(index as usize) {
            *place = arg;
        }
        Ok(())
    }

    /// # Safety
    /// As for `set`.
    unsafe fn check(&self, meta: &ArgMeta, size: usize, value: *const c_void) -> Outcome<Arg> {
        match meta.kind {
            ArgKind::Local if !value.is_null() => Err(CL_INVALID_ARG_VALUE),
            ArgKind::Local if size == 0 => Err(CL_INVALID_ARG_SIZE),
            ArgKind::Local => Ok(Arg::Local(size)),
            ArgKind::Buffer | ArgKind::Image | ArgKind::Sampler if size != size_of::<Handle>() => {
                Err(CL_INVALID_ARG_SIZE)
            }
            ArgKind::Buffer if value.is_null() => Ok(Arg::Mem(0)),
            ArgKind::Buffer | ArgKind::Image | ArgKind::Sampler if value.is_null() => Err(CL_INVALID_ARG_VALUE),
            // SAFETY: the caller's promise: not NULL, and a handle's size as checked.
            ArgKind::Buffer => self.check_mem(unsafe { value.cast::<Handle>().read_unaligned() }, false),
            // SAFETY: as above.
            ArgKind::Image => self.check_mem(unsafe { value.cast::<Handle>().read_unaligned() }, true),
            ArgKind::Sampler => {
                // SAFETY: as above.
                let sampler: Ref<Sampler> = Ref::find(unsafe { value.cast::<Handle>().read_unaligned() })?;
                if sampler.context.is(self.context()) { Ok(Arg::Sampler) } else { Err(CL_INVALID_SAMPLER) }
            }
            ArgKind::Value(_) if value.is_null() => Err(CL_INVALID_ARG_VALUE),
            ArgKind::Value(known) if size == 0 || known.is_some_and(|known| known != size) => Err(CL_INVALID_ARG_SIZE),
            ArgKind::Value(_) => {
                let mut bytes = [0; 8];
                // SAFETY: the caller's promise: `size` bytes.
                unsafe { std::ptr::copy(value.cast::<u8>(), bytes.as_mut_ptr(), size.min(8)) };
                Ok(Arg::Value(bytes))
            }
        }
    }

    fn check_mem(&self, handle: Handle, is_image: bool) -> Outcome<Arg> {
        if handle.is_null() && !is_image {
            return Ok(Arg::Mem(0));
        }
        let mem: Ref<Mem> = Ref::find(handle)?;
        if mem.image.is_some() != is_image || !mem.context.is(self.context()) {
            return Err(CL_INVALID_MEM_OBJECT);
        }
        Ok(Arg::Mem(handle.expose_provenance()))
    }

    fn arg_info(&self, index: cl_uint, param: cl_kernel_arg_info, room: Room) -> Outcome<()> {
        let arg = self.meta.args.get(index as usize).ok_or(CL_INVALID_ARG_INDEX)?;
        match param {
            CL_KERNEL_ARG_ADDRESS_QUALIFIER => room.put(arg.address),
            CL_KERNEL_ARG_ACCESS_QUALIFIER => room.put(arg.access),
            CL_KERNEL_ARG_TYPE_NAME => room.text(arg.type_name.as_bytes()),
            // A cl_bitfield in OpenCL's headers, whatever opencl-sys has.
            CL_KERNEL_ARG_TYPE_QUALIFIER => room.put(u64::from(arg.qualifier)),
            CL_KERNEL_ARG_NAME => room.text(arg.name.as_bytes()),
            _ => Err(CL_INVALID_VALUE),
        }
    }

    fn work_group_info(&self, device: cl_device_id, param: cl_kernel_work_group_info, room: Room) -> Outcome<()> {
        if device.is_null() {
            if self.program.devices.len() != 1 {
                return Err(CL_INVALID_DEVICE);
            }
        } else {
            self.program.index_of(&Ref::<Device>::find(device)?)?;
        }
        match param {
            CL_KERNEL_WORK_GROUP_SIZE => room.put(match self.meta.required {
                [0, ..] => MAX_WORK_GROUP,
                sizes => sizes.iter().copied().fold(1, usize::saturating_mul).min(MAX_WORK_GROUP),
            }),
            CL_KERNEL_COMPILE_WORK_GROUP_SIZE => room.put(self.meta.required),
            CL_KERNEL_LOCAL_MEM_SIZE => room.put(local_size(&lock(&self.args))),
            CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE => room.put(8usize),
            CL_KERNEL_PRIVATE_MEM_SIZE => room.put(0u64),
            // CL_KERNEL_GLOBAL_WORK_SIZE is for custom devices and built-in kernels.
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

impl Ref<Kernel> {
    fn info(&self, param: cl_kernel_info, room: Room) -> Outcome<()> {
        match param {
            CL_KERNEL_FUNCTION_NAME => room.text(self.meta.name.as_bytes()),
            CL_KERNEL_NUM_ARGS => room.put(self.meta.args.len() as cl_uint),
            CL_KERNEL_REFERENCE_COUNT => room.put(self.count()),
            CL_KERNEL_CONTEXT => room.put(self.context().handle()),
            CL_KERNEL_PROGRAM => room.put(self.program.handle()),
            CL_KERNEL_ATTRIBUTES => room.text(self.meta.attributes.as_bytes()),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

/// Local memory that these arguments take.
fn local_size(args: &[Arg]) -> u64 {
    args.iter().fold(0, |sum: u64, arg| match arg {
        Arg::Local(size) => sum.saturating_add(*size as u64),
        _ => sum,
    })
}

/// Whether these arguments are all set, and the device has the local memory for them.
pub fn check_args(args: &[Arg]) -> Outcome<()> {
    for arg in args {
        match *arg {
            Arg::Unset => return Err(CL_INVALID_KERNEL_ARGS),
            Arg::Mem(address) if address != 0 && !pool::is_handle::<Mem>(address) => {
                return Err(CL_INVALID_KERNEL_ARGS);
            }
            _ => {}
        }
    }
    if local_size(args) > LOCAL_MEMORY { Err(CL_OUT_OF_RESOURCES) } else { Ok(()) }
}

pub unsafe extern "C" fn create_kernel(
    program: cl_program,
    name: *const c_char,
    errcode_ret: *mut cl_int,
) -> cl_kernel {
    let made = Ref::find(program).and_then(|program: Ref<Program>| {
        if name.is_null() {
            return Err(CL_INVALID_VALUE);
        }
        // SAFETY: the caller's promise (see `ffi`).
        let name = unsafe { ffi::text(name) };
        let kernels = program.executable_kernels()?;
        let meta = kernels.iter().find(|kernel| kernel.name.as_bytes() == name).ok_or(CL_INVALID_KERNEL_NAME)?;
        Kernel::unset(&program, meta)
    });
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn create_kernels_in_program(
    program: cl_program,
    entries: cl_uint,
    kernels: *mut cl_kernel,
    found: *mut cl_uint,
) -> cl_int {
    code(Ref::find(program).and_then(|program: Ref<Program>| {
        let metas = program.executable_kernels()?;
        if !kernels.is_null() {
            if (entries as usize) < metas.len() {
                return Err(CL_INVALID_VALUE);
            }
            let made: Outcome<Vec<Ref<Kernel>>> = metas.iter().map(|meta| Kernel::unset(&program, meta)).collect();
            for (index, kernel) in made?.into_iter().enumerate() {
                // SAFETY: the caller's promise (see `ffi`): room for `entries`, which is enough.
                unsafe { kernels.add(index).write(kernel.into_handle()) };
            }
        }
        // SAFETY: as above.
        unsafe { ffi::put(found, metas.len() as cl_uint) };
        Ok(())
    }))
}

pub unsafe extern "C" fn clone_kernel(kernel: cl_kernel, errcode_ret: *mut cl_int) -> cl_kernel {
    let made = Ref::find(kernel).and_then(|kernel: Ref<Kernel>| {
        let args = lock(&kernel.args).clone();
        Kernel::create(&kernel.program, &kernel.meta, args)
    });
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn retain_kernel(kernel: cl_kernel) -> cl_int {
    code(pool::retain::<Kernel>(kernel))
}

pub unsafe extern "C" fn release_kernel(kernel: cl_kernel) -> cl_int {
    code(pool::release::<Kernel>(kernel))
}

pub unsafe extern "C" fn set_kernel_arg(
    kernel: cl_kernel,
    index: cl_uint,
    size: usize,
    value: *const c_void,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    code(Ref::find(kernel).and_then(|kernel: Ref<Kernel>| unsafe { kernel.set(index, size, value) }))
}

pub unsafe extern "C" fn get_kernel_info(
    kernel: cl_kernel,
    param: cl_kernel_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(kernel).and_then(|kernel: Ref<Kernel>| kernel.info(param, room)))
}

pub unsafe extern "C" fn get_kernel_arg_info(
    kernel: cl_kernel,
    index: cl_uint,
    param: cl_kernel_arg_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(kernel).and_then(|kernel: Ref<Kernel>| kernel.arg_info(index, param, room)))
}

pub unsafe extern "C" fn get_kernel_work_group_info(
    kernel: cl_kernel,
    device: cl_device_id,
    param: cl_kernel_work_group_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(kernel).and_then(|kernel: Ref<Kernel>| kernel.work_group_info(device, param, room)))
}

pub unsafe extern "C" fn get_kernel_sub_group_info(
    kernel: cl_kernel,
    _device: cl_device_id,
    _param: cl_kernel_sub_group_info,
    _input_size: usize,
    _input: *const c_void,
    _size: usize,
    _value: *mut c_void,
    _size_ret: *mut usize,
) -> cl_int {
    // The device has no sub-groups.
    code(Ref::<Kernel>::find(kernel).and(Err(CL_INVALID_OPERATION)))
}
