//! `cargo xtask test`.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::repository::{capture, cargo, root, target};
use crate::sanitizer::Sanitized;
use crate::steps::Steps;
use crate::{generate, intel, packages, python};

/// What to check.
#[derive(Args)]
pub struct Options {
    /// Also what takes many minutes: pyopencl's whole test suite, on both links, the slowest programs of others, and the
    /// programs under valgrind and the thread and address sanitizers
    #[arg(long)]
    full: bool,
    /// Leave out the tests with real programs
    #[arg(long, conflicts_with = "full")]
    fast: bool,
}

/// Khronos' description of OpenCL, where a checkout has it beside it.
const REGISTRY: &str = "../shared/registry/cl.xml";

/// Checks everything and says how that went.
pub fn run(options: &Options) -> Result<ExitCode> {
    let nextest = capture(cargo().args(["nextest", "--version"])).is_ok();
    let registry = root().join(REGISTRY);
    let programs = if options.fast { 0 } else { 3 } + if options.full { 3 } else { 0 };
    let mut steps = Steps::new(8 + usize::from(registry.exists()) + programs);

    let wanted = if options.full { [packages::TEST, packages::FULL].concat() } else { packages::TEST.to_vec() };
    if !steps.call("packages", || packages::ensure(&wanted)) {
        return end(steps);
    }
    steps.check("formatting", cargo().args(["fmt", "--all", "--check"]));
    // Everything that the tests run: the front-end and the executables too.
    if !steps.check("build", cargo().args(["build", "--workspace", "--all-targets"])) {
        return end(steps);
    }
    steps.check("generated code", &mut generate::command(true));
    if registry.exists() {
        let mut command = cargo();
        command.args(["run", "--quiet", "--package", "remora-codegen", "--", "check", "--registry"]).arg(&registry);
        steps.check("coverage of the API", &mut command);
    }
    steps.check("lints", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]));
    let mut unit_tests = tests(nextest);
    unit_tests.args(["--workspace", "--exclude", "remora-testkit"]);
    if registry.exists() {
        unit_tests.env("REMORA_CL_XML", &registry);
    }
    steps.tests("unit tests", &mut unit_tests);
    steps.tests("doc tests", cargo().args(["test", "--doc", "--workspace", "--exclude", "remora-frontend"]));
    steps.tests("model of the ring", &mut model());
    if !options.fast && steps.call("pyopencl", python::ensure) && steps.call("Intel's runtime", intel::ensure) {
        let mut command = tests(nextest);
        command.args(["--package", "remora-testkit"]);
        if options.full {
            command.env("REMORA_FULL", "1");
            sanitize(&mut steps, &mut command);
            command.args(if nextest { ["--run-ignored", "all"] } else { ["--", "--include-ignored"] });
        }
        steps.tests("programs", &mut command);
    }
    end(steps)
}

fn end(steps: Steps) -> Result<ExitCode> {
    Ok(if steps.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the front-end for sanitizers, and tells the tests.
fn sanitize(steps: &mut Steps, tests: &mut Command) {
    let mut all = None;
    steps.call("nightly toolchain", || {
        all = Some(Sanitized::ensure()?);
        Ok(())
    });
    for sanitized in all.iter().flatten() {
        steps.check(&sanitized.title(), &mut sanitized.build());
        sanitized.tell(tests);
    }
}

/// The runner of tests that there is, which goes on after a failure.
fn tests(nextest: bool) -> Command {
    let mut command = cargo();
    if nextest {
        command.args(["nextest", "run", "--no-fail-fast", "--status-level", "slow", "--final-status-level", "fail"]);
    } else {
        command.args(["test", "--no-fail-fast"]);
    }
    command
}

/// The ring under loom, which tries every order in which two threads can do what they do. It needs a build of its own.
fn model() -> Command {
    let mut command = cargo();
    command
        .args(["test", "--release", "--package", "remora-link", "--test", "loom"])
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", target().join("loom"));
    command
}
