//! What connections ask for, and what they are told.

use std::time::Instant;

use remora_protocol::hello::{Answer, Hello, Reason, Request, Role};
use remora_protocol::wire::decode_all;
use tracing::{debug, info, warn};

use crate::access::user_name;
use crate::broker::Broker;
use crate::connection::{Connection, State, Write};
use crate::negotiate::{Refusal, negotiate, not_remora};
use crate::probe::Knowledge;
use crate::repeats::Subject;
use crate::status::{Round, report};

impl Broker {
    /// Handles one message; whether the connection is kept.
    pub(crate) fn request(&mut self, number: u64, connection: &mut Connection, message: &[u8]) -> bool {
        match std::mem::replace(&mut connection.state, State::Closing) {
            State::Greeting => self.hello(connection, message),
            State::Ready(hello) => match decode_all(message) {
                Ok(Request::Open { room }) => return self.open(number, connection, hello, room),
                Ok(Request::Status) => self.status(number, connection, hello),
                Ok(Request::Kill { session }) => self.kill(connection, hello, session),
                Err(_) => self.refuse_garbage(connection),
            },
            // Nothing is read in the other states.
            State::AwaitingFacts(..) | State::AwaitingStatus(_) | State::Closing => return false,
        }
        true
    }

    /// Answers what cannot be a message, and closes.
    pub(crate) fn refuse_garbage(&self, connection: &mut Connection) {
        connection.state = State::Closing;
        refuse(connection, not_remora());
    }

    fn hello(&mut self, connection: &mut Connection, message: &[u8]) {
        let (hello, version) = match negotiate(message) {
            Ok(agreed) => agreed,
            Err(refusal) => return refuse(connection, refusal),
        };
        if !self.access.allows(&connection.peer) {
            let refusal = not_allowed(connection.peer.uid);
            return self.turn_away(connection, refusal);
        }
        if self.crowds(connection.peer.uid) {
            let uid = connection.peer.uid;
            let message = format!("user {uid} has half of all the connections that this broker keeps: close some");
            return self.turn_away(connection, Refusal::new(Reason::Full, message));
        }
        match self.prober.ask(&self.poller) {
            // An administrator wants to know what is wrong, and gets no facts then.
            _ if hello.role == Role::Administrator => {
                let facts = match self.prober.knowledge() {
                    Knowledge::Facts(facts) => facts.to_vec(),
                    _ => Vec::new(),
                };
                welcome(connection, hello, version, facts);
            }
            Knowledge::Facts(facts) => welcome(connection, hello, version, facts.to_vec()),
            Knowledge::Pending => connection.state = State::AwaitingFacts(hello, version),
            Knowledge::None(message) => refuse(connection, no_driver(&message)),
        }
    }

    /// Refuses what a user could ask for over and over, and says so in the log once in a while.
    fn turn_away(&mut self, connection: &mut Connection, refusal: Refusal) {
        if self.repeats.is_news(Subject::User(connection.peer.uid), Instant::now()) {
            warn!("refused: {}", refusal.message);
        }
        refuse(connection, refusal);
    }

    /// Answers everybody who has waited for the probe.
    pub(crate) fn tell_facts(&mut self) {
        for number in self.connections_in(|state| matches!(state, State::AwaitingFacts(..))) {
            let Some(mut connection) = self.take(number) else { continue };
            let state = std::mem::replace(&mut connection.state, State::Closing);
            if let State::AwaitingFacts(hello, version) = state {
                match self.prober.knowledge() {
                    Knowledge::Facts(facts) => welcome(&mut connection, hello, version, facts.to_vec()),
                    Knowledge::Pending => connection.state = State::AwaitingFacts(hello, version),
                    Knowledge::None(message) => refuse(&mut connection, no_driver(message)),
                }
            }
            self.put_back(number, connection, true);
        }
    }

