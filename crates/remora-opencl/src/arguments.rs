//! The arguments of kernels: what the program may give, and how it is kept.

use std::ffi::c_void;

use opencl_sys::*;
use remora_protocol::argument::{Takes, kind};
use remora_protocol::opencl::KernelArg;
use remora_protocol::{Encode, Items};
use smallvec::SmallVec;

use crate::api::device_queue::DeviceQueue;
use crate::api::sampler::Sampler;
use crate::build::ArgDescription;
use crate::error::{Error, Result, ensure};
use crate::host_memory::HostPart;
use crate::kernel::Kernel;
use crate::mem::Mem;
use crate::object::{Remote, get};

/// What was set of a kernel, as it travels with each launch.
#[derive(Clone)]
pub(crate) struct Arguments {
    /// The encodings of all, one after the other.
    encoded: Encoded,
    places: Vec<Place>,
    /// How many were not set yet.
    unset: usize,
    local_memory: u64,
    /// The position in the object stream after which all objects are there that were ever set.
    created: u64,
    /// The CL_MEM_USE_HOST_PTR objects, by index.
    host_parts: Vec<(usize, HostPart)>,
    /// Shared virtual memory that it finds by pointers in memory.
    pub(crate) svm: Vec<u64>,
}

/// Encoded arguments: of most kernels they need no allocation.
type Encoded = SmallVec<[u8; 128]>;

/// Where an argument is among the encodings.
#[derive(Clone, Copy)]
struct Place {
    kind: u8,
    /// Of its value.
    start: usize,
    length: usize,
}

impl Arguments {
    /// For as many, of which none is set.
    pub(crate) fn new(count: usize) -> Self {
        let mut this = Self {
            encoded: Encoded::new(),
            places: Vec::with_capacity(count),
            unset: count,
            local_memory: 0,
            created: 0,
            host_parts: Vec::new(),
            svm: Vec::new(),
        };
        this.rebuild((0..count).map(|_| (kind::NOT_SET, Vec::new())).collect());
        this
    }

    /// Takes argument `index`, which there is.
    #[inline]
    pub(crate) fn set(&mut self, index: usize, arg: &Arg<'_>) {
        let (wire, created) = arg.wire();
        let place = self.places[index];
        let same_place = place.kind == wire.kind && place.length == wire.value.len();
        if !same_place || matches!(arg, Arg::Local(_)) {
            return self.replace(index, arg);
        }
        copy(wire.value, &mut self.encoded[place.start..place.start + place.length]);
        if matches!(arg, Arg::Object { .. }) {
            self.created = self.created.max(created);
            self.set_host_part(index, arg.host_part());
        }
    }

    #[inline]
    fn set_host_part(&mut self, index: usize, part: Option<HostPart>) {
        if !self.host_parts.is_empty() {
            self.host_parts.retain(|(other, _)| *other != index);
        }
        if let Some(part) = part {
            self.host_parts.push((index, part));
        }
    }

    /// For one of another kind or length, or where sums change.
    #[cold]
    fn replace(&mut self, index: usize, arg: &Arg<'_>) {
        let (wire, created) = arg.wire();
        if self.places[index].kind == kind::NOT_SET {
            self.unset -= 1;
        }
        let value = |place: &Place| self.encoded[place.start..place.start + place.length].to_vec();
        let mut all: Vec<(u8, Vec<u8>)> = self.places.iter().map(|place| (place.kind, value(place))).collect();
        all[index] = (wire.kind, wire.value.to_vec());
        self.rebuild(all);
        let local = |place: &Place| match self.encoded[place.start..place.start + place.length].try_into() {
            Ok(size) if place.kind == kind::LOCAL => u64::from_le_bytes(size),
            _ => 0,
        };
        self.local_memory = self.places.iter().map(local).fold(0, u64::saturating_add);
        self.created = self.created.max(created);
        self.set_host_part(index, arg.host_part());
    }

    fn rebuild(&mut self, all: Vec<(u8, Vec<u8>)>) {
        let mut encoded = Vec::new();
        self.places.clear();
        for (kind, value) in &all {
            KernelArg { kind: *kind, value }.encode(&mut encoded);
            self.places.push(Place { kind: *kind, start: encoded.len() - value.len(), length: value.len() });
        }
        self.encoded = Encoded::from_vec(encoded);
    }

