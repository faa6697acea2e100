//! What a program can ask about the kernels of a build, gathered when it is done.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;

use opencl_sys::*;
use remora_protocol::Handle;
use remora_protocol::opencl::{ArgFacts, KernelFacts, WorkGroupFacts};

use super::context::{Context, Device};
use super::driver::{Driver, Object, call, check, create, query, query_number};
use super::facts::{Answer, sub_group_infos, wire, work_group_infos};
use super::kernel::argument_count;
use super::shared::Shared;

/// One kernel.
pub struct Kernel {
    name: Vec<u8>,
    attributes: Vec<u8>,
    arguments: Vec<Argument>,
    groups: Vec<Groups>,
}

/// What depends on the device.
struct Groups {
    device: Handle,
    work_group: Vec<Answer>,
    sub_groups: Vec<Answer>,
}

#[derive(Default)]
struct Argument {
    known: bool,
    address: u32,
    access: u32,
    type_qualifier: u64,
    type_name: Vec<u8>,
    name: Vec<u8>,
}

/// All kernels of a program; none if it is no executable.
#[must_use]
pub fn gather(driver: Driver, context: &Context, program: cl_program, devices: &[Arc<Device>]) -> Vec<Kernel> {
    kernels(driver, program).iter().map(|kernel| describe(driver, context, kernel, devices)).collect()
}

/// Whether the driver tells of arguments though a program was built without -cl-kernel-arg-info.
///
/// # Errors
/// The driver's code if it doesn't.
pub fn tells_arguments(shared: &Shared, context: Handle) -> Result<(), cl_int> {
    let context = shared.tables.contexts.get(context)?;
    let (driver, source) = (shared.driver, c"kernel void k(global int *a) { a[0] = 0; }");
    let mut sources = [source.as_ptr()];
    // SAFETY: a live context, and one string that ends with 0.
    let program = unsafe {
        create!(driver, clCreateProgramWithSource(context.raw(), 1, sources.as_mut_ptr().cast(), ptr::null()))
    }?;
    // SAFETY: the driver has just made it for us.
    let program = unsafe { Object::new(program, driver.clReleaseProgram) };
    // SAFETY: a live program; it is built for all devices, now.
    check(unsafe {
        call!(driver, clBuildProgram(program.raw(), 0, ptr::null(), c"".as_ptr(), None, ptr::null_mut()))
    })?;
    // SAFETY: a live program, and a string that ends with 0.
    let kernel = unsafe { create!(driver, clCreateKernel(program.raw(), c"k".as_ptr())) }?;
    // SAFETY: the driver has just made it for us.
    let kernel = unsafe { Object::new(kernel, driver.clReleaseKernel) };
    query(|size, value, size_ret| {
        // SAFETY: a live kernel with an argument, and `value` has room for `size` bytes.
        unsafe { call!(driver, clGetKernelArgInfo(kernel.raw(), 0, CL_KERNEL_ARG_NAME, size, value, size_ret)) }
    })
    .map(drop)
}

impl Kernel {
    /// As it travels.
    #[must_use]
    pub fn wire(&self) -> KernelFacts<'_> {
        let args = self.arguments.iter().map(|argument| ArgFacts {
            known: argument.known,
            address: argument.address,
            access: argument.access,
            type_qualifier: argument.type_qualifier,
            type_name: &argument.type_name,
            name: &argument.name,
        });
        let groups = self.groups.iter().map(|groups| WorkGroupFacts {
            device: groups.device,
            infos: wire(&groups.work_group),
            sub_groups: wire(&groups.sub_groups),
        });
        KernelFacts {
            name: &self.name,
            attributes: &self.attributes,
            args: args.collect(),
            work_group: groups.collect(),
        }
    }
}

