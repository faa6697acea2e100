//! A ring: bytes from one producer to one consumer, in records.
//!
//! `tail` and `head` count bytes for ever; a position's place in the data is its low bits. A record is a word (length in the
//! low half, flags in the high half) and that many bytes, rounded up to a multiple of 8. A record never wraps: one
//! that says [`PAD`] fills the end of the data where the next one does not fit. No record is larger than a quarter of the
//! ring; a frame that would be travels in several, all but the last of which say [`MORE`].
//!
//! The consumer publishes `head` only when it has taken a quarter of the ring since it last did. That is enough: a record
//! and the padding before it are smaller than half the ring, so once everything has been taken there is always room.
//!
//! Neither side believes the other's words: what can't be is [`Corrupt`].

use crate::cells::Cells;
use crate::sync::Ordering;

const MORE: u32 = 1;
const PAD: u32 = 2;
/// Bytes of a record before its contents.
const WORD: u64 = 8;

/// The other side wrote something that its role can't lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt(pub &'static str);

/// The end that puts in.
pub struct Producer {
    cells: Cells,
    tail: u64,
    /// What the consumer had published when we last looked.
    head: u64,
}

/// Where a record that is being written begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Of the contents, in the data.
    pub at: usize,
    word_at: usize,
}

impl Producer {
    /// The producer of a ring that nothing was put into yet.
    pub fn new(cells: Cells) -> Self {
        Self { cells, tail: 0, head: 0 }
    }

    /// The memory.
    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// The largest contents of a record.
    #[inline]
    pub fn largest(&self) -> usize {
        self.cells.capacity() / 4 - WORD as usize
    }

    /// Whether a record with `length` bytes can be put in now.
    ///
    /// # Errors
    /// [`Corrupt`] if the consumer says that it took out what was never in.
    #[inline]
    pub fn has_room(&mut self, length: usize) -> Result<bool, Corrupt> {
        let capacity = self.cells.capacity() as u64;
        let size = record_size(length as u64);
        let left = self.left();
        let need = if left < size { left + size } else { size };
        if capacity - (self.tail - self.head) >= need {
            return Ok(true);
        }
        let head = self.cells.head().load(Ordering::Acquire);
        if head % 8 != 0 || head.wrapping_sub(self.head) > self.tail - self.head {
            return Err(Corrupt("head of a ring"));
        }
        self.head = head;
        Ok(capacity - (self.tail - self.head) >= need)
    }

    /// Starts a record of `length` bytes, for which there is room. The consumer sees nothing of it yet.
    #[inline]
    pub fn begin(&mut self, length: usize) -> Begun {
        let left = self.left();
        if left < record_size(length as u64) {
            self.cells.write_word(self.place(), word(left - WORD, PAD));
            self.tail += left;
        }
        let word_at = self.place();
        Begun { at: word_at + WORD as usize, word_at }
    }

    /// Publishes the record that was begun, with the `length` that was said then, and wakes the consumer if it sleeps.
    #[inline]
    pub fn finish(&mut self, begun: Begun, length: usize, more: bool) {
        self.cells.write_word(begun.word_at, word(length as u64, if more { MORE } else { 0 }));
        self.tail += record_size(length as u64);
        self.cells.tail().store(self.tail, Ordering::Release);
        self.cells.consumer_bell().ring();
    }

    /// Puts in one record, for which there is room.
    #[inline]
    pub fn put(&mut self, bytes: &[u8], more: bool) {
        let begun = self.begin(bytes.len());
        self.cells.write(begun.at, bytes);
        self.finish(begun, bytes.len(), more);
    }

    #[inline]
    fn place(&self) -> usize {
        place(&self.cells, self.tail)
    }

    /// Bytes up to the end of the data.
    #[inline]
    fn left(&self) -> u64 {
        (self.cells.capacity() - self.place()) as u64
    }
}

