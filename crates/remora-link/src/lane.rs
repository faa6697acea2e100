//! The two ends of a lane: whole frames in, whole frames out, waiting where there is no room or no frame.

use std::sync::atomic::{AtomicU32, Ordering};

use remora_protocol::frame::MAX_FRAME;

use crate::bell::Bell;
use crate::layout::Lane;
use crate::link::{Closed, End, Inner, Link};
use crate::ring::{Consumer, Corrupt, Producer, Record};
use crate::wait::{self, SPIN_ON_MEMORY, SPIN_ON_SOCKET, Spinner};

/// Looks at memory between two looks at the clock, and looks at a socket.
const LOOKS_AT_MEMORY: u32 = 32;
const LOOKS_AT_SOCKET: u32 = 1;

/// Sends frames on one lane. Dropping it gives the lane back.
pub struct Sender {
    link: Link,
    lane: Lane,
    /// None only while it is dropped.
    ring: Option<Producer>,
}

impl Sender {
    pub(crate) fn new(link: Link, lane: Lane, ring: Producer) -> Self {
        Self { link, lane, ring: Some(ring) }
    }

    /// Sends one frame; waits while there is no room for it. The frame is copied.
    ///
    /// # Errors
    /// [`Closed`] if the link is closed. On a stream link, a frame whose bulk is not inside the arena closes it, and so
    /// does a frame larger than [`MAX_FRAME`] on any.
    #[inline]
    pub fn send(&mut self, frame: &[u8]) -> Result<(), Closed> {
        let Self { link, ring: Some(ring), .. } = self else { return Err(Closed) };
        let link = &*link.inner;
        if link.is_closed() {
            return Err(Closed);
        }
        if frame.len() > ring.largest() || link.bridge.is_some() {
            return send_slowly(link, self.lane, ring, frame);
        }
        wait_for_room(link, ring, frame.len())?;
        ring.put(frame, false);
        Ok(())
    }

    /// The position that the receiver has acknowledged: what commands up to it used in the arena is free again. A lane's
    /// next user starts with what was acknowledged last, so positions must go on, too.
    #[must_use]
    #[inline]
    pub fn acknowledged(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.cells().acknowledged().load(Ordering::Acquire))
    }

    /// Which lane this is.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if let Some(ring) = self.ring.take() {
            self.link.inner.give_back(self.lane, End::Sending(ring));
        }
    }
}

/// Sends a frame in parts, or through a bridge.
fn send_slowly(link: &Inner, lane: Lane, ring: &mut Producer, frame: &[u8]) -> Result<(), Closed> {
    if frame.len() > MAX_FRAME {
        tracing::error!(length = frame.len(), ?lane, "a frame is too large to be sent");
        link.close("a frame is too large to be sent");
        return Err(Closed);
    }
    if let Some(bridge) = &link.bridge {
        bridge.check_bulk(link, frame)?;
    }
    let mut rest = frame;
    loop {
        let (part, behind) = rest.split_at(rest.len().min(ring.largest()));
        wait_for_room(link, ring, part.len())?;
        ring.put(part, !behind.is_empty());
        if let Some(bridge) = &link.bridge {
            bridge.mark(link, lane);
            bridge.flush(link);
        }
        rest = behind;
        if rest.is_empty() {
            return Ok(());
        }
    }
}

#[inline]
fn wait_for_room(link: &Inner, ring: &mut Producer, length: usize) -> Result<(), Closed> {
    match ring.has_room(length) {
        Ok(true) => Ok(()),
        Ok(false) => wait_long_for_room(link, ring, length),
        Err(corrupt) => Err(closed_by(link, corrupt)),
    }
}

#[cold]
fn wait_long_for_room(link: &Inner, ring: &mut Producer, length: usize) -> Result<(), Closed> {
    let cells = ring.cells().clone();
    wait(link, &cells.producer_bell(), true, || match ring.has_room(length) {
        _ if link.is_closed() => Some(Err(Closed)),
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(corrupt) => Some(Err(closed_by(link, corrupt))),
    })
}

/// Spins if that is allowed, and `may_spin`, then sleeps, until `ready` has an answer. On a stream link, the spinning
/// thread does the receiving meanwhile: that saves waking another.
fn wait<T>(link: &Inner, bell: &Bell<'_>, may_spin: bool, mut ready: impl FnMut() -> Option<T>) -> T {
    if let Some(spinner) = may_spin.then(|| Spinner::new(link.owner())).flatten() {
        let answer = match link.bridge.as_ref().and_then(|bridge| bridge.take_over(link)) {
            None => spinner.spin(SPIN_ON_MEMORY, LOOKS_AT_MEMORY, &mut ready),
            Some(mut receiving) => {
                let answer = spinner.spin(SPIN_ON_SOCKET, LOOKS_AT_SOCKET, || {
                    receiving.receive();
                    ready()
                });
                if answer.is_some() {
                    receiving.found();
                }
                answer
            }
        };
        if let Some(answer) = answer {
            return answer;
        }
    }
    if let Some(bridge) = &link.bridge {
        bridge.hand_back(link);
    }
    wait::park(bell, &link.sleepers, ready)
}

#[cold]
fn closed_by(link: &Inner, corrupt: Corrupt) -> Closed {
    link.corrupt(corrupt.0);
    Closed
}

/// Receives the frames of one lane. Dropping it gives the lane back.
pub struct Receiver {
    link: Link,
    lane: Lane,
    /// None only while it is dropped.
    ring: Option<Consumer>,
    /// What has arrived of a frame that comes in parts.
    parts: Vec<u8>,
    /// The link is closed, and what had arrived before has been seen: nothing more is looked at.
    is_last: bool,
    /// Acknowledgements since they were last sent; stream link only.
    unsent: AtomicU32,
}

