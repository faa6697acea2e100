//! Sessions: one worker each, from its start to its end.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use remora_protocol::hello::{Answer, Hello, Layout, LinkKind, Opened, Reason};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tracing::{debug, error, info, warn};

use crate::access::{Peer, user_name};
use crate::config::{ARENA_STEP, SMALLEST_ARENA};
use crate::confinement::Sandbox;
use crate::connection::{Connection, Write};
use crate::negotiate::Refusal;
use crate::probe::WorkerProgram;
use crate::process::{Ending, Process};
use crate::status::Counters;

/// Streams where address space is scarce.
const FEW_STREAMS: u32 = 64;
/// A 32-bit program has no address space for a large arena.
const LARGEST_ARENA_32: u64 = 256 << 20;

/// A program that is being served.
#[derive(Debug)]
pub struct Session {
    /// As in `remora status`.
    pub number: u64,
    /// The user whose program it is.
    pub uid: u32,
    /// That user's name.
    pub tenant: String,
    /// The program's process.
    pub pid: u32,
    /// What the program calls itself.
    pub program: String,
    /// How its frames travel.
    pub link: LinkKind,
    /// Since when.
    pub started: Instant,
    /// Its worker.
    pub worker: Process,
    /// Where its worker tells how it is doing.
    pub counters: Counters,
}

/// What sessions may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// All sessions.
    pub sessions: usize,
    /// Those of one tenant.
    pub sessions_per_tenant: usize,
    /// Shared memory of each.
    pub layout: Layout,
    /// Device memory that each may allocate without asking.
    pub memory_credit: u64,
    /// What workers of other users may touch.
    pub sandbox: Sandbox,
}

/// All sessions.
#[derive(Debug)]
pub struct Sessions {
    limits: Limits,
    program: WorkerProgram,
    table: BTreeMap<u64, Session>,
    last: u64,
}

impl Sessions {
    /// None so far.
    #[must_use]
    pub fn new(limits: Limits, program: WorkerProgram) -> Self {
        Self { limits, program, table: BTreeMap::new(), last: 0 }
    }

    /// Starts a worker for the program behind `connection` and tells the program. The connection is the worker's from
    /// then on: the caller drops its copy. The program has address space for `room` bytes.
    ///
    /// # Errors
    /// Why not. Nothing has been started then.
    pub fn open(&mut self, connection: &mut Connection, hello: &Hello, room: u64) -> Result<&Session, Refusal> {
        let uid = connection.peer.uid;
        self.check_limits(uid)?;
        let layout = match hello.pointer_bits {
            32 => Layout { arena: self.limits.layout.arena.min(LARGEST_ARENA_32), ..self.limits.layout },
            _ => self.limits.layout,
        };
        let layout = fitting(layout, room);
        let (layout, memory) = match hello.link {
            LinkKind::Memfd => shared_memory(layout)?,
            LinkKind::Stream => (layout, None),
        };
        let number = self.last + 1;
        let (worker, status) = self.start_worker(connection, number, layout, hello.link, memory.as_ref())?;
        self.last = number;

        // The worker speaks on this connection only after the program has, so that this is the first thing to arrive.
        let opened = Opened { session: number, layout, memory_credit: self.limits.memory_credit };
        let mut fds: Vec<BorrowedFd<'_>> =
            memory.iter().flat_map(|(rings, arena)| [rings.as_fd(), arena.as_fd()]).collect();
        fds.push(worker.as_fd());
        let sent = connection.answer_with_descriptors(&Answer::Opened(opened), &fds);
        if sent != Write::Done {
            worker.kill();
            info!(session = number, "the program is gone before its session is open");
        }
        let session = Session {
            number,
            uid,
            tenant: user_name(uid),
            pid: if connection.peer.pid == 0 { hello.pid } else { connection.peer.pid },
            program: hello.name.chars().filter(|c| !c.is_control()).take(256).collect(),
            link: hello.link,
            started: Instant::now(),
            worker,
            counters: Counters::new(status),
        };
        info!(
            session = number,
            worker = session.worker.id(),
            "{} ({}, process {}) of {}",
            session.program,
            link_name(session.link),
            session.pid,
            session.tenant
        );
        Ok(self.table.entry(number).or_insert(session))
    }

    fn check_limits(&self, uid: u32) -> Result<(), Refusal> {
        let limits = &self.limits;
        let of_tenant = self.table.values().filter(|session| session.uid == uid).count();
        let message = if self.table.len() >= limits.sessions {
            format!("all {} sessions of this broker are taken: raise max_sessions or end one", limits.sessions)
        } else if of_tenant >= limits.sessions_per_tenant {
            let most = limits.sessions_per_tenant;
            format!(
                "user {uid} has all {most} sessions that one user may have: end one or raise max_sessions_per_tenant"
            )
        } else {
            return Ok(());
        };
        Err(Refusal::new(Reason::Full, message))
    }

