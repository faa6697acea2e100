//! A worker's life: it takes over one end of a link, executes until that closes, and ends with everything it holds.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, mpsc};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use remora_link::{Layout, Link, Side};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::lock;
use crate::opencl::contents::Asked;
use crate::opencl::driver::{self, Which};
use crate::opencl::places::Places;
use crate::opencl::shared::Fault;
use crate::opencl::start::start;
use crate::output::Output;
use crate::stats::Stats;
use crate::store::Store;
use crate::{confinement, sandbox, status};

/// What the broker says of a session.
#[derive(Debug, Args)]
pub struct Options {
    /// The client's connection.
    #[arg(long, value_name = "FD")]
    socket: RawFd,
    /// A socket on which the broker asks for counters.
    #[arg(long, value_name = "FD")]
    status: Option<RawFd>,
    /// The memory of the rings, of a memfd link.
    #[arg(long, value_name = "FD")]
    rings: Option<RawFd>,
    /// The memory of the arena, of a memfd link.
    #[arg(long, value_name = "FD")]
    arena: Option<RawFd>,
    /// A pidfd of the client.
    #[arg(long, value_name = "FD")]
    peer: Option<RawFd>,
    /// How frames travel.
    #[arg(long, value_enum)]
    link: Kind,
    /// Streams, and the sizes of rings of commands, replies and notices, and of the arena.
    #[arg(long, value_name = "STREAMS,COMMAND,REPLY,NOTICE,ARENA")]
    layout: Sizes,
    /// What executes.
    #[arg(long, value_enum)]
    driver: Which,
    /// The session's number.
    #[arg(long)]
    session: u64,
    /// The tenant's directory.
    #[arg(long, value_name = "DIRECTORY")]
    tenant: Option<PathBuf>,
    /// That directory is the only one to write to: the client is another user than the broker.
    #[arg(long, requires = "tenant")]
    confine: bool,
    /// The program is of our user and its files are where it says.
    #[arg(long)]
    same_files: bool,
    /// What may be read besides what drivers usually need.
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Memfd,
    Stream,
}

/// A layout on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes(Layout);

impl FromStr for Sizes {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let numbers: Vec<&str> = text.split(',').collect();
        let [streams, command_ring, reply_ring, notice_ring, arena] = numbers.as_slice() else {
            bail!("five numbers are needed");
        };
        Ok(Self(Layout {
            streams: streams.parse().context("streams")?,
            command_ring: command_ring.parse().context("command ring")?,
            reply_ring: reply_ring.parse().context("reply ring")?,
            notice_ring: notice_ring.parse().context("notice ring")?,
            arena: arena.parse().context("arena")?,
        }))
    }
}

/// Runs one session. Returns when the link has closed; the caller ends the process at once, whatever its threads do then:
/// all that the client held goes with it.
///
/// # Errors
/// Why there can be no session, in words.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let descriptors = Descriptors::take(options)?;
    // Before the driver is loaded: it may keep what it finds as standard output.
    let output = Arc::new(Output::capture().context("standard output can't be captured")?);
    sandbox::enter();
    // There is only this thread yet: others would not be confined.
    if let Some(directory) = options.tenant.as_ref().filter(|_| options.confine) {
        confinement::enter(directory, &options.read).context("the worker can't be confined")?;
    }
    let driver = driver::load(options.driver)?;
    let Descriptors { socket, status, rings, arena, peer } = descriptors;
    let layout = options.layout.0;
    let link = match (options.link, rings, arena) {
        (Kind::Memfd, Some(rings), Some(arena)) => Link::memfd(Side::Worker, layout, rings, arena, socket, peer)?,
        (Kind::Memfd, ..) => bail!("a memfd link needs --rings and --arena"),
        (Kind::Stream, ..) => Link::stream(Side::Worker, layout, socket, peer)?,
    };
    let (ended, end) = mpsc::channel();
    link.on_close(Box::new(move || {
        let _ = ended.send(());
    }));
    let stats = Arc::new(Stats::default());
    if let Some(socket) = status {
        status::serve(socket, options.session, Arc::clone(&stats)).context("the thread of the status")?;
    }
    let store = options.tenant.as_ref().and_then(|directory| Store::open(directory.join("contents")));
    let places = Places::new(options.same_files, options.tenant.clone());
    let session = start(link, driver, stats, Some(output), Asked::new(store), places)?;
    tracing::info!(session = options.session, link = ?options.link, driver = ?options.driver, "session open");
    let _ = end.recv();
    tracing::info!(session = options.session, "session closed");
    match lock(&session.fault).take() {
        None => Ok(()),
        Some(Fault::Client(violation)) => bail!("the client broke the protocol: {violation}"),
        Some(Fault::Panic) => bail!("a thread panicked"),
    }
}

struct Descriptors {
    socket: OwnedFd,
    status: Option<OwnedFd>,
    rings: Option<OwnedFd>,
    arena: Option<OwnedFd>,
    peer: Option<OwnedFd>,
}

impl Descriptors {
    fn take(options: &Options) -> anyhow::Result<Self> {
        let all = [Some(options.socket), options.status, options.rings, options.arena, options.peer];
        let given: Vec<RawFd> = all.into_iter().flatten().collect();
        if given.iter().enumerate().any(|(index, fd)| *fd < 3 || given[..index].contains(fd)) {
            bail!("descriptors must be different ones above 2");
        }
        Ok(Self {
            socket: take(options.socket)?,
            status: options.status.map(take).transpose()?,
            rings: options.rings.map(take).transpose()?,
            arena: options.arena.map(take).transpose()?,
            peer: options.peer.map(take).transpose()?,
        })
    }
}

/// Takes over an inherited descriptor. Helpers that a driver starts don't get it.
fn take(fd: RawFd) -> anyhow::Result<OwnedFd> {
    // SAFETY: asks only whether there is such a descriptor.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        bail!("descriptor {fd} is not open");
    }
    // SAFETY: it is open, was inherited for this purpose, and `Descriptors::take` takes each once.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    fcntl_setfd(&owned, FdFlags::CLOEXEC)?;
    Ok(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_five_numbers() {
        let Sizes(layout) = "64,4096,8192,16384,1073741824".parse().unwrap();
        assert_eq!((layout.streams, layout.command_ring, layout.arena), (64, 4096, 1 << 30));
        assert!("1,2,3".parse::<Sizes>().is_err());
        assert!("1,2,3,4,x".parse::<Sizes>().is_err());
    }
}
