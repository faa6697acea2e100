//! What a peer that breaks the rules can do: nothing but lose the link.
#![cfg(not(loom))]
#![allow(missing_docs)]

mod common;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::{frame, frame_with, layout, pair, watched};
use proptest::prelude::*;
use remora_link::{Closed, Lane, Link, Receiver, Side, create_memory};
use remora_protocol::Bulk;

/// A worker's link whose memory the test writes as a hostile client would, and the socket's other end.
fn worker_and_memory() -> (Link, OwnedFd, UnixStream) {
    let (rings, arena) = create_memory(&layout()).unwrap();
    let hostile = rings.try_clone().unwrap();
    let (socket, other) = UnixStream::pair().unwrap();
    (Link::memfd(Side::Worker, layout(), rings, arena, socket.into(), None).unwrap(), hostile, other)
}

fn write_word(memory: &OwnedFd, at: u64, word: u64) {
    assert_eq!(rustix::io::pwrite(memory, &word.to_ne_bytes(), at).unwrap(), 8);
}

// Of the first lane, commands of stream 0; its data is behind the header's page. The header of replies comes after it.
const TAIL: u64 = 0;
const DATA: u64 = 4096;
const REPLIES: u64 = 4096 + (16 << 10);
const HEAD_OF_REPLIES: u64 = REPLIES + 128;
const BELL_OF_COMMANDS: u64 = 384;

#[test]
fn a_tail_that_can_not_be_closes_the_link() {
    for tail in [3, u64::MAX - 7, (16 << 10) + 8] {
        let (worker, memory, _socket) = worker_and_memory();
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        write_word(&memory, TAIL, tail);
        assert_eq!(receiver.try_recv(&mut Vec::new()), Err(Closed));
        assert!(worker.is_closed());
        assert_eq!(receiver.recv(&mut Vec::new()), Err(Closed));
    }
}

#[test]
fn a_record_that_can_not_be_closes_the_link() {
    let pad = 2 << 32;
    let more = 1 << 32;
    for record in [u64::MAX, 4096, 65, more | 4090, 4 << 32, more, pad | 100] {
        let (worker, memory, _socket) = worker_and_memory();
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        write_word(&memory, DATA, record);
        write_word(&memory, TAIL, 64);
        assert_eq!(receiver.try_recv(&mut Vec::new()), Err(Closed), "{record:x}");
        assert!(worker.is_closed());
    }
}

#[test]
fn a_head_that_can_not_be_closes_the_link() {
    for head in [u64::MAX - 7, 1 << 20, 12] {
        let (worker, memory, _socket) = worker_and_memory();
        let mut sender = worker.sender(Lane::Replies(0)).unwrap();
        sender.send(&frame(1, 900)).unwrap();
        write_word(&memory, HEAD_OF_REPLIES, head);
        let mut result = Ok(());
        for position in 2..10 {
            result = result.and_then(|()| sender.send(&frame(position, 900)));
        }
        assert_eq!(result, Err(Closed), "{head:x}");
        assert!(worker.is_closed());
    }
}

#[test]
fn a_parked_sender_sees_a_head_that_can_not_be() {
    let (worker, memory, _socket) = worker_and_memory();
    let mut sender = worker.sender(Lane::Replies(0)).unwrap();
    let sending = watched(move || (1..100).try_for_each(|position| sender.send(&frame(position, 900))));
    assert!(sending.still_runs());
    write_word(&memory, HEAD_OF_REPLIES, 1 << 40);
    // The hostile side does not ring. It does when somebody closes.
    assert!(sending.still_runs());
    worker.close();
    assert_eq!(sending.join(), Err(Closed));
}

#[test]
fn closing_wakes_sleepers_though_the_peer_plays_with_their_bells() {
    let (worker, memory, _socket) = worker_and_memory();
    let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
    let receiving = watched(move || receiver.recv(&mut Vec::new()));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let hostile = watched(move || {
        while stopped.try_recv().is_err() {
            for bell in [1, 0, 7, 1] {
                write_word(&memory, BELL_OF_COMMANDS, bell);
            }
        }
    });
    assert!(receiving.still_runs());
    worker.close();
    assert_eq!(receiving.join(), Err(Closed));
    stop.send(()).unwrap();
    hostile.join();
}

