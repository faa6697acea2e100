//! Programs.

use std::ffi::{CStr, c_char, c_uchar, c_void};
use std::sync::Arc;

use opencl_sys::*;
use remora_client::{Contents, Needs};
use remora_protocol::opencl::{
    BuildProgram, CompileProgram, CreateProgramWithBinary, CreateProgramWithBuiltInKernels, CreateProgramWithIL,
    CreateProgramWithSource, GetProgramBinaries, GetProgramInfo, LinkProgram, NamedProgram, ProgramBinaries,
    ProgramCreated, SetSpecConstant, Status, UnloadCompiler, Value, WatchProgram,
};
use remora_protocol::{Handle, Kind, List};

use crate::api::context::{Context, Data};
use crate::api::device::{device_list, device_of};
use crate::build::BuildResult;
use crate::error::{Error, Result, check, ensure};
use crate::facts::{Device, Platform};
use crate::include::Place;
use crate::info::Answer;
use crate::object::{Remote, get, pointer_of, publish, references, release, retain, share};
use crate::program::{BuildNotify, Notify, Program};
use crate::session::{Destroyed, Sink};

fn in_context(context: &Context) -> Needs {
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    needs
}

fn handles(devices: &[Arc<Device>]) -> Vec<Handle> {
    devices.iter().map(|device| device.handle).collect()
}

/// A C string's bytes; none for NULL.
unsafe fn text<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: the program gives a C string or NULL.
    if text.is_null() { &[] } else { unsafe { CStr::from_ptr(text) }.to_bytes() }
}

/// # Safety
/// As clCreateProgramWithSource.
pub unsafe fn create_program_with_source(
    context: cl_context,
    count: cl_uint,
    strings: *mut *const c_char,
    lengths: *const usize,
) -> Result<cl_program> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    ensure(count > 0 && !strings.is_null(), CL_INVALID_VALUE)?;
    let mut source = Vec::new();
    for place in 0..count as usize {
        // SAFETY: the program gives `count` strings, and as many lengths or none.
        unsafe {
            let string = *strings.add(place);
            ensure(!string.is_null(), CL_INVALID_VALUE)?;
            match if lengths.is_null() { 0 } else { *lengths.add(place) } {
                0 => source.extend_from_slice(text(string)),
                length => source.extend_from_slice(std::slice::from_raw_parts(string.cast(), length)),
            }
        }
    }
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Program);
    let source = session.contents(source);
    let command = CreateProgramWithSource { program: handle, context: context.remote.handle, source: source.wire() };
    let created = session.send(session.objects(), &command, &in_context(&context), None)?;
    let devices = context.devices.clone();
    Ok(publish(Program::new(Remote { session, handle, created }, context, devices, source, Contents::default())))
}

/// # Safety
/// As clCreateProgramWithIL.
pub unsafe fn create_program_with_il(context: cl_context, il: *const c_void, length: usize) -> Result<cl_program> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    let speaks = |device: &Arc<Device>| !device.infos.text(CL_DEVICE_IL_VERSION).is_empty();
    ensure(context.devices.iter().any(speaks), CL_INVALID_OPERATION)?;
    ensure(!il.is_null() && length > 0, CL_INVALID_VALUE)?;
    // SAFETY: the program gives `length` bytes.
    let il = unsafe { std::slice::from_raw_parts(il.cast::<u8>(), length) }.to_vec();
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Program);
    let il = session.contents(il);
    let command = CreateProgramWithIL { program: handle, context: context.remote.handle, il: il.wire() };
    let (created, answer) = session.call(session.objects(), &command, &in_context(&context), None)?;
    check(answer.decode::<Status>()?.code)?;
    let devices = context.devices.clone();
    Ok(publish(Program::new(Remote { session, handle, created }, context, devices, Contents::default(), il)))
}

/// # Safety
/// As clCreateProgramWithILKHR.
pub unsafe fn create_program_with_il_khr(context: cl_context, il: *const c_void, length: usize) -> Result<cl_program> {
    // SAFETY: passed on to the caller.
    unsafe { create_program_with_il(context, il, length) }
}

