//! Frames, on both kinds of link, between two sides in one process.
#![cfg(not(loom))]
#![allow(missing_docs)]

mod common;

use std::collections::VecDeque;

use common::{KINDS, Kind, body, frame, frame_with, layout, pair, watched};
use proptest::prelude::*;
use remora_link::{Closed, Lane, Layout, Link, LinkError, Side};
use remora_protocol::{Bulk, Frame};

#[test]
fn many_frames_of_all_sizes_arrive_in_order() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let sizes = |position: u64| (position as usize * 37) % 6000;
        let mut sender = client.sender(Lane::Commands(0)).unwrap();
        let sending = watched(move || {
            for position in 1..=3000 {
                sender.send(&frame(position, sizes(position))).unwrap();
            }
            sender
        });
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        let mut bytes = Vec::new();
        for position in 1..=3000 {
            if position % 2 == 0 { receiver.recv(&mut bytes) } else { receiver.recv_parked(&mut bytes) }.unwrap();
            assert_eq!(bytes, frame(position, sizes(position)), "{kind:?} {position}");
        }
        assert_eq!(receiver.try_recv(&mut bytes), Ok(false));
        sending.join();
    }
}

#[test]
fn large_frames_come_in_parts() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut sender = client.sender(Lane::Commands(1)).unwrap();
        let sending = watched(move || {
            for (position, length) in [(1, 5 << 20), (2, 0), (3, 4096), (4, 100_000)] {
                sender.send(&frame(position, length)).unwrap();
            }
            sender
        });
        let mut receiver = worker.receiver(Lane::Commands(1)).unwrap();
        let mut bytes = Vec::new();
        for (position, length) in [(1, 5 << 20), (2, 0), (3, 4096), (4, 100_000)] {
            receiver.recv(&mut bytes).unwrap();
            assert!(bytes == frame(position, length), "{kind:?} {position}");
        }
        sending.join();
    }
}

#[test]
fn questions_are_answered_on_all_lanes_at_once() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let threads: Vec<_> = (0..4)
            .flat_map(|stream| {
                let mut commands = worker.receiver(Lane::Commands(stream)).unwrap();
                let mut replies = worker.sender(Lane::Replies(stream)).unwrap();
                let answering = watched(move || {
                    let mut bytes = Vec::new();
                    for position in 1..=500 {
                        commands.recv(&mut bytes).unwrap();
                        commands.acknowledge(position);
                        replies.send(&bytes).unwrap();
                    }
                });
                let mut commands = client.sender(Lane::Commands(stream)).unwrap();
                let mut replies = client.receiver(Lane::Replies(stream)).unwrap();
                let asking = watched(move || {
                    let mut bytes = Vec::new();
                    for position in 1..=500 {
                        let question = frame(position, (position as usize * 13 + stream as usize) % 900);
                        commands.send(&question).unwrap();
                        replies.recv(&mut bytes).unwrap();
                        assert_eq!(bytes, question);
                        assert_eq!(commands.acknowledged(), position);
                    }
                });
                [answering, asking]
            })
            .collect();
        for thread in threads {
            thread.join();
        }
        drop((client, worker));
    }
}

#[test]
fn a_blocked_stream_does_not_block_the_others() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut blocked = client.sender(Lane::Commands(2)).unwrap();
        let sending = watched(move || (1..=200).try_for_each(|position| blocked.send(&frame(position, 3000))));
        assert!(sending.still_runs(), "200 frames don't fit");

        let mut sender = client.sender(Lane::Commands(3)).unwrap();
        let mut receiver = worker.receiver(Lane::Commands(3)).unwrap();
        let mut bytes = Vec::new();
        for position in 1..=500 {
            sender.send(&frame(position, 1000)).unwrap();
            receiver.recv(&mut bytes).unwrap();
            assert_eq!(bytes, frame(position, 1000));
        }
        assert!(sending.still_runs());
        let mut receiver = worker.receiver(Lane::Commands(2)).unwrap();
        for position in 1..=200 {
            receiver.recv(&mut bytes).unwrap();
            assert_eq!(bytes, frame(position, 3000));
        }
        sending.join().unwrap();
    }
}

