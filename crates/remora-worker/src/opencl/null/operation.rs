//! What commands do when their turn comes.

use super::ffi::Place;
use super::launch::Launch;
use super::memory::Mem;
use super::pool::Ref;
use std::ptr;

/// The work of one command. It holds what it needs until it is done.
pub enum Operation {
    Nothing,
    /// Nothing, but the memory object must stay until then.
    Keep(#[expect(dead_code, reason = "held, not read")] Ref<Mem>),
    /// As `Keep`, for any number of them.
    KeepAll(#[expect(dead_code, reason = "held, not read")] Vec<Ref<Mem>>),
    Copy(Transfer),
    Fill(Fill),
    Launch(Launch),
}

impl Operation {
    /// Does it, on this thread. No lock may be held.
    pub fn run(&mut self) {
        match self {
            Operation::Nothing | Operation::Keep(_) | Operation::KeepAll(_) => {}
            Operation::Copy(transfer) => transfer.run(),
            Operation::Fill(fill) => fill.run(),
            Operation::Launch(launch) => launch.run(),
        }
    }

    /// It will be done later: holds also what the program could release until then.
    pub fn keep(&mut self) {
        if let Operation::Launch(launch) = self {
            launch.keep();
        }
    }
}

/// How many bytes make a row, rows a slice, and slices the whole.
#[derive(Clone, Copy)]
pub struct Shape {
    pub row: usize,
    pub rows: usize,
    pub slices: usize,
}

/// Where a box of bytes stands in memory.
#[derive(Clone, Copy)]
pub struct Layout {
    pub place: Place,
    pub row_pitch: usize,
    pub slice_pitch: usize,
}

impl Layout {
    /// Bytes in one piece.
    pub fn packed(place: Place) -> Layout {
        Layout { place, row_pitch: 0, slice_pitch: 0 }
    }

    fn row(&self, row: usize, slice: usize) -> *mut u8 {
        self.place.add(slice * self.slice_pitch + row * self.row_pitch).0
    }

    fn is_packed(&self, shape: Shape) -> bool {
        (shape.rows == 1 || self.row_pitch == shape.row)
            && (shape.slices == 1 || self.slice_pitch == shape.row * shape.rows)
    }
}

/// A copy of a box of bytes. Both ends were checked to lie inside their memory objects; host memory is the caller's word.
pub struct Transfer {
    pub from: Layout,
    pub to: Layout,
    pub shape: Shape,
    /// The memory objects at either end.
    #[expect(dead_code, reason = "held, not read")]
    pub keep: [Option<Ref<Mem>>; 2],
}

impl Transfer {
    fn run(&self) {
        if self.from.is_packed(self.shape) && self.to.is_packed(self.shape) {
            let length = self.shape.row * self.shape.rows * self.shape.slices;
            // SAFETY: both ends are `length` bytes of memory that is valid until the command is done: inside a memory
            // object held here, or the caller's by its promise. They may overlap or change meanwhile; `copy` bears it.
            unsafe { ptr::copy(self.from.place.0, self.to.place.0, length) };
            return;
        }
        for slice in 0..self.shape.slices {
            for row in 0..self.shape.rows {
                // SAFETY: as above, for each row of the box.
                unsafe { ptr::copy(self.from.row(row, slice), self.to.row(row, slice), self.shape.row) };
            }
        }
    }
}

/// A box of bytes that is filled with a pattern; rows are a multiple of it.
pub struct Fill {
    pub to: Layout,
    pub shape: Shape,
    pub pattern: Vec<u8>,
    #[expect(dead_code, reason = "held, not read")]
    pub keep: Ref<Mem>,
}

impl Fill {
    fn run(&self) {
        for slice in 0..self.shape.slices {
            for row in 0..self.shape.rows {
                self.fill(self.to.row(row, slice));
            }
        }
    }

    fn fill(&self, first: *mut u8) {
        let mut done = self.pattern.len().min(self.shape.row);
        // SAFETY: `first` starts a row of `shape.row` bytes inside the memory object that is held here.
        unsafe { ptr::copy_nonoverlapping(self.pattern.as_ptr(), first, done) };
        while done > 0 && done < self.shape.row {
            let more = done.min(self.shape.row - done);
            // SAFETY: as above: [0, done) is filled and [done, done + more) is the next part of the row.
            unsafe { ptr::copy_nonoverlapping(first, first.wrapping_add(done), more) };
            done += more;
        }
    }
}
