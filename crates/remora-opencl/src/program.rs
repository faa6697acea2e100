//! Programs, and building them.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencl_sys::*;
use remora_client::{Contents, Needs};
use remora_protocol::Handle;
use remora_protocol::message::Command;

use crate::api::context::{Context, Data};
use crate::build::{BuildResult, BuildWait, DeviceBuild, KernelDescription};
use crate::error::{Error, Result, check, ensure};
use crate::facts::Device;
use crate::object::{Object, Remote, ShellRef, pointer_of};
use crate::session::Sink;

pub(crate) type BuildNotify = unsafe extern "C" fn(cl_program, *mut c_void);

/// A program of the program.
pub(crate) struct Program {
    pub(crate) remote: Remote,
    pub(crate) context: Arc<Context>,
    pub(crate) devices: Vec<Arc<Device>>,
    /// OpenCL C, if it was made from that.
    pub(crate) source: Contents,
    pub(crate) il: Contents,
    /// Kernel objects of the program: it can't be built again while there are any.
    pub(crate) attached: AtomicU32,
    state: Mutex<State>,
    shell: ShellRef,
}

#[derive(Default)]
struct State {
    building: bool,
    builds: HashMap<Handle, DeviceBuild>,
    /// Known once it has been built.
    kernels: Option<Vec<Arc<KernelDescription>>>,
    binaries: Option<Arc<Vec<Vec<u8>>>>,
    /// Answers of the driver about the last build.
    infos: HashMap<cl_program_info, Vec<u8>>,
}

