//! Intel's OpenCL runtime for CPUs, from PyPI: the tests' second driver, which has what PoCL lacks. Its licence lets us
//! install it and not pass it on, so it only ever is in the target directory.

use std::fs;

use anyhow::{Result, bail};

use crate::venv::Venv;

/// Makes target/intel, with a directory of vendors for the loader, if it isn't there for the version that intel.txt asks for.
///
/// # Errors
/// If that can't be done.
pub fn ensure() -> Result<()> {
    if cfg!(not(target_arch = "x86_64")) {
        println!("  Intel's runtime is for x86-64 only: programs are run on PoCL alone");
        return Ok(());
    }
    Venv::ensure("intel", "intel.txt", |venv, _| {
        let driver = venv.directory.join("lib/libintelocl.so");
        if !driver.is_file() {
            bail!("there is no {}", driver.display());
        }
        let vendors = venv.directory.join("vendors");
        fs::create_dir_all(&vendors)?;
        fs::write(vendors.join("intel.icd"), format!("{}\n", driver.display()))?;
        Ok(())
    })
}