/// # Safety
/// As clCreateProgramWithBinary.
pub unsafe fn create_program_with_binary(
    context: cl_context,
    count: cl_uint,
    devices: *const cl_device_id,
    lengths: *const usize,
    binaries: *mut *const c_uchar,
    binary_status: *mut cl_int,
) -> Result<cl_program> {
    // SAFETY: passed on to the caller.
    let (context, devices): (Arc<Context>, _) = unsafe { (share(context)?, device_list(count, devices)?) };
    let of_context = |device: &Arc<Device>| context.devices.iter().any(|one| Arc::ptr_eq(one, device));
    ensure(devices.iter().all(of_context), CL_INVALID_DEVICE)?;
    ensure(!lengths.is_null() && !binaries.is_null(), CL_INVALID_VALUE)?;
    let session = Arc::clone(context.session());
    let mut all = Vec::new();
    for place in 0..count as usize {
        // SAFETY: the program gives `count` lengths, binaries and places for a status (or none).
        unsafe {
            let (binary, length) = (*binaries.add(place), *lengths.add(place));
            let valid = !binary.is_null() && length > 0;
            if !binary_status.is_null() {
                binary_status.add(place).write(if valid { CL_SUCCESS } else { CL_INVALID_VALUE });
            }
            ensure(valid, CL_INVALID_VALUE)?;
            all.push(session.contents(std::slice::from_raw_parts(binary, length).to_vec()));
        }
    }
    let handle = session.mint(Kind::Program);
    let targets = handles(&devices);
    let command = CreateProgramWithBinary {
        program: handle,
        context: context.remote.handle,
        devices: List::new(&targets),
        binaries: all.iter().map(Contents::wire).collect(),
    };
    let (created, answer) = session.call(session.objects(), &command, &in_context(&context), None)?;
    let reply: ProgramCreated = answer.decode()?;
    if !binary_status.is_null() {
        for (place, status) in reply.binary_status.iter().take(count as usize).enumerate() {
            // SAFETY: as above.
            unsafe { binary_status.add(place).write(*status) };
        }
    }
    check(reply.code)?;
    let program =
        Program::new(Remote { session, handle, created }, context, devices, Contents::default(), Contents::default());
    program.made_of_binary(BuildResult::new(CL_SUCCESS, &reply.devices, &[]));
    Ok(publish(program))
}

/// # Safety
/// As clCreateProgramWithBuiltInKernels.
pub unsafe fn create_program_with_built_in_kernels(
    context: cl_context,
    count: cl_uint,
    devices: *const cl_device_id,
    names: *const c_char,
) -> Result<cl_program> {
    // SAFETY: passed on to the caller.
    let (context, devices): (Arc<Context>, _) = unsafe { (share(context)?, device_list(count, devices)?) };
    let of_context = |device: &Arc<Device>| context.devices.iter().any(|one| Arc::ptr_eq(one, device));
    ensure(devices.iter().all(of_context), CL_INVALID_DEVICE)?;
    ensure(!names.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives a C string.
    let names = unsafe { text(names) };
    let known = |name: &[u8]| {
        let has = |device: &Arc<Device>| {
            let kernels = device.infos.text(CL_DEVICE_BUILT_IN_KERNELS);
            kernels.as_bytes().split(|byte| *byte == b';').any(|kernel| kernel == name)
        };
        devices.iter().any(has)
    };
    ensure(names.split(|byte| *byte == b';').all(known), CL_INVALID_VALUE)?;
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Program);
    let targets = handles(&devices);
    let command = CreateProgramWithBuiltInKernels {
        program: handle,
        context: context.remote.handle,
        devices: List::new(&targets),
        names,
    };
    let (created, answer) = session.call(session.objects(), &command, &in_context(&context), None)?;
    check(answer.decode::<Status>()?.code)?;
    Ok(publish(Program::new(
        Remote { session, handle, created },
        context,
        devices,
        Contents::default(),
        Contents::default(),
    )))
}

/// # Safety
/// As clRetainProgram.
pub unsafe fn retain_program(program: cl_program) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Program>(program) }
}

