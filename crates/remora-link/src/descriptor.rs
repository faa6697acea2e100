//! Descriptors in somebody else's process.
//!
//! A program may close what it didn't open: daemons close all descriptors, or all below some number. What it opens next
//! gets the lowest numbers that are free. So a link's descriptors have high numbers, and before one is closed, or written
//! to without need, it is looked at whether it is still the same file.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::fstat;

/// Numbers below this are the program's, where its limit allows higher ones.
const PROGRAMS: i32 = 512;

/// A descriptor that the program may have closed.
#[derive(Debug)]
pub struct Descriptor {
    fd: ManuallyDrop<OwnedFd>,
    /// Device and inode.
    file: Option<(u64, u64)>,
}

impl Descriptor {
    /// Gives it a high number.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Self {
        // Where there are no such numbers, the one that it has must do.
        let fd = rustix::io::fcntl_dupfd_cloexec(&fd, PROGRAMS).unwrap_or(fd);
        let file = file_of(fd.as_fd());
        Self { fd: ManuallyDrop::new(fd), file }
    }

    /// Takes it out, if it is still there.
    #[must_use]
    pub fn into_owned(mut self) -> Option<OwnedFd> {
        // SAFETY: `file` is none from here on, so it is neither used nor closed again.
        let fd = self.is_ours().then(|| unsafe { ManuallyDrop::take(&mut self.fd) });
        self.file = None;
        fd
    }

    /// Whether the number still stands for the same file, as far as that can be told.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.file.is_some() && file_of(self.as_fd()) == self.file
    }
}

fn file_of(fd: BorrowedFd<'_>) -> Option<(u64, u64)> {
    fstat(fd).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: it is not used any more after this.
            unsafe { ManuallyDrop::drop(&mut self.fd) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsRawFd, FromRawFd};

    #[test]
    fn what_took_the_place_of_a_closed_one_is_left_alone() {
        let descriptor = Descriptor::new(tempfile::tempfile().unwrap().into());
        let number = descriptor.as_fd().as_raw_fd();
        assert!(number >= PROGRAMS && descriptor.is_ours());
        // As a program does that closes everything, and then opens files of its own.
        let other = tempfile::tempfile().unwrap();
        // SAFETY: the number is open, and the descriptor notices that it has another file.
        let taken = unsafe { OwnedFd::from_raw_fd(libc::dup2(other.as_raw_fd(), number)) };
        assert_eq!(taken.as_raw_fd(), number);
        assert!(!descriptor.is_ours());
        drop(descriptor);
        assert!(fstat(&taken).is_ok());
    }
}
