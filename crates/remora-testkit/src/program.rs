//! The C programs beside this crate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::places;
use crate::run::Run;

/// A compiled C program.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// Compiles programs/`name`.c, if that hasn't been done since it last changed.
    ///
    /// # Panics
    /// If it doesn't compile.
    #[must_use]
    pub fn compile(name: &str) -> Self {
        let sources = places::source("programs");
        let source = sources.join(format!("{name}.c"));
        let path = places::scratch("programs").join(name);
        if is_older(&path, &source)
            || ["common.h", "errors.h"].iter().any(|header| is_older(&path, &sources.join(header)))
        {
            // Several tests may do this at the same time: each makes a file of its own and puts it in place whole.
            let directory = tempfile::tempdir_in(places::scratch("programs")).expect("a temporary directory");
            let fresh = directory.path().join(name);
            let compiler = places::tool("cc", "gcc");
            let output = Command::new(compiler)
                .args(["-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
                .args([&fresh, &source])
                .args(["-lOpenCL", "-ldl"])
                .output()
                .expect("cc can be run");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}.c doesn't compile (it needs gcc and ocl-icd-opencl-dev):\n{said}");
            fs::rename(&fresh, &path).expect("a file can be moved within a file system");
        }
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// To run it with these arguments.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::new(&self.path).arguments(arguments)
    }
}

fn is_older(made: &Path, from: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    changed(made).unwrap_or(SystemTime::UNIX_EPOCH) < changed(from).unwrap_or_else(|_| SystemTime::now())
}
