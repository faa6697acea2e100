//! One connection before it belongs to a worker: whole messages in, whole messages out, never waiting.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use remora_protocol::hello::{Answer, Hello, MAX_MESSAGE, Reason};
use remora_protocol::wire::Encode;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use crate::access::Peer;

/// How long a new connection may take over its hello.
pub const HELLO_PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection may take to read an answer.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// Nothing that a client says before it has a session is larger.
const MAX_REQUEST: usize = 16 << 10;
const LENGTH_SIZE: usize = size_of::<u32>();

/// What a connection is up to.
#[derive(Debug)]
pub enum State {
    /// Its hello has not come yet.
    Greeting,
    /// It waits for the facts that the probe will find.
    AwaitingFacts(Hello, u32),
    /// It may ask for something.
    Ready(Hello),
    /// It waits for the answers of the workers.
    AwaitingStatus(Hello),
    /// It is closed once it has read the last answer.
    Closing,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    /// Who connected.
    pub peer: Peer,
    /// What it is up to.
    pub state: State,
    /// When it is closed if nothing happens.
    pub deadline: Option<Instant>,
    input: Vec<u8>,
    output: Vec<u8>,
    sent: usize,
}

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Not enough for a message yet.
    Nothing,
    /// A message, without its length.
    Message(Vec<u8>),
    /// The client claims a message that is larger than any.
    TooLong,
    /// The client is gone.
    Gone,
}

/// What came of writing.
#[derive(Debug, PartialEq, Eq)]
pub enum Write {
    /// All is written.
    Done,
    /// The client must read first.
    Blocked,
    /// The client is gone.
    Gone,
}

impl Connection {
    /// A connection that has just been accepted.
    ///
    /// # Errors
    /// If the kernel does not say who connected.
    pub fn new(socket: OwnedFd, now: Instant) -> io::Result<Self> {
        let peer = Peer::of(&socket)?;
        let deadline = Some(now + HELLO_PATIENCE);
        let (input, output) = (Vec::new(), Vec::new());
        Ok(Self { socket, peer, state: State::Greeting, deadline, input, output, sent: 0 })
    }

    /// Reads towards the next message, and never beyond it: what follows an opening belongs to the worker.
    pub fn read(&mut self) -> Read {
        loop {
            let wanted = match self.input.first_chunk::<LENGTH_SIZE>() {
                None => LENGTH_SIZE,
                Some(length) => match usize::try_from(u32::from_le_bytes(*length)) {
                    Ok(length) if length <= MAX_REQUEST => LENGTH_SIZE + length,
                    _ => return Read::TooLong,
                },
            };
            if self.input.len() == wanted && wanted > LENGTH_SIZE {
                self.input.drain(..LENGTH_SIZE);
                return Read::Message(std::mem::take(&mut self.input));
            }
            let mut chunk = [0; 4096];
            let room = chunk.len().min(wanted - self.input.len());
            if room == 0 {
                // A message of no bytes at all.
                self.input.clear();
                return Read::Message(Vec::new());
            }
            // The socket itself stays blocking, as the worker that inherits it expects.
            match rustix::net::recv(&self.socket, &mut chunk[..room], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Read::Gone,
                Ok((count, _)) => self.input.extend_from_slice(&chunk[..count]),
                Err(rustix::io::Errno::AGAIN) => return Read::Nothing,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Read::Gone,
            }
        }
    }

    /// Queues an answer and writes what can be written at once.
    pub fn answer(&mut self, answer: &Answer) -> Write {
        encode(answer, &mut self.output);
        self.flush()
    }

    /// Writes an answer with descriptors beside it, at once or not at all.
    pub fn answer_with_descriptors(&mut self, answer: &Answer, fds: &[BorrowedFd<'_>]) -> Write {
        let mut bytes = Vec::new();
        encode(answer, &mut bytes);
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !self.output.is_empty() || !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Write::Blocked;
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match rustix::net::sendmsg(&self.socket, &[io::IoSlice::new(&bytes)], &mut control, flags) {
            Ok(count) if count == bytes.len() => Write::Done,
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::NOBUFS) => Write::Blocked,
            Err(_) => Write::Gone,
        }
    }

