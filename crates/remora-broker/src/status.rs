//! What `remora status` shows: the broker's own account, and what each worker says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags};
use serde_json::{Map, Number, Value, json};

use crate::probe::{Knowledge, summary};
use crate::session::{Session, link_name};

/// How long workers may take over an answer before they count as stalled.
const PATIENCE: Duration = Duration::from_millis(200);
/// No worker says more of itself. What it says is kept and shown to administrators, and a worker may be in the hands of
/// its tenant: of all sessions together, it must fit into one message.
const MAX_ANSWER: usize = 4 << 10;
/// No name of a counter is longer.
const MAX_NAME: usize = 32;
/// There are no more of them.
const MAX_COUNTERS: usize = 32;

/// The broker's end of a worker's status channel.
#[derive(Debug)]
pub struct Counters {
    socket: OwnedFd,
    /// The worker has been asked and has not answered.
    asked: bool,
    /// The worker broke the rules of the channel; nothing is read from it any more.
    broken: bool,
    input: Vec<u8>,
    latest: BTreeMap<String, Number>,
}

impl Counters {
    /// Over the socket whose other end the worker has.
    #[must_use]
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, asked: false, broken: false, input: Vec::new(), latest: BTreeMap::new() }
    }

    /// Asks the worker. One that still owes an answer is not asked again.
    fn ask(&mut self) {
        if !self.asked && !self.broken {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            self.asked = rustix::net::send(&self.socket, &[1], flags).is_ok();
        }
    }

    /// Reads what the worker has written; whether it owes nothing more. A channel that returns `Err` must not be polled
    /// any longer.
    #[allow(clippy::result_unit_err)]
    pub fn read(&mut self) -> Result<bool, ()> {
        let mut chunk = [0; 4096];
        match rustix::net::recv(&self.socket, &mut chunk, RecvFlags::DONTWAIT) {
            Ok((count, _)) if count > 0 => self.input.extend_from_slice(&chunk[..count]),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(!self.asked),
            Ok(_) | Err(_) => return self.give_up(),
        }
        let Some(length) = self.input.first_chunk::<4>() else { return Ok(false) };
        let length = u32::from_le_bytes(*length) as usize;
        if !self.asked || length > MAX_ANSWER || self.input.len() > 4 + length {
            return self.give_up();
        }
        if self.input.len() < 4 + length {
            return Ok(false);
        }
        match serde_json::from_slice(&self.input[4..]) {
            Ok(answer) => self.latest = counters(answer),
            Err(_) => return self.give_up(),
        }
        self.input.clear();
        self.asked = false;
        Ok(true)
    }

    fn give_up(&mut self) -> Result<bool, ()> {
        self.broken = true;
        self.asked = false;
        self.latest.clear();
        Err(())
    }
}

impl AsFd for Counters {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What is a counter in a worker's answer: whole numbers with plain names. Everything else is left out.
fn counters(answer: Map<String, Value>) -> BTreeMap<String, Number> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let counter = |(name, value): (String, Value)| match value {
        Value::Number(number) if number.is_u64() || number.is_i64() => {
            (name.len() <= MAX_NAME && name.bytes().all(is_plain)).then_some((name, number))
        }
        _ => None,
    };
    answer.into_iter().filter_map(counter).take(MAX_COUNTERS).collect()
}

/// All workers are being asked; who wants to know waits here.
#[derive(Debug)]
pub struct Round {
    /// When those that have not answered count as stalled.
    pub deadline: Instant,
    /// Connections to answer.
    pub waiting: Vec<u64>,
    pending: BTreeSet<u64>,
}

impl Round {
    /// Asks the workers of `sessions`.
    pub fn start<'a>(sessions: impl Iterator<Item = &'a mut Session>) -> Self {
        let mut pending = BTreeSet::new();
        for session in sessions {
            session.counters.ask();
            if session.counters.asked {
                pending.insert(session.number);
            }
        }
        Self { deadline: Instant::now() + PATIENCE, waiting: Vec::new(), pending }
    }

    /// That worker has answered or is gone.
    pub fn settle(&mut self, session: u64) {
        self.pending.remove(&session);
    }

    /// Whether all have answered or had their time.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.pending.is_empty() || self.deadline <= now
    }
}

