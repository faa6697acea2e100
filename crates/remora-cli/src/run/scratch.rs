//! A directory of our own for the time that the program runs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use tempfile::TempDir;

/// What can stand between the directory's own path and 107 bytes, the longest path of a unix socket.
const LONGEST: usize = 80;

/// Removed with all that is in it when dropped.
pub struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// A new one, for our user only.
    pub fn new() -> Result<Self> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
        let places = runtime.into_iter().chain([std::env::temp_dir(), "/tmp".into(), "/dev/shm".into()]);
        let mut problem = anyhow!("there is no directory with a short path");
        for place in places.filter(|place| place.is_absolute() && place.as_os_str().len() <= LONGEST) {
            let mut builder = tempfile::Builder::new();
            match builder.prefix("remora-").permissions(Permissions::from_mode(0o700)).tempdir_in(&place) {
                Ok(directory) => return Ok(Self { directory }),
                Err(error) => problem = anyhow!("{}: {error}", place.display()),
            }
        }
        Err(problem.context("cannot make a temporary directory; set TMPDIR to a directory that can be written to"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}