/// The end that takes out.
pub struct Consumer {
    cells: Cells,
    head: u64,
    /// What the producer knows of `head`.
    published: u64,
    /// What the producer had published when we last looked.
    tail: u64,
}

/// A record that has been checked: all of it is in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where its contents begin in the data.
    pub at: usize,
    /// How many bytes they are.
    pub length: usize,
    /// Whether the frame goes on in the next record.
    pub more: bool,
    /// The position behind it.
    pub end: u64,
}

impl Consumer {
    /// The consumer of a ring that nothing was taken out of yet.
    pub fn new(cells: Cells) -> Self {
        Self { cells, head: 0, published: 0, tail: 0 }
    }

    /// The memory.
    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Whether there is something that was seen before, so that [`Consumer::look`] needs no look at the producer's word.
    #[inline]
    pub fn has_seen(&self) -> bool {
        self.head != self.tail
    }

    /// Forgets what was seen: there is nothing more to take out.
    pub fn forget(&mut self) {
        self.tail = self.head;
    }

    /// The next record, if there is one. It stays in the ring.
    ///
    /// # Errors
    /// [`Corrupt`] if the producer wrote what can't be.
    #[inline]
    pub fn look(&mut self) -> Result<Option<Record>, Corrupt> {
        self.look_behind(self.head)
    }

    /// The record at `position`, which is the head or the end of a record that was looked at but not taken yet.
    ///
    /// # Errors
    /// As [`Consumer::look`].
    #[inline]
    pub fn look_behind(&mut self, mut position: u64) -> Result<Option<Record>, Corrupt> {
        let capacity = self.cells.capacity();
        loop {
            if position == self.tail {
                let tail = self.cells.tail().load(Ordering::Acquire);
                let moved = tail.wrapping_sub(self.tail);
                let room = capacity as u64 - (self.tail - self.head);
                if tail % 8 != 0 || moved > room {
                    return Err(Corrupt("tail of a ring"));
                }
                self.tail = tail;
                if moved == 0 {
                    return Ok(None);
                }
            }
            let at = place(&self.cells, position);
            let available = (self.tail - position).min((capacity - at) as u64);
            // The word is read once: the producer could change it between two reads.
            let word = self.cells.read_word(at);
            let (length, flags) = (word & 0xffff_ffff, (word >> 32) as u32);
            let size = record_size(length);
            if size > available {
                return Err(Corrupt("length of a record"));
            }
            let end = position + size;
            match flags {
                PAD => position = end,
                0 | MORE if size <= (capacity / 4) as u64 => {
                    let more = flags == MORE;
                    return Ok(Some(Record { at: at + WORD as usize, length: length as usize, more, end }));
                }
                0 | MORE => return Err(Corrupt("size of a record")),
                _ => return Err(Corrupt("flags of a record")),
            }
        }
    }

    /// Appends a record's contents, which are copied once, to `into`.
    #[inline]
    pub fn copy(&self, record: Record, into: &mut Vec<u8>) {
        self.cells.read(record.at, record.length, into);
    }

    /// Takes out everything up to `end`, which is the end of a record that was looked at. True if the producer was told.
    #[inline]
    pub fn take_to(&mut self, end: u64) -> bool {
        self.head = end;
        if self.head - self.published < self.cells.capacity() as u64 / 4 {
            return false;
        }
        self.published = self.head;
        self.cells.head().store(self.head, Ordering::Release);
        self.cells.producer_bell().ring();
        true
    }
}

#[inline]
fn word(length: u64, flags: u32) -> u64 {
    length | u64::from(flags) << 32
}

/// Bytes that a record with `length` bytes takes; `length` is below 2^32.
#[inline]
fn record_size(length: u64) -> u64 {
    (length + WORD + 7) & !7
}

#[inline]
fn place(cells: &Cells, position: u64) -> usize {
    // The capacity is a power of two, and what is left is below it.
    (position & (cells.capacity() as u64 - 1)) as usize
}

#[cfg(all(test, not(loom)))]
#[path = "ring_tests.rs"]
mod tests;
