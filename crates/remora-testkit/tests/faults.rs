//! What happens when somebody is killed: errors for who loses its back-end, nothing for the others, and nothing left.

use std::os::unix::fs::FileTypeExt;
use std::time::Duration;

use remora_testkit::fault::{WORK, Working};
use remora_testkit::processes::{self, wait_until};
use remora_testkit::{Broker, Link, Outcome, Program, Run, places};

/// "Within a second", with room for a busy machine.
const SOON: Duration = Duration::from_secs(3);

/// The program got an error and then an answer to everything else that it called.
fn assert_lost(outcome: &Outcome, took: Duration, work: &str) {
    assert!(outcome.status.success() && !outcome.timed_out, "{work}: {}", outcome.describe());
    let text = outcome.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() == 3 && lines[2] == "end", "{work}: {}", outcome.describe());
    assert!(lines[1].starts_with("CL_") && lines[1] != "CL_SUCCESS", "{work}: {}", outcome.describe());
    if matches!(work, "transfer" | "kernel" | "idle") {
        assert_eq!(lines[1], "CL_DEVICE_NOT_AVAILABLE", "{work}");
    }
    assert!(took < SOON, "{work}: the program went on for {took:?}");
}

#[test]
fn the_worker_is_killed() {
    for link in Link::ALL {
        let broker = Broker::start();
        // Another session that must notice nothing.
        let mut other = Working::start(&broker, link, "wait");
        for work in WORK {
            let working = Working::start(&broker, link, work);
            assert_ne!(working.session.worker_pid, other.session.worker_pid);
            let (outcome, took) = working.lose_worker();
            assert_lost(&outcome, took, work);
        }
        assert!(other.runs(), "the other session's program has ended");
        let _ = other.die();
        broker.assert_clean();
    }
}

#[test]
fn the_program_is_killed() {
    for link in Link::ALL {
        let broker = Broker::start();
        let mut other = Working::start(&broker, link, "kernel");
        for work in WORK {
            let took = Working::start(&broker, link, work).die();
            assert!(took < SOON, "{work}: the worker went on for {took:?}");
        }
        assert!(other.runs(), "the other session's program has ended");
        let _ = other.die();
        broker.assert_clean();
    }
}

/// `remora kill` ends one session as if its worker had died.
#[test]
fn a_session_is_ended() {
    let broker = Broker::start();
    let working = Working::start(&broker, Link::Memfd, "transfer");
    let number = working.session.session.to_string();
    let _ = Run::new(places::built("remora")).arguments(&["kill", "--to", broker.url(), &number]).native().good();
    let outcome = working.finish();
    assert!(outcome.text().contains("CL_DEVICE_NOT_AVAILABLE"), "{}", outcome.describe());
    broker.assert_clean();
}

/// Running sessions go on and end with their programs; new ones get an error; the next broker takes the socket over.
#[test]
fn the_broker_is_killed() {
    let broker = Broker::start();
    let url = broker.url().to_owned();
    let mark = broker.mark().to_owned();
    let mut working = Working::start(&broker, Link::Memfd, "kernel");
    let waiting = Working::start(&broker, Link::Stream, "wait");
    let (directory, socket) = broker.kill();
    std::thread::sleep(Duration::from_millis(300));
    assert!(working.runs(), "the program ended with the broker");
    assert!(processes::runs(working.session.worker_pid), "the worker ended with the broker");
    assert!(socket.metadata().is_ok_and(|data| data.file_type().is_socket()), "the socket file is gone");

    let newcomer = Program::compile("enumerate").run(&[]).start_to(&url, Link::Memfd).finish();
    assert!(!newcomer.timed_out && !newcomer.status.success(), "{}", newcomer.describe());
    assert!(newcomer.complaints().contains("remora"), "there is no message: {}", newcomer.describe());

    let next = Broker::start_at(socket, &[], &[], directory);
    let outcome = Program::compile("enumerate").run(&[]).through(&next, Link::Memfd).good();
    assert!(!outcome.text().starts_with('0'), "{}", outcome.describe());
    for session in [working, waiting] {
        let took = session.die();
        assert!(took < SOON, "a worker of the dead broker went on for {took:?}");
    }
    assert!(wait_until(SOON, || processes::marked(&mark).is_empty()), "processes of the dead broker are left");
    next.assert_clean();
}

/// A private broker and everything of it end with `remora run`, however that ends.
#[test]
fn remora_run_is_killed() {
    let run = Program::compile("loss").run(&["transfer"]);
    let mut running = run.start_remoted(Link::Memfd);
    running.wait_for_text("ready");
    let brokers = running.processes("remorad");
    assert_eq!(brokers.len(), 1, "one private broker");
    processes::signal(running.pid(), rustix::process::Signal::KILL);
    let gone = wait_until(SOON, || !processes::runs(brokers[0]) && running.processes("remora-worker").is_empty());
    assert!(gone, "the private broker or a worker lives on");
    let mark = running.mark().to_owned();
    // The program itself has lost its device, and ends with that.
    assert!(wait_until(SOON, || processes::marked(&mark).is_empty()), "something is left");
}

/// Many sessions that die at once, in the middle of it.
#[test]
fn many_die_at_once() {
    let broker = Broker::start();
    let all: Vec<Working> =
        (0..6).map(|index| Working::start(&broker, Link::ALL[index % 2], WORK[index % WORK.len()])).collect();
    for working in all {
        let _ = working.die();
    }
    broker.assert_clean();
}
