//! Memory objects: buffers, sub-buffers and images.

use std::ffi::c_void;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use opencl_sys::*;
use remora_client::{HostArea, Needs, Session, Staging};
use remora_protocol::message::Command;
use remora_protocol::opencl::{Area, InitMem, Status, WatchMem};
use remora_protocol::{Bulk, Handle};

use crate::api::context::{Context, Data};
use crate::error::{Result, check, ensure};
use crate::host_memory::{HostMemory, HostPart};
use crate::image::Image;
use crate::map::{Backing, Heap, Mapping, writes};
use crate::object::{Object, Remote, ShellRef, pointer_of};
use crate::session::{Destroyed, Sink};
use crate::svm::Svm;

pub(crate) type Destructor = unsafe extern "C" fn(cl_mem, *mut c_void);

/// A memory object of the program.
pub(crate) struct Mem {
    pub(crate) remote: Remote,
    pub(crate) context: Arc<Context>,
    /// CL_MEM_OBJECT_*.
    pub(crate) object_type: u32,
    /// As reported.
    pub(crate) flags: cl_mem_flags,
    pub(crate) size: usize,
    /// The program's own memory, of CL_MEM_USE_HOST_PTR.
    pub(crate) host: HostPointer,
    /// The shared virtual memory that it is, or lies in.
    pub(crate) svm: Option<Svm>,
    /// Of a sub-buffer, or an image over a buffer.
    pub(crate) parent: Option<Arc<Mem>>,
    pub(crate) origin: usize,
    pub(crate) image: Option<Image>,
    pub(crate) pipe: Option<Pipe>,
    /// Arena memory that is the object's own: program and driver see the same pages.
    pub(crate) store: Option<Staging>,
    /// What `host` has to do with the object's contents.
    host_memory: Option<Arc<HostMemory>>,
    pub(crate) properties: Vec<cl_mem_properties>,
    pub(crate) maps: Mutex<Vec<Mapping>>,
    /// See [`Mem::shown`].
    shown: Mutex<Weak<Heap>>,
    /// What of it and its parts is mapped for writing.
    written: Mutex<Vec<Weak<HostArea>>>,
    destructors: Mutex<Vec<(Destructor, Data)>>,
    credit: u64,
    shell: ShellRef,
}

/// The pipe part of a memory object.
#[derive(Clone, Copy)]
pub(crate) struct Pipe {
    pub(crate) packet_size: cl_uint,
    pub(crate) max_packets: cl_uint,
}

/// An address in the program's memory, or null.
#[derive(Clone, Copy)]
pub(crate) struct HostPointer(pub(crate) *mut u8);
// SAFETY: an address only; who dereferences it answers for it.
unsafe impl Send for HostPointer {}
// SAFETY: as above.
unsafe impl Sync for HostPointer {}

/// What makes a memory object, beside its counterpart in the worker.
pub(crate) struct Description {
    pub(crate) object_type: u32,
    pub(crate) flags: cl_mem_flags,
    pub(crate) size: usize,
    pub(crate) host: *mut u8,
    pub(crate) svm: Option<Svm>,
    pub(crate) parent: Option<Arc<Mem>>,
    pub(crate) origin: usize,
    pub(crate) image: Option<Image>,
    pub(crate) pipe: Option<Pipe>,
    pub(crate) store: Option<Staging>,
    pub(crate) host_memory: Option<Arc<HostMemory>>,
    pub(crate) properties: Vec<cl_mem_properties>,
    pub(crate) credit: u64,
}