impl Object for Program {
    const KIND: u32 = 0x5052_4f47;
    const INVALID: cl_int = CL_INVALID_PROGRAM;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Program {
    pub(crate) fn new(
        remote: Remote,
        context: Arc<Context>,
        devices: Vec<Arc<Device>>,
        source: Contents,
        il: Contents,
    ) -> Arc<Self> {
        Arc::new(Self {
            remote,
            context,
            devices,
            source,
            il,
            attached: AtomicU32::new(0),
            state: Mutex::default(),
            shell: ShellRef::default(),
        })
    }

    /// What `device` made of the last build.
    pub(crate) fn build_of(&self, device: Handle) -> DeviceBuild {
        self.lock().builds.get(&device).cloned().unwrap_or(DeviceBuild { status: CL_BUILD_NONE, ..Default::default() })
    }

    /// Whether there is something for a linker.
    pub(crate) fn can_be_linked(&self, device: Handle) -> bool {
        let kinds = [CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT, CL_PROGRAM_BINARY_TYPE_LIBRARY];
        kinds.contains(&self.build_of(device).binary_type)
    }

    /// The kernels of an executable; an error if there is none.
    pub(crate) fn kernels(&self) -> Result<Vec<Arc<KernelDescription>>> {
        let state = self.lock();
        let executable = |build: &DeviceBuild| {
            build.status == CL_BUILD_SUCCESS && build.binary_type == CL_PROGRAM_BINARY_TYPE_EXECUTABLE
        };
        ensure(state.builds.values().any(executable), CL_INVALID_PROGRAM_EXECUTABLE)?;
        state.kernels.clone().ok_or(Error(CL_INVALID_PROGRAM_EXECUTABLE))
    }

    /// Whether a program may ask for argument information: the worker always has it, some drivers only if it was asked for.
    pub(crate) fn tells_args(&self) -> Result<bool> {
        const OPTION: &[u8] = b"-cl-kernel-arg-info";
        let asked = |build: &DeviceBuild| build.options.windows(OPTION.len()).any(|window| window == OPTION);
        let asked = self.source.is_empty() || self.lock().builds.values().any(asked);
        if asked { Ok(true) } else { self.context.tells_args() }
    }

    pub(crate) fn binaries(&self) -> Option<Arc<Vec<Vec<u8>>>> {
        self.lock().binaries.clone()
    }

    pub(crate) fn keep_binaries(&self, binaries: Vec<Vec<u8>>) -> Arc<Vec<Vec<u8>>> {
        Arc::clone(self.lock().binaries.insert(Arc::new(binaries)))
    }

    /// What is known of the last build, or what `ask` says.
    pub(crate) fn info(&self, param: cl_program_info, ask: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let known = self.lock().infos.get(&param).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let answer = ask()?;
        self.lock().infos.insert(param, answer.clone());
        Ok(answer)
    }

    /// Sends the command that `make` builds from its number, and waits for the build unless `notify` is to be told. Until
    /// the build has ended the worker may ask for contents that it has not got: those of `kept`, and the program's own.
    pub(crate) fn build<C: Command>(
        self: &Arc<Self>,
        devices: &[Handle],
        options: &[u8],
        needs: &Needs,
        notify: Option<Notify>,
        kept: impl Send + 'static,
        make: impl FnOnce(u64) -> C,
    ) -> Result<()> {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        self.begin(devices, options)?;
        let waits = notify.is_none();
        let program = Arc::clone(self);
        let wait = BuildWait::new(move |result| {
            drop(kept);
            program.built(result);
            if let Some(Notify { function, data }) = notify {
                // The program may let go of it before.
                let told = Arc::clone(&program);
                program.remote.session.callbacks().run(told.remote.handle, move || {
                    // SAFETY: the program registered this function for this data.
                    unsafe { function(pointer_of(&*told), data.get()) };
                });
            }
        });
        let session = &self.remote.session;
        let sink = Sink::of(session);
        sink.await_build(serial, Arc::clone(&wait));
        let sent = session.send(session.objects(), &make(serial), needs, None);
        if sent.is_err() || session.check().is_err() {
            // The session may have been lost before it knew of this build.
            wait.finish(BuildResult::lost());
        }
        if waits { check(wait.wait()) } else { Ok(()) }
    }

    fn begin(&self, devices: &[Handle], options: &[u8]) -> Result<()> {
        let mut state = self.lock();
        ensure(!state.building && self.attached.load(Ordering::Acquire) == 0, CL_INVALID_OPERATION)?;
        state.building = true;
        state.binaries = None;
        state.infos.clear();
        state.kernels = None;
        for device in devices {
            let build = DeviceBuild { status: CL_BUILD_IN_PROGRESS, options: options.to_vec(), ..Default::default() };
            state.builds.insert(*device, build);
        }
        Ok(())
    }

    /// Takes over what is known of a binary before it is built.
    pub(crate) fn made_of_binary(&self, known: BuildResult) {
        self.lock().builds = known.devices;
    }

    /// Takes over what came of a build.
    pub(crate) fn built(&self, result: BuildResult) {
        let mut state = self.lock();
        state.building = false;
        // Somebody may have asked meanwhile.
        state.binaries = None;
        state.infos.clear();
        for (device, build) in result.devices {
            // Of devices that were built for before, and not now, nothing has changed.
            let known = state.builds.get(&device);
            if known.is_none_or(|known| [CL_BUILD_IN_PROGRESS, CL_BUILD_NONE].contains(&known.status)) {
                state.builds.insert(device, build);
            }
        }
        for build in state.builds.values_mut().filter(|build| build.status == CL_BUILD_IN_PROGRESS) {
            build.status = if result.code == CL_SUCCESS { CL_BUILD_NONE } else { CL_BUILD_ERROR };
        }
        state.kernels = Some(result.kernels);
    }

    /// The devices that a build is for: those given, or all of the program's.
    pub(crate) unsafe fn targets(&self, count: cl_uint, devices: *const cl_device_id) -> Result<Vec<Handle>> {
        ensure((count == 0) == devices.is_null(), CL_INVALID_VALUE)?;
        if count == 0 {
            return Ok(self.devices.iter().map(|device| device.handle).collect());
        }
        // SAFETY: passed on to the caller.
        let devices = unsafe { crate::api::device::device_list(count, devices) }?;
        let of_program = |device: &Arc<Device>| self.devices.iter().any(|one| Arc::ptr_eq(one, device));
        ensure(devices.iter().all(of_program), CL_INVALID_DEVICE)?;
        Ok(devices.iter().map(|device| device.handle).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The callback of a build.
pub(crate) struct Notify {
    function: BuildNotify,
    data: Data,
}

impl Notify {
    /// What the program gave to a building function.
    pub(crate) fn new(function: Option<BuildNotify>, user_data: *mut c_void) -> Result<Option<Self>> {
        ensure(function.is_some() || user_data.is_null(), CL_INVALID_VALUE)?;
        Ok(function.map(|function| Self { function, data: Data(user_data) }))
    }
}
