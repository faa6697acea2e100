//! `remora kill`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::Broker;
use crate::administrator::{Administrator, only_one};

/// Which session to end.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    broker: Broker,
    /// Its number in `remora status`
    session: u64,
}

/// Ends a session.
pub fn run(options: &Options) -> Result<ExitCode> {
    Administrator::connect(&only_one(&options.broker.to)?)?.kill(options.session)?;
    Ok(ExitCode::SUCCESS)
}
