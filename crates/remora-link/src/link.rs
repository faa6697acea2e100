//! A link: one session's memory and socket, and the lanes in them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use remora_protocol::hello::Layout;
use rustix::event::EventfdFlags;

use crate::cells::Cells;
use crate::descriptor::Descriptor;
use crate::lane::{Receiver, Sender};
use crate::layout::{Geometry, Lane, Side};
use crate::memory::{Arena, Mapping};
use crate::ring::{Consumer, Producer};
use crate::stream::Bridge;
use crate::watch;

/// The link is closed: the other side is gone or sent what can't be, or [`Link::close`] was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link to the other side is closed")]
pub struct Closed;

/// Why a link or one of its lanes can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The sizes make no sense.
    #[error("the link's layout is not possible: {0}")]
    Layout(&'static str),
    /// The stream's number is too high.
    #[error("the link has no lane {0:?}")]
    NoSuchLane(Lane),
    /// This side receives where it wanted to send, or the other way round.
    #[error("lane {0:?} runs the other way")]
    WrongSide(Lane),
    /// Somebody has it and has not dropped it yet.
    #[error("lane {0:?} is in use")]
    Taken(Lane),
    /// There is no link any more.
    #[error("the link to the other side is closed")]
    Closed,
    /// The system refused something.
    #[error("can't {what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl LinkError {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { what, error }
    }
}

/// One end of a session's connection. Clones are the same link; when the last one and the last sender and receiver are
/// dropped, it is closed.
///
/// In a fork child a link may be dropped but must not be used: its memory is not there. See [`Link::owner_pid`].
#[derive(Clone)]
pub struct Link {
    pub(crate) inner: Arc<Inner>,
    /// The threads of the link hold `inner`, so its count says nothing.
    _last: Arc<CloseWhenDropped>,
}

struct CloseWhenDropped(Arc<Inner>);

impl Drop for CloseWhenDropped {
    fn drop(&mut self) {
        self.0.close("it is no longer used");
    }
}

pub(crate) struct Inner {
    pub side: Side,
    pub geometry: Geometry,
    pub rings: Arc<Mapping>,
    pub arena: Arena,
    pub socket: Descriptor,
    /// None: the other side maps the same memory.
    pub bridge: Option<Bridge>,
    /// How many threads may be asleep in a lane.
    pub sleepers: AtomicU32,
    /// Becomes readable when the link is closed.
    closing: Descriptor,
    closed: AtomicBool,
    owner: u32,
    lanes: Mutex<HashMap<Lane, Slot>>,
    hooks: Mutex<Vec<Hook>>,
}

type Hook = Box<dyn FnOnce() + Send>;

/// A lane that has been opened.
struct Slot {
    cells: Cells,
    /// None while a sender or receiver has it.
    end: Option<End>,
}

/// A ring's end, where it stood when its last user was dropped.
pub(crate) enum End {
    Sending(Producer),
    /// And the parts of a frame that have arrived.
    Receiving(Consumer, Vec<u8>),
}

impl Link {
    /// A link through memory that both sides map. `rings` and `arena` come from [`crate::create_memory`] with the same
    /// layout; `socket` carries nothing but is watched: when its other end is closed or the process `peer` (a pidfd)
    /// ends, the link is closed.
    ///
    /// # Errors
    /// If the memory does not have the layout's sizes or could change them, or the system's.
    pub fn memfd(
        side: Side,
        layout: Layout,
        rings: OwnedFd,
        arena: OwnedFd,
        socket: OwnedFd,
        peer: Option<OwnedFd>,
    ) -> Result<Self, LinkError> {
        let geometry = Geometry::new(layout).map_err(LinkError::Layout)?;
        let rings = Mapping::shared(rings, geometry.rings_size()).map_err(LinkError::io("map the rings"))?;
        let arena = Mapping::shared(arena, geometry.arena_size()).map_err(LinkError::io("map the arena"))?;
        Self::new(side, geometry, rings, arena, Descriptor::new(socket), peer, None)
    }

