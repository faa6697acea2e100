//! The memory of one ring for loom: the same words and bells as in `cells.rs`, and data that loom watches for races.

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Condvar, Mutex};

use crate::bell::Bell;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// One ring's memory.
#[derive(Clone)]
pub struct Cells(Arc<Memory>);

struct Memory {
    tail: AtomicU64,
    head: AtomicU64,
    acknowledged: AtomicU64,
    producer_bell: Sleepers,
    consumer_bell: Sleepers,
    data: Vec<UnsafeCell<u64>>,
}

/// What the kernel does: comparing and going to sleep is one step, as seen from who wakes.
struct Sleepers {
    word: AtomicU32,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Sleepers {
    fn new() -> Self {
        Self { word: AtomicU32::new(0), lock: Mutex::new(()), changed: Condvar::new() }
    }
}

impl Cells {
    /// An empty ring of `capacity` bytes.
    pub fn for_model(capacity: usize) -> Self {
        Self(Arc::new(Memory {
            tail: AtomicU64::new(0),
            head: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            producer_bell: Sleepers::new(),
            consumer_bell: Sleepers::new(),
            data: (0..capacity / 8).map(|_| UnsafeCell::new(0)).collect(),
        }))
    }

    pub fn capacity(&self) -> usize {
        self.0.data.len() * 8
    }

    pub fn tail(&self) -> &AtomicU64 {
        &self.0.tail
    }

    pub fn head(&self) -> &AtomicU64 {
        &self.0.head
    }

    pub fn acknowledged(&self) -> &AtomicU64 {
        &self.0.acknowledged
    }

    pub fn producer_bell(&self) -> Bell<'_> {
        Bell::new(Futex(&self.0.producer_bell))
    }

    pub fn consumer_bell(&self) -> Bell<'_> {
        Bell::new(Futex(&self.0.consumer_bell))
    }

    pub fn read_word(&self, at: usize) -> u64 {
        assert!(at % 8 == 0);
        // SAFETY: loom checks that nobody writes the cell meanwhile.
        self.0.data[at / 8].with(|cell| unsafe { *cell })
    }

    pub fn write_word(&self, at: usize, word: u64) {
        assert!(at % 8 == 0);
        // SAFETY: loom checks that nobody uses the cell meanwhile.
        self.0.data[at / 8].with_mut(|cell| unsafe { *cell = word });
    }

    pub fn write(&self, at: usize, bytes: &[u8]) {
        for (number, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_word(at + number * 8, u64::from_le_bytes(word));
        }
    }

    pub fn read(&self, at: usize, length: usize, into: &mut Vec<u8>) {
        let end = into.len() + length;
        for number in 0..length.div_ceil(8) {
            into.extend_from_slice(&self.read_word(at + number * 8).to_le_bytes());
        }
        into.truncate(end);
    }
}

/// As in `cells.rs`.
pub struct Futex<'a>(&'a Sleepers);

impl Futex<'_> {
    pub fn word(&self) -> &AtomicU32 {
        &self.0.word
    }

    pub fn wait(&self) {
        let guard = self.0.lock.lock().unwrap();
        if self.0.word.load(Ordering::Relaxed) == 1 {
            drop(self.0.changed.wait(guard).unwrap());
        }
    }

    pub fn wake(&self) {
        drop(self.0.lock.lock().unwrap());
        self.0.changed.notify_all();
    }
}
