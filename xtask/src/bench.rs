//! `cargo xtask bench`.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::packages;
use crate::repository::{cargo, show, target};

/// Builds for speed and shows the table of `remora bench`.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    packages::ensure(&["pocl-opencl-icd", "ocl-icd-libopencl1"])?;
    if arguments.iter().any(|argument| argument == "--instructions") {
        packages::ensure(&["valgrind"])?;
    }
    show(cargo().args(["build", "--profile", "dist", "--workspace", "--exclude", "xtask"]))?;
    show(Command::new(target().join("dist/remora")).arg("bench").args(arguments))?;
    Ok(ExitCode::SUCCESS)
}
