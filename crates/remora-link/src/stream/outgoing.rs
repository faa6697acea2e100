//! What the bridge sends: gathered from the rings of all marked lanes, written in few system calls.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use super::{ACK, BULK, Bridge, HEAD, LaneState, PART, RECORD};
use crate::cells::Cells;
use crate::link::{Inner, lock};
use crate::ring::{Consumer, Corrupt};

/// A batch is written when it has so many bytes or pieces.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_PIECES: usize = 256;
/// Bulk is cut into pieces so that frames of other lanes get their turn.
const BULK_BYTES: u64 = 128 << 10;
/// After so many batches a thread that sends on the side leaves the rest to the one that does nothing else.
const MOST_BATCHES: u32 = 16;

pub(super) struct Outgoing {
    lanes: HashMap<u32, Source>,
    /// Lanes to look at; one may be there twice.
    queue: VecDeque<u32>,
    batch: Batch,
}

/// What a lane has to send.
enum Source {
    Frames(Frames),
    /// We receive its frames, so there are acknowledgements: of bytes taken out, and of a position.
    Acks {
        cells: Cells,
        sent: (u64, u64),
    },
}

struct Frames {
    ring: Consumer,
    /// Up to where the ring is in a batch or sent.
    position: u64,
    /// Whether the next record goes on with a frame.
    in_frame: bool,
    /// Bulk of the next record.
    bulk: NextBulk,
}

enum NextBulk {
    /// The record has not been looked at.
    Unknown,
    Left {
        offset: u64,
        length: u64,
    },
    /// There is none, or all of it is in a batch or sent.
    Done,
}

#[derive(Default)]
struct Batch {
    heads: Vec<[u8; HEAD]>,
    pieces: Vec<Piece>,
    bytes: usize,
    /// The first piece that is not quite written, and how much of it is.
    written: (usize, usize),
    /// Up to where rings are empty once it is written.
    ends: Vec<(u32, u64)>,
}

#[derive(Clone, Copy)]
enum Piece {
    Head(usize),
    Memory(NonNull<u8>, usize),
}

// SAFETY: the pointers lead into the rings and the arena of the link, which outlives its bridge, and whose memory may be
// used from any thread.
unsafe impl Send for Outgoing {}

pub(super) enum Flushed {
    All,
    Long,
    SocketFull,
    Failed,
}

impl Outgoing {
    pub fn new() -> Self {
        Self { lanes: HashMap::new(), queue: VecDeque::new(), batch: Batch::default() }
    }

    /// Sends what is marked, as far as it goes without waiting.
    pub fn flush(&mut self, link: &Inner, bridge: &Bridge) -> Flushed {
        for _ in 0..MOST_BATCHES {
            if self.batch.pieces.is_empty() {
                self.queue.extend(lock(&bridge.marked).drain(..));
                if let Err(corrupt) = self.gather(link, bridge) {
                    // The memory is private: this is our own fault.
                    tracing::error!(what = corrupt.0, "a ring of a stream link is damaged");
                    return Flushed::Failed;
                }
                if self.batch.pieces.is_empty() {
                    return Flushed::All;
                }
            }
            match self.batch.write(link.socket.as_fd()) {
                Ok(true) => self.finish_batch(),
                Ok(false) => return Flushed::SocketFull,
                Err(error) => {
                    tracing::debug!(%error, "can't send");
                    return Flushed::Failed;
                }
            }
        }
        Flushed::Long
    }

    fn gather(&mut self, link: &Inner, bridge: &Bridge) -> Result<(), Corrupt> {
        while !self.batch.is_full() {
            let Some(number) = self.queue.pop_front() else { break };
            let Some(source) = source(&mut self.lanes, link, number) else { continue };
            let state = bridge.state(number);
            // Before looking: who puts in something more from now on marks the lane again.
            state.marked.store(false, Ordering::SeqCst);
            match source {
                Source::Acks { cells, sent } => {
                    let now = (cells.head().load(Ordering::SeqCst), cells.acknowledged().load(Ordering::SeqCst));
                    if now != *sent {
                        self.batch.head(number, ACK, now.0, now.1);
                        *sent = now;
                    }
                }
                Source::Frames(frames) => {
                    let before = frames.position;
                    let more = frames.gather(link, number, state, &mut self.batch)?;
                    if frames.position != before {
                        self.batch.ends.push((number, frames.position));
                    }
                    if more {
                        self.queue.push_back(number);
                    }
                }
            }
        }
        Ok(())
    }

    /// The batch is written: what was in it leaves the rings.
    fn finish_batch(&mut self) {
        for (number, end) in self.batch.ends.drain(..) {
            if let Some(Source::Frames(frames)) = self.lanes.get_mut(&number) {
                frames.ring.take_to(end);
            }
        }
        self.batch.clear();
    }
}

fn source<'a>(lanes: &'a mut HashMap<u32, Source>, link: &Inner, number: u32) -> Option<&'a mut Source> {
    let lane = link.geometry.lane(number)?;
    let place = link.geometry.place(lane)?;
    Some(lanes.entry(number).or_insert_with(|| {
        let cells = Cells::new(&link.rings, place);
        if lane.sending_side() == link.side {
            let ring = Consumer::new(cells);
            Source::Frames(Frames { ring, position: 0, in_frame: false, bulk: NextBulk::Unknown })
        } else {
            Source::Acks { cells, sent: (0, 0) }
        }
    }))
}

