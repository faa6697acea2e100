//! clBuildProgram, clCompileProgram, clLinkProgram. All of them work on the caller's thread.

use super::context::Context;
use super::ffi::{self, Outcome, code, lock};
use super::options;
use super::pool::Ref;
use super::program::{Build, Program};
use super::source::{Header, parse};
use opencl_sys::*;
use std::ffi::{c_char, c_void};

type Notify = Option<unsafe extern "C" fn(cl_program, *mut c_void)>;

fn check_notify(notify: Notify, data: *mut c_void) -> Outcome<()> {
    if notify.is_none() && !data.is_null() { Err(CL_INVALID_VALUE) } else { Ok(()) }
}

/// Tells the program that its build is over.
fn notify_of(program: &Ref<Program>, notify: Notify, data: *mut c_void) {
    if let Some(notify) = notify {
        // SAFETY: the caller passed this function to be called when the build is over, with this data.
        unsafe { notify(program.handle(), data) };
    }
}

/// Positions in the program's list of the devices that a caller names, or of all if it names none.
///
/// # Safety
/// `first` is NULL or points to `count` handles.
unsafe fn chosen(program: &Program, count: cl_uint, first: *const cl_device_id) -> Outcome<Vec<usize>> {
    // SAFETY: the caller's promise.
    let handles = unsafe { ffi::list_or_nothing(count, first) }?;
    if handles.is_empty() {
        return Ok((0..program.devices.len()).collect());
    }
    handles.iter().map(|&handle| program.index_of(&Ref::find(handle)?)).collect()
}

pub unsafe extern "C" fn build_program(
    program: cl_program,
    count: cl_uint,
    devices: *const cl_device_id,
    build_options: *const c_char,
    notify: Notify,
    data: *mut c_void,
) -> cl_int {
    code(Ref::find(program).and_then(|program: Ref<Program>| {
        check_notify(notify, data)?;
        // SAFETY: the caller's promise (see `ffi`).
        let (chosen, text) = unsafe { (chosen(&program, count, devices)?, ffi::text(build_options)) };
        if !options::are_for_compiler(text) {
            return Err(CL_INVALID_BUILD_OPTIONS);
        }
        if program.has_kernels() {
            return Err(CL_INVALID_OPERATION);
        }
        let mut failed = false;
        {
            let mut builds = lock(&program.builds);
            for index in chosen {
                let old = builds.get(index).ok_or(CL_INVALID_DEVICE)?;
                let Some(code) = program.source.clone().or_else(|| old.code.clone()) else {
                    return Err(CL_INVALID_BINARY);
                };
                let build = Build::done(parse(&code, &[]), CL_PROGRAM_BINARY_TYPE_EXECUTABLE, text);
                failed |= build.status != CL_BUILD_SUCCESS;
                builds[index] = build;
            }
        }
        notify_of(&program, notify, data);
        if failed { Err(CL_BUILD_PROGRAM_FAILURE) } else { Ok(()) }
    }))
}

pub unsafe extern "C" fn compile_program(
    program: cl_program,
    count: cl_uint,
    devices: *const cl_device_id,
    compile_options: *const c_char,
    header_count: cl_uint,
    headers: *const cl_program,
    names: *mut *const c_char,
    notify: Notify,
    data: *mut c_void,
) -> cl_int {
    code(Ref::find(program).and_then(|program: Ref<Program>| {
        check_notify(notify, data)?;
        // SAFETY: the caller's promise (see `ffi`).
        let (chosen, text) = unsafe { (chosen(&program, count, devices)?, ffi::text(compile_options)) };
        // SAFETY: as above.
        let headers = unsafe { named_headers(header_count, headers, names) }?;
        if !options::are_for_compiler(text) {
            return Err(CL_INVALID_COMPILER_OPTIONS);
        }
        let source = program.source.clone().ok_or(CL_INVALID_OPERATION)?;
        if program.has_kernels() {
            return Err(CL_INVALID_OPERATION);
        }
        let mut failed = false;
        {
            let mut builds = lock(&program.builds);
            for index in chosen {
                let build = Build::done(parse(&source, &headers), CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT, text);
                failed |= build.status != CL_BUILD_SUCCESS;
                *builds.get_mut(index).ok_or(CL_INVALID_DEVICE)? = build;
            }
        }
        notify_of(&program, notify, data);
        if failed { Err(CL_COMPILE_PROGRAM_FAILURE) } else { Ok(()) }
    }))
}