/// # Safety
/// As clReleaseProgram.
pub unsafe fn release_program(program: cl_program) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<Program>(program) }
}

/// # Safety
/// As clBuildProgram.
pub unsafe fn build_program(
    program: cl_program,
    count: cl_uint,
    devices: *const cl_device_id,
    options: *const c_char,
    notify: Option<BuildNotify>,
    user_data: *mut c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (program, options): (Arc<Program>, _) = unsafe { (share(program)?, text(options)) };
    let notify = Notify::new(notify, user_data)?;
    // SAFETY: passed on to the caller.
    let targets = unsafe { program.targets(count, devices) }?;
    let handle = program.remote.handle;
    let place = Place::of(&program.remote.session, [&*program.source].into_iter(), options).map(Arc::new);
    program.build(&targets, options, &Needs::default(), notify, place.clone(), |serial| BuildProgram {
        program: handle,
        serial,
        devices: List::new(named(count, &targets)),
        options,
        place: place.as_ref().map(|place| place.wire()),
    })
}

/// # Safety
/// As clCompileProgram.
#[allow(clippy::too_many_arguments)]
pub unsafe fn compile_program(
    program: cl_program,
    count: cl_uint,
    devices: *const cl_device_id,
    options: *const c_char,
    num_headers: cl_uint,
    headers: *const cl_program,
    names: *mut *const c_char,
    notify: Option<BuildNotify>,
    user_data: *mut c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (program, options): (Arc<Program>, _) = unsafe { (share(program)?, text(options)) };
    let notify = Notify::new(notify, user_data)?;
    // SAFETY: passed on to the caller.
    let targets = unsafe { program.targets(count, devices) }?;
    let none = headers.is_null() && names.is_null();
    ensure(if num_headers == 0 { none } else { !headers.is_null() && !names.is_null() }, CL_INVALID_VALUE)?;
    ensure(!program.source.is_empty() || !program.il.is_empty(), CL_INVALID_OPERATION)?;
    let mut needs = Needs::default();
    let (mut included, mut kept) = (Vec::new(), Vec::new());
    for place in 0..num_headers as usize {
        // SAFETY: the program gives `num_headers` of each.
        unsafe {
            let header: Arc<Program> = share(*headers.add(place))?;
            header.remote.needed_by(&mut needs);
            included.push(NamedProgram { name: text(*names.add(place)), program: header.remote.handle });
            kept.push(header);
        }
    }
    let handle = program.remote.handle;
    let sources = kept.iter().chain([&program]).map(|program| &*program.source);
    let place = Place::of(&program.remote.session, sources, options).map(Arc::new);
    program.build(&targets, options, &needs, notify, (kept, place.clone()), |serial| CompileProgram {
        program: handle,
        serial,
        devices: List::new(named(count, &targets)),
        options,
        headers: included,
        place: place.as_ref().map(|place| place.wire()),
    })
}

