//! Libraries of others that compute with OpenCL, as Debian and PyPI have them: clients of them, natively and through Remora,
//! write what was computed to their stdout, and all bytes must be the same.

use std::time::Duration;

use remora_testkit::compare::assert_same_bytes;
use remora_testkit::processes::assert_all_gone;
use remora_testkit::{Link, Program, Run, places};

/// The client's results on both links.
fn same_results(run: &Run) {
    // Most of the time a driver compiles kernels that it hasn't seen before.
    let run = run.clone().limit(Duration::from_secs(500));
    let native = run.native().good();
    for link in Link::ALL {
        let remoted = run.remoted(link).good();
        assert_same_bytes(link.name(), &native.stdout, &remoted.stdout);
        assert_all_gone(&remoted.mark);
    }
}

#[test]
fn clfft() {
    same_results(&Program::client("clfft.c", &["clFFT"]).run(&[]));
}

#[test]
#[ignore = "it takes minutes: cargo xtask test --full"]
fn clfft_large() {
    same_results(&Program::client("clfft.c", &["clFFT"]).run(&["large"]));
}

#[test]
fn clblast() {
    same_results(&Program::client("clblast.c", &["clblast"]).run(&[]));
}

#[test]
fn viennacl() {
    same_results(&Program::client("viennacl.cpp", &[]).run(&[]));
}

#[test]
fn opencv() {
    let run = Run::new(places::python())
        .arguments(&[places::source("applications/opencv.py")])
        // It asks for GPUs only, keeps kernels itself, and goes on without OpenCL where that fails, unless told otherwise.
        .variable("OPENCV_OPENCL_DEVICE", ":CPU:0")
        .variable("OPENCV_OPENCL_RAISE_ERROR", "1")
        .variable("OPENCV_OPENCL_CACHE_ENABLE", "0")
        // Work-groups of its Canny race: natively too, about one result in a hundred is another, unless they take turns.
        .variable("POCL_MAX_PTHREAD_COUNT", "1");
    same_results(&run);
}

#[test]
fn openmm() {
    // Debian's package is for Debian's Python.
    let run = Run::new("/usr/bin/python3").arguments(&[places::source("applications/molecules.py")]);
    same_results(&run);
}
