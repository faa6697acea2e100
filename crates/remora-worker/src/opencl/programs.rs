//! Creating programs, and asking for what only the driver knows of them.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use opencl_sys::*;
use remora_protocol::Handle;
use remora_protocol::opencl::{
    CommandMessage, CreateProgramWithBinary, CreateProgramWithBuiltInKernels, CreateProgramWithIL,
    CreateProgramWithSource, ProgramBinaries, ProgramCreated, SetSpecConstant,
};

use super::build::{Program, ProgramFacts};
use super::completions::watch_program;
use super::contents::Contents;
use super::context::{Context, Device};
use super::driver::{call, check, create, query, query_words};
use super::objects::{At, value};
use super::shared::Shared;
use super::violation::Violation;
use crate::lock;

/// Executes one command about programs.
///
/// # Errors
/// What no client sends.
pub fn execute(at: &At<'_>, message: &CommandMessage<'_>) -> Result<(), Violation> {
    let (shared, programs) = (at.shared, &at.shared.tables.programs);
    match message {
        CommandMessage::CreateProgramWithSource(message) => {
            at.created(programs, message.program, with_source(shared, message)?)
        }
        CommandMessage::CreateProgramWithBinary(message) => with_binary(at, message),
        CommandMessage::CreateProgramWithIL(message) => {
            at.created(programs, message.program, with_il(shared, message)?)
        }
        CommandMessage::CreateProgramWithBuiltInKernels(message) => {
            at.created(programs, message.program, with_built_in_kernels(shared, message))
        }
        CommandMessage::SetSpecConstant(message) => {
            at.reply_status(set_spec_constant(shared, message).err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::GetProgramBinaries(message) => {
            let binaries = binaries(shared, message.program);
            at.reply(&match &binaries {
                Ok(binaries) => {
                    ProgramBinaries { code: CL_SUCCESS, binaries: binaries.iter().map(Vec::as_slice).collect() }
                }
                Err(code) => ProgramBinaries { code: *code, binaries: Vec::new() },
            });
            Ok(())
        }
        CommandMessage::WatchProgram(message) => {
            at.reply_status(watch_program(shared, message.program).err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::GetProgramInfo(message) => {
            value(at, info(shared, message.program, message.param));
            Ok(())
        }
        _ => Err(Violation::new("a command of another stream")),
    }
}

type Made = Result<Arc<Program>, cl_int>;

fn with_source(shared: &Shared, message: &CreateProgramWithSource<'_>) -> Result<Made, Violation> {
    let source = shared.asked.take(shared, &message.source)?;
    let context = shared.tables.contexts.get(message.context);
    Ok(context.and_then(|context| Program::of_source(shared, context, source)))
}

fn with_binary(at: &At<'_>, message: &CreateProgramWithBinary<'_>) -> Result<(), Violation> {
    at.shared.may_print.store(true, Ordering::SeqCst);
    let mut status = vec![CL_SUCCESS; message.binaries.len()];
    let binaries: Result<Vec<Contents>, Violation> =
        message.binaries.iter().map(|binary| at.shared.asked.take(at.shared, binary)).collect();
    let program = of_binary(at.shared, message, binaries?, &mut status);
    let code = program.as_ref().err().copied().unwrap_or(CL_SUCCESS);
    // A binary has a type before it is built. Its kernels are not asked for: that crashes some drivers (Intel's).
    let facts = program.as_ref().map(|program| ProgramFacts::without_kernels(at.shared, program)).unwrap_or_default();
    if program.is_ok() {
        at.shared.tables.programs.insert(message.program, program)?;
    }
    let (devices, _) = facts.wire();
    at.reply(&ProgramCreated { code, binary_status: status, devices });
    Ok(())
}

fn of_binary(
    shared: &Shared,
    message: &CreateProgramWithBinary<'_>,
    binaries: Vec<Contents>,
    status: &mut [cl_int],
) -> Made {
    let (context, devices) = context_and_devices(shared, message.context, message.devices.iter())?;
    if devices.is_empty() || devices.len() != binaries.len() {
        return Err(CL_INVALID_VALUE);
    }
    let binaries: Vec<Vec<u8>> = binaries.into_iter().map(|binary| binary.wait(shared)).collect::<Result<_, _>>()?;
    let ids: Vec<_> = devices.iter().map(|device| device.id()).collect();
    let lengths: Vec<_> = binaries.iter().map(Vec::len).collect();
    let mut starts: Vec<_> = binaries.iter().map(|binary| binary.as_ptr()).collect();
    let count = u32::try_from(ids.len()).map_err(|_| CL_INVALID_VALUE)?;
    let (lengths, starts, status) = (lengths.as_ptr(), starts.as_mut_ptr(), status.as_mut_ptr());
    // SAFETY: a live context and devices of the driver; all arrays have `count` elements and outlive the call.
    let raw = unsafe {
        create!(shared.driver, clCreateProgramWithBinary(context.raw(), count, ids.as_ptr(), lengths, starts, status))
    }?;
    // SAFETY: the driver has just made it for us.
    Ok(unsafe { Program::new(shared, context, devices, raw) })
}

fn with_il(shared: &Shared, message: &CreateProgramWithIL<'_>) -> Result<Made, Violation> {
    shared.may_print.store(true, Ordering::SeqCst);
    let il = shared.asked.take(shared, &message.il)?;
    Ok(shared.tables.contexts.get(message.context).and_then(|context| of_il(shared, context, il)))
}

fn of_il(shared: &Shared, context: Arc<Context>, il: Contents) -> Made {
    let il = il.wait(shared)?;
    let (bytes, length) = (il.as_ptr().cast::<c_void>(), il.len());
    // SAFETY: a live context, and bytes of that length, which the driver copies.
    let raw = unsafe {
        if context.version < (2, 1) {
            create!(context.extensions, clCreateProgramWithILKHR(context.raw(), bytes, length))
        } else {
            create!(shared.driver, clCreateProgramWithIL(context.raw(), bytes, length))
        }
    }?;
    let devices = context.devices.clone();
    // SAFETY: the driver has just made it for us.
    Ok(unsafe { Program::new(shared, context, devices, raw) })
}

fn with_built_in_kernels(shared: &Shared, message: &CreateProgramWithBuiltInKernels<'_>) -> Made {
    shared.may_print.store(true, Ordering::SeqCst);
    let (context, devices) = context_and_devices(shared, message.context, message.devices.iter())?;
    let ids: Vec<_> = devices.iter().map(|device| device.id()).collect();
    let names = CString::new(message.names).map_err(|_| CL_INVALID_VALUE)?;
    let count = u32::try_from(ids.len()).map_err(|_| CL_INVALID_VALUE)?;
    // SAFETY: a live context and devices of the driver, and a string that ends with 0.
    let raw = unsafe {
        create!(shared.driver, clCreateProgramWithBuiltInKernels(context.raw(), count, ids.as_ptr(), names.as_ptr()))
    }?;
    // SAFETY: the driver has just made it for us.
    Ok(unsafe { Program::new(shared, context, devices, raw) })
}

fn context_and_devices(
    shared: &Shared,
    context: Handle,
    devices: impl Iterator<Item = Handle>,
) -> Result<(Arc<Context>, Vec<Arc<Device>>), cl_int> {
    let context = shared.tables.contexts.get(context)?;
    let devices = shared.tables.devices.get_all(devices)?;
    let alien = devices.iter().any(|device| device.platform != context.platform);
    if alien { Err(CL_INVALID_DEVICE) } else { Ok((context, devices)) }
}

fn set_spec_constant(shared: &Shared, message: &SetSpecConstant<'_>) -> Result<(), cl_int> {
    let program = shared.tables.programs.get(message.program)?;
    if program.context.version < (2, 2) {
        return Err(CL_INVALID_OPERATION);
    }
    let raw = program.raw(shared)?;
    let _building = lock(&program.building);
    let (size, pointer) = (message.value.len(), message.value.as_ptr().cast());
    // SAFETY: a live program, and a value of that size.
    check(unsafe { call!(shared.driver, clSetProgramSpecializationConstant(raw, message.id, size, pointer)) })
}

/// The largest binary that is believed.
const MAX_BINARIES: usize = 512 << 20;

fn binaries(shared: &Shared, program: Handle) -> Result<Vec<Vec<u8>>, cl_int> {
    let program = shared.tables.programs.get(program)?;
    let raw = program.raw(shared)?;
    let _building = lock(&program.building);
    let sizes = query_words(|size, value, size_ret| {
        // SAFETY: a live program, and `value` has room for `size` bytes.
        unsafe { call!(shared.driver, clGetProgramInfo(raw, CL_PROGRAM_BINARY_SIZES, size, value, size_ret)) }
    })?;
    if sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size)).is_none_or(|sum| sum > MAX_BINARIES) {
        return Err(CL_OUT_OF_RESOURCES);
    }
    let mut binaries: Vec<Vec<u8>> = sizes.iter().map(|size| vec![0; *size]).collect();
    let mut starts: Vec<*mut u8> = binaries
        .iter_mut()
        .map(|binary| if binary.is_empty() { ptr::null_mut() } else { binary.as_mut_ptr() })
        .collect();
    let (size, list) = (size_of_val(starts.as_slice()), starts.as_mut_ptr().cast());
    // SAFETY: a live program; the list has a pointer for each device, with room for its binary.
    check(unsafe { call!(shared.driver, clGetProgramInfo(raw, CL_PROGRAM_BINARIES, size, list, ptr::null_mut())) })?;
    Ok(binaries)
}

fn info(shared: &Shared, program: Handle, param: u32) -> Result<Vec<u8>, cl_int> {
    // Handles of the driver mean nothing elsewhere, and binaries are answered through pointers.
    if matches!(param, CL_PROGRAM_CONTEXT | CL_PROGRAM_DEVICES | CL_PROGRAM_BINARIES) {
        return Err(CL_INVALID_VALUE);
    }
    let program = shared.tables.programs.get(program)?;
    let raw = program.raw(shared)?;
    let _building = lock(&program.building);
    query(|size, value, size_ret| {
        // SAFETY: a live program, and `value` has room for `size` bytes.
        unsafe { call!(shared.driver, clGetProgramInfo(raw, param, size, value, size_ret)) }
    })
}
