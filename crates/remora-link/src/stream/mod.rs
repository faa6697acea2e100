//! The stream link: rings in private memory on both sides, and a bridge that carries what is in them through a socket.
//!
//! On the socket there are only messages of a fixed head and, except for acknowledgements, bytes:
//!
//! ```text
//! u32 lane, u32 kind, u64 a, u64 b
//!   RECORD  a bytes follow: the last or only part of a frame          ACK   a: bytes of the ring that have been taken out,
//!   PART    a bytes follow: a part of a frame, of which there is more       b: the position that was acknowledged
//!   BULK    b bytes follow, which belong at offset a of the arena; they precede the frame whose bulk they are
//! ```
//! Records are those of the sender's ring and go into the receiver's at the same places. The sender never has more on the way
//! than the receiver's ring has room for, by its acknowledgements: so the receiving side never has to wait for room in
//! one lane while there is something for another, and bulk is cut into pieces for the same reason.
//!
//! Whoever has something to send does it at once if nobody else is at it; only what the socket does not take is left to the
//! bridge's own thread. A thread that spins for a frame does the receiving itself, and the receiving thread stays asleep as
//! long as such threads come back soon. So between two busy processes no thread has to be woken; for the rest there is
//! one thread each way.

mod incoming;
mod outgoing;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use remora_protocol::frame;
use rustix::event::{EventfdFlags, PollFd, PollFlags, epoll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::cells::Cells;
use crate::descriptor::Descriptor;
use crate::layout::{Geometry, Lane};
use crate::link::{Closed, Inner, lock};
use crate::thread;
use incoming::{Incoming, Received};
use outgoing::{Flushed, Outgoing};

const RECORD: u32 = 1;
const PART: u32 = 2;
const ACK: u32 = 3;
const BULK: u32 = 4;
/// Bytes of a message's head.
const HEAD: usize = 24;

/// What a stream link has and a memfd link doesn't.
pub(crate) struct Bridge {
    /// By the lane's number.
    lanes: Box<[LaneState]>,
    /// Lanes with something to send: frames, or acknowledgements.
    marked: Mutex<Vec<u32>>,
    /// Not 0: somebody sends, and will look again if it has changed meanwhile.
    work: AtomicU64,
    outgoing: Mutex<Outgoing>,
    incoming: Mutex<Incoming>,
    /// What the receiving thread waits on.
    epoll: Descriptor,
    /// Readable when the receiving thread is to look whether receiving is still lent.
    timer: Descriptor,
    /// Readable when the sending thread is to go on with sending.
    handover: Descriptor,
}

/// How long the receiving thread sleeps on after a thread has received for itself: longer than a call that follows the
/// last one takes, shorter than anybody notices who waits for a frame that nobody receives meanwhile.
const LENT: Duration = Duration::from_micros(200);

/// What the two directions of the bridge share about a lane.
#[derive(Default)]
struct LaneState {
    /// Whether it is among the marked ones.
    marked: AtomicBool,
    /// Whether sending waits for an acknowledgement.
    starved: AtomicBool,
    /// Up to where the ring has been sent.
    sent: AtomicU64,
    /// Up to where the other side has taken it out.
    taken: AtomicU64,
}

/// After so many rounds of sending what other threads have marked meanwhile, a thread of the program goes on.
const MOST_ROUNDS: u32 = 64;

/// Numbers of the epoll's events.
const SOCKET: u64 = 0;
const CLOSING: u64 = 1;
const TIMER: u64 = 2;

impl Bridge {
    pub fn new(geometry: &Geometry, socket: BorrowedFd<'_>) -> io::Result<Self> {
        let epoll = Descriptor::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let handover = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, socket, epoll::EventData::new_u64(SOCKET), epoll::EventFlags::IN)?;
        Ok(Self {
            lanes: (0..geometry.lanes()).map(|_| LaneState::default()).collect(),
            marked: Mutex::default(),
            work: AtomicU64::new(0),
            outgoing: Mutex::new(Outgoing::new()),
            incoming: Mutex::new(Incoming::new()),
            epoll,
            timer: Descriptor::new(timer),
            handover: Descriptor::new(handover),
        })
    }

    /// Says that there is something to send for a lane: frames in its ring, or an acknowledgement.
    pub fn mark(&self, link: &Inner, lane: Lane) {
        if let Some(number) = link.geometry.number(lane) {
            self.mark_number(number);
        }
    }

    fn mark_number(&self, number: u32) {
        if !self.state(number).marked.swap(true, Ordering::SeqCst) {
            lock(&self.marked).push(number);
        }
    }

    fn state(&self, number: u32) -> &LaneState {
        &self.lanes[number as usize]
    }

    /// Has what was marked sent: by this thread as far as the socket takes it, or by whoever is sending already. Never
    /// waits for the other side.
    pub fn flush(&self, link: &Inner) {
        if self.work.fetch_add(1, Ordering::SeqCst) == 0 {
            match self.send(link) {
                Sent::All => {}
                Sent::SocketFull | Sent::Long | Sent::Failed => self.hand_over(),
            }
        }
    }

    /// Sends as long as there is something; only who has made `work` different from 0 may call it.
    fn send(&self, link: &Inner) -> Sent {
        for _ in 0..MOST_ROUNDS {
            let seen = self.work.load(Ordering::SeqCst);
            match lock(&self.outgoing).flush(link, self) {
                Flushed::All => {
                    if self.work.compare_exchange(seen, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                        return Sent::All;
                    }
                }
                Flushed::Long => return Sent::Long,
                Flushed::SocketFull => return Sent::SocketFull,
                Flushed::Failed => return Sent::Failed,
            }
        }
        Sent::Long
    }

    /// The sending thread takes on the duty to send.
    fn hand_over(&self) {
        if let Err(error) = rustix::io::write(&self.handover, &1u64.to_ne_bytes()) {
            tracing::error!(%error, "eventfd");
        }
    }

    /// Sends what still can be sent without waiting. The link is being closed.
    pub fn flush_for_the_last_time(&self, link: &Inner) {
        lock(&self.outgoing).flush(link, self);
    }

    /// Receives everything that has arrived. The other side is gone.
    pub fn drain(&self, link: &Inner) {
        let mut incoming = lock(&self.incoming);
        while receive(&mut incoming, link) {}
    }

    /// Lets the calling thread do the receiving, unless another does it.
    pub fn take_over<'a>(&'a self, link: &'a Inner) -> Option<TakenOver<'a>> {
        let mut incoming = self.incoming.try_lock().ok()?;
        if !incoming.is_lent {
            incoming.is_lent = true;
            self.watch_socket(link, epoll::EventFlags::empty());
        }
        Some(TakenOver { bridge: self, link, incoming, found: false })
    }

    /// Makes sure that what arrives is received though the calling thread will sleep.
    pub fn hand_back(&self, link: &Inner) {
        // If it is locked, somebody receives right now, and the receiving thread looks after it soon.
        if let Ok(mut incoming) = self.incoming.try_lock() {
            self.take_back(link, &mut incoming);
        }
    }

    /// From now on the receiving thread receives.
    fn take_back(&self, link: &Inner, incoming: &mut Incoming) {
        if incoming.is_lent {
            incoming.is_lent = false;
            self.watch_socket(link, epoll::EventFlags::IN);
        }
    }

    /// For what the receiving thread is woken by the socket.
    fn watch_socket(&self, link: &Inner, events: epoll::EventFlags) {
        if let Err(error) = epoll::modify(&self.epoll, &link.socket, epoll::EventData::new_u64(SOCKET), events) {
            tracing::error!(%error, "epoll");
        }
    }

    /// Has the receiving thread woken when receiving has been lent for long enough.
    fn set_timer(&self, incoming: &mut Incoming) {
        incoming.is_timer_set = true;
        let value = Timespec { tv_sec: 0, tv_nsec: LENT.subsec_nanos().into() };
        let timer = Itimerspec { it_interval: Timespec::default(), it_value: value };
        if let Err(error) = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &timer) {
            tracing::error!(%error, "timerfd");
        }
    }

    /// Takes receiving back from threads that do not come any more. Called by the receiving thread.
    fn look_at_timer(&self, link: &Inner, incoming: &mut Incoming) {
        if !incoming.is_timer_set || rustix::io::read(&self.timer, &mut [0; 8]).is_err() {
            return;
        }
        incoming.is_timer_set = false;
        if incoming.is_lent {
            if incoming.last_use.elapsed() < LENT {
                self.set_timer(incoming);
            } else {
                self.take_back(link, incoming);
            }
        }
    }

    /// Refuses a frame with bulk that is not inside the arena.
    pub fn check_bulk(&self, link: &Inner, bytes: &[u8]) -> Result<(), Closed> {
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let (Some(offset), Some(length)) = (word(BULK_OFFSET), word(BULK_LENGTH)) else { return Ok(()) };
        if bytes.len() < frame::HEADER || length == 0 || link.arena.pointer(offset, length).is_some() {
            return Ok(());
        }
        tracing::error!(offset, length, "bulk of a frame is not inside the arena");
        link.close("bulk of a frame is not inside the arena");
        Err(Closed)
    }
}

