//! Before there is a link: connecting, and messages on the bare socket.
//!
//! A message is its length as a u32, then its bytes; descriptors travel with the length. Exactly the message is read, so the
//! socket can be handed on to another process afterwards.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use remora_protocol::Encode;
use remora_protocol::hello::MAX_MESSAGE;
use remora_protocol::wire::encode_to_vec;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

pub use crate::connect::{ConnectError, connect};

/// The most descriptors that a message can bring.
pub const MAX_FDS: usize = 8;
/// How long [`send_message`] waits for a peer that does not read.
pub const SEND_TIME: Duration = Duration::from_secs(10);

/// Why a message was not sent or received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The peer closed the connection, or did so in the middle of a message.
    #[error("the other side closed the connection")]
    Closed,
    /// It took too long.
    #[error("the other side took too long")]
    Deadline,
    /// More bytes than [`MAX_MESSAGE`], or more descriptors than [`MAX_FDS`].
    #[error("a message of {0} bytes is too large")]
    TooLarge(usize),
    /// Anything else.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for MessageError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::PIPE | Errno::CONNRESET => Self::Closed,
            error => Self::Io(error.into()),
        }
    }
}

/// Who is at the other end of a socket, as the kernel says: whoever connected it, or listens at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Credentials {
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Sends one message, and `fds` with it. Waits at most [`SEND_TIME`] for a peer that does not read.
///
/// # Errors
/// [`MessageError`]; part of the message may have been sent then, so the connection is of no more use.
pub fn send_message(socket: &UnixStream, message: &impl Encode, fds: &[BorrowedFd<'_>]) -> Result<(), MessageError> {
    let deadline = Instant::now() + SEND_TIME;
    let body = encode_to_vec(message);
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_MESSAGE && fds.len() <= MAX_FDS);
    let length = length.ok_or(MessageError::TooLarge(body.len()))?.to_le_bytes();

    let mut sent = 0;
    while sent < length.len() + body.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        // The descriptors belong to the first byte.
        if sent == 0 && !fds.is_empty() {
            let fits = control.push(SendAncillaryMessage::ScmRights(fds));
            debug_assert!(fits, "there is space for MAX_FDS");
        }
        let (head, tail) = (&length[sent.min(length.len())..], &body[sent.saturating_sub(length.len())..]);
        let vectors = [IoSlice::new(head), IoSlice::new(tail)];
        match rustix::net::sendmsg(socket, &vectors, &mut control, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => sent += count,
            Err(Errno::AGAIN) => wait(socket, PollFlags::OUT, deadline)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Receives one message of at most [`MAX_MESSAGE`] bytes, and at most [`MAX_FDS`] descriptors with it, until `deadline`.
/// All descriptors are close-on-exec; what is more than that is closed.
///
/// # Errors
/// [`MessageError`]; part of the message may have been received then, so the connection is of no more use.
pub fn recv_message(socket: &UnixStream, deadline: Instant) -> Result<(Vec<u8>, Vec<OwnedFd>), MessageError> {
    let mut fds = Vec::new();
    let mut length = [0; 4];
    let mut got = 0;
    while got < length.len() {
        got += receive(socket, &mut length[got..], Some(&mut fds), deadline)?;
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_MESSAGE {
        return Err(MessageError::TooLarge(length));
    }
    // What is allocated grows with what has arrived, not with what was announced.
    let mut body = Vec::new();
    let mut got = 0;
    while got < length {
        if got == body.len() {
            body.resize(length.min((got * 2).max(FIRST_PIECE)), 0);
        }
        got += receive(socket, &mut body[got..], None, deadline)?;
    }
    Ok((body, fds))
}

const FIRST_PIECE: usize = 64 << 10;

/// Reads some bytes, at least one, and descriptors if they are wanted.
fn receive(
    socket: &UnixStream,
    bytes: &mut [u8],
    fds: Option<&mut Vec<OwnedFd>>,
    deadline: Instant,
) -> Result<usize, MessageError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    // Without a buffer for them the kernel closes them.
    let space = if fds.is_some() { &mut space[..] } else { &mut [] };
    let mut control = RecvAncillaryBuffer::new(space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    loop {
        let mut vectors = [IoSliceMut::new(bytes)];
        match rustix::net::recvmsg(socket, &mut vectors, &mut control, flags) {
            Ok(received) if received.bytes == 0 => return Err(MessageError::Closed),
            Ok(received) => {
                let rights = control.drain().filter_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(rights) => Some(rights),
                    _ => None,
                });
                let arrived = rights.flatten();
                match fds {
                    Some(fds) => {
                        for fd in arrived {
                            if fds.len() < MAX_FDS {
                                fds.push(fd);
                            }
                        }
                    }
                    None => arrived.for_each(drop),
                }
                return Ok(received.bytes);
            }
            Err(Errno::AGAIN) => wait(socket, PollFlags::IN, deadline)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until the socket is ready; having to wait when it is past the deadline is an error.
fn wait(socket: &UnixStream, flags: PollFlags, deadline: Instant) -> Result<(), MessageError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(MessageError::Deadline);
        }
        let left = Timespec::try_from(left).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        match rustix::event::poll(&mut [PollFd::new(socket, flags)], Some(&left)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Who is at the other end of `socket`. The pid is 0 if that process is not visible from here, as in another container.
///
/// # Errors
/// The system's.
pub fn peer_credentials(socket: &UnixStream) -> io::Result<Credentials> {
    let none = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    // SAFETY: the option's value is a ucred.
    let peer = unsafe { socket_option(socket, libc::SO_PEERCRED, none)? };
    Ok(Credentials { pid: u32::try_from(peer.pid).unwrap_or(0), uid: peer.uid, gid: peer.gid })
}

/// A descriptor of the process at the other end of `socket`, that becomes readable when the process ends.
///
/// # Errors
/// The system's. In particular if the process has ended already.
pub fn peer_pidfd(socket: &UnixStream) -> io::Result<OwnedFd> {
    // SAFETY: the option's value is an int.
    match unsafe { socket_option::<libc::c_int>(socket, SO_PEERPIDFD, -1) } {
        // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
        Ok(fd) if fd >= 0 => return Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => {}
    }
    // Kernels before 6.5. The number may belong to another process by now, if the right one has ended and been waited for
    // within these microseconds; that one's end is then watched in vain, and the socket tells instead.
    let pid = i32::try_from(peer_credentials(socket)?.pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the process is not visible from here"))?;
    Ok(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?)
}

/// Reads an option of the socket level into `value`.
///
/// # Safety
/// The kernel must take any prefix of a `T` as room for the option, and leave a valid `T`.
unsafe fn socket_option<T: Copy>(socket: &UnixStream, option: libc::c_int, mut value: T) -> io::Result<T> {
    let mut size = size_of::<T>() as libc::socklen_t;
    let pointer = std::ptr::from_mut(&mut value).cast();
    // SAFETY: there is room for `size` bytes at `pointer`; the rest is the caller's promise.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, pointer, &mut size) };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// Missing in older headers; the same number on all machines but a few that Remora does not run on.
const SO_PEERPIDFD: libc::c_int = 77;

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
