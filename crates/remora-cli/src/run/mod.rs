//! `remora run`.

mod child;
mod front_end;
mod private;
mod program;
mod scratch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use remora_broker::config::Driver;
use remora_broker::lifetime::Signals;
use remora_link::Url;
use rustix::process::Signal;

use crate::administrator::Administrator;
use crate::places;
use front_end::FrontEnd;
use private::{PrivateBroker, Start};
use scratch::Scratch;

/// Exit status when it is `remora run` itself that fails.
pub const OWN_FAILURE: u8 = 125;
/// What a shell says of a program that exists and cannot be run, and of one that does not exist.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// How to run which program.
#[derive(Args)]
pub struct Options {
    /// The back-end, for example unix:/run/remora/remora.sock; several may be separated by commas. Without it a broker is
    /// started on this machine for as long as the program runs
    #[arg(long, value_name = "URL", env = "REMORA_TO")]
    to: Option<String>,
    /// How calls travel: through shared memory, or all as bytes on the socket
    #[arg(long, env = "REMORA_LINK")]
    link: Option<Link>,
    /// The driver of a broker that is started for this program: the machine's own, or one that computes nothing
    #[arg(long, value_name = "DRIVER", conflicts_with = "to")]
    driver: Option<Driver>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Link {
    Memfd,
    Stream,
}

/// Runs the program and returns what it returned.
pub fn run(options: &Options) -> Result<ExitCode> {
    let library = places::front_end()?;
    let name = &options.command[0];
    let shown = Path::new(name).display();
    match program::resolve(name) {
        Some(path) => {
            if let Some(warning) = program::out_of_reach(&path) {
                eprintln!("remora run: {warning}");
            }
        }
        None => {
            eprintln!("remora run: there is no program {shown}");
            return Ok(ExitCode::from(NOT_FOUND));
        }
    }
    // From here on signals wait until there is a program to pass them on to, so that nothing is left behind.
    let before = child::signal_mask()?;
    let signals = Signals::block(&[Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2])?;
    let scratch = Scratch::new()?;
    let (to, broker) = match options.to.as_deref().filter(|to| !to.is_empty()) {
        Some(to) => {
            check(to)?;
            (to.to_owned(), None)
        }
        None => match PrivateBroker::start(&scratch, options.driver, &signals)? {
            Start::Ready(broker) => (broker.url().to_owned(), Some(broker)),
            Start::Interrupted(signal) => return Ok(child::killed_by(signal)),
        },
    };
    let mut command = std::process::Command::new(name);
    command.args(&options.command[1..]).env("REMORA_TO", to);
    if let Some(link) = options.link {
        command.env(
            "REMORA_LINK",
            match link {
                Link::Memfd => "memfd",
                Link::Stream => "stream",
            },
        );
    }
    FrontEnd::new(&library, scratch.path())?.put_in_place(&mut command);
    let result = child::run(command, &signals, before);
    drop(broker);
    drop(scratch);
    match result {
        Ok(code) => Ok(code),
        Err(error) => {
            eprintln!("remora run: cannot run {shown}: {error}");
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            Ok(ExitCode::from(if missing { NOT_FOUND } else { CANNOT_RUN }))
        }
    }
}

/// Whether any of the back-ends can be used. The program gets along without the others.
fn check(list: &str) -> Result<()> {
    let urls = Url::parse_list(list)?;
    let mut problems: Vec<anyhow::Error> = urls.iter().filter_map(|url| Administrator::connect(url).err()).collect();
    if problems.len() < urls.len() {
        problems.iter().for_each(|problem| eprintln!("remora run: {problem:#}"));
        return Ok(());
    }
    match problems.pop() {
        Some(problem) => {
            problems.iter().for_each(|problem| eprintln!("remora run: {problem:#}"));
            Err(problem)
        }
        None => bail!("--to names no back-end"),
    }
}
