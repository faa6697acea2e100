//! The thread of each stream: receives commands, waits for what they need, executes them, says how far it is.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use opencl_sys::{CL_OUT_OF_RESOURCES, cl_int};
use remora_link::{Lane, Receiver};
use remora_protocol::Frame;
use remora_protocol::opencl::CommandMessage;

use super::engine::Job;
use super::queue::{At, Queue};
use super::replies::Replies;
use super::shared::Shared;
use super::violation::Violation;
use super::{commands, host_calls, objects};
use crate::lock;

/// The stream of objects, the stream of transfers, and the first one of a queue.
pub const OBJECTS: u32 = 0;
/// See [`OBJECTS`].
pub const TRANSFERS: u32 = 1;
/// See [`OBJECTS`].
pub const FIRST_QUEUE: u32 = 2;

/// CPU drivers compile in the call that enqueues, and compilers recurse deeply.
pub const DRIVER_STACK: usize = 16 << 20;

/// The threads of the streams. One stays when its queue is closed, asleep, for the next queue that gets its number.
#[derive(Default)]
pub struct Executors {
    streams: Mutex<HashMap<u32, Arc<Stream>>>,
}

struct Stream {
    replies: Arc<Replies>,
    queue: Mutex<Option<Arc<Queue>>>,
}

impl Executors {
    /// Makes `stream` ready for a queue, with a thread if it has none yet. The result is where its commands are answered,
    /// or a code if there is no room.
    ///
    /// # Errors
    /// If the number can't be a queue's, or is in use: no client does that.
    pub fn open(&self, shared: &Arc<Shared>, stream: u32) -> Result<Result<Arc<Replies>, cl_int>, Violation> {
        if stream < FIRST_QUEUE || !shared.progress.has(stream) {
            return Err(Violation::new("a queue in a stream that does not exist"));
        }
        let mut streams = lock(&self.streams);
        if let Some(open) = streams.get(&stream) {
            if lock(&open.queue).is_some() {
                return Err(Violation::new("a queue in a stream that is in use"));
            }
            return Ok(Ok(Arc::clone(&open.replies)));
        }
        let Ok((receiver, replies)) = lanes(shared, stream) else { return Ok(Err(CL_OUT_OF_RESOURCES)) };
        let opened = Arc::new(Stream { replies: Arc::clone(&replies), queue: Mutex::new(None) });
        let executing = Arc::clone(&opened);
        let started = start(shared, stream, receiver, move |shared, frame, message| {
            let Some(queue) = lock(&executing.queue).clone() else {
                return Err(Violation::new("a command for a queue that is closed"));
            };
            let at = At {
                shared,
                queue: &queue,
                position: frame.position,
                answer: frame.notices == 1,
                bulk: frame.bulk,
                name: message.name(),
            };
            commands::execute(&at, message)
        });
        if started.is_err() {
            return Ok(Err(CL_OUT_OF_RESOURCES));
        }
        streams.insert(stream, opened);
        Ok(Ok(replies))
    }

    /// From now on the commands of the queue's stream are for it.
    pub fn install(&self, queue: &Arc<Queue>) {
        if let Some(stream) = lock(&self.streams).get(&queue.stream) {
            *lock(&stream.queue) = Some(Arc::clone(queue));
        }
    }

    /// The queues that are open.
    #[must_use]
    pub fn queues(&self) -> Vec<Arc<Queue>> {
        lock(&self.streams).values().filter_map(|stream| lock(&stream.queue).clone()).collect()
    }

    /// The queue's stream is free.
    pub fn close(&self, queue: &Queue) {
        if let Some(stream) = lock(&self.streams).get(&queue.stream) {
            let closed = lock(&stream.queue).take();
            drop(closed);
        }
    }
}

/// Starts the executor of the object stream.
///
/// # Errors
/// If there is no room for it.
pub fn start_objects(shared: &Arc<Shared>) -> Result<(), NoRoom> {
    let (receiver, replies) = lanes(shared, OBJECTS)?;
    start(shared, OBJECTS, receiver, move |shared, frame, message| {
        objects::execute(&objects::At { shared, replies: &replies, frame }, message)
    })
}