    /// Bytes of local memory that they ask for.
    pub(crate) fn local_memory(&self) -> u64 {
        self.local_memory
    }

    /// Whether none is missing.
    pub(crate) fn are_complete(&self) -> bool {
        self.unset == 0
    }

    /// As they are now, for one launch: sending it may wait, and another thread may set others meanwhile.
    #[inline]
    pub(crate) fn taken(&self) -> Taken {
        let mut taken = Taken {
            encoded: Encoded::from_slice(&self.encoded),
            count: self.places.len(),
            created: self.created,
            host_parts: Vec::new(),
            svm: Vec::new(),
        };
        if !self.host_parts.is_empty() || !self.svm.is_empty() {
            taken.host_parts.extend(self.host_parts.iter().map(|(_, part)| part.clone()));
            taken.svm.clone_from(&self.svm);
        }
        taken
    }
}

/// The arguments of one launch.
pub(crate) struct Taken {
    encoded: Encoded,
    count: usize,
    /// The position in the object stream that they need.
    pub(crate) created: u64,
    /// Of the CL_MEM_USE_HOST_PTR objects among them.
    pub(crate) host_parts: Vec<HostPart>,
    /// Shared virtual memory that the kernel finds by pointers in memory.
    pub(crate) svm: Vec<u64>,
}

impl Taken {
    /// As they travel.
    pub(crate) fn wire(&self) -> Items<'_, KernelArg<'_>> {
        Items::from_encoded(self.count, &self.encoded)
    }
}

/// As `copy_from_slice`, without a call of the C library for what most arguments are.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    match (<&[u8; 8]>::try_from(from), <&[u8; 4]>::try_from(from)) {
        (Ok(eight), _) => to.copy_from_slice(eight),
        (_, Ok(four)) => to.copy_from_slice(four),
        _ => to.copy_from_slice(from),
    }
}

/// A kernel argument as the program gives it.
pub(crate) enum Arg<'a> {
    Bytes(&'a [u8]),
    Local([u8; 8]),
    /// An address in shared virtual memory, or 0.
    Svm([u8; 8]),
    /// A memory object, sampler or queue: its wire kind, its handle, and when it was created.
    Object {
        kind: u8,
        handle: [u8; 8],
        created: u64,
        mem: Option<&'a Mem>,
    },
}

impl<'a> Arg<'a> {
    /// What the program gives, for an argument of `kernel` that is described so.
    ///
    /// # Safety
    /// `value` is null or valid for `size` bytes as long as the result is used.
    pub(crate) unsafe fn from_program(
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
                        return Ok(Self::Object { kind: kind::MEMORY, handle: [0; 8], created: 0, mem: None });
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
        Ok(Self::Bytes(bytes))
    }

    fn object(kind: u8, remote: &Remote) -> Self {
        let handle = remote.handle.bits().to_le_bytes();
        Self::Object { kind, handle, created: remote.created, mem: None }
    }

    fn memory(mem: &'a Mem) -> Self {
        let (kind, handle) = (kind::MEMORY, mem.remote.handle.bits().to_le_bytes());
        Self::Object { kind, handle, created: mem.remote.created, mem: Some(mem) }
    }

    /// Of the CL_MEM_USE_HOST_PTR object that it is.
    pub(crate) fn host_part(&self) -> Option<HostPart> {
        if let Self::Object { mem: Some(mem), .. } = self { mem.host_part() } else { None }
    }

    /// As it travels, and the position in the object stream that it needs.
    pub(crate) fn wire(&self) -> (KernelArg<'_>, u64) {
        match self {
            Self::Bytes(bytes) => (KernelArg { kind: kind::BYTES, value: bytes }, 0),
            Self::Local(size) => (KernelArg { kind: kind::LOCAL, value: size }, 0),
            // Whoever has the address has waited for the memory.
            Self::Svm(address) => (KernelArg { kind: kind::SVM, value: address }, 0),
            Self::Object { kind, handle, created, .. } => (KernelArg { kind: *kind, value: handle }, *created),
        }
    }
}
