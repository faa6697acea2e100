//! How a broker starts and ends, and what becomes of its socket and its workers.

mod common;

use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use common::*;
use remora_protocol::hello::*;
use tempfile::TempDir;

/// Runs a broker that is expected to fail, and returns what it says.
fn failure(workshop: &TempDir, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remorad"));
    command.args(arguments).env("REMORA_WORKER", workshop.path().join("worker")).env_remove("REMORA_LOG");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_killed_brokers_socket_is_taken_over_and_its_workers_go_on() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let mut first = Broker::start(&workshop, &[]);
    let client = first.program();
    let session = client.open();
    first.signal(libc::SIGKILL);
    first.ended();
    assert!(first.socket.exists());

    let second = Broker::start(&workshop, &[]);
    second.await_log("taking over");
    second.program().open();
    assert!(!session.has_ended());
    drop(client);
    eventually("the first broker's worker ends with its program", || session.has_ended());
}

#[test]
fn a_live_broker_is_left_alone() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let message = failure(&workshop, &["--listen", &format!("unix:{}", broker.socket.display())]);
    let who = format!("already served by remorad (process {}", broker.child.id());
    assert!(message.contains(&who), "{message}");
    broker.program();
}

#[test]
fn mistakes_are_named() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let file = workshop.path().join("file");
    std::fs::write(&file, "[unix]\n\nlisten = 1\n").unwrap();
    let message = failure(&workshop, &["--listen", &format!("unix:{}", file.display())]);
    assert!(message.contains("not a socket"), "{message}");
    let message = failure(&workshop, &["--config", file.to_str().unwrap()]);
    assert!(message.contains("line 3") && message.contains("unknown field `listen`"), "{message}");
    let message = failure(&workshop, &["--listen", "carrier-pigeon:/x"]);
    assert!(message.contains("carrier-pigeon"), "{message}");
    let message = failure(&workshop, &["--private", "--ready-fd", "77"]);
    assert!(message.contains("--ready-fd 77"), "{message}");
    std::fs::remove_file(workshop.path().join("worker")).unwrap();
    let message = failure(&workshop, &[]);
    assert!(message.contains("REMORA_WORKER"), "{message}");
}

#[test]
fn a_broker_that_is_told_to_end_leaves_workers_to_their_programs() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let mut broker = Broker::start(&workshop, &[]);
    let client = broker.program();
    let session = client.open();
    broker.signal(libc::SIGTERM);
    assert!(broker.ended().success());
    assert!(!broker.socket.exists());
    assert!(!session.has_ended());
    drop(client);
    eventually("the worker ends with its program", || session.has_ended());
}

#[test]
fn a_private_broker_takes_its_workers_along() {
    // One ends when asked, and one does not.
    for session in [GOOD_SESSION, "trap '' TERM; cat <&$socket >/dev/null; sleep 1000"] {
        let workshop = workshop(GOOD_PROBE, session);
        let mut broker = Broker::start(&workshop, &["--private"]);
        let client = broker.program();
        let session = client.open();
        eventually("the worker starts", || workshop.path().join("arguments").exists());
        // Whoever started it is gone.
        broker.ready = None;
        assert!(broker.ended().success());
        assert!(session.has_ended());
        assert!(!broker.socket.exists());
    }
}

#[test]
fn a_private_broker_ends_with_its_parent() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let scratch = workshop.path().join("scratch");
    let socket = scratch.join("socket");
    let mut parent = Command::new("sh")
        .args(["-c", "\"$1\" --private --listen \"unix:$2\" --scratch \"$3\" & echo; wait", "sh"])
        .arg(env!("CARGO_BIN_EXE_remorad"))
        .args([&socket, &scratch])
        .env("REMORA_WORKER", workshop.path().join("worker"))
        .spawn()
        .unwrap();
    eventually("the broker listens", || UnixStream::connect(&socket).is_ok());
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("the broker's directory goes", || !scratch.exists());
}

#[test]
fn without_a_driver_programs_are_told_why() {
    let workshop = workshop("echo starting >&2; echo 'no platform found: install a driver' >&2; exit 1", GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let (reason, message) = refusal(broker.connect().ask(&hello()));
    assert_eq!(reason, Reason::NoDriver);
    assert!(message.contains("no platform found: install a driver") && !message.contains("starting"), "{message}");
    // An administrator may look all the same.
    let status = broker.status();
    assert!(status["facts"]["problem"].as_str().unwrap().contains("no platform found"));
    assert_eq!(status["facts"]["platforms"], serde_json::json!([]));
}

#[test]
fn probes_that_crash_or_babble_are_told_apart() {
    for (probe, word) in
        [("kill -SEGV $$", "SIGSEGV"), ("echo nonsense", "does not fit this broker"), ("", "does not fit")]
    {
        let workshop = workshop(probe, GOOD_SESSION);
        let broker = Broker::start(&workshop, &[]);
        let (reason, message) = refusal(broker.connect().ask(&hello()));
        assert_eq!(reason, Reason::NoDriver);
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_driver_that_appears_later_is_found() {
    let probe = format!("[ -e \"$here/driver\" ] || exit 1; {GOOD_PROBE}");
    let workshop = workshop(&probe, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    assert_eq!(refusal(broker.connect().ask(&hello())).0, Reason::NoDriver);
    std::fs::write(workshop.path().join("driver"), "").unwrap();
    eventually("the next probe", || matches!(broker.connect().ask(&hello()), Answer::Welcome { .. }));
}

#[test]
fn programs_wait_for_the_first_probe() {
    let probe = format!("while [ -e \"$here/facts\" -a ! -e \"$here/go\" ]; do sleep 0.01; done; {GOOD_PROBE}");
    let workshop = workshop(&probe, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let client = broker.connect();
    remora_link::handshake::send_message(&client.socket, &hello(), &[]).unwrap();
    let gone = broker.connect();
    remora_link::handshake::send_message(&gone.socket, &hello(), &[]).unwrap();
    drop(gone);
    assert_eq!(broker.status()["facts"]["platforms"], serde_json::json!([]));
    std::fs::write(workshop.path().join("go"), "").unwrap();
    assert!(matches!(client.answer().0, Answer::Welcome { .. }));
    client.open();
}
