//! A session: streams, arena, transfers and handles over one link.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use remora_link::{Lane, Link, LinkError, Signals, Window};
use remora_protocol::handle::Minter;
use remora_protocol::hello::Opened;
use remora_protocol::message::Command;
use remora_protocol::opencl::{EnqueueRead, Finish, WaitForEvent};
use remora_protocol::{Bulk, Handle, Kind};

use crate::contents::Offers;
use crate::notices::{self, Handled, pump};
use crate::output::Output;
use crate::stream::Answer;
use crate::transfer::{Direction, HostCall, Transfers};
use crate::{Arena, Callbacks, Contents, Lost, Needs, NoticeSink, Staging, Stream, Transfer, fork};

/// The stream of object commands.
pub const OBJECTS: u32 = 0;
const TRANSFERS: u32 = 1;
const FIRST_QUEUE: u32 = 2;
/// The answers to these say that something is complete.
const COMPLETIONS: [u16; 3] = [Finish::OPCODE, EnqueueRead::OPCODE, WaitForEvent::OPCODE];
/// The facts name root devices by indices below this.
const ROOT_DEVICES: u32 = 1 << 16;

/// A program's connection to one worker.
pub struct Session {
    link: Link,
    generation: u32,
    minter: Minter,
    arena: Arc<Arena>,
    objects: Stream,
    transfer_stream: Stream,
    streams: Mutex<Streams>,
    transfers: Transfers,
    offers: Arc<Offers>,
    handled: Handled,
    callbacks: Callbacks,
    output: Output,
    /// What the thread that opened it blocks: so do those that run code of the program.
    signals: Signals,
    sink: Arc<dyn NoticeSink>,
    memory_credit: AtomicI64,
    /// Replies to commands of queues, and notices, so far.
    news: AtomicU64,
}

struct Streams {
    next: u32,
    end: u32,
    open: HashMap<u32, Arc<Stream>>,
    idle: Vec<Arc<Stream>>,
}

impl Session {
    pub(crate) fn start(link: Link, opened: &Opened, sink: Arc<dyn NoticeSink>) -> Result<Arc<Self>, LinkError> {
        let open = |number| -> Result<Stream, LinkError> {
            Ok(Stream::new(number, link.sender(Lane::Commands(number))?, link.receiver(Lane::Replies(number))?))
        };
        let minter = Minter::default();
        minter.reserve(Kind::Device, ROOT_DEVICES);
        let signals = Signals::blocked_here();
        let session = Arc::new(Self {
            objects: open(OBJECTS)?,
            transfer_stream: open(TRANSFERS)?,
            generation: fork::generation(),
            minter,
            arena: Arena::new(link.clone()),
            streams: Mutex::new(Streams {
                next: FIRST_QUEUE,
                end: opened.layout.streams,
                open: HashMap::new(),
                idle: Vec::new(),
            }),
            transfers: Transfers::default(),
            offers: Arc::default(),
            handled: Handled::default(),
            callbacks: Callbacks::start(signals).map_err(no_thread)?,
            output: Output::new(signals),
            signals,
            sink,
            memory_credit: AtomicI64::new(i64::try_from(opened.memory_credit).unwrap_or(i64::MAX)),
            news: AtomicU64::new(0),
            link: link.clone(),
        });
        let receiver = link.receiver(Lane::Notices)?;
        let pumped = Arc::clone(&session);
        remora_link::spawn("remora-notices", move || pump(&pumped, receiver)).map_err(no_thread)?;
        Ok(session)
    }

    /// Fails once the worker is gone, or in a fork child of the process that opened the session.
    ///
    /// # Errors
    /// [`Lost`] then.
    #[inline]
    pub fn check(&self) -> Result<(), Lost> {
        if self.generation != fork::generation() || self.link.is_closed() { Err(Lost) } else { Ok(()) }
    }

    /// A new name.
    pub fn mint(&self, kind: Kind) -> Handle {
        self.minter.mint(kind)
    }

    /// The name is free again.
    pub fn retire(&self, handle: Handle) {
        self.minter.retire(handle);
    }

    /// The stream of object commands.
    #[must_use]
    pub fn objects(&self) -> &Stream {
        &self.objects
    }

