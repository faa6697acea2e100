//! What all executors of a session share.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, RwLock};

use remora_link::{Arena, Link};
use remora_protocol::Bulk;

use super::build::Builds;
use super::completions::Completions;
use super::contents::Asked;
use super::context::Platform;
use super::driver::Driver;
use super::engine::Job;
use super::executor::Executors;
use super::host_calls::HostCalls;
use super::pending::Pending;
use super::places::Places;
use super::reaper::Reaper;
use super::svm::Registry;
use super::tables::Tables;
use super::violation::Violation;
use crate::lock;
use crate::notices::Notices;
use crate::output::Output;
use crate::progress::Progress;
use crate::stats::Stats;

/// A session.
pub struct Shared {
    /// The driver.
    pub driver: Driver,
    /// The way to the client.
    pub link: Link,
    /// The driver's platforms.
    pub platforms: Vec<Platform>,
    /// The session's objects.
    pub tables: Tables,
    /// How far each stream is.
    pub progress: Progress,
    /// What is told unasked.
    pub notices: Arc<Notices>,
    /// What is counted.
    pub stats: Arc<Stats>,
    /// What kernels print, if it is captured.
    pub output: Option<Arc<Output>>,
    /// Whether any program of the session may print.
    pub may_print: AtomicBool,
    /// User events that the program has not resolved: while there are any, nothing may block an executor.
    pub unresolved: AtomicI64,
    /// Whether any command has failed on the device. Until then nobody looks for those that did.
    pub errors_seen: AtomicBool,
    /// Held for writing while a user event (the program's, or that of a composed command) is made to fail, for reading from
    /// the look at a wait list until the driver has it: a command that waits for an event which failed just before would hang
    /// in some drivers (PoCL).
    pub failing: RwLock<()>,
    /// Why the session was closed, if that was for something else than the end of the program.
    pub fault: Mutex<Option<Fault>>,
    /// Reads under way.
    pub pending: Pending,
    /// The driver's callbacks.
    pub completions: Completions,
    /// The thread of transfers in parts.
    pub engine: Sender<Job>,
    /// What the program does by itself.
    pub host_calls: HostCalls,
    /// Shared virtual memory.
    pub svm: Registry,
    /// Releases that wait.
    pub reaper: Reaper,
    /// The threads of the streams.
    pub executors: Executors,
    /// Programs being built.
    pub builds: Builds,
    /// Contents that the client was asked for.
    pub asked: Asked,
    /// Where builds are.
    pub places: Places,
}

/// What a session should not be closed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client did what no client does.
    Client(Violation),
    /// A thread of the worker panicked.
    Panic,
}

impl Shared {
    /// Before a completion is told: what was printed until now, what failed until now and what was read until now goes
    /// first. The client takes everything before what is complete in an in-order queue for complete.
    pub fn settle(&self) {
        if self.may_print.load(Ordering::SeqCst) {
            if let Some(output) = &self.output {
                output.drain(&self.notices);
            }
        }
        if self.errors_seen.load(Ordering::SeqCst) {
            for queue in self.executors.queues() {
                queue.tell_failures(self);
            }
        }
        self.pending.tell(self.driver, &self.notices);
    }

    /// Source or options of a program: what its kernels print is looked for only once they may print at all.
    pub fn sees_text(&self, text: &[u8]) {
        let contains = |word: &&[u8]| text.windows(word.len()).any(|window| window == *word);
        // An included file may hold the word, and pasted tokens may make it.
        if [b"printf".as_slice(), b"include", b"##"].iter().any(contains) {
            self.may_print.store(true, Ordering::SeqCst);
        }
    }

    /// The memory that bulk data passes through.
    #[must_use]
    pub fn arena(&self) -> &Arena {
        self.link.arena()
    }

    /// Where the arena's part for clients ends.
    #[must_use]
    pub fn client_arena(&self) -> u64 {
        self.arena().bounce().start
    }

    /// The address of a client's range of the arena.
    ///
    /// # Errors
    /// If it is not one: no client asks for that.
    pub fn client_memory(&self, bulk: Bulk) -> Result<*mut u8, Violation> {
        let end = bulk.offset.checked_add(bulk.length);
        if end.is_none_or(|end| end > self.client_arena()) {
            return Err(Violation::new("a range outside the client's part of the arena"));
        }
        let pointer = self.arena().pointer(bulk.offset, bulk.length);
        pointer.map(|pointer| pointer.as_ptr()).ok_or_else(|| Violation::new("a range outside the arena"))
    }

    /// Ends the session, with the reason in the log.
    pub fn end(&self, violation: &Violation) {
        if !violation.is_end() {
            tracing::error!("the session is closed: {violation}");
            lock(&self.fault).get_or_insert_with(|| Fault::Client(violation.clone()));
        }
        self.link.close();
    }

    /// Ends the session after a panic.
    pub fn panicked(&self) {
        *lock(&self.fault) = Some(Fault::Panic);
        self.link.close();
    }
}
