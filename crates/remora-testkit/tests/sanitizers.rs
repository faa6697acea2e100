//! libremora.so under ThreadSanitizer, AddressSanitizer and, where that shows more, valgrind's memcheck: the C programs,
//! which must end well and without a report. `cargo xtask test --full` runs these.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use remora_testkit::{Driver, Link, Outcome, Program, Run, places};

macro_rules! sanitized {
    ($driver:ident, $links:expr, $($name:ident $($argument:literal)?)*) => {
        $(mod $name {
            use super::*;

            #[test]
            #[ignore = "takes a build of its own"]
            fn threads() {
                check(&THREADS, stringify!($name), &[$($argument)?], Driver::$driver, &$links);
            }

            #[test]
            #[ignore = "takes a build of its own"]
            fn addresses() {
                check(&ADDRESSES, stringify!($name), &[$($argument)?], Driver::$driver, &$links);
            }
        })*
    };
}

sanitized! {
    Pocl, Link::ALL,
    queues buffers maps images programs kernel_args errors_objects errors_commands callbacks user_events printf
    sub_devices native_kernel finish_in_thread behind_user_event long_build eight_queues enqueue_many large_transfers live_buffers
    read_then_write leak dlclose fork enumerate corners includes svm contents binaries extensions
    command_buffer semaphores host_pointers image_formats sizes two_maps threads_in_memory close_descriptors
    info beyond errors_enqueue "all" errors_images "all" errors_programs "all" errors_states "all" queued_writes "16"
}

/// What they do else.
mod also {
    use super::*;

    sanitized! { Pocl, Link::ALL, leak "pending" fork "after" native_kernel "out of order" }

    sanitized! { Pocl, [Link::Memfd], host_pointers "direct" threads_in_memory "direct" svm "fine" }
}

#[cfg(target_arch = "x86_64")]
mod intel {
    use super::*;

    sanitized! {
        Intel, Link::ALL,
        maps callbacks native_kernel svm usm pipes device_queues sub_groups program_scope spirv command_buffer semaphores
        build_logs two_maps
    }
}