/// Where a frame's header has its bulk; see [`remora_protocol::frame`].
const BULK_OFFSET: usize = 16;
const BULK_LENGTH: usize = 24;

/// Offset and length of the bulk of a frame whose first record, of `length` bytes, has its contents at `at`.
fn bulk_in_ring(cells: &Cells, at: usize, length: usize) -> Option<(u64, u64)> {
    if length < frame::HEADER {
        return None;
    }
    let word = |offset| u64::from_le(cells.read_word(at + offset));
    let (offset, length) = (word(BULK_OFFSET), word(BULK_LENGTH));
    (length > 0).then_some((offset, length))
}

enum Sent {
    All,
    /// There is still more, but this thread has done enough.
    Long,
    SocketFull,
    Failed,
}

/// The right and duty to receive.
pub(crate) struct TakenOver<'a> {
    bridge: &'a Bridge,
    link: &'a Inner,
    incoming: MutexGuard<'a, Incoming>,
    found: bool,
}

impl TakenOver<'_> {
    /// Receives once if something has arrived.
    pub fn receive(&mut self) {
        receive(&mut self.incoming, self.link);
    }

    /// The thread has what it waited for. It probably comes back soon, so the receiving thread sleeps on for a moment.
    pub fn found(&mut self) {
        self.found = true;
    }
}

