//! What the bridge receives: taken apart and put into the rings and the arena. Everything is checked here: the other side
//! may send any bytes.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{ACK, BULK, Bridge, HEAD, PART, RECORD};
use crate::cells::Cells;
use crate::layout::Lane;
use crate::link::Inner;
use crate::ring::{Begun, Producer};

const BUFFER: usize = 64 << 10;

pub(super) struct Incoming {
    lanes: HashMap<u32, Inbox>,
    /// Words of lanes that we send on, for acknowledgements.
    sending: HashMap<u32, Cells>,
    buffer: Box<[u8]>,
    /// What of the buffer has arrived but not been used yet.
    start: usize,
    end: usize,
    state: State,
    /// Threads that wait for frames receive for themselves; the receiving thread does not watch the socket.
    pub is_lent: bool,
    /// When one of them did last.
    pub last_use: Instant,
    /// Whether the receiving thread will be woken to see whether they still do.
    pub is_timer_set: bool,
}

/// A lane that we receive.
struct Inbox {
    ring: Producer,
    /// Whether the next record goes on with a frame.
    in_frame: bool,
    /// The part of the arena that has arrived for the next frame: from, to.
    bulk: Option<(u64, u64)>,
}

/// What comes next.
#[derive(Clone, Copy)]
enum State {
    Head,
    /// Bytes of a record.
    Record {
        number: u32,
        begun: Begun,
        length: usize,
        filled: usize,
        more: bool,
    },
    /// Bytes of the arena.
    Bulk {
        offset: u64,
        left: u64,
    },
}

pub(super) enum Received {
    Something,
    /// Nothing has arrived.
    Nothing,
    /// The other side has closed its end.
    End,
    /// It broke the rules.
    Broken(&'static str),
}

impl Incoming {
    pub fn new() -> Self {
        Self {
            lanes: HashMap::new(),
            sending: HashMap::new(),
            buffer: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
            state: State::Head,
            is_lent: false,
            last_use: Instant::now(),
            is_timer_set: false,
        }
    }

    /// Reads once from the socket, without waiting, and delivers what has come.
    pub fn receive(&mut self, link: &Inner) -> Received {
        let Some(bridge) = &link.bridge else { return Received::End };
        match self.read(link) {
            Ok(0) => Received::End,
            Ok(count) => match self.deliver(link, bridge, count) {
                Ok(()) => Received::Something,
                Err(what) => Received::Broken(what),
            },
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Received::Nothing,
            Err(error) => {
                tracing::debug!(%error, "can't receive");
                Received::End
            }
        }
    }

