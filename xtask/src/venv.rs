//! Virtual environments of Python under the target directory, with packages of PyPI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::{capture, find, root, target};

/// A virtual environment.
pub struct Venv {
    /// Where it is.
    pub directory: PathBuf,
}

impl Venv {
    /// Makes target/`name` with the packages that xtask/`list` names, and then does `rest`, if that hasn't been done for
    /// this list.
    ///
    /// # Errors
    /// If that can't be done.
    pub fn ensure(name: &str, list: &str, rest: impl FnOnce(&Self, &str) -> Result<()>) -> Result<()> {
        let list = root().join("xtask").join(list);
        let wanted = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
        let this = Self { directory: target().join(name) };
        let stamp = this.directory.join("made-for");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(());
        }
        // Debian's own, if there are several: python3-venv is for that.
        let python = Some(Path::new("/usr/bin/python3").to_owned()).filter(|path| path.is_file());
        let python = python.or_else(|| find("python3")).context("there is no python3")?;
        let _ = fs::remove_dir_all(&this.directory);
        capture(Command::new(python).args(["-m", "venv"]).arg(&this.directory))?;
        this.pip(&["install", "-r", &list.display().to_string()])?;
        rest(&this, &wanted)?;
        fs::write(&stamp, wanted)?;
        Ok(())
    }

    /// Runs its pip.
    ///
    /// # Errors
    /// If that fails.
    pub fn pip(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.directory.join("bin/python"));
        command.args(["-m", "pip", "-q", "--disable-pip-version-check"]).args(arguments);
        capture(&mut command).map(drop)
    }
}