    fn start_worker(
        &self,
        connection: &Connection,
        number: u64,
        layout: Layout,
        link: LinkKind,
        memory: Option<&(OwnedFd, OwnedFd)>,
    ) -> Result<(Process, OwnedFd), Refusal> {
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .map_err(|error| no_room(error.into()))?;
        let peer = connection.peer.pidfd(connection);
        let mut command = self.program.command();
        let mut keep = vec![connection.as_fd(), theirs.as_fd()];
        command.arg("session");
        command.args(["--socket", &number_of(connection), "--status", &number_of(&theirs)]);
        if let Some((rings, arena)) = memory {
            command.args(["--rings", &number_of(rings), "--arena", &number_of(arena)]);
            keep.extend([rings.as_fd(), arena.as_fd()]);
        }
        if let Some(peer) = &peer {
            command.args(["--peer", &number_of(peer)]);
            keep.push(peer.as_fd());
        }
        let Layout { streams, command_ring, reply_ring, notice_ring, arena } = layout;
        let layout = format!("{streams},{command_ring},{reply_ring},{notice_ring},{arena}");
        command.args(["--link", link_name(link), "--layout", &layout]);
        command.args(["--driver", &self.program.driver.to_string(), "--session", &number.to_string()]);
        if !connection.peer.reads_what_we_read() {
            self.limits.sandbox.confine(&mut command, connection.peer.uid)?;
        } else {
            if sees_our_files(&connection.peer) {
                command.arg("--same-files");
            }
            // Without it the program only sends everything again.
            match self.limits.sandbox.tenant(connection.peer.uid, false) {
                Ok(directory) => {
                    command.arg("--tenant").arg(directory);
                }
                Err(refusal) => debug!("{}", refusal.message),
            }
        }
        let worker = Process::start(&mut command, &keep, self.program.files).map_err(|error| {
            Refusal::new(Reason::NoDriver, format!("cannot run the worker {}: {error}", self.program.path.display()))
        })?;
        Ok((worker, ours))
    }

    /// Takes a session out whose worker has ended; `told_to` if the broker is ending its workers.
    pub fn reap(&mut self, number: u64, told_to: bool) -> Option<Session> {
        let ending = self.table.get(&number)?.worker.reap()?;
        let session = self.table.remove(&number)?;
        let lasted = session.started.elapsed().as_secs_f64();
        let program = &session.program;
        match ending {
            Ending::Exit(0) => info!(session = number, "ended after {lasted:.1} s"),
            Ending::Exit(_) | Ending::Signal(libc::SIGKILL) => {
                warn!(session = number, "the worker of {program} ended by {ending} after {lasted:.1} s");
            }
            Ending::Signal(_) if told_to => info!(session = number, "ended with the broker after {lasted:.1} s"),
            // A crash: the program has lost its device, and its user should hear why.
            Ending::Signal(_) => {
                error!(session = number, "the worker of {program} ended by {ending} after {lasted:.1} s")
            }
        }
        Some(session)
    }

    /// A session.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut Session> {
        self.table.get_mut(&number)
    }

    /// All sessions, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.table.values()
    }

    /// All sessions, by number.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.table.values_mut()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

/// As on the worker's command line.
#[must_use]
pub fn link_name(link: LinkKind) -> &'static str {
    match link {
        LinkKind::Memfd => "memfd",
        LinkKind::Stream => "stream",
    }
}

fn number_of(fd: impl AsFd) -> String {
    fd.as_fd().as_raw_fd().to_string()
}

/// Whether the program of a peer is of our own user and has our files under the same names, so that what its sources include
/// is found where it says.
fn sees_our_files(peer: &Peer) -> bool {
    if peer.pid == 0 || peer.uid != rustix::process::geteuid().as_raw() {
        return false;
    }
    let of = |name| PathBuf::from(format!("/proc/{}/{name}", peer.pid));
    let same = |its: &Path, ours: &Path| {
        let both = fs::metadata(its).and_then(|its| Ok((its, fs::metadata(ours)?)));
        both.is_ok_and(|(its, ours)| its.dev() == ours.dev() && its.ino() == ours.ino())
    };
    // In a container, or where something else is mounted, the same names may be something else.
    same(&of("root"), Path::new("/")) && fs::read_link(of("cwd")).is_ok_and(|path| same(&of("cwd"), &path))
}

/// A layout that takes no more than `room` bytes, as far as there can be one.
fn fitting(mut layout: Layout, room: u64) -> Layout {
    let size = |layout: &Layout| {
        let rings = u64::from(layout.command_ring) + u64::from(layout.reply_ring);
        layout.arena + u64::from(layout.notice_ring) + u64::from(layout.streams) * rings
    };
    if size(&layout) > room {
        layout.streams = layout.streams.min(FEW_STREAMS);
    }
    while size(&layout) > room && layout.arena / 2 >= SMALLEST_ARENA {
        layout.arena = (layout.arena / 2).next_multiple_of(ARENA_STEP);
    }
    layout
}

/// The memory files of a session. Where one as large as the layout wants can't be had the arena is smaller, and transfers go
/// in more parts.
fn shared_memory(mut layout: Layout) -> Result<(Layout, Option<(OwnedFd, OwnedFd)>), Refusal> {
    loop {
        match remora_link::create_memory(&layout) {
            Ok(memory) => return Ok((layout, Some(memory))),
            Err(error) if layout.arena / 2 < SMALLEST_ARENA => {
                let message = format!(
                    "the machine with the device has no shared memory for another session ({error}): end others, or raise \
                     the limits on memory and file sizes that remorad runs under"
                );
                return Err(Refusal::new(Reason::Full, message));
            }
            Err(_) => layout.arena = (layout.arena / 2).next_multiple_of(ARENA_STEP),
        }
    }
}

fn no_room(error: io::Error) -> Refusal {
    Refusal::new(Reason::Full, format!("the machine with the device has no memory for another session: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_fit_where_they_can() {
        let whole = Layout::default();
        assert_eq!(fitting(whole, u64::MAX), whole);
        let less = fitting(whole, 600 << 20);
        assert_eq!((less.streams, less.arena), (FEW_STREAMS, 512 << 20));
        assert_eq!(fitting(whole, 0), Layout { streams: FEW_STREAMS, arena: SMALLEST_ARENA, ..whole });
    }
}
