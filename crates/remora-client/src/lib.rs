//! The program's side of a session, shared by all front-ends: connecting, streams, waits, the arena, transfers and notices.
//!
//! This runs inside programs that know nothing of it: its own threads block all signals (but not those that run code of the
//! program), it prints nothing, a fork child starts afresh, and a lost worker turns every waiting call into [`Lost`].

mod arena;
mod backend;
mod callbacks;
mod contents;
mod copy;
mod fork;
mod host;
mod notices;
mod output;
mod session;
mod stream;
mod transfer;

pub use arena::{Arena, Staging};
pub use backend::{Backend, Backends, backends, shares_memory};
pub use callbacks::Callbacks;
pub use contents::Contents;
pub use host::HostArea;
pub use notices::NoticeSink;
pub use remora_link::Window;
pub use session::Session;
pub use stream::{Answer, Needs, Stream};
pub use transfer::{Direction, HostCall, Transfer};

/// The session has ended: the worker died, was killed, or the program is a fork child of the one that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the back-end is gone")]
pub struct Lost;
