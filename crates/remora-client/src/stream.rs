//! One stream of a session: numbered commands one way, answers the other.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use remora_link::{Receiver, Sender};
use remora_protocol::message::Command;
use remora_protocol::opencl::{EnqueueCommandBuffer, EnqueueNDRangeKernel};
use remora_protocol::wire::decode_all;
use remora_protocol::{Bulk, Decode, Frame, FrameWriter, Need};
use smallvec::SmallVec;

use crate::session::OBJECTS;
use crate::{Lost, Staging};

/// The commands that run kernels.
const LAUNCHES: [u16; 2] = [EnqueueNDRangeKernel::OPCODE, EnqueueCommandBuffer::OPCODE];

/// Positions of other streams that a command needs; the latest of each stream counts.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    list: SmallVec<[Need; 4]>,
}

impl Needs {
    /// Adds one; position 0 needs nothing.
    #[inline]
    pub fn add(&mut self, stream: u32, position: u64) {
        if position == 0 {
            return;
        }
        match self.list.iter_mut().find(|need| need.stream == stream) {
            Some(need) => need.position = need.position.max(position),
            None => self.list.push(Need { stream, position }),
        }
    }
}

/// A stream that is open on both sides.
pub struct Stream {
    number: u32,
    out: Mutex<Out>,
    /// Commands sent so far.
    sent: AtomicU64,
    /// Threads that wait for a reply, or are about to.
    waiters: AtomicU32,
    /// Everything up to here is known to be complete on the device (of an in-order queue), or executed (objects).
    finished: AtomicU64,
    /// Up to here the worker has also told what went wrong.
    settled: AtomicU64,
    /// Whether anything that was sent runs kernels, or waits for what another stream does.
    prints: AtomicBool,
    held: Mutex<VecDeque<(u64, Staging)>>,
    held_bytes: AtomicU64,
    replies: Mutex<Replies>,
    arrived: Condvar,
    /// Told when nobody has the turn any more.
    turns: Condvar,
}

struct Out {
    sender: Sender,
    writer: FrameWriter,
    position: u64,
    /// The only thread that may send.
    turn: Option<ThreadId>,
}

/// Until this is dropped no other thread's command gets into the stream.
pub struct Turn<'a>(&'a Stream);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.0.out).turn = None;
        self.0.turns.notify_all();
    }
}

struct Replies {
    /// Taken by whichever waiting thread receives for all.
    receiver: Option<Receiver>,
    arrived: HashMap<u64, Vec<u8>>,
    waiting: u32,
}

/// A reply, not decoded yet.
pub struct Answer {
    bytes: Vec<u8>,
}

impl Answer {
    /// The message in it; a worker that answers with something else has failed.
    ///
    /// # Errors
    /// [`Lost`] if it is not an `R`.
    pub fn decode<'a, R: Decode<'a>>(&'a self) -> Result<R, Lost> {
        let frame = Frame::parse(&self.bytes).map_err(|_| Lost)?;
        decode_all(frame.body).map_err(|_| Lost)
    }

    /// How many notices come before it.
    pub(crate) fn notices(&self) -> u64 {
        Frame::parse(&self.bytes).map_or(0, |frame| frame.notices)
    }
}

impl Stream {
    pub(crate) fn new(number: u32, sender: Sender, receiver: Receiver) -> Self {
        Self {
            number,
            out: Mutex::new(Out { sender, writer: FrameWriter::default(), position: 0, turn: None }),
            sent: AtomicU64::new(0),
            waiters: AtomicU32::new(0),
            finished: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            prints: AtomicBool::new(false),
            held: Mutex::default(),
            held_bytes: AtomicU64::new(0),
            replies: Mutex::new(Replies { receiver: Some(receiver), arrived: HashMap::new(), waiting: 0 }),
            arrived: Condvar::new(),
            turns: Condvar::new(),
        }
    }

    /// Its number in the session.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The position of the latest command sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Up to which position everything is known to be complete.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    /// Whether kernels may have printed before something in this stream is complete.
    pub(crate) fn prints(&self) -> bool {
        self.prints.load(Ordering::Acquire)
    }

    /// Sends a command that nobody waits for. Returns its position.
    pub(crate) fn send<C: Command>(
        &self,
        command: &C,
        needs: &Needs,
        bulk: Option<Bulk>,
        answer: bool,
    ) -> Result<u64, Lost> {
        self.put(&mut self.lock_out(), command, needs, bulk, answer)
    }

    /// As [`Stream::send`] for an answer, unless a thread waits for one already: the worker might come to this command only
    /// after that one's answer.
    pub(crate) fn send_first<C: Command>(&self, command: &C, needs: &Needs) -> Option<Result<u64, Lost>> {
        let mut out = self.lock_out();
        (self.waiters.load(Ordering::Acquire) == 0).then(|| self.put(&mut out, command, needs, None, true))
    }

