//! The border between C and the API bodies: every generated entry goes through here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use opencl_sys::{CL_OUT_OF_HOST_MEMORY, CL_SUCCESS, cl_int};

use crate::error::{Error, Result};

/// Runs a body that returns a status. A panic is an API error: it must not unwind into C.
pub fn status(name: &'static str, body: impl FnOnce() -> Result<()>) -> cl_int {
    match run(name, body) {
        Ok(()) => CL_SUCCESS,
        Err(error) => error.code(),
    }
}

/// What a body that creates something gives: the object, and with some also a code that is no success.
pub trait Created<T> {
    /// Both.
    fn with_code(self) -> (*mut T, cl_int);
}

impl<T> Created<T> for *mut T {
    fn with_code(self) -> (*mut T, cl_int) {
        (self, CL_SUCCESS)
    }
}

impl<T> Created<T> for (*mut T, cl_int) {
    fn with_code(self) -> (*mut T, cl_int) {
        self
    }
}

/// Runs a body that creates something: null and a code in `errcode_ret` if it fails.
///
/// # Safety
/// `errcode_ret` is null or valid for writing.
pub unsafe fn create<T, C: Created<T>>(
    name: &'static str,
    errcode_ret: *mut cl_int,
    body: impl FnOnce() -> Result<C>,
) -> *mut T {
    let (value, code) = match run(name, body) {
        Ok(created) => created.with_code(),
        Err(error) => (std::ptr::null_mut(), error.code()),
    };
    if !errcode_ret.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { errcode_ret.write(code) };
    }
    value
}

/// Runs a body that answers with a pointer and has no error to give.
pub fn value<T>(name: &'static str, body: impl FnOnce() -> *mut T) -> *mut T {
    run(name, || Ok(body())).unwrap_or(std::ptr::null_mut())
}

/// Runs a body that answers nothing.
pub fn nothing(name: &'static str, body: impl FnOnce() -> Result<()>) {
    // What goes wrong is in the log.
    let _ = run(name, body);
}

fn run<T>(name: &'static str, body: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => {
            tracing::trace!(call = name, "ok");
            Ok(value)
        }
        Ok(Err(error)) => {
            tracing::debug!(call = name, code = error.code(), "failed");
            Err(error)
        }
        Err(_) => {
            tracing::error!(call = name, "panicked; this is a bug in Remora");
            Err(Error(CL_OUT_OF_HOST_MEMORY))
        }
    }
}
