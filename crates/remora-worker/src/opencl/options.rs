//! Options of builds. The client tells values from objects by the kernels' argument information, so it is asked for whether
//! or not the program does.

use std::ffi::{CStr, CString};

use opencl_sys::{
    CL_BUILD_PROGRAM_FAILURE, CL_COMPILE_PROGRAM_FAILURE, CL_INVALID_BUILD_OPTIONS, CL_INVALID_COMPILER_OPTIONS, cl_int,
};

use super::kernel_facts::text;

const ARG_INFO: &[u8] = b"-cl-kernel-arg-info";
/// Before the program's own options: some drivers quote the end of them.
const ADDITION: &[u8] = b"-cl-kernel-arg-info ";

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
        let asking = (!asks).then(|| c_string(&[ADDITION, given.as_slice()].concat()));
        Self { given: c_string(&given), asking }
    }

    /// Builds, and once more without what the worker added if it fails: some drivers' compilers (NVIDIA's 580) fail in
    /// some sources only because of that. Gives the code, and whether anything was added: drivers may keep the options of
    /// the first build after the second (Intel's does).
    pub fn build(&self, mut build: impl FnMut(&CStr) -> cl_int) -> (cl_int, bool) {
        let Some(asking) = &self.asking else { return (build(&self.given), false) };
        let code = build(asking);
        (if FAILURES.contains(&code) { build(&self.given) } else { code }, true)
    }
}

const FAILURES: [cl_int; 4] =
    [CL_BUILD_PROGRAM_FAILURE, CL_COMPILE_PROGRAM_FAILURE, CL_INVALID_BUILD_OPTIONS, CL_INVALID_COMPILER_OPTIONS];

/// The options as the program gave them, from what the driver keeps of those with the addition (some trim them).
#[must_use]
pub fn without_addition(kept: Vec<u8>) -> Vec<u8> {
    match kept.strip_prefix(ADDITION) {
        Some(own) => own.to_vec(),
        None if kept == ARG_INFO => Vec::new(),
        None => kept,
    }
}

/// A log as it would be without the addition, where the worker added: `first` is what it was after the first of two
/// attempts. Some drivers (Intel's) go on with that in the second, and quote the options.
#[must_use]
pub fn own_log(first: Option<&Vec<u8>>, log: Vec<u8>) -> Vec<u8> {
    let goes_on = |first: &&Vec<u8>| !first.is_empty() && log.len() > first.len() && log.starts_with(first);
    let mut log = first.filter(goes_on).cloned().unwrap_or(log);
    if first.is_some() && log.ends_with(b" \n") {
        // What was between the addition and the program's options.
        log.remove(log.len() - 2);
    }
    let mut own = Vec::with_capacity(log.len());
    let mut rest = log.as_slice();
    while let Some(start) = rest.windows(ADDITION.len()).position(|window| window == ADDITION) {
        own.extend_from_slice(&rest[..start]);
        rest = &rest[start + ADDITION.len()..];
    }
    own.extend_from_slice(rest);
    own
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
        assert_eq!(tried(b"-D N=1", 0), (vec!["-cl-kernel-arg-info -D N=1".to_owned()], (0, true)));
        assert_eq!(tried(b"-cl-kernel-arg-info", 0), (vec!["-cl-kernel-arg-info".to_owned()], (0, false)));
        // Part of another word doesn't ask for it.
        assert_eq!(tried(b"-DX=-cl-kernel-arg-info\0-w", 0).0, ["-cl-kernel-arg-info -DX=-cl-kernel-arg-info"]);
        assert_eq!(without_addition(b"-cl-kernel-arg-info -D N=1".to_vec()), b"-D N=1");
        assert_eq!(without_addition(b"-cl-kernel-arg-info".to_vec()), b"");
        assert_eq!(without_addition(b"-DX=-cl-kernel-arg-info".to_vec()), b"-DX=-cl-kernel-arg-info");
    }

    #[test]
    fn logs_are_those_of_the_programs_own_build() {
        let own = |first: Option<&[u8]>, log: &[u8]| {
            String::from_utf8(own_log(first.map(<[u8]>::to_vec).as_ref(), log.to_vec())).unwrap()
        };
        assert_eq!(own(None, b"options: -cl-kernel-arg-info -w, done"), "options: -w, done");
        assert_eq!(own(Some(b"bad: -x \n"), b"bad: -x \nbad: -x\n"), "bad: -x\n");
        // Most drivers begin a new log with each build.
        assert_eq!(own(Some(b"error\n"), b"error\n"), "error\n");
        assert_eq!(own(Some(b""), b"error\n"), "error\n");
    }

    #[test]
    fn a_build_that_fails_is_tried_as_the_program_wants_it() {
        let (options, outcome) = tried(b"-w", CL_BUILD_PROGRAM_FAILURE);
        assert_eq!(options, ["-cl-kernel-arg-info -w", "-w"]);
        assert_eq!(outcome, (CL_BUILD_PROGRAM_FAILURE, true));
        assert_eq!(tried(b"-w", opencl_sys::CL_INVALID_OPERATION).0.len(), 1);
    }
}
