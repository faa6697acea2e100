//! `remora-codegen`: regenerates the checked-in code, or checks it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use remora_codegen::opcodes::Opcodes;
use remora_codegen::{generate, registry};

const OPCODES: &str = "api/opencl/opcodes.toml";

/// Generates Rust from the descriptions in api/.
#[derive(Parser)]
#[command(name = "remora-codegen")]
struct Arguments {
    /// The repository's root.
    #[arg(long, global = true, default_value_os_t = default_root())]
    root: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Write every generated file.
    Gen {
        /// Write nothing; fail if a file would change.
        #[arg(long)]
        check: bool,
    },
    /// Compare the descriptions with Khronos' registry, and opcodes with those of the last commit.
    Check {
        /// cl.xml
        #[arg(long)]
        registry: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.action {
        Action::Gen { check } => {
            let outputs = generate::generate(&arguments.root)?;
            let stale = generate::stale(&arguments.root, &outputs);
            for output in &stale {
                if check {
                    eprintln!("{} is not current: run `cargo xtask gen`", output.path.display());
                } else {
                    generate::write(&arguments.root, output)?;
                    eprintln!("wrote {}", output.path.display());
                }
            }
            Ok(if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Action::Check { registry } => {
            Ok(if check(&arguments.root, &registry)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn check(root: &Path, registry: &Path) -> Result<bool> {
    let xml = std::fs::read_to_string(registry).with_context(|| registry.display().to_string())?;
    let functions = generate::read_functions(&root.join("api/opencl/functions"))?;
    let extensions = generate::read_extensions(&root.join("api/opencl/extensions"))?;
    let report = registry::compare(&xml, &functions, &extensions)?;
    print!("{}", registry::render(&report));
    let current = Opcodes::parse(&std::fs::read_to_string(root.join(OPCODES))?)?;
    let committed = Command::new("git").arg("-C").arg(root).args(["show", &format!("HEAD:{OPCODES}")]).output();
    match committed {
        Ok(shown) if shown.status.success() => {
            current.keeps(&Opcodes::parse(std::str::from_utf8(&shown.stdout)?)?)?;
            println!("{} opcodes, none changed since the last commit", current.highest());
        }
        _ => println!("{} opcodes; no commit to compare them with", current.highest()),
    }
    Ok(report.gaps.is_empty())
}

fn default_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
