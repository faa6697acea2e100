//! `cargo xtask`: what is done with this repository, on a Debian machine with a Rust toolchain. What else is needed is
//! installed, and said.

mod bench;
mod conformance;
mod demo;
mod generate;
mod intel;
mod packages;
mod photograph;
mod python;
mod repository;
mod sanitizer;
mod steps;
mod table;
mod test;
mod venv;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// What is done with this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show OpenCL programs of Debian at work through Remora, beside the same without it
    Demo,
    /// Check everything
    Test(test::Options),
    /// Regenerate the code that is generated from api/
    Gen {
        /// Write nothing; fail if something would change
        #[arg(long)]
        check: bool,
    },
    /// Measure what Remora costs, native against remoted, as `remora bench` does
    Bench {
        /// What `remora bench` is given
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run a suite that isn't part of the repository natively and through Remora, and tell the differences
    #[command(disable_help_flag = true)]
    Conformance {
        /// What `remora-conformance` is given: `--help` tells
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Command::parse().what) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<ExitCode> {
    match what {
        What::Demo => demo::run(),
        What::Test(options) => test::run(&options),
        What::Gen { check } => generate::run(check),
        What::Bench { arguments } => bench::run(&arguments),
        What::Conformance { arguments } => conformance::run(&arguments),
    }
}
