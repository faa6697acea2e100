//! All interleavings of a ring's two sides, and of closing, in loom's model of a machine. Run with
//! `RUSTFLAGS="--cfg loom" cargo test -p remora-link --release --test loom`.
#![cfg(loom)]
#![allow(missing_docs)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use remora_link::cells::Cells;
use remora_link::ring::{Consumer, Producer};

fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // Errors of this kind show with few preemptions; without a bound it takes hours.
    builder.preemption_bound = Some(3);
    builder.check(body);
}

fn receive(consumer: &mut Consumer, cells: &Cells) -> Vec<u8> {
    let record = cells.consumer_bell().wait_until(|| consumer.look().unwrap());
    let mut bytes = Vec::new();
    consumer.copy(record, &mut bytes);
    consumer.take_to(record.end);
    bytes
}

fn send(producer: &mut Producer, cells: &Cells, bytes: &[u8]) {
    cells.producer_bell().wait_until(|| producer.has_room(bytes.len()).unwrap().then_some(()));
    producer.put(bytes, false);
}

/// What is received is what was sent, without a data race, and nobody sleeps for ever.
#[test]
fn a_sleeping_consumer_is_woken_and_sees_the_bytes() {
    model(|| {
        let cells = Cells::for_model(64);
        let producing = cells.clone();
        let sender = thread::spawn(move || {
            let mut producer = Producer::new(producing.clone());
            send(&mut producer, &producing, b"one");
            send(&mut producer, &producing, b"two");
        });
        let mut consumer = Consumer::new(cells.clone());
        assert_eq!(receive(&mut consumer, &cells), b"one");
        assert_eq!(receive(&mut consumer, &cells), b"two");
        sender.join().unwrap();
    });
}

/// The producer gets its room back, and never overwrites what has not been read: loom would see the race.
#[test]
fn a_sleeping_producer_is_woken_and_overwrites_nothing() {
    model(|| {
        let cells = Cells::for_model(32);
        let producing = cells.clone();
        let sender = thread::spawn(move || {
            let mut producer = Producer::new(producing.clone());
            for _ in 0..5 {
                send(&mut producer, &producing, b"");
            }
        });
        let mut consumer = Consumer::new(cells.clone());
        for _ in 0..5 {
            assert_eq!(receive(&mut consumer, &cells), b"");
        }
        sender.join().unwrap();
    });
}

/// As `Link::close` does it: the flag, then the bells.
#[test]
fn closing_wakes_a_sleeper() {
    model(|| {
        let cells = Cells::for_model(64);
        let closed = Arc::new(AtomicBool::new(false));
        let closing = (cells.clone(), Arc::clone(&closed));
        let closer = thread::spawn(move || {
            let (cells, closed) = closing;
            closed.store(true, Ordering::Release);
            cells.consumer_bell().ring();
        });
        let mut consumer = Consumer::new(cells.clone());
        let ended = cells.consumer_bell().wait_until(|| {
            let ended = closed.load(Ordering::Acquire);
            assert_eq!(consumer.look(), Ok(None));
            ended.then_some(ended)
        });
        assert!(ended);
        closer.join().unwrap();
    });
}

/// What was sent before closing is received by who looks for the end first and for frames then.
#[test]
fn last_words_arrive() {
    model(|| {
        let cells = Cells::for_model(64);
        let closed = Arc::new(AtomicBool::new(false));
        let dying = (cells.clone(), Arc::clone(&closed));
        let other = thread::spawn(move || {
            let (cells, closed) = dying;
            Producer::new(cells.clone()).put(b"bye", false);
            closed.store(true, Ordering::Release);
            cells.consumer_bell().ring();
        });
        let mut consumer = Consumer::new(cells.clone());
        let word = cells.consumer_bell().wait_until(|| {
            let ended = closed.load(Ordering::Acquire);
            match consumer.look().unwrap() {
                Some(record) => Some(Some(record)),
                None => ended.then_some(None),
            }
        });
        assert!(word.is_some());
        other.join().unwrap();
    });
}

/// Acknowledging a position makes what was done before visible to who sees the position.
#[test]
fn acknowledged_means_done() {
    model(|| {
        let cells = Cells::for_model(64);
        let done = Arc::new(AtomicBool::new(false));
        let working = (cells.clone(), Arc::clone(&done));
        let worker = thread::spawn(move || {
            let (cells, done) = working;
            done.store(true, Ordering::Relaxed);
            cells.acknowledged().store(1, Ordering::Release);
        });
        if cells.acknowledged().load(Ordering::Acquire) == 1 {
            assert!(done.load(Ordering::Relaxed));
        }
        worker.join().unwrap();
    });
}