/// # Safety
/// `programs` and `names` are NULL or point to `count` each.
unsafe fn named_headers(
    count: cl_uint,
    programs: *const cl_program,
    names: *mut *const c_char,
) -> Outcome<Vec<Header>> {
    // SAFETY: the caller's promise.
    let (programs, names) =
        unsafe { (ffi::list_or_nothing(count, programs)?, ffi::list_or_nothing(count, names.cast_const())?) };
    let mut headers = Vec::new();
    for (&program, &name) in programs.iter().zip(names) {
        let program: Ref<Program> = Ref::find(program)?;
        if name.is_null() {
            return Err(CL_INVALID_VALUE);
        }
        // SAFETY: as above: a C string.
        let name = unsafe { ffi::text(name) }.to_vec();
        headers.push((name, program.source.clone().ok_or(CL_INVALID_OPERATION)?));
    }
    Ok(headers)
}

pub unsafe extern "C" fn link_program(
    context: cl_context,
    count: cl_uint,
    devices: *const cl_device_id,
    link_options: *const c_char,
    input_count: cl_uint,
    inputs: *const cl_program,
    notify: Notify,
    data: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_program {
    let linked = (|| {
        let context: Ref<Context> = Ref::find(context)?;
        check_notify(notify, data)?;
        // SAFETY: the caller's promise (see `ffi`).
        let (devices, text) = unsafe { (context.chosen(count, devices)?, ffi::text(link_options)) };
        // SAFETY: as above.
        let inputs = unsafe { ffi::list(input_count, inputs) }?;
        let inputs = inputs.iter().map(|&input| Ref::find(input)).collect::<Outcome<Vec<Ref<Program>>>>()?;
        if !options::are_for_linker(text) {
            return Err(CL_INVALID_LINKER_OPTIONS);
        }
        let made = match options::make_library(text) {
            true => CL_PROGRAM_BINARY_TYPE_LIBRARY,
            false => CL_PROGRAM_BINARY_TYPE_EXECUTABLE,
        };
        let mut builds = Vec::new();
        for device in &devices {
            let mut code = Vec::new();
            for input in &inputs {
                code.extend_from_slice(&linkable(input, input.index_of(device).map_err(|_| CL_INVALID_OPERATION)?)?);
                code.push(b'\n');
            }
            builds.push(Build::done(parse(&code, &[]), made, text));
        }
        let failed = builds.iter().any(|build| build.status != CL_BUILD_SUCCESS);
        let program = Program::create(context, devices, None, builds)?;
        Ok((program, failed))
    })();
    let (code, program) = match linked {
        Ok((program, failed)) => {
            let kept = program.clone();
            let handle = program.into_handle();
            notify_of(&kept, notify, data);
            // A program that didn't link is there all the same, for its log.
            (if failed { CL_LINK_PROGRAM_FAILURE } else { CL_SUCCESS }, handle)
        }
        Err(code) => (code, std::ptr::null_mut()),
    };
    // SAFETY: as above.
    unsafe { ffi::put(errcode_ret, code) };
    program
}

/// What a program has to link for one device.
fn linkable(program: &Program, index: usize) -> Outcome<std::sync::Arc<[u8]>> {
    let builds = lock(&program.builds);
    let build = builds.get(index).ok_or(CL_INVALID_OPERATION)?;
    let types = [CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT, CL_PROGRAM_BINARY_TYPE_LIBRARY];
    if !types.contains(&build.binary_type) {
        return Err(CL_INVALID_OPERATION);
    }
    build.code.clone().ok_or(CL_INVALID_OPERATION)
}
