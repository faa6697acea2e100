//! Programs: how they come to be, and what can be asked of them. Building is in `build`.

use super::context::Context;
use super::device::{self, Device};
use super::ffi::{self, Outcome, Room, UserData, code, lock};
use super::pool::{self, Handle, Ref, object};
use super::source::{KernelMeta, Parsed, parse};
use opencl_sys::*;
use std::ffi::{c_char, c_uchar, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

pub struct Program {
    pub context: Ref<Context>,
    /// What clCreateProgramWithSource got; None for other programs.
    pub source: Option<Arc<[u8]>>,
    /// One entry for each device of the program.
    pub builds: Mutex<Vec<Build>>,
    pub devices: Vec<Ref<Device>>,
    /// Kernel objects made of it.
    pub kernels: AtomicU32,
    /// To be called when it is gone, the last one first.
    destructors: Mutex<Vec<(Destructor, UserData)>>,
}

type Destructor = unsafe extern "C" fn(cl_program, *mut c_void);

object!(Program, 6, CL_INVALID_PROGRAM, {
    fn retire(&mut self, handle: Handle) {
        for (function, data) in std::mem::take(&mut *lock(&self.destructors)).into_iter().rev() {
            // SAFETY: the caller registered this function to be called now, with this data.
            unsafe { function(handle, data.0) };
        }
    }
});

/// What there is of a program for one device.
#[derive(Clone)]
pub struct Build {
    pub status: cl_build_status,
    pub binary_type: cl_program_binary_type,
    pub options: Vec<u8>,
    pub log: String,
    /// The "machine code": a source with its includes in place.
    pub code: Option<Arc<[u8]>>,
    pub kernels: Arc<[Arc<KernelMeta>]>,
}

impl Build {
    /// Nothing yet.
    pub fn none() -> Build {
        Build {
            status: CL_BUILD_NONE,
            binary_type: CL_PROGRAM_BINARY_TYPE_NONE,
            options: Vec::new(),
            log: String::new(),
            code: None,
            kernels: Arc::new([]),
        }
    }

    /// What came of a build.
    pub fn done(parsed: Result<Parsed, String>, binary_type: cl_program_binary_type, options: &[u8]) -> Build {
        let build = Build { options: options.to_vec(), ..Build::none() };
        match parsed {
            Ok(parsed) => Build {
                status: CL_BUILD_SUCCESS,
                binary_type,
                code: Some(parsed.code),
                kernels: parsed.kernels.into(),
                ..build
            },
            Err(log) => Build { status: CL_BUILD_ERROR, log, ..build },
        }
    }

    pub fn is_executable(&self) -> bool {
        self.status == CL_BUILD_SUCCESS && self.binary_type == CL_PROGRAM_BINARY_TYPE_EXECUTABLE
    }

    fn binary(&self) -> Vec<u8> {
        let Some(code) = &self.code else { return Vec::new() };
        let mut binary = MAGIC.to_vec();
        binary.extend(self.binary_type.to_le_bytes());
        binary.extend(checksum(code).to_le_bytes());
        binary.extend_from_slice(code);
        binary
    }

    fn from_binary(binary: &[u8]) -> Option<Build> {
        let (binary_type, rest) = binary.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (sum, code) = rest.split_first_chunk()?;
        let binary_type = u32::from_le_bytes(*binary_type);
        let known =
            [CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT, CL_PROGRAM_BINARY_TYPE_LIBRARY, CL_PROGRAM_BINARY_TYPE_EXECUTABLE];
        if u64::from_le_bytes(*sum) != checksum(code) || !known.contains(&binary_type) {
            return None;
        }
        parse(code, &[]).ok()?;
        Some(Build { binary_type, code: Some(code.into()), ..Build::none() })
    }
}

/// What binaries start with; the 1 is their version.
const MAGIC: &[u8] = b"RMRANULL1";

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

impl Program {
    /// A program for these devices.
    pub fn create(
        context: Ref<Context>,
        devices: Vec<Ref<Device>>,
        source: Option<Arc<[u8]>>,
        builds: Vec<Build>,
    ) -> Outcome<Ref<Program>> {
        let (builds, kernels) = (Mutex::new(builds), AtomicU32::new(0));
        Ref::new(Program { context, source, builds, devices, kernels, destructors: Mutex::default() })
    }

    /// The kernels of the first device that has an executable.
    pub fn executable_kernels(&self) -> Outcome<Arc<[Arc<KernelMeta>]>> {
        let builds = lock(&self.builds);
        let build = builds.iter().find(|build| build.is_executable()).ok_or(CL_INVALID_PROGRAM_EXECUTABLE)?;
        Ok(build.kernels.clone())
    }

    /// Where a device stands in the program's list.
    pub fn index_of(&self, device: &Ref<Device>) -> Outcome<usize> {
        self.devices.iter().position(|own| own.is(device)).ok_or(CL_INVALID_DEVICE)
    }

    pub fn has_kernels(&self) -> bool {
        self.kernels.load(Ordering::Acquire) > 0
    }

    fn binaries(&self) -> Vec<Vec<u8>> {
        lock(&self.builds).iter().map(Build::binary).collect()
    }

    fn build_info(&self, device: cl_device_id, param: cl_program_build_info, room: Room) -> Outcome<()> {
        let device: Ref<Device> = Ref::find(device)?;
        let build = lock(&self.builds).get(self.index_of(&device)?).cloned().ok_or(CL_INVALID_DEVICE)?;
        match param {
            CL_PROGRAM_BUILD_STATUS => room.put(build.status),
            CL_PROGRAM_BUILD_OPTIONS => room.text(&build.options),
            CL_PROGRAM_BUILD_LOG => room.text(build.log.as_bytes()),
            CL_PROGRAM_BINARY_TYPE => room.put(build.binary_type),
            CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE => room.put(0usize),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

impl Ref<Program> {
    fn info(&self, param: cl_program_info, room: Room) -> Outcome<()> {
        match param {
            CL_PROGRAM_REFERENCE_COUNT => room.put(self.count()),
            CL_PROGRAM_CONTEXT => room.put(self.context.handle()),
            CL_PROGRAM_NUM_DEVICES => room.put(self.devices.len() as cl_uint),
            CL_PROGRAM_DEVICES => room.list(&self.devices.iter().map(Ref::handle).collect::<Vec<_>>()),
            CL_PROGRAM_SOURCE => room.text(self.source.as_deref().unwrap_or_default()),
            CL_PROGRAM_IL => room.list::<u8>(&[]),
            CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT | CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT => room.flag(false),
            CL_PROGRAM_NUM_KERNELS => room.put(self.executable_kernels()?.len()),
            CL_PROGRAM_KERNEL_NAMES => {
                let kernels = self.executable_kernels()?;
                let names: Vec<&str> = kernels.iter().map(|kernel| kernel.name.as_str()).collect();
                room.text(names.join(";").as_bytes())
            }
            CL_PROGRAM_BINARY_SIZES => {
                let sizes: Vec<usize> = self.binaries().iter().map(Vec::len).collect();
                room.list(&sizes)
            }
            CL_PROGRAM_BINARIES => {
                let binaries = self.binaries();
                for (binary, place) in binaries.iter().zip(room.pointers(binaries.len())?) {
                    if !place.is_null() {
                        // SAFETY: the caller promises room for as many bytes as CL_PROGRAM_BINARY_SIZES says.
                        unsafe { std::ptr::copy(binary.as_ptr(), place, binary.len()) };
                    }
                }
                Ok(())
            }
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

pub unsafe extern "C" fn create_program_with_source(
    context: cl_context,
    count: cl_uint,
    strings: *mut *const c_char,
    lengths: *const usize,
    errcode_ret: *mut cl_int,
) -> cl_program {
    let made = (|| {
        let context: Ref<Context> = Ref::find(context)?;
        // SAFETY: the caller's promise (see `ffi`).
        let strings = unsafe { ffi::list(count, strings.cast_const()) }?;
        let mut source = Vec::new();
        for (index, &string) in strings.iter().enumerate() {
            if string.is_null() {
                return Err(CL_INVALID_VALUE);
            }
            // SAFETY: as above: NULL or one length for each string.
            let length = if lengths.is_null() { 0 } else { unsafe { lengths.add(index).read() } };
            source.extend_from_slice(match length {
                // SAFETY: as above: a C string.
                0 => unsafe { ffi::text(string) },
                // SAFETY: as above: so many bytes.
                _ => unsafe { std::slice::from_raw_parts(string.cast(), length) },
            });
        }
        let devices = context.devices.clone();
        let builds = vec![Build::none(); devices.len()];
        Program::create(context, devices, Some(source.into()), builds)
    })();
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn create_program_with_binary(
    context: cl_context,
    count: cl_uint,
    devices: *const cl_device_id,
    lengths: *const usize,
    binaries: *mut *const c_uchar,
    status: *mut cl_int,
    errcode_ret: *mut cl_int,
) -> cl_program {
    let made = (|| {
        let context: Ref<Context> = Ref::find(context)?;
        // SAFETY: the caller's promise (see `ffi`).
        let devices = unsafe { device::listed(count, devices) }?;
        if !devices.iter().all(|device| context.has(device)) {
            return Err(CL_INVALID_DEVICE);
        }
        // SAFETY: as above.
        let (lengths, binaries) = unsafe { (ffi::list(count, lengths)?, ffi::list(count, binaries.cast_const())?) };
        let mut builds = Vec::new();
        let mut failure = None;
        for (index, (&length, &binary)) in lengths.iter().zip(binaries).enumerate() {
            let build = if length == 0 || binary.is_null() {
                Err(CL_INVALID_VALUE)
            } else {
                // SAFETY: as above: so many bytes.
                Build::from_binary(unsafe { std::slice::from_raw_parts(binary, length) }).ok_or(CL_INVALID_BINARY)
            };
            if !status.is_null() {
                // SAFETY: as above: NULL or room for one code for each device.
                unsafe { status.add(index).write(build.as_ref().err().copied().unwrap_or(CL_SUCCESS)) };
            }
            match build {
                Ok(build) => builds.push(build),
                Err(code) => failure = failure.or(Some(code)),
            }
        }
        failure.map_or(Ok(()), Err)?;
        Program::create(context, devices, None, builds)
    })();
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn create_program_with_built_in_kernels(
    context: cl_context,
    _count: cl_uint,
    _devices: *const cl_device_id,
    _names: *const c_char,
    errcode_ret: *mut cl_int,
) -> cl_program {
    // The device has none, so no name can be one.
    let made = Ref::<Context>::find(context).and(Err::<Ref<Program>, _>(CL_INVALID_VALUE));
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn create_program_with_il(
    context: cl_context,
    _il: *const c_void,
    _length: usize,
    errcode_ret: *mut cl_int,
) -> cl_program {
    // The device takes no intermediate language.
    let made = Ref::<Context>::find(context).and(Err::<Ref<Program>, _>(CL_INVALID_OPERATION));
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn set_program_specialization_constant(
    program: cl_program,
    _id: cl_uint,
    _size: usize,
    _value: *const c_void,
) -> cl_int {
    code(Ref::<Program>::find(program).and(Err(CL_INVALID_OPERATION)))
}

pub unsafe extern "C" fn set_program_release_callback(
    program: cl_program,
    function: Option<Destructor>,
    data: *mut c_void,
) -> cl_int {
    // Real drivers have this for destructors in OpenCL C++ only, which none of today speaks.
    code(Ref::find(program).and_then(|program: Ref<Program>| {
        lock(&program.destructors).push((function.ok_or(CL_INVALID_VALUE)?, UserData(data)));
        Ok(())
    }))
}

pub unsafe extern "C" fn retain_program(program: cl_program) -> cl_int {
    code(pool::retain::<Program>(program))
}

pub unsafe extern "C" fn release_program(program: cl_program) -> cl_int {
    code(pool::release::<Program>(program))
}

pub unsafe extern "C" fn get_program_info(
    program: cl_program,
    param: cl_program_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(program).and_then(|program: Ref<Program>| program.info(param, room)))
}

pub unsafe extern "C" fn get_program_build_info(
    program: cl_program,
    device: cl_device_id,
    param: cl_program_build_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(program).and_then(|program: Ref<Program>| program.build_info(device, param, room)))
}
