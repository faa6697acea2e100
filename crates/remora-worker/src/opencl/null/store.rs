//! The memory behind buffers and images.

use super::device_info::GLOBAL_MEMORY;
use super::ffi::{Outcome, Place};
use opencl_sys::{CL_MEM_OBJECT_ALLOCATION_FAILURE, cl_int};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Zeroed memory of a memory object, freed with this.
pub struct Block {
    place: Place,
    size: usize,
    _charge: Charge,
}

impl Block {
    /// Memory of `size` bytes, charged to the device.
    pub fn new(size: usize) -> Outcome<Block> {
        let charge = Charge::new(size)?;
        let place = if size >= MAPPED { map(size) } else { allocate(size) };
        place.map(|place| Block { place, size, _charge: charge }).ok_or(FULL)
    }

    pub fn place(&self) -> Place {
        self.place
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.size >= MAPPED {
            // SAFETY: mapped by `map` with this size, and what used it is gone with its memory object.
            let _ = unsafe { munmap(self.place.0.cast::<c_void>(), self.size) };
        } else if let Some(layout) = small(self.size) {
            // SAFETY: allocated by `allocate` with this layout, as above.
            unsafe { dealloc(self.place.0, layout) };
        }
    }
}

const FULL: cl_int = CL_MEM_OBJECT_ALLOCATION_FAILURE;

/// From this size on memory is mapped, so that a large buffer costs only the pages that are used.
const MAPPED: usize = 64 << 10;

fn map(size: usize) -> Option<Place> {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping at an address that the kernel chooses.
    let address = unsafe { mmap_anonymous(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, flags) };
    address.ok().map(|address| Place(address.cast()))
}

fn allocate(size: usize) -> Option<Place> {
    // SAFETY: `small` never gives a size of 0.
    let address = unsafe { alloc_zeroed(small(size)?) };
    (!address.is_null()).then_some(Place(address))
}

fn small(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.max(1), 128).ok()
}

/// A share of the device's memory.
struct Charge(u64);

static USED: AtomicU64 = AtomicU64::new(0);

impl Charge {
    fn new(size: usize) -> Outcome<Charge> {
        let size = size as u64;
        let fits = |used: u64| used.checked_add(size).filter(|&used| used <= GLOBAL_MEMORY);
        USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| FULL)?;
        Ok(Charge(size))
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        USED.fetch_sub(self.0, Ordering::Relaxed);
    }
}
