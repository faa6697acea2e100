//! The memory of one ring as the ring's code sees it: words, bells and data.
//!
//! ```text
//!    0 tail          written by the producer     256 producer's bell
//!  128 head          written by the consumer     384 consumer's bell
//!  136 acknowledged  written by the consumer    4096 data
//! ```
//! What different sides write is on different cache lines, two lines apart since processors fetch lines in pairs.
//!
//! `cells_loom.rs` has the same types for loom's model of a machine.

use std::ptr::NonNull;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::thread::futex;

use crate::bell::Bell;
use crate::layout::{HEADER, Place};
use crate::memory::Mapping;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

const TAIL: usize = 0;
const HEAD: usize = 128;
const ACKNOWLEDGED: usize = 136;
const PRODUCER_BELL: usize = 256;
const CONSUMER_BELL: usize = 384;

/// One ring's memory. The other side may write all of it at any time.
#[derive(Clone, Debug)]
pub struct Cells {
    base: NonNull<u8>,
    capacity: usize,
    /// Keeps the memory mapped.
    mapping: Arc<Mapping>,
}

// SAFETY: the memory that `base` points to lives as long as `mapping`, and it is only accessed with atomics and raw
// copies, from any thread.
unsafe impl Send for Cells {}
// SAFETY: as above.
unsafe impl Sync for Cells {}

impl Cells {
    /// The ring at a place of the rings' memory.
    ///
    /// # Panics
    /// If it is not inside, which [`crate::layout::Geometry`] excludes.
    pub(crate) fn new(mapping: &Arc<Mapping>, place: Place) -> Self {
        assert!(place.offset % HEADER == 0 && place.capacity.is_power_of_two());
        let base = mapping.pointer(place.offset, HEADER + place.capacity).expect("a ring inside its memory");
        Self { base, capacity: place.capacity, mapping: Arc::clone(mapping) }
    }

    /// Bytes of data; a power of two.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes have ever been put in.
    #[inline]
    pub fn tail(&self) -> &AtomicU64 {
        self.word(TAIL)
    }

    /// How many bytes have been taken out, as far as the consumer has told.
    #[inline]
    pub fn head(&self) -> &AtomicU64 {
        self.word(HEAD)
    }

    /// Which position the receiver has acknowledged.
    #[inline]
    pub fn acknowledged(&self) -> &AtomicU64 {
        self.word(ACKNOWLEDGED)
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        // SAFETY: every `at` is a multiple of 8 inside the header, which is mapped and page-aligned; all accesses of
        // this process to it are atomic.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// What wakes the producer when there is room.
    #[inline]
    pub fn producer_bell(&self) -> Bell<'_> {
        self.bell(PRODUCER_BELL)
    }

    /// What wakes the consumer when there is something.
    #[inline]
    pub fn consumer_bell(&self) -> Bell<'_> {
        self.bell(CONSUMER_BELL)
    }

    #[inline]
    fn bell(&self, at: usize) -> Bell<'_> {
        // SAFETY: as in `word`.
        let word = unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast()) };
        Bell::new(Futex { word, shared: self.mapping.is_shared() })
    }

    /// Reads the eight bytes at `at`, which is a multiple of eight, once.
    #[inline]
    pub fn read_word(&self, at: usize) -> u64 {
        self.data_word(at).load(Ordering::Relaxed)
    }

    /// Writes the eight bytes at `at`, which is a multiple of eight.
    #[inline]
    pub fn write_word(&self, at: usize, word: u64) {
        self.data_word(at).store(word, Ordering::Relaxed);
    }

    #[inline]
    fn data_word(&self, at: usize) -> &AtomicU64 {
        assert!(at % 8 == 0 && at < self.capacity);
        self.word(HEADER + at)
    }

    /// Copies `bytes` to `at`.
    ///
    /// # Panics
    /// If there is no such room.
    #[inline]
    pub fn write(&self, at: usize, bytes: &[u8]) {
        let to = self.pointer(at, bytes.len());
        // SAFETY: `pointer` has checked that `to` is the start of `bytes.len()` mapped bytes; `bytes` is not among them
        // since no reference to the mapping exists.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
    }

    /// Appends the `length` bytes at `at` to `into`.
    ///
    /// # Panics
    /// If there are no such bytes.
    #[inline]
    pub fn read(&self, at: usize, length: usize, into: &mut Vec<u8>) {
        let from = self.pointer(at, length);
        into.reserve(length);
        let old = into.len();
        // SAFETY: `pointer` has checked that `from` is the start of `length` mapped bytes; the vector has room for them
        // behind its contents, and they are initialised before its length covers them.
        unsafe {
            std::ptr::copy_nonoverlapping(from.as_ptr(), into.as_mut_ptr().add(old), length);
            into.set_len(old + length);
        }
    }

    /// The address of the `length` bytes at `at`.
    ///
    /// # Panics
    /// If there are no such bytes.
    #[inline]
    pub(crate) fn pointer(&self, at: usize, length: usize) -> NonNull<u8> {
        assert!(at <= self.capacity && length <= self.capacity - at);
        // SAFETY: just checked that the range is inside the data, which is mapped.
        unsafe { self.base.add(HEADER + at) }
    }
}

/// A word that the kernel lets a thread sleep on.
pub struct Futex<'a> {
    word: &'a AtomicU32,
    /// Whether the two threads may be in different processes.
    shared: bool,
}

impl Futex<'_> {
    #[inline]
    pub fn word(&self) -> &AtomicU32 {
        self.word
    }

    /// Sleeps if the word is 1; may return early.
    pub fn wait(&self) {
        match futex::wait(self.word, self.flags(), 1, None) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => {
                // Happens only if the memory is not there any more. Don't turn that into a busy loop.
                tracing::error!(%error, "futex wait");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }

    /// Wakes whoever sleeps.
    pub fn wake(&self) {
        if let Err(error) = futex::wake(self.word, self.flags(), i32::MAX as u32) {
            tracing::error!(%error, "futex wake");
        }
    }

    fn flags(&self) -> futex::Flags {
        if self.shared { futex::Flags::empty() } else { futex::Flags::PRIVATE }
    }
}