    /// A link whose every byte travels through `socket`. Each side has private memory of the same layout; what one side
    /// writes into its arena reaches the other side's as bulk of a frame only.
    ///
    /// # Errors
    /// The system's.
    pub fn stream(side: Side, layout: Layout, socket: OwnedFd, peer: Option<OwnedFd>) -> Result<Self, LinkError> {
        let geometry = Geometry::new(layout).map_err(LinkError::Layout)?;
        let rings = Mapping::private(geometry.rings_size()).map_err(LinkError::io("make the rings"))?;
        let arena = Mapping::private(geometry.arena_size()).map_err(LinkError::io("make the arena"))?;
        let socket = Descriptor::new(socket);
        let bridge = Bridge::new(&geometry, socket.as_fd()).map_err(LinkError::io("watch the socket"))?;
        Self::new(side, geometry, rings, arena, socket, peer, Some(bridge))
    }

    fn new(
        side: Side,
        geometry: Geometry,
        rings: Mapping,
        arena: Mapping,
        socket: Descriptor,
        peer: Option<OwnedFd>,
        bridge: Option<Bridge>,
    ) -> Result<Self, LinkError> {
        let closing = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| LinkError::io("make an eventfd")(error.into()))?;
        let inner = Arc::new(Inner {
            side,
            geometry,
            rings: Arc::new(rings),
            arena: Arena::new(arena),
            socket,
            bridge,
            sleepers: AtomicU32::new(0),
            closing: Descriptor::new(closing),
            closed: AtomicBool::new(false),
            owner: std::process::id(),
            lanes: Mutex::default(),
            hooks: Mutex::default(),
        });
        // From here on an error drops the link, which ends the threads that run already.
        let link = Self { _last: Arc::new(CloseWhenDropped(Arc::clone(&inner))), inner };
        watch::start(&link.inner, peer.map(Descriptor::new)).map_err(LinkError::io("start a thread"))?;
        if link.inner.bridge.is_some() {
            crate::stream::start(&link.inner).map_err(LinkError::io("start a thread"))?;
        }
        Ok(link)
    }

    /// Opens a lane for sending and gives it memory. There is one sender of a lane at a time; after it was dropped the
    /// next one goes on where it stood.
    ///
    /// # Errors
    /// If there is no such lane, it runs the other way or is in use, there is no memory, or the link is closed.
    pub fn sender(&self, lane: Lane) -> Result<Sender, LinkError> {
        if lane.sending_side() != self.inner.side {
            return Err(LinkError::WrongSide(lane));
        }
        match self.inner.open(lane, |cells| End::Sending(Producer::new(cells)))? {
            End::Sending(producer) => Ok(Sender::new(self.clone(), lane, producer)),
            End::Receiving(..) => Err(LinkError::WrongSide(lane)),
        }
    }

    /// Opens a lane for receiving; otherwise as [`Link::sender`].
    ///
    /// # Errors
    /// As [`Link::sender`].
    pub fn receiver(&self, lane: Lane) -> Result<Receiver, LinkError> {
        if lane.sending_side() == self.inner.side {
            return Err(LinkError::WrongSide(lane));
        }
        match self.inner.open(lane, |cells| End::Receiving(Consumer::new(cells), Vec::new()))? {
            End::Receiving(consumer, parts) => Ok(Receiver::new(self.clone(), lane, consumer, parts)),
            End::Sending(_) => Err(LinkError::WrongSide(lane)),
        }
    }

    /// The memory for bulk data.
    #[must_use]
    pub fn arena(&self) -> &Arena {
        &self.inner.arena
    }

    /// Whether the other side sees what is written into the arena. If not, it travels as bulk of frames only.
    #[must_use]
    pub fn shares_memory(&self) -> bool {
        self.inner.bridge.is_none()
    }

    /// The sizes of the rings and the arena.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.inner.geometry.layout()
    }

    /// The process that made this link. In another one, a fork child, nothing but dropping it is allowed.
    #[must_use]
    pub fn owner_pid(&self) -> u32 {
        self.inner.owner
    }

    /// Closes the link: whoever waits in one of its lanes returns, and the other side notices. Frames that have arrived
    /// can still be received. What is in the arena stays.
    pub fn close(&self) {
        self.inner.close("this side closed it");
    }

    /// Whether the link is closed.
    #[must_use]
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Has `hook` called once when the link is closed: on a thread of the link, or here and now if that has happened
    /// already. It must not wait for the link.
    pub fn on_close(&self, hook: Box<dyn FnOnce() + Send>) {
        {
            let mut hooks = lock(&self.inner.hooks);
            // `run_hooks` takes the hooks after `closed` was set, under the same lock: this one is seen there, or the
            // link is seen closed here.
            if !self.inner.is_closed() {
                hooks.push(hook);
                return;
            }
        }
        hook();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = &self.inner;
        formatter
            .debug_struct("Link")
            .field("side", &inner.side)
            .field("layout", &inner.geometry.layout())
            .field("shares_memory", &self.shares_memory())
            .field("closed", &inner.is_closed())
            .finish()
    }
}

