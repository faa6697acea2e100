//! Copies of bytes between the program's memory and the arena: large ones are what a transfer's time goes into.

use std::ptr;
use std::thread::JoinHandle;

use remora_link::{spawn, usable_cpus};

/// A copy of so many bytes no cache holds to any use: it goes past them, which takes half the time or less.
const LARGE: usize = 1 << 20;
/// What a further thread is worth its start for.
const EACH: usize = 2 << 20;
/// More threads than this find no more bandwidth.
const MOST_THREADS: usize = 4;
/// One thread for this many CPUs: others may want them.
const CPUS_EACH: usize = 4;

/// Copies `length` bytes. What they are while somebody else writes to them nobody knows.
///
/// # Safety
/// There are as many at both places, which do not overlap, and no reference to any of them exists.
pub(crate) unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    if length < LARGE {
        // SAFETY: by the promise of the caller.
        return unsafe { ptr::copy_nonoverlapping(from, to, length) };
    }
    let threads = (usable_cpus() / CPUS_EACH).min(length / EACH).clamp(1, MOST_THREADS);
    let share = (length / threads).next_multiple_of(4096);
    let others: Vec<Helper> = (share..length)
        .step_by(share)
        .map(|start| {
            let part =
                Part { from: from.wrapping_add(start), to: to.wrapping_add(start), length: share.min(length - start) };
            Helper::start(part)
        })
        .collect();
    // SAFETY: by the promise of the caller.
    unsafe { past_caches(from, to, share.min(length)) };
    drop(others);
}

#[derive(Clone, Copy)]
struct Part {
    from: *const u8,
    to: *mut u8,
    length: usize,
}

// SAFETY: plain addresses, of memory that whoever calls `copy` vouches for until it returns.
unsafe impl Send for Part {}

impl Part {
    fn copy(self) {
        // SAFETY: part of what the caller of `copy` vouches for, who waits for this.
        unsafe { past_caches(self.from, self.to, self.length) };
    }
}

/// A thread that copies a part. Dropping it waits for that.
struct Helper(Option<JoinHandle<()>>);

impl Helper {
    fn start(part: Part) -> Self {
        let thread = spawn("remora-copy", move || part.copy()).ok();
        if thread.is_none() {
            part.copy();
        }
        Self(thread)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

/// As `copy_nonoverlapping`, but does not fetch what it overwrites.
///
/// # Safety
/// As [`copy`].
#[cfg(target_arch = "x86_64")]
unsafe fn past_caches(from: *const u8, to: *mut u8, length: usize) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};
    const LINE: usize = 64;
    let head = to.align_offset(LINE).min(length);
    let lines = (length - head) / LINE;
    // SAFETY: all lies in the two ranges; what is stored to is aligned. SSE2 is part of x86-64.
    unsafe {
        ptr::copy_nonoverlapping(from, to, head);
        for line in 0..lines {
            let (from, to) =
                (from.add(head + line * LINE).cast::<__m128i>(), to.add(head + line * LINE).cast::<__m128i>());
            let words = [0, 1, 2, 3].map(|word| _mm_loadu_si128(from.add(word)));
            for (word, value) in words.into_iter().enumerate() {
                _mm_stream_si128(to.add(word), value);
            }
        }
        // Other threads may see these stores after later ones otherwise.
        _mm_sfence();
        let done = head + lines * LINE;
        ptr::copy_nonoverlapping(from.add(done), to.add(done), length - done);
    }
}

/// As `copy_nonoverlapping`.
///
/// # Safety
/// As [`copy`].
#[cfg(not(target_arch = "x86_64"))]
unsafe fn past_caches(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: by the promise of the caller.
    unsafe { ptr::copy_nonoverlapping(from, to, length) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_copied() {
        let from: Vec<u8> = (0..LARGE * 3 + 77).map(|index| (index * 7 + index / 251) as u8).collect();
        for (start, length) in [(0, 0), (1, 100), (3, LARGE - 1), (5, LARGE), (63, LARGE * 3 + 14), (64, LARGE + 4096)]
        {
            for offset in [0, 1, 63] {
                let mut to = vec![0; length + 64];
                // SAFETY: both ranges are inside their vectors.
                unsafe { copy(from[start..].as_ptr(), to[offset..].as_mut_ptr(), length) };
                assert!(to[offset..offset + length] == from[start..start + length]);
                assert!(to[..offset].iter().chain(&to[offset + length..]).all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn short_and_crooked_ends_are_copied_past_caches() {
        let from: Vec<u8> = (0..=255).collect();
        for (offset, length) in [(0, 0), (1, 5), (1, 63), (0, 64), (7, 200), (63, 193)] {
            let mut to = vec![0; 256];
            // SAFETY: both ranges are inside their vectors.
            unsafe { past_caches(from.as_ptr(), to[offset..].as_mut_ptr(), length) };
            assert_eq!(to[offset..offset + length], from[..length]);
        }
    }
}