    /// Opens a stream for a queue; `None` when all are in use or memory is short.
    pub fn open_stream(&self) -> Option<Arc<Stream>> {
        self.check().ok()?;
        let mut streams = lock(&self.streams);
        let stream = match streams.idle.pop() {
            Some(stream) => stream,
            None => {
                let number = streams.next;
                if number >= streams.end {
                    return None;
                }
                let sender = self.link.sender(Lane::Commands(number)).ok()?;
                let receiver = self.link.receiver(Lane::Replies(number)).ok()?;
                streams.next += 1;
                Arc::new(Stream::new(number, sender, receiver))
            }
        };
        streams.open.insert(stream.number(), Arc::clone(&stream));
        Some(stream)
    }

    /// The stream can be used again: its queue is closed, or never was.
    pub fn stream_closed(&self, number: u32) {
        let mut streams = lock(&self.streams);
        if let Some(stream) = streams.open.remove(&number) {
            stream.finish_to(stream.sent());
            streams.idle.push(stream);
        }
    }

    /// What all streams of queues have been sent so far: the needs of a release.
    #[must_use]
    pub fn everything_sent(&self) -> Needs {
        let mut needs = Needs::default();
        for stream in lock(&self.streams).open.values() {
            needs.add(stream.number(), stream.sent());
        }
        needs
    }

    /// Sends a command that nobody waits for. Returns its position.
    ///
    /// # Errors
    /// [`Lost`] if the session has ended.
    #[inline]
    pub fn send<C: Command>(
        &self,
        stream: &Stream,
        command: &C,
        needs: &Needs,
        bulk: Option<Bulk>,
    ) -> Result<u64, Lost> {
        self.check()?;
        stream.send(command, needs, bulk, false)
    }

    /// Sends a command and waits for its answer, and for all notices before it to have been handled.
    ///
    /// # Errors
    /// [`Lost`] if the session has ended.
    pub fn call<C: Command>(
        &self,
        stream: &Stream,
        command: &C,
        needs: &Needs,
        bulk: Option<Bulk>,
    ) -> Result<(u64, Answer), Lost> {
        let position = self.ask(stream, command, needs, bulk)?;
        self.answer::<C>(stream, position)
    }

    /// Sends a command for an answer, which [`Session::answer`] must be called for.
    ///
    /// # Errors
    /// [`Lost`] if the session has ended.
    pub fn ask<C: Command>(
        &self,
        stream: &Stream,
        command: &C,
        needs: &Needs,
        bulk: Option<Bulk>,
    ) -> Result<u64, Lost> {
        self.check()?;
        stream.send(command, needs, bulk, true)
    }

    /// As [`Session::call`], if no other thread waits for an answer of this stream: the worker might come to this command
    /// only after it. `None` if one does; nothing is sent then.
    pub fn call_first<C: Command>(
        &self,
        stream: &Stream,
        command: &C,
        needs: &Needs,
    ) -> Option<Result<(u64, Answer), Lost>> {
        let sent = self.check().map_or_else(|lost| Some(Err(lost)), |()| stream.send_first(command, needs))?;
        Some(sent.and_then(|position| self.answer::<C>(stream, position)))
    }

    /// Waits for the answer to the `C` at `position`, and for all notices before it to have been handled.
    ///
    /// # Errors
    /// [`Lost`] if the session has ended.
    pub fn answer<C: Command>(&self, stream: &Stream, position: u64) -> Result<(u64, Answer), Lost> {
        let answer = stream.reply(position)?;
        self.handled.wait(answer.notices())?;
        if stream.number() != OBJECTS {
            self.has_news();
        }
        if COMPLETIONS.contains(&C::OPCODE) {
            self.wait_for_output(self.printed(stream));
        }
        Ok((position, answer))
    }

    /// How much had been printed, of all kernels together, when a command of `stream` was complete that is known now to be:
    /// natively it isn't before that is written.
    #[must_use]
    pub fn printed(&self, stream: &Stream) -> u64 {
        if stream.prints() { self.output.given() } else { 0 }
    }

    /// Whether that much is written.
    #[must_use]
    pub fn is_written(&self, printed: u64) -> bool {
        // A fork child has no thread that writes.
        self.output.is_written(printed) || self.generation != fork::generation()
    }

    /// Waits for that. Not for the notice thread.
    pub fn wait_for_output(&self, printed: u64) {
        if !self.is_written(printed) {
            self.output.wait(printed);
        }
    }

    /// Grows whenever this process may have learnt that something in a queue is complete.
    #[must_use]
    pub fn news(&self) -> u64 {
        self.news.load(Ordering::Acquire)
    }

