//! Compilers and kernels that crash, and a compiler that never ends, take their own session with them: the program gets
//! errors, others notice nothing. Natively the program itself dies.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use remora_testkit::fault::Working;
use remora_testkit::processes::{self, wait_until};
use remora_testkit::{Broker, Link, Outcome, Program, Run, places};

const LOST: &str = "CL_DEVICE_NOT_AVAILABLE";
/// "Within a second", with room for a busy machine.
const SOON: Duration = Duration::from_secs(3);

/// What each mode of programs/crash.c says once its session is gone.
fn expected(mode: &str) -> String {
    let said = match mode {
        "compiler" => format!("build: {LOST}\nstatus: CL_BUILD_ERROR\n"),
        "callback" => "build: CL_SUCCESS\nstatus: CL_BUILD_ERROR\n".to_owned(),
        "endless" => "build: CL_SUCCESS\nread: CL_SUCCESS\nready\nstatus: CL_BUILD_ERROR\n".to_owned(),
        _ => format!("{mode}: {LOST}\ncallback: {LOST}\nevent: {LOST}\nafter: {LOST}\n"),
    };
    format!("{said}finish: {LOST}\nagain: 42\n")
}

/// The callback comes when it comes: its line may be before or after that of the call that waits.
fn assert_said(outcome: &Outcome, mode: &str) {
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert!(outcome.status.success() && !outcome.timed_out, "{mode}: {}", outcome.describe());
    assert_eq!(sorted(&outcome.text()), sorted(&expected(mode)), "{mode}: {}", outcome.describe());
}

#[test]
fn a_crash_is_an_error_and_the_end_of_one_session_only() {
    for link in Link::ALL {
        let broker = Broker::start();
        let mut other = Working::start(&broker, link, "kernel");
        for mode in ["compiler", "callback", "finish", "wait", "read", "map"] {
            let run = Program::compile("crash").run(&[mode]);
            let native = run.native();
            assert!(native.status.signal().is_some() && !native.timed_out, "{mode}: {}", native.describe());
            assert_said(&run.through(&broker, link), mode);
        }
        assert!(broker.log().contains("signal"), "the broker's log doesn't tell of crashes:\n{}", broker.log());
        assert!(other.runs(), "the other session's program has ended");
        let _ = other.die();
        broker.assert_clean();
    }
}

#[test]
fn a_compiler_that_never_ends_ends_with_its_session() {
    for link in Link::ALL {
        let broker = Broker::start();
        let mut running = Program::compile("crash").run(&["endless"]).start_through(&broker, link);
        running.wait_for_text("ready");
        let program = running.processes("crash")[0];
        let session = broker.wait_for_session(program);
        // Others build meanwhile.
        let other = Program::compile("contents").run(&[]).through(&broker, link).good();
        assert!(other.text().ends_with("\n1060\n"), "{}", other.describe());
        assert!(processes::runs(session.worker_pid), "the compiler has ended after all:\n{}", broker.log());
        let number = session.session.to_string();
        let _ = Run::new(places::built("remora")).arguments(&["kill", "--to", broker.url(), &number]).native().good();
        assert_said(&running.finish(), "endless");
        broker.assert_clean();
    }
}

/// Nobody waits for the compiler of a program that is gone.
#[test]
fn a_compiler_that_never_ends_ends_with_its_program() {
    for link in Link::ALL {
        let broker = Broker::start();
        let mut running = Program::compile("crash").run(&["endless"]).start_through(&broker, link);
        running.wait_for_text("ready");
        let program = running.processes("crash")[0];
        let worker = broker.wait_for_session(program).worker_pid;
        processes::signal(program, rustix::process::Signal::KILL);
        assert!(wait_until(SOON, || !processes::runs(worker)), "the worker {worker} lives on:\n{}", broker.log());
        broker.assert_clean();
    }
}