/// What a front-end can be built for.
struct Sanitizer {
    /// Of `-fsanitize`.
    name: &'static str,
    /// Where `cargo xtask test --full` says that the front-end and the runtime are.
    places: [&'static str; 2],
    /// The runtime's options.
    options: fn(&str) -> (&'static str, String),
}

/// No two threads use memory without an order between them.
const THREADS: Sanitizer = Sanitizer {
    name: "thread",
    places: ["REMORA_THREAD_FRONT_END", "REMORA_THREAD_RUNTIME"],
    options: |_| {
        let suppressions = places::source("sanitizers/thread.supp");
        // What is read by sendmsg is noted after the call, too late to come before the answer.
        let options = "exitcode=66 intercept_send=0 die_after_fork=0 history_size=7";
        ("TSAN_OPTIONS", format!("{options} suppressions={}", suppressions.display()))
    },
};

/// No byte is read or written that isn't there any more, or never was, and nothing is lost.
const ADDRESSES: Sanitizer = Sanitizer {
    name: "address",
    places: ["REMORA_ADDRESS_FRONT_END", "REMORA_ADDRESS_RUNTIME"],
    options: |name| ("ASAN_OPTIONS", format!("exitcode=67 detect_leaks={}", u8::from(!loses(name)))),
};

/// The loader loses its own when it is closed, and a child of fork what only the parent's threads know of.
fn loses(name: &str) -> bool {
    ["dlclose", "fork"].contains(&name)
}

fn check(sanitizer: &Sanitizer, name: &str, arguments: &[&str], driver: Driver, links: &[Link]) {
    for (link, outcome) in links.iter().zip(outcomes(sanitizer, name, arguments, driver, links)) {
        assert!(outcome.status.success(), "on {}: {}", link.name(), outcome.describe());
    }
}

fn outcomes(sanitizer: &Sanitizer, name: &str, arguments: &[&str], driver: Driver, links: &[Link]) -> Vec<Outcome> {
    let [front_end, runtime] = sanitizer.places.map(|place| -> PathBuf {
        std::env::var_os(place).unwrap_or_else(|| panic!("there is no {place}: run `cargo xtask test --full`")).into()
    });
    let directory = tempfile::tempdir().expect("a temporary directory");
    let vendors = directory.path().join("vendors");
    fs::create_dir(&vendors).expect("our own directory");
    fs::write(vendors.join("remora.icd"), format!("{}\n", front_end.display())).expect("our own directory");
    let program = compile(sanitizer, name, &runtime, directory.path());
    let mut vendors_variable = OsString::from("OCL_ICD_VENDORS=");
    vendors_variable.push(&vendors);
    let (variable, options) = (sanitizer.options)(name);
    // After `remora run` has named its own front-end; and with the machine's loader.
    let run = Run::new(places::tool("env", "coreutils")).arguments(&["-u", "LD_LIBRARY_PATH"]);
    let run = run.arguments(&[vendors_variable.as_os_str(), program.as_os_str()]).arguments(arguments);
    let run = run.on(driver).variable(variable, options).limit(Duration::from_secs(300));
    links.iter().map(|link| run.remoted(*link)).collect()
}

/// With the runtime that the front-end was built for.
fn compile(sanitizer: &Sanitizer, name: &str, runtime: &Path, directory: &Path) -> PathBuf {
    let (object, program) = (directory.join(format!("{name}.o")), directory.join(name));
    let compile = |arguments: &mut Command| {
        let output = arguments.output().expect("cc can be run");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let source = places::source(&format!("programs/{name}.c"));
    let cc = || Command::new(places::tool("cc", "gcc"));
    let instrument = format!("-fsanitize={}", sanitizer.name);
    compile(cc().args(["-std=c99", "-O1", "-g", &instrument, "-c", "-o"]).args([&object, &source]));
    let whole = format!("-Wl,--whole-archive,{},--no-whole-archive", runtime.display());
    compile(cc().arg("-rdynamic").arg("-o").args([&program, &object]).arg(whole).args([
        "-lOpenCL",
        "-lm",
        "-lpthread",
        "-ldl",
    ]));
    program
}

/// The sanitizers see what libremora.so does with the program's memory.
#[test]
#[ignore = "takes builds of its own"]
fn mistakes_are_found() {
    for (sanitizer, mistake, report) in
        [(&THREADS, "race", "data race"), (&ADDRESSES, "overrun", "heap-buffer-overflow")]
    {
        let outcomes = outcomes(sanitizer, "wrong", &[mistake], Driver::Pocl, &Link::ALL);
        for outcome in outcomes {
            let found = outcome.complaints();
            assert!(!outcome.status.success() && found.contains(report), "{}", outcome.describe());
            assert!(found.contains("remora-client/src/host.rs"), "{found}");
        }
    }
}

/// No byte is used before it has a value. Programs that finish in reasonable time where everything takes ten times as long.
mod memcheck {
    use super::*;

    macro_rules! checked {
        ($($name:ident)*) => {
            $(#[test]
            #[ignore = "takes minutes"]
            fn $name() {
                check(stringify!($name));
            })*
        };
    }

    checked! {
        queues buffers maps two_maps images host_pointers sizes programs kernel_args errors_objects errors_commands
        callbacks user_events printf sub_devices native_kernel finish_in_thread behind_user_event eight_queues
        read_then_write leak dlclose fork enumerate corners
    }

    fn check(name: &str) {
        let program = Program::compile(name);
        let suppressions = format!("--suppressions={}", places::source("sanitizers/memcheck.supp").display());
        // What a child of fork has lost is looked for where nothing is mapped.
        let leaks = if loses(name) { "no" } else { "full" };
        let run = Run::new(places::tool("valgrind", "valgrind"));
        let run = run.arguments(&["-q", "--error-exitcode=99", "--errors-for-leak-kinds=definite"]);
        let run = run.arguments(&["--show-leak-kinds=definite", &format!("--leak-check={leaks}"), &suppressions]);
        // All of the arena is searched.
        let run = run.arguments(&[program.path()]).variable("REMORAD_ARENA", "64MiB");
        let run = run.limit(Duration::from_secs(300));
        for link in Link::ALL {
            let outcome = run.remoted(link);
            assert!(outcome.status.success(), "on {}: {}", link.name(), outcome.describe());
        }
    }
}