impl Object for Mem {
    const KIND: u32 = 0x4d45_4d4f;
    const INVALID: cl_int = CL_INVALID_MEM_OBJECT;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Mem {
    pub(crate) fn new(remote: Remote, context: Arc<Context>, description: Description) -> Arc<Self> {
        let Description {
            object_type,
            flags,
            size,
            host,
            svm,
            parent,
            origin,
            image,
            pipe,
            store,
            host_memory,
            properties,
            credit,
        } = description;
        Arc::new(Self {
            remote,
            context,
            object_type,
            flags,
            size,
            host: HostPointer(host),
            svm,
            parent,
            origin,
            image,
            pipe,
            store,
            host_memory,
            properties,
            maps: Mutex::default(),
            shown: Mutex::default(),
            written: Mutex::default(),
            destructors: Mutex::default(),
            credit,
            shell: ShellRef::default(),
        })
    }

    pub(crate) fn is_buffer(&self) -> bool {
        self.object_type == CL_MEM_OBJECT_BUFFER
    }

    /// Where the object's bytes lie in this process, if they lie in the arena.
    pub(crate) fn store_pointer(&self) -> Option<*mut u8> {
        match (&self.store, &self.parent) {
            (Some(store), _) => Some(store.pointer().as_ptr()),
            (None, Some(parent)) if parent.is_buffer() => {
                parent.store_pointer().map(|pointer| pointer.wrapping_add(self.origin))
            }
            _ => None,
        }
    }

    /// Memory of this process that the maps of a small object without a store share, as natively they show the same bytes,
    /// and where in it this object begins. It is there as long as something is mapped.
    pub(crate) fn shown(&self) -> Option<(Arc<Heap>, usize)> {
        if let Some(parent) = self.parent.as_ref().filter(|parent| parent.is_buffer()) {
            let (heap, start) = parent.shown()?;
            return Some((heap, start + self.origin));
        }
        if self.size >= STORE_FROM {
            return None;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let heap = match shown.upgrade() {
            Some(heap) => heap,
            None => Arc::new(Heap::new(self.size)?),
        };
        *shown = Arc::downgrade(&heap);
        Some((heap, 0))
    }

    /// The object itself, or the buffer that it is a part of.
    pub(crate) fn whole(&self) -> &Self {
        self.parent.as_ref().filter(|parent| parent.is_buffer()).map_or(self, |parent| parent.whole())
    }

    /// The program has mapped `area`, which is at `host`.
    pub(crate) fn mapped(&self, flags: cl_map_flags, area: Area, host: HostArea, backing: Backing) {
        let written = writes(flags).then(|| Arc::new(host));
        if let Some(written) = &written {
            let mut all = self.whole().written.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|other| other.strong_count() > 0);
            all.push(Arc::downgrade(written));
        }
        self.lock_maps().push(Mapping { pointer: host.span().start, area, host, backing, written });
    }

    /// The addresses of `host` that are not mapped for writing. Where they are, the latest bytes are the program's.
    pub(crate) fn not_written(&self, host: &HostArea) -> Vec<Range<usize>> {
        let all = self.whole().written.lock().unwrap_or_else(PoisonError::into_inner);
        let written = all.iter().filter_map(Weak::upgrade).flat_map(|host| host.pieces());
        written.fold(host.pieces().collect(), |left, written| {
            let around = |piece: Range<usize>| {
                [piece.start..piece.end.min(written.start), piece.start.max(written.end)..piece.end]
            };
            left.into_iter().flat_map(around).filter(|piece| !piece.is_empty()).collect()
        })
    }

    /// How the program's own memory is mapped.
    pub(crate) fn host_backing(&self) -> Backing {
        if self.host_memory().is_some_and(|memory| memory.is_beside()) {
            return Backing::Store;
        }
        let svm = self.svm.as_ref().or_else(|| self.parent.as_ref()?.svm.as_ref());
        if svm.is_some_and(Svm::same_pages) { Backing::SamePages } else { Backing::HostPointer }
    }

    /// Where the program's own memory of the object begins (CL_MEM_USE_HOST_PTR).
    pub(crate) fn host_pointer(&self) -> Option<*mut u8> {
        match &self.parent {
            Some(parent) if parent.is_buffer() => Some(parent.host_pointer()?.wrapping_add(self.origin)),
            _ => (!self.host.0.is_null()).then_some(self.host.0),
        }
    }

    /// The program's own memory that this object is made of.
    pub(crate) fn host_part(&self) -> Option<HostPart> {
        self.host_range(0, self.size)
    }

    /// `length` bytes of it, from `offset` of this object on.
    pub(crate) fn host_range(&self, offset: usize, length: usize) -> Option<HostPart> {
        let memory = Arc::clone(self.host_memory()?);
        // Where the bytes of an image lie is not looked at.
        let (start, length) = if self.is_buffer() { (self.origin + offset, length) } else { (0, usize::MAX) };
        Some(HostPart { memory, bytes: start..start.saturating_add(length) })
    }

    /// What it has to do with the contents of this object, or of that which it is a part of.
    fn host_memory(&self) -> Option<&Arc<HostMemory>> {
        self.host_memory.as_ref().or_else(|| self.parent.as_ref()?.host_memory())
    }

    pub(crate) fn lock_maps(&self) -> MutexGuard<'_, Vec<Mapping>> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_destructor(&self, function: Destructor, data: *mut c_void) {
        self.destructors.lock().unwrap_or_else(PoisonError::into_inner).push((function, Data(data)));
    }
}

impl Drop for Mem {
    fn drop(&mut self) {
        let session = &self.remote.session;
        session.return_credit(self.credit);
        if let Some(memory) = self.host_memory.take() {
            session.aside(move || memory.end());
        }
        let destructors = std::mem::take(self.destructors.get_mut().unwrap_or_else(PoisonError::into_inner));
        if self.store.is_none() && destructors.is_empty() {
            return;
        }
        let pointer = Data(pointer_of(self));
        let mut all: Vec<Destroyed> = self.store.take().map(Destroyed::Store).into_iter().collect();
        all.extend(destructors.into_iter().map(|(function, data)| {
            Destroyed::Callback(Box::new(move || {
                // SAFETY: the program registered this function for this data.
                unsafe { function(pointer.get(), data.get()) };
            }))
        }));
        let mem = self.remote.handle;
        Sink::of(session).when_destroyed(mem, all);
        let mut needs = Needs::default();
        self.remote.needed_by(&mut needs);
        let watched = Arc::clone(session);
        session.aside(move || {
            // If the session is lost, nothing is destroyed in order any more.
            let _ = watched.send(watched.objects(), &WatchMem { mem }, &needs, None);
        });
    }
}

