//! Memory objects mapped into the program.
//!
//! What a map shows is, in order of preference: the program's own memory (CL_MEM_USE_HOST_PTR), the object's own store in the
//! arena (no byte moves), memory of this process that all maps of a small object share, staging in the arena, or memory of
//! this process for one map: where rows have gaps between them, as natively, or the arena has no room.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::{HostArea, Staging};
use remora_protocol::opencl::Area;

use crate::transfer::Finally;

/// A region of a memory object that the program has mapped.
pub(crate) struct Mapping {
    pub(crate) pointer: usize,
    pub(crate) area: Area,
    pub(crate) host: HostArea,
    pub(crate) backing: Backing,
    /// Of one for writing: that its bytes are the latest. Unmapping brings them to the device.
    pub(crate) written: Option<Arc<HostArea>>,
}

/// Where the bytes are that the program sees.
pub(crate) enum Backing {
    /// The object's store, or the program's own memory that is kept equal to it.
    Store,
    /// The program's own memory, to which bytes are brought.
    HostPointer,
    /// The program's own memory, which is the device's as well.
    SamePages,
    Staging(Staging),
    Heap(Arc<Heap>),
}

impl Backing {
    /// Keeps memory that is not the program's until something is complete.
    pub(crate) fn keep(&self) -> Option<Finally> {
        fn keep<T: Clone + Send + 'static>(memory: &T) -> Option<Finally> {
            let kept = memory.clone();
            Some(Box::new(move || drop(kept)))
        }
        match self {
            Self::Staging(staging) => keep(staging),
            Self::Heap(heap) => keep(heap),
            _ => None,
        }
    }
}

/// Whether unmapping brings bytes to the device.
pub(crate) fn writes(flags: cl_map_flags) -> bool {
    flags & (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION) != 0
}

/// Whether mapping brings bytes to the program. A map for writing shows what was there, as drivers do it.
pub(crate) fn shows(flags: cl_map_flags) -> bool {
    flags & CL_MAP_WRITE_INVALIDATE_REGION == 0
}

/// Memory of this process, aligned for any OpenCL type.
pub(crate) struct Heap {
    pointer: NonNull<u8>,
    layout: Layout,
}

// SAFETY: it owns its memory.
unsafe impl Send for Heap {}
// SAFETY: it only gives away the address.
unsafe impl Sync for Heap {}

impl Heap {
    pub(crate) fn new(length: usize) -> Option<Self> {
        let layout = Layout::from_size_align(length.max(1), 4096).ok()?;
        // SAFETY: the layout's size is not 0.
        let pointer = NonNull::new(unsafe { alloc(layout) })?;
        Some(Self { pointer, layout })
    }

    /// The address of `length` bytes from `offset` on, if it has them.
    pub(crate) fn at(&self, offset: usize, length: usize) -> Option<*mut u8> {
        let end = offset.checked_add(length)?;
        (end <= self.layout.size()).then(|| self.pointer().wrapping_add(offset))
    }

    pub(crate) fn pointer(&self) -> *mut u8 {
        self.pointer.as_ptr()
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: it came from `alloc` with this layout.
        unsafe { dealloc(self.pointer.as_ptr(), self.layout) };
    }
}