/// A buffer for parts that is larger is not kept.
const KEPT: usize = 1 << 20;
/// After so many acknowledgements they are sent though there is more to receive.
const MOST_UNSENT: u32 = 32;

impl Receiver {
    pub(crate) fn new(link: Link, lane: Lane, ring: Consumer, parts: Vec<u8>) -> Self {
        Self { link, lane, ring: Some(ring), parts, is_last: false, unsent: AtomicU32::new(0) }
    }

    /// Puts the next frame into `into`, whose old contents are dropped, if one has arrived. False: none has.
    ///
    /// # Errors
    /// [`Closed`] if the link is closed and all frames that had arrived before have been received.
    #[inline]
    pub fn try_recv(&mut self, into: &mut Vec<u8>) -> Result<bool, Closed> {
        loop {
            // Looked at before the ring is, so that nothing that was sent before the end is missed.
            let closed = !self.has_seen() && self.link.is_closed();
            if closed && self.is_last {
                return Err(Closed);
            }
            let Some(ring) = &mut self.ring else { return Err(Closed) };
            match ring.look() {
                Ok(Some(record)) => {
                    self.is_last |= closed;
                    if self.take(record, into)? {
                        return Ok(true);
                    }
                }
                Ok(None) if closed => {
                    self.is_last = true;
                    return Err(Closed);
                }
                Ok(None) => {
                    self.send_acknowledgements(1);
                    return Ok(false);
                }
                Err(corrupt) => return Err(self.give_up(corrupt)),
            }
        }
    }

    /// Waits for the next frame and puts it into `into`, whose old contents are dropped. Spins for a moment, then sleeps:
    /// for a thread that the program waits for.
    ///
    /// # Errors
    /// As [`Receiver::try_recv`].
    #[inline]
    pub fn recv(&mut self, into: &mut Vec<u8>) -> Result<(), Closed> {
        if self.try_recv(into)? {
            return Ok(());
        }
        self.wait(into, true)
    }

    /// As [`Receiver::recv`], but sleeps at once: for threads in the background.
    ///
    /// # Errors
    /// As [`Receiver::try_recv`].
    pub fn recv_parked(&mut self, into: &mut Vec<u8>) -> Result<(), Closed> {
        if self.try_recv(into)? {
            return Ok(());
        }
        self.wait(into, false)
    }

    /// Tells the sender that commands up to `position` are done with.
    #[inline]
    pub fn acknowledge(&self, position: u64) {
        let Some(ring) = &self.ring else { return };
        let link = &*self.link.inner;
        ring.cells().acknowledged().store(position, Ordering::Release);
        if let Some(bridge) = &link.bridge {
            // It goes with the next frame of any lane, or when there is nothing to receive, or with many others.
            bridge.mark(link, self.lane);
            self.unsent.fetch_add(1, Ordering::Relaxed);
            self.send_acknowledgements(MOST_UNSENT);
        }
    }

    /// Which lane this is.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Sends acknowledgements if there are at least so many.
    #[inline]
    fn send_acknowledgements(&self, fewest: u32) {
        if self.unsent.load(Ordering::Relaxed) >= fewest {
            self.unsent.store(0, Ordering::Relaxed);
            if let Some(bridge) = &self.link.inner.bridge {
                bridge.flush(&self.link.inner);
            }
        }
    }

    fn has_seen(&self) -> bool {
        self.ring.as_ref().is_some_and(Consumer::has_seen)
    }

    fn wait(&mut self, into: &mut Vec<u8>, spinning: bool) -> Result<(), Closed> {
        let link = self.link.clone();
        let link = &*link.inner;
        let Some(cells) = self.ring.as_ref().map(|ring| ring.cells().clone()) else { return Err(Closed) };
        wait(link, &cells.consumer_bell(), spinning, || match self.try_recv(into) {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(Closed) => Some(Err(Closed)),
        })
    }

    /// Takes a record out of the ring; true if that made `into` a whole frame.
    #[inline]
    fn take(&mut self, record: Record, into: &mut Vec<u8>) -> Result<bool, Closed> {
        let Some(ring) = &mut self.ring else { return Err(Closed) };
        let whole = self.parts.is_empty() && !record.more;
        if whole {
            into.clear();
            ring.copy(record, into);
        } else {
            if self.parts.len() + record.length > MAX_FRAME {
                return Err(self.give_up(Corrupt("size of a frame")));
            }
            if record.more && record.length == 0 {
                return Err(self.give_up(Corrupt("part of a frame")));
            }
            ring.copy(record, &mut self.parts);
        }
        if ring.take_to(record.end) {
            if let Some(bridge) = &self.link.inner.bridge {
                bridge.mark(&self.link.inner, self.lane);
                bridge.flush(&self.link.inner);
            }
        }
        if !whole && !record.more {
            std::mem::swap(into, &mut self.parts);
            self.parts.clear();
            if self.parts.capacity() > KEPT {
                self.parts = Vec::new();
            }
            return Ok(true);
        }
        Ok(whole)
    }

    #[cold]
    fn give_up(&mut self, corrupt: Corrupt) -> Closed {
        if let Some(ring) = &mut self.ring {
            ring.forget();
        }
        self.is_last = true;
        closed_by(&self.link.inner, corrupt)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(ring) = self.ring.take() {
            let parts = std::mem::take(&mut self.parts);
            self.link.inner.give_back(self.lane, End::Receiving(ring, parts));
        }
    }
}
