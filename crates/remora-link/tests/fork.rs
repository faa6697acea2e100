//! A fork child of a process with links: it can drop them and have its own, and its parent notices nothing.
#![cfg(not(loom))]
#![allow(missing_docs)]

mod common;

use common::{KINDS, frame, layout, pair, watched};
use remora_link::{Lane, Link};

/// Questions and answers between two threads.
fn exchange(client: &Link, worker: &Link) {
    let mut commands = worker.receiver(Lane::Commands(0)).unwrap();
    let mut replies = worker.sender(Lane::Replies(0)).unwrap();
    let answering = watched(move || {
        let mut bytes = Vec::new();
        for _ in 0..50 {
            commands.recv(&mut bytes).unwrap();
            replies.send(&bytes).unwrap();
        }
    });
    let mut commands = client.sender(Lane::Commands(0)).unwrap();
    let mut replies = client.receiver(Lane::Replies(0)).unwrap();
    let mut bytes = Vec::new();
    for position in 1..=50 {
        commands.send(&frame(position, 500)).unwrap();
        replies.recv(&mut bytes).unwrap();
        assert_eq!(bytes, frame(position, 500));
    }
    answering.join();
}

/// Runs `child` in a fork child and gives its exit status: 0 if it returned.
fn in_fork_child(child: impl FnOnce()) -> i32 {
    // SAFETY: the child only runs `child`, which this file's only test made to need nothing of the threads that it does not
    // have, and never returns to its caller.
    match unsafe { libc::fork() } {
        0 => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            // SAFETY: ends the process without running anything of the parent's.
            unsafe { libc::_exit(i32::from(result.is_err())) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: waits for the child just made; there is room for its status.
            assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
            status
        }
    }
}

#[test]
fn a_fork_child_disturbs_nothing() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        exchange(&client, &worker);
        let sender = client.sender(Lane::Commands(1)).unwrap();
        let pointer = client.arena().pointer(0, 1).unwrap();
        let status = in_fork_child(|| {
            assert_ne!(client.owner_pid(), std::process::id());
            // The memory is not there.
            let page = pointer.as_ptr() as usize;
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let is_mapped = maps.lines().any(|line| {
                let range = line.split_whitespace().next().unwrap().split_once('-').unwrap();
                let parse = |text| usize::from_str_radix(text, 16).unwrap();
                (parse(range.0)..parse(range.1)).contains(&page)
            });
            assert!(!is_mapped);
            drop((sender, client.clone(), worker.clone()));
            client.close();
            worker.close();
            let (client, worker) = pair(kind, layout());
            exchange(&client, &worker);
        });
        assert_eq!(status, 0, "{kind:?}");
        assert!(!client.is_closed() && !worker.is_closed());
        exchange(&client, &worker);
    }
}
