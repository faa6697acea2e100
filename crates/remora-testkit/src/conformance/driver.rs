//! Which driver a suite is run on.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::run::Run;

/// A driver, by the name that its results are kept under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    name: String,
    path: Option<PathBuf>,
}

impl Driver {
    /// What the machine has.
    #[must_use]
    pub fn of_the_machine() -> Self {
        Self { name: "default".to_owned(), path: None }
    }

    /// `PATH` or `NAME=PATH`, where `PATH` is a directory for `OCL_ICD_VENDORS` or the library of a driver.
    ///
    /// # Errors
    /// If there is no such path, or the name can't be that of a directory.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (Some(name), path),
            None => (None, text),
        };
        let path = fs::canonicalize(path).with_context(|| format!("there is no driver {path}"))?;
        let name = name.map(str::to_owned).or_else(|| Some(path.file_stem()?.to_string_lossy().into_owned()));
        let name = name.context("a driver needs a name: NAME=PATH")?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        ensure!(!name.starts_with('.') && !name.is_empty() && name.chars().all(plain), "{name:?} is no driver's name");
        Ok(Self { name, path: Some(path) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `run` on this driver. Remora's worker gets the same variable. What has to be written for that goes to `directory`.
    pub(super) fn under(&self, run: Run, directory: &Path) -> Result<Run> {
        let Some(path) = &self.path else { return Ok(run) };
        if path.is_dir() {
            return Ok(run.variable("OCL_ICD_VENDORS", path));
        }
        // Not every loader takes a library there.
        let vendors = directory.join("vendors");
        fs::create_dir_all(&vendors)?;
        fs::write(vendors.join("driver.icd"), format!("{}\n", path.display()))?;
        Ok(run.variable("OCL_ICD_VENDORS", &vendors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_has_a_name() {
        assert_eq!(Driver::parse("intel=/tmp").unwrap().name(), "intel");
        assert_eq!(Driver::parse("/proc/self/exe").map(|driver| driver.name.is_empty()).ok(), Some(false));
        assert!(Driver::parse("/nowhere/at/all").is_err());
        assert!(Driver::parse("../x=/tmp").is_err());
        assert!(Driver::parse("=/tmp").is_err());
    }

    #[test]
    fn a_library_is_led_to() {
        let directory = tempfile::tempdir().unwrap();
        let library = directory.path().join("libdriver.so");
        fs::write(&library, "").unwrap();
        let driver = Driver::parse(library.to_str().unwrap()).unwrap();
        assert_eq!(driver.name(), "libdriver");
        let run = Run::new("/bin/sh").arguments(&["-c", "cat \"$OCL_ICD_VENDORS\"/*.icd"]);
        let printed = driver.under(run, directory.path()).unwrap().native().good().text();
        assert_eq!(printed.trim_end(), fs::canonicalize(&library).unwrap().to_str().unwrap());
    }
}