/// One kernel object of each function, for asking only. By their names: NVIDIA's clCreateKernelsInProgram writes past the end
/// of its memory where one has 512 characters.
fn kernels(driver: Driver, program: *mut c_void) -> Vec<Object> {
    let names = query(|size, value, size_ret| {
        // SAFETY: a live program, whose builder holds its lock, and `value` has room for `size` bytes.
        unsafe { call!(driver, clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, size, value, size_ret)) }
    });
    let Ok(names) = names.map(text) else { return kernels_of_old(driver, program) };
    let named = names.split(|byte| *byte == b';').filter_map(|name| CString::new(name).ok());
    let create = |name: CString| {
        // SAFETY: as above, and a string that ends with 0.
        let raw = unsafe { create!(driver, clCreateKernel(program, name.as_ptr())) }.ok()?;
        // SAFETY: the driver has just made it for us.
        Some(unsafe { Object::new(raw, driver.clReleaseKernel) })
    };
    named.filter(|name| !name.is_empty()).filter_map(create).collect()
}

/// Before OpenCL 1.2 a program could not be asked for names.
fn kernels_of_old(driver: Driver, program: *mut c_void) -> Vec<Object> {
    let mut count = 0;
    // SAFETY: a live program, whose builder holds its lock; asks only for the number.
    let code = unsafe { call!(driver, clCreateKernelsInProgram(program, 0, ptr::null_mut(), &raw mut count)) };
    if code != CL_SUCCESS || count == 0 {
        return Vec::new();
    }
    let mut raw = vec![ptr::null_mut(); count as usize];
    // SAFETY: as above, with room for `count`.
    let code = unsafe { call!(driver, clCreateKernelsInProgram(program, count, raw.as_mut_ptr(), ptr::null_mut())) };
    if code != CL_SUCCESS {
        return Vec::new();
    }
    raw.into_iter()
        .filter(|kernel| !kernel.is_null())
        // SAFETY: the driver has just made them for us.
        .map(|kernel| unsafe { Object::new(kernel, driver.clReleaseKernel) })
        .collect()
}

fn describe(driver: Driver, context: &Context, kernel: &Object, devices: &[Arc<Device>]) -> Kernel {
    let info = |param| {
        query(|size, value, size_ret| {
            // SAFETY: a live kernel, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetKernelInfo(kernel.raw(), param, size, value, size_ret)) }
        })
    };
    let arguments =
        (0..argument_count(driver, kernel)).map(|index| argument(driver, kernel, index).unwrap_or_default());
    let groups = |device: &Arc<Device>| Groups {
        device: device.handle,
        work_group: work_group_infos(driver, kernel, device),
        sub_groups: sub_group_infos(driver, context, kernel, device),
    };
    Kernel {
        name: text(info(CL_KERNEL_FUNCTION_NAME).unwrap_or_default()),
        attributes: text(info(CL_KERNEL_ATTRIBUTES).unwrap_or_default()),
        arguments: arguments.collect(),
        groups: devices.iter().map(groups).collect(),
    }
}

/// What the driver knows of an argument, if it knows anything.
fn argument(driver: Driver, kernel: &Object, index: u32) -> Result<Argument, cl_int> {
    let string = |param| {
        let string = query(|size, value, size_ret| {
            // SAFETY: a live kernel, and `value` has room for `size` bytes.
            unsafe { call!(driver, clGetKernelArgInfo(kernel.raw(), index, param, size, value, size_ret)) }
        });
        string.map(text)
    };
    let number = |param| {
        let number = query_number(|size, value, size_ret| {
            // SAFETY: as above.
            unsafe { call!(driver, clGetKernelArgInfo(kernel.raw(), index, param, size, value, size_ret)) }
        });
        number.map(u32::from_ne_bytes)
    };
    let qualifier = query_number(|size, value, size_ret| {
        let param = CL_KERNEL_ARG_TYPE_QUALIFIER;
        // SAFETY: as above.
        unsafe { call!(driver, clGetKernelArgInfo(kernel.raw(), index, param, size, value, size_ret)) }
    });
    Ok(Argument {
        known: true,
        address: number(CL_KERNEL_ARG_ADDRESS_QUALIFIER)?,
        access: number(CL_KERNEL_ARG_ACCESS_QUALIFIER)?,
        type_qualifier: u64::from_ne_bytes(qualifier?),
        type_name: string(CL_KERNEL_ARG_TYPE_NAME)?,
        name: string(CL_KERNEL_ARG_NAME)?,
    })
}

/// Without the 0 at the end: on the wire a string has its length.
#[must_use]
pub fn text(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(length);
    bytes
}