/// The status as JSON, with these sessions.
#[must_use]
pub fn report<'a>(started: Instant, knowledge: &Knowledge, sessions: impl Iterator<Item = &'a Session>) -> String {
    let sessions: Vec<Value> = sessions.map(session_value).collect();
    let (platforms, problem) = match knowledge {
        Knowledge::Facts(facts) => (summary(facts), Value::Null),
        Knowledge::Pending => (Vec::new(), "the driver is still being asked".into()),
        Knowledge::None(message) => (Vec::new(), message.as_str().into()),
    };
    let platforms: Vec<Value> =
        platforms.into_iter().map(|(name, devices)| json!({ "name": name, "devices": devices })).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": remora_protocol::hello::VERSION,
        "pid": std::process::id(),
        "uptime_s": seconds(started),
        "sessions": sessions,
        "facts": { "platforms": platforms, "problem": problem },
    })
    .to_string()
}

fn session_value(session: &Session) -> Value {
    let counters = &session.counters;
    let stalled = counters.asked || counters.broken;
    json!({
        "session": session.number,
        "tenant": session.tenant,
        "pid": session.pid,
        "program": session.program,
        "link": link_name(session.link),
        "worker_pid": session.worker.id(),
        "age_s": seconds(session.started),
        "counters": (!stalled).then_some(&counters.latest),
        "stalled": stalled,
    })
}

/// To the tenth of a second.
fn seconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn channel() -> (Counters, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Counters::new(ours.into()), theirs)
    }

    #[test]
    fn answers_come_in_pieces() {
        let (mut counters, mut worker) = channel();
        counters.ask();
        counters.ask();
        let mut asked = [0; 8];
        assert_eq!(worker.read(&mut asked).unwrap(), 1);
        worker.write_all(&[9, 0, 0, 0, b'{']).unwrap();
        assert_eq!(counters.read(), Ok(false));
        worker.write_all(b"\"a\": 12}").unwrap();
        assert_eq!(counters.read(), Ok(true));
        assert_eq!(json!(counters.latest), json!({ "a": 12 }));
        assert!(!counters.asked);
    }

    fn answered(json: &str) -> Result<Value, ()> {
        let (mut counters, mut worker) = channel();
        counters.ask();
        worker.write_all(&u32::try_from(json.len()).unwrap().to_le_bytes()).unwrap();
        worker.write_all(json.as_bytes()).unwrap();
        while !counters.read()? {}
        Ok(json!(counters.latest))
    }

    #[test]
    fn only_numbers_with_plain_names_are_kept() {
        let long = "x".repeat(MAX_NAME + 1);
        let answer = format!(
            r#"{{"commands":18446744073709551615,"device_memory":-1,"{long}":1,"Ba\u001bd":2,"text":"{long}",
                "list":[1,2],"half":0.5,"huge":1e300,"nothing":null,"deep":{{"er":{{}}}}}}"#
        );
        assert_eq!(answered(&answer), Ok(json!({ "commands": u64::MAX, "device_memory": -1 })));
        assert_eq!(answered("[1]"), Err(()));
    }

    #[test]
    fn what_is_kept_of_a_worker_is_little() {
        let many: Vec<String> = (0..200).map(|number| format!("\"counter_{number}\":{}", u64::MAX)).collect();
        let kept = answered(&format!("{{{}}}", many[..100].join(","))).unwrap();
        assert_eq!(kept.as_object().unwrap().len(), MAX_COUNTERS);
        assert_eq!(answered(&format!("{{{}}}", many.join(","))), Err(()));
    }

    #[test]
    fn a_worker_that_breaks_the_rules_is_not_listened_to() {
        for bytes in [&b"\xff\xff\xff\xff"[..], b"\x01\0\0\0{", b"\x01\0\0\0{}", b"\x02\0\0\0{}unasked"] {
            let (mut counters, mut worker) = channel();
            counters.ask();
            worker.write_all(bytes).unwrap();
            assert_eq!(counters.read(), Err(()), "{bytes:?}");
        }
        let (mut counters, mut worker) = channel();
        worker.write_all(b"\x02\0\0\0{}").unwrap();
        assert_eq!(counters.read(), Err(()));
        let (mut counters, worker) = channel();
        drop(worker);
        assert_eq!(counters.read(), Err(()));
    }
}