/// # Safety
/// As clLinkProgram.
#[allow(clippy::too_many_arguments)]
pub unsafe fn link_program(
    context: cl_context,
    count: cl_uint,
    devices: *const cl_device_id,
    options: *const c_char,
    num_inputs: cl_uint,
    inputs: *const cl_program,
    notify: Option<BuildNotify>,
    user_data: *mut c_void,
) -> Result<(cl_program, cl_int)> {
    // SAFETY: passed on to the caller.
    let (context, options): (Arc<Context>, _) = unsafe { (share(context)?, text(options)) };
    let notify = Notify::new(notify, user_data)?;
    ensure((count == 0) == devices.is_null(), CL_INVALID_VALUE)?;
    ensure(num_inputs > 0 && !inputs.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: passed on to the caller.
    let devices = if count == 0 { context.devices.clone() } else { unsafe { device_list(count, devices) }? };
    let of_context = |device: &Arc<Device>| context.devices.iter().any(|one| Arc::ptr_eq(one, device));
    ensure(devices.iter().all(of_context), CL_INVALID_DEVICE)?;
    let mut needs = in_context(&context);
    let (mut objects, mut programs) = (Vec::new(), Vec::new());
    for place in 0..num_inputs as usize {
        // SAFETY: the program gives `num_inputs` programs.
        let input: Arc<Program> = unsafe { share(*inputs.add(place)) }?;
        input.remote.needed_by(&mut needs);
        objects.push(input.remote.handle);
        programs.push(input);
    }
    for device in &devices {
        // For each device all of them are to be linked, or none.
        let compiled = programs.iter().filter(|input| input.can_be_linked(device.handle)).count();
        ensure(compiled == 0 || compiled == programs.len(), CL_INVALID_OPERATION)?;
    }
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Program);
    let context_handle = context.remote.handle;
    let targets = handles(&devices);
    let created = session.objects().sent() + 1;
    let program =
        Program::new(Remote { session, handle, created }, context, devices, Contents::default(), Contents::default());
    let pointer = publish(Arc::clone(&program));
    let linked = program.build(&targets, options, &needs, notify, (), |serial| LinkProgram {
        program: handle,
        serial,
        context: context_handle,
        devices: List::new(named(count, &targets)),
        options,
        inputs: List::new(&objects),
    });
    match linked.map_err(|error| error.code()) {
        Ok(()) => Ok((pointer, CL_SUCCESS)),
        // Linking began, so there is a program, which has the log.
        Err(CL_BUILD_PROGRAM_FAILURE | CL_LINK_PROGRAM_FAILURE) => Ok((pointer, CL_LINK_PROGRAM_FAILURE)),
        Err(code) => {
            // SAFETY: it was published just above and given to nobody.
            unsafe { release::<Program>(pointer) }?;
            Err(Error(code))
        }
    }
}

/// The devices as the program named them: drivers tell a list of all from none (PoCL builds for sub-devices only then).
fn named(count: cl_uint, targets: &[Handle]) -> &[Handle] {
    if count == 0 { &[] } else { targets }
}

/// # Safety
/// As clSetProgramSpecializationConstant.
pub unsafe fn set_program_specialization_constant(
    program: cl_program,
    id: cl_uint,
    size: usize,
    value: *const c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let program: &Program = unsafe { get(program) }?;
    let takes_il = |device: &Arc<Device>| !device.infos.text(CL_DEVICE_IL_VERSION).is_empty();
    ensure(program.devices.iter().any(takes_il), CL_INVALID_OPERATION)?;
    ensure(!program.il.is_empty(), CL_INVALID_PROGRAM)?;
    ensure(size > 0 && !value.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives `size` bytes.
    let value = unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size) };
    let session = &program.remote.session;
    let command = SetSpecConstant { program: program.remote.handle, id, value };
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)
}

/// # Safety
/// As clSetProgramReleaseCallback.
pub unsafe fn set_program_release_callback(
    program: cl_program,
    function: Option<BuildNotify>,
    user_data: *mut c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let program: &Program = unsafe { get(program) }?;
    let (pointer, data) = (Data(pointer_of(program)), Data(user_data));
    let function = function.ok_or(Error(CL_INVALID_VALUE))?;
    let session = &program.remote.session;
    let command = WatchProgram { program: program.remote.handle };
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)?;
    // SAFETY: the program registered this function for this data.
    let call = move || unsafe { function(pointer.get(), data.get()) };
    Sink::of(session).when_destroyed(program.remote.handle, vec![Destroyed::Callback(Box::new(call))]);
    Ok(())
}

/// # Safety
/// As clUnloadPlatformCompiler.
pub unsafe fn unload_platform_compiler(platform: cl_platform_id) -> Result<()> {
    // SAFETY: passed on to the caller.
    let platform: &Platform = unsafe { get(platform) }?;
    let session = platform.session()?;
    session.send(session.objects(), &UnloadCompiler { platform: platform.index }, &Needs::default(), None)?;
    Ok(())
}

/// A hint without a platform: there is nothing to tell the drivers.
pub fn unload_compiler() -> Result<()> {
    Ok(())
}

