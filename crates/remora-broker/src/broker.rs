//! The loop: one thread, everything that can happen.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use remora_link::Url;
use rustix::process::{Resource, Signal};
use tracing::{debug, info, warn};

use crate::access::Access;
use crate::config::Config;
use crate::connection::{ANSWER_PATIENCE, Connection, Read, State, Write};
use crate::lifetime::{Ready, Signals};
use crate::listener::Listener;
use crate::poller::{Interest, Poller, Token};
use crate::probe::{Prober, WorkerProgram};
use crate::repeats::{Repeats, Subject};
use crate::session::{Limits, Sessions};
use crate::status::Round;

/// More connections than that are never kept, whatever the limit of descriptors.
const MOST_CONNECTIONS: u64 = 16 << 10;
/// Descriptors for everything but connections and sessions.
const OTHER_DESCRIPTORS: u64 = 64;
/// How long workers may take to end before they are killed, and for how long the broker stops accepting when there is
/// no descriptor left.
const GRACE: Duration = Duration::from_secs(1);
/// Accepted at once before other work is looked at.
const ACCEPTS_AT_A_TIME: usize = 64;

/// The broker.
#[derive(Debug)]
pub struct Broker {
    pub(crate) poller: Poller,
    pub(crate) access: Access,
    pub(crate) prober: Prober,
    pub(crate) sessions: Sessions,
    pub(crate) round: Option<Round>,
    pub(crate) repeats: Repeats,
    pub(crate) started: Instant,
    signals: Signals,
    ready: Option<Ready>,
    listeners: Vec<Listener>,
    connections: HashMap<u64, Connection>,
    last_connection: u64,
    /// When which connection is closed if nothing happens.
    deadlines: BTreeSet<(Instant, u64)>,
    most_connections: usize,
    /// Listening again after there was no descriptor left.
    resume: Option<Instant>,
    private: bool,
    /// When workers that have not ended are killed.
    ending: Option<Instant>,
    killed: bool,
}

impl Broker {
    /// Listens at all URLs and starts the probe.
    ///
    /// # Errors
    /// What is wrong with the configuration or in the way of listening.
    pub fn new(config: &Config, worker: WorkerProgram, signals: Signals, ready: Option<Ready>) -> Result<Self> {
        let access = Access::new(&config.unix)?;
        let poller = Poller::new().context("epoll")?;
        poller.add(&signals, Token::Signals, Interest::Read)?;
        let mut listeners = Vec::new();
        let mut urls = Vec::new();
        for url in &config.listen {
            let url = Url::parse(url)?;
            let listener = Listener::bind(url.path(), access.mode, config.private)?;
            poller.add(&listener, Token::Listener(listeners.len() as u64), Interest::Read)?;
            info!("listening at {url}");
            urls.push(url.to_string());
            listeners.push(listener);
        }
        if let Some(ready) = &ready {
            poller.add(ready, Token::Ready, Interest::HangUp)?;
            ready.announce(&urls).context("--ready-fd")?;
        }
        let limits = Limits {
            sessions: config.max_sessions,
            sessions_per_tenant: config.max_sessions_per_tenant,
            layout: config.layout,
            memory_credit: config.memory_credit,
            sandbox: config.sandbox.clone(),
        };
        let mut prober = Prober::new(worker.clone());
        prober.start(&poller);
        Ok(Self {
            poller,
            access,
            prober,
            sessions: Sessions::new(limits, worker),
            round: None,
            repeats: Repeats::default(),
            started: Instant::now(),
            signals,
            ready,
            listeners,
            connections: HashMap::new(),
            last_connection: 0,
            deadlines: BTreeSet::new(),
            most_connections: most_connections(config.max_sessions),
            resume: None,
            private: config.private,
            ending: None,
            killed: false,
        })
    }

