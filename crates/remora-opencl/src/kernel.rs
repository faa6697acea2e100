//! Kernels.

use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencl_sys::*;
use remora_protocol::Handle;
use remora_protocol::argument::kind;
use rustc_hash::FxHashSet;

use crate::arguments::{Arg, Arguments};
use crate::build::KernelDescription;
use crate::error::{Error, Result, ensure};
use crate::object::{Object, Remote, ShellRef};
use crate::program::Program;
use crate::svm;

/// A kernel of the program.
pub(crate) struct Kernel {
    pub(crate) remote: Remote,
    pub(crate) program: Arc<Program>,
    pub(crate) description: Arc<KernelDescription>,
    state: Mutex<State>,
    shell: ShellRef,
}

/// What decides whether a driver accepts a launch.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) device: Handle,
    pub(crate) dimensions: u32,
    pub(crate) local: [u64; 3],
    pub(crate) local_memory: u64,
    /// Whether it is recorded in a command buffer.
    pub(crate) recorded: bool,
    /// Whether each global size is a multiple of the local one.
    pub(crate) uniform: bool,
}

/// What a launch looks at.
pub(crate) struct State {
    pub(crate) arguments: Arguments,
    pub(crate) accepted: Accepted,
}

/// Launches that the driver has accepted once; others like it need no asking.
#[derive(Default)]
pub(crate) struct Accepted {
    latest: Option<Shape>,
    all: FxHashSet<Shape>,
}

impl Accepted {
    pub(crate) fn contains(&mut self, shape: &Shape) -> bool {
        if self.latest.as_ref() == Some(shape) {
            return true;
        }
        let known = self.all.contains(shape);
        if known {
            self.latest = Some(*shape);
        }
        known
    }
}

impl Object for Kernel {
    const KIND: u32 = 0x4b45_524e;
    const INVALID: cl_int = CL_INVALID_KERNEL;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Kernel {
    pub(crate) fn new(remote: Remote, program: Arc<Program>, description: Arc<KernelDescription>) -> Arc<Self> {
        program.attached.fetch_add(1, Ordering::AcqRel);
        Arc::new(Self {
            remote,
            program,
            state: Mutex::new(State {
                arguments: Arguments::new(description.args.len()),
                accepted: Accepted::default(),
            }),
            description,
            shell: ShellRef::default(),
        })
    }

    #[inline]
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any of its devices has shared virtual memory.
    pub(crate) fn has_svm(&self) -> bool {
        self.program.context.any(CL_DEVICE_SVM_CAPABILITIES)
    }

    /// Takes the addresses of shared virtual memory that it finds by itself.
    pub(crate) fn set_svm(&self, pointers: impl Iterator<Item = *const u8>) -> Result<()> {
        let list = self.svm_list(pointers)?;
        self.state().arguments.svm = list;
        Ok(())
    }

    /// Checks addresses of shared virtual memory that it finds by itself.
    pub(crate) fn svm_list(&self, pointers: impl Iterator<Item = *const u8>) -> Result<Vec<u64>> {
        let known = |pointer| svm::find(pointer, 0).is_some_and(|memory| memory.is_of(&self.program.context));
        let all: Vec<*const u8> = pointers.collect();
        ensure(all.iter().all(|pointer| known(*pointer)), CL_INVALID_VALUE)?;
        Ok(all.iter().map(|pointer| *pointer as u64).collect())
    }

    /// Takes an address in shared virtual memory, or null, for argument `index`.
    pub(crate) fn set_arg_svm(&self, index: cl_uint, pointer: *const c_void) -> Result<()> {
        let arg = self.svm_arg(index, pointer)?;
        self.state().arguments.set(index as usize, &arg);
        Ok(())
    }

    /// An address in shared virtual memory, or null, as argument `index`.
    pub(crate) fn svm_arg(&self, index: cl_uint, pointer: *const c_void) -> Result<Arg<'static>> {
        let description = self.description.args.get(index as usize).ok_or(Error(CL_INVALID_ARG_INDEX))?;
        ensure(description.takes.accepts(kind::SVM), CL_INVALID_ARG_VALUE)?;
        let known = |memory: svm::Range| memory.is_of(&self.program.context);
        ensure(pointer.is_null() || svm::find(pointer.cast(), 0).is_some_and(known), CL_INVALID_ARG_VALUE)?;
        Ok(Arg::Svm((pointer as u64).to_le_bytes()))
    }

    pub(crate) fn accept(&self, shape: Shape) {
        self.state().accepted.all.insert(shape);
    }

    /// Takes the value that the program gives for argument `index`.
    ///
    /// # Safety
    /// `value` is null or valid for `size` bytes.
    #[inline]
    pub(crate) unsafe fn set_arg(&self, index: cl_uint, size: usize, value: *const c_void) -> Result<()> {
        // SAFETY: passed on to the caller; it is taken before this returns.
        let arg = unsafe { self.arg(index, size, value) }?;
        self.state().arguments.set(index as usize, &arg);
        Ok(())
    }

    /// What the program gives, as argument `index`.
    ///
    /// # Safety
    /// `value` is null or valid for `size` bytes as long as the result is used.
    #[inline]
    pub(crate) unsafe fn arg<'a>(&self, index: cl_uint, size: usize, value: *const c_void) -> Result<Arg<'a>> {
        let description = self.description.args.get(index as usize).ok_or(Error(CL_INVALID_ARG_INDEX))?;
        // SAFETY: passed on to the caller.
        unsafe { Arg::from_program(self, description, size, value) }
    }

    /// Whether local memory may have 0 bytes, as it may since OpenCL 3.1.
    pub(crate) fn may_have_empty_local_memory(&self) -> bool {
        self.program.context.devices.iter().all(|device| device.version() >= (3, 1))
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.program.attached.fetch_sub(1, Ordering::AcqRel);
    }
}
