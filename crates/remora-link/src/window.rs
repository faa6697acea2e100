//! Memory at an address that somebody else has chosen: what a driver calls shared virtual memory must have the same
//! address in the program as in the worker.

use std::io;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags};

use crate::memory::Arena;

const ACCESS: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// Pages at a chosen address. They are unmapped when this is dropped.
///
/// Fork children inherit them, as they would inherit the driver's own.
#[derive(Debug)]
pub struct Window {
    base: NonNull<u8>,
    size: usize,
    /// Whether the pages belong to somebody else's mapping, who gets pages of his own back.
    lent: bool,
    owner: u32,
}

// SAFETY: the value owns its pages; it never reads or writes them.
unsafe impl Send for Window {}
// SAFETY: as above.
unsafe impl Sync for Window {}

impl Window {
    /// The arena's bytes `[offset, offset + size)` also at `address`, where nothing may be yet.
    ///
    /// # Errors
    /// `AlreadyExists` if something is there; `InvalidInput` if these are not whole pages of a shared arena; otherwise the
    /// system's.
    pub fn alias(arena: &Arena, offset: u64, size: usize, address: usize) -> io::Result<Self> {
        let file = arena.file(offset, size)?;
        let place = place(address)?;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE | MapFlags::FIXED_NOREPLACE;
        // SAFETY: a new mapping where there is none, or none.
        let base = unsafe { rustix::mm::mmap(place.as_ptr().cast(), size, ACCESS, flags, file, offset)? };
        Self::at(base, place, size)
    }

    /// Zeroes at `address`, where nothing may be yet.
    ///
    /// # Errors
    /// As for [`Window::alias`].
    pub fn private(size: usize, address: usize) -> io::Result<Self> {
        Self::anonymous(size, address, ACCESS)
    }

    /// Addresses at which nothing else is mapped from now on.
    ///
    /// # Errors
    /// As for [`Window::alias`].
    pub fn keep_clear(size: usize, address: usize) -> io::Result<Self> {
        Self::anonymous(size, address, ProtFlags::empty())
    }

    fn anonymous(size: usize, address: usize, access: ProtFlags) -> io::Result<Self> {
        let place = place(address)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED_NOREPLACE;
        // SAFETY: a new mapping where there is none, or none.
        let base = unsafe { rustix::mm::mmap_anonymous(place.as_ptr().cast(), size, access, flags)? };
        Self::at(base, place, size)
    }

    /// Puts the arena's bytes `[offset, offset + size)` in place of the private memory at `base`, whose contents are lost.
    /// Dropping the result puts new private memory there.
    ///
    /// # Errors
    /// As for [`Window::alias`].
    ///
    /// # Safety
    /// The `size` bytes at `base` are ordinary private memory that the caller may write to, and nobody makes references
    /// to it; they stay allocated as long as the result lives, which only the caller can promise.
    pub unsafe fn overlay(arena: &Arena, offset: u64, size: usize, base: NonNull<u8>) -> io::Result<Self> {
        let file = arena.file(offset, size)?;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE | MapFlags::FIXED;
        // SAFETY: the caller owns the pages that are replaced.
        unsafe { rustix::mm::mmap(base.as_ptr().cast(), size, ACCESS, flags, file, offset)? };
        Ok(Self { base, size, lent: true, owner: std::process::id() })
    }

