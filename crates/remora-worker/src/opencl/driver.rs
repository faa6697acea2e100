//! The driver: a table of function pointers, from the system's OpenCL loader or from the null driver.

use std::ffi::{CStr, c_void};
use std::ptr;

use opencl_sys::{CL_INVALID_OPERATION, CL_OUT_OF_RESOURCES, CL_SUCCESS, cl_int};

pub use super::generated::driver::Functions;

/// A driver's functions. They stay loaded until the process ends: drivers have threads of their own.
pub type Driver = &'static Functions;

/// Which driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// What the system's OpenCL loader finds.
    Real,
    /// The one that needs no device, for tests and measurements.
    Null,
}

/// The names of the OpenCL loader.
const LIBRARIES: [&str; 2] = ["libOpenCL.so.1", "libOpenCL.so"];

/// Makes the driver ready for calls.
///
/// # Errors
/// Why there is no OpenCL loader, in words.
pub fn load(which: Which) -> anyhow::Result<Driver> {
    match which {
        Which::Real => load_library(),
        Which::Null => Ok(Box::leak(Box::new(super::null::functions()))),
    }
}

fn load_library() -> anyhow::Result<Driver> {
    let mut reasons = Vec::new();
    for name in LIBRARIES {
        // SAFETY: this runs the initialisers of the system's OpenCL loader, which is what a worker is for.
        match unsafe { libloading::Library::new(name) } {
            Ok(library) => {
                let library: &'static libloading::Library = Box::leak(Box::new(library));
                let lookup = |symbol: &CStr| {
                    // SAFETY: only the address is taken here.
                    let address = unsafe { library.get::<*const c_void>(symbol.to_bytes_with_nul()) };
                    address.map_or(ptr::null(), |address| *address)
                };
                // SAFETY: what a library called libOpenCL exports under these names are these functions, and it is leaked.
                let functions = unsafe { Functions::load(lookup) };
                return Ok(Box::leak(Box::new(functions)));
            }
            Err(error) => reasons.push(error.to_string()),
        }
    }
    anyhow::bail!("no OpenCL loader on this machine (install ocl-icd-libopencl1): {}", reasons.join("; "))
}

/// Calls a function of the driver that returns a code. Expands to an unsafe call: the place that uses it says why it is
/// sound. A function that the loader does not have gives `CL_INVALID_OPERATION`.
macro_rules! call {
    ($driver:expr, $name:ident($($argument:expr),* $(,)?)) => {
        match $driver.$name {
            Some(function) => function($($argument),*),
            None => opencl_sys::CL_INVALID_OPERATION,
        }
    };
}

/// As [`call!`], for functions that return an object and take `errcode_ret` last: gives a `Result`.
macro_rules! create {
    ($driver:expr, $name:ident($($argument:expr),* $(,)?)) => {{
        let mut code = opencl_sys::CL_SUCCESS;
        match $driver.$name {
            Some(function) => {
                let object = function($($argument,)* &raw mut code);
                $crate::opencl::driver::made(object, code)
            }
            None => $crate::opencl::driver::missing(),
        }
    }};
}

pub(crate) use {call, create};

/// What a function that creates something came to.
pub(crate) fn made(object: *mut c_void, code: cl_int) -> Result<*mut c_void, cl_int> {
    match code {
        CL_SUCCESS if object.is_null() => Err(CL_OUT_OF_RESOURCES),
        CL_SUCCESS => Ok(object),
        code => Err(code),
    }
}

/// The driver has no such function.
pub(crate) fn missing() -> Result<*mut c_void, cl_int> {
    Err(CL_INVALID_OPERATION)
}

/// `CL_SUCCESS` or the error.
pub(crate) fn check(code: cl_int) -> Result<(), cl_int> {
    if code == CL_SUCCESS { Ok(()) } else { Err(code) }
}

type ReleaseFunction = unsafe extern "C" fn(*mut c_void) -> cl_int;

/// One reference to an object of the driver.
pub struct Object {
    raw: *mut c_void,
    release: Option<ReleaseFunction>,
}

// SAFETY: OpenCL objects may be used and released by any thread; what is not thread-safe (kernel arguments) is locked by
// who does it.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

impl Object {
    /// Takes over one reference, given back by `release` when dropped.
    ///
    /// # Safety
    /// `raw` is a live object of the kind that `release` takes, and nobody else gives back this reference.
    #[must_use]
    pub unsafe fn new(raw: *mut c_void, release: Option<ReleaseFunction>) -> Self {
        Self { raw, release }
    }

    /// The driver's handle, valid as long as `self`.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.raw
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: by the promise made to `new`, this reference is ours to give back.
            let code = unsafe { release(self.raw) };
            if code != CL_SUCCESS {
                tracing::debug!(code, "the driver refused to release an object");
            }
        }
    }
}

/// The largest answer to a query that is believed.
const MAX_VALUE: usize = 512 << 20;

/// Runs a `clGet*Info` twice: for the size, and for the value. `ask` gets the room, where to write and where to put the
/// size, and passes them on to the driver.
pub(crate) fn query(ask: impl Fn(usize, *mut c_void, *mut usize) -> cl_int) -> Result<Vec<u8>, cl_int> {
    let mut size = 0;
    check(ask(0, ptr::null_mut(), &raw mut size))?;
    if size > MAX_VALUE {
        return Err(CL_OUT_OF_RESOURCES);
    }
    let mut value = vec![0; size];
    if size > 0 {
        check(ask(size, value.as_mut_ptr().cast(), ptr::null_mut()))?;
    }
    Ok(value)
}

/// A query whose answer is one number of fixed size.
pub(crate) fn query_number<const N: usize>(
    ask: impl Fn(usize, *mut c_void, *mut usize) -> cl_int,
) -> Result<[u8; N], cl_int> {
    let mut value = [0; N];
    check(ask(N, value.as_mut_ptr().cast(), ptr::null_mut()))?;
    Ok(value)
}

/// A query whose answer is a list of handles or sizes.
pub(crate) fn query_words(ask: impl Fn(usize, *mut c_void, *mut usize) -> cl_int) -> Result<Vec<usize>, cl_int> {
    let bytes = query(ask)?;
    let words = bytes.chunks_exact(size_of::<usize>());
    Ok(words.map(|word| usize::from_ne_bytes(word.try_into().unwrap_or_default())).collect())
}
