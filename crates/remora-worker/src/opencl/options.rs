//! Options of builds. The client tells values from objects by the kernels' argument information, so it is asked for whether
//! or not the program does.

use std::ffi::{CStr, CString};

use opencl_sys::{
    CL_BUILD_PROGRAM_FAILURE, CL_COMPILE_PROGRAM_FAILURE, CL_INVALID_BUILD_OPTIONS, CL_INVALID_COMPILER_OPTIONS, cl_int,
};

use super::kernel_facts::text;

const ARG_INFO: &[u8] = b"-cl-kernel-arg-info";

/// What the program gave, and the same with what the worker adds.
pub struct Options {
    given: CString,
    /// `None` if the program gave it itself.
    asking: Option<CString>,
}

impl Options {
    /// From the client's bytes; they end at the first 0.
    #[must_use]
    pub fn new(options: &[u8]) -> Self {
        let given = text(options.to_vec());
        let asks = given.split(u8::is_ascii_whitespace).any(|word| word == ARG_INFO);
        let asking = (!asks).then(|| c_string(&[&given, b" ".as_slice(), ARG_INFO].concat()));
        Self { given: c_string(&given), asking }
    }

    /// Builds, and once more without what the worker added if it fails: some drivers' compilers (NVIDIA's 580) fail in
    /// some sources only because of that. Gives the code, and whether anything was added: some drivers (Intel's) keep those
    /// options then.
    pub fn build(&self, build: impl Fn(&CStr) -> cl_int) -> (cl_int, bool) {
        if let Some(asking) = &self.asking {
            let code = build(asking);
            if !FAILURES.contains(&code) {
                return (code, true);
            }
        }
        (build(&self.given), self.asking.is_some())
    }
}

const FAILURES: [cl_int; 4] =
    [CL_BUILD_PROGRAM_FAILURE, CL_COMPILE_PROGRAM_FAILURE, CL_INVALID_BUILD_OPTIONS, CL_INVALID_COMPILER_OPTIONS];

/// The options as the program gave them, from what the driver keeps of those with the addition (some trim them).
#[must_use]
pub fn without_addition(mut kept: Vec<u8>) -> Vec<u8> {
    if kept.ends_with(ARG_INFO) {
        kept.truncate(kept.len() - ARG_INFO.len());
        kept.truncate(kept.trim_ascii_end().len());
    }
    kept
}

/// A C string ends at its first 0, wherever it came from.
pub fn c_string(bytes: &[u8]) -> CString {
    CString::new(text(bytes.to_vec())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(options: &[u8], code: cl_int) -> (Vec<String>, (cl_int, bool)) {
        let tried = std::cell::RefCell::new(Vec::new());
        let outcome = Options::new(options).build(|options| {
            tried.borrow_mut().push(options.to_string_lossy().into_owned());
            code
        });
        (tried.into_inner(), outcome)
    }

    #[test]
    fn argument_information_is_asked_for_once() {
        assert_eq!(tried(b"-D N=1", 0), (vec!["-D N=1 -cl-kernel-arg-info".to_owned()], (0, true)));
        assert_eq!(tried(b"-cl-kernel-arg-info", 0), (vec!["-cl-kernel-arg-info".to_owned()], (0, false)));
        // Part of another word doesn't ask for it.
        assert_eq!(tried(b"-DX=-cl-kernel-arg-info\0-w", 0).0, ["-DX=-cl-kernel-arg-info -cl-kernel-arg-info"]);
        assert_eq!(without_addition(b"-D N=1 -cl-kernel-arg-info".to_vec()), b"-D N=1");
    }

    #[test]
    fn a_build_that_fails_is_tried_as_the_program_wants_it() {
        let (options, outcome) = tried(b"-w", CL_BUILD_PROGRAM_FAILURE);
        assert_eq!(options, ["-w -cl-kernel-arg-info", "-w"]);
        assert_eq!(outcome, (CL_BUILD_PROGRAM_FAILURE, true));
        assert_eq!(tried(b"-w", opencl_sys::CL_INVALID_OPERATION).0.len(), 1);
    }
}
