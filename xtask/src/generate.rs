//! `cargo xtask gen`.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::repository::{cargo, show};

/// Writes what is generated, or checks that it is current.
pub fn run(check: bool) -> Result<ExitCode> {
    show(&mut command(check))?;
    Ok(ExitCode::SUCCESS)
}

/// What does that.
pub fn command(check: bool) -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "remora-codegen", "--", "gen"]);
    if check {
        command.arg("--check");
    }
    command
}