/// Starts the thread that takes the client's answers: those about transfers in parts go to their engine.
///
/// # Errors
/// If there is no room for it.
pub fn start_transfers(shared: &Arc<Shared>) -> Result<(), NoRoom> {
    let receiver = shared.link.receiver(Lane::Commands(TRANSFERS)).map_err(|error| NoRoom(error.to_string()))?;
    start(shared, TRANSFERS, receiver, |shared, frame, message| {
        let job = match message {
            CommandMessage::Fetched(message) => Job::Fetched { transfer: message.transfer, bulk: frame.bulk },
            CommandMessage::Delivered(message) => Job::Delivered { transfer: message.transfer },
            CommandMessage::HostCalled(message) => return host_calls::called(shared, message.transfer),
            CommandMessage::TransferRefused(message) => Job::Refused { transfer: message.transfer },
            CommandMessage::ContentsSent(message) => return shared.asked.arrived(shared, message),
            _ => return Err(Violation::new("a command of another stream")),
        };
        shared.engine.send(job).map_err(|_| remora_link::Closed.into())
    })
}

fn lanes(shared: &Shared, stream: u32) -> Result<(Receiver, Arc<Replies>), NoRoom> {
    let lane = |error: remora_link::LinkError| NoRoom(error.to_string());
    let receiver = shared.link.receiver(Lane::Commands(stream)).map_err(lane)?;
    let sender = shared.link.sender(Lane::Replies(stream)).map_err(lane)?;
    Ok((receiver, Arc::new(Replies::new(sender))))
}

/// Memory or a thread that a stream needs can't be had.
#[derive(Debug, thiserror::Error)]
#[error("no room for a stream: {0}")]
pub struct NoRoom(String);

fn start(
    shared: &Arc<Shared>,
    stream: u32,
    receiver: Receiver,
    execute: impl FnMut(&Arc<Shared>, &Frame<'_>, &CommandMessage<'_>) -> Result<(), Violation> + Send + 'static,
) -> Result<(), NoRoom> {
    let shared = Arc::clone(shared);
    let body = move || guarded(&shared, || receive(&shared, stream, receiver, execute));
    spawn(&format!("stream-{stream}"), DRIVER_STACK, body).map_err(|error| {
        tracing::error!(%error, "no thread for a stream");
        NoRoom(error.to_string())
    })
}

/// Starts a thread of the session.
///
/// # Errors
/// If the system has no room for one.
pub fn spawn(name: &str, stack: usize, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(stack).spawn(body).map(drop)
}

/// Runs a thread's body. Whatever ends it, be it a fault of ours, ends the session: nothing waits for a dead thread.
pub fn guarded(shared: &Shared, body: impl FnOnce() -> Result<(), Violation>) {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => {}
        Ok(Err(violation)) => shared.end(&violation),
        Err(_) => shared.panicked(),
    }
}

fn receive(
    shared: &Arc<Shared>,
    stream: u32,
    mut receiver: Receiver,
    mut execute: impl FnMut(&Arc<Shared>, &Frame<'_>, &CommandMessage<'_>) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let mut bytes = Vec::new();
    let mut last = 0;
    loop {
        receiver.recv(&mut bytes)?;
        let frame = Frame::parse(&bytes)?;
        if frame.position != last + 1 {
            return Err(Violation::new("a command out of its place"));
        }
        last = frame.position;
        let message = CommandMessage::decode(frame.opcode, frame.body)?;
        if frame.needs().any(|need| !shared.progress.has(need.stream)) {
            return Err(Violation::new("a need of a stream that does not exist"));
        }
        // These wait by themselves, so that what comes after them need not.
        if !matches!(message, CommandMessage::Release(_) | CommandMessage::WatchEvent(_)) {
            shared.progress.wait(frame.needs())?;
        }
        execute(shared, &frame, &message)?;
        shared.progress.publish(stream, last);
        shared.stats.command();
        receiver.acknowledge(last);
        shrink(&mut bytes);
    }
}

/// What one large command took is not kept for small ones.
fn shrink(bytes: &mut Vec<u8>) {
    const KEEP: usize = 1 << 20;
    if bytes.capacity() > KEEP {
        *bytes = Vec::new();
    }
}
