//! A virtual environment with pyopencl, and pyopencl's sources for its examples and tests.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::{capture, target};
use crate::venv::Venv;

/// Makes target/venv and target/pyopencl, if they aren't there for the versions that python.txt asks for.
///
/// # Errors
/// If that can't be done.
pub fn ensure() -> Result<()> {
    Venv::ensure("venv", "python.txt", sources)
}

fn sources(venv: &Venv, wanted: &str) -> Result<()> {
    let pyopencl = wanted.lines().find(|line| line.starts_with("pyopencl")).context("python.txt names no pyopencl")?;
    let sources = target().join("pyopencl");
    let _ = fs::remove_dir_all(&sources);
    fs::create_dir_all(&sources)?;
    venv.pip(&[
        "download",
        "--no-deps",
        "--no-binary",
        "pyopencl",
        "--dest",
        &sources.display().to_string(),
        pyopencl,
    ])?;
    let archive = fs::read_dir(&sources)?.flatten().map(|entry| entry.path()).find(|path| path.is_file());
    let archive = archive.context("pip has downloaded nothing")?;
    capture(Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(&sources).arg("--strip-components=1"))?;
    Ok(())
}
