//! What comes from the worker unasked: one thread receives it, in order.

use std::any::Any;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use remora_link::Receiver;
use remora_protocol::opencl::{ContentsSent, Delivered, Fetch, Fetched, HostCalled, NoticeMessage, TransferRefused};
use remora_protocol::{Bulk, Frame};

use crate::Lost;
use crate::session::Session;
use crate::transfer::Direction;

/// Who learns of a session's notices: a front-end.
pub trait NoticeSink: Send + Sync {
    /// For the front-end, to find its own again from a session.
    fn as_any(&self) -> &dyn Any;
    /// One notice, on the notice thread: must not block on the worker.
    fn notice(&self, session: &Arc<Session>, notice: NoticeMessage<'_>);
    /// The session has ended.
    fn lost(&self, session: &Arc<Session>);
}

/// How many notices have been handled; calls wait for those that their reply is to follow.
#[derive(Default)]
pub(crate) struct Handled {
    count: AtomicU64,
    waiting: AtomicU64,
    mutex: Mutex<bool>,
    changed: Condvar,
}

impl Handled {
    pub(crate) fn wait(&self, count: u64) -> Result<(), Lost> {
        if self.count.load(Ordering::Acquire) >= count {
            return Ok(());
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut ended = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        while self.count.load(Ordering::SeqCst) < count && !*ended {
            ended = self.changed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if self.count.load(Ordering::Acquire) >= count { Ok(()) } else { Err(Lost) }
    }

    pub(crate) fn one_more(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.mutex.lock());
            self.changed.notify_all();
        }
    }

    fn end(&self) {
        *self.mutex.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

thread_local! {
    static IS_NOTICE_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one that handles notices.
pub(crate) fn is_notice_thread() -> bool {
    IS_NOTICE_THREAD.try_with(Cell::get).unwrap_or(false)
}

/// Receives until the link closes. The body of the notice thread.
pub(crate) fn pump(session: &Arc<Session>, mut receiver: Receiver) {
    IS_NOTICE_THREAD.set(true);
    let mut bytes = Vec::new();
    while receiver.recv_parked(&mut bytes).is_ok() {
        let Ok(frame) = Frame::parse(&bytes) else { break };
        let Ok(notice) = NoticeMessage::decode(frame.opcode, frame.body) else { break };
        session.has_news();
        handle(session, notice, frame.bulk);
        receiver.acknowledge(frame.position);
        session.handled().one_more();
    }
    session.close();
    session.handled().end();
    for transfer in session.transfers().numbers() {
        session.transfers().end(transfer, opencl_device_not_available());
    }
    session.sink().lost(session);
}

/// CL_DEVICE_NOT_AVAILABLE, the state of commands whose device is gone.
const fn opencl_device_not_available() -> i32 {
    -2
}

fn handle(session: &Arc<Session>, notice: NoticeMessage<'_>, bulk: Option<Bulk>) {
    match notice {
        NoticeMessage::TransferDone(done) => session.transfers().end(done.transfer, done.state),
        NoticeMessage::Fetch(fetch) => send_part(session, &fetch),
        NoticeMessage::Deliver(part) => {
            receive_part(session, part.transfer, part.offset, bulk);
            // If this can't be sent the link is closed, and the pump ends by itself.
            let _ = session.answer_transfer(&Delivered { transfer: part.transfer }, None);
        }
        NoticeMessage::HostCall(call) => host_call(session, call.transfer),
        NoticeMessage::SendContents(asked) => {
            let bytes = session.offers().get(asked.number);
            let bytes = bytes.as_ref().map(|bytes| bytes.as_slice());
            // As above.
            let _ = session.answer_transfer(&ContentsSent { number: asked.number, bytes }, None);
        }
        NoticeMessage::Output(output) => {
            if let Err(error) = session.output().give(&output) {
                tracing::error!(%error, "no thread for what kernels print");
                session.close();
            }
        }
        NoticeMessage::StreamClosed(closed) => session.stream_closed(closed.stream),
        other => session.sink().notice(session, other),
    }
}

fn send_part(session: &Arc<Session>, fetch: &Fetch) {
    // The worker asks after what the program did before it set an event. That order goes through the other process, where no
    // tool sees it, so it is made here, too.
    let _ = session.news();
    let part = (|| {
        let host = session.transfers().host(fetch.transfer, Direction::ToWorker)?;
        let to = session.link().arena().pointer(fetch.arena, fetch.length)?;
        let (offset, length) = (usize::try_from(fetch.offset).ok()?, usize::try_from(fetch.length).ok()?);
        if offset.checked_add(length)? > host.packed_length() {
            return None;
        }
        session.link().arena().commit(fetch.arena, fetch.length).ok()?;
        // SAFETY: the program keeps the source of a write valid until its command is complete, which it is not while
        // parts of it are being fetched; the range was checked just above, and `to` has `length` bytes.
        unsafe { host.gather(offset, to.as_ptr(), length) };
        Some(Bulk { offset: fetch.arena, length: fetch.length })
    })();
    // As above: an error here means that the link is closed.
    let _ = match part {
        Some(bulk) => session.answer_transfer(&Fetched { transfer: fetch.transfer }, Some(bulk)),
        None => session.answer_transfer(&TransferRefused { transfer: fetch.transfer }, None),
    };
}

fn receive_part(session: &Arc<Session>, transfer: u64, offset: u64, bulk: Option<Bulk>) -> Option<()> {
    let bulk = bulk?;
    let host = session.transfers().host(transfer, Direction::ToProgram)?;
    let from = session.link().arena().pointer(bulk.offset, bulk.length)?;
    let (offset, length) = (usize::try_from(offset).ok()?, usize::try_from(bulk.length).ok()?);
    if offset.checked_add(length)? <= host.packed_length() {
        // SAFETY: as in `send_part`, for the destination of a read.
        unsafe { host.scatter(offset, from.as_ptr(), length) };
    }
    Some(())
}

/// Each on a thread of its own: such a call may take its time, and wait for another one.
fn host_call(session: &Arc<Session>, transfer: u64) {
    let Some(call) = session.transfers().call(transfer) else { return };
    let answering = Arc::clone(session);
    let run = move || {
        call();
        if answering.transfers().is_pending(transfer) {
            // If this can't be sent the link is closed, which the pump notices.
            let _ = answering.answer_transfer(&HostCalled { transfer }, None);
        }
    };
    if let Err(error) = remora_link::spawn_for_program("remora-host-call", session.signals(), run) {
        tracing::error!(%error, "no thread for what the program is to do");
        session.close();
    }
}
