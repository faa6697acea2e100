//! What the broker waits for: a thin layer over epoll, in which every descriptor has a name of its own.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

/// Who an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// A signal has come.
    Signals,
    /// The other end of `--ready-fd` is gone.
    Ready,
    /// A connection can be accepted.
    Listener(u64),
    /// A connection can be read or written, or is gone.
    Connection(u64),
    /// The worker of a session has ended.
    Exit(u64),
    /// The worker of a session has answered.
    Counters(u64),
    /// The probe has written facts.
    ProbeFacts,
    /// The probe has written messages.
    ProbeMessages,
    /// The probe has ended.
    ProbeExit,
}

/// Numbers of connections and sessions stay far below this: they are counted up, one at a time.
const NUMBER_BITS: u32 = 56;

impl Token {
    fn pack(self) -> u64 {
        let (kind, number) = match self {
            Self::Signals => (0, 0),
            Self::Ready => (1, 0),
            Self::Listener(number) => (2, number),
            Self::Connection(number) => (3, number),
            Self::Exit(number) => (4, number),
            Self::Counters(number) => (5, number),
            Self::ProbeFacts => (6, 0),
            Self::ProbeMessages => (7, 0),
            Self::ProbeExit => (8, 0),
        };
        kind << NUMBER_BITS | number
    }

    fn unpack(packed: u64) -> Option<Self> {
        let number = packed & ((1 << NUMBER_BITS) - 1);
        Some(match packed >> NUMBER_BITS {
            0 => Self::Signals,
            1 => Self::Ready,
            2 => Self::Listener(number),
            3 => Self::Connection(number),
            4 => Self::Exit(number),
            5 => Self::Counters(number),
            6 => Self::ProbeFacts,
            7 => Self::ProbeMessages,
            8 => Self::ProbeExit,
            _ => return None,
        })
    }
}

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

/// What to be woken for. A hang-up always wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Only a hang-up.
    HangUp,
    /// Something to read.
    Read,
    /// Room to write.
    Write,
}

impl Interest {
    fn flags(self) -> epoll::EventFlags {
        match self {
            Self::HangUp => epoll::EventFlags::RDHUP,
            Self::Read => epoll::EventFlags::IN | epoll::EventFlags::RDHUP,
            Self::Write => epoll::EventFlags::OUT,
        }
    }
}

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// If the kernel has no room for one.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// Adds a descriptor.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn add(&self, fd: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token.pack()), interest.flags())?)
    }

    /// Changes what a descriptor is waited for.
    ///
    /// # Errors
    /// If it was never added.
    pub fn modify(&self, fd: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(token.pack()), interest.flags())?)
    }

    /// Takes a descriptor out. This must come before it is closed: as long as a copy of it lives in a worker, epoll
    /// would go on to report it.
    pub fn remove(&self, fd: impl AsFd) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits for events, at most for `timeout`, and puts whom they are for into `tokens`.
    ///
    /// # Errors
    /// If waiting is impossible. An interruption by a signal is not an error.
    pub fn wait(&self, timeout: Option<Duration>, tokens: &mut Vec<Token>) -> io::Result<()> {
        let mut events = Vec::with_capacity(256);
        let timeout = timeout.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        tokens.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        tokens.extend(events.iter().filter_map(|event| Token::unpack(event.data.u64())));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        for token in [
            Token::Signals,
            Token::Ready,
            Token::Listener(3),
            Token::Connection(77),
            Token::Exit(1),
            Token::Counters(9),
            Token::ProbeFacts,
            Token::ProbeMessages,
            Token::ProbeExit,
        ] {
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
    }
}
