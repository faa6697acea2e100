//! How links end: closed, dropped, or by the death of a process.
#![cfg(not(loom))]
#![allow(missing_docs)]

mod common;

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use common::{KINDS, Kind, frame, layout, pair, watched};
use remora_link::{Closed, Lane, Link, Side, Url, create_memory, handshake};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, waitpid};

#[test]
fn closing_wakes_everybody_on_both_sides() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut threads = Vec::new();
        for stream in 0..3 {
            let mut receiver = worker.receiver(Lane::Commands(stream)).unwrap();
            threads.push(watched(move || receiver.recv(&mut Vec::new())));
            let mut receiver = client.receiver(Lane::Replies(stream)).unwrap();
            threads.push(watched(move || receiver.recv_parked(&mut Vec::new())));
            let mut sender = client.sender(Lane::Commands(stream + 3)).unwrap();
            threads.push(watched(move || (1..1000).try_for_each(|position| sender.send(&frame(position, 900)))));
        }
        assert!(threads.iter().all(common::Watched::still_runs));
        let start = Instant::now();
        client.close();
        client.close();
        for thread in threads {
            assert_eq!(thread.join(), Err(Closed));
        }
        assert!(start.elapsed() < Duration::from_millis(500), "{kind:?}: {:?}", start.elapsed());
        assert!(worker.is_closed());
    }
}

#[test]
fn frames_that_were_sent_before_the_end_arrive() {
    for kind in KINDS {
        for round in 0..20 {
            let (client, worker) = pair(kind, layout());
            let mut sender = worker.sender(Lane::Notices).unwrap();
            for position in 1..=10 {
                sender.send(&frame(position, 1000)).unwrap();
            }
            if round % 2 == 0 {
                worker.close();
            }
            drop((sender, worker));
            let mut receiver = match client.receiver(Lane::Notices) {
                Ok(receiver) => receiver,
                // It may be closed already; then the lane can't be opened.
                Err(_) => continue,
            };
            let mut bytes = Vec::new();
            for position in 1..=10 {
                receiver.recv(&mut bytes).unwrap();
                assert_eq!(bytes, frame(position, 1000), "{kind:?}");
            }
            assert_eq!(receiver.recv(&mut bytes), Err(Closed));
            assert_eq!(receiver.try_recv(&mut bytes), Err(Closed));
        }
    }
}

#[test]
fn half_a_frame_does_not_arrive() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        let mut sender = client.sender(Lane::Commands(0)).unwrap();
        let sending = watched(move || sender.send(&frame(1, 100_000)));
        assert!(sending.still_runs());
        client.close();
        assert_eq!(sending.join(), Err(Closed));
        assert_eq!(receiver.recv(&mut Vec::new()), Err(Closed));
    }
}

#[test]
fn hooks_run_once() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let (tell, told) = mpsc::channel();
        let count = Arc::new(AtomicU32::new(0));
        for link in [&client, &worker] {
            let (tell, count) = (tell.clone(), Arc::clone(&count));
            link.on_close(Box::new(move || {
                count.fetch_add(1, Ordering::SeqCst);
                tell.send(()).unwrap();
            }));
        }
        worker.close();
        for _ in 0..2 {
            told.recv_timeout(Duration::from_secs(5)).unwrap();
        }
        client.close();
        let (tell, told) = mpsc::channel();
        client.on_close(Box::new(move || tell.send(()).unwrap()));
        told.try_recv().unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn dropping_the_last_user_closes_and_ends_all_threads() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let sender = client.sender(Lane::Commands(0)).unwrap();
        let second = client.clone();
        drop(client);
        drop(second);
        std::thread::sleep(Duration::from_millis(20));
        assert!(!worker.is_closed(), "the sender holds the link");
        let (tell, told) = mpsc::channel();
        worker.on_close(Box::new(move || tell.send(()).unwrap()));
        drop(sender);
        told.recv_timeout(Duration::from_secs(5)).unwrap();
    }
}

#[test]
fn the_socket_of_a_fork_child_keeps_nothing_alive() {
    for kind in KINDS {
        let (a, b) = UnixStream::pair().unwrap();
        let kept_by_child = a.try_clone().unwrap();
        let (client, worker) = match kind {
            Kind::Memfd => {
                let (rings, arena) = create_memory(&layout()).unwrap();
                let copies = (rings.try_clone().unwrap(), arena.try_clone().unwrap());
                let client = Link::memfd(Side::Client, layout(), rings, arena, a.into(), None).unwrap();
                (client, Link::memfd(Side::Worker, layout(), copies.0, copies.1, b.into(), None).unwrap())
            }
            Kind::Stream => {
                let client = Link::stream(Side::Client, layout(), a.into(), None).unwrap();
                (client, Link::stream(Side::Worker, layout(), b.into(), None).unwrap())
            }
        };
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        let receiving = watched(move || receiver.recv(&mut Vec::new()));
        drop(client);
        assert_eq!(receiving.join(), Err(Closed));
        drop(kept_by_child);
    }
}

