//! Putting a session together.

use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, RwLock, mpsc};

use anyhow::Context as _;
use remora_link::{Lane, Link};

use super::completions::{self, Completions};
use super::contents::Asked;
use super::context::platforms;
use super::driver::Driver;
use super::engine::{self, Job};
use super::executor::{DRIVER_STACK, guarded, spawn, start_objects, start_transfers};
use super::places::Places;
use super::reaper;
use super::shared::Shared;
use crate::notices::Notices;
use crate::output::Output;
use crate::progress::Progress;
use crate::stats::Stats;

/// Starts executing what comes in by `link`, until it is closed.
///
/// # Errors
/// If the arena is too small or there is no room for the session's threads.
pub fn start(
    link: Link,
    driver: Driver,
    stats: Arc<Stats>,
    output: Option<Arc<Output>>,
    asked: Asked,
    places: Places,
) -> anyhow::Result<Arc<Shared>> {
    let layout = link.layout();
    anyhow::ensure!(
        link.arena().bounce().start > 0,
        "an arena of {} bytes has no room for transfers in parts",
        layout.arena
    );
    anyhow::ensure!(layout.streams >= 2, "a session has at least two streams");
    let notices = Arc::new(Notices::new(link.sender(Lane::Notices).context("the lane of notices")?));
    let (completions, notes) = Completions::new();
    let (engine, jobs) = mpsc::channel();
    let shared = Arc::new(Shared {
        driver,
        platforms: platforms(driver),
        tables: super::tables::Tables::default(),
        progress: Progress::new(layout.streams),
        notices,
        stats,
        output,
        may_print: AtomicBool::new(false),
        unresolved: AtomicI64::new(0),
        errors_seen: AtomicBool::new(false),
        failing: RwLock::new(()),
        fault: Mutex::new(None),
        pending: super::pending::Pending::default(),
        completions,
        engine,
        host_calls: super::host_calls::HostCalls::default(),
        svm: super::svm::Registry::default(),
        reaper: reaper::Reaper::default(),
        executors: super::executor::Executors::default(),
        builds: super::build::Builds::default(),
        asked,
        places,
        link,
    });
    for device in shared.platforms.iter().flat_map(|platform| &platform.devices) {
        let named = shared.tables.devices.insert(device.handle, Ok(Arc::clone(device)));
        named.map_err(|violation| anyhow::anyhow!("{violation}"))?;
    }
    if let Some(output) = &shared.output {
        output.forward(Arc::clone(&shared.notices)).context("the thread of output")?;
    }
    threads(&shared, notes, jobs)?;
    Ok(shared)
}

fn threads(shared: &Arc<Shared>, notes: completions::Notes, jobs: mpsc::Receiver<Job>) -> anyhow::Result<()> {
    // The hook must not keep the session alive: the link would keep its own closing from ever being dropped.
    let ending = Arc::downgrade(shared);
    shared.link.on_close(Box::new(move || {
        if let Some(shared) = ending.upgrade() {
            shared.progress.close();
            shared.completions.end();
            shared.asked.close();
            let _ = shared.engine.send(Job::End);
        }
    }));
    let session = Arc::clone(shared);
    let body = move || {
        guarded(&session, || {
            completions::run(&session, &notes);
            Ok(())
        });
    };
    spawn("completions", DRIVER_STACK, body).context("the thread of completions")?;
    let session = Arc::clone(shared);
    let body = move || {
        guarded(&session, || {
            engine::run(&session, jobs);
            Ok(())
        });
    };
    spawn("transfers", DRIVER_STACK, body).context("the thread of transfers")?;
    let session = Arc::clone(shared);
    let body = move || {
        guarded(&session, || {
            reaper::run(&session);
            Ok(())
        });
    };
    spawn("reaper", DRIVER_STACK, body).context("the thread of releases")?;
    start_transfers(shared).map_err(|violation| anyhow::anyhow!("{violation}"))?;
    start_objects(shared).map_err(|violation| anyhow::anyhow!("{violation}"))
}
