//! libremora.so under valgrind's memcheck and under ThreadSanitizer: most of the C programs, which must end well and
//! without a report. `cargo xtask test --full` runs these.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use remora_testkit::{Link, Program, Run, places};

/// All that finish in reasonable time where everything takes ten times as long.
const PROGRAMS: [&str; 25] = [
    "queues",
    "buffers",
    "maps",
    "two_maps",
    "images",
    "host_pointers",
    "sizes",
    "programs",
    "kernel_args",
    "errors_objects",
    "errors_commands",
    "callbacks",
    "user_events",
    "printf",
    "sub_devices",
    "native_kernel",
    "finish_in_thread",
    "behind_user_event",
    "eight_queues",
    "read_then_write",
    "leak",
    "dlclose",
    "fork",
    "enumerate",
    "corners",
];
/// Those in which the link makes a difference.
const ON_STREAM: [&str; 7] = ["queues", "buffers", "maps", "images", "sizes", "callbacks", "eight_queues"];

fn on_links(mut check: impl FnMut(&str, Link)) {
    for name in PROGRAMS {
        check(name, Link::Memfd);
    }
    for name in ON_STREAM {
        check(name, Link::Stream);
    }
}

/// No byte is read or written that isn't the program's, none is used before it has a value, and nothing is lost.
#[test]
#[ignore = "takes minutes"]
fn memcheck() {
    let suppressions = format!("--suppressions={}", places::source("sanitizers/memcheck.supp").display());
    on_links(|name, link| {
        let program = Program::compile(name);
        // The loader loses its own when it is closed. What a child of fork has lost is looked for where nothing is mapped.
        let leaks = if ["dlclose", "fork"].contains(&name) { "no" } else { "full" };
        let run = Run::new(places::tool("valgrind", "valgrind"));
        let run = run.arguments(&["-q", "--error-exitcode=99", "--errors-for-leak-kinds=definite"]);
        let run = run.arguments(&["--show-leak-kinds=definite", &format!("--leak-check={leaks}"), &suppressions]);
        // All of the arena is searched.
        let run = run.arguments(&[program.path()]).variable("REMORAD_ARENA", "64MiB");
        let outcome = run.limit(Duration::from_secs(300)).remoted(link);
        assert!(outcome.status.success(), "{name} on {}: {}", link.name(), outcome.describe());
    });
}

/// No two threads use memory without an order between them.
#[test]
#[ignore = "takes minutes"]
fn threads() {
    let sanitized = |what: &str| -> PathBuf {
        std::env::var_os(what).unwrap_or_else(|| panic!("there is no {what}: run `cargo xtask test --full`")).into()
    };
    let (front_end, runtime) = (sanitized("REMORA_TSAN_FRONT_END"), sanitized("REMORA_TSAN_RUNTIME"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let vendors = directory.path().join("vendors");
    fs::create_dir(&vendors).expect("our own directory");
    fs::write(vendors.join("remora.icd"), format!("{}\n", front_end.display())).expect("our own directory");
    let options = format!(
        // What is read by sendmsg is noted after the call, too late to come before the answer.
        "exitcode=66 intercept_send=0 die_after_fork=0 history_size=7 suppressions={}",
        places::source("sanitizers/thread.supp").display()
    );
    on_links(|name, link| {
        let program = compile_for_threads(name, &runtime, directory.path());
        let mut vendors_variable = std::ffi::OsString::from("OCL_ICD_VENDORS=");
        vendors_variable.push(&vendors);
        // After `remora run` has named its own front-end.
        let run = Run::new(places::tool("env", "coreutils")).arguments(&[&vendors_variable]).arguments(&[&program]);
        let outcome = run.variable("TSAN_OPTIONS", &options).limit(Duration::from_secs(300)).remoted(link);
        assert!(outcome.status.success(), "{name} on {}: {}", link.name(), outcome.describe());
    });
}

/// With the runtime that the front-end was built for.
fn compile_for_threads(name: &str, runtime: &Path, directory: &Path) -> PathBuf {
    let (object, program) = (directory.join(format!("{name}.o")), directory.join(name));
    let compile = |arguments: &mut Command| {
        let output = arguments.output().expect("cc can be run");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let source = places::source(&format!("programs/{name}.c"));
    let cc = || Command::new(places::tool("cc", "gcc"));
    compile(cc().args(["-std=c99", "-O1", "-g", "-fsanitize=thread", "-c", "-o"]).args([&object, &source]));
    let whole = format!("-Wl,--whole-archive,{},--no-whole-archive", runtime.display());
    compile(cc().arg("-rdynamic").arg("-o").args([&program, &object]).arg(whole).args([
        "-lOpenCL",
        "-lm",
        "-lpthread",
        "-ldl",
    ]));
    program
}
