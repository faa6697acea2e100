//! pyopencl from PyPI: its own examples and its own test suite, natively and through Remora.
//!
//! `cargo xtask test` puts pyopencl into a virtual environment and its sources beside it. With REMORA_FULL=1 (`cargo
//! xtask test --full`) the parts that take minutes run as well, and everything runs on both links.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use remora_testkit::compare::{assert_same, explained};
use remora_testkit::{Link, Outcome, Run, places, run};

fn full() -> bool {
    std::env::var_os("REMORA_FULL").is_some()
}

fn links() -> &'static [Link] {
    if full() { &Link::ALL } else { &[Link::Memfd] }
}

fn python(arguments: &[&str]) -> Run {
    Run::new(places::python())
        .arguments(arguments)
        .directory(places::pyopencl())
        .variable("PYOPENCL_CTX", "0")
        .variable("PYOPENCL_NO_CACHE", "1")
        .variable("PYTHONDONTWRITEBYTECODE", "1")
        .limit(Duration::from_secs(600))
}

/// Those that print the same each time.
const EXAMPLES: [&str; 7] =
    ["demo", "demo-struct-reduce", "demo_array", "demo_elementwise", "demo_meta_template", "narray", "n-body"];
/// Those that draw random numbers, or print times.
const EXAMPLES_OF_CHANCE: [&str; 2] = ["demo_elementwise_complex", "dump-properties"];

#[test]
fn examples() {
    for example in EXAMPLES.iter().chain(&EXAMPLES_OF_CHANCE) {
        let run = python(&[&format!("examples/{example}.py")]);
        let native = run.native().good();
        for link in links() {
            let remoted = run.remoted(*link).good();
            if *example == "n-body" {
                assert_eq!(native.text().lines().count(), remoted.text().lines().count(), "{}", remoted.describe());
            } else if !EXAMPLES_OF_CHANCE.contains(example) {
                assert_same(&native, &remoted);
            }
        }
    }
}

/// Outcomes by test.
type Outcomes = BTreeMap<String, String>;

fn suite(file: &str, how: impl Fn(&Run) -> Outcome) -> Outcomes {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let outcomes = directory.path().join("outcomes");
    let run = python(&["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "outcomes", &format!("{file}.py")])
        // Not where pyopencl's own source is, which would be imported in place of what is installed.
        .directory(places::pyopencl().join("test"))
        .variable("PYTHONPATH", places::source("programs"))
        .variable("REMORA_OUTCOMES", &outcomes);
    let outcome = how(&run);
    assert!(!outcome.timed_out && outcomes.exists(), "{file}: {}", outcome.describe());
    parse(&run::read(&outcomes))
}

fn parse(text: &[u8]) -> Outcomes {
    let text = String::from_utf8_lossy(text);
    // A test that fails both when called and when torn down is there twice.
    let mut outcomes = Outcomes::new();
    for (outcome, test) in text.lines().filter_map(|line| line.split_once('\t')) {
        let entry = outcomes.entry(test.to_owned()).or_default();
        if entry != "failed" {
            outcome.clone_into(entry);
        }
    }
    outcomes
}

/// The native outcomes, which are kept: they change only with pyopencl and the driver.
fn native_outcomes(file: &str) -> Outcomes {
    let kept: PathBuf = places::scratch("pyopencl").join(format!("{file}.outcomes"));
    let sources = places::pyopencl().join("test").join(format!("{file}.py"));
    let age = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
    if kept.exists() && age(&kept) > age(&sources) {
        return parse(&run::read(&kept));
    }
    let outcomes = suite(file, Run::native);
    let lines: Vec<String> = outcomes.iter().map(|(test, outcome)| format!("{outcome}\t{test}\n")).collect();
    fs::write(&kept, lines.concat()).expect("a file in the target directory");
    outcomes
}

/// What passes natively passes through Remora, but for what docs/differences.md explains, which is skipped.
fn same_passes(file: &str) {
    let native = native_outcomes(file);
    let passed = native.values().filter(|outcome| *outcome == "passed").count();
    assert!(passed > 0, "nothing of {file} passes natively: {native:?}");
    let explained = explained("pyopencl");
    for link in links() {
        let remoted = suite(file, |run| run.remoted(*link));
        let mut wrong = Vec::new();
        for (test, outcome) in &native {
            let got = remoted.get(test).map_or("missing", String::as_str);
            let skipped = got == "skipped" && explained.iter().any(|name| test.contains(name.as_str()));
            if outcome == "passed" && got != "passed" && !skipped {
                wrong.push(format!("  {test}: {got}"));
            }
        }
        assert!(wrong.is_empty(), "{file} on {}, all of which pass natively:\n{}", link.name(), wrong.join("\n"));
    }
}

#[test]
fn wrapper() {
    same_passes("test_wrapper");
}

#[test]
fn enqueue_copy() {
    same_passes("test_enqueue_copy");
}

#[test]
fn arrays_in_structs() {
    same_passes("test_arrays_in_structs");
}

#[test]
fn clrandom() {
    same_passes("test_clrandom");
}

#[test]
#[ignore = "it takes minutes: cargo xtask test --full"]
fn algorithm() {
    same_passes("test_algorithm");
}

#[test]
#[ignore = "it takes minutes: cargo xtask test --full"]
fn array() {
    same_passes("test_array");
}

#[test]
#[ignore = "it takes minutes: cargo xtask test --full"]
fn clmath() {
    same_passes("test_clmath");
}
