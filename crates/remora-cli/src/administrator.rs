//! Talking to a broker as an administrator.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use remora_link::Url;
use remora_link::handshake::{self, ConnectError, MessageError};
use remora_protocol::Encode;
use remora_protocol::hello::{Answer, Hello, LinkKind, OLDEST_VERSION, Reason, Request, Role, VERSION};
use remora_protocol::wire::decode_all;

/// A broker answers at once, except that it gives workers a moment to tell their counters.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a broker.
pub struct Administrator {
    url: Url,
    socket: UnixStream,
    /// Encoded facts of the back-end; empty if the broker has none.
    pub facts: Vec<u8>,
}

impl Administrator {
    /// Connects and says hello.
    pub fn connect(url: &Url) -> Result<Self> {
        let socket = handshake::connect(url).map_err(|error| explain(url, &error))?;
        let hello = Hello {
            version: VERSION,
            oldest_version: OLDEST_VERSION,
            role: Role::Administrator,
            link: LinkKind::Stream,
            apis: Vec::new(),
            pointer_bits: usize::BITS,
            pid: std::process::id(),
            name: "remora".into(),
        };
        let mut administrator = Self { url: url.clone(), socket, facts: Vec::new() };
        match administrator.exchange(&hello)? {
            Answer::Welcome { facts, .. } => administrator.facts = facts,
            Answer::Refused { message, .. } => bail!("the broker at {url} refuses: {message}"),
            _ => return Err(administrator.not_remora()),
        }
        Ok(administrator)
    }

    /// The status, as JSON.
    pub fn status(&mut self) -> Result<String> {
        match self.exchange(&Request::Status)? {
            Answer::Status(text) => Ok(text),
            Answer::Refused { message, .. } => bail!("{message}"),
            _ => Err(self.not_remora()),
        }
    }

    /// Ends a session.
    pub fn kill(&mut self, session: u64) -> Result<()> {
        match self.exchange(&Request::Kill { session })? {
            Answer::Killed => Ok(()),
            Answer::Refused { message, reason: Reason::NoSuchSession | Reason::Permission } => bail!("{message}"),
            _ => Err(self.not_remora()),
        }
    }

    fn exchange(&mut self, message: &impl Encode) -> Result<Answer> {
        let url = &self.url;
        let sent = handshake::send_message(&self.socket, message, &[]);
        // A broker that refuses may have closed already; then its answer says more than the failure to write.
        let answer = handshake::recv_message(&self.socket, Instant::now() + PATIENCE);
        let (answer, _) = answer.map_err(|error| match error {
            MessageError::Deadline => anyhow!(
                "what listens at {url} accepts connections but does not answer: it is stopped, overloaded or not a \
                 Remora broker; restart remorad there"
            ),
            MessageError::Closed if sent.is_ok() => self.not_remora(),
            MessageError::TooLarge(_) => self.not_remora(),
            error => anyhow!("the connection to {url} broke: {error}; is remorad still running?"),
        })?;
        decode_all(&answer).map_err(|_| self.not_remora())
    }

    fn not_remora(&self) -> anyhow::Error {
        anyhow!("what listens at {} does not speak Remora's protocol: name the socket of a remorad", self.url)
    }
}

/// Why there is no connection, and what to do about it.
fn explain(url: &Url, error: &ConnectError) -> anyhow::Error {
    let path = url.path().display();
    match error {
        ConnectError::NoSocket(_) => anyhow!(
            "there is no socket {path}: start a broker with `remorad --listen {url}`, name another one with --to or \
             REMORA_TO, or let `remora run` without --to start one of its own"
        ),
        ConnectError::Permission(_) => {
            let user = remora_broker::access::user_name(rustix::process::geteuid().as_raw());
            anyhow!(
                "{user} may not connect to {path}: its administrator can add {user} to allow_users in the [unix] \
                 section of remorad's configuration, and must let {user} reach the directory"
            )
        }
        ConnectError::NotListening(_) => anyhow!(
            "nobody listens at {path}: the broker that made this socket is gone; start it again with `remorad --listen \
             {url}` (it takes the old socket over)"
        ),
        other => anyhow!("{other}"),
    }
}

/// The only broker that `text` names; several make sense for programs only.
pub fn only_one(text: &str) -> Result<Url> {
    let urls = Url::parse_list(text)?;
    match urls.as_slice() {
        [url] => Ok(url.clone()),
        _ => bail!("'{text}' names several brokers: choose one with --to"),
    }
}

/// For a pipe whose reader is gone: not a failure of ours.
pub fn print(text: &str) -> Result<()> {
    match io::Write::write_all(&mut io::stdout().lock(), text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}