    /// Opens a session. The connection is the worker's then, and the broker's copy goes.
    fn open(&mut self, number: u64, connection: &mut Connection, hello: Hello, room: u64) -> bool {
        if hello.role != Role::Program {
            refuse(connection, Refusal::new(Reason::Malformed, "an administrator's connection opens no session"));
            return true;
        }
        // Epoll would go on to report on the worker's copy of the connection.
        self.poller.remove(&*connection);
        let opened = self.sessions.open(connection, &hello, room).map(|session| session.number);
        match opened {
            Ok(session) => {
                self.watch(session);
                false
            }
            Err(refusal) => {
                self.turn_away(connection, refusal);
                // The program may try again.
                connection.state = State::Ready(hello);
                self.watch_again(number, connection)
            }
        }
    }

    fn status(&mut self, number: u64, connection: &mut Connection, hello: Hello) {
        connection.state = State::AwaitingStatus(hello);
        self.round.get_or_insert_with(|| Round::start(self.sessions.iter_mut())).waiting.push(number);
    }

    /// Answers everybody who has waited for the workers' counters, once it is time.
    pub(crate) fn finish_round(&mut self, now: Instant) {
        let Some(round) = self.round.take_if(|round| round.is_over(now)) else { return };
        for number in round.waiting {
            let Some(mut connection) = self.take(number) else { continue };
            let mut keep = true;
            if let State::AwaitingStatus(hello) = std::mem::replace(&mut connection.state, State::Closing) {
                let peer = &connection.peer;
                let governs = self.access.governs(peer);
                let shown = self.sessions.iter().filter(|session| governs || session.uid == peer.uid);
                let text = report(self.started, self.prober.knowledge(), shown);
                keep = connection.answer(&Answer::Status(text)) != Write::Gone;
                connection.state = State::Ready(hello);
            }
            self.put_back(number, connection, keep);
        }
    }

    fn kill(&mut self, connection: &mut Connection, hello: Hello, number: u64) {
        let governs = self.access.governs(&connection.peer);
        let uid = connection.peer.uid;
        match self.sessions.get_mut(number) {
            Some(session) if governs || session.uid == uid => {
                info!(session = number, "killed by {}", user_name(uid));
                session.worker.kill();
                connection.answer(&Answer::Killed);
            }
            Some(session) => {
                let message = format!("session {number} belongs to {}: only they or root may end it", session.tenant);
                refuse(connection, Refusal::new(Reason::Permission, message));
            }
            None => {
                let message = format!("there is no session {number}: `remora status` lists those that there are");
                refuse(connection, Refusal::new(Reason::NoSuchSession, message));
            }
        }
        connection.state = State::Ready(hello);
    }
}

fn welcome(connection: &mut Connection, hello: Hello, version: u32, facts: Vec<u8>) {
    debug!("{} ({:?}) of user {}", hello.name.escape_debug(), hello.role, connection.peer.uid);
    connection.state = State::Ready(hello);
    // A client that is gone is noticed when its descriptor is next looked at.
    connection.answer(&Answer::Welcome { version, facts });
}

fn refuse(connection: &mut Connection, refusal: Refusal) {
    let Refusal { reason, message } = refusal;
    debug!("refused user {}: {message}", connection.peer.uid);
    connection.answer(&Answer::Refused { reason, message });
}

/// Names no names: looking them up can take as long as a directory server likes, and anybody can be refused.
fn not_allowed(uid: u32) -> Refusal {
    let own = rustix::process::geteuid().as_raw();
    let note = if uid == 0 { " (root of another namespace, such as a container's, is a user like others)" } else { "" };
    let message = format!(
        "user {uid} may not use this broker, which runs as user {own}: its administrator can add {uid} to allow_users, \
         or one of that user's groups to allow_groups, in the [unix] section of remorad's configuration{note}"
    );
    Refusal::new(Reason::Permission, message)
}

fn no_driver(message: &str) -> Refusal {
    Refusal::new(
        Reason::NoDriver,
        format!(
            "the machine with the device has no working OpenCL driver: {message} (`remora doctor` there says more)"
        ),
    )
}
