//! The measurements. Each is the median of several rounds within one run.

use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use super::Figures;
use super::device::{Device, call, check};

const ROUNDS: usize = 11;

/// Everything, by name and unit.
pub fn all(large_mib: usize) -> Result<Figures> {
    let device = Device::open()?;
    let mut figures = Figures::new();
    let small = device.buffer(4096)?;
    device.write(small, &[0; 4096])?;
    device.set_args(device.empty, small, 0)?;
    device.set_args(device.step, small, 1)?;
    // The first launch of each waits for the driver's code: it is reported by itself.
    figures.insert("first launch of a kernel, us".into(), micros(once(|| device.launch(device.empty, 1))?));
    device.launch(device.step, 1024)?;
    device.finish()?;

    figures.insert("clSetKernelArg, ns".into(), 1000.0 * each(10_000, || set_one(&device))?);
    let (caller, each_in_all) = enqueues(&device)?;
    figures.insert("enqueue of an empty kernel, caller's cost, us".into(), caller);
    figures.insert("1,000 kernels and a finish, each, us".into(), each_in_all);
    let trips = round_trips(|| device.launch(device.empty, 1).and_then(|()| device.finish()))?;
    for (name, part) in [("", 0.5), (", 99 of 100 take less", 0.99), (", 999 of 1,000 take less", 0.999)] {
        figures.insert(format!("empty kernel + finish{name}, us"), trips.value_at_quantile(part) as f64 / 1000.0);
    }
    let mut word = [0; 4];
    figures.insert("blocking read of 4 bytes, us".into(), each(50, || device.read(small, &mut word))?);
    figures.insert(
        "create + release a buffer, us".into(),
        each(200, || device.buffer(4096).and_then(|mem| device.release(mem)))?,
    );
    figures.insert("create + release a kernel, us".into(), each(200, || kernel(&device))?);
    figures.insert("10 kernels in a chain with transfers, us".into(), each(10, || chain(&device, small))?);
    for mib in [1, large_mib] {
        let mut bytes = vec![1u8; mib << 20];
        let mem = device.buffer(bytes.len())?;
        device.write(mem, &bytes)?;
        let repeats = u32::try_from((64 / mib).clamp(1, 16)).unwrap_or(1);
        let gigabytes = bytes.len() as f64 / 1e9;
        let write = each(repeats, || device.write(mem, &bytes).and_then(|()| device.finish()))?;
        figures.insert(format!("{mib} MiB write + finish, GB/s"), gigabytes / (write / 1e6));
        let read = each(repeats, || device.read(mem, &mut bytes))?;
        figures.insert(format!("{mib} MiB read, GB/s"), gigabytes / (read / 1e6));
        if mib == large_mib {
            let mapped = each(repeats, || device.change_mapped(mem, bytes.len()))?;
            figures.insert(format!("{mib} MiB mapped, changed, unmapped, GB/s"), gigabytes / (mapped / 1e6));
        }
        device.release(mem)?;
    }
    device.release(small)?;
    Ok(figures)
}

fn set_one(device: &Device) -> Result<()> {
    let n = 0u32;
    check(call!(device.cl, clSetKernelArg(device.empty, 1, 4, (&raw const n).cast())))
}

fn kernel(device: &Device) -> Result<()> {
    let mut code = 0;
    let kernel = call!(device.cl, clCreateKernel(device.program, c"remora_empty".as_ptr(), &mut code));
    check(code)?;
    check(call!(device.cl, clReleaseKernel(kernel)))
}

fn chain(device: &Device, mem: opencl_sys::cl_mem) -> Result<()> {
    let mut bytes = [1; 4096];
    device.write(mem, &bytes)?;
    for _ in 0..10 {
        device.launch(device.step, 1024)?;
    }
    device.read(mem, &mut bytes)
}

/// Microseconds of the caller for each of 1,000 enqueues, and of everything until they are done.
fn enqueues(device: &Device) -> Result<(f64, f64)> {
    const COUNT: u32 = 1000;
    let (mut callers, mut alls) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..COUNT {
            device.launch(device.empty, 1)?;
        }
        callers.push(micros(start.elapsed()) / f64::from(COUNT));
        device.finish()?;
        alls.push(micros(start.elapsed()) / f64::from(COUNT));
    }
    Ok((median(callers), median(alls)))
}

/// Microseconds of one call, of `count` in a row: the median of several rounds.
fn each(count: u32, mut body: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..count {
            body()?;
        }
        rounds.push(micros(start.elapsed()) / f64::from(count));
    }
    Ok(median(rounds))
}

/// A histogram of what each of many calls that wait takes, in nanoseconds.
fn round_trips(mut body: impl FnMut() -> Result<()>) -> Result<Histogram<u64>> {
    const COUNT: u32 = 5000;
    const DIGITS: u8 = 3;
    let mut histogram = Histogram::new(DIGITS)?;
    for _ in 0..COUNT {
        let took = once(&mut body)?;
        histogram.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))?;
    }
    Ok(histogram)
}

fn once(body: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    body()?;
    Ok(start.elapsed())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
