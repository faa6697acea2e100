//! Allocation in the arena. The client allocates, the worker only checks ranges.

use std::collections::BTreeMap;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use remora_link::{Arena as Memory, Link};
use remora_protocol::Bulk;

use crate::fork;

/// Pages are committed in blocks of this size.
const BLOCK: u64 = 256 << 10;
/// Everything starts at a multiple of a cache line, large things at a page.
const ALIGN: u64 = 64;
const PAGE: u64 = 4096;
/// Free memory beyond this is given back to the system.
const KEEP: u64 = 256 << 20;

/// The allocator of a session's arena.
pub struct Arena {
    link: Link,
    /// Of the process that has it mapped: a fork child hasn't.
    generation: u32,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum Use {
    /// Where drivers know the pages, if there is room.
    Staging,
    /// Where they don't.
    Store { zeroed: bool },
}

struct State {
    /// Start and length of what is free.
    free: BTreeMap<u64, u64>,
    committed: Vec<bool>,
    /// Bytes that are used behind the part for staging.
    used: u64,
}

impl Arena {
    pub(crate) fn new(link: Link) -> Arc<Self> {
        let usable = link.arena().bounce().start / BLOCK * BLOCK;
        let committed = vec![false; usize::try_from(usable / BLOCK).unwrap_or(0)];
        let free = BTreeMap::from([(0, usable)]);
        Arc::new(Self { link, generation: fork::generation(), state: Mutex::new(State { free, committed, used: 0 }) })
    }

    /// Room for `length` bytes that are on their way, or `None` if there is none (or no memory behind it). What was there
    /// before may still be.
    pub fn allocate(self: &Arc<Self>, length: usize) -> Option<Staging> {
        self.reserve(length, Use::Staging)
    }

    /// The same for a transfer that can't be divided: where drivers know the pages, they know them in blocks only.
    pub fn allocate_whole(self: &Arc<Self>, length: usize) -> Option<Staging> {
        let in_block = length as u64 <= Memory::BLOCK;
        self.reserve(length, if in_block { Use::Staging } else { Use::Store { zeroed: false } })
    }

    /// Room for an object's own memory, for as long as it lives.
    pub fn allocate_store(self: &Arc<Self>, length: usize) -> Option<Staging> {
        self.reserve(length, Use::Store { zeroed: false })
    }

    /// The same, and all bytes are 0.
    pub fn allocate_zeroed(self: &Arc<Self>, length: usize) -> Option<Staging> {
        self.reserve(length, Use::Store { zeroed: true })
    }

    fn reserve(self: &Arc<Self>, length: usize, purpose: Use) -> Option<Staging> {
        if self.generation != fork::generation() {
            return None;
        }
        let wanted = u64::try_from(length).ok()?.max(1).checked_next_multiple_of(ALIGN)?;
        let zeroed = matches!(purpose, Use::Store { zeroed: true });
        let mut state = self.lock();
        let (start, hole, offset) = state.free.iter().find_map(|(&start, &hole)| {
            let offset = self.place_in(start, wanted, purpose)?;
            (offset.checked_add(wanted)? <= start + hole).then_some((start, hole, offset))
        })?;
        let used = self.commit(&mut state, offset, wanted, zeroed)?;
        state.free.remove(&start);
        if offset > start {
            state.free.insert(start, offset - start);
        }
        let (end, hole_end) = (offset + wanted, start + hole);
        if end < hole_end {
            state.free.insert(end, hole_end - end);
        }
        if offset >= self.link.arena().staging().end {
            state.used += wanted;
        }
        drop(state);
        let staging = Staging(Arc::new(Piece { arena: Arc::clone(self), offset, reserved: wanted, length }));
        for Range { start, end } in used {
            let bytes = self.link.arena().pointer(start, end - start)?;
            // SAFETY: the range is inside the arena and of this piece, which nobody else has yet.
            unsafe { bytes.write_bytes(0, usize::try_from(end - start).ok()?) };
        }
        Some(staging)
    }

    /// Where something could begin in a hole that begins at `start`, if that is long enough.
    fn place_in(&self, start: u64, wanted: u64, purpose: Use) -> Option<u64> {
        let staging = self.link.arena().staging().end;
        let align = if wanted >= PAGE { PAGE } else { ALIGN };
        match purpose {
            Use::Store { .. } => start.max(staging).checked_next_multiple_of(align),
            Use::Staging => {
                let offset = start.checked_next_multiple_of(align)?;
                let in_one_block = offset / Memory::BLOCK == offset.checked_add(wanted - 1)? / Memory::BLOCK;
                let any = in_one_block || offset >= staging;
                if any { Some(offset) } else { offset.checked_next_multiple_of(Memory::BLOCK) }
            }
        }
    }

