//! `remora`: runs programs with Remora's front-end in place, and shows and ends what runs.

mod administrator;
mod bench;
mod doctor;
mod kill;
mod places;
mod run;
mod status;
mod table;
mod top;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use remora_link::Url;

/// Lets a program use an OpenCL device that is elsewhere.
#[derive(Parser)]
#[command(name = "remora", version)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Run a program with Remora's front-end in place of its OpenCL driver
    Run(run::Options),
    /// Check what this machine has and say why something would not work
    Doctor(doctor::Options),
    /// Show the sessions of a broker
    Status(status::Options),
    /// Show the sessions of a broker over and over
    Top(top::Options),
    /// End a session; its program sees that its device is gone
    Kill(kill::Options),
    /// Measure native against remoted on this machine
    Bench(bench::Options),
    /// The program that `remora bench` measures
    #[command(name = "__measure", hide = true)]
    Measure {
        /// MiB of the large transfers
        large: usize,
    },
    /// The program whose instructions `remora bench --instructions` counts
    #[command(name = "__calls", hide = true)]
    Calls {
        /// Which call
        name: String,
        /// How often
        count: u32,
    },
    /// Load a library and say what is wrong with it (`remora doctor` does that in a process of its own)
    #[command(name = "__load", hide = true)]
    Load {
        /// The library
        library: std::path::PathBuf,
    },
}

/// Which broker is meant.
#[derive(Args, Clone)]
struct Broker {
    /// The broker, for example unix:/run/remora/remora.sock
    #[arg(long, value_name = "URL", env = "REMORA_TO", default_value = Url::DEFAULT)]
    to: String,
}

fn main() -> ExitCode {
    let (name, result) = match Command::parse().what {
        What::Run(options) => ("run", run::run(&options)),
        What::Doctor(options) => ("doctor", doctor::run(&options)),
        What::Status(options) => ("status", status::run(&options)),
        What::Top(options) => ("top", top::run(&options)),
        What::Kill(options) => ("kill", kill::run(&options)),
        What::Bench(options) => ("bench", bench::run(&options)),
        What::Measure { large } => ("__measure", bench::measure(large)),
        What::Calls { name, count } => ("__calls", bench::calls(&name, count)),
        What::Load { library } => ("__load", doctor::load(&library)),
    };
    result.unwrap_or_else(|error| {
        eprintln!("remora {name}: {error:#}");
        // As env, timeout and others do that run a program: none of the program's own.
        ExitCode::from(if name == "run" { run::OWN_FAILURE } else { 1 })
    })
}
