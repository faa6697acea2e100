//! `remora doctor`: what this machine has, and why something would not work.

mod back_end;
mod coverage;
mod extensions;
mod front_end;
mod links;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use remora_broker::config::Driver;
use remora_link::Url;

use crate::administrator::print;

/// What to check.
#[derive(Args)]
pub struct Options {
    /// The back-end to check [default: unix:/run/remora/remora.sock if there is one]
    #[arg(long, value_name = "URL", env = "REMORA_TO")]
    to: Option<String>,
    /// The driver to check
    #[arg(long, value_enum, default_value_t = Driver::Real)]
    driver: Driver,
    /// Show instead what becomes of each function and each extension of OpenCL
    #[arg(long)]
    coverage: bool,
}

/// What a check found.
enum Finding {
    /// All is well.
    Ok(String),
    /// It works, but not as it could: what, and what to do.
    Warn(String, String),
    /// It does not work: what, and what to do.
    Fail(String, String),
}

/// Prints findings as they come.
#[derive(Default)]
struct Report {
    failures: usize,
    warnings: usize,
}

impl Report {
    fn add(&mut self, subject: &str, finding: Finding) -> Result<()> {
        match finding {
            Finding::Ok(what) => print(&format!("ok    {subject}: {what}\n")),
            Finding::Warn(what, remedy) => {
                self.warnings += 1;
                print(&format!("warn  {subject}: {what}\n      -> {remedy}\n"))
            }
            Finding::Fail(what, remedy) => {
                self.failures += 1;
                print(&format!("FAIL  {subject}: {what}\n      -> {remedy}\n"))
            }
        }
    }
}

/// Checks everything; the status is 1 if something does not work.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.coverage {
        print(&coverage::tables())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = Report::default();
    print("Programs on this machine\n")?;
    front_end::check(&mut report)?;
    print("\nDevices of this machine\n")?;
    back_end::check(&mut report, options.driver)?;
    print("\nBetween them\n")?;
    links::check(&mut report)?;
    let named = options.to.as_deref().filter(|to| !to.is_empty());
    check_broker(&mut report, named)?;
    let summary = match (report.failures, report.warnings) {
        (0, 0) => "all is well".to_owned(),
        (failures, warnings) => format!("{failures} failed, {warnings} with a warning"),
    };
    print(&format!("\n{summary}\n"))?;
    Ok(ExitCode::from(u8::from(report.failures > 0)))
}

fn check_broker(report: &mut Report, named: Option<&str>) -> Result<()> {
    if named.is_none() && !Path::new(Url::DEFAULT.trim_start_matches("unix:")).exists() {
        let what = format!("none at {}; `remora run` starts one of its own for each program", Url::DEFAULT);
        return report.add("broker", Finding::Ok(what));
    }
    let urls = match Url::parse_list(named.unwrap_or(Url::DEFAULT)) {
        Ok(urls) => urls,
        Err(error) => {
            let remedy = "correct --to or REMORA_TO".to_owned();
            return report.add("broker", Finding::Fail(error.to_string(), remedy));
        }
    };
    for url in urls {
        report.add("broker", links::broker(&url))?;
    }
    Ok(())
}

/// Loads a library in this process, for [`front_end`].
pub fn load(library: &Path) -> Result<ExitCode> {
    front_end::load(library)
}