#[test]
fn acknowledgements_arrive_though_nothing_else_is_sent() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut sender = client.sender(Lane::Commands(0)).unwrap();
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        sender.send(&frame(1, 10)).unwrap();
        let receiving = watched(move || {
            let mut bytes = Vec::new();
            receiver.recv(&mut bytes).unwrap();
            receiver.acknowledge(1);
            receiver.recv(&mut bytes)
        });
        let waiting = watched(move || {
            while sender.acknowledged() != 1 {
                std::thread::yield_now();
            }
        });
        waiting.join();
        client.close();
        assert_eq!(receiving.join(), Err(Closed));
    }
}

#[test]
fn bulk_is_there_when_its_frame_is() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut sender = client.sender(Lane::Commands(1)).unwrap();
        let mut receiver = worker.receiver(Lane::Commands(1)).unwrap();
        let bulks = [(0, 1u64), (5, 4096), (1 << 20, 3 << 20), ((16 << 20) - 7, 7), (77, 500_000)];
        let sending = watched(move || {
            for (position, (offset, length)) in (1..).zip(bulks) {
                client.arena().commit(offset, length).unwrap();
                assert!(client.arena().write(offset, &body(position, length as usize)));
                // The frame itself comes in parts, too.
                let bulk = Some(Bulk { offset, length });
                sender.send(&frame_with(position, position as usize * 5000, bulk)).unwrap();
                while sender.acknowledged() < position {
                    std::thread::yield_now();
                }
            }
            client
        });
        let mut bytes = Vec::new();
        for (position, (offset, length)) in (1..).zip(bulks) {
            receiver.recv(&mut bytes).unwrap();
            let frame = Frame::parse(&bytes).unwrap();
            assert_eq!(frame.bulk, Some(Bulk { offset, length }));
            let mut bulk = vec![0; length as usize];
            assert!(worker.arena().read(offset, &mut bulk));
            assert!(bulk == body(position, length as usize), "{kind:?} {position}");
            receiver.acknowledge(position);
            if kind == Kind::Stream {
                assert_eq!(receiver.try_recv(&mut bytes), Ok(false));
            }
            // Waiting sends the acknowledgement.
            if position < bulks.len() as u64 {
                continue;
            }
            let mut last = receiver;
            let waiting = watched(move || last.recv(&mut Vec::new()));
            drop(sending.join());
            assert_eq!(waiting.join(), Err(Closed));
            break;
        }
    }
}

#[test]
fn a_thousand_lanes_are_possible() {
    for kind in KINDS {
        let layout = Layout { streams: 1024, command_ring: 64 << 10, reply_ring: 4 << 10, ..layout() };
        let (client, worker) = pair(kind, layout);
        let mut senders: Vec<_> = (0..1000).map(|stream| client.sender(Lane::Commands(stream)).unwrap()).collect();
        let mut receivers: Vec<_> = (0..1000).map(|stream| worker.receiver(Lane::Commands(stream)).unwrap()).collect();
        let mut bytes = Vec::new();
        for round in 1..=3 {
            for (stream, sender) in (0u64..).zip(&mut senders) {
                sender.send(&frame(round * 1000 + stream, 10)).unwrap();
            }
            for (stream, receiver) in (0u64..).zip(&mut receivers) {
                receiver.recv(&mut bytes).unwrap();
                assert_eq!(bytes, frame(round * 1000 + stream, 10));
            }
        }
    }
}

