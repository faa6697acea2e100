//! `remora run`.

mod common;

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use common::*;
use tempfile::TempDir;

fn run(workshop: &TempDir, command: &[&str]) -> (Option<i32>, String, String) {
    output(remora(workshop).args(["run", "--"]).args(command))
}

fn start(workshop: &TempDir, script: &str) -> Child {
    let mut command = remora(workshop);
    command.args(["run", "bash", "-c", script]).current_dir(workshop.path()).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    eventually("the program runs", || workshop.path().join("running").exists());
    child
}

fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: the child is ours and has not been waited for.
    unsafe { libc::kill(child.id().try_into().unwrap(), signal) };
}

#[test]
fn the_status_is_the_programs() {
    let workshop = workshop();
    for (script, status) in
        [("exit 0", 0), ("exit 7", 7), ("exit 125", 125), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
    {
        let (code, out, err) = run(&workshop, &["bash", "-c", script]);
        assert_eq!((code, out.as_str(), err.as_str()), (Some(status), "", ""), "{script}");
        assert_eq!(left_over(&workshop), [""; 0]);
    }
}

#[test]
fn the_program_is_led_to_the_front_end() {
    let workshop = workshop();
    let script = "echo $REMORA_TO; cat $OCL_ICD_VENDORS/remora.icd; echo $OCL_ICD_FILENAMES $REMORA_LINK; cat; \
                  exec \"$0\" status --json";
    let mut command = remora(&workshop);
    command.args(["run", "--link", "stream", "bash", "-c", script, REMORA]);
    command.env("OCL_ICD_FILENAMES", "/opt/other.so").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"input\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let out = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    let socket = lines[0].strip_prefix("unix:").unwrap();
    assert!(socket.starts_with(workshop.path().to_str().unwrap()), "{out}");
    assert_eq!(lines[1], workshop.path().join("libremora.so").to_str().unwrap());
    assert_eq!(lines[2], "stream");
    assert_eq!(lines[3], "input");
    let status: serde_json::Value = serde_json::from_str(lines[4]).unwrap();
    // The broker is gone, and what it and we made.
    let broker = status["pid"].as_u64().unwrap();
    assert!(!fs::exists(format!("/proc/{broker}")).unwrap());
    assert!(!fs::exists(socket).unwrap());
    assert_eq!(left_over(&workshop), [""; 0]);
}

#[test]
fn signals_are_passed_on() {
    let workshop = workshop();
    let mut child = start(&workshop, "trap 'exit 42' TERM; touch running; while [ -e running ]; do sleep 0.01; done");
    signal(&child, libc::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(42));
    assert_eq!(left_over(&workshop), [""; 0]);
}

#[test]
fn a_program_may_outlive_a_signal() {
    let workshop = workshop();
    let mut child = start(
        &workshop,
        "trap 'touch got' INT; touch running; while [ -e running -a ! -e go ]; do sleep 0.01; done; exit 3",
    );
    signal(&child, libc::SIGINT);
    eventually("the program gets the signal", || workshop.path().join("got").exists());
    assert!(child.try_wait().unwrap().is_none());
    fs::write(workshop.path().join("go"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn nothing_is_left_when_remora_itself_is_killed() {
    let workshop = workshop();
    let mut child =
        start(&workshop, "echo $$ >pid; touch running; while [ -e running -a ! -e go ]; do sleep 0.01; done");
    assert_eq!(left_over(&workshop).len(), 1);
    signal(&child, libc::SIGKILL);
    child.wait().unwrap();
    eventually("the broker cleans up", || left_over(&workshop).is_empty());
    // The program itself goes on until it notices.
    let program = fs::read_to_string(workshop.path().join("pid")).unwrap();
    assert!(fs::exists(format!("/proc/{}", program.trim())).unwrap());
    fs::remove_file(workshop.path().join("running")).unwrap();
    // Its output is ours: it ends before we do.
    eventually("the program ends", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", program.trim()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
}

#[test]
fn programs_that_cannot_be_run() {
    let workshop = workshop();
    let (code, _, err) = run(&workshop, &["no-such-program-anywhere"]);
    assert_eq!(code, Some(127));
    assert!(err.contains("no program no-such-program-anywhere"), "{err}");
    let text = workshop.path().join("facts");
    let (code, _, err) = run(&workshop, &[text.to_str().unwrap()]);
    assert_eq!(code, Some(126));
    assert!(err.contains("cannot run"), "{err}");
    assert_eq!(left_over(&workshop), [""; 0]);
}

#[test]
fn what_is_missing_is_named_and_nothing_is_left() {
    let workshop = workshop();
    for (variable, value) in
        [("REMORA_LIBRARY", "/no/lib"), ("REMORA_BROKER", "/no/broker"), ("REMORA_WORKER", "/no/worker")]
    {
        let (code, _, err) = output(remora(&workshop).args(["run", "true"]).env(variable, value));
        assert_eq!(code, Some(125));
        assert!(err.contains(variable) && err.contains(value), "{err}");
        assert_eq!(left_over(&workshop), [""; 0]);
    }
}

#[test]
fn without_a_driver_the_user_is_told() {
    let workshop = workshop();
    fs::write(workshop.path().join("worker.text"), "#!/bin/sh\necho no device anywhere >&2\nexit 1\n").unwrap();
    install(&workshop.path().join("worker.text"), &workshop.path().join("worker"));
    // The broker says so as soon as it knows; the program here lives until then.
    let log = workshop.path().join("log");
    let script = "until [ ! -e log ] || grep -q 'no device anywhere' log; do sleep 0.01; done";
    let mut command = remora(&workshop);
    command.args(["run", "bash", "-c", script]).current_dir(workshop.path());
    command.stderr(fs::File::create(&log).unwrap());
    assert_eq!(command.status().unwrap().code(), Some(0));
}

#[test]
fn a_back_end_that_is_not_there_is_said_before_the_program_runs() {
    let workshop = workshop();
    let mut command = remora(&workshop);
    command.args(["run", "--to", "unix:/no/such/socket", "touch"]).arg(workshop.path().join("ran"));
    let (code, _, err) = output(&mut command);
    assert_eq!(code, Some(125));
    assert!(err.contains("there is no socket /no/such/socket") && err.contains("--to"), "{err}");
    assert!(!workshop.path().join("ran").exists());
}

#[test]
fn a_program_can_use_a_broker_that_is_there() {
    let workshop = workshop();
    // The outer run's broker serves the inner one.
    let script = "outer=$REMORA_TO; \"$0\" run bash -c 'echo $REMORA_TO; exit 5'; echo $? $outer";
    let (code, out, _) = run(&workshop, &["bash", "-c", script, REMORA]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[1], format!("5 {}", lines[0]));
}

#[test]
fn static_programs_are_named() {
    let workshop = workshop();
    let source = workshop.path().join("main.c");
    fs::write(&source, "int main(void) { return 9; }\n").unwrap();
    let program = workshop.path().join("static");
    let built = Command::new("cc").arg("-static").arg(&source).arg("-o").arg(&program).output();
    if !built.is_ok_and(|built| built.status.success()) {
        return;
    }
    let (code, _, err) = run(&workshop, &[program.to_str().unwrap()]);
    assert_eq!(code, Some(9));
    assert!(err.contains("linked statically"), "{err}");
}
