//! Where Remora's parts are installed.

use std::ffi::{CStr, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Overrides where the front-end is.
pub const LIBRARY_VARIABLE: &str = "REMORA_LIBRARY";
/// Overrides where the broker's executable is.
pub const BROKER_VARIABLE: &str = "REMORA_BROKER";

/// Finds the front-end, libremora.so.
pub fn front_end() -> Result<PathBuf> {
    let triplet = multiarch();
    let installed = [
        PathBuf::from("libremora.so"),
        "../lib/remora/libremora.so".into(),
        format!("../lib/{triplet}/remora/libremora.so").into(),
        format!("/usr/lib/{triplet}/remora/libremora.so").into(),
        "/usr/lib/remora/libremora.so".into(),
    ];
    find(LIBRARY_VARIABLE, &installed)
}

/// Finds the broker's executable.
pub fn broker() -> Result<PathBuf> {
    find(BROKER_VARIABLE, &["remorad", "../sbin/remorad", "/usr/sbin/remorad", "/usr/bin/remorad"].map(PathBuf::from))
}

/// Takes what `variable` says, or the first of `places` (relative to our own directory) where there is a file.
fn find(variable: &str, places: &[PathBuf]) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|value| !value.is_empty()) {
        let path = std::path::absolute(&path)?;
        return if path.is_file() { Ok(path) } else { bail!("{variable}: there is no file {}", path.display()) };
    }
    let own = std::env::current_exe().context("cannot find out where this program is")?;
    let directory = own.parent().unwrap_or(Path::new("/"));
    let places: Vec<PathBuf> = places.iter().map(|place| directory.join(place)).collect();
    if let Some(found) = places.iter().find(|place| place.is_file()) {
        return Ok(found.clone());
    }
    let name = Path::new(places[0].file_name().unwrap_or_default()).display();
    let list = places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ");
    bail!("there is no {name} at any of {list}; install it there or name it in {variable}")
}

/// The directory name that Debian and its kin give to libraries of this architecture.
fn multiarch() -> String {
    match std::env::consts::ARCH {
        "x86" => "i386-linux-gnu".into(),
        "arm" => "arm-linux-gnueabihf".into(),
        "powerpc64" => "powerpc64le-linux-gnu".into(),
        other => format!("{other}-linux-gnu"),
    }
}

/// What a program finds that loads `libOpenCL.so.1`.
#[derive(Debug, PartialEq, Eq)]
pub enum Loader {
    /// Nothing.
    Missing,
    /// Remora's front-end itself.
    FrontEnd(PathBuf),
    /// A loader that OCL_ICD_VENDORS leads to drivers.
    Led(PathBuf),
    /// A loader that looks at one fixed place (NVIDIA's toolkit brings such an old one), or one driver without a loader.
    Fixed(PathBuf),
}

/// Finds the loader as the dynamic linker would for a program with our environment.
pub fn loader() -> Loader {
    // SAFETY: this runs what any OpenCL program runs at its start: the initialisers of the system's OpenCL loader.
    let Ok(library) = (unsafe { libloading::Library::new("libOpenCL.so.1") }) else { return Loader::Missing };
    // SAFETY: the function is looked up for its address and not called.
    let symbol = unsafe { library.get::<unsafe extern "C" fn()>(b"clGetPlatformIDs\0") };
    let path = symbol.ok().and_then(|function| file_of(*function as *const libc::c_void));
    // A loader may have started threads; it stays.
    std::mem::forget(library);
    match path {
        Some(path) => judge(path),
        None => Loader::Missing,
    }
}

fn judge(path: PathBuf) -> Loader {
    let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
    if target.file_name().is_some_and(|name| name.as_bytes().starts_with(b"libremora.so")) {
        return Loader::FrontEnd(path);
    }
    let contents = fs::read(&target).unwrap_or_default();
    let variable = b"OCL_ICD_VENDORS";
    let led = contents.windows(variable.len()).any(|window| window == variable);
    if led { Loader::Led(path) } else { Loader::Fixed(path) }
}

/// The file that holds the code at `address`.
fn file_of(address: *const libc::c_void) -> Option<PathBuf> {
    // SAFETY: all zero is a valid `Dl_info` (null pointers).
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: dladdr only compares the address with what is loaded, and fills the local.
    let found = unsafe { libc::dladdr(address, &raw mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dladdr gave a string that lives as long as the library, which is never unloaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, contents: &str| {
            let path = directory.path().join(name);
            fs::write(&path, contents).unwrap();
            path
        };
        let led = file("libOpenCL.so.1.0.0", "\x7fELF..OCL_ICD_VENDORS\0..");
        assert_eq!(judge(led.clone()), Loader::Led(led));
        let fixed = file("libOpenCL.so.1", "\x7fELF../etc/OpenCL/vendors\0..");
        assert_eq!(judge(fixed.clone()), Loader::Fixed(fixed));
        file("libremora.so", "");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("libremora.so", &link).unwrap();
        assert_eq!(judge(link.clone()), Loader::FrontEnd(link));
    }

    #[test]
    fn what_is_not_found_is_named_with_its_places() {
        let error = find("REMORA_TEST_NO_SUCH_VARIABLE", &["no-such-part".into(), "../no-such-part".into()]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("../no-such-part") && error.contains("REMORA_TEST_NO_SUCH_VARIABLE"), "{error}");
    }
}
