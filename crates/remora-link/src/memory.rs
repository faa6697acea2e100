//! Shared and private memory: making it, checking it, mapping it.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use remora_protocol::hello::Layout;
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::descriptor::Descriptor;
use crate::layout::Geometry;

/// Makes the memory of a memfd link: (rings, arena). Neither can change its size any more. Both are sparse: pages are
/// given to them when a lane is opened or a part of the arena is committed.
///
/// # Errors
/// If `layout` makes no sense, or the system's.
pub fn create_memory(layout: &Layout) -> io::Result<(OwnedFd, OwnedFd)> {
    let geometry = Geometry::new(*layout).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    Ok((create("remora-rings", geometry.rings_size())?, create("remora-arena", geometry.arena_size())?))
}

fn create(name: &str, size: usize) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 don't know the flag.
        Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create(name, flags)?,
        result => result?,
    };
    rustix::fs::ftruncate(&fd, size as u64)?;
    rustix::fs::fcntl_add_seals(&fd, FIXED_SIZE | SealFlags::SEAL)?;
    Ok(fd)
}

/// Without these seals the other side could shrink the file, and touching the mapping would kill the process.
const FIXED_SIZE: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// Mapped memory. The other side may write to it at any time, so no reference to its bytes is ever made.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    size: usize,
    /// The file that is mapped; none: private memory.
    file: Option<Descriptor>,
    owner: u32,
}

// SAFETY: the memory belongs to this value alone and may be used from any thread; `Mapping` itself never reads or
// writes it, and those that do so use atomics or raw copies.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a memfd after checking that it has `size` bytes for ever.
    pub fn shared(file: OwnedFd, size: usize) -> io::Result<Self> {
        let wrong = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let seals = rustix::fs::fcntl_get_seals(&file)?;
        if !seals.contains(FIXED_SIZE) {
            return Err(wrong("the memory is not sealed against changes of its size"));
        }
        if u64::try_from(rustix::fs::fstat(&file)?.st_size) != Ok(size as u64) {
            return Err(wrong("the memory does not have the size that the layout says"));
        }
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE,
                file.as_fd(),
                0,
            )?
        };
        Self::new(base, size, Some(Descriptor::new(file)))
    }

    /// Maps `size` bytes of zeroes that nobody else sees.
    pub fn private(size: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?
        };
        Self::new(base, size, None)
    }

    fn new(base: *mut std::ffi::c_void, size: usize, file: Option<Descriptor>) -> io::Result<Self> {
        let base = NonNull::new(base.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping = Self { base, size, file, owner: std::process::id() };
        // A fork child must neither see the parent's session nor keep its pages alive.
        // SAFETY: the range is the mapping just made.
        unsafe { rustix::mm::madvise(base.as_ptr().cast(), size, Advice::LinuxDontFork)? };
        Ok(mapping)
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether another process can see the memory.
    pub fn is_shared(&self) -> bool {
        self.file.is_some()
    }

    /// The address of `length` bytes at `offset`, if they are inside.
    pub fn pointer(&self, offset: usize, length: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(length)?;
        if end > self.size {
            return None;
        }
        // SAFETY: `offset` is at most `size`, so the result is inside the mapping or just behind it.
        Some(unsafe { self.base.add(offset) })
    }

    /// Gives memory to a range, so that touching it can't fail any more.
    pub fn commit(&self, offset: usize, length: usize) -> io::Result<()> {
        self.pointer(offset, length).ok_or(io::ErrorKind::InvalidInput)?;
        if length == 0 {
            return Ok(());
        }
        match (self.populate(offset, length), &self.file) {
            // Kernels before 5.14 don't know it. The program might have closed the file, and opened another.
            (Err(rustix::io::Errno::INVAL), Some(file)) if file.is_ours() => {
                Ok(retry(|| rustix::fs::fallocate(file, FallocateFlags::empty(), offset as u64, length as u64))?)
            }
            // Private memory then comes page by page as any other.
            (Err(rustix::io::Errno::INVAL), None) => Ok(()),
            (result, _) => Ok(result?),
        }
    }

    /// Has the kernel write to all pages of a range, which is inside, without changing them.
    fn populate(&self, offset: usize, length: usize) -> rustix::io::Result<()> {
        let start = offset & !(PAGE - 1);
        // SAFETY: `start` is `offset` rounded down to a page, so the range is inside the mapping, and populating it
        // changes no byte.
        retry(|| unsafe {
            let pointer = self.base.as_ptr().add(start);
            rustix::mm::madvise(pointer.cast(), offset + length - start, Advice::LinuxPopulateWrite)
        })
    }

    /// Takes the memory of a range away again; it then reads as zeroes. Only whole pages inside the range are taken.
    pub fn trim(&self, offset: usize, length: usize) -> io::Result<()> {
        self.pointer(offset, length).ok_or(io::ErrorKind::InvalidInput)?;
        let start = offset.next_multiple_of(PAGE);
        let end = (offset + length) & !(PAGE - 1);
        if start >= end {
            return Ok(());
        }
        // What a file holds is only gone if it is gone from the file.
        let advice = if self.is_shared() { Advice::LinuxRemove } else { Advice::LinuxDontNeed };
        // SAFETY: the range is inside the mapping, which holds plain bytes that nobody has a reference to; the caller
        // says that they are no longer wanted.
        unsafe { rustix::mm::madvise(self.base.as_ptr().add(start).cast(), end - start, advice)? };
        Ok(())
    }
}

const PAGE: usize = 4096;

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return result,
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // In a fork child there is no mapping, and something else may be at its address by now.
        if std::process::id() != self.owner {
            return;
        }
        // SAFETY: the mapping was made by `new`, and nothing that points into it outlives this value.
        if let Err(error) = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.size) } {
            tracing::warn!(%error, "munmap");
        }
    }
}

