//! What suites there are: their cases, and what an outcome means.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::result::{Ending, Verdict};
use crate::run::{Outcome, Run};

/// How long a binary may take to tell its cases.
const LISTING: Duration = Duration::from_secs(60);

/// A kind of suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// Khronos' OpenCL-CTS: every test_* below DIR has cases, which are run singly since one that crashes would take the
    /// others with it
    OpenclCts,
    /// Any programs: every executable in DIR is a case, and has to print and return the same
    Programs,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is counted under.
    pub group: String,
    /// Its name there.
    pub name: String,
    program: PathBuf,
    argument: Option<String>,
}

impl Case {
    /// Its whole name.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// To run it with these arguments besides. Suites have files beside their programs: it is run there.
    #[must_use]
    pub fn run(&self, arguments: &[String]) -> Run {
        let directory = self.program.parent().unwrap_or(Path::new("/"));
        Run::new(&self.program).arguments(self.argument.as_slice()).arguments(arguments).directory(directory)
    }
}

impl Suite {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OpenclCts, Self::Programs];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenclCts => "opencl-cts",
            Self::Programs => "programs",
        }
    }

    /// Its cases below `directory`, in an order that is always the same.
    ///
    /// # Errors
    /// If there are none, or they can't be told.
    pub fn cases(self, directory: &Path) -> Result<Vec<Case>> {
        let directory = fs::canonicalize(directory).with_context(|| format!("there is no {}", directory.display()))?;
        let cases = match self {
            Self::OpenclCts => {
                let mut binaries = Vec::new();
                executables(&directory, true, &mut binaries)?;
                binaries.retain(|path| name(path).starts_with("test_"));
                binaries.sort_by_key(|path| name(path));
                if let Some(pair) = binaries.windows(2).find(|pair| name(&pair[0]) == name(&pair[1])) {
                    bail!("{} and {} have the same name", pair[0].display(), pair[1].display());
                }
                let cases: Result<Vec<Vec<Case>>> = binaries.iter().map(|binary| cts_cases(binary)).collect();
                cases?.concat()
            }
            Self::Programs => {
                let mut programs = Vec::new();
                executables(&directory, false, &mut programs)?;
                programs.sort();
                let case =
                    |program: PathBuf| Case { group: name(&directory), name: name(&program), program, argument: None };
                programs.into_iter().map(case).collect()
            }
        };
        ensure!(!cases.is_empty(), "{} has no cases of the suite {}", directory.display(), self.name());
        Ok(cases)
    }

    /// What an outcome of the case with this name means.
    #[must_use]
    pub fn judge(self, name: &str, outcome: &Outcome) -> Verdict {
        if Ending::of(outcome) != Ending::Status(0) {
            return Verdict::Fail;
        }
        match self {
            Self::OpenclCts => cts_verdict(name, &outcome.text(), &outcome.complaints()),
            Self::Programs => Verdict::Pass,
        }
    }

    /// Whether what a case prints has to be the same. That of OpenCL-CTS has times and addresses in it.
    #[must_use]
    pub fn compares_output(self) -> bool {
        self == Self::Programs
    }
}

fn cts_cases(binary: &Path) -> Result<Vec<Case>> {
    let directory = binary.parent().unwrap_or(Path::new("/"));
    let ask = |option: &str| {
        let run = Run::new(binary).arguments(&[option]).directory(directory).limit(LISTING);
        cts_names(&run.native().text())
    };
    // Older versions don't know --list.
    let names = Some(ask("--list")).filter(|names| !names.is_empty()).unwrap_or_else(|| ask("--help"));
    ensure!(!names.is_empty(), "{} doesn't tell its tests", binary.display());
    // What has one test only is run whole: test_conversions takes names as parts of that test, and skips those it doesn't know.
    let argument = |test: &String| (names.len() > 1).then(|| test.clone());
    let case = |test: &String| Case {
        group: name(binary),
        name: test.clone(),
        program: binary.to_owned(),
        argument: argument(test),
    };
    Ok(names.iter().map(case).collect())
}

/// Names of tests in what a binary of OpenCL-CTS prints of itself: one a line, behind a tab. In its help they follow a heading.
fn cts_names(text: &str) -> Vec<String> {
    let list = text.split_once("Test names:").map_or(text, |(_, list)| list);
    let named = list.lines().filter_map(|line| line.strip_prefix('\t'));
    named.filter(|name| !name.is_empty() && !name.contains(char::is_whitespace)).map(str::to_owned).collect()
}

/// A test that returns 0 may still have failed sub-tests, which are only told; one that is skipped returns 0 too. Some leave
/// the line before unfinished.
fn cts_verdict(name: &str, output: &str, complaints: &str) -> Verdict {
    let mut lines = output.lines().chain(complaints.lines());
    if lines.clone().any(|line| line.starts_with("FAILED ")) {
        Verdict::Fail
    } else if lines.any(|line| line.strip_suffix(" passed").is_some_and(|line| line.ends_with(name))) {
        Verdict::Pass
    } else {
        Verdict::Skip
    }
}

/// Executable files in `directory`, or also below it.
fn executables(directory: &Path, below: bool, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        let data = fs::symlink_metadata(&path)?;
        if data.is_dir() && below {
            executables(&path, true, found)?;
        } else if data.is_file() && data.permissions().mode() & 0o111 != 0 {
            found.push(path);
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_a_list_and_from_help() {
        let list = "Reading files from default '/x' path.\n\tone\n\ttwo_2\n\n";
        assert_eq!(cts_names(list), ["one", "two_2"]);
        let help = "Usage: x [<test name>*]\n\t<test name>\tOne or more\n\tword\n\nTest names:\n\tone\n";
        assert_eq!(cts_names(help), ["one"]);
        assert!(cts_names("ERROR: no platform\n").is_empty());
    }

    #[test]
    fn a_test_of_the_cts_has_to_say_that_it_passed() {
        assert_eq!(cts_verdict("a", "a...\na passed\nPASSED test.\n", ""), Verdict::Pass);
        assert_eq!(cts_verdict("a", "a...\na test not supported\nPASSED test.\n", ""), Verdict::Skip);
        assert_eq!(cts_verdict("a", "a...\na passed\nFAILED 2 of 3 sub-tests.\nPASSED test.\n", ""), Verdict::Fail);
        assert_eq!(cts_verdict("a", "a passed\n", "FAILED sub-test.\n"), Verdict::Fail);
        assert_eq!(cts_verdict("a", "a warning.a passed\nPASSED test.\n", ""), Verdict::Pass);
        assert_eq!(cts_verdict("a", "ab passed\na passed over\n", ""), Verdict::Skip);
    }
}
