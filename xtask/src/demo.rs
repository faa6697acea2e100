//! `cargo xtask demo`.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::photograph::{FILTERS, Photograph};
use crate::repository::{capture, cargo, find, show, target};
use crate::{packages, table};

/// Installs, builds, and shows.
pub fn run() -> Result<ExitCode> {
    packages::ensure(packages::DEMO)?;
    println!("Building");
    show(cargo().args(["build", "--release", "--workspace", "--exclude", "xtask", "--exclude", "remora-testkit"]))?;
    let remora = target().join("release/remora");
    let remora = [remora.as_path(), Path::new("run"), Path::new("--")];
    device(&remora)?;
    peak(&remora)?;
    let same = photograph(&remora)?;
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What clinfo says of the device that a program gets.
fn device(remora: &[&Path]) -> Result<()> {
    heading("The device, as clinfo sees it through Remora");
    let clinfo = find("clinfo").context("there is no clinfo")?;
    let native = capture(&mut command(&[], &clinfo))?;
    let remoted = working("clinfo", || capture(&mut command(remora, &clinfo)))?;
    let shown = [
        "Platform Name",
        "Device Name",
        "Device Version",
        "Driver Version",
        "Device Type",
        "Max compute units",
        "Global memory size",
        "Max memory allocation",
    ];
    let first = |name: &&str| remoted.lines().find(|line| line.trim_start().starts_with(name));
    shown.iter().filter_map(first).for_each(|line| println!("  {}", line.trim()));
    let different = remoted.lines().filter(|line| !native.lines().any(|other| other == *line)).count();
    println!(
        "  {} lines, of which {different} aren't among the native ones (docs/differences.md says why)",
        remoted.lines().count()
    );
    Ok(())
}

/// clpeak's figures, native and remoted.
fn peak(remora: &[&Path]) -> Result<()> {
    heading("clpeak, native and through Remora");
    let clpeak = find("clpeak").context("there is no clpeak")?;
    let tests = ["--global-bandwidth", "--compute-sp", "--transfer-bandwidth", "--kernel-latency"];
    let measure = |prefix: &[&Path]| {
        working("clpeak", || capture(command(prefix, &clpeak).args(tests))).map(|text| figures(&text))
    };
    let native = measure(&[])?;
    let remoted = measure(remora)?;
    if native.is_empty() || native.len() != remoted.len() {
        bail!("clpeak printed {} figures natively and {} remoted", native.len(), remoted.len());
    }
    let rows: Vec<Vec<String>> = native
        .iter()
        .zip(&remoted)
        .map(|((name, native), (_, remoted))| {
            vec![name.clone(), format!("{native:.2}"), format!("{remoted:.2}"), format!("{:.2}", remoted / native)]
        })
        .collect();
    table::print(&["", "native", "remoted", "ratio"], &rows);
    Ok(())
}

/// Lines such as `float4 : 27.17`, each with the section that it stands in.
fn figures(text: &str) -> Vec<(String, f64)> {
    let mut section = "";
    let mut figures = Vec::new();
    for line in text.lines() {
        match line.split_once(" : ") {
            Some((name, figure)) => {
                let number = figure.split_whitespace().next().and_then(|word| word.parse().ok());
                // The device's own properties have colons too, but no figures that were measured.
                let measured = !["Driver version", "Compute units", "Clock frequency"].contains(&name.trim());
                if let (Some(number), true) = (number, measured) {
                    let name = name.trim();
                    figures.push((
                        if name.contains("latency") { format!("{name} (us)") } else { format!("{section}: {name}") },
                        number,
                    ));
                }
            }
            None if line.starts_with("    ") => section = line.trim(),
            None => {}
        }
    }
    figures
}

/// A photograph filtered by ffmpeg, native and remoted.
fn photograph(remora: &[&Path]) -> Result<bool> {
    heading("A photograph, filtered by Debian's ffmpeg with OpenCL, native and through Remora");
    let directory = target().join("demo");
    let photograph = Photograph::decode(&directory)?;
    let mut all_same = true;
    let mut rows = Vec::new();
    for (name, filter) in FILTERS {
        let (native, native_time) = working(name, || photograph.filter(filter, &format!("{name}-native"), &[]))?;
        let (remoted, remoted_time) = working(name, || photograph.filter(filter, &format!("{name}-remoted"), remora))?;
        let different = native.iter().zip(&remoted).filter(|(a, b)| a != b).count();
        all_same &= different == 0 && native.len() == remoted.len();
        let result = if different == 0 {
            format!("all {} bytes are the same", native.len())
        } else {
            format!("{different} bytes DIFFER")
        };
        rows.push(vec![
            name.to_owned(),
            format!("{:.2} s", native_time.as_secs_f64()),
            format!("{:.2} s", remoted_time.as_secs_f64()),
            result,
        ]);
    }
    table::print(&["filter", "native", "remoted", "raw results"], &rows);
    println!("  The pictures are in {}", directory.display());
    Ok(all_same)
}

/// `program` behind `prefix`.
fn command(prefix: &[&Path], program: &Path) -> Command {
    let mut words = prefix.iter().copied().chain([program]);
    let mut command = Command::new(words.next().unwrap_or(program));
    command.args(words);
    command
}

fn heading(text: &str) {
    println!("\n{text}");
}

/// Shows that something is being done.
fn working<T>(what: &str, action: impl FnOnce() -> Result<T>) -> Result<T> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("  {spinner} {msg} ({elapsed})")?);
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    let result = action();
    bar.finish_and_clear();
    result
}
