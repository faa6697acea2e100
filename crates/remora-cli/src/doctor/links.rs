//! What connects program and worker: shared memory, sockets, a broker.

use std::os::unix::net::UnixStream;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use remora_broker::confinement::kernel_can_confine;
use remora_broker::probe::summary;
use remora_link::{Lane, Layout, Link, Side, Url, create_memory};
use remora_protocol::FrameWriter;
use remora_protocol::hello::LinkKind;

use super::{Finding, Report};
use crate::administrator::Administrator;
use crate::status::ask;
use crate::table::bytes;

/// Little memory is needed to see whether a link works.
const SMALL: Layout =
    Layout { streams: 2, command_ring: 64 << 10, reply_ring: 16 << 10, notice_ring: 64 << 10, arena: 16 << 20 };
const ROUNDS: u32 = 1000;
/// Nothing looks at what the frames say.
const OPCODE: u16 = 1;

/// Tries shared memory and both links.
pub fn check(report: &mut Report) -> Result<()> {
    report.add("shared memory", shared_memory())?;
    report.add("other users", confinement())?;
    for (name, kind) in [("memfd link", LinkKind::Memfd), ("stream link", LinkKind::Stream)] {
        let finding = match round_trip(kind) {
            Ok(micros) => Finding::Ok(format!("works, {micros:.1} us for a round trip inside one process")),
            Err(error) => Finding::Fail(
                format!("{error:#}"),
                match kind {
                    LinkKind::Memfd => "allow memfd_create in this container, or set REMORA_LINK=stream".into(),
                    LinkKind::Stream => "allow unix sockets in this container".into(),
                },
            ),
        };
        report.add(name, finding)?;
    }
    Ok(())
}

/// A broker serves other users than its own only in confined workers.
fn confinement() -> Finding {
    if kernel_can_confine() {
        return Finding::Ok("their workers can be confined (Landlock)".into());
    }
    Finding::Warn(
        "this kernel has no Landlock, so a broker here serves its own user and root only".into(),
        "Linux 5.13 and later have it, if it is among the security modules that the kernel starts with (lsm=)".into(),
    )
}

/// Shared memory of a session comes out of ordinary memory and is charged to whoever touches it first.
fn shared_memory() -> Finding {
    let layout = Layout::default();
    let memory = create_memory(&layout).and_then(|(_rings, arena)| {
        let try_out = 64 << 20;
        Ok(rustix::fs::fallocate(&arena, rustix::fs::FallocateFlags::empty(), 0, try_out)?)
    });
    if let Err(error) = memory {
        return Finding::Fail(
            format!("cannot make and fill a memfd: {error}"),
            "raise the memory limit of this container, allow memfd_create, or set REMORA_LINK=stream".into(),
        );
    }
    let arena = bytes(layout.arena as f64);
    match available_memory() {
        Some(available) if available < layout.arena => Finding::Warn(
            format!("memfd works, but {} are left and a session may use up to {arena}", bytes(available as f64)),
            "start remorad with a smaller --arena, or give this machine more memory".into(),
        ),
        Some(available) => {
            Finding::Ok(format!("memfd works; {} left, up to {arena} a session", bytes(available as f64)))
        }
        None => Finding::Ok("memfd works".into()),
    }
}

/// What this machine has left, or this container if that is less.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10;
    let number = |name: &str| -> Option<u64> {
        std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok()
    };
    let container = number("memory.max").zip(number("memory.current")).map(|(most, used)| most.saturating_sub(used));
    Some(container.map_or(machine, |container| container.min(machine)))
}

/// Sends frames back and forth over a link whose both ends are here.
fn round_trip(kind: LinkKind) -> Result<f64> {
    let (here, there) = UnixStream::pair()?;
    let (client, worker) = match kind {
        LinkKind::Memfd => {
            let (rings, arena) = create_memory(&SMALL).context("cannot make shared memory")?;
            let again = (rings.try_clone()?, arena.try_clone()?);
            let client = Link::memfd(Side::Client, SMALL, rings, arena, here.into(), None)?;
            (client, Link::memfd(Side::Worker, SMALL, again.0, again.1, there.into(), None)?)
        }
        LinkKind::Stream => (
            Link::stream(Side::Client, SMALL, here.into(), None)?,
            Link::stream(Side::Worker, SMALL, there.into(), None)?,
        ),
    };
    let mut commands = worker.receiver(Lane::Commands(0))?;
    let mut replies = worker.sender(Lane::Replies(0))?;
    let echo = std::thread::spawn(move || {
        let mut frame = Vec::new();
        while commands.recv(&mut frame).is_ok() && replies.send(&frame).is_ok() {}
    });
    let mut sender = client.sender(Lane::Commands(0))?;
    let mut receiver = client.receiver(Lane::Replies(0))?;
    let mut writer = FrameWriter::default();
    let frame = writer.write(OPCODE, 1, &[], None, 0, &[7u8; 32].as_slice());
    let mut back = Vec::new();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        sender.send(frame)?;
        receiver.recv(&mut back)?;
        if back != frame {
            bail!("a frame came back changed");
        }
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    client.close();
    let _ = echo.join();
    Ok(micros)
}

/// Whether a broker can be used, and what it offers.
pub fn broker(url: &Url) -> Finding {
    let mut administrator = match Administrator::connect(url) {
        Ok(administrator) => administrator,
        Err(error) => return Finding::Fail(format!("{error:#}"), "programs that are sent there see no device".into()),
    };
    match ask(&mut administrator) {
        Ok(status) if status.version != env!("CARGO_PKG_VERSION") => Finding::Warn(
            format!("remorad {} at {url}, and this is remora {}", status.version, env!("CARGO_PKG_VERSION")),
            "they understand each other; install one version to be sure that they behave alike".into(),
        ),
        Ok(status) if administrator.facts.is_empty() => Finding::Fail(
            format!("remorad {} at {url} has no devices", status.version),
            "run `remora doctor` where it runs".into(),
        ),
        Ok(status) => {
            let platforms = summary(&administrator.facts)
                .into_iter()
                .map(|(name, devices)| format!("{name}: {}", devices.join(", ")));
            let platforms = platforms.collect::<Vec<_>>().join("; ");
            Finding::Ok(format!("remorad {} at {url}, {} sessions; {platforms}", status.version, status.sessions.len()))
        }
        Err(error) => Finding::Fail(format!("{error:#}"), "update Remora here or there".into()),
    }
}
