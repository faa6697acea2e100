//! Instructions of the program's thread for one call, counted by valgrind: on a busy machine, too, it is the same number every
//! time.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use super::device::{Device, call, check};
use crate::table::Table;

/// What is counted.
const CALLS: [(&str, &str); 4] = [
    ("value", "clSetKernelArg with 4 bytes"),
    ("buffer", "clSetKernelArg with a buffer"),
    ("launch", "clEnqueueNDRangeKernel"),
    ("event", "clEnqueueNDRangeKernel with an event, which is released"),
];

/// Two runs, of which the difference counts: what comes before and after the calls is the same in both.
const FEW: u32 = 1000;
const MANY: u32 = 3000;

/// Counts all and prints the table.
pub fn run(json: bool) -> Result<ExitCode> {
    let mut counts = serde_json::Map::new();
    let mut table = Table::new(&["call", ">instructions"]);
    for (name, title) in CALLS {
        let each = (counted(name, MANY)? - counted(name, FEW)?) as f64 / f64::from(MANY - FEW);
        counts.insert(title.to_owned(), each.into());
        table.row(vec![title.to_owned(), format!("{each:.0}")]);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&counts)?);
    } else {
        print!("{}", table.text());
        println!("on the null driver, over shared memory; the loader's and the program's own are counted, too");
    }
    Ok(ExitCode::SUCCESS)
}

/// The program that is counted: makes `count` calls of one kind.
pub fn calls(name: &str, count: u32) -> Result<ExitCode> {
    let device = Device::open()?;
    let mem = device.buffer(4096)?;
    device.set_args(device.empty, mem, 0)?;
    device.launch(device.empty, 1)?;
    device.finish()?;
    let value = 0u32;
    for _ in 0..count {
        match name {
            "value" => check(call!(device.cl, clSetKernelArg(device.empty, 1, 4, (&raw const value).cast())))?,
            "buffer" => {
                check(call!(device.cl, clSetKernelArg(device.empty, 0, size_of_val(&mem), (&raw const mem).cast())))?;
            }
            "launch" => device.launch(device.empty, 1)?,
            "event" => device.launch_with_event(device.empty)?,
            other => bail!("there is no call \"{other}\""),
        }
    }
    device.finish()?;
    device.release(mem)?;
    Ok(ExitCode::SUCCESS)
}

/// What valgrind says that a run took.
fn counted(name: &str, count: u32) -> Result<i64> {
    let own = std::env::current_exe()?;
    let mut command = Command::new(&own);
    command.args(["run", "--driver", "null", "--", "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(&own).args(["__calls", name, &count.to_string()]).stdout(Stdio::null());
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("a run under valgrind ended with {}: {text}", output.status);
    }
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    collected.and_then(|(_, number)| number.trim().parse().ok()).context("valgrind did not say what it has counted")
}
