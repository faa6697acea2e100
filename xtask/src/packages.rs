//! Debian packages: those that are missing are installed, and said.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repository::{find, show};

/// What the programs of the demo need.
pub const DEMO: &[&str] =
    &["pocl-opencl-icd", "ocl-icd-libopencl1", "clinfo", "clpeak", "ffmpeg", crate::photograph::PACKAGE];

/// What the tests need.
pub const TEST: &[&str] = &[
    "pocl-opencl-icd",
    "ocl-icd-libopencl1",
    "ocl-icd-opencl-dev",
    "gcc",
    "g++",
    "libc6-dev",
    "clinfo",
    "clpeak",
    "ffmpeg",
    "oclgrind",
    "libclfft-dev",
    "libclblast-dev",
    "libviennacl-dev",
    "python3-simtk",
    "libopenmm-plugins",
    "gegl",
    "starpu-examples",
    "python3",
    "python3-venv",
    "tar",
];

/// What those need that take many minutes.
pub const FULL: &[&str] = &["valgrind", "clblast-tests", "darktable", "hashcat"];

/// Installs what is missing of `packages`.
///
/// # Errors
/// If that can't be done, with what the user can do.
pub fn ensure(packages: &[&str]) -> Result<()> {
    let Some(query) = find("dpkg-query") else {
        // Not Debian or its kin: the programs may be there all the same, and say so themselves if not.
        eprintln!(
            "This isn't a Debian system: see to it yourself that there is what these packages hold: {}",
            packages.join(", ")
        );
        return Ok(());
    };
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| {
            let output = Command::new(&query).args(["-W", "-f", "${db:Status-Status}\\n", package]).output();
            !output.is_ok_and(|output| output.stdout.split(|byte| *byte == b'\n').any(|line| line == b"installed"))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Installing with apt: {}", missing.join(", "));
    install(&missing).with_context(|| format!("install these packages yourself: {}", missing.join(" ")))
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = find("apt-get").context("there is no apt-get")?;
    let run = |arguments: &[&str]| {
        let root = rustix::process::geteuid().is_root();
        let mut command = if root {
            Command::new(&apt)
        } else {
            let Some(sudo) = find("sudo") else { bail!("only root can install packages, and there is no sudo") };
            let mut command = Command::new(sudo);
            command.args(["--preserve-env=DEBIAN_FRONTEND"]).arg(&apt);
            command
        };
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").args(arguments);
        show(&mut command)
    };
    // A fresh machine has no lists, or old ones. Where one of several sources can't be had, the others may do.
    if let Err(error) = run(&["update"]) {
        eprintln!("{error:#}");
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    run(&arguments)
}
