//! Boxes in linear memory: bounds, pitches and overlap, all checked.

use super::ffi::{Outcome, Place};
use super::operation::{Layout, Shape};
use opencl_sys::CL_INVALID_VALUE;

/// A box at an origin in memory with these pitches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    pub origin: [usize; 3],
    pub region: [usize; 3],
    pub row_pitch: usize,
    pub slice_pitch: usize,
}

impl Rect {
    /// Pitches of 0 stand for rows and slices without gaps; others must not be less than that. With `whole_rows`, a
    /// slice pitch must be a multiple of the row pitch.
    pub fn new(
        origin: [usize; 3],
        region: [usize; 3],
        row_pitch: usize,
        slice_pitch: usize,
        whole_rows: bool,
    ) -> Outcome<Rect> {
        if region.contains(&0) {
            return Err(CL_INVALID_VALUE);
        }
        let row_pitch = if row_pitch == 0 { region[0] } else { row_pitch };
        let slice = row_pitch.checked_mul(region[1]).ok_or(CL_INVALID_VALUE)?;
        let slice_pitch = if slice_pitch == 0 { slice } else { slice_pitch };
        if row_pitch < region[0] || slice_pitch < slice || (whole_rows && slice_pitch % row_pitch != 0) {
            return Err(CL_INVALID_VALUE);
        }
        let rect = Rect { origin, region, row_pitch, slice_pitch };
        // From here on nothing can overflow.
        rect.checked_end().ok_or(CL_INVALID_VALUE)?;
        Ok(rect)
    }

    /// Offset of the first byte.
    pub fn start(&self) -> usize {
        self.origin[2] * self.slice_pitch + self.origin[1] * self.row_pitch + self.origin[0]
    }

    /// Offset behind the last byte.
    pub fn end(&self) -> usize {
        self.start() + (self.region[2] - 1) * self.slice_pitch + (self.region[1] - 1) * self.row_pitch + self.region[0]
    }

    fn checked_end(&self) -> Option<usize> {
        let slices = self.origin[2].checked_add(self.region[2])?.checked_mul(self.slice_pitch)?;
        let rows = self.origin[1].checked_add(self.region[1])?.checked_mul(self.row_pitch)?;
        let end = slices.checked_add(rows)?.checked_add(self.origin[0])?.checked_add(self.region[0])?;
        // Not beyond what pointers can be moved by.
        isize::try_from(end).ok().map(|end| end as usize)
    }

    pub fn shape(&self) -> Shape {
        Shape { row: self.region[0], rows: self.region[1], slices: self.region[2] }
    }

    /// Where it is in memory that starts at `base`.
    pub fn layout(&self, base: Place) -> Layout {
        Layout { place: base.add(self.start()), row_pitch: self.row_pitch, slice_pitch: self.slice_pitch }
    }

    /// Whether two boxes of the same region and pitches share a byte: the test that the OpenCL specification gives in
    /// its appendix on CL_MEM_COPY_OVERLAP.
    pub fn overlaps(&self, other: &Rect) -> bool {
        if self.end() <= other.start() || other.end() <= self.start() {
            return false;
        }
        let apart = |a: usize, b: usize, length: usize, pitch: usize| {
            (b >= a + length && b + length <= a + pitch) || (a >= b + length && a + length <= b + pitch)
        };
        let column = |rect: &Rect| rect.origin[0] % self.row_pitch;
        if apart(column(self), column(other), self.region[0], self.row_pitch) {
            return false;
        }
        let slice = (self.region[1] - 1) * self.row_pitch + self.region[0];
        let row = |rect: &Rect| (rect.origin[1] * self.row_pitch + rect.origin[0]) % self.slice_pitch;
        !apart(row(self), row(other), slice, self.slice_pitch)
    }
}
