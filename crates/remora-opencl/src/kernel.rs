//! Kernels and their arguments.

use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencl_sys::*;
use remora_protocol::Handle;
use remora_protocol::argument::{Takes, kind};
use remora_protocol::opencl::KernelArg;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::api::device_queue::DeviceQueue;
use crate::api::sampler::Sampler;
use crate::build::{ArgDescription, KernelDescription};
use crate::error::{Error, Result, ensure};
use crate::host_memory::HostPart;
use crate::mem::Mem;
use crate::object::{Object, Remote, ShellRef, get};
use crate::program::Program;
use crate::svm;

/// A kernel of the program.
pub(crate) struct Kernel {
    pub(crate) remote: Remote,
    pub(crate) program: Arc<Program>,
    pub(crate) description: Arc<KernelDescription>,
    arguments: Mutex<Arguments>,
    /// Launches that the driver has accepted once; others like it need no asking.
    accepted: Mutex<FxHashSet<Shape>>,
    shell: ShellRef,
}

/// What was set of a kernel.
#[derive(Clone, Default)]
pub(crate) struct Arguments {
    /// One for each argument.
    pub(crate) list: Vec<Arg>,
    /// Shared virtual memory that it finds by pointers in memory.
    pub(crate) svm: Vec<u64>,
}

impl Arguments {
    /// Bytes of local memory that they ask for.
    pub(crate) fn local_memory(&self) -> u64 {
        let size = |arg: &Arg| if let Arg::Local(size) = arg { u64::from_le_bytes(*size) } else { 0 };
        self.list.iter().map(size).sum()
    }

