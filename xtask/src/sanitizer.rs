//! The front-end built for a sanitizer, which takes a nightly toolchain with the sources of Rust's own libraries.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::{capture, find, root, target};

/// What the tests `sanitizers` of remora-testkit need of one sanitizer.
pub struct Sanitized {
    /// As compilers call it.
    name: &'static str,
    front_end: PathBuf,
    runtime: PathBuf,
}

impl Sanitized {
    /// Where builds put it, for each sanitizer.
    ///
    /// # Errors
    /// If there is no such toolchain and none can be had.
    pub fn ensure() -> Result<[Self; 2]> {
        let rustup = find("rustup").context("there is no rustup, which a nightly toolchain comes from")?;
        let rustup = |arguments: &[&str]| capture(Command::new(&rustup).args(arguments));
        let installed = rustup(&["component", "list", "--toolchain", "nightly", "--installed"]);
        if !installed.is_ok_and(|list| list.lines().any(|component| component == "rust-src")) {
            println!("Installing a nightly toolchain of Rust");
            rustup(&["toolchain", "install", "nightly", "--profile", "minimal", "--component", "rust-src"])?;
        }
        let sysroot = rustup(&["run", "nightly", "rustc", "--print", "sysroot"])?;
        let version = rustup(&["run", "nightly", "rustc", "-vV"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        let libraries = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(host).join("lib");
        Ok([("thread", "tsan"), ("address", "asan")].map(|(name, short)| Self {
            name,
            front_end: directory(name).join(host).join("debug/libremora.so"),
            runtime: libraries.join(format!("librustc-nightly_rt.{short}.a")),
        }))
    }

    /// What its build is called.
    pub fn title(&self) -> String {
        format!("front-end for the {} sanitizer", self.name)
    }

    /// The command that builds it.
    pub fn build(&self) -> Command {
        let mut command = Command::new("rustup");
        let host = self.front_end.iter().rev().nth(2).unwrap_or_default();
        command.current_dir(root()).args([
            "run",
            "nightly",
            "cargo",
            "build",
            "-Zbuild-std",
            "--package",
            "remora-frontend",
        ]);
        command.arg("--target").arg(host);
        // Those of the toolchain that runs us.
        for name in ["RUSTC", "RUSTDOC", "CARGO", "RUSTUP_TOOLCHAIN", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command.env("RUSTFLAGS", format!("-Zsanitizer={}", self.name)).env("CARGO_TARGET_DIR", directory(self.name));
        command
    }

    /// Tells `command`, which runs the tests.
    pub fn tell(&self, command: &mut Command) {
        let name = self.name.to_uppercase();
        command.env(format!("REMORA_{name}_FRONT_END"), &self.front_end);
        command.env(format!("REMORA_{name}_RUNTIME"), &self.runtime);
    }
}

fn directory(name: &str) -> PathBuf {
    target().join(format!("{name}-sanitizer"))
}