/// What belongs to the worker at the arena's end, in bytes.
const BOUNCE: u64 = 4 << 20;
/// The part for staging is a quarter of the rest, but no more than this.
const MOST_STAGING: u64 = 256 << 20;

/// The memory for bulk data, addressed by offset. What it holds may change at any time, so it is only read and written by
/// copying, or through raw pointers.
#[derive(Debug)]
pub struct Arena {
    mapping: Mapping,
}

impl Arena {
    /// Staging is known to drivers in blocks of this size, in bytes: a transfer within one block is as fast as it can be.
    pub const BLOCK: u64 = 4 << 20;

    pub(crate) fn new(mapping: Mapping) -> Self {
        Self { mapping }
    }

    /// The part that transfers pass through: a driver may know its pages for its device, so they stay what they are, and no
    /// object's own memory lies there. Everything behind it is for anything, up to [`Arena::bounce`].
    #[must_use]
    pub fn staging(&self) -> Range<u64> {
        0..(self.bounce().start / 4).min(MOST_STAGING) / Self::BLOCK * Self::BLOCK
    }

    /// The end of it, which belongs to the worker: transfers in parts pass through it.
    #[must_use]
    pub fn bounce(&self) -> Range<u64> {
        self.size().saturating_sub(BOUNCE)..self.size()
    }

    /// Its bytes; constant.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.mapping.size() as u64
    }

    /// The address of `length` bytes at `offset`; none if they are not all inside. Valid as long as the link lives,
    /// closed or not.
    #[must_use]
    pub fn pointer(&self, offset: u64, length: u64) -> Option<NonNull<u8>> {
        self.mapping.pointer(usize::try_from(offset).ok()?, usize::try_from(length).ok()?)
    }

    /// The file behind whole pages of a shared arena.
    pub(crate) fn file(&self, offset: u64, size: usize) -> io::Result<BorrowedFd<'_>> {
        let pages = offset % PAGE as u64 == 0 && size % PAGE == 0 && size > 0;
        let file = self.mapping.file.as_ref().filter(|file| file.is_ours());
        let file = file.filter(|_| pages && self.pointer(offset, size as u64).is_some());
        file.map(AsFd::as_fd).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// Copies `bytes` to `offset`. False, and nothing is done, if there is no such room.
    #[must_use]
    pub fn write(&self, offset: u64, bytes: &[u8]) -> bool {
        let Some(to) = self.pointer(offset, bytes.len() as u64) else { return false };
        // SAFETY: `to` is the start of `bytes.len()` mapped bytes, and `bytes` is not among them since no reference to
        // the mapping exists.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
        true
    }

    /// Copies what is at `offset`. False, and nothing is done, if there is no such range.
    #[must_use]
    pub fn read(&self, offset: u64, into: &mut [u8]) -> bool {
        let Some(from) = self.pointer(offset, into.len() as u64) else { return false };
        // SAFETY: as in `write`, the other way round.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), into.as_mut_ptr(), into.len()) };
        true
    }

    /// Gives memory to a range, so that using it can't fail any more.
    ///
    /// # Errors
    /// The system's if there is not enough memory; `InvalidInput` if the range is not inside.
    pub fn commit(&self, offset: u64, length: u64) -> io::Result<()> {
        self.mapping.commit(index(offset)?, index(length)?)
    }

    /// Takes back the memory of the whole pages in a range. They read as zeroes afterwards.
    ///
    /// # Errors
    /// The system's; `InvalidInput` if the range is not inside.
    pub fn trim(&self, offset: u64, length: u64) -> io::Result<()> {
        self.mapping.trim(index(offset)?, index(length)?)
    }
}