impl Inner {
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether this process made the link, as opposed to a fork child of it.
    pub fn is_owner(&self) -> bool {
        self.owner == std::process::id()
    }

    /// The process that made the link.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Readable when the link is closed.
    pub fn closing(&self) -> BorrowedFd<'_> {
        self.closing.as_fd()
    }

    fn open(&self, lane: Lane, new: impl FnOnce(Cells) -> End) -> Result<End, LinkError> {
        let place = self.geometry.place(lane).ok_or(LinkError::NoSuchLane(lane))?;
        if self.is_closed() {
            return Err(LinkError::Closed);
        }
        let mut lanes = lock(&self.lanes);
        match lanes.entry(lane) {
            Entry::Occupied(mut slot) => slot.get_mut().end.take().ok_or(LinkError::Taken(lane)),
            Entry::Vacant(slot) => {
                let size = crate::layout::HEADER + place.capacity;
                self.rings.commit(place.offset, size).map_err(LinkError::io("give memory to a ring"))?;
                let cells = Cells::new(&self.rings, place);
                slot.insert(Slot { cells: cells.clone(), end: None });
                Ok(new(cells))
            }
        }
    }

    /// Takes back a lane from its user.
    pub fn give_back(&self, lane: Lane, end: End) {
        // In a fork child, a thread that is not there may hold the lock.
        if !self.is_owner() {
            return;
        }
        if let Some(slot) = lock(&self.lanes).get_mut(&lane) {
            slot.end = Some(end);
        }
    }

    pub fn close(&self, why: &str) {
        if self.closed.swap(true, Ordering::SeqCst) || !self.is_owner() {
            return;
        }
        tracing::debug!(why, side = ?self.side, "link closed");
        self.wake_sleepers();
        if let Some(bridge) = &self.bridge {
            bridge.flush_for_the_last_time(self);
        }
        // The other side's watcher sees this even if a fork child of ours still has the socket.
        if self.socket.is_ours() {
            if let Err(error) = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both) {
                tracing::trace!(%error, "shutdown");
            }
        }
        if self.closing.is_ours() {
            if let Err(error) = rustix::io::write(&self.closing, &1u64.to_ne_bytes()) {
                tracing::warn!(%error, "eventfd");
            }
        }
    }

    /// Closes the link because the other side broke the rules.
    #[cold]
    pub fn corrupt(&self, what: &str) {
        tracing::warn!(what, side = ?self.side, "the other side of a link sent what can't be");
        self.close("the other side sent what can't be");
    }

    /// Wakes everybody who sleeps in a lane, so that they see that the link is closed.
    pub fn wake_sleepers(&self) {
        for slot in lock(&self.lanes).values() {
            slot.cells.producer_bell().ring_always();
            slot.cells.consumer_bell().ring_always();
        }
    }

    /// Calls what waits for the link to be closed, which it is.
    pub fn run_hooks(&self) {
        let hooks = std::mem::take(&mut *lock(&self.hooks));
        for hook in hooks {
            hook();
        }
    }
}

/// Nothing that is done under a lock of this crate can leave the value half changed, so a panic elsewhere is no reason to
/// have another one here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
