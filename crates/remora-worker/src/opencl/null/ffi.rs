//! The edge to C: what the caller's pointers promise, said once.
//!
//! Each entry point is an `unsafe extern "C" fn` and may take for granted what the OpenCL specification asks of the
//! caller: a pointer is NULL or good for what its parameters say. Handles are not taken for granted (see `pool`). The
//! wrappers here are made with that promise and are safe to use afterwards.

use super::event::Event;
use super::pool::{Handle, Object, Ref};
use opencl_sys::{CL_INVALID_VALUE, CL_SUCCESS, cl_int, cl_uint};
use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A result, or an OpenCL error code.
pub type Outcome<T> = Result<T, cl_int>;

/// What a function returns that only has a code.
pub fn code(outcome: Outcome<()>) -> cl_int {
    outcome.err().unwrap_or(CL_SUCCESS)
}

/// What a function returns that creates an object.
///
/// # Safety
/// `errcode_ret` is NULL or writable.
pub unsafe fn created<T: Object>(outcome: Outcome<Ref<T>>, errcode_ret: *mut cl_int) -> Handle {
    // SAFETY: the caller's promise.
    unsafe { returned(outcome.map(Ref::into_handle), errcode_ret) }
}

/// What a function returns that answers with a pointer.
///
/// # Safety
/// `errcode_ret` is NULL or writable.
pub unsafe fn returned(outcome: Outcome<*mut c_void>, errcode_ret: *mut cl_int) -> *mut c_void {
    let (code, pointer) = match outcome {
        Ok(pointer) => (CL_SUCCESS, pointer),
        Err(code) => (code, std::ptr::null_mut()),
    };
    // SAFETY: the caller's promise.
    unsafe { put(errcode_ret, code) };
    pointer
}

/// Stores `value` where the caller wants to have it, if it does.
///
/// # Safety
/// `place` is NULL or writable.
pub unsafe fn put<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: not NULL, so writable.
        unsafe { place.write(value) };
    }
}

/// The caller's array. An array without elements or elements without an array are CL_INVALID_VALUE.
///
/// # Safety
/// `first` is NULL or points to `count` elements that stay as they are for `'a`.
pub unsafe fn list<'a, T>(count: cl_uint, first: *const T) -> Outcome<&'a [T]> {
    if count == 0 || first.is_null() {
        return Err(CL_INVALID_VALUE);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(first, count as usize) })
}

/// Like `list`, but neither array nor elements is fine too.
///
/// # Safety
/// As for `list`.
pub unsafe fn list_or_nothing<'a, T>(count: cl_uint, first: *const T) -> Outcome<&'a [T]> {
    if count == 0 && first.is_null() {
        return Ok(&[]);
    }
    // SAFETY: the caller's promise.
    unsafe { list(count, first) }
}

/// A property list: pairs of name and value up to a name of 0. With that 0 at the end, as clGet*Info shows it; empty if
/// `first` is NULL. Lists longer than any that makes sense are CL_INVALID_VALUE.
///
/// # Safety
/// `first` is NULL or points to such a list.
pub unsafe fn properties<T: Copy + Default + PartialEq>(first: *const T) -> Outcome<Vec<T>> {
    let mut all = Vec::new();
    if first.is_null() {
        return Ok(all);
    }
    while all.len() < 64 {
        // SAFETY: no name was 0 so far, so the list goes on.
        let name = unsafe { first.add(all.len()).read() };
        all.push(name);
        if name == T::default() {
            return Ok(all);
        }
        // SAFETY: a value follows each name.
        all.push(unsafe { first.add(all.len()).read() });
    }
    Err(CL_INVALID_VALUE)
}

/// Name and value of each entry of what `properties` gave.
pub fn pairs<T: Copy>(properties: &[T]) -> impl Iterator<Item = (T, T)> {
    properties.chunks_exact(2).map(|pair| (pair[0], pair[1]))
}

/// The three sizes of an origin or a region.
///
/// # Safety
/// `first` is NULL or points to three.
pub unsafe fn triple(first: *const usize) -> Outcome<[usize; 3]> {
    if first.is_null() {
        return Err(CL_INVALID_VALUE);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { first.cast::<[usize; 3]>().read() })
}