impl Frames {
    /// Adds to the batch what may be sent now. True if there is more, for another batch.
    fn gather(&mut self, link: &Inner, number: u32, state: &LaneState, batch: &mut Batch) -> Result<bool, Corrupt> {
        let capacity = self.ring.cells().capacity() as u64;
        let mut bulk_left = BULK_BYTES;
        while let Some(record) = self.ring.look_behind(self.position)? {
            if batch.is_full() {
                return Ok(true);
            }
            if record.end - state.taken.load(Ordering::SeqCst) > capacity {
                state.starved.store(true, Ordering::SeqCst);
                // Who receives an acknowledgement looks at `starved` after having changed `taken`.
                if record.end - state.taken.load(Ordering::SeqCst) > capacity {
                    return Ok(false);
                }
            }
            if let NextBulk::Unknown = self.bulk {
                self.bulk = if self.in_frame { NextBulk::Done } else { self.bulk_of(record.at, record.length) };
            }
            if let NextBulk::Left { offset, length } = self.bulk {
                if bulk_left == 0 {
                    return Ok(true);
                }
                let now = length.min(bulk_left);
                let memory = link.arena.pointer(offset, now).ok_or(Corrupt("bulk of a frame"))?;
                batch.head(number, BULK, offset, now);
                batch.memory(memory, usize::try_from(now).map_err(|_| Corrupt("bulk of a frame"))?);
                bulk_left -= now;
                self.bulk = match length - now {
                    0 => NextBulk::Done,
                    length => NextBulk::Left { offset: offset + now, length },
                };
                continue;
            }
            batch.head(number, if record.more { PART } else { RECORD }, record.length as u64, 0);
            batch.memory(self.ring.cells().pointer(record.at, record.length), record.length);
            self.position = record.end;
            self.in_frame = record.more;
            self.bulk = NextBulk::Unknown;
            state.sent.store(record.end, Ordering::SeqCst);
        }
        Ok(false)
    }

    /// The bulk of the frame that begins at `at`.
    fn bulk_of(&self, at: usize, length: usize) -> NextBulk {
        match super::bulk_in_ring(self.ring.cells(), at, length) {
            Some((offset, length)) => NextBulk::Left { offset, length },
            None => NextBulk::Done,
        }
    }
}

impl Batch {
    fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.pieces.len() >= BATCH_PIECES
    }

    fn head(&mut self, number: u32, kind: u32, a: u64, b: u64) {
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&number.to_le_bytes());
        head[4..8].copy_from_slice(&kind.to_le_bytes());
        head[8..16].copy_from_slice(&a.to_le_bytes());
        head[16..].copy_from_slice(&b.to_le_bytes());
        self.pieces.push(Piece::Head(self.heads.len()));
        self.heads.push(head);
        self.bytes += HEAD;
    }

    fn memory(&mut self, start: NonNull<u8>, length: usize) {
        if length > 0 {
            self.pieces.push(Piece::Memory(start, length));
            self.bytes += length;
        }
    }

    fn clear(&mut self) {
        self.heads.clear();
        self.pieces.clear();
        self.bytes = 0;
        self.written = (0, 0);
    }

    /// Writes as much as the socket takes. True if that is everything.
    fn write(&mut self, socket: BorrowedFd<'_>) -> std::io::Result<bool> {
        while self.written.0 < self.pieces.len() {
            let (first, skip) = self.written;
            let mut vectors: Vec<libc::iovec> = self.pieces[first..]
                .iter()
                .map(|piece| match *piece {
                    Piece::Head(number) => {
                        libc::iovec { iov_base: self.heads[number].as_ptr().cast_mut().cast(), iov_len: HEAD }
                    }
                    Piece::Memory(start, length) => libc::iovec { iov_base: start.as_ptr().cast(), iov_len: length },
                })
                .collect();
            // `skip` is less than the length of the first piece: see `advance`.
            vectors[0].iov_base = vectors[0].iov_base.cast::<u8>().wrapping_add(skip).cast();
            vectors[0].iov_len -= skip;
            // SAFETY: all-zero is a valid msghdr: no address, no control data, no vectors.
            let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
            message.msg_iov = vectors.as_mut_ptr();
            message.msg_iovlen = vectors.len() as _;
            // SAFETY: the vectors name heads of this batch and memory of the link's mappings, all of which outlive the
            // call; the kernel only reads them.
            let count = unsafe { libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
            match usize::try_from(count) {
                Ok(count) => self.advance(count),
                Err(_) => match std::io::Error::last_os_error() {
                    error if error.kind() == std::io::ErrorKind::Interrupted => {}
                    error if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
                    error => return Err(error),
                },
            }
        }
        Ok(true)
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let length = match self.pieces[self.written.0] {
                Piece::Head(_) => HEAD,
                Piece::Memory(_, length) => length,
            } - self.written.1;
            if count < length {
                self.written.1 += count;
                return;
            }
            count -= length;
            self.written = (self.written.0 + 1, 0);
        }
    }
}
