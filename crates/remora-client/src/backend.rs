//! The back-ends that this process may use: what `REMORA_TO` names.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use remora_link::{Descriptor, Link, Side, Url, handshake};
use remora_protocol::hello::{self, Answer, Api, Hello, LinkKind, Request, Role};
use remora_protocol::wire::decode_all;
use rustix::process::Resource;

use crate::{NoticeSink, Session, fork};

/// Where a broker is looked for when nothing is said.
const DEFAULT: &str = "unix:/run/remora/remora.sock";
/// How long a broker that accepted the connection may take to answer. It answers from memory, or starts a worker.
const PATIENCE: Duration = Duration::from_secs(40);

/// All back-ends, in the order of `REMORA_TO`.
pub struct Backends {
    generation: u32,
    list: Vec<Backend>,
}

/// One back-end. Connecting is put off until something is asked of it, the worker until a session is needed.
pub struct Backend {
    url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Descriptor>,
    facts: Option<Arc<[u8]>>,
    session: Option<Arc<Session>>,
}

/// The back-ends of this process. A fork child has its own.
#[must_use]
pub fn backends() -> &'static Backends {
    static CURRENT: AtomicPtr<Backends> = AtomicPtr::new(ptr::null_mut());
    loop {
        let current = CURRENT.load(Ordering::Acquire);
        // SAFETY: what is stored here was leaked just below and is never freed.
        if let Some(backends) = unsafe { current.as_ref() } {
            if backends.generation == fork::generation() {
                return backends;
            }
        }
        // Without locks: another thread of the parent may have held one at the fork.
        let fresh = Box::into_raw(Box::new(Backends::from_environment()));
        if CURRENT.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: it was not published, so nobody else has it.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

impl Backends {
    fn from_environment() -> Self {
        let generation = fork::generation();
        if std::env::var_os("REMORA_WORKER_PROCESS").is_some() {
            // A worker's loader has found us: the road must not lead back.
            return Self { generation, list: Vec::new() };
        }
        let urls = std::env::var("REMORA_TO").ok().filter(|urls| !urls.trim().is_empty());
        let urls = urls.unwrap_or_else(|| DEFAULT.to_owned());
        let list = urls.split(',').map(|url| Backend { url: url.trim().to_owned(), state: Mutex::default() }).collect();
        Self { generation, list }
    }

    /// Them all.
    #[must_use]
    pub fn list(&self) -> &[Backend] {
        &self.list
    }
}

impl Backend {
    /// Its URL, for messages.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the broker says of the host's platforms, encoded. Starts no worker.
    ///
    /// # Errors
    /// Why it can't be reached and what to do, in words.
    pub fn facts(&self) -> Result<Arc<[u8]>, String> {
        let mut state = self.lock();
        if let Some(facts) = &state.facts {
            return Ok(Arc::clone(facts));
        }
        self.connect(&mut state)?;
        state.facts.clone().ok_or_else(|| "the broker sent no facts".to_owned())
    }

    /// The session, opened when first asked for, and anew once it has been lost.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn session(&self, sink: impl FnOnce() -> Arc<dyn NoticeSink>) -> Result<Arc<Session>, String> {
        let mut state = self.lock();
        if let Some(session) = state.session.as_ref().filter(|session| session.check().is_ok()) {
            return Ok(Arc::clone(session));
        }
        // The broker may have given up on a connection that stayed idle since the welcome, or the program has closed it.
        let kept = state.connection.take().and_then(Descriptor::into_owned).map(|kept| open(kept.into()));
        let (connection, answer, fds) = match kept {
            Some(Ok(opened)) => opened,
            Some(Err(_)) | None => {
                self.connect(&mut state)?;
                let connection = state.connection.take().and_then(Descriptor::into_owned).ok_or("no connection")?;
                open(connection.into())?
            }
        };
        let session = start(connection, answer, fds, sink())?;
        state.session = Some(Arc::clone(&session));
        Ok(session)
    }

    fn connect(&self, state: &mut State) -> Result<(), String> {
        let url = Url::parse(&self.url).map_err(|error| error.to_string())?;
        let connection = handshake::connect(&url).map_err(|error| error.to_string())?;
        handshake::send_message(&connection, &hello(), &[]).map_err(|error| error.to_string())?;
        match receive(&connection)?.0 {
            Answer::Welcome { facts, .. } => {
                state.facts.get_or_insert_with(|| facts.into());
                state.connection = Some(Descriptor::new(connection.into()));
                Ok(())
            }
            Answer::Refused { message, .. } => Err(message),
            _ => Err("the broker answered something else than a welcome".to_owned()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hello() -> Hello {
    let name = std::env::current_exe().ok();
    let name = name.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    Hello {
        version: hello::VERSION,
        oldest_version: hello::OLDEST_VERSION,
        role: Role::Program,
        link: link_kind(),
        apis: vec![Api { id: hello::API_OPENCL, opcodes: remora_protocol::opencl::OPCODES }],
        pointer_bits: usize::BITS,
        pid: std::process::id(),
        name: name.unwrap_or_default(),
    }
}

/// Whether program and worker will see the same memory.
#[must_use]
pub fn shares_memory() -> bool {
    link_kind() == LinkKind::Memfd
}

fn link_kind() -> LinkKind {
    match std::env::var("REMORA_LINK").as_deref() {
        Ok("stream") => LinkKind::Stream,
        _ => LinkKind::Memfd,
    }
}

fn open(connection: UnixStream) -> Result<(UnixStream, hello::Opened, Vec<OwnedFd>), String> {
    handshake::send_message(&connection, &Request::Open { room: room() }, &[]).map_err(|error| error.to_string())?;
    match receive(&connection)? {
        (Answer::Opened(opened), fds) => Ok((connection, opened, fds)),
        (Answer::Refused { message, .. }, _) => Err(message),
        _ => Err("the broker answered something else than a session".to_owned()),
    }
}

/// How many bytes a session may map: a quarter of what the program can still map, as far as it is limited.
fn room() -> u64 {
    let Some(limit) = rustix::process::getrlimit(Resource::As).current else { return u64::MAX };
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = pages.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    limit.saturating_sub(pages.saturating_mul(rustix::param::page_size() as u64)) / 4
}

fn receive(connection: &UnixStream) -> Result<(Answer, Vec<OwnedFd>), String> {
    let (bytes, fds) =
        handshake::recv_message(connection, Instant::now() + PATIENCE).map_err(|error| error.to_string())?;
    let answer = decode_all(&bytes).map_err(|error| format!("the broker's answer is garbled ({error})"))?;
    Ok((answer, fds))
}

fn start(
    connection: UnixStream,
    opened: hello::Opened,
    fds: Vec<OwnedFd>,
    sink: Arc<dyn NoticeSink>,
) -> Result<Arc<Session>, String> {
    let socket = OwnedFd::from(connection);
    let mut fds = fds.into_iter();
    let link = match link_kind() {
        LinkKind::Memfd => {
            let (Some(rings), Some(arena)) = (fds.next(), fds.next()) else {
                return Err("the broker sent no shared memory".to_owned());
            };
            Link::memfd(Side::Client, opened.layout, rings, arena, socket, fds.next())
        }
        LinkKind::Stream => {
            // The socket ends with the worker: its process needs no watching.
            drop(fds);
            Link::stream(Side::Client, opened.layout, socket, None)
        }
    };
    let link = link.map_err(|error| error.to_string())?;
    Session::start(link, &opened, sink).map_err(|error| error.to_string())
}