    /// Reads into the arena, if its bytes are what comes next, and behind that into the buffer, which is all but empty:
    /// whatever could be used has been.
    fn read(&mut self, link: &Inner) -> std::io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = &mut self.buffer[self.end..];
        let buffer = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        let mut vectors = [buffer; 2];
        let mut used = &mut vectors[1..];
        if let State::Bulk { offset, left } = self.state {
            if let Some(memory) = link.arena.pointer(offset, left) {
                vectors[0] = libc::iovec { iov_base: memory.as_ptr().cast(), iov_len: left as usize };
                used = &mut vectors[..];
            }
        }
        // SAFETY: all-zero is a valid msghdr: no address, no control data, no vectors.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = used.as_mut_ptr();
        message.msg_iovlen = used.len() as _;
        loop {
            // SAFETY: the vectors name the free part of the buffer, borrowed above, and a range of the arena that
            // `pointer` has checked. There is no control buffer: descriptors that somebody sends don't get here.
            let count = unsafe { libc::recvmsg(link.socket.as_fd().as_raw_fd(), &mut message, libc::MSG_DONTWAIT) };
            match usize::try_from(count) {
                Ok(count) => return Ok(count),
                Err(_) => match std::io::Error::last_os_error() {
                    error if error.kind() == std::io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
    }

    /// Uses the `count` bytes that have just been read.
    fn deliver(&mut self, link: &Inner, bridge: &Bridge, count: usize) -> Result<(), &'static str> {
        let mut count = count;
        if let State::Bulk { offset, left } = self.state {
            // These are in their place already.
            let direct = left.min(count as u64);
            count -= direct as usize;
            self.state = bulk_or_head(offset + direct, left - direct);
        }
        self.end += count;
        loop {
            let bytes = &self.buffer[self.start..self.end];
            match self.state {
                State::Head => {
                    let Some(head) = bytes.first_chunk::<HEAD>() else { return Ok(()) };
                    let head = *head;
                    self.start += HEAD;
                    self.state = self.head(link, bridge, &head)?;
                }
                State::Record { number, begun, length, filled, more } => {
                    let lane = self.lanes.get_mut(&number).ok_or("no such lane")?;
                    let now = bytes.len().min(length - filled);
                    lane.ring.cells().write(begun.at + filled, &bytes[..now]);
                    self.start += now;
                    let filled = filled + now;
                    if filled < length {
                        self.state = State::Record { number, begun, length, filled, more };
                        return Ok(());
                    }
                    lane.finish(begun, length, more)?;
                    self.state = State::Head;
                }
                State::Bulk { offset, left } => {
                    let now = left.min(bytes.len() as u64);
                    if !link.arena.write(offset, &bytes[..now as usize]) {
                        return Err("bulk outside of the arena");
                    }
                    self.start += now as usize;
                    self.state = bulk_or_head(offset + now, left - now);
                    if self.start == self.end {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// What a head announces.
    fn head(&mut self, link: &Inner, bridge: &Bridge, head: &[u8; HEAD]) -> Result<State, &'static str> {
        let mut words = head.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        let mut word = || words.next().unwrap_or(0);
        let (number, kind) = (word(), word());
        let mut long = || u64::from(word()) | u64::from(word()) << 32;
        let (a, b) = (long(), long());
        let lane = link.geometry.lane(number).ok_or("a lane that there is not")?;
        match kind {
            ACK => {
                self.acknowledged(link, bridge, lane, number, a, b)?;
                Ok(State::Head)
            }
            RECORD | PART => {
                let lane = self.lane(link, lane, number)?;
                let length = usize::try_from(a).map_err(|_| "length of a record")?;
                if length > lane.ring.largest() || b != 0 {
                    return Err("length of a record");
                }
                match lane.ring.has_room(length) {
                    Ok(true) => {}
                    Ok(false) => return Err("more than there is room for"),
                    Err(corrupt) => return Err(corrupt.0),
                }
                let begun = lane.ring.begin(length);
                Ok(State::Record { number, begun, length, filled: 0, more: kind == PART })
            }
            BULK => {
                let lane = self.lane(link, lane, number)?;
                if b == 0 || link.arena.pointer(a, b).is_none() {
                    return Err("bulk outside of the arena");
                }
                lane.bulk = match lane.bulk {
                    _ if lane.in_frame => return Err("bulk within a frame"),
                    None => Some((a, a + b)),
                    Some((from, to)) if to == a => Some((from, to + b)),
                    Some(_) => return Err("bulk with a gap"),
                };
                Ok(State::Bulk { offset: a, left: b })
            }
            _ => Err("kind of a message"),
        }
    }

    /// A lane that we receive.
    fn lane(&mut self, link: &Inner, lane: Lane, number: u32) -> Result<&mut Inbox, &'static str> {
        if lane.sending_side() == link.side {
            return Err("a frame on a lane that runs the other way");
        }
        let place = link.geometry.place(lane).ok_or("a lane that there is not")?;
        Ok(self.lanes.entry(number).or_insert_with(|| Inbox {
            ring: Producer::new(Cells::new(&link.rings, place)),
            in_frame: false,
            bulk: None,
        }))
    }

    fn acknowledged(
        &mut self,
        link: &Inner,
        bridge: &Bridge,
        lane: Lane,
        number: u32,
        taken: u64,
        position: u64,
    ) -> Result<(), &'static str> {
        if lane.sending_side() != link.side {
            return Err("an acknowledgement on a lane that runs the other way");
        }
        let place = link.geometry.place(lane).ok_or("a lane that there is not")?;
        let state = bridge.state(number);
        if taken > state.sent.load(Ordering::SeqCst) || taken < state.taken.load(Ordering::SeqCst) {
            return Err("an acknowledgement of what was not sent");
        }
        let cells = self.sending.entry(number).or_insert_with(|| Cells::new(&link.rings, place));
        cells.acknowledged().store(position, Ordering::Release);
        state.taken.store(taken, Ordering::SeqCst);
        if state.starved.swap(false, Ordering::SeqCst) {
            bridge.mark_number(number);
            bridge.flush(link);
        }
        Ok(())
    }
}

impl Inbox {
    /// All of a record is in the ring: the receiver may have it, if its bulk has come.
    fn finish(&mut self, begun: Begun, length: usize, more: bool) -> Result<(), &'static str> {
        if !self.in_frame {
            let expected = super::bulk_in_ring(self.ring.cells(), begun.at, length);
            let expected = match expected {
                None => None,
                Some((offset, length)) => Some((offset, offset.checked_add(length).ok_or("bulk of a frame")?)),
            };
            if self.bulk.take() != expected {
                return Err("other bulk than the frame says");
            }
        }
        self.in_frame = more;
        self.ring.finish(begun, length, more);
        Ok(())
    }
}

fn bulk_or_head(offset: u64, left: u64) -> State {
    if left == 0 { State::Head } else { State::Bulk { offset, left } }
}
