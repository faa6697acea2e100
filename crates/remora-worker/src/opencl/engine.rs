//! Transfers in parts: bytes that had no room in the arena, or could not be taken when the command was called. They pass
//! through slots at the arena's end. One thread moves the parts, on a queue of its own, when their command in the program's
//! queue is ready.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use opencl_sys::{CL_COMPLETE, CL_INVALID_OPERATION, CL_OUT_OF_HOST_MEMORY, CL_SUCCESS, cl_int};
use remora_protocol::opencl::{Deliver, EnqueueRead, EnqueueWrite, EventDone, Fetch};
use remora_protocol::{Bulk, Handle, List};

use super::area::{Part, Region};
use super::composed::Composed;
use super::copies::done;
use super::driver::Object;
use super::events::interval;
use super::memory::Mem;
use super::pins::make_known;
use super::queue::At;
use super::shared::Shared;
use super::transfer::{read_now, write_now};
use super::violation::Violation;

/// What one part may hold.
const SLOT: u64 = 1 << 20;

/// What the engine is told.
pub enum Job {
    /// A transfer is ready, or its wait has failed.
    Ready(Box<Deferred>, cl_int),
    /// The client has put the next part into its slot.
    #[allow(missing_docs)]
    Fetched { transfer: u64, bulk: Option<Bulk> },
    /// The client has taken the next part out of its slot.
    #[allow(missing_docs)]
    Delivered { transfer: u64 },
    /// The client can't have the program's memory any more.
    #[allow(missing_docs)]
    Refused { transfer: u64 },
    /// The session has ended.
    End,
}

/// A transfer in parts.
pub struct Deferred {
    number: u64,
    direction: Direction,
    mem: Arc<Mem>,
    region: Region,
    composed: Composed,
    /// The position to answer, if the program waits.
    answer: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToDevice,
    ToProgram,
}

/// Executes a write whose bytes have not come with it.
///
/// # Errors
/// If the event can't be named.
pub fn defer_write(at: &At<'_>, message: &EnqueueWrite<'_>, mem: Arc<Mem>, region: Region) -> Result<(), Violation> {
    defer(at, message.event, &message.wait, message.transfer, Direction::ToDevice, mem, region)
}

/// Executes a read that has no staging.
///
/// # Errors
/// If the event can't be named.
pub fn defer_read(at: &At<'_>, message: &EnqueueRead<'_>, mem: Arc<Mem>, region: Region) -> Result<(), Violation> {
    defer(at, message.event, &message.wait, message.transfer, Direction::ToProgram, mem, region)
}

fn defer(
    at: &At<'_>,
    event: Handle,
    wait: &List<'_, Handle>,
    number: u64,
    direction: Direction,
    mem: Arc<Mem>,
    region: Region,
) -> Result<(), Violation> {
    // Only a read is answered when it is done.
    let blocking = at.answer && direction == Direction::ToProgram;
    match Composed::enqueue(at, event, wait)? {
        Ok(composed) => {
            let answer = blocking.then_some(at.position);
            if !blocking {
                at.reply_status(CL_SUCCESS);
            }
            composed.when_ready(at, move |shared, composed, status| {
                let deferred = Deferred { number, direction, mem, region, composed, answer };
                let _ = shared.engine.send(Job::Ready(Box::new(deferred), status));
            });
        }
        Err(code) if blocking => at.reply(&EventDone { code, state: code }, None),
        Err(code) => {
            done(at.shared, number, code);
            at.reply_status(code);
        }
    }
    Ok(())
}

/// Moves transfers until the session ends. The body of a thread.
pub fn run(shared: &Arc<Shared>, jobs: Receiver<Job>) {
    let mut engine = Engine { shared, jobs, waiting: VecDeque::new(), committed: false };
    loop {
        let next = match engine.waiting.pop_front() {
            Some(next) => Ok(next),
            None => engine.next_ready(),
        };
        match next.and_then(|(deferred, status)| engine.transfer(&deferred, status)) {
            Ok(()) => {}
            Err(violation) => return shared.end(&violation),
        }
    }
}

struct Engine<'a> {
    shared: &'a Arc<Shared>,
    jobs: Receiver<Job>,
    /// Ready, but another one is under way.
    waiting: VecDeque<(Box<Deferred>, cl_int)>,
    /// Whether the slots have memory behind them.
    committed: bool,
}

/// What the client said about the part that was due.
enum Answer {
    Fetched(Option<Bulk>),
    Delivered,
    Refused,
}

