//! The C programs beside this crate, and the clients of libraries of others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::places;
use crate::run::Run;

/// What sources include.
const HEADERS: [&str; 2] = ["programs/common.h", "programs/errors.h"];

/// A compiled program.
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
        Self::made(name, &format!("programs/{name}.c"), &[])
    }

    /// Compiles applications/`file`, a client of these libraries, likewise.
    ///
    /// # Panics
    /// If it doesn't compile.
    #[must_use]
    pub fn client(file: &str, libraries: &[&str]) -> Self {
        Self::made(file, &format!("applications/{file}"), libraries)
    }

    fn made(name: &str, source: &str, libraries: &[&str]) -> Self {
        let path = places::scratch("programs").join(name);
        let source = places::source(source);
        if is_older(&path, &source) || HEADERS.iter().any(|header| is_older(&path, &places::source(header))) {
            // Several tests may do this at the same time: each makes a file of its own and puts it in place whole.
            let directory = tempfile::tempdir_in(places::scratch("programs")).expect("a temporary directory");
            let fresh = directory.path().join(name);
            let mut compiler = if source.extension().is_some_and(|extension| extension == "c") {
                let mut compiler = Command::new(places::tool("cc", "gcc"));
                compiler.args(["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror"]);
                compiler
            } else {
                // Warnings would be those of the libraries' headers.
                Command::new(places::tool("c++", "g++"))
            };
            compiler.args(["-g", "-pthread", "-o"]).args([&fresh, &source]);
            compiler.args(libraries.iter().map(|library| format!("-l{library}"))).args(["-lOpenCL", "-lm", "-ldl"]);
            let output = compiler.output().expect("the compiler can be run");
            let said = String::from_utf8_lossy(&output.stderr);
            let packages = "`cargo xtask test` installs compilers, headers and libraries";
            assert!(output.status.success(), "{} doesn't compile ({packages}):\n{said}", source.display());
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