/// The caller's C string, or an empty one for NULL.
///
/// # Safety
/// `text` is NULL or a C string that stays as it is for `'a`.
pub unsafe fn text<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// Where a clGet*Info function puts its answer.
pub struct Room {
    size: usize,
    value: *mut u8,
    size_ret: *mut usize,
}

impl Room {
    /// # Safety
    /// `value` is NULL or has room for `size` bytes, `size_ret` is NULL or writable, both for as long as this lives.
    pub unsafe fn new(size: usize, value: *mut c_void, size_ret: *mut usize) -> Room {
        Room { size, value: value.cast(), size_ret }
    }

    /// Answers with one value.
    pub fn put<T: Plain>(self, value: T) -> Outcome<()> {
        self.list(&[value])
    }

    /// Answers with a boolean.
    pub fn flag(self, value: bool) -> Outcome<()> {
        self.put(cl_uint::from(value))
    }

    /// Answers with a C string; `text` is without its end.
    pub fn text(self, text: &[u8]) -> Outcome<()> {
        let text: Vec<u8> = text.iter().copied().filter(|&byte| byte != 0).chain([0]).collect();
        self.list(&text)
    }

    /// Answers with an array.
    pub fn list<T: Plain>(self, values: &[T]) -> Outcome<()> {
        let length = size_of_val(values);
        if !self.value.is_null() {
            if self.size < length {
                return Err(CL_INVALID_VALUE);
            }
            // SAFETY: `value` has room for `size` bytes by the promise of `new`; T is plain.
            unsafe { std::ptr::copy(values.as_ptr().cast(), self.value, length) };
        }
        // SAFETY: the promise of `new`.
        unsafe { put(self.size_ret, length) };
        Ok(())
    }

    /// Hands the places of an answer that is written through pointers in it (CL_PROGRAM_BINARIES): checks the size, and
    /// gives the array that the caller passed, if any.
    pub fn pointers(self, count: usize) -> Outcome<Vec<*mut u8>> {
        let length = count * size_of::<*mut u8>();
        let mut pointers = Vec::new();
        if !self.value.is_null() {
            if self.size < length {
                return Err(CL_INVALID_VALUE);
            }
            for index in 0..count {
                // SAFETY: `value` holds `count` pointers, by the promise of `new` and the size checked above.
                pointers.push(unsafe { self.value.cast::<*mut u8>().add(index).read_unaligned() });
            }
        }
        // SAFETY: the promise of `new`.
        unsafe { put(self.size_ret, length) };
        Ok(pointers)
    }
}

/// Types whose every byte is defined.
///
/// # Safety
/// No padding.
pub unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty),*) => { $(
        // SAFETY: an integer, a pointer or an array or struct of such, without padding.
        unsafe impl Plain for $type {}
    )* };
}
plain!(u8, i32, u32, u64, usize, isize, *mut c_void, [usize; 3], [i32; 2], [u32; 2]);
plain!(opencl_sys::cl_name_version, opencl_sys::cl_image_format);

/// Where the caller wants to have the event of a command, if it does.
pub struct EventOut(*mut Handle);

impl EventOut {
    /// # Safety
    /// `place` is NULL or writable for as long as this lives.
    pub unsafe fn new(place: *mut Handle) -> EventOut {
        EventOut(place)
    }

    /// Whether the caller asked for an event.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Hands the event over.
    pub fn give(&self, event: Ref<Event>) {
        if self.is_wanted() {
            // SAFETY: writable by the promise of `new`.
            unsafe { self.0.write(event.into_handle()) };
        }
    }
}

/// Memory of the caller's or of a memory object, which others may write at any time: only ever copied from and to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place(pub *mut u8);

impl Place {
    /// The address `offset` bytes further on.
    pub fn add(self, offset: usize) -> Place {
        Place(self.0.wrapping_add(offset))
    }
}

// SAFETY: only an address; who uses it says why it may.
unsafe impl Send for Place {}
// SAFETY: as for Send.
unsafe impl Sync for Place {}

/// A callback's user_data, which is the caller's business on whatever thread it arrives.
#[derive(Clone, Copy)]
pub struct UserData(pub *mut c_void);

// SAFETY: never looked into, only handed back.
unsafe impl Send for UserData {}
// SAFETY: as for Send.
unsafe impl Sync for UserData {}

/// Locks, also after a panic of another holder: nothing here leaves a lock with its data half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