impl Engine<'_> {
    fn next_ready(&mut self) -> Result<(Box<Deferred>, cl_int), Violation> {
        match self.jobs.recv() {
            Ok(Job::Ready(deferred, status)) => Ok((deferred, status)),
            Ok(Job::End) | Err(_) => Err(remora_link::Closed.into()),
            Ok(_) => Err(Violation::new("an answer to a transfer that is not under way")),
        }
    }

    /// Waits for the client's next answer about transfer `number`.
    fn answer(&mut self, number: u64) -> Result<Answer, Violation> {
        loop {
            let (transfer, answer) = match self.jobs.recv() {
                Ok(Job::Ready(deferred, status)) => {
                    self.waiting.push_back((deferred, status));
                    continue;
                }
                Ok(Job::Fetched { transfer, bulk }) => (transfer, Answer::Fetched(bulk)),
                Ok(Job::Delivered { transfer }) => (transfer, Answer::Delivered),
                Ok(Job::Refused { transfer }) => (transfer, Answer::Refused),
                Ok(Job::End) | Err(_) => return Err(remora_link::Closed.into()),
            };
            if transfer != number {
                return Err(Violation::new("an answer to a transfer that is not under way"));
            }
            return Ok(answer);
        }
    }

    fn transfer(&mut self, deferred: &Deferred, status: cl_int) -> Result<(), Violation> {
        let mut times = interval(self.shared.driver, &deferred.composed.marker).ok();
        let state = if status < 0 {
            status
        } else {
            // What the program's memory holds by now must have reached it before it is asked for.
            self.shared.settle();
            match self.side_queue(deferred) {
                Err(code) => code,
                Ok(side) => {
                    let moved = match deferred.direction {
                        Direction::ToDevice => self.fetch(deferred, &side, &mut times)?,
                        Direction::ToProgram => self.deliver(deferred, &side, &mut times)?,
                    };
                    moved.err().unwrap_or(CL_COMPLETE)
                }
            }
        };
        if let Some(times) = times {
            deferred.composed.event.measured(times);
        }
        if state < 0 && status >= 0 && deferred.answer.is_none() {
            tracing::warn!(code = state, "a transfer in parts failed");
            deferred.composed.queue.late(state);
        }
        self.end(deferred, state);
        Ok(())
    }

    fn side_queue(&mut self, deferred: &Deferred) -> Result<Arc<Object>, cl_int> {
        if !self.committed {
            let Range { start, end } = self.shared.arena().bounce();
            self.shared.arena().commit(start, end - start).map_err(|error| {
                tracing::error!(%error, "no memory for transfers in parts");
                CL_OUT_OF_HOST_MEMORY
            })?;
            self.committed = true;
        }
        let (queue, bounce) = (&deferred.composed.queue, self.shared.arena().bounce());
        make_known(self.shared, &queue.context, Bulk { offset: bounce.start, length: bounce.end - bounce.start });
        queue.context.side_queue(self.shared.driver, &queue.device)
    }

    /// Program to device. The outer error ends the session, the inner one the transfer.
    fn fetch(
        &mut self,
        deferred: &Deferred,
        side: &Object,
        times: &mut Option<[u64; 5]>,
    ) -> Result<Result<(), cl_int>, Violation> {
        let mut parts = deferred.region.parts(SLOT as usize);
        let mut free: VecDeque<u64> = self.slots().collect();
        let mut asked: VecDeque<(Part, u64)> = VecDeque::new();
        let mut result = Ok(());
        loop {
            while result.is_ok() && !free.is_empty() {
                let Some(part) = parts.next() else { break };
                let Some(slot) = free.pop_front() else { break };
                let bulk = self.slot(slot, &part);
                let (transfer, offset) = (deferred.number, part.offset as u64);
                self.shared.notices.send(&Fetch { transfer, offset, length: bulk.length, arena: bulk.offset }, None);
                asked.push_back((part, slot));
            }
            let Some((part, slot)) = asked.pop_front() else { return Ok(result) };
            match self.answer(deferred.number)? {
                Answer::Fetched(bulk) if bulk == Some(self.slot(slot, &part)) => {
                    if result.is_ok() {
                        result = self.put(deferred, side, &part, slot, times);
                    }
                    free.push_back(slot);
                }
                Answer::Refused => result = result.and(Err(CL_INVALID_OPERATION)),
                Answer::Fetched(_) | Answer::Delivered => {
                    return Err(Violation::new("another part than the one that was asked for"));
                }
            }
        }
    }

    fn put(
        &self,
        deferred: &Deferred,
        side: &Object,
        part: &Part,
        slot: u64,
        times: &mut Option<[u64; 5]>,
    ) -> Result<(), cl_int> {
        let source = self.address(slot)?;
        let (driver, mem, region) = (self.shared.driver, deferred.mem.raw(), &part.region);
        // SAFETY: live objects; the slot holds the part's bytes, and the write is done when the call returns.
        let event = unsafe { write_now(driver, side.raw(), mem, region, source) }?;
        self.note(times, part, &event);
        Ok(())
    }

    /// Device to program. Errors as for [`Engine::fetch`].
    fn deliver(
        &mut self,
        deferred: &Deferred,
        side: &Object,
        times: &mut Option<[u64; 5]>,
    ) -> Result<Result<(), cl_int>, Violation> {
        let (driver, mem) = (self.shared.driver, deferred.mem.raw());
        let mut free: VecDeque<u64> = self.slots().collect();
        let mut sent: VecDeque<u64> = VecDeque::new();
        let mut result = Ok(());
        for part in deferred.region.parts(SLOT as usize) {
            if free.is_empty() {
                result = result.and(self.delivered(deferred.number, &mut sent, &mut free)?);
            }
            let (Ok(()), Some(slot)) = (result, free.pop_front()) else { break };
            let read = self.address(slot).and_then(|target| {
                // SAFETY: live objects; the slot has room for a part, and the read is done when the call returns.
                unsafe { read_now(driver, side.raw(), mem, &part.region, target) }
            });
            match read {
                Ok(event) => self.note(times, &part, &event),
                Err(code) => {
                    result = Err(code);
                    break;
                }
            }
            let (transfer, offset) = (deferred.number, part.offset as u64);
            self.shared.notices.send(&Deliver { transfer, offset }, Some(self.slot(slot, &part)));
            sent.push_back(slot);
        }
        while !sent.is_empty() {
            result = result.and(self.delivered(deferred.number, &mut sent, &mut free)?);
        }
        Ok(result)
    }

    /// Waits for the oldest part to be taken out of its slot.
    fn delivered(
        &mut self,
        number: u64,
        sent: &mut VecDeque<u64>,
        free: &mut VecDeque<u64>,
    ) -> Result<Result<(), cl_int>, Violation> {
        let answer = self.answer(number)?;
        free.extend(sent.pop_front());
        match answer {
            Answer::Delivered => Ok(Ok(())),
            Answer::Refused => Ok(Err(CL_INVALID_OPERATION)),
            Answer::Fetched(_) => Err(Violation::new("another part than the one that was delivered")),
        }
    }

    /// Takes note of when a part was transferred. The whole begins with the first and ends with the last.
    fn note(&self, times: &mut Option<[u64; 5]>, part: &Part, event: &Object) {
        const START: usize = 2;
        const END: usize = 3;
        const COMPLETE: usize = 4;
        let Some(whole) = times else { return };
        if let Ok(own) = interval(self.shared.driver, event) {
            if part.offset == 0 {
                whole[START] = own[START];
            }
            (whole[END], whole[COMPLETE]) = (own[END], own[COMPLETE]);
        }
    }

    /// Tells that a transfer has ended. The notice goes before whatever the end of it sets off.
    fn end(&self, deferred: &Deferred, state: cl_int) {
        self.shared.stats.bytes_sent.add(deferred.region.packed() as u64);
        if state < 0 {
            self.shared.errors_seen.store(true, Ordering::SeqCst);
        }
        self.shared.settle();
        if deferred.answer.is_none() {
            done(self.shared, deferred.number, state);
        }
        deferred.composed.end(self.shared, state);
        if let Some(position) = deferred.answer {
            // A failure is in the state; the code is about the call.
            let code = if state < 0 { CL_SUCCESS } else { deferred.composed.queue.take_late().unwrap_or(CL_SUCCESS) };
            self.shared.stats.round_trips.add(1);
            deferred.composed.queue.replies.send(&self.shared.notices, position, &EventDone { code, state }, None);
        }
    }

    fn slots(&self) -> Range<u64> {
        let bounce = self.shared.arena().bounce();
        0..(bounce.end - bounce.start) / SLOT
    }

    fn slot(&self, slot: u64, part: &Part) -> Bulk {
        Bulk { offset: self.shared.client_arena() + slot * SLOT, length: part.region.packed() as u64 }
    }

    fn address(&self, slot: u64) -> Result<*mut u8, cl_int> {
        let pointer = self.shared.arena().pointer(self.shared.client_arena() + slot * SLOT, SLOT);
        pointer.map(|pointer| pointer.as_ptr()).ok_or(CL_OUT_OF_HOST_MEMORY)
    }
}