fn index(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout { streams: 2, command_ring: 4096, reply_ring: 4096, notice_ring: 4096, arena: 1 << 20 }
    }

    #[test]
    fn memory_is_sealed_and_sparse() {
        let (rings, arena) = create_memory(&layout()).unwrap();
        for fd in [&rings, &arena] {
            assert!(rustix::fs::ftruncate(fd, 1 << 12).is_err());
            assert!(rustix::fs::ftruncate(fd, 1 << 30).is_err());
            assert!(rustix::fs::fcntl_add_seals(fd, SealFlags::WRITE).is_err());
            assert_eq!(rustix::fs::fstat(fd).unwrap().st_blocks, 0);
        }
        assert!(create_memory(&Layout { streams: 0, ..layout() }).is_err());
    }

    #[test]
    fn unsealed_or_wrong_memory_is_refused() {
        let (_, arena) = create_memory(&layout()).unwrap();
        assert!(Mapping::shared(arena, 1 << 21).is_err());
        let unsealed = rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&unsealed, 1 << 20).unwrap();
        assert!(Mapping::shared(unsealed, 1 << 20).is_err());
        assert!(Mapping::shared(tempfile::tempfile().unwrap().into(), 0).is_err());
    }

    #[test]
    fn parts_of_an_arena_do_not_overlap() {
        for size in [1 << 20, 9 << 20, 64 << 20, 1 << 30, 8 << 30] {
            let arena = Arena::new(Mapping::private(size).unwrap());
            let (staging, bounce) = (arena.staging(), arena.bounce());
            assert!(staging.start == 0 && staging.end <= bounce.start && staging.end % Arena::BLOCK == 0);
            assert!(staging.end <= 256 << 20 && bounce.end == size as u64);
        }
        assert_eq!(Arena::new(Mapping::private(1 << 30).unwrap()).staging().end, 252 << 20);
    }

    #[test]
    fn arena_checks_every_range() {
        let (_, file) = create_memory(&layout()).unwrap();
        let blocks = file.try_clone().unwrap();
        let shared = Arena::new(Mapping::shared(file, 1 << 20).unwrap());
        let private = Arena::new(Mapping::private(1 << 20).unwrap());
        for arena in [&shared, &private] {
            assert!(arena.write((1 << 20) - 3, b"end"));
            let mut bytes = [0; 3];
            assert!(arena.read((1 << 20) - 3, &mut bytes));
            assert_eq!(&bytes, b"end");
            assert!(!arena.write((1 << 20) - 2, b"end"));
            assert!(!arena.read(u64::MAX, &mut bytes));
            assert!(arena.pointer(1 << 20, 0).is_some());
            assert!(arena.pointer(1, u64::MAX).is_none());
            arena.commit(5, 100_000).unwrap();
            assert!(arena.commit(1 << 20, 1).is_err());
            assert!(arena.write(8190, b"12345"));
            arena.trim(8191, 8192).unwrap();
            let mut bytes = [1; 5];
            assert!(arena.read(8190, &mut bytes));
            assert_eq!(&bytes, b"12\0\0\0");
            assert!(arena.trim(0, (1 << 20) + 1).is_err());
        }
        assert!(rustix::fs::fstat(&blocks).unwrap().st_blocks * 512 >= 90_000);
    }
}
