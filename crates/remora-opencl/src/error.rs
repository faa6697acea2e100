//! OpenCL's error codes as a Rust error.

use opencl_sys::{CL_DEVICE_NOT_AVAILABLE, cl_int};
use remora_client::Lost;

/// An API call failed with this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("OpenCL error {0}")]
pub struct Error(pub cl_int);

impl Error {
    /// The code that the program gets.
    #[must_use]
    pub fn code(self) -> cl_int {
        self.0
    }
}

impl From<Lost> for Error {
    fn from(_: Lost) -> Self {
        Self(CL_DEVICE_NOT_AVAILABLE)
    }
}

/// What API bodies return.
pub type Result<T> = std::result::Result<T, Error>;

/// `Err` unless `code` is CL_SUCCESS.
pub(crate) fn check(code: cl_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Error(code)) }
}

/// `Err(code)` unless `condition` holds.
pub(crate) fn ensure(condition: bool, code: cl_int) -> Result<()> {
    if condition { Ok(()) } else { Err(Error(code)) }
}
