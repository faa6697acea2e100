//! The front-end built for ThreadSanitizer, which takes a nightly toolchain with the sources of Rust's own libraries.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::{capture, find, root, target};

/// What the test `threads` of remora-testkit needs.
pub struct Sanitized {
    front_end: PathBuf,
    runtime: PathBuf,
}

impl Sanitized {
    /// Where a build puts it.
    ///
    /// # Errors
    /// If there is no such toolchain and none can be had.
    pub fn ensure() -> Result<Self> {
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
        let directory = target().join("thread-sanitizer");
        Ok(Self {
            front_end: directory.join(host).join("debug/libremora.so"),
            runtime: libraries.join("librustc-nightly_rt.tsan.a"),
        })
    }

    /// The command that builds it.
    pub fn build(&self) -> Command {
        let mut command = Command::new("rustup");
        let directory = target().join("thread-sanitizer");
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
        command.arg("--target").arg(host).env("RUSTFLAGS", "-Zsanitizer=thread").env("CARGO_TARGET_DIR", directory);
        // Those of the toolchain that runs us.
        for name in ["RUSTC", "RUSTDOC", "CARGO", "RUSTUP_TOOLCHAIN", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command
    }

    /// Tells `command`, which runs the tests.
    pub fn tell(&self, command: &mut Command) {
        command.env("REMORA_TSAN_FRONT_END", &self.front_end).env("REMORA_TSAN_RUNTIME", &self.runtime);
    }
}
