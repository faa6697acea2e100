//! Names of objects. The client mints them, so that creating an object need not wait for an answer.

use std::sync::Mutex;

use crate::wire::{Decode, Encode, FixedSize, Malformed, Reader};

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Kind {
    Device = 1,
    Context = 2,
    Queue = 3,
    Mem = 4,
    Sampler = 5,
    Program = 6,
    Kernel = 7,
    Event = 8,
    DeviceQueue = 9,
    CommandBuffer = 10,
    Semaphore = 11,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Device,
        Self::Context,
        Self::Queue,
        Self::Mem,
        Self::Sampler,
        Self::Program,
        Self::Kernel,
        Self::Event,
        Self::DeviceQueue,
        Self::CommandBuffer,
        Self::Semaphore,
    ];
}

/// A typed, generational name: kind (8 bits), generation (24 bits), index (32 bits). [`Handle::NONE`] names nothing.
///
/// A handle from the wire may hold any 64 bits; [`Handle::kind`] says whether they make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(u64);

impl Handle {
    /// No object.
    pub const NONE: Self = Self(0);

    /// The name of `index` of its kind, in its `generation` (of which 24 bits count).
    #[must_use]
    pub const fn new(kind: Kind, generation: u32, index: u32) -> Self {
        Self((kind as u64) << 56 | ((generation & 0xff_ffff) as u64) << 32 | index as u64)
    }

    /// Whether this names nothing.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What is named, if the handle makes sense.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        let byte = (self.0 >> 56) as u8;
        Kind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Which of its kind. Small numbers: a table can be indexed by it.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 as u32
    }

    /// Tells apart objects that had the same index one after another.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32 & 0xff_ffff
    }

    /// The bits, as on the wire.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whatever the wire said.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl Encode for Handle {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl<'a> Decode<'a> for Handle {
    const MIN_SIZE: usize = 8;
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        u64::decode(reader).map(Self)
    }
}

impl FixedSize for Handle {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        self.bits().put(out);
    }
}

/// Mints handles of one session and takes back the indices of released ones.
#[derive(Debug, Default)]
pub struct Minter {
    kinds: [Mutex<Indices>; Kind::ALL.len()],
}

#[derive(Debug, Default)]
struct Indices {
    next: u32,
    /// Index and its last generation.
    free: Vec<(u32, u32)>,
}

impl Minter {
    /// A name that nothing living has.
    ///
    /// # Panics
    /// When 2^32 objects of one kind live.
    pub fn mint(&self, kind: Kind) -> Handle {
        let mut indices = self.indices(kind);
        if let Some((index, generation)) = indices.free.pop() {
            return Handle::new(kind, generation.wrapping_add(1), index);
        }
        let index = indices.next;
        indices.next = index.checked_add(1).expect("fewer than 2^32 objects live");
        Handle::new(kind, 0, index)
    }

    /// Leaves the first `count` indices of `kind` to others.
    pub fn reserve(&self, kind: Kind, count: u32) {
        let mut indices = self.indices(kind);
        indices.next = indices.next.max(count);
    }

    /// The object that `handle` named has been released: its index may be used again.
    pub fn retire(&self, handle: Handle) {
        if let Some(kind) = handle.kind() {
            self.indices(kind).free.push((handle.index(), handle.generation()));
        }
    }

    fn indices(&self, kind: Kind) -> std::sync::MutexGuard<'_, Indices> {
        self.kinds[kind as usize - 1].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_index_comes_back_under_another_generation() {
        let minter = Minter::default();
        let first = minter.mint(Kind::Mem);
        minter.retire(first);
        let second = minter.mint(Kind::Mem);
        assert_eq!(first.index(), second.index());
        assert_ne!(first, second);
        assert_eq!(second.kind(), Some(Kind::Mem));
    }

    #[test]
    fn nonsense_has_no_kind() {
        assert_eq!(Handle::from_bits(u64::MAX).kind(), None);
        assert_eq!(Handle::NONE.kind(), None);
    }
}