/// # Safety
/// As clGetProgramInfo.
pub unsafe fn get_program_info(
    program: cl_program,
    param_name: cl_program_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let program: &Program = get(program)?;
        match param_name {
            CL_PROGRAM_REFERENCE_COUNT => answer.value(references(program)),
            CL_PROGRAM_CONTEXT => answer.value(pointer_of(&*program.context)),
            CL_PROGRAM_NUM_DEVICES => answer.value(program.devices.len() as cl_uint),
            CL_PROGRAM_DEVICES => {
                let devices: Vec<cl_device_id> = program.devices.iter().map(|device| pointer_of(&**device)).collect();
                answer.values(&devices)
            }
            CL_PROGRAM_SOURCE if !program.source.is_empty() => answer.string(&program.source),
            CL_PROGRAM_IL => answer.bytes(&program.il),
            CL_PROGRAM_BINARY_SIZES => {
                let sizes: Vec<usize> = binaries(program)?.iter().map(Vec::len).collect();
                answer.values(&sizes)
            }
            CL_PROGRAM_BINARIES => copy_binaries(program, answer),
            CL_PROGRAM_NUM_KERNELS => answer.value(program.kernels()?.len()),
            CL_PROGRAM_KERNEL_NAMES => {
                let kernels = program.kernels()?;
                let names: Vec<&[u8]> = kernels.iter().map(|kernel| kernel.name.as_slice()).collect();
                answer.string(&names.join(&b';'))
            }
            // Drivers don't agree on what the source of a program without one is.
            CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT | CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT | CL_PROGRAM_SOURCE => {
                answer.bytes(&program.info(param_name, || ask(program, param_name))?)
            }
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// What the driver says now.
fn ask(program: &Program, param: cl_program_info) -> Result<Vec<u8>> {
    let session = &program.remote.session;
    let command = GetProgramInfo { program: program.remote.handle, param };
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    let reply: Value<'_> = answer.decode()?;
    check(reply.code)?;
    Ok(reply.value.to_vec())
}

fn binaries(program: &Program) -> Result<Arc<Vec<Vec<u8>>>> {
    if let Some(binaries) = program.binaries() {
        return Ok(binaries);
    }
    let session = &program.remote.session;
    let command = GetProgramBinaries { program: program.remote.handle };
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    let reply: ProgramBinaries<'_> = answer.decode()?;
    check(reply.code)?;
    Ok(program.keep_binaries(reply.binaries.iter().map(|binary| binary.to_vec()).collect()))
}

/// CL_PROGRAM_BINARIES: the program gives an array of places, NULL for what it does not want.
unsafe fn copy_binaries(program: &Program, answer: Answer) -> Result<()> {
    let binaries = binaries(program)?;
    let length = binaries.len() * size_of::<*mut u8>();
    if !answer.value.is_null() {
        ensure(answer.size >= length, CL_INVALID_VALUE)?;
        for (place, binary) in binaries.iter().enumerate() {
            // SAFETY: the array has a place for each device, each with room for the binary's size.
            unsafe {
                let to = *answer.value.cast::<*mut u8>().add(place);
                if !to.is_null() {
                    std::ptr::copy_nonoverlapping(binary.as_ptr(), to, binary.len());
                }
            }
        }
    }
    if !answer.size_ret.is_null() {
        // SAFETY: the program gives a valid place.
        unsafe { answer.size_ret.write(length) };
    }
    Ok(())
}

/// # Safety
/// As clGetProgramBuildInfo.
pub unsafe fn get_program_build_info(
    program: cl_program,
    device: cl_device_id,
    param_name: cl_program_build_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let program: &Program = get(program)?;
        ensure(!device.is_null(), CL_INVALID_DEVICE)?;
        let build = program.build_of(device_of(&program.devices, device)?.handle);
        match param_name {
            CL_PROGRAM_BUILD_STATUS => answer.value(build.status),
            CL_PROGRAM_BUILD_OPTIONS => answer.string(&build.options),
            CL_PROGRAM_BUILD_LOG => answer.string(&build.log),
            CL_PROGRAM_BINARY_TYPE => answer.value(build.binary_type),
            CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE => answer.value(build.global_variable_size as usize),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}
