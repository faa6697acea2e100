//! Answers of clGet*Info.

use std::ffi::c_void;

use opencl_sys::CL_INVALID_VALUE;

use crate::error::{Error, Result};

/// Where a clGet*Info call wants its answer.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) size: usize,
    pub(crate) value: *mut c_void,
    pub(crate) size_ret: *mut usize,
}

impl Answer {
    /// Gives `bytes`.
    ///
    /// # Safety
    /// `value` is null or valid for `size` bytes, `size_ret` null or valid: the caller of the API says so.
    pub(crate) unsafe fn bytes(self, bytes: &[u8]) -> Result<()> {
        if !self.value.is_null() {
            if self.size < bytes.len() {
                return Err(Error(CL_INVALID_VALUE));
            }
            // SAFETY: the caller vouches for `size` bytes, which are enough.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.value.cast(), bytes.len()) };
        }
        if !self.size_ret.is_null() {
            // SAFETY: the caller vouches for it.
            unsafe { self.size_ret.write(bytes.len()) };
        }
        Ok(())
    }

    /// Gives a value of a plain C type.
    ///
    /// # Safety
    /// As for [`Answer::bytes`].
    pub(crate) unsafe fn value<T: Plain>(self, value: T) -> Result<()> {
        // SAFETY: passed on to the caller.
        unsafe { self.values(&[value]) }
    }

    /// Gives an array of a plain C type.
    ///
    /// # Safety
    /// As for [`Answer::bytes`].
    pub(crate) unsafe fn values<T: Plain>(self, values: &[T]) -> Result<()> {
        // SAFETY: `Plain` types have no padding, so all their bytes are initialised; the rest is passed on.
        unsafe { self.bytes(std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values))) }
    }

    /// Gives a string with its final zero.
    ///
    /// # Safety
    /// As for [`Answer::bytes`].
    pub(crate) unsafe fn string(self, text: &[u8]) -> Result<()> {
        let mut bytes = text.to_vec();
        bytes.push(0);
        // SAFETY: passed on to the caller.
        unsafe { self.bytes(&bytes) }
    }
}

/// Types whose bytes may be given to the program as they are.
///
/// # Safety
/// No padding.
pub(crate) unsafe trait Plain: Copy {}
macro_rules! plain {
    ($($type:ty),*) => {$(
        // SAFETY: no padding.
        unsafe impl Plain for $type {}
    )*};
}
plain!(u8, i32, u32, u64, i64, usize, isize, *mut c_void, *const c_void, [u32; 2]);

/// Gives a list as clGet*IDs do: `entries` places in `list`, the full number in `count`.
///
/// # Safety
/// `list` is null or has `entries` places, `count` is null or valid.
pub(crate) unsafe fn list<T: Copy>(items: &[T], entries: u32, list: *mut T, count: *mut u32) -> Result<()> {
    if (list.is_null() && count.is_null()) || (entries == 0 && !list.is_null()) {
        return Err(Error(CL_INVALID_VALUE));
    }
    if !list.is_null() {
        for (place, item) in items.iter().take(entries as usize).enumerate() {
            // SAFETY: `place` is below `entries`.
            unsafe { list.add(place).write(*item) };
        }
    }
    if !count.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { count.write(u32::try_from(items.len()).unwrap_or(u32::MAX)) };
    }
    Ok(())
}
