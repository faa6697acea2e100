//! A virtual environment with pyopencl, and pyopencl's sources for its examples and tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::{capture, find, root, target};

/// Makes target/venv and target/pyopencl, if they aren't there for the versions that python.txt asks for.
///
/// # Errors
/// If that can't be done.
pub fn ensure() -> Result<()> {
    let wanted = fs::read_to_string(root().join("xtask/python.txt")).context("xtask/python.txt")?;
    let stamp = target().join("venv").join("made-for");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && target().join("pyopencl/test").is_dir() {
        return Ok(());
    }
    let venv = target().join("venv");
    // Debian's own, if there are several: python3-venv is for that.
    let python = Some(Path::new("/usr/bin/python3").to_owned()).filter(|path| path.is_file());
    let python = python.or_else(|| find("python3")).context("there is no python3")?;
    let _ = fs::remove_dir_all(&venv);
    capture(Command::new(python).args(["-m", "venv"]).arg(&venv))?;
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(venv.join("bin/python"));
        command.args(["-m", "pip", "-q", "--disable-pip-version-check"]).args(arguments);
        capture(&mut command)
    };
    pip(&["install", "-r", &root().join("xtask/python.txt").display().to_string()])?;
    let pyopencl = wanted.lines().find(|line| line.starts_with("pyopencl")).context("python.txt names no pyopencl")?;
    let sources = target().join("pyopencl");
    let _ = fs::remove_dir_all(&sources);
    fs::create_dir_all(&sources)?;
    pip(&["download", "--no-deps", "--no-binary", "pyopencl", "--dest", &sources.display().to_string(), pyopencl])?;
    let archive = fs::read_dir(&sources)?.flatten().map(|entry| entry.path()).find(|path| path.is_file());
    let archive = archive.context("pip has downloaded nothing")?;
    capture(Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(&sources).arg("--strip-components=1"))?;
    fs::write(&stamp, wanted)?;
    Ok(())
}
