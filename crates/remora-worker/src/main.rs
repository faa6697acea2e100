//! `remora-worker`: started by remorad, never by hand.

mod log;

use std::io::Write;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use remora_worker::opencl::driver::{self, Which};
use remora_worker::opencl::facts;
use remora_worker::{sandbox, session};

/// Executes one session of Remora on a driver. Started by remorad.
#[derive(Parser)]
#[command(name = "remora-worker", version)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Executes what a client sends.
    Session(session::Options),
    /// Writes what the driver has to standard output.
    Probe {
        /// Which driver.
        #[arg(long, value_enum)]
        driver: Which,
    },
}

fn main() {
    let command = Command::parse();
    // SAFETY: no other thread runs yet. Where the loader finds Remora's own front-end, this keeps it from leading back.
    unsafe { std::env::set_var("REMORA_WORKER_PROCESS", "1") };
    let result = log::start().and_then(|()| match command.what {
        What::Session(options) => session::run(&options),
        What::Probe { driver } => probe(driver),
    });
    let code = match result {
        Ok(()) => 0,
        Err(error) => {
            // What a logger would add, the broker's log has already.
            eprintln!("remora-worker: {error:#}");
            1
        }
    };
    // SAFETY: ends the process at once. Threads may be anywhere in the driver: its own exit handlers would wait for them.
    unsafe { libc::_exit(code) }
}

fn probe(which: Which) -> anyhow::Result<()> {
    // What a driver prints while it starts must not get into the facts.
    let mut facts = std::fs::File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?);
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    sandbox::enter();
    let driver = driver::load(which)?;
    if remora_worker::opencl::context::platforms(driver).is_empty() {
        bail!("the OpenCL loader of this machine knows no platform: install the driver of its GPU, or PoCL");
    }
    facts.write_all(&facts::probe(driver)).context("writing the facts")
}
