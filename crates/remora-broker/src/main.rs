//! `remorad`: see the library.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use remora_broker::broker::Broker;
use remora_broker::config::{Arguments, Config};
use remora_broker::lifetime::{Ready, Signals, end_with_parent};
use remora_broker::probe::WorkerProgram;
use remora_broker::{log, process};
use rustix::process::{DumpableBehavior, Signal};

fn main() -> ExitCode {
    match serve(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("remorad: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Arguments) -> Result<()> {
    // Workers are of the same user and run what tenants bring: they must not trace the broker or look into it.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).context("PR_SET_DUMPABLE")?;
    // Before anything else is opened: the descriptor is ours only by its number.
    let ready = arguments.ready_fd.map(Ready::take).transpose()?;
    let signals = Signals::block(&[Signal::TERM, Signal::INT, Signal::HUP])?;
    // What a private broker has to say is of no interest to the program's user unless something is wrong.
    log::start(if arguments.private { "error" } else { "info" })?;
    let config = Config::load(arguments)?;
    if config.private {
        end_with_parent()?;
    }
    let files = process::raise_file_limit();
    let worker = WorkerProgram { path: process::find_worker(config.worker.as_deref())?, driver: config.driver, files };
    let result = Broker::new(&config, worker, signals, ready).and_then(Broker::run);
    if let Some(scratch) = &config.scratch {
        // Whoever made it is gone if it is still there, or is about to remove it too.
        let _ = std::fs::remove_dir_all(scratch);
    }
    result
}