    /// Of the CL_MEM_USE_HOST_PTR objects among them.
    pub(crate) fn host_parts(&self) -> impl Iterator<Item = &HostPart> {
        self.list.iter().filter_map(Arg::host_part)
    }
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

/// A kernel argument as it was set.
#[derive(Clone, Default)]
pub(crate) enum Arg {
    #[default]
    Unset,
    Bytes(SmallVec<[u8; 16]>),
    Local([u8; 8]),
    /// An address in shared virtual memory, or 0.
    Svm([u8; 8]),
    /// A memory object, sampler or queue: its wire kind, its handle, and when it was created.
    Object {
        kind: u8,
        handle: [u8; 8],
        created: u64,
        /// Of a CL_MEM_USE_HOST_PTR object.
        host: Option<HostPart>,
    },
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
            arguments: Mutex::new(Arguments { list: vec![Arg::Unset; description.args.len()], svm: Vec::new() }),
            description,
            accepted: Mutex::default(),
            shell: ShellRef::default(),
        })
    }

    pub(crate) fn arguments(&self) -> MutexGuard<'_, Arguments> {
        self.arguments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any of its devices has shared virtual memory.
    pub(crate) fn has_svm(&self) -> bool {
        self.program.context.any(CL_DEVICE_SVM_CAPABILITIES)
    }

    /// Takes the addresses of shared virtual memory that it finds by itself.
    pub(crate) fn set_svm(&self, pointers: impl Iterator<Item = *const u8>) -> Result<()> {
        let list = self.svm_list(pointers)?;
        self.arguments().svm = list;
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
        self.arguments().list[index as usize] = arg;
        Ok(())
    }

    /// An address in shared virtual memory, or null, as argument `index`.
    pub(crate) fn svm_arg(&self, index: cl_uint, pointer: *const c_void) -> Result<Arg> {
        let description = self.description.args.get(index as usize).ok_or(Error(CL_INVALID_ARG_INDEX))?;
        ensure(description.takes.accepts(kind::SVM), CL_INVALID_ARG_VALUE)?;
        let known = |memory: svm::Range| memory.is_of(&self.program.context);
        ensure(pointer.is_null() || svm::find(pointer.cast(), 0).is_some_and(known), CL_INVALID_ARG_VALUE)?;
        Ok(Arg::Svm((pointer as u64).to_le_bytes()))
    }

    pub(crate) fn is_accepted(&self, shape: &Shape) -> bool {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).contains(shape)
    }

    pub(crate) fn accept(&self, shape: Shape) {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).insert(shape);
    }

    /// Takes the value that the program gives for argument `index`.
    ///
    /// # Safety
    /// `value` is null or valid for `size` bytes.
    pub(crate) unsafe fn set_arg(&self, index: cl_uint, size: usize, value: *const c_void) -> Result<()> {
        // SAFETY: passed on to the caller.
        let arg = unsafe { self.arg(index, size, value) }?;
        self.arguments().list[index as usize] = arg;
        Ok(())
    }

    /// What the program gives, as argument `index`.
    ///
    /// # Safety
    /// `value` is null or valid for `size` bytes.
    pub(crate) unsafe fn arg(&self, index: cl_uint, size: usize, value: *const c_void) -> Result<Arg> {
        let description = self.description.args.get(index as usize).ok_or(Error(CL_INVALID_ARG_INDEX))?;
        // SAFETY: passed on to the caller.
        unsafe { Arg::from_program(self, description, size, value) }
    }

    /// Whether local memory may have 0 bytes, as it may since OpenCL 3.1.
    fn may_have_empty_local_memory(&self) -> bool {
        self.program.context.devices.iter().all(|device| device.version() >= (3, 1))
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.program.attached.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Arg {
    unsafe fn from_program(
        kernel: &Kernel,
        description: &ArgDescription,
        size: usize,
        value: *const c_void,
    ) -> Result<Self> {
        // SAFETY: passed on to the caller.
        unsafe {
            match description.takes {
                Takes::Unknown => Self::guessed(size, value),
                Takes::Own => {
                    ensure(!value.is_null(), CL_INVALID_ARG_VALUE)?;
                    Self::guessed(size, value)
                }
                Takes::Bytes(wanted) => {
                    ensure(size == wanted, CL_INVALID_ARG_SIZE)?;
                    Self::bytes(size, value)
                }
                Takes::Local => {
                    ensure(value.is_null(), CL_INVALID_ARG_VALUE)?;
                    ensure(size > 0 || kernel.may_have_empty_local_memory(), CL_INVALID_ARG_SIZE)?;
                    Ok(Self::Local((size as u64).to_le_bytes()))
                }
                Takes::Sampler => {
                    ensure(size == size_of::<cl_sampler>(), CL_INVALID_ARG_SIZE)?;
                    ensure(!value.is_null(), CL_INVALID_SAMPLER)?;
                    let sampler: &Sampler = get(value.cast::<cl_sampler>().read_unaligned())?;
                    Ok(Self::object(kind::SAMPLER, &sampler.remote))
                }
                Takes::Queue => {
                    ensure(size == size_of::<cl_command_queue>(), CL_INVALID_ARG_SIZE)?;
                    ensure(!value.is_null(), CL_INVALID_DEVICE_QUEUE)?;
                    let queue: Result<&DeviceQueue> = get(value.cast::<cl_command_queue>().read_unaligned());
                    Ok(Self::object(kind::QUEUE, &queue.map_err(|_| Error(CL_INVALID_DEVICE_QUEUE))?.remote))
                }
                Takes::Buffer => {
                    ensure(size == size_of::<cl_mem>(), CL_INVALID_ARG_SIZE)?;
                    let mem =
                        if value.is_null() { std::ptr::null_mut() } else { value.cast::<cl_mem>().read_unaligned() };
                    if mem.is_null() {
                        return Ok(Self::Object { kind: kind::MEMORY, handle: [0; 8], created: 0, host: None });
                    }
                    Ok(Self::memory(get(mem)?))
                }
                Takes::Image => {
                    ensure(size == size_of::<cl_mem>(), CL_INVALID_ARG_SIZE)?;
                    ensure(!value.is_null(), CL_INVALID_ARG_VALUE)?;
                    let image: &Mem = get(value.cast::<cl_mem>().read_unaligned())?;
                    ensure(image.image.is_some(), CL_INVALID_MEM_OBJECT)?;
                    let unfit = match description.access {
                        CL_KERNEL_ARG_ACCESS_READ_ONLY => CL_MEM_WRITE_ONLY,
                        CL_KERNEL_ARG_ACCESS_WRITE_ONLY => CL_MEM_READ_ONLY,
                        _ => 0,
                    };
                    ensure(image.flags & unfit == 0, CL_INVALID_ARG_VALUE)?;
                    Ok(Self::memory(image))
                }
                Takes::Pipe => {
                    ensure(size == size_of::<cl_mem>(), CL_INVALID_ARG_SIZE)?;
                    ensure(!value.is_null(), CL_INVALID_ARG_VALUE)?;
                    let mem: Result<&Mem> = get(value.cast::<cl_mem>().read_unaligned());
                    let pipe = mem.ok().filter(|mem| mem.pipe.is_some()).ok_or(Error(CL_INVALID_ARG_VALUE))?;
                    Ok(Self::object(kind::MEMORY, &pipe.remote))
                }
            }
        }
    }

    /// Without a driver's word on what the argument is: a pointer's worth of bytes that is a living object of ours is that
    /// object.
    unsafe fn guessed(size: usize, value: *const c_void) -> Result<Self> {
        if value.is_null() {
            // Local memory, or a NULL memory object, which only the driver can tell apart.
            ensure(size > 0, CL_INVALID_ARG_SIZE)?;
            return Ok(Self::Local((size as u64).to_le_bytes()));
        }
        if size == size_of::<cl_mem>() {
            // SAFETY: the caller vouches for `size` bytes.
            let pointer = unsafe { value.cast::<*mut c_void>().read_unaligned() };
            if crate::object::is_shell(pointer) {
                // SAFETY: it is one of our shells, alive or dead.
                unsafe {
                    if let Ok(mem) = get::<Mem>(pointer) {
                        return Ok(Self::memory(mem));
                    }
                    if let Ok(sampler) = get::<Sampler>(pointer) {
                        return Ok(Self::object(kind::SAMPLER, &sampler.remote));
                    }
                    if let Ok(queue) = get::<DeviceQueue>(pointer) {
                        return Ok(Self::object(kind::QUEUE, &queue.remote));
                    }
                }
            }
        }
        // SAFETY: passed on to the caller.
        unsafe { Self::bytes(size, value) }
    }

    unsafe fn bytes(size: usize, value: *const c_void) -> Result<Self> {
        ensure(!value.is_null(), CL_INVALID_ARG_VALUE)?;
        ensure(size > 0, CL_INVALID_ARG_SIZE)?;
        // SAFETY: the caller vouches for `size` bytes.
        let bytes = unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size) };
        Ok(Self::Bytes(SmallVec::from_slice(bytes)))
    }

    fn object(kind: u8, remote: &Remote) -> Self {
        let handle = remote.handle.bits().to_le_bytes();
        Self::Object { kind, handle, created: remote.created, host: None }
    }

    fn memory(mem: &Mem) -> Self {
        let (kind, handle) = (kind::MEMORY, mem.remote.handle.bits().to_le_bytes());
        Self::Object { kind, handle, created: mem.remote.created, host: mem.host_part() }
    }

    /// Of the CL_MEM_USE_HOST_PTR object that it is.
    pub(crate) fn host_part(&self) -> Option<&HostPart> {
        if let Self::Object { host, .. } = self { host.as_ref() } else { None }
    }

    /// As it travels, and the position in the object stream that it needs.
    pub(crate) fn wire(&self) -> (KernelArg<'_>, u64) {
        match self {
            Self::Unset => (KernelArg { kind: kind::NOT_SET, value: &[] }, 0),
            Self::Bytes(bytes) => (KernelArg { kind: kind::BYTES, value: bytes }, 0),
            Self::Local(size) => (KernelArg { kind: kind::LOCAL, value: size }, 0),
            // Whoever has the address has waited for the memory.
            Self::Svm(address) => (KernelArg { kind: kind::SVM, value: address }, 0),
            Self::Object { kind, handle, created, .. } => (KernelArg { kind: *kind, value: handle }, *created),
        }
    }
}
