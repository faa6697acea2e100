//! `cargo xtask conformance`: the differential harness on the command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use regex::Regex;
use remora_testkit::conformance::{Campaign, Driver, How, Report, Rerun, Shard, Step, Store, Suite};
use remora_testkit::{Link, places};

/// Runs a suite natively and through Remora, case by case, and tells the differences. What is done already isn't run again.
/// The status is 0 if no case is worse remoted than natively.
#[derive(Parser)]
#[command(name = "cargo xtask conformance")]
struct Options {
    /// What kind of suite it is
    #[arg(long, value_name = "NAME")]
    suite: Suite,
    /// Where it is built
    #[arg(long, value_name = "DIR", required_unless_present = "report")]
    bin: Option<PathBuf>,
    /// Only cases whose name, such as test_basic/barrier, has this in it
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Only the K-th of N parts
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    shard: Shard,
    /// How calls travel
    #[arg(long, value_name = "LINKS", value_delimiter = ',', default_value = "memfd,stream")]
    link: Vec<Link>,
    /// A driver other than the machine's own: a directory as for OCL_ICD_VENDORS or a library, with a name for its results.
    /// May be given several times
    #[arg(long, value_name = "[NAME=]PATH", value_parser = Driver::parse)]
    driver: Vec<Driver>,
    /// Seconds that a case may take natively; remoted it has twice that
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// What to run again although it is done
    #[arg(long, value_name = "WHAT", default_value = "nothing")]
    rerun: Rerun,
    /// Run nothing, and show the table of what was run
    #[arg(long)]
    report: bool,
    /// Where results are kept
    #[arg(long, value_name = "DIR", default_value_os_t = places::target().join("conformance"))]
    results: PathBuf,
    /// What every case is given besides, for example a suite's own quick mode. Results with other arguments don't count
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing is worse.
fn run(options: &Options) -> Result<bool> {
    let suite = options.suite;
    let wanted = |id: &str| options.only.as_ref().is_none_or(|only| only.is_match(id));
    let cases = match &options.bin {
        Some(directory) if !options.report => {
            let cases = suite.cases(directory)?.into_iter().filter(|case| wanted(&case.id()));
            options.shard.part(cases.collect())
        }
        _ => Vec::new(),
    };
    let hows: Vec<How> = [How::Native].into_iter().chain(options.link.iter().map(|link| How::from(*link))).collect();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot wait for signals")?;
    }
    let own = [Driver::of_the_machine()];
    let drivers = if options.driver.is_empty() { &own } else { options.driver.as_slice() };
    let mut good = true;
    for driver in drivers {
        let directory = options.results.join(suite.name()).join(driver.name());
        let mut store = Store::open(&directory, options.shard)?;
        let campaign = Campaign {
            suite,
            cases: &cases,
            hows: &hows,
            driver,
            arguments: &options.arguments,
            limit: Duration::from_secs(options.limit),
            rerun: options.rerun,
            stop: &stop,
        };
        let whole = follow(&campaign, &mut store)?;
        let report = Report::new(suite, &store, &hows, wanted)?;
        println!("\n{} on the driver {} ({})\n", suite.name(), driver.name(), directory.display());
        print!("{report}");
        if !whole {
            println!("\nStopped. The same command goes on from here.");
            return Ok(false);
        }
        good &= report.worse().is_empty();
    }
    Ok(good)
}

/// Runs it and shows how far it is: a bar where somebody looks, and a line for each case that was run elsewhere.
fn follow(campaign: &Campaign<'_>, store: &mut Store) -> Result<bool> {
    let bar = ProgressBar::new(campaign.cases.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({elapsed}, {eta} left)")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let (mut number, mut line) = (0, String::new());
    let whole = campaign.run(store, &mut |step| match step {
        Step::Begun(case, how) => bar.set_message(format!("{} {}", case.id(), how.name())),
        Step::Ended(_, record) => {
            let separator = if line.is_empty() { "" } else { "," };
            line += &format!("{separator} {} {record} in {:.1} s", record.how.name(), record.seconds);
        }
        Step::Done(case) => {
            number += 1;
            bar.inc(1);
            if bar.is_hidden() && !line.is_empty() {
                println!("[{number}/{}] {}:{line}", campaign.cases.len(), case.id());
            }
            line.clear();
        }
    });
    bar.finish_and_clear();
    whole
}