/// Objects from this size on get their memory in the arena where that is possible; it begins at a page.
const STORE_FROM: usize = 4096;

/// The largest part of initial contents that goes in one command where the arena is short.
const PART: usize = 64 << 10;

/// Sends the command that creates a memory object with its initial contents, or those behind it where the arena is short.
/// Gives the position after which the object is ready.
pub(crate) fn create<C: Command>(
    session: &Arc<Session>,
    needs: &Needs,
    mem: Handle,
    wait: bool,
    initial: Option<(Area, HostArea)>,
    command: C,
) -> Result<u64> {
    let staging = initial.and_then(|(_, host)| gathered(session, host));
    let bulk = staging.as_ref().and_then(Staging::bulk);
    let position = if wait {
        let (position, answer) = session.call(session.objects(), &command, needs, bulk)?;
        check(answer.decode::<Status>()?.code)?;
        position
    } else {
        session.send(session.objects(), &command, needs, bulk)?
    };
    match (staging, initial) {
        (Some(staging), _) => {
            session.objects().hold(position, staging);
            Ok(position)
        }
        (None, Some((area, host))) => send_parts(session, mem, area, host),
        (None, None) => Ok(position),
    }
}

/// Sends the contents of a memory object that has been created without. Gives the position after which it is ready.
pub(crate) fn send_contents(session: &Arc<Session>, mem: Handle, area: Area, host: HostArea) -> Result<u64> {
    let Some(staging) = gathered(session, host) else { return send_parts(session, mem, area, host) };
    let command = InitMem { mem, area, bytes: &[] };
    let position = session.send(session.objects(), &command, &Needs::default(), staging.bulk())?;
    session.objects().hold(position, staging);
    Ok(position)
}

/// The program's bytes in the arena, if there is room.
fn gathered(session: &Arc<Session>, host: HostArea) -> Option<Staging> {
    let staging = session.stage_whole(host.packed_length())?;
    // SAFETY: the program gave a host pointer for the whole object, which is valid now; the staging is as long.
    unsafe { host.gather(0, staging.pointer().as_ptr(), host.packed_length()) };
    Some(staging)
}

/// Sends contents in parts that need no arena.
fn send_parts(session: &Arc<Session>, mem: Handle, area: Area, host: HostArea) -> Result<u64> {
    let mut position = session.objects().sent();
    let mut bytes = Vec::new();
    let mut offset = 0;
    for part in parts(area, PART as u64) {
        bytes.resize(usize::try_from(packed_length(&part)).unwrap_or(usize::MAX), 0);
        // SAFETY: as in `gathered`; the parts of an area follow each other in its packed form.
        unsafe { host.gather(offset, bytes.as_mut_ptr(), bytes.len()) };
        offset += bytes.len();
        let command = InitMem { mem, area: part, bytes: &bytes };
        position = session.send(session.objects(), &command, &Needs::default(), None::<Bulk>)?;
    }
    Ok(position)
}

pub(crate) fn packed_length(area: &Area) -> u64 {
    area.region[0] * u64::from(area.element.max(1)) * area.region[1] * area.region[2]
}

/// Cuts an area into parts of at most `most` bytes whose packed forms follow each other. A pixel is never cut.
fn parts(area: Area, most: u64) -> Vec<Area> {
    let row = area.region[0] * u64::from(area.element.max(1));
    let dimension = if row > most {
        0
    } else if row * area.region[1] > most {
        1
    } else {
        2
    };
    let unit = match dimension {
        0 => u64::from(area.element.max(1)),
        1 => row,
        _ => row * area.region[1],
    };
    let step = (most / unit.max(1)).max(1);
    let mut all = Vec::new();
    let (rows, slices) = if dimension == 0 { (area.region[1], area.region[2]) } else { (1, area.region[2]) };
    for slice in 0..if dimension == 2 { 1 } else { slices } {
        for line in 0..rows {
            for start in (0..area.region[dimension]).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
                let mut part = area;
                if dimension < 2 {
                    (part.origin[2], part.region[2]) = (area.origin[2] + slice, 1);
                }
                if dimension < 1 {
                    (part.origin[1], part.region[1]) = (area.origin[1] + line, 1);
                }
                part.origin[dimension] = area.origin[dimension] + start;
                part.region[dimension] = step.min(area.region[dimension] - start);
                all.push(part);
            }
        }
    }
    all
}

