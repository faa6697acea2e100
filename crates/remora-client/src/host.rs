//! The program's own memory, as the source or destination of a transfer.

use std::ops::Range;

use crate::copy::copy;

/// Rows and slices of bytes in the program's memory. Their *packed* form, without the gaps of the pitches, is what
/// travels.
///
/// The program promised with its API call that the memory stays valid until the transfer is done; that promise is what
/// the unsafe functions here ask for.
#[derive(Clone, Copy, Debug)]
pub struct HostArea {
    base: *mut u8,
    row: usize,
    rows: usize,
    slices: usize,
    row_pitch: usize,
    slice_pitch: usize,
}

// SAFETY: the pointer is the program's; a transfer may be carried out by any thread (the API says so), and nothing is
// dereferenced outside the unsafe functions below.
unsafe impl Send for HostArea {}
// SAFETY: as above; the type itself has no interior mutability.
unsafe impl Sync for HostArea {}

impl HostArea {
    /// `length` bytes in one piece.
    #[must_use]
    pub fn flat(base: *mut u8, length: usize) -> Self {
        Self { base, row: length, rows: 1, slices: 1, row_pitch: length, slice_pitch: length }
    }

    /// `slices` of `rows` of `row` bytes each, `row_pitch` and `slice_pitch` bytes apart. `None` if that overflows.
    #[must_use]
    pub fn pitched(
        base: *mut u8,
        row: usize,
        rows: usize,
        slices: usize,
        row_pitch: usize,
        slice_pitch: usize,
    ) -> Option<Self> {
        row.checked_mul(rows)?.checked_mul(slices)?;
        let extent = slice_pitch
            .checked_mul(slices.saturating_sub(1))?
            .checked_add(row_pitch.checked_mul(rows.saturating_sub(1))?)?
            .checked_add(row)?;
        (base as usize).checked_add(extent)?;
        Some(Self { base, row, rows, slices, row_pitch, slice_pitch })
    }

    /// Bytes without gaps.
    #[must_use]
    pub fn packed_length(&self) -> usize {
        self.row * self.rows * self.slices
    }

    /// Whether there are no gaps between the bytes.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        let area = self.without_gaps();
        area.rows == 1 && area.slices == 1
    }

    /// The addresses between which all bytes lie.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        let start = self.base as usize;
        if self.packed_length() == 0 {
            return start..start;
        }
        start..start + self.slice_pitch * (self.slices - 1) + self.row_pitch * (self.rows - 1) + self.row
    }

    /// Copies packed bytes `[offset, offset + length)` from the program's memory to `to`.
    ///
    /// # Safety
    /// The area and `length` bytes at `to` are valid, and `offset + length` is within the packed length.
    pub unsafe fn gather(&self, offset: usize, to: *mut u8, length: usize) {
        let mut done = 0;
        for (address, part) in self.parts(offset, length) {
            // SAFETY: `parts` yields pieces of the area that sum up to `length`; the caller vouches for both sides.
            unsafe { copy(address, to.add(done), part) };
            done += part;
        }
    }

    /// Copies `length` bytes at `from` to packed bytes `[offset, ...)` of the program's memory.
    ///
    /// # Safety
    /// As for [`HostArea::gather`].
    pub unsafe fn scatter(&self, offset: usize, from: *const u8, length: usize) {
        let mut done = 0;
        for (address, part) in self.parts(offset, length) {
            // SAFETY: as in `gather`.
            unsafe { copy(from.add(done), address, part) };
            done += part;
        }
    }

    /// Copies those bytes of `new` that differ from `old` to packed bytes `[offset, ...)` of the program's memory, which may
    /// be writing to others meanwhile: those are not touched.
    ///
    /// # Safety
    /// The area is valid, and `offset` and the length of `new` together are within the packed length.
    pub unsafe fn scatter_changes(&self, offset: usize, old: &[u8], new: &[u8]) {
        let mut done = 0;
        for (address, part) in self.parts(offset, new.len()) {
            // SAFETY: `parts` yields pieces of the area that sum up to the length of `new`.
            unsafe { write_changes(address, &old[done..done + part], &new[done..done + part]) };
            done += part;
        }
    }

    /// The addresses of the bytes, piece by piece.
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        self.parts(0, self.packed_length()).map(|(address, length)| address as usize..address as usize + length)
    }

    /// The contiguous pieces of a packed range, in order.
    fn parts(&self, offset: usize, length: usize) -> impl Iterator<Item = (*mut u8, usize)> + use<> {
        let area = self.without_gaps();
        let (mut at, end) = (offset, offset + length);
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let (row, column) = (at / area.row, at % area.row);
            let (slice, row) = (row / area.rows, row % area.rows);
            let part = (area.row - column).min(end - at);
            at += part;
            let address = area.base.wrapping_add(slice * area.slice_pitch + row * area.row_pitch + column);
            Some((address, part))
        })
    }

    /// The same bytes with as few rows as possible.
    fn without_gaps(mut self) -> Self {
        if self.row_pitch == self.row || self.rows == 1 {
            self.row *= self.rows;
            self.rows = 1;
            self.row_pitch = self.row;
            if self.slice_pitch == self.row || self.slices == 1 {
                self.row *= self.slices;
                self.slices = 1;
                self.slice_pitch = self.row;
            }
        }
        self
    }
}

