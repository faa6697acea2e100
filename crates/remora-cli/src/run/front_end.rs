//! The front-end in place of the program's OpenCL driver.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::{Loader, loader};

/// How a program is led to the front-end.
pub struct FrontEnd {
    /// A directory in place of /etc/OpenCL/vendors.
    vendors: PathBuf,
    /// A directory with the front-end under the name of the loader, where there is no loader that can be led.
    drop_in: Option<PathBuf>,
}

impl FrontEnd {
    /// Prepares `scratch` to lead to `library`.
    pub fn new(library: &Path, scratch: &Path) -> Result<Self> {
        let library = std::path::absolute(library)?;
        let vendors = scratch.join("vendors");
        fs::create_dir(&vendors).context("cannot make the directory of vendors")?;
        let mut line = library.clone().into_os_string();
        line.push("\n");
        fs::write(vendors.join("remora.icd"), line.as_encoded_bytes()).context("cannot write remora.icd")?;
        let drop_in = match loader() {
            Loader::Led(_) | Loader::FrontEnd(_) => None,
            Loader::Missing | Loader::Fixed(_) => {
                let directory = scratch.join("lib");
                fs::create_dir(&directory).context("cannot make the directory of libraries")?;
                for name in ["libOpenCL.so.1", "libOpenCL.so"] {
                    symlink(&library, directory.join(name)).with_context(|| format!("cannot make the link {name}"))?;
                }
                Some(directory)
            }
        };
        Ok(Self { vendors, drop_in })
    }

    /// Sets the environment of `command` so that it finds the front-end, and no other driver.
    pub fn put_in_place(&self, command: &mut Command) {
        // ocl-icd and Khronos' loader both take a directory here, in place of the usual one. The libraries that
        // OCL_ICD_FILENAMES names would be loaded besides.
        command.env("OCL_ICD_VENDORS", &self.vendors).env_remove("OCL_ICD_FILENAMES");
        if let Some(directory) = &self.drop_in {
            let mut path = OsString::from(directory);
            if let Some(rest) = std::env::var_os("LD_LIBRARY_PATH").filter(|rest| !rest.is_empty()) {
                path.push(":");
                path.push(rest);
            }
            command.env("LD_LIBRARY_PATH", path);
        }
    }
}