    /// Whether some of these addresses are the arena's.
    pub(crate) fn overlaps(&self, span: &Range<usize>) -> bool {
        let arena = self.addresses();
        arena.start < span.end && span.start < arena.end
    }

    /// Where these addresses begin in the arena, if all of them are the arena's.
    pub(crate) fn place(&self, span: &Range<usize>) -> Option<u64> {
        let arena = self.addresses();
        let inside = !span.is_empty() && arena.start <= span.start && span.end <= arena.end;
        inside.then(|| (span.start - arena.start) as u64)
    }

    fn addresses(&self) -> Range<usize> {
        let arena = self.link.arena();
        let Some(start) = arena.pointer(0, arena.size()) else { return 0..0 };
        let start = start.as_ptr() as usize;
        start..start.saturating_add(usize::try_from(arena.size()).unwrap_or(usize::MAX))
    }

    /// Puts memory behind a range. Gives those parts that are to be zeroed, where there has been some.
    fn commit(&self, state: &mut State, offset: u64, length: u64, zeroed: bool) -> Option<Vec<Range<u64>>> {
        let mut used = Vec::new();
        let (first, last) = (offset / BLOCK, (offset + length - 1) / BLOCK);
        for block in first..=last {
            let done = state.committed.get_mut(usize::try_from(block).ok()?)?;
            if !*done {
                // Its pages come from the system, all zeros.
                self.link.arena().commit(block * BLOCK, BLOCK).ok()?;
                *done = true;
            } else if zeroed {
                used.push(offset.max(block * BLOCK)..(offset + length).min((block + 1) * BLOCK));
            }
        }
        Some(used)
    }

    fn release(&self, offset: u64, length: u64) {
        if self.generation != fork::generation() {
            return;
        }
        let mut state = self.lock();
        if offset >= self.link.arena().staging().end {
            state.used -= length;
        }
        let (mut start, mut end) = (offset, offset + length);
        if let Some((&before, &hole)) = state.free.range(..offset).next_back() {
            if before + hole == start {
                state.free.remove(&before);
                start = before;
            }
        }
        if let Some(hole) = state.free.remove(&end) {
            end += hole;
        }
        state.free.insert(start, end - start);
        if length >= BLOCK {
            self.trim(&mut state, start, end);
        }
    }

    /// Gives back the pages of a hole if more is committed than is used and worth keeping.
    fn trim(&self, state: &mut State, start: u64, end: u64) {
        let staging = self.link.arena().staging().end;
        let beyond = usize::try_from(staging / BLOCK).unwrap_or(usize::MAX);
        let committed = state.committed.iter().skip(beyond).filter(|&&block| block).count() as u64 * BLOCK;
        if committed.saturating_sub(state.used) <= KEEP {
            return;
        }
        // Drivers may know the pages of staging by what they are now.
        for block in start.max(staging).div_ceil(BLOCK)..end / BLOCK {
            let Some(done) = usize::try_from(block).ok().and_then(|block| state.committed.get_mut(block)) else {
                return;
            };
            if *done && self.link.arena().trim(block * BLOCK, BLOCK).is_ok() {
                *done = false;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of the arena; when all that share it are dropped, it is free.
#[derive(Clone)]
pub struct Staging(Arc<Piece>);

struct Piece {
    arena: Arc<Arena>,
    offset: u64,
    reserved: u64,
    length: usize,
}

impl Staging {
    /// Where it starts in the arena.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// Bytes asked for.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.length
    }

    /// The same as a frame names it.
    #[must_use]
    pub fn bulk(&self) -> Option<Bulk> {
        let length = self.0.length as u64;
        (length > 0).then_some(Bulk { offset: self.0.offset, length })
    }

    /// Where it is in this process. The worker may write there at any time.
    ///
    /// # Panics
    /// Never: what was allocated lies inside the arena.
    #[must_use]
    pub fn pointer(&self) -> NonNull<u8> {
        let Piece { arena, offset, reserved, .. } = &*self.0;
        arena.link.arena().pointer(*offset, *reserved).expect("allocated inside the arena")
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.arena.release(self.offset, self.reserved);
    }
}