/// # Safety
/// As many bytes as `new` has are valid at `address`, and as many are in `old`.
unsafe fn write_changes(address: *mut u8, old: &[u8], new: &[u8]) {
    // Four at a time where all of them have changed: bytes alone take ten times as long.
    let words = old.chunks_exact(4).zip(new.chunks_exact(4)).enumerate();
    for (at, (old, new)) in words {
        let (Ok(old), Ok(new)) = (<[u8; 4]>::try_from(old), <[u8; 4]>::try_from(new)) else { continue };
        if old == new {
            continue;
        }
        let place = address.wrapping_add(4 * at);
        // SAFETY: the caller vouches for these bytes.
        unsafe {
            if old.iter().zip(&new).all(|(old, new)| old != new) {
                place.cast::<[u8; 4]>().write(new);
            } else {
                write_changed_bytes(place, &old, &new);
            }
        }
    }
    let rest = new.len() & !3;
    // SAFETY: as above.
    unsafe { write_changed_bytes(address.wrapping_add(rest), &old[rest..], &new[rest..]) };
}

/// # Safety
/// As for [`write_changes`].
unsafe fn write_changed_bytes(address: *mut u8, old: &[u8], new: &[u8]) {
    for (at, (old, new)) in old.iter().zip(new).enumerate() {
        if old != new {
            // SAFETY: the caller vouches for this byte.
            unsafe { address.add(at).write(*new) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bytes_come_and_go_past_the_gaps() {
        let mut memory: Vec<u8> = (0..60).collect();
        // 2 slices of 3 rows of 4 bytes; rows 6 apart, slices 30 apart.
        let area = HostArea::pitched(memory.as_mut_ptr(), 4, 3, 2, 6, 30).unwrap();
        assert_eq!(area.packed_length(), 24);
        assert!(!area.is_flat());
        assert!(HostArea::pitched(memory.as_mut_ptr(), 4, 3, 2, 4, 12).is_some_and(|area| area.is_flat()));
        let mut packed = [0u8; 24];
        // SAFETY: the area lies inside `memory`, and `packed` holds the packed length.
        unsafe { area.gather(0, packed.as_mut_ptr(), 24) };
        assert_eq!(&packed[..8], &[0, 1, 2, 3, 6, 7, 8, 9]);
        assert_eq!(&packed[12..16], &[30, 31, 32, 33]);
        let mut part = [0u8; 5];
        // SAFETY: as above.
        unsafe { area.gather(10, part.as_mut_ptr(), 5) };
        assert_eq!(part, packed[10..15]);
        // SAFETY: as above.
        unsafe { area.scatter(2, [99u8, 98, 97].as_ptr(), 3) };
        assert_eq!(&memory[..8], &[0, 1, 99, 98, 4, 5, 97, 7]);
    }

    #[test]
    fn only_changed_bytes_are_written() {
        let mut memory: Vec<u8> = (0..40).collect();
        let area = HostArea::pitched(memory.as_mut_ptr(), 9, 2, 1, 20, 40).unwrap();
        let old: Vec<u8> = (0..9).chain(20..29).collect();
        let mut new = old.clone();
        (new[1], new[8], new[10], new[17]) = (100, 101, 102, 103);
        new[4..8].fill(104);
        // The program's own change, beside one that comes.
        memory[22] = 200;
        // SAFETY: the area lies inside `memory`.
        unsafe { area.scatter_changes(1, &old[1..], &new[1..]) };
        let mut expected: Vec<u8> = (0..40).collect();
        (expected[1], expected[8], expected[21], expected[28], expected[22]) = (100, 101, 102, 103, 200);
        expected[4..8].fill(104);
        assert_eq!(memory, expected);
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert!(HostArea::pitched(std::ptr::null_mut(), usize::MAX, 2, 1, usize::MAX, 0).is_none());
    }
}