    /// Serves until a signal, or the end of whoever started a private broker, ends it.
    ///
    /// # Errors
    /// If the kernel does not let it wait.
    pub fn run(mut self) -> Result<()> {
        let mut tokens = Vec::new();
        loop {
            let timeout = self.next_deadline().map(|at| {
                // Waiting has a resolution of milliseconds; one more saves a turn that finds nothing due yet.
                at.saturating_duration_since(Instant::now()) + Duration::from_millis(1)
            });
            self.poller.wait(timeout, &mut tokens).context("epoll")?;
            for token in tokens.drain(..) {
                self.handle(token);
            }
            self.expire(Instant::now());
            if self.ending.is_some() && (!self.private || self.sessions.is_empty()) {
                return Ok(());
            }
        }
    }

    fn handle(&mut self, token: Token) {
        match token {
            Token::Signals => {
                while let Some((signal, _)) = self.signals.next() {
                    self.end(crate::process::signal_name(signal));
                }
            }
            Token::Ready => {
                if let Some(ready) = self.ready.take() {
                    self.poller.remove(&ready);
                }
                if self.private {
                    self.end("the process that started this private broker is gone");
                }
            }
            Token::Listener(number) => self.accept(number),
            Token::Connection(number) => self.serve(number),
            Token::Exit(number) => self.reap(number),
            Token::Counters(number) => self.read_counters(number),
            Token::ProbeFacts | Token::ProbeMessages => self.prober.read(token, &self.poller),
            Token::ProbeExit => {
                if self.prober.finish(&self.poller) {
                    self.tell_facts();
                }
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let connections = self.deadlines.first().map(|(at, _)| *at);
        let round = self.round.as_ref().map(|round| round.deadline);
        let ending = self.ending.filter(|_| self.private);
        [connections, round, self.prober.deadline(), self.resume, ending].into_iter().flatten().min()
    }

    fn expire(&mut self, now: Instant) {
        while let Some(&(at, number)) = self.deadlines.first() {
            if at > now {
                break;
            }
            debug!(number, "a connection was too slow");
            self.drop_connection(number);
        }
        self.prober.expire(now);
        self.finish_round(now);
        if self.resume.is_some_and(|at| at <= now) {
            self.resume = None;
            for (number, listener) in self.listeners.iter().enumerate() {
                let _ = self.poller.modify(listener, Token::Listener(number as u64), Interest::Read);
            }
        }
        if self.private && self.ending.is_some_and(|at| at <= now) {
            self.sessions.iter().for_each(|session| session.worker.kill());
            // Killed processes end at once; one that hangs in the kernel is not waited for.
            self.private &= !std::mem::replace(&mut self.killed, true);
            self.ending = Some(now + GRACE);
        }
    }

    /// Begins to end, or ends faster the second time.
    fn end(&mut self, why: &str) {
        let now = Instant::now();
        if self.ending.is_some() {
            self.ending = Some(now);
            return;
        }
        info!("ending: {why}");
        self.ending = Some(now + GRACE);
        self.prober.stop(&self.poller);
        for listener in self.listeners.drain(..) {
            self.poller.remove(&listener);
        }
        let all: Vec<u64> = self.connections.keys().copied().collect();
        all.into_iter().for_each(|number| self.drop_connection(number));
        if self.private {
            self.sessions.iter().for_each(|session| session.worker.signal(Signal::TERM));
        } else if !self.sessions.is_empty() {
            info!("{} programs keep their workers until they end", self.sessions.iter().count());
        }
    }

    fn accept(&mut self, listener: u64) {
        for _ in 0..ACCEPTS_AT_A_TIME {
            let Some(listener) = usize::try_from(listener).ok().and_then(|index| self.listeners.get(index)) else {
                return;
            };
            match listener.accept() {
                Ok(Some(socket)) => {
                    let now = Instant::now();
                    if self.connections.len() >= self.most_connections && !self.drop_slowest() {
                        // Everybody else has said hello and may be about to open a session; the newcomer has nothing
                        // to lose yet.
                        if self.repeats.is_news(Subject::Crowd, now) {
                            warn!("refused a connection: there are {} already", self.connections.len());
                        }
                        continue;
                    }
                    match Connection::new(socket, now) {
                        Ok(connection) => self.keep(connection),
                        Err(error) if self.repeats.is_news(Subject::Nobody, now) => {
                            warn!("a connection of nobody known: {error}");
                        }
                        Err(_) => {}
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    if self.repeats.is_news(Subject::Accept, Instant::now()) {
                        warn!("cannot accept a connection: {error}");
                    }
                    if !self.drop_slowest() {
                        self.pause();
                        return;
                    }
                }
            }
        }
    }

    /// Keeps the kernel from reporting connections that cannot be accepted.
    fn pause(&mut self) {
        self.resume = Some(Instant::now() + GRACE);
        for (number, listener) in self.listeners.iter().enumerate() {
            let _ = self.poller.modify(listener, Token::Listener(number as u64), Interest::HangUp);
        }
    }

    /// Makes room by closing the connection that has owed its hello for longest. A program sends it at once, so that
    /// one is the least likely to be a program.
    fn drop_slowest(&mut self) -> bool {
        let greeting = |number: &u64| matches!(self.connections.get(number).map(|c| &c.state), Some(State::Greeting));
        let Some(slowest) = self.deadlines.iter().map(|(_, number)| *number).find(greeting) else { return false };
        self.drop_connection(slowest);
        true
    }

    fn keep(&mut self, connection: Connection) {
        self.last_connection += 1;
        let number = self.last_connection;
        if let Err(error) = self.poller.add(&connection, Token::Connection(number), Interest::Read) {
            if self.repeats.is_news(Subject::User(connection.peer.uid), Instant::now()) {
                warn!("cannot watch a connection of user {}: {error}", connection.peer.uid);
            }
            return;
        }
        self.deadlines.extend(connection.deadline.map(|at| (at, number)));
        self.connections.insert(number, connection);
        // Most often the hello is there already.
        self.serve(number);
    }

    /// Does what a connection's descriptor is ready for.
    fn serve(&mut self, number: u64) {
        let Some(mut connection) = self.take(number) else { return };
        let mut keep = true;
        if connection.is_blocked() {
            keep = connection.flush() != Write::Gone;
        } else {
            match connection.state {
                // Nothing is expected from the client now, so it has hung up, or writes what nobody asked for.
                State::AwaitingFacts(..) | State::AwaitingStatus(_) => keep = false,
                State::Greeting | State::Ready(_) | State::Closing => match connection.read() {
                    Read::Nothing => {}
                    Read::Gone => keep = false,
                    Read::TooLong => self.refuse_garbage(&mut connection),
                    Read::Message(message) => keep = self.request(number, &mut connection, &message),
                },
            }
        }
        self.put_back(number, connection, keep);
    }

    /// Takes a connection out to work on it; [`Broker::put_back`] must follow.
    pub(crate) fn take(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        if let Some(at) = connection.deadline {
            self.deadlines.remove(&(at, number));
        }
        Some(connection)
    }

    /// Waits for what the connection needs next, or closes it.
    pub(crate) fn put_back(&mut self, number: u64, mut connection: Connection, keep: bool) {
        let closing = matches!(connection.state, State::Closing) && !connection.is_blocked();
        if !keep || closing {
            self.poller.remove(&connection);
            return;
        }
        let interest = if connection.is_blocked() {
            connection.deadline.get_or_insert(Instant::now() + ANSWER_PATIENCE);
            Interest::Write
        } else {
            if !matches!(connection.state, State::Greeting) {
                connection.deadline = None;
            }
            match connection.state {
                State::AwaitingFacts(..) | State::AwaitingStatus(_) => Interest::HangUp,
                State::Greeting | State::Ready(_) | State::Closing => Interest::Read,
            }
        };
        if self.poller.modify(&connection, Token::Connection(number), interest).is_err() {
            return;
        }
        self.deadlines.extend(connection.deadline.map(|at| (at, number)));
        self.connections.insert(number, connection);
    }

    /// Whether one user has so many connections that there would soon be no room for others.
    pub(crate) fn crowds(&self, uid: u32) -> bool {
        let most = self.most_connections / 2;
        // Counting is worth the while only when there are many.
        self.connections.len() >= most
            && self.connections.values().filter(|c| c.peer.uid == uid && !matches!(c.state, State::Greeting)).count()
                >= most
    }

    /// The numbers of the connections that are in such a state.
    pub(crate) fn connections_in(&self, state: impl Fn(&State) -> bool) -> Vec<u64> {
        self.connections.iter().filter(|(_, connection)| state(&connection.state)).map(|(number, _)| *number).collect()
    }

    fn drop_connection(&mut self, number: u64) {
        if let Some(connection) = self.take(number) {
            self.poller.remove(&connection);
        }
    }

    /// Watches a connection that was no longer watched.
    pub(crate) fn watch_again(&self, number: u64, connection: &Connection) -> bool {
        self.poller.add(connection, Token::Connection(number), Interest::Read).is_ok()
    }

    /// Watches a session that has just been opened.
    pub(crate) fn watch(&mut self, number: u64) {
        let Some(session) = self.sessions.get_mut(number) else { return };
        let exit = self.poller.add(&session.worker, Token::Exit(number), Interest::Read);
        let counters = self.poller.add(&session.counters, Token::Counters(number), Interest::Read);
        if let Err(error) = exit.and(counters) {
            warn!(session = number, "cannot watch the worker: {error}");
            // Its end would not be heard of.
            session.worker.cancel();
            self.reap(number);
        }
    }

    fn reap(&mut self, number: u64) {
        if let Some(session) = self.sessions.reap(number, self.ending.is_some()) {
            self.poller.remove(&session.worker);
            self.poller.remove(&session.counters);
            if let Some(round) = &mut self.round {
                round.settle(number);
            }
        }
    }

    fn read_counters(&mut self, number: u64) {
        let Some(session) = self.sessions.get_mut(number) else { return };
        let settled = session.counters.read();
        if settled.is_err() {
            self.poller.remove(&session.counters);
        }
        if let (Some(round), Ok(true) | Err(())) = (&mut self.round, settled) {
            round.settle(number);
        }
    }
}

/// A session holds two descriptors.
fn most_connections(max_sessions: usize) -> usize {
    let files = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let sessions = u64::try_from(max_sessions).unwrap_or(u64::MAX).saturating_mul(2);
    // With a low limit, sessions and connections share it.
    let left = files.saturating_sub(OTHER_DESCRIPTORS).saturating_sub(sessions.min(files / 2));
    usize::try_from(left.clamp(16, MOST_CONNECTIONS)).unwrap_or(16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Driver, Unix};
    use crate::confinement::Sandbox;
    use crate::testing::refuse_call;
    use remora_protocol::hello::{Hello, Layout, LinkKind, OLDEST_VERSION, Role, VERSION};
    use std::os::unix::net::UnixStream;

    fn config(listen: String) -> Config {
        Config {
            sandbox: Sandbox::default(),
            listen: vec![listen],
            driver: Driver::Null,
            worker: None,
            layout: Layout::default(),
            memory_credit: 0,
            max_sessions: 1,
            max_sessions_per_tenant: 1,
            unix: Unix::default(),
            ready_fd: None,
            private: true,
            scratch: None,
        }
    }

    #[test]
    fn a_session_that_cannot_be_watched_is_not_left_behind() {
        let attempt = || {
            let directory = tempfile::tempdir().unwrap();
            let config = config(format!("unix:{}", directory.path().join("socket").display()));
            let files = rustix::process::getrlimit(Resource::Nofile);
            let worker = WorkerProgram { path: "/bin/true".into(), driver: Driver::Null, files };
            let mut broker = Broker::new(&config, worker, Signals::block(&[]).unwrap(), None).unwrap();
            let (here, _there) = UnixStream::pair().unwrap();
            let mut connection = Connection::new(here.into(), Instant::now()).unwrap();
            let hello = Hello {
                version: VERSION,
                oldest_version: OLDEST_VERSION,
                role: Role::Program,
                link: LinkKind::Stream,
                apis: Vec::new(),
                pointer_bits: 64,
                pid: 1,
                name: "test".into(),
            };
            let session = broker.sessions.open(&mut connection, &hello, u64::MAX).unwrap();
            let (number, worker) = (session.number, session.worker.id());
            refuse_call(libc::SYS_epoll_ctl);
            broker.watch(number);
            assert!(broker.sessions.is_empty());
            assert!(!std::fs::exists(format!("/proc/{worker}")).unwrap());
            broker.end("the test is over");
        };
        std::thread::spawn(attempt).join().unwrap();
    }
}
