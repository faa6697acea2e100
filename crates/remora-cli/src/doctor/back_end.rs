//! What serving needs: the broker, the worker, and a driver with devices.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use remora_broker::config::Driver;
use remora_broker::environment::for_worker;
use remora_broker::process::find_worker;
use remora_protocol::extensions::Offered;
use remora_protocol::hello::MAX_MESSAGE;
use remora_protocol::opencl::{DeviceFacts, Facts, Info, PlatformFacts};
use remora_protocol::wire::decode_all;

use super::extensions::judge;
use super::{Finding, Report};
use crate::places;

/// How long a driver may take to name its devices.
const PATIENCE: Duration = Duration::from_secs(30);

const CL_PLATFORM_VERSION: u32 = 0x0901;
const CL_PLATFORM_NAME: u32 = 0x0902;
const CL_PLATFORM_EXTENSIONS: u32 = 0x0904;
const CL_PLATFORM_EXTENSIONS_WITH_VERSION: u32 = 0x0907;
const CL_DEVICE_EXTENSIONS: u32 = 0x1030;
const CL_DEVICE_EXTENSIONS_WITH_VERSION: u32 = 0x1060;
const CL_DEVICE_TYPE: u32 = 0x1000;
const CL_DEVICE_NAME: u32 = 0x102B;
const CL_DEVICE_TYPE_CPU: u64 = 1 << 1;

/// Checks all of it.
pub fn check(report: &mut Report, driver: Driver) -> Result<()> {
    let broker = match places::broker() {
        Ok(path) => Finding::Ok(path.display().to_string()),
        Err(error) => Finding::Fail(format!("{error:#}"), "nothing can be served from this machine without it".into()),
    };
    report.add("remorad", broker)?;
    let worker = match find_worker(None) {
        Ok(path) => path,
        Err(error) => {
            let remedy = "nothing can be served from this machine without it".to_owned();
            return report.add("remora-worker", Finding::Fail(format!("{error:#}"), remedy));
        }
    };
    report.add("remora-worker", Finding::Ok(worker.display().to_string()))?;
    let mut command = Command::new(&worker);
    command.args(["probe", "--driver", &driver.to_string()]);
    command.env_clear().envs(for_worker(std::env::vars_os()));
    let facts = match probe(command) {
        Ok(facts) => facts,
        Err(error) => {
            let remedy =
                "install the OpenCL driver of a device of this machine, or pocl-opencl-icd for its CPU; `clinfo` \
                          must list a platform"
                    .to_owned();
            return report.add("drivers", Finding::Fail(format!("{error:#}"), remedy));
        }
    };
    let facts: Facts<'_> = match decode_all(&facts) {
        Ok(facts) => facts,
        Err(error) => {
            let what = format!("remora-worker is of another version than this program ({error})");
            return report.add("drivers", Finding::Fail(what, "install all parts of Remora from one version".into()));
        }
    };
    devices(report, &facts)
}

fn devices(report: &mut Report, facts: &Facts<'_>) -> Result<()> {
    let mut all = Vec::new();
    for platform in &facts.platforms {
        let name =
            format!("{} ({})", text(&platform.infos, CL_PLATFORM_NAME), text(&platform.infos, CL_PLATFORM_VERSION));
        let names: Vec<String> = platform.devices.iter().map(describe).collect();
        all.extend(&platform.devices);
        let finding = if names.is_empty() {
            Finding::Warn(format!("{name} has no device"), "check that this user may use the device files".into())
        } else {
            Finding::Ok(format!("{name}: {}", names.join(", ")))
        };
        report.add("platform", finding)?;
        report.add("extensions", extensions(platform))?;
    }
    if all.is_empty() {
        let remedy = "install a driver for a device of this machine".to_owned();
        return report.add("devices", Finding::Fail("no driver has a device".into(), remedy));
    }
    if all.iter().all(|device| device_type(device) & CL_DEVICE_TYPE_CPU != 0) {
        let remedy = "programs run, at the speed of the CPU; for a GPU install its vendor's OpenCL driver".to_owned();
        return report.add("devices", Finding::Warn("there are only software drivers, no GPU".into(), remedy));
    }
    Ok(())
}

/// What of the platform's extensions programs see.
fn extensions(platform: &PlatformFacts<'_>) -> Finding {
    let offered = |infos: &[Info<'_>], names, versions| {
        Offered::new(&text(infos, names), find(infos, versions).unwrap_or_default())
    };
    let mut all = offered(&platform.infos, CL_PLATFORM_EXTENSIONS, CL_PLATFORM_EXTENSIONS_WITH_VERSION);
    for device in &platform.devices {
        all.extend(&offered(&device.infos, CL_DEVICE_EXTENSIONS, CL_DEVICE_EXTENSIONS_WITH_VERSION));
    }
    let (carried, others) = judge(&all);
    let mut what = format!("{carried} carried");
    for other in others {
        what.push_str("\n      not carried: ");
        what.push_str(&other);
    }
    Finding::Ok(what)
}

fn describe(device: &DeviceFacts<'_>) -> String {
    let kind = match device_type(device) {
        kind if kind & CL_DEVICE_TYPE_CPU != 0 => "CPU",
        kind if kind & (1 << 2) != 0 => "GPU",
        kind if kind & (1 << 3) != 0 => "accelerator",
        _ => "custom device",
    };
    format!("{} [{kind}]", text(&device.infos, CL_DEVICE_NAME))
}

fn device_type(device: &DeviceFacts<'_>) -> u64 {
    let value = find(&device.infos, CL_DEVICE_TYPE).unwrap_or_default();
    value.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn text(infos: &[Info<'_>], param: u32) -> String {
    let value = find(infos, param).unwrap_or(b"?");
    String::from_utf8_lossy(value).trim_end_matches('\0').trim().replace(char::is_control, "?")
}

fn find<'a>(infos: &[Info<'a>], param: u32) -> Option<&'a [u8]> {
    infos.iter().find(|info| info.param == param && info.code == 0).map(|info| info.value)
}

/// Runs a probe and returns what it wrote.
fn probe(mut command: Command) -> Result<Vec<u8>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run remora-worker")?;
    let collect = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.by_ref().take(MAX_MESSAGE as u64 + 1).read_to_end(&mut bytes);
            bytes
        })
    };
    let facts = child.stdout.take().map(|pipe| collect(Box::new(pipe)));
    let messages = child.stderr.take().map(|pipe| collect(Box::new(pipe)));
    let status = wait(&mut child)?;
    let read = |thread: Option<std::thread::JoinHandle<Vec<u8>>>| {
        thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
    };
    let facts = read(facts);
    if !status.success() {
        let messages = read(messages);
        let messages = String::from_utf8_lossy(&messages);
        match messages.lines().map(str::trim).rfind(|line| !line.is_empty()) {
            Some(line) => bail!("{}", line.strip_prefix("remora-worker: ").unwrap_or(line)),
            None => bail!("remora-worker ended with {status} while it looked for devices"),
        }
    }
    Ok(facts)
}

fn wait(child: &mut Child) -> Result<std::process::ExitStatus> {
    let start = Instant::now();
    let pidfd =
        rustix::process::pidfd_open(rustix::process::Pid::from_child(child), rustix::process::PidfdFlags::empty())?;
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let left = rustix::event::Timespec::try_from(PATIENCE.saturating_sub(start.elapsed()))?;
        let mut fds = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    child.kill()?;
    child.wait()?;
    bail!("a driver did not name its devices within {} seconds", PATIENCE.as_secs())
}
