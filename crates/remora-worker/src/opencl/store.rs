//! Memory objects whose memory is in the arena, where the program sees it: a map moves no bytes.

use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;

use opencl_sys::{
    CL_FALSE, CL_INVALID_OPERATION, CL_INVALID_VALUE, CL_MEM_OBJECT_IMAGE1D_ARRAY, CL_SUCCESS, cl_event, cl_int,
};
use remora_protocol::Bulk;

use super::area::{Kind, Region};
use super::driver::check;
use super::shared::Shared;
use super::transfer::wait_list;
use crate::lock;

/// Where an object's memory is in the arena.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// Its first byte.
    pub offset: u64,
    /// Of an image: the distances of rows and slices (of the layers of a 1D array: rows).
    pitches: [u64; 2],
    /// Of a 1D array, whose rows the driver calls slices.
    rows_are_slices: bool,
}

impl Store {
    /// Of a buffer.
    #[must_use]
    pub fn of_buffer(offset: u64) -> Self {
        Self { offset, pitches: [0; 2], rows_are_slices: false }
    }

    /// Of an image of this type with rows so many bytes apart, and so many rows in a slice.
    #[must_use]
    pub fn of_image(offset: u64, image_type: u32, row_pitch: u64, rows: u64) -> Option<Self> {
        let pitches = [row_pitch, row_pitch.checked_mul(rows)?];
        Some(Self { offset, pitches, rows_are_slices: image_type == CL_MEM_OBJECT_IMAGE1D_ARRAY })
    }

    /// That of a part of the object.
    #[must_use]
    pub fn part(&self, origin: u64) -> Option<Self> {
        Some(Self { offset: self.offset.checked_add(origin)?, ..*self })
    }

    /// The address of a region's first byte, of which `element` bytes are all that is looked at.
    fn address(&self, shared: &Shared, region: &Region) -> Option<*mut c_void> {
        let [x, y, z] = region.origin.map(|value| value as u64);
        let [row, slice] = self.pitches;
        let inside = x.checked_mul(region.element() as u64)?.checked_add(y.checked_mul(row)?)?;
        let offset = self.offset.checked_add(inside)?.checked_add(z.checked_mul(slice)?)?;
        Some(shared.client_memory(Bulk { offset, length: region.element() as u64 }).ok()?.cast())
    }

    /// Whether the driver's pitches for a map of `region` are those of the store, where they matter.
    fn agrees(&self, region: &Region, row: usize, slice: usize) -> bool {
        let between_rows = if self.rows_are_slices { slice } else { row };
        let same = |axis: usize, pitch: usize| region.region[axis] == 1 || pitch as u64 == self.pitches[axis - 1];
        matches!(region.kind, Kind::Bytes) || (same(1, between_rows) && same(2, slice))
    }
}

/// What is mapped of an object, and where the driver said that it is.
#[derive(Default)]
pub struct Maps(Mutex<Vec<(Region, usize)>>);

impl Maps {
    /// Takes note of the address of a region that is mapped.
    pub fn add(&self, region: Region, address: *mut c_void) {
        lock(&self.0).push((region, address.expose_provenance()));
    }

    /// Takes back the address of a region that was mapped.
    #[must_use]
    pub fn take(&self, region: &Region) -> Option<*mut c_void> {
        let mut maps = lock(&self.0);
        let index = maps.iter().position(|(mapped, _)| mapped == region)?;
        Some(ptr::with_exposed_provenance_mut(maps.swap_remove(index).1))
    }
}

/// Enqueues a map of `region` of an object with a store. Tells whether it is mapped in place, where the program sees it.
///
/// # Errors
/// The driver's code.
///
/// # Safety
/// Queue and object are live, `wait` are live events of the driver, and `event` is null or can be written.
#[allow(clippy::too_many_arguments)]
pub unsafe fn map_region(
    shared: &Shared,
    queue: *mut c_void,
    mem: *mut c_void,
    store: &Store,
    maps: &Maps,
    region: &Region,
    flags: u64,
    wait: &[cl_event],
    event: *mut cl_event,
) -> Result<bool, cl_int> {
    let (count, list) = wait_list(wait)?;
    let (mut row, mut slice, mut code) = (0, 0, CL_SUCCESS);
    let (origin, extent) = (region.origin.as_ptr(), region.region.as_ptr());
    // SAFETY: by the promise of the caller; the arrays outlive the call, and the region lies in the object.
    let address = unsafe {
        match region.kind {
            Kind::Bytes => {
                let map = shared.driver.clEnqueueMapBuffer.ok_or(CL_INVALID_OPERATION)?;
                let (offset, size) = (region.origin[0], region.packed());
                map(queue, mem, CL_FALSE, flags, offset, size, count, list, event, &raw mut code)
            }
            Kind::Pixels => {
                let map = shared.driver.clEnqueueMapImage.ok_or(CL_INVALID_OPERATION)?;
                let (row, slice, code) = (&raw mut row, &raw mut slice, &raw mut code);
                map(queue, mem, CL_FALSE, flags, origin, extent, row, slice, count, list, event, code)
            }
            Kind::Rectangle { .. } => return Err(CL_INVALID_VALUE),
        }
    };
    check(code)?;
    maps.add(*region, address);
    let in_place = store.address(shared, region) == Some(address) && store.agrees(region, row, slice);
    if !in_place {
        tracing::error!(?region, row, slice, "the driver mapped a store to another place");
    }
    Ok(in_place)
}