impl Drop for TakenOver<'_> {
    fn drop(&mut self) {
        if !self.found {
            self.bridge.take_back(self.link, &mut self.incoming);
            return;
        }
        self.incoming.last_use = Instant::now();
        if !self.incoming.is_timer_set {
            self.bridge.set_timer(&mut self.incoming);
        }
    }
}

/// Receives once. False if there was nothing, or there can be nothing any more.
fn receive(incoming: &mut Incoming, link: &Inner) -> bool {
    match incoming.receive(link) {
        Received::Something => true,
        Received::Nothing => false,
        Received::End => {
            link.close("the other side has closed it");
            false
        }
        Received::Broken(what) => {
            link.corrupt(what);
            false
        }
    }
}

/// Starts the two threads, which end when the link is closed.
pub(crate) fn start(link: &Arc<Inner>) -> io::Result<()> {
    let bridge = |link: &Arc<Inner>, body: fn(&Inner, &Bridge)| {
        let link = Arc::clone(link);
        move || {
            if let Some(bridge) = &link.bridge {
                body(&link, bridge);
            }
        }
    };
    if let Some(bridge) = &link.bridge {
        let data = epoll::EventData::new_u64(CLOSING);
        epoll::add(&bridge.epoll, link.closing(), data, epoll::EventFlags::IN)?;
        let data = epoll::EventData::new_u64(TIMER);
        epoll::add(&bridge.epoll, &bridge.timer, data, epoll::EventFlags::IN)?;
    }
    thread::spawn("remora-rx", bridge(link, receive_all))?;
    thread::spawn("remora-tx", bridge(link, send_all))?;
    Ok(())
}

fn receive_all(link: &Inner, bridge: &Bridge) {
    let mut events = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 3];
    while !link.is_closed() {
        match epoll::wait(&bridge.epoll, &mut events[..], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "epoll");
                link.close("the socket can't be watched");
                return;
            }
        }
        let mut incoming = lock(&bridge.incoming);
        bridge.look_at_timer(link, &mut incoming);
        while !link.is_closed() && receive(&mut incoming, link) {}
    }
}

fn send_all(link: &Inner, bridge: &Bridge) {
    loop {
        if !wait_for(link, bridge.handover.as_fd(), PollFlags::IN) {
            return;
        }
        // Only resets it; that it was readable is all it says.
        let _ = rustix::io::read(&bridge.handover, &mut [0; 8]);
        loop {
            match bridge.send(link) {
                Sent::All => break,
                Sent::Long => {}
                Sent::SocketFull => {
                    if !wait_for(link, link.socket.as_fd(), PollFlags::OUT) {
                        return;
                    }
                }
                Sent::Failed => {
                    // The other side is gone. What it said before comes first.
                    bridge.drain(link);
                    link.close("nothing can be sent to the other side");
                    return;
                }
            }
        }
    }
}

/// False if the link is closed.
fn wait_for(link: &Inner, fd: BorrowedFd<'_>, flags: PollFlags) -> bool {
    loop {
        let mut fds = [PollFd::from_borrowed_fd(link.closing(), PollFlags::IN), PollFd::from_borrowed_fd(fd, flags)];
        match rustix::event::poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => {
                tracing::error!(%error, "poll");
                link.close("the socket can't be watched");
                return false;
            }
            Ok(_) => {}
        }
        if link.is_closed() {
            return false;
        }
        if !fds[1].revents().is_empty() {
            return true;
        }
    }
}