// What follows has a second process: this program again, with only `second_process` to run.

const SOCKET: &str = "REMORA_LINK_TEST_SOCKET";
const KIND: &str = "REMORA_LINK_TEST_KIND";

/// Not a test of its own: the worker's side of those below. Answers commands of stream 0 until the link is closed.
#[test]
fn second_process() {
    let Ok(path) = std::env::var(SOCKET) else { return };
    let socket = handshake::connect(&Url::parse(&format!("unix:{path}")).unwrap()).unwrap();
    let link = if std::env::var(KIND).unwrap() == "Memfd" {
        let (_, fds) = handshake::recv_message(&socket, Instant::now() + Duration::from_secs(5)).unwrap();
        let [rings, arena] = <[OwnedFd; 2]>::try_from(fds).unwrap();
        Link::memfd(Side::Worker, layout(), rings, arena, socket.into(), None).unwrap()
    } else {
        Link::stream(Side::Worker, layout(), socket.into(), None).unwrap()
    };
    let mut commands = link.receiver(Lane::Commands(0)).unwrap();
    let mut replies = link.sender(Lane::Replies(0)).unwrap();
    let mut bytes = Vec::new();
    while commands.recv(&mut bytes).is_ok() && replies.send(&bytes).is_ok() {}
}

/// A link to a second process.
fn link_to_process(kind: Kind, with_pidfd: bool) -> (Link, Child) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "second_process", "--test-threads=1", "--quiet"])
        .env(SOCKET, &path)
        .env(KIND, format!("{kind:?}"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (socket, _) = listener.accept().unwrap();
    let pid = Pid::from_child(&child);
    let pidfd = with_pidfd.then(|| rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap());
    let link = match kind {
        Kind::Memfd => {
            let (rings, arena) = create_memory(&layout()).unwrap();
            handshake::send_message(&socket, &0u32, &[rings.as_fd(), arena.as_fd()]).unwrap();
            Link::memfd(Side::Client, layout(), rings, arena, socket.into(), pidfd).unwrap()
        }
        Kind::Stream => Link::stream(Side::Client, layout(), socket.into(), pidfd).unwrap(),
    };
    (link, child)
}

#[test]
fn a_killed_process_is_noticed() {
    for kind in KINDS {
        for with_pidfd in [false, true] {
            let (link, mut child) = link_to_process(kind, with_pidfd);
            let mut sender = link.sender(Lane::Commands(0)).unwrap();
            let mut receiver = link.receiver(Lane::Replies(0)).unwrap();
            let mut bytes = Vec::new();
            for position in 1..=200 {
                sender.send(&frame(position, 100)).unwrap();
                receiver.recv(&mut bytes).unwrap();
                assert_eq!(bytes, frame(position, 100));
            }
            let receiving = watched(move || receiver.recv(&mut Vec::new()));
            assert!(receiving.still_runs());
            let start = Instant::now();
            child.kill().unwrap();
            assert_eq!(receiving.join(), Err(Closed));
            assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
            assert_eq!(sender.send(&frame(1, 1)), Err(Closed));
            child.wait().unwrap();
        }
    }
}

#[test]
fn a_stopped_process_is_not_a_dead_one() {
    for kind in KINDS {
        let (link, mut child) = link_to_process(kind, true);
        let mut sender = link.sender(Lane::Commands(0)).unwrap();
        let mut receiver = link.receiver(Lane::Replies(0)).unwrap();
        let mut bytes = Vec::new();
        sender.send(&frame(1, 100)).unwrap();
        receiver.recv(&mut bytes).unwrap();
        rustix::process::kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
        // It takes a moment until all of its threads stand still.
        waitpid(Some(Pid::from_child(&child)), WaitOptions::UNTRACED).unwrap();
        sender.send(&frame(2, 100)).unwrap();
        let receiving = watched(move || receiver.recv(&mut bytes).map(|()| bytes));
        assert!(receiving.still_runs());
        rustix::process::kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
        assert_eq!(receiving.join(), Ok(frame(2, 100)));
        drop((sender, link));
        // Nobody uses the link any more, so the other process sees its end and ends.
        child.wait().unwrap();
    }
}

#[test]
fn an_idle_link_uses_no_processor() {
    for kind in KINDS {
        let (link, mut child) = link_to_process(kind, true);
        let mut sender = link.sender(Lane::Commands(0)).unwrap();
        let mut receiver = link.receiver(Lane::Replies(0)).unwrap();
        let mut bytes = Vec::new();
        sender.send(&frame(1, 100)).unwrap();
        receiver.recv(&mut bytes).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let switches = || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
            tasks
                .map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap())
                .flat_map(|status| {
                    let lines: Vec<_> =
                        status.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect();
                    lines
                })
                .map(|line| line.split_whitespace().last().unwrap().parse::<u64>().unwrap())
                .sum::<u64>()
        };
        let before = switches();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(switches(), before, "{kind:?}: a thread of the idle process has run");
        drop((sender, receiver, link));
        child.wait().unwrap();
    }
}
