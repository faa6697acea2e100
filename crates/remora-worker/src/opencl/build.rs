//! Building programs: on threads of their own, one at a time for each program, answered by a notice.

use std::collections::{HashMap, VecDeque};
use std::ffi::{CStr, CString, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use opencl_sys::*;
use remora_protocol::argument::Takes;
use remora_protocol::opencl::{BuildProgram, CompileProgram, DeviceBuild, KernelFacts, LinkProgram, ProgramBuilt};
use remora_protocol::{Handle, List};

use super::contents::Contents;
use super::context::{Context, Device};
use super::driver::{Driver, Object, call, create, query, query_number};
use super::executor::{DRIVER_STACK, guarded, spawn};
use super::kernel_facts::{self, text};
use super::options::{Options, c_string, own_log, without_addition};
use super::places::{Inside, Place};
use super::shared::Shared;
use super::violation::Violation;
use crate::lock;

/// A program.
pub struct Program {
    /// Made once its source is here, or why it can't be.
    object: OnceLock<Result<Object, cl_int>>,
    source: Mutex<Option<Contents>>,
    /// Its context.
    pub context: Arc<Context>,
    /// The devices that it is for, in the driver's order.
    pub devices: Vec<Arc<Device>>,
    /// Held while it is built, and while kernels are made of it: not every driver can do both. What the arguments of those
    /// kernels take that have been made since, by name: to ask for that takes longer than to make one.
    pub building: Mutex<HashMap<CString, Arc<[Takes]>>>,
    /// Its kernels that the program has released and the driver still has.
    leaving: AtomicUsize,
    /// Whether there ever were any.
    left: AtomicBool,
}

impl Program {
    /// A program of that source, as soon as it is here.
    ///
    /// # Errors
    /// The driver's code, if the source is here already.
    pub fn of_source(shared: &Shared, context: Arc<Context>, source: Contents) -> Result<Arc<Self>, cl_int> {
        let here = matches!(source, Contents::Here(_));
        let devices = context.devices.clone();
        let program = Arc::new(Self::of(OnceLock::new(), Some(source), context, devices));
        if here {
            program.raw(shared)?;
        }
        Ok(program)
    }

    /// Takes over a program of the driver.
    ///
    /// # Safety
    /// `raw` is a program of the driver, with a reference that is ours.
    #[must_use]
    pub unsafe fn new(
        shared: &Shared,
        context: Arc<Context>,
        devices: Vec<Arc<Device>>,
        raw: *mut c_void,
    ) -> Arc<Self> {
        // SAFETY: by the promise of the caller.
        let object = unsafe { Object::new(raw, shared.driver.clReleaseProgram) };
        Arc::new(Self::of(Ok(object).into(), None, context, devices))
    }

    fn of(
        object: OnceLock<Result<Object, cl_int>>,
        source: Option<Contents>,
        context: Arc<Context>,
        devices: Vec<Arc<Device>>,
    ) -> Self {
        Self {
            object,
            source: Mutex::new(source),
            context,
            devices,
            building: Mutex::default(),
            leaving: AtomicUsize::new(0),
            left: AtomicBool::new(false),
        }
    }

    /// The driver's name for it. Waits for its source, if that is on its way.
    ///
    /// # Errors
    /// Why the driver has none.
    pub fn raw(&self, shared: &Shared) -> Result<*mut c_void, cl_int> {
        let object = self.object.get_or_init(|| {
            let source = lock(&self.source).take().ok_or(CL_INVALID_PROGRAM)?;
            from_source(shared, &self.context, &source.wait(shared)?)
        });
        object.as_ref().map(Object::raw).map_err(|code| *code)
    }

    /// Runs a build of the driver's, whose code it is. The client has no kernels of this program any more, but some drivers
    /// (PoCL 3.1) have one for a moment after it ran.
    fn when_without_kernels(&self, shared: &Shared, build: impl Fn() -> cl_int) -> cl_int {
        self.wait_for_releases(shared);
        let mut tries = if self.left.load(Ordering::SeqCst) { TRIES } else { 1 };
        loop {
            let code = build();
            tries -= 1;
            if code != CL_INVALID_OPERATION || tries == 0 {
                return code;
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    /// Waits until the driver has been told of every release of a kernel that came before: it builds no program that has
    /// kernels. Releases wait only for executors, which wait for nothing that takes another call of the program.
    fn wait_for_releases(&self, shared: &Shared) {
        let gone = || self.leaving.load(Ordering::SeqCst) == 0;
        while !gone() && !shared.progress.is_closed() {
            shared.progress.sleep_for([], gone);
        }
    }
}

fn from_source(shared: &Shared, context: &Context, source: &[u8]) -> Result<Object, cl_int> {
    shared.sees_text(source);
    // A length of 0 would mean a string that ends with 0.
    let mut string = if source.is_empty() { c"".as_ptr() } else { source.as_ptr().cast() };
    let length = source.len();
    // SAFETY: a live context, and a string of that length, which the driver copies.
    let raw = unsafe {
        create!(shared.driver, clCreateProgramWithSource(context.raw(), 1, &raw mut string, &raw const length))
    }?;
    // SAFETY: the driver has just made it for us.
    Ok(unsafe { Object::new(raw, shared.driver.clReleaseProgram) })
}

/// How often a build is tried that the driver refuses because of kernels, and how long between.
const TRIES: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// A kernel of a program that is being released, as long as it lives.
pub struct Leaving(Arc<Program>);

impl Leaving {
    /// One more of `program`.
    #[must_use]
    pub fn new(program: &Arc<Program>) -> Self {
        program.left.store(true, Ordering::SeqCst);
        program.leaving.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(program))
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leaving.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Builds under way. Each has a thread, up to a number; the others wait.
#[derive(Default)]
pub struct Builds {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: VecDeque<Job>,
}

/// Builds, or tells why that can't be done.
type Job = Box<dyn FnOnce(&Arc<Shared>, Result<(), cl_int>) + Send>;

/// As many builds as a large program compiles at once; compilers take much memory.
const MOST: usize = 16;

impl Builds {
    fn start(&self, shared: &Arc<Shared>, job: Job) {
        let mut state = lock(&self.state);
        state.waiting.push_back(job);
        if state.running >= MOST {
            return;
        }
        let builder = Arc::clone(shared);
        let body = move || {
            guarded(&builder, || {
                while let Some(job) = builder.builds.next() {
                    job(&builder, Ok(()));
                }
                Ok(())
            });
        };
        match spawn("build", DRIVER_STACK, body) {
            Ok(()) => state.running += 1,
            // The threads there are will get to it.
            Err(_) if state.running > 0 => {}
            Err(error) => {
                tracing::error!(%error, "no thread for a build");
                let job = state.waiting.pop_back();
                drop(state);
                if let Some(job) = job {
                    job(shared, Err(CL_OUT_OF_RESOURCES));
                }
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.running -= 1;
        }
        job
    }
}

/// Executes `BuildProgram`.
///
/// # Errors
/// What no client sends.
pub fn build(shared: &Arc<Shared>, message: &BuildProgram<'_>) -> Result<(), Violation> {
    let (handle, serial, options) = (message.program, message.serial, message.options.to_vec());
    shared.sees_text(&options);
    let place = message.place.as_ref().map(|place| shared.places.take(shared, place)).transpose()?;
    let found = found(shared, handle, &message.devices);
    let job = move |shared: &Arc<Shared>, room: Result<(), cl_int>| {
        let found = room.and(found).and_then(|(program, devices)| {
            let raw = program.raw(shared)?;
            Ok((raw, program, devices, enter(shared, place)?))
        });
        let (raw, program, devices, inside) = match found {
            Ok(found) => found,
            Err(code) => return refused(shared, handle, serial, code),
        };
        let mut building = lock(&program.building);
        building.clear();
        let ids = ids(&devices);
        let (count, list) = device_list(&ids);
        // SAFETY: a live program and devices of the driver; without a callback the call ends when the build has.
        let build = |options: &CStr| unsafe {
            call!(shared.driver, clBuildProgram(raw, count, list, options.as_ptr(), None, ptr::null_mut()))
        };
        let options = options_in(inside.as_ref(), options);
        let ran = run(shared, &program, &options, build);
        report(shared, handle, serial, &program, &ran, inside.as_ref());
    };
    shared.builds.start(shared, Box::new(job));
    Ok(())
}

/// Executes `CompileProgram`.
///
/// # Errors
/// What no client sends.
pub fn compile(shared: &Arc<Shared>, message: &CompileProgram<'_>) -> Result<(), Violation> {
    let (handle, serial, options) = (message.program, message.serial, message.options.to_vec());
    shared.sees_text(&options);
    let place = message.place.as_ref().map(|place| shared.places.take(shared, place)).transpose()?;
    let found = found(shared, handle, &message.devices);
    let headers: Result<Vec<_>, cl_int> = message
        .headers
        .iter()
        .map(|header| Ok((c_string(header.name), shared.tables.programs.get(header.program)?)))
        .collect();
    let job = move |shared: &Arc<Shared>, room: Result<(), cl_int>| {
        let found = room.and(found).and_then(|(program, devices)| {
            let headers = headers?;
            if headers.iter().any(|(_, header)| header.context.platform != program.context.platform) {
                return Err(CL_INVALID_CONTEXT);
            }
            let raw: Result<Vec<cl_program>, cl_int> = headers.iter().map(|(_, header)| header.raw(shared)).collect();
            Ok((program.raw(shared)?, program, devices, raw?, headers, enter(shared, place)?))
        });
        let (raw, program, devices, programs, headers, inside) = match found {
            Ok(found) => found,
            Err(code) => return refused(shared, handle, serial, code),
        };
        let mut building = lock(&program.building);
        building.clear();
        let ids = ids(&devices);
        let (count, list) = device_list(&ids);
        let mut names: Vec<_> = headers.iter().map(|(name, _)| name.as_ptr()).collect();
        let none = programs.is_empty();
        let names = names.as_mut_ptr();
        // SAFETY: live programs and devices of the driver; the strings end with 0 and outlive the call, which ends when
        // the compilation has.
        let compile = |options: &CStr| unsafe {
            call!(
                shared.driver,
                clCompileProgram(
                    raw,
                    count,
                    list,
                    options.as_ptr(),
                    u32::try_from(programs.len()).unwrap_or(u32::MAX),
                    if none { ptr::null() } else { programs.as_ptr() },
                    if none { ptr::null_mut() } else { names },
                    None,
                    ptr::null_mut()
                )
            )
        };
        let options = options_in(inside.as_ref(), options);
        let ran = run(shared, &program, &options, compile);
        report(shared, handle, serial, &program, &ran, inside.as_ref());
    };
    shared.builds.start(shared, Box::new(job));
    Ok(())
}

/// Executes `LinkProgram`.
pub fn link(shared: &Arc<Shared>, message: &LinkProgram<'_>) {
    // What is linked may come from anywhere.
    shared.may_print.store(true, Ordering::SeqCst);
    let (handle, serial, options) = (message.program, message.serial, c_string(message.options));
    let found = shared.tables.contexts.get(message.context).and_then(|context| {
        let devices = shared.tables.devices.get_all(message.devices.iter())?;
        let inputs = shared.tables.programs.get_all(message.inputs.iter())?;
        let alien = inputs.iter().any(|input| !Arc::ptr_eq(&input.context, &context))
            || devices.iter().any(|device| device.platform != context.platform);
        if alien { Err(CL_INVALID_CONTEXT) } else { Ok((context, devices, inputs)) }
    });
    let job = move |shared: &Arc<Shared>, room: Result<(), cl_int>| {
        let found = room.and(found).and_then(|(context, devices, inputs)| {
            let raw: Result<Vec<cl_program>, cl_int> = inputs.iter().map(|input| input.raw(shared)).collect();
            Ok((context, devices, raw?, inputs))
        });
        let (context, devices, programs, _inputs) = match found {
            Ok(found) => found,
            Err(code) => return link_refused(shared, handle, serial, code, &[]),
        };
        let ids = ids(&devices);
        let (count, list) = device_list(&ids);
        let length = u32::try_from(programs.len()).unwrap_or(u32::MAX);
        let devices = if devices.is_empty() { context.devices.clone() } else { devices };
        let Some(link) = shared.driver.clLinkProgram else {
            return link_refused(shared, handle, serial, CL_LINKER_NOT_AVAILABLE, &devices);
        };
        let mut code = CL_SUCCESS;
        // SAFETY: a live context, programs and devices of the driver; the call ends when the linking has.
        let raw = unsafe {
            let (options, programs) = (options.as_ptr(), programs.as_ptr());
            link(context.raw(), count, list, options, length, programs, None, ptr::null_mut(), &raw mut code)
        };
        if raw.is_null() {
            let code = if code == CL_SUCCESS { CL_LINK_PROGRAM_FAILURE } else { code };
            return link_refused(shared, handle, serial, code, &devices);
        }
        // SAFETY: the driver has just made it for us, some also where it failed: then it has the log.
        let program = unsafe { Program::new(shared, context, devices.clone(), raw) };
        if let Err(violation) = shared.tables.programs.insert(handle, Ok(Arc::clone(&program))) {
            return shared.end(&violation);
        }
        let _building = lock(&program.building);
        report(shared, handle, serial, &program, &Ran { code, ..Ran::default() }, None);
    };
    shared.builds.start(shared, Box::new(job));
}

type Found = Result<(Arc<Program>, Vec<Arc<Device>>), cl_int>;

/// The program and the devices to build for.
fn found(shared: &Shared, program: Handle, devices: &List<'_, Handle>) -> Found {
    let program = shared.tables.programs.get(program)?;
    let devices = shared.tables.devices.get_all(devices.iter())?;
    let alien = devices.iter().any(|device| device.platform != program.context.platform);
    if alien { Err(CL_INVALID_DEVICE) } else { Ok((program, devices)) }
}

fn ids(devices: &[Arc<Device>]) -> Vec<cl_device_id> {
    devices.iter().map(|device| device.id()).collect()
}

/// No devices mean all of the program's.
fn device_list(ids: &[cl_device_id]) -> (u32, *const cl_device_id) {
    let list = if ids.is_empty() { ptr::null() } else { ids.as_ptr() };
    (u32::try_from(ids.len()).unwrap_or(u32::MAX), list)
}

fn enter(shared: &Shared, place: Option<Place>) -> Result<Option<Inside<'_>>, cl_int> {
    place.map(|place| shared.places.enter(shared, place)).transpose()
}

fn options_in(inside: Option<&Inside<'_>>, options: Vec<u8>) -> Options {
    Options::new(&match inside {
        Some(inside) => inside.options(&options),
        None => options,
    })
}

/// How a build went.
#[derive(Default)]
struct Ran {
    code: cl_int,
    /// Whether the worker added to the options.
    added: bool,
    /// The devices' logs after the first of two attempts.
    first: Vec<Vec<u8>>,
}

/// Runs a build of the driver's.
fn run(shared: &Shared, program: &Program, options: &Options, build: impl Fn(&CStr) -> cl_int) -> Ran {
    let (mut attempts, mut first) = (0, Vec::new());
    let (code, added) = options.build(|options| {
        attempts += 1;
        if attempts == 2 {
            first = ProgramFacts::without_kernels(shared, program).built.into_iter().map(|built| built.log).collect();
        }
        program.when_without_kernels(shared, || build(options))
    });
    Ran { code, added, first }
}

/// Tells what came of a build that the driver ran.
fn report(shared: &Shared, handle: Handle, serial: u64, program: &Program, ran: &Ran, inside: Option<&Inside<'_>>) {
    let mut facts = ProgramFacts::gather(shared, program, ran.added);
    if ran.added {
        for (index, built) in facts.built.iter_mut().enumerate() {
            built.log = own_log(ran.first.get(index), std::mem::take(&mut built.log));
        }
    }
    if let Some(inside) = inside {
        for built in &mut facts.built {
            built.options = inside.names(std::mem::take(&mut built.options));
            built.log = inside.names(std::mem::take(&mut built.log));
        }
    }
    let (devices, kernels) = facts.wire();
    shared.notices.send(&ProgramBuilt { program: handle, serial, code: ran.code, devices, kernels }, None);
}

/// What can be asked of a program and its kernels.
#[derive(Default)]
pub struct ProgramFacts {
    built: Vec<Built>,
    kernels: Vec<kernel_facts::Kernel>,
}

impl ProgramFacts {
    /// Asks the driver; `added` if the worker added to the options.
    #[must_use]
    pub fn gather(shared: &Shared, program: &Program, added: bool) -> Self {
        // All of the program's: another may have been built for before, and a build for a device is one for its parts.
        let devices = &program.devices;
        let Ok(raw) = program.raw(shared) else { return Self::default() };
        let built: Vec<_> = devices.iter().map(|device| Built::new(shared.driver, raw, device, added)).collect();
        let able = devices.iter().zip(&built).filter(|(_, built)| built.is_executable());
        let able: Vec<_> = able.map(|(device, _)| Arc::clone(device)).collect();
        let gather = || kernel_facts::gather(shared.driver, &program.context, raw, &able);
        let kernels = if able.is_empty() { Vec::new() } else { gather() };
        Self { built, kernels }
    }

    /// Asks the driver about a program that has not been built.
    #[must_use]
    pub fn without_kernels(shared: &Shared, program: &Program) -> Self {
        let Ok(raw) = program.raw(shared) else { return Self::default() };
        let built = program.devices.iter().map(|device| Built::new(shared.driver, raw, device, false));
        Self { built: built.collect(), kernels: Vec::new() }
    }

    /// As they travel.
    #[must_use]
    pub fn wire(&self) -> (Vec<DeviceBuild<'_>>, Vec<KernelFacts<'_>>) {
        (self.built.iter().map(Built::wire).collect(), self.kernels.iter().map(kernel_facts::Kernel::wire).collect())
    }
}

fn refused(shared: &Shared, program: Handle, serial: u64, code: cl_int) {
    shared.notices.send(&ProgramBuilt { program, serial, code, devices: Vec::new(), kernels: Vec::new() }, None);
}

/// There is no program: those who use it all the same are told why.
fn link_refused(shared: &Shared, program: Handle, serial: u64, code: cl_int, devices: &[Arc<Device>]) {
    if let Err(violation) = shared.tables.programs.insert(program, Err(code)) {
        return shared.end(&violation);
    }
    let failed =
        |device: &Arc<Device>| DeviceBuild { device: device.handle, status: CL_BUILD_ERROR, ..Default::default() };
    let devices = devices.iter().map(failed).collect();
    shared.notices.send(&ProgramBuilt { program, serial, code, devices, kernels: Vec::new() }, None);
}

/// What one device made of a build.
struct Built {
    device: Handle,
    status: cl_int,
    binary_type: u32,
    global_variable_size: u64,
    options: Vec<u8>,
    log: Vec<u8>,
}

impl Built {
    fn new(driver: Driver, program: cl_program, device: &Device, added: bool) -> Self {
        let ask = |param| {
            move |size, value, size_ret| {
                // SAFETY: the caller keeps the program and the device, and `value` has room for `size` bytes.
                unsafe { call!(driver, clGetProgramBuildInfo(program, device.id(), param, size, value, size_ret)) }
            }
        };
        let status = query_number(ask(CL_PROGRAM_BUILD_STATUS)).map_or_else(|code| code, cl_int::from_ne_bytes);
        let binary_type = query_number(ask(CL_PROGRAM_BINARY_TYPE)).map(u32::from_ne_bytes);
        let size = query_number(ask(CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE)).map(usize::from_ne_bytes);
        let kept = text(query(ask(CL_PROGRAM_BUILD_OPTIONS)).unwrap_or_default());
        Self {
            device: device.handle,
            status,
            // Drivers of before OpenCL 1.2 know executables only.
            binary_type: binary_type.unwrap_or(if status == CL_BUILD_SUCCESS {
                CL_PROGRAM_BINARY_TYPE_EXECUTABLE
            } else {
                CL_PROGRAM_BINARY_TYPE_NONE
            }),
            global_variable_size: size.unwrap_or(0) as u64,
            options: if added { without_addition(kept) } else { kept },
            log: text(query(ask(CL_PROGRAM_BUILD_LOG)).unwrap_or_default()),
        }
    }

    fn is_executable(&self) -> bool {
        self.status == CL_BUILD_SUCCESS && self.binary_type == CL_PROGRAM_BINARY_TYPE_EXECUTABLE
    }

    fn wire(&self) -> DeviceBuild<'_> {
        DeviceBuild {
            device: self.device,
            status: self.status,
            binary_type: self.binary_type,
            global_variable_size: self.global_variable_size,
            options: &self.options,
            log: &self.log,
        }
    }
}