#[test]
fn a_lane_goes_on_with_its_next_user() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut bytes = Vec::new();
        for position in 1..=200 {
            let mut sender = client.sender(Lane::Commands(5)).unwrap();
            assert!(matches!(client.sender(Lane::Commands(5)), Err(LinkError::Taken(Lane::Commands(5)))));
            sender.send(&frame(position, 1000)).unwrap();
            sender.send(&frame(position, 10)).unwrap();
            let mut receiver = worker.receiver(Lane::Commands(5)).unwrap();
            receiver.recv(&mut bytes).unwrap();
            assert_eq!(bytes, frame(position, 1000));
            receiver.acknowledge(position);
            drop(receiver);
            let mut receiver = worker.receiver(Lane::Commands(5)).unwrap();
            receiver.recv(&mut bytes).unwrap();
            assert_eq!(bytes, frame(position, 10));
        }
    }
}

#[test]
fn a_receiver_dropped_within_a_frame_loses_nothing() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        let mut sender = client.sender(Lane::Commands(5)).unwrap();
        // More than the ring holds, so only a part is there at first.
        let sending = watched(move || sender.send(&frame(1, 40_000)));
        assert!(sending.still_runs());
        let mut bytes = Vec::new();
        let mut receiver = worker.receiver(Lane::Commands(5)).unwrap();
        while receiver.try_recv(&mut bytes) == Ok(false) {
            drop(receiver);
            receiver = worker.receiver(Lane::Commands(5)).unwrap();
        }
        assert_eq!(bytes, frame(1, 40_000));
        sending.join().unwrap();
    }
}

#[test]
fn wrong_lanes_are_refused() {
    for kind in KINDS {
        let (client, worker) = pair(kind, layout());
        assert!(matches!(client.sender(Lane::Commands(8)), Err(LinkError::NoSuchLane(_))));
        assert!(matches!(client.receiver(Lane::Replies(u32::MAX)), Err(LinkError::NoSuchLane(_))));
        assert!(matches!(client.sender(Lane::Replies(0)), Err(LinkError::WrongSide(_))));
        assert!(matches!(client.sender(Lane::Notices), Err(LinkError::WrongSide(_))));
        assert!(matches!(worker.receiver(Lane::Notices), Err(LinkError::WrongSide(_))));
        assert!(matches!(worker.sender(Lane::Commands(0)), Err(LinkError::WrongSide(_))));
        assert_eq!(client.shares_memory(), kind == Kind::Memfd);
        assert_eq!(client.owner_pid(), std::process::id());
        worker.close();
        assert!(matches!(worker.sender(Lane::Notices), Err(LinkError::Closed)));
    }
    let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let bad = Layout { streams: 0, ..layout() };
    assert!(matches!(Link::stream(Side::Client, bad, socket.into(), None), Err(LinkError::Layout(_))));
}

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Receive,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..200usize).prop_map(Step::Send),
        1 => (0..2500usize).prop_map(Step::Send),
        4 => Just(Step::Receive),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_lane_is_a_queue(steps in steps(), stream: bool) {
        let kind = if stream { Kind::Stream } else { Kind::Memfd };
        let (client, worker) = pair(kind, layout());
        let mut sender = client.sender(Lane::Commands(0)).unwrap();
        let mut receiver = worker.receiver(Lane::Commands(0)).unwrap();
        let mut model = VecDeque::new();
        let mut held = 0;
        let mut bytes = Vec::new();
        for (position, step) in (0..).zip(steps) {
            match step {
                Step::Send(length) => {
                    let frame = frame(position, length);
                    // Nobody receives meanwhile, so what does not fit for sure is not sent.
                    if held + frame.len() + 100 > layout().command_ring as usize / 4 {
                        continue;
                    }
                    held += frame.len() + 100;
                    sender.send(&frame).unwrap();
                    model.push_back(frame);
                }
                Step::Receive => match model.pop_front() {
                    Some(expected) => {
                        receiver.recv(&mut bytes).unwrap();
                        held -= expected.len() + 100;
                        prop_assert_eq!(&bytes, &expected);
                    }
                    None => prop_assert_eq!(receiver.try_recv(&mut bytes), Ok(false)),
                },
            }
        }
    }
}
