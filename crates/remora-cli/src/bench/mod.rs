//! `remora bench`: the same measurements natively and through Remora, in interleaved pairs.

mod device;
mod instructions;
mod measure;
mod plot;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::table::Table;

pub use instructions::calls;

/// Figures of one run by name, in the unit that the name ends with.
pub type Figures = BTreeMap<String, f64>;

#[derive(clap::Args)]
pub struct Options {
    /// How many pairs of a native and a remoted run
    #[arg(long, default_value_t = 9)]
    pairs: usize,
    /// The link: memfd or stream
    #[arg(long, default_value = "memfd")]
    link: String,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Draw the ratios into a file as well
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Count the instructions of the program's thread instead, which needs valgrind
    #[arg(long)]
    instructions: bool,
    /// Transfers of this many MiB in place of 64
    #[arg(long, default_value_t = 64)]
    large: usize,
}

/// Runs everything and prints the table.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.instructions {
        return instructions::run(options.json);
    }
    let mut native = Vec::new();
    let mut remoted = Vec::new();
    let mut null = Vec::new();
    for pair in 0..options.pairs.max(1) {
        eprintln!("pair {} of {}", pair + 1, options.pairs.max(1));
        native.push(measured(options, None).context("the native run")?);
        remoted.push(measured(options, Some("real")).context("the remoted run")?);
        null.push(measured(options, Some("null")).context("the run on the null driver")?);
    }
    let rows = rows(&native, &remoted, &null);
    if let Some(file) = &options.svg {
        plot::draw(&rows, file, &format!("median of {} pairs, {} link", options.pairs.max(1), options.link))?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print(&rows, options);
    }
    Ok(ExitCode::SUCCESS)
}

/// The program that is measured: prints its figures as JSON.
pub fn measure(large_mib: usize) -> Result<ExitCode> {
    println!("{}", serde_json::to_string(&measure::all(large_mib)?)?);
    Ok(ExitCode::SUCCESS)
}

fn measured(options: &Options, driver: Option<&str>) -> Result<Figures> {
    let own = std::env::current_exe()?;
    let mut command = Command::new(&own);
    if let Some(driver) = driver {
        command.args(["run", "--driver", driver, "--link", &options.link, "--"]).arg(&own);
    }
    command.args(["__measure", &options.large.to_string()]).stderr(Stdio::inherit());
    let output = command.output()?;
    if !output.status.success() {
        bail!("it ended with {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// One line of the table: medians, and the median of the pairs' ratios with its range.
#[derive(serde::Serialize)]
pub(crate) struct Row {
    figure: String,
    native: f64,
    remoted: f64,
    /// Time or rate so that above 1 is slower than native.
    slower: f64,
    slower_range: [f64; 2],
    null: f64,
}

fn rows(native: &[Figures], remoted: &[Figures], null: &[Figures]) -> Vec<Row> {
    let names: Vec<&String> = native.first().into_iter().flat_map(BTreeMap::keys).collect();
    let column =
        |runs: &[Figures], name: &str| -> Vec<f64> { runs.iter().filter_map(|run| run.get(name).copied()).collect() };
    let row = |name: &&String| {
        let (natives, remoteds) = (column(native, name), column(remoted, name));
        let rate = name.ends_with("GB/s");
        let mut ratios: Vec<f64> = natives
            .iter()
            .zip(&remoteds)
            .map(|(native, remoted)| if rate { native / remoted } else { remoted / native })
            .collect();
        ratios.sort_by(f64::total_cmp);
        Row {
            figure: (*name).clone(),
            native: median(natives),
            remoted: median(remoteds),
            slower_range: [ratios.first().copied().unwrap_or(0.0), ratios.last().copied().unwrap_or(0.0)],
            slower: median(ratios),
            null: median(column(null, name)),
        }
    };
    names.iter().map(row).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(rows: &[Row], options: &Options) {
    let mut table = Table::new(&["figure", ">native", ">remoted", ">remoted/native (time)", ">null driver"]);
    for row in rows {
        table.row(vec![
            row.figure.clone(),
            format!("{:.3}", row.native),
            format!("{:.3}", row.remoted),
            format!("{:.2} ({:.2}-{:.2})", row.slower, row.slower_range[0], row.slower_range[1]),
            format!("{:.3}", row.null),
        ]);
    }
    print!("{}", table.text());
    println!(
        "medians of {} interleaved pairs on the {} link; the null driver does no work: what it shows is Remora's own cost",
        options.pairs.max(1),
        options.link
    );
}
