//! `cargo xtask conformance`.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::repository::{cargo, show, target};

/// Builds for speed and runs the suite. The differences decide on the status.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    show(cargo().args(["build", "--quiet", "--release", "--workspace", "--exclude", "xtask"]))?;
    let program = target().join("release/remora-conformance");
    let status = Command::new(&program).args(arguments).status();
    let status = status.with_context(|| format!("cannot run {}", program.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
