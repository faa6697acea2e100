//! The transports: how frames and bulk data get from one process to another.
//!
//! A [`Link`] is one session's connection. It has *lanes*, each of which carries frames in one direction: per stream one for
//! commands and one for replies, and one for notices. And it has an [`Arena`] for bulk data. There are two kinds, which
//! behave alike: [`Link::memfd`] through memory that both processes map, and [`Link::stream`] through a socket.
//!
//! ```text
//! lane      whole frames, waiting, the end of a link         link      lanes, closing
//! ring      records in a ring; what a peer may do to it      watch     notices when the other side ends
//! cells     one ring's memory; bell: what to sleep on         stream    the bridge between rings through a socket
//! memory    memfds, mappings, the arena                      wait      spinning; cpus: how many may spin
//! window    memory at an address that a driver has chosen
//! ```
//!
//! The other side is not trusted, whichever side it is: memory that it can write is only touched through atomics and raw
//! copies, every number from it is checked, and what can't be closes the link.
//!
//! [`handshake`] is what comes before: connecting to a broker, and messages with descriptors on the bare socket.

// Loom's model of a machine has no memory to map and no sockets: there, only the ring exists.
#[cfg(loom)]
pub mod bell;
#[cfg(loom)]
#[allow(missing_docs)]
#[path = "cells_loom.rs"]
pub mod cells;
#[cfg(loom)]
pub mod ring;
mod sync;

#[cfg(not(loom))]
mod bell;
#[cfg(not(loom))]
mod cells;
#[cfg(not(loom))]
mod connect;
#[cfg(not(loom))]
mod cpus;
#[cfg(not(loom))]
mod descriptor;
#[cfg(not(loom))]
pub mod handshake;
#[cfg(not(loom))]
mod lane;
#[cfg(not(loom))]
mod layout;
#[cfg(not(loom))]
mod link;
#[cfg(not(loom))]
mod memory;
#[cfg(not(loom))]
mod ring;
#[cfg(not(loom))]
mod stream;
#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
mod url;
#[cfg(not(loom))]
mod wait;
#[cfg(not(loom))]
mod watch;
#[cfg(not(loom))]
mod window;

#[cfg(not(loom))]
pub use exports::*;
#[cfg(not(loom))]
mod exports {
    pub use crate::cpus::usable as usable_cpus;
    pub use crate::descriptor::Descriptor;
    pub use crate::lane::{Receiver, Sender};
    pub use crate::layout::{Lane, Side};
    pub use crate::link::{Closed, Link, LinkError};
    pub use crate::memory::{Arena, create_memory};
    pub use crate::thread::{Signals, spawn, spawn_for_program};
    pub use crate::url::{Url, UrlError};
    pub use crate::window::Window;
    pub use remora_protocol::hello::Layout;
}