    fn at(base: *mut std::ffi::c_void, place: NonNull<u8>, size: usize) -> io::Result<Self> {
        let made = NonNull::new(base.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let window = Self { base: made, size, lent: false, owner: std::process::id() };
        // Kernels before 4.17 take the address for a wish.
        if made == place { Ok(window) } else { Err(io::ErrorKind::AlreadyExists.into()) }
    }

    /// Closes it.
    ///
    /// # Errors
    /// If the system can't: its pages stay where they are, and their owner must not use them any more.
    pub fn close(self) -> io::Result<()> {
        ManuallyDrop::new(self).unmap()
    }

    fn unmap(&self) -> io::Result<()> {
        // A fork child's pages go with the child.
        if std::process::id() != self.owner {
            return Ok(());
        }
        let pages = self.base.as_ptr().cast();
        if self.lent {
            let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
            // SAFETY: these are the pages that `overlay` put there; their owner still has them.
            unsafe { rustix::mm::mmap_anonymous(pages, self.size, ACCESS, flags)? };
        } else {
            // SAFETY: these are pages that this value mapped, and nobody uses them any more.
            unsafe { rustix::mm::munmap(pages, self.size)? };
        }
        Ok(())
    }

    /// Where it begins.
    #[must_use]
    pub fn pointer(&self) -> NonNull<u8> {
        self.base
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }
}

fn place(address: usize) -> io::Result<NonNull<u8>> {
    NonNull::new(std::ptr::with_exposed_provenance_mut(address)).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Err(error) = self.unmap() {
            tracing::warn!(%error, "a window can't be closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Mapping, create_memory};
    use remora_protocol::hello::Layout;

    fn arena() -> Arena {
        let layout = Layout { streams: 2, command_ring: 4096, reply_ring: 4096, notice_ring: 4096, arena: 1 << 20 };
        let (_, file) = create_memory(&layout).unwrap();
        Arena::new(Mapping::shared(file, 1 << 20).unwrap())
    }

    fn read(window: &Window, offset: usize) -> u8 {
        assert!(offset < window.size());
        // SAFETY: inside the window.
        unsafe { window.pointer().as_ptr().add(offset).read_volatile() }
    }

    #[test]
    fn an_alias_shows_the_arena_where_nothing_else_is() {
        let arena = arena();
        let free = Window::private(1 << 16, 0x5a5_0000_0000).unwrap();
        let address = free.pointer().as_ptr() as usize;
        assert_eq!(Window::alias(&arena, 0, 8192, address).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        drop(free);
        let alias = Window::alias(&arena, 4096, 8192, address).unwrap();
        assert!(arena.write(4096 + 100, b"x"));
        assert_eq!(read(&alias, 100), b'x');
        assert!(Window::keep_clear(4096, address).is_err());
        drop(alias);
        drop(Window::keep_clear(4096, address).unwrap());
        assert!(Window::alias(&arena, 4096, 1 << 20, address).is_err());
        assert!(Window::alias(&arena, 100, 4096, address).is_err());
    }

    #[test]
    fn an_overlay_gives_the_pages_back() {
        let arena = arena();
        let own = Window::private(1 << 16, 0x5a6_0000_0000).unwrap();
        // SAFETY: private pages of this test.
        let overlay = unsafe { Window::overlay(&arena, 8192, 4096, own.pointer()) }.unwrap();
        assert!(arena.write(8192, b"y"));
        assert_eq!(read(&own, 0), b'y');
        drop(overlay);
        assert_eq!(read(&own, 0), 0);
        assert!(arena.write(8192, b"z"));
        assert_eq!(read(&own, 0), 0);
    }

    /// Each test has a process of its own: nobody else is kept from mapping anything.
    #[test]
    fn an_overlay_that_cannot_be_closed_says_so() {
        let arena = arena();
        let own = Window::private(1 << 16, 0x5a8_0000_0000).unwrap();
        // SAFETY: private pages of this test.
        let overlay = unsafe { Window::overlay(&arena, 0, 4096, own.pointer()) }.unwrap();
        // Every other page, so that they are mappings of their own: as many as the system gives to a process.
        let pages = (0..1 << 20).map_while(|page| Window::keep_clear(4096, 0x5b0_0000_0000 + page * 8192).ok());
        let pages: Vec<Window> = pages.collect();
        if pages.len() == 1 << 20 {
            // A system without such a limit.
            return;
        }
        assert!(overlay.close().is_err());
        drop(pages);
        assert!(arena.write(0, b"y"));
        assert_eq!(read(&own, 0), b'y');
    }

    #[test]
    fn a_private_arena_has_no_windows() {
        let arena = Arena::new(Mapping::private(1 << 20).unwrap());
        assert!(Window::alias(&arena, 0, 4096, 0x5a7_0000_0000).is_err());
    }
}
