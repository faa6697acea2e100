//! Pairs of links, and frames for them.
#![allow(missing_docs, dead_code)]

use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use remora_link::{Layout, Link, Side, create_memory};
use remora_protocol::{Bulk, FrameWriter};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Memfd,
    Stream,
}

pub const KINDS: [Kind; 2] = [Kind::Memfd, Kind::Stream];

pub fn layout() -> Layout {
    Layout { streams: 8, command_ring: 16 << 10, reply_ring: 4 << 10, notice_ring: 16 << 10, arena: 16 << 20 }
}

/// (client, worker) in this process.
pub fn pair(kind: Kind, layout: Layout) -> (Link, Link) {
    let (client, worker) = UnixStream::pair().unwrap();
    match kind {
        Kind::Memfd => {
            let (rings, arena) = create_memory(&layout).unwrap();
            let (rings2, arena2) = (rings.try_clone().unwrap(), arena.try_clone().unwrap());
            let client = Link::memfd(Side::Client, layout, rings, arena, client.into(), None).unwrap();
            (client, Link::memfd(Side::Worker, layout, rings2, arena2, worker.into(), None).unwrap())
        }
        Kind::Stream => {
            let client = Link::stream(Side::Client, layout, client.into(), None).unwrap();
            (client, Link::stream(Side::Worker, layout, worker.into(), None).unwrap())
        }
    }
}

/// A frame at `position` whose message is `length` bytes that depend on the position.
pub fn frame(position: u64, length: usize) -> Vec<u8> {
    frame_with(position, length, None)
}

pub fn frame_with(position: u64, length: usize, bulk: Option<Bulk>) -> Vec<u8> {
    FrameWriter::default().write(1, position, &[], bulk, 0, &body(position, length).as_slice()).to_vec()
}

pub fn body(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(31) ^ seed.wrapping_mul(7) ^ at >> 8) as u8).collect()
}

/// Runs `body` on a thread; [`Watched::join`] fails if it does not end in time.
pub fn watched<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Watched<T> {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = sender.send(body());
    });
    Watched { receiver, thread }
}

pub struct Watched<T> {
    receiver: mpsc::Receiver<T>,
    thread: JoinHandle<()>,
}

impl<T> Watched<T> {
    pub fn join(self) -> T {
        match self.receiver.recv_timeout(Duration::from_secs(20)) {
            Ok(value) => {
                self.thread.join().unwrap();
                value
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("a thread hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                std::panic::resume_unwind(self.thread.join().unwrap_err());
            }
        }
    }

    /// Whether it still runs after a moment.
    pub fn still_runs(&self) -> bool {
        std::thread::sleep(Duration::from_millis(30));
        !self.thread.is_finished()
    }
}