/// The whole of a buffer's bytes, or some.
pub(crate) fn bytes_of_buffer(offset: usize, length: usize) -> Area {
    Area {
        kind: 0,
        element: 1,
        origin: [offset as u64, 0, 0],
        region: [length as u64, 1, 1],
        row_pitch: 0,
        slice_pitch: 0,
    }
}

/// What becomes of the program's contents for a new object of `size` bytes.
pub(crate) struct Contents {
    /// Memory in the arena that is to be the object's, with the contents in it.
    pub(crate) store: Option<Staging>,
    /// Contents that are to be sent with the object.
    pub(crate) initial: Option<(Area, HostArea)>,
    /// The program's memory of CL_MEM_USE_HOST_PTR.
    pub(crate) host_memory: Option<Arc<HostMemory>>,
}

impl Contents {
    /// For `mem`, whose contents are at `host` if the program gave any; `near` is whether a store is wanted at all.
    pub(crate) fn new(
        context: &Context,
        mem: Handle,
        flags: cl_mem_flags,
        size: usize,
        near: bool,
        given: Option<(Area, HostArea)>,
    ) -> Self {
        let session = context.session();
        let uses = flags & CL_MEM_USE_HOST_PTR != 0 && given.is_some();
        let wanted = if uses { context.on_cpus() } else { near && size >= STORE_FROM };
        let length = size.max(STORE_FROM);
        let store = match given {
            _ if !wanted || !session.shares_memory() => None,
            Some(_) => session.stage_store(length),
            // Natively it is memory that the driver has from the system, which is all zeros.
            None => session.stage_zeroed(length),
        };
        match (store, given) {
            (Some(store), Some((_, host))) if uses => {
                // SAFETY: the program keeps its memory as long as the object, and the store is long enough.
                let host_memory = unsafe { HostMemory::beside(host, store.clone()) };
                Self { store: Some(store), initial: None, host_memory: Some(host_memory) }
            }
            (Some(store), Some((_, host))) => {
                // SAFETY: the program's pointer is valid for the whole object, and so is the store, which nobody else uses
                // yet.
                unsafe { host.gather(0, store.pointer().as_ptr(), size) };
                Self { store: Some(store), initial: None, host_memory: None }
            }
            (None, Some((area, host))) if uses => {
                Self { store: None, initial: None, host_memory: Some(HostMemory::once(host, mem, area)) }
            }
            (store, initial) => Self { store, initial, host_memory: None },
        }
    }

    /// Where the store is, as commands say it.
    pub(crate) fn offset(&self) -> u64 {
        self.store.as_ref().map_or(u64::MAX, Staging::offset)
    }
}

/// Checks flags of a memory object as all creators do; gives those that are reported.
pub(crate) fn check_flags(flags: cl_mem_flags) -> Result<cl_mem_flags> {
    let one_of = |mask: cl_mem_flags| (flags & mask).count_ones() <= 1;
    let access = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
    let host = CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
    let pointer = CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR;
    ensure(flags & !(access | host | pointer | CL_MEM_KERNEL_READ_AND_WRITE) == 0, CL_INVALID_VALUE)?;
    ensure(one_of(access) && one_of(host), CL_INVALID_VALUE)?;
    ensure(one_of(CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR), CL_INVALID_VALUE)?;
    ensure(one_of(CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR), CL_INVALID_VALUE)?;
    Ok(if flags == 0 { CL_MEM_READ_WRITE } else { flags })
}

/// Checks that there is a host pointer where the flags say so, and only there.
pub(crate) fn check_host_pointer(flags: cl_mem_flags, host_ptr: *mut c_void) -> Result<()> {
    let wanted = flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR) != 0;
    ensure(wanted != host_ptr.is_null(), CL_INVALID_HOST_PTR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_an_area_in_packed_order() {
        let area = Area { kind: 2, element: 4, origin: [1, 2, 3], region: [10, 3, 2], row_pitch: 0, slice_pitch: 0 };
        for most in [4, 12, 40, 100, 120, 1000] {
            let parts = parts(area, most);
            assert_eq!(parts.iter().map(packed_length).sum::<u64>(), packed_length(&area));
            let order: Vec<_> = parts.iter().map(|part| [part.origin[2], part.origin[1], part.origin[0]]).collect();
            assert!(order.is_sorted());
            assert!(parts.iter().all(|part| packed_length(part) <= most));
        }
    }

    #[test]
    fn flags_that_exclude_each_other_are_refused() {
        assert!(check_flags(CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY).is_err());
        assert!(check_flags(CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR).is_err());
        assert_eq!(check_flags(0), Ok(CL_MEM_READ_WRITE));
    }
}