#[test]
fn an_endless_supply_of_frames_does_not_keep_a_closed_link_alive() {
    let (client, worker) = pair(common::Kind::Memfd, layout());
    let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
    let mut sender = client.sender(Lane::Commands(0)).unwrap();
    let mut sent = 0;
    // The client's own link is not closed at once: that takes its watcher a moment, so it goes on sending.
    sender.send(&frame(1, 100)).unwrap();
    worker.close();
    while sender.send(&frame(2, 100)).is_ok() && sent < 50 {
        sent += 1;
    }
    let mut bytes = Vec::new();
    let mut received = 0;
    while receiver.try_recv(&mut bytes) == Ok(true) {
        received += 1;
        let _ = sender.send(&frame(3, 100));
    }
    assert!(received >= 1 && received <= sent + 2);
    assert_eq!(receiver.try_recv(&mut bytes), Err(Closed));
}

/// A worker's stream link, and a socket to say anything to it.
fn worker_and_socket() -> (Link, UnixStream) {
    let (socket, other) = UnixStream::pair().unwrap();
    other.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    (Link::stream(Side::Worker, layout(), socket.into(), None).unwrap(), other)
}

fn message(lane: u32, kind: u32, a: u64, b: u64, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend_from_slice(&lane.to_le_bytes());
    message.extend_from_slice(&kind.to_le_bytes());
    message.extend_from_slice(&a.to_le_bytes());
    message.extend_from_slice(&b.to_le_bytes());
    message.extend_from_slice(bytes);
    message
}

const RECORD: u32 = 1;
const PART: u32 = 2;
const ACK: u32 = 3;
const BULK: u32 = 4;

fn closes(receiver: &mut Receiver) -> bool {
    let mut bytes = Vec::new();
    for _ in 0..3000 {
        if receiver.recv(&mut bytes).is_err() {
            return true;
        }
    }
    false
}

#[test]
fn messages_that_can_not_be_close_a_stream_link() {
    let arena = layout().arena;
    let plain = frame(1, 50);
    let with_bulk = frame_with(1, 50, Some(Bulk { offset: 4096, length: 10 }));
    let outside = frame_with(1, 50, Some(Bulk { offset: arena - 5, length: 10 }));
    let record = |bytes: &[u8]| message(0, RECORD, bytes.len() as u64, 0, bytes);
    let bulk = |offset, bytes: &[u8]| message(0, BULK, offset, bytes.len() as u64, bytes);
    let bad = [
        ("a kind that there is not", message(0, 9, 0, 0, &[])),
        ("a lane that there is not", message(17, RECORD, 0, 0, &[])),
        ("a lane that there is not", message(u32::MAX, ACK, 0, 0, &[])),
        ("a lane of the other side", message(1, RECORD, 50, 0, &plain)),
        ("notices from the client", message(16, RECORD, 50, 0, &plain)),
        ("a record that is too long", message(0, RECORD, 4089, 0, &[])),
        ("a record that is far too long", message(0, PART, u64::MAX, 0, &[])),
        ("a record with something else", message(0, RECORD, plain.len() as u64, 1, &plain)),
        ("a part with nothing", message(0, PART, 0, 0, &[])),
        ("more than the ring holds", message(0, PART, 4000, 0, &[7; 4000]).repeat(5)),
        ("an acknowledgement of nothing", message(1, ACK, 8, 0, &[])),
        ("an acknowledgement of what we send", message(0, ACK, 0, 0, &[])),
        ("bulk without end", message(0, BULK, 0, u64::MAX, &[])),
        ("bulk outside", message(0, BULK, arena - 1, 2, &[])),
        ("bulk that overflows", message(0, BULK, u64::MAX, 2, &[])),
        ("no bulk", message(0, BULK, 0, 0, &[])),
        ("bulk with a gap", [bulk(4096, &[1; 5]), bulk(4102, &[1; 4]), record(&with_bulk)].concat()),
        ("bulk elsewhere", [bulk(4097, &[1; 10]), record(&with_bulk)].concat()),
        ("too little bulk", [bulk(4096, &[1; 9]), record(&with_bulk)].concat()),
        ("too much bulk", [bulk(4096, &[1; 11]), record(&with_bulk)].concat()),
        ("no bulk with a frame that has some", record(&with_bulk)),
        ("bulk with a frame that has none", [bulk(4096, &[1; 10]), record(&plain)].concat()),
        ("a frame whose bulk is outside", record(&outside)),
        (
            "bulk within a frame",
            [message(0, PART, 60, 0, &plain[..60]), bulk(0, &[1; 10]), message(0, RECORD, 1, 0, &[1])].concat(),
        ),
    ];
    for (what, bytes) in bad {
        let (worker, mut socket) = worker_and_socket();
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        let receiving = watched(move || closes(&mut receiver));
        // It may be closed before all is written.
        let _ = socket.write_all(&bytes);
        if what == "more than the ring holds" {
            // A receiver that takes parts out makes room for them.
            socket.shutdown(std::net::Shutdown::Both).unwrap();
        }
        assert!(receiving.join(), "{what}");
        assert!(worker.is_closed(), "{what}");
    }
}

