use super::*;
use crate::layout::{HEADER, Place};
use crate::memory::Mapping;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;

const CAPACITY: usize = 4096;

fn ring() -> (Producer, Consumer, Cells) {
    let mapping = Arc::new(Mapping::private(HEADER + CAPACITY).unwrap());
    let cells = Cells::new(&mapping, Place { offset: 0, capacity: CAPACITY });
    (Producer::new(cells.clone()), Consumer::new(cells.clone()), cells)
}

fn next(consumer: &mut Consumer) -> Option<Vec<u8>> {
    let record = consumer.look().unwrap()?;
    let mut bytes = Vec::new();
    consumer.copy(record, &mut bytes);
    consumer.take_to(record.end);
    Some(bytes)
}

#[test]
fn a_drained_ring_has_room_for_any_record_wherever_it_stands() {
    let (mut producer, mut consumer, _) = ring();
    let largest = producer.largest();
    for step in 0..4096 {
        assert_eq!(producer.has_room(largest), Ok(true), "step {step}");
        let bytes = vec![step as u8; (step * 40) % (largest + 1)];
        producer.put(&bytes, false);
        assert_eq!(next(&mut consumer), Some(bytes));
        assert_eq!(next(&mut consumer), None);
    }
}

#[test]
fn a_full_ring_takes_nothing_until_a_quarter_was_taken() {
    let (mut producer, mut consumer, _) = ring();
    let mut count = 0;
    while producer.has_room(100).unwrap() {
        producer.put(&[7; 100], false);
        count += 1;
    }
    assert_eq!(count, CAPACITY / 112);
    next(&mut consumer).unwrap();
    assert_eq!(producer.has_room(100), Ok(false));
    while !producer.has_room(100).unwrap() {
        next(&mut consumer).unwrap();
    }
    let mut left = 0;
    while next(&mut consumer).is_some() {
        left += 1;
    }
    assert!(left >= count - count / 4 - 2, "{left} of {count}");
}

#[test]
fn a_producers_lies_are_found() {
    for tail in [u64::MAX - 7, 8 * 1000 + 8, CAPACITY as u64 + 8, 4, 17] {
        let (_, mut consumer, cells) = ring();
        cells.tail().store(tail, Ordering::Relaxed);
        assert_eq!(consumer.look(), Err(Corrupt("tail of a ring")), "{tail}");
    }
    // A tail that goes back.
    let (mut producer, mut consumer, cells) = ring();
    producer.put(&[0; 100], false);
    next(&mut consumer).unwrap();
    cells.tail().store(8, Ordering::Relaxed);
    assert!(consumer.look().is_err());
}

#[test]
fn hostile_records_are_found() {
    let largest = (CAPACITY / 4) as u64 - 8;
    for (header, available) in [
        (word(9, 0), 16),
        (word(u64::from(u32::MAX), 0), 4096),
        (word(u64::from(u32::MAX) - 7, PAD), 4096),
        (word(4096 - 7, 0), 4096),
        (word(largest + 1, 0), 4096),
        (word(largest + 1, MORE), 4096),
        (word(8, MORE | PAD), 64),
        (word(8, 4), 64),
        (u64::MAX, 4096),
    ] {
        let (_, mut consumer, cells) = ring();
        cells.write_word(0, header);
        cells.tail().store(available, Ordering::Relaxed);
        assert!(consumer.look().is_err(), "{header:x}");
    }
    // Padding without end: nothing but padding is nothing.
    let (_, mut consumer, cells) = ring();
    for at in (0..CAPACITY).step_by(8) {
        cells.write_word(at, word(0, PAD));
    }
    cells.tail().store(CAPACITY as u64, Ordering::Relaxed);
    assert_eq!(consumer.look(), Ok(None));
}

#[test]
fn a_consumers_lies_are_found() {
    let (mut producer, _, cells) = ring();
    while producer.has_room(1000).unwrap() {
        producer.put(&[0; 1000], false);
    }
    for head in [u64::MAX - 7, 5, 1 << 40, CAPACITY as u64 + 8] {
        cells.head().store(head, Ordering::Relaxed);
        assert_eq!(producer.has_room(1000), Err(Corrupt("head of a ring")), "{head}");
    }
    cells.head().store(1008, Ordering::Relaxed);
    assert_eq!(producer.has_room(1000), Ok(true));
    producer.put(&[0; 1000], false);
    cells.head().store(8, Ordering::Relaxed);
    assert!(producer.has_room(1000).is_err(), "a head that goes back");
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize, bool),
    Take,
    /// Look at this many without taking them, then take all of them.
    TakeMany(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..=CAPACITY / 4 - 8, any::<bool>()).prop_map(|(length, more)| Step::Put(length, more)),
        4 => (0..64usize, any::<bool>()).prop_map(|(length, more)| Step::Put(length, more)),
        5 => Just(Step::Take),
        1 => (1..8usize).prop_map(Step::TakeMany),
    ]
}

proptest! {
    #[test]
    fn a_ring_is_a_queue(steps in prop::collection::vec(step(), 0..400)) {
        let (mut producer, mut consumer, _) = ring();
        let mut model: VecDeque<(Vec<u8>, bool)> = VecDeque::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Put(length, more) => {
                    let bytes: Vec<u8> = (0..length).map(|at| (at ^ number) as u8).collect();
                    let room = producer.has_room(length).unwrap();
                    prop_assert!(room || !model.is_empty());
                    if room {
                        producer.put(&bytes, more);
                        model.push_back((bytes, more));
                    }
                }
                Step::Take | Step::TakeMany(_) => {
                    let count = if let Step::TakeMany(count) = step { count } else { 1 };
                    let Some(mut record) = consumer.look().unwrap() else {
                        prop_assert!(model.is_empty());
                        continue;
                    };
                    for number in 0..count {
                        let (expected, more) = model.pop_front().unwrap();
                        let mut bytes = Vec::new();
                        consumer.copy(record, &mut bytes);
                        prop_assert_eq!((bytes, record.more), (expected, more));
                        if number + 1 == count {
                            break;
                        }
                        match consumer.look_behind(record.end).unwrap() {
                            Some(next) => record = next,
                            None => {
                                prop_assert!(model.is_empty());
                                break;
                            }
                        }
                    }
                    consumer.take_to(record.end);
                }
            }
        }
    }

    #[test]
    fn a_hostile_ring_never_panics(words in prop::collection::vec((0..CAPACITY / 8, any::<u64>()), 0..60),
                                   tails in prop::collection::vec(any::<u16>(), 1..8)) {
        let (_, mut consumer, cells) = ring();
        for (at, word) in words {
            cells.write_word(at * 8, word & 0x0000_0003_0000_07ff);
        }
        let mut bytes = Vec::new();
        for tail in tails {
            cells.tail().store(u64::from(tail) & !7, Ordering::Relaxed);
            while let Ok(Some(record)) = consumer.look() {
                consumer.copy(record, &mut bytes);
                consumer.take_to(record.end);
            }
        }
    }
}