    /// Writes what is queued.
    pub fn flush(&mut self) -> Write {
        while self.sent < self.output.len() {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match rustix::net::send(&self.socket, &self.output[self.sent..], flags) {
                Ok(count) => self.sent += count,
                Err(rustix::io::Errno::AGAIN) => return Write::Blocked,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Write::Gone,
            }
        }
        self.output = Vec::new();
        self.sent = 0;
        Write::Done
    }

    /// Whether answers wait to be written.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.output.is_empty()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn encode(answer: &Answer, out: &mut Vec<u8>) {
    let start = out.len();
    0u32.encode(out);
    answer.encode(out);
    let length = out.len() - start - LENGTH_SIZE;
    match u32::try_from(length) {
        Ok(header) if length <= MAX_MESSAGE => out[start..start + LENGTH_SIZE].copy_from_slice(&header.to_le_bytes()),
        // No client reads that much. Facts are capped, so this is the status of thousands of sessions.
        _ => {
            out.truncate(start);
            let message =
                format!("the answer has {length} bytes, more than {MAX_MESSAGE}: end some sessions and ask again");
            encode(&Answer::Refused { reason: Reason::Full, message }, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use remora_protocol::wire::decode_all;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    fn pair() -> (Connection, UnixStream) {
        let (here, there) = UnixStream::pair().unwrap();
        (Connection::new(here.into(), Instant::now()).unwrap(), there)
    }

    #[test]
    fn messages_come_in_pieces_and_nothing_beyond_is_read() {
        let (mut connection, mut client) = pair();
        assert_eq!(connection.read(), Read::Nothing);
        for byte in [3, 0, 0, 0, 7, 8] {
            client.write_all(&[byte]).unwrap();
            assert_eq!(connection.read(), Read::Nothing);
        }
        client.write_all(&[9, 1, 2]).unwrap();
        assert_eq!(connection.read(), Read::Message(vec![7, 8, 9]));
        let mut rest = [0; 8];
        let (count, _) = rustix::net::recv(&connection, &mut rest, RecvFlags::DONTWAIT).unwrap();
        assert_eq!(rest[..count], [1, 2]);
        client.write_all(&[0; 4]).unwrap();
        assert_eq!(connection.read(), Read::Message(Vec::new()));
        drop(client);
        assert_eq!(connection.read(), Read::Gone);
    }

    #[test]
    fn absurd_lengths_are_refused() {
        let (mut connection, mut client) = pair();
        client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        assert_eq!(connection.read(), Read::TooLong);
    }

    #[test]
    fn an_answer_that_no_client_would_read_is_a_refusal() {
        let (mut connection, mut client) = pair();
        for answer in [Answer::Killed, Answer::Status(" ".repeat(MAX_MESSAGE))] {
            assert_eq!(connection.answer(&answer), Write::Done);
        }
        let mut message = || {
            let mut length = [0; 4];
            client.read_exact(&mut length).unwrap();
            let mut message = vec![0; u32::from_le_bytes(length) as usize];
            client.read_exact(&mut message).unwrap();
            decode_all(&message).unwrap()
        };
        assert_eq!(message(), Answer::Killed);
        let refusal = message();
        assert!(matches!(refusal, Answer::Refused { reason: Reason::Full, .. }), "{refusal:?}");
    }

    #[test]
    fn large_answers_wait_for_the_client() {
        let (mut connection, mut client) = pair();
        let answer = Answer::Welcome { version: 1, facts: vec![7; 3 << 20] };
        assert_eq!(connection.answer(&answer), Write::Blocked);
        let reader = std::thread::spawn(move || {
            let mut length = [0; 4];
            client.read_exact(&mut length).unwrap();
            let mut message = vec![0; u32::from_le_bytes(length) as usize];
            client.read_exact(&mut message).unwrap();
            message
        });
        while connection.flush() == Write::Blocked {
            let mut fds = [rustix::event::PollFd::new(&connection, rustix::event::PollFlags::OUT)];
            rustix::event::poll(&mut fds, None).unwrap();
        }
        assert_eq!(decode_all(&reader.join().unwrap()), Ok(answer));
        assert!(!connection.is_blocked());
    }
}
