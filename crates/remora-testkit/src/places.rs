//! Where things are: what cargo built, what `cargo xtask` installed, and where tests may write.

use std::path::{Path, PathBuf};

/// The directory of the executables of this build (target/debug or target/release).
///
/// # Panics
/// If the executable that runs now is nowhere.
#[must_use]
pub fn executables() -> PathBuf {
    let own = std::env::current_exe().expect("the path of this executable");
    let directory = own.parent().expect("an executable is in a directory");
    match directory.file_name() {
        Some(name) if name == "deps" => directory.parent().expect("deps is in a directory").to_owned(),
        _ => directory.to_owned(),
    }
}

/// Cargo's target directory.
///
/// # Panics
/// As [`executables`].
#[must_use]
pub fn target() -> PathBuf {
    executables().parent().expect("a profile's directory is in the target directory").to_owned()
}

/// A directory under the target directory, made if it isn't there.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn scratch(name: &str) -> PathBuf {
    let path = target().join("testkit").join(name);
    std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
    path
}

/// One of Remora's own executables or libraries.
///
/// # Panics
/// If it hasn't been built.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let path = executables().join(name);
    assert!(
        path.is_file(),
        "there is no {}: build it with `cargo build --workspace`, or run all tests with `cargo xtask test`",
        path.display()
    );
    path
}

/// A program of the system.
///
/// # Panics
/// If it isn't installed.
#[must_use]
pub fn tool(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: `cargo xtask test` installs it, or `apt-get install {package}`"))
}

/// The Python that `cargo xtask test` puts pyopencl, numpy and pytest into.
///
/// # Panics
/// If it isn't there.
#[must_use]
pub fn python() -> PathBuf {
    installed("venv/bin/python")
}

/// pyopencl's own sources, with its examples and tests.
///
/// # Panics
/// If they aren't there.
#[must_use]
pub fn pyopencl() -> PathBuf {
    installed("pyopencl")
}

/// Intel's OpenCL runtime: its libraries, and a directory for the loader that names it.
///
/// # Panics
/// If it isn't there.
#[must_use]
pub fn intel() -> (PathBuf, PathBuf) {
    (installed("intel/lib"), installed("intel/vendors"))
}

/// The examples of StarPU, compiled, as Debian has them.
///
/// # Panics
/// If they aren't there.
#[must_use]
pub fn starpu() -> PathBuf {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = libraries.map(|entry| entry.path().join("starpu/examples")).find(|path| path.is_dir());
    found.expect("`cargo xtask test` installs starpu-examples")
}

fn installed(name: &str) -> PathBuf {
    let path = target().join(name);
    assert!(path.exists(), "there is no {}: `cargo xtask test` puts it there", path.display());
    path
}

/// A file of this crate, or of the repository by a path that begins with `../..`.
#[must_use]
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