    /// Something happened after which polling may show something new.
    pub fn has_news(&self) {
        self.news.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn answer_transfer<C: Command>(&self, command: &C, bulk: Option<Bulk>) -> Result<u64, Lost> {
        self.send(&self.transfer_stream, command, &Needs::default(), bulk)
    }

    /// What may have to be sent to the worker, or not if it has it from before.
    #[must_use]
    pub fn contents(&self, bytes: Vec<u8>) -> Contents {
        Contents::new(bytes, &self.offers)
    }

    /// Room in the arena, or `None` if there is none now.
    pub fn stage(&self, length: usize) -> Option<Staging> {
        self.objects.finish_executed();
        self.arena.allocate(length)
    }

    /// The same for a transfer that can't be divided.
    pub fn stage_whole(&self, length: usize) -> Option<Staging> {
        self.objects.finish_executed();
        self.arena.allocate_whole(length)
    }

    /// Room for an object's own memory.
    pub fn stage_store(&self, length: usize) -> Option<Staging> {
        self.objects.finish_executed();
        self.arena.allocate_store(length)
    }

    /// The same, and all bytes are 0.
    pub fn stage_zeroed(&self, length: usize) -> Option<Staging> {
        self.objects.finish_executed();
        self.arena.allocate_zeroed(length)
    }

    /// The pages of `staging` also at `address`.
    ///
    /// # Errors
    /// As for [`Window::alias`].
    pub fn window(&self, staging: &Staging, size: usize, address: usize) -> std::io::Result<Window> {
        Window::alias(self.link.arena(), staging.offset(), size, address)
    }

    /// Whether worker and program see the same arena.
    #[must_use]
    pub fn shares_memory(&self) -> bool {
        self.link.shares_memory()
    }

    /// Registers a transfer; its number goes into the command.
    pub fn begin_transfer(&self, transfer: Transfer) -> u64 {
        self.transfers.begin(transfer, None)
    }

    /// Registers something that the program does by itself; the number goes into the command. `done` is told the final
    /// state.
    pub fn begin_host_call(&self, call: HostCall, done: Box<dyn FnOnce(i32) + Send>) -> u64 {
        let transfer = Transfer { direction: Direction::ToWorker, host: None, staging: None, done };
        self.transfers.begin(transfer, Some(call))
    }

    /// The command of a transfer could not be sent, or a blocking one is done.
    pub fn end_transfer(&self, number: u64, state: i32) {
        self.transfers.end(number, state);
    }

    /// Whether something unfinished may yet write to these addresses: a read, or code of the program.
    #[must_use]
    pub fn will_write(&self, span: &Range<usize>) -> bool {
        self.transfers.will_write(span)
    }

    /// Whether some of these addresses are the arena's.
    #[must_use]
    pub fn is_in_arena(&self, span: &Range<usize>) -> bool {
        self.arena.overlaps(span)
    }

    /// Where these addresses begin in the arena, if all of them are the arena's: such memory needs no other staging.
    #[must_use]
    pub fn place(&self, span: &Range<usize>) -> Option<u64> {
        self.arena.place(span)
    }

    /// Takes `bytes` of device memory from the credit that needs no asking; false when it is used up.
    pub fn take_credit(&self, bytes: u64) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.memory_credit
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |credit| {
                credit.checked_sub(bytes).filter(|left| *left >= 0)
            })
            .is_ok()
    }

    /// Gives back what [`Session::take_credit`] took.
    pub fn return_credit(&self, bytes: u64) {
        self.memory_credit.fetch_add(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::AcqRel);
    }

    /// Does something that sends commands, or runs code of the program: at once, or on a callback thread if this is the
    /// notice thread. That must wait for nobody, or the worker waits for it.
    pub fn aside(&self, job: impl FnOnce() + Send + 'static) {
        if notices::is_notice_thread() { self.callbacks.run(Handle::NONE, job) } else { job() }
    }

    /// The threads for the program's callbacks.
    #[must_use]
    pub fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    pub(crate) fn signals(&self) -> Signals {
        self.signals
    }

    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    pub(crate) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    pub(crate) fn offers(&self) -> &Offers {
        &self.offers
    }

    pub(crate) fn handled(&self) -> &Handled {
        &self.handled
    }

    /// Who learns of this session's notices.
    #[must_use]
    pub fn sink(&self) -> &Arc<dyn NoticeSink> {
        &self.sink
    }

    pub(crate) fn close(&self) {
        self.link.close();
    }
}

fn no_thread(error: std::io::Error) -> LinkError {
    LinkError::Io { what: "start a thread", error }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