#[test]
fn more_than_the_ring_holds_closes_a_stream_link() {
    let (worker, mut socket) = worker_and_socket();
    let _ = socket.write_all(&message(0, PART, 4000, 0, &[7; 4000]).repeat(5));
    let mut rest = Vec::new();
    // The worker never took anything out, so it acknowledged nothing and then closed.
    let result = socket.read_to_end(&mut rest);
    assert!(result.is_ok() || result.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
    assert!(rest.is_empty());
    assert!(worker.is_closed());
}

#[test]
fn good_messages_byte_by_byte_are_understood() {
    let (worker, mut socket) = worker_and_socket();
    let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
    let with_bulk = frame_with(1, 50, Some(Bulk { offset: 4096, length: 10 }));
    let mut bytes = message(0, BULK, 4096, 4, b"abcd");
    bytes.extend(message(0, BULK, 4100, 6, b"efghij"));
    bytes.extend(message(0, PART, 60, 0, &with_bulk[..60]));
    bytes.extend(message(0, RECORD, with_bulk.len() as u64 - 60, 0, &with_bulk[60..]));
    bytes.extend(message(0, RECORD, 0, 0, &[]));
    let sending = watched(move || {
        for byte in bytes {
            socket.write_all(&[byte]).unwrap();
        }
        socket
    });
    let mut frame = Vec::new();
    receiver.recv(&mut frame).unwrap();
    assert_eq!(frame, with_bulk);
    let mut bulk = [0; 10];
    assert!(worker.arena().read(4096, &mut bulk));
    assert_eq!(&bulk, b"abcdefghij");
    receiver.recv_parked(&mut frame).unwrap();
    assert!(frame.is_empty());
    drop(sending.join());
    assert_eq!(receiver.recv(&mut frame), Err(Closed));
}

#[test]
fn bulk_outside_of_the_arena_is_not_sent() {
    let (client, worker) = pair(common::Kind::Stream, layout());
    let mut sender = client.sender(Lane::Commands(0)).unwrap();
    let bulk = Some(Bulk { offset: 8, length: layout().arena });
    assert_eq!(sender.send(&frame_with(1, 10, bulk)), Err(Closed));
    assert!(client.is_closed());
    let mut receiver = worker.receiver(Lane::Commands(1));
    if let Ok(receiver) = &mut receiver {
        assert_eq!(receiver.recv(&mut Vec::new()), Err(Closed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_messages_end_well(messages in prop::collection::vec(
        (0u32..20, 0u32..6, 0u64..6000, 0u64..6000, 0usize..5000), 0..20))
    {
        let (worker, mut socket) = worker_and_socket();
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        let receiving = watched(move || closes(&mut receiver));
        for (lane, kind, a, b, length) in messages {
            // Nothing reads what the worker answers, but it never sends so much that it would have to wait.
            if socket.write_all(&message(lane, kind, a, b, &vec![0; length])).is_err() {
                break;
            }
        }
        drop(socket);
        prop_assert!(receiving.join());
    }

    #[test]
    fn any_memory_ends_well(words in prop::collection::vec((0u64..2048, 0u64..1 << 34), 0..40), tail in 0u64..2100) {
        let (worker, memory, socket) = worker_and_memory();
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        for (at, word) in words {
            write_word(&memory, DATA + at * 8, word);
        }
        write_word(&memory, TAIL, tail * 8);
        drop(socket);
        let receiving = watched(move || closes(&mut receiver));
        prop_assert!(receiving.join());
    }
}