    fn put<C: Command>(
        &self,
        out: &mut Out,
        command: &C,
        needs: &Needs,
        bulk: Option<Bulk>,
        answer: bool,
    ) -> Result<u64, Lost> {
        let Out { sender, writer, position, .. } = out;
        let next = *position + 1;
        let frame = writer.write(C::OPCODE, next, &needs.list, bulk, u64::from(answer), command);
        sender.send(frame).map_err(|_| Lost)?;
        *position = next;
        if LAUNCHES.contains(&C::OPCODE) || needs.list.iter().any(|need| ![OBJECTS, self.number].contains(&need.stream))
        {
            self.prints.store(true, Ordering::Release);
        }
        self.sent.store(next, Ordering::Release);
        if answer {
            // Under the lock, so that who sends next knows.
            self.waiters.fetch_add(1, Ordering::AcqRel);
        }
        Ok(next)
    }

    /// Waits for the reply to the command at `position`, which was sent for an answer.
    pub(crate) fn reply(&self, position: u64) -> Result<Answer, Lost> {
        let answer = self.wait_for_reply(position);
        self.waiters.fetch_sub(1, Ordering::AcqRel);
        answer
    }

    fn wait_for_reply(&self, position: u64) -> Result<Answer, Lost> {
        let mut replies = lock(&self.replies);
        loop {
            if let Some(bytes) = replies.arrived.remove(&position) {
                return Ok(Answer { bytes });
            }
            let Some(mut receiver) = replies.receiver.take() else {
                replies.waiting += 1;
                replies = self.arrived.wait(replies).unwrap_or_else(PoisonError::into_inner);
                replies.waiting -= 1;
                continue;
            };
            drop(replies);
            let mut bytes = Vec::new();
            let received = receiver.recv(&mut bytes);
            replies = lock(&self.replies);
            replies.receiver = Some(receiver);
            if replies.waiting > 0 {
                self.arrived.notify_all();
            }
            let answered = received.ok().and_then(|()| Frame::parse(&bytes).ok().map(|frame| frame.position));
            match answered {
                Some(answered) if answered == position => return Ok(Answer { bytes }),
                Some(answered) => drop(replies.arrived.insert(answered, bytes)),
                None => return Err(Lost),
            }
        }
    }

    /// Keeps `what` until everything up to `position` is known to be finished.
    pub fn hold(&self, position: u64, what: Staging) {
        self.held_bytes.fetch_add(held_length(&what), Ordering::Relaxed);
        lock(&self.held).push_back((position, what));
    }

    /// Bytes in [`Stream::hold`].
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// Everything up to `position` is finished.
    pub fn finish_to(&self, position: u64) {
        self.finished.fetch_max(position, Ordering::AcqRel);
        if self.held_bytes() == 0 {
            return;
        }
        let mut held = lock(&self.held);
        while held.front().is_some_and(|(held, _)| *held <= position) {
            if let Some((_, what)) = held.pop_front() {
                self.held_bytes.fetch_sub(held_length(&what), Ordering::Relaxed);
            }
        }
    }

    /// Everything up to `position` is finished, and what went wrong has been told.
    pub fn settle_to(&self, position: u64) {
        self.settled.fetch_max(position, Ordering::AcqRel);
        self.finish_to(position);
    }

    /// Whether that is all that was ever sent: asking the worker again would say nothing new.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire) == self.sent()
    }

    /// Keeps other threads' commands out until the result is dropped. What is sent meanwhile must wait for nothing that those
    /// might bring about.
    pub fn take_turn(&self) -> Turn<'_> {
        self.lock_out().turn = Some(thread::current().id());
        Turn(self)
    }

    #[inline]
    fn lock_out(&self) -> MutexGuard<'_, Out> {
        let mut out = lock(&self.out);
        while out.turn.is_some_and(|owner| owner != thread::current().id()) {
            out = self.turns.wait(out).unwrap_or_else(PoisonError::into_inner);
        }
        out
    }

    /// Runs `job` if everything that was sent is finished. What other threads send meanwhile goes after it.
    pub fn when_idle(&self, job: impl FnOnce()) -> bool {
        let out = self.lock_out();
        let idle = self.finished() == out.position;
        if idle {
            job();
        }
        drop(out);
        idle
    }

    /// Lets go of staging whose commands the worker has executed. For streams whose commands are done when executed.
    pub(crate) fn finish_executed(&self) {
        if self.held_bytes() > 0 {
            let executed = lock(&self.out).sender.acknowledged();
            self.finish_to(executed);
        }
    }
}

/// At least 1, so that the sum tells whether anything is held.
fn held_length(staging: &Staging) -> u64 {
    (staging.length() as u64).max(1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
