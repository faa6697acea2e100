//! What programs need: the front-end and an OpenCL loader that leads to it.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use remora_broker::environment::WORKER_MARK;

use super::{Finding, Report};
use crate::places::{Loader, front_end, loader};

/// Checks both.
pub fn check(report: &mut Report) -> Result<()> {
    report.add("front-end", library())?;
    report.add("OpenCL loader", icd_loader())
}

fn library() -> Finding {
    let path = match front_end() {
        Ok(path) => path,
        Err(error) => return Finding::Fail(format!("{error:#}"), "programs cannot be run remotely without it".into()),
    };
    let shown = path.display();
    match try_load(&path) {
        Ok(None) => Finding::Ok(format!("{shown} can be loaded")),
        Ok(Some(problem)) => Finding::Fail(
            format!("{shown} cannot be loaded: {problem}"),
            "install what it names, or Remora for this machine's system".into(),
        ),
        Err(error) => Finding::Warn(format!("{shown} could not be tried: {error:#}"), "see above".into()),
    }
}

/// Loads the library in a process of its own; what the dynamic linker says if it can't.
fn try_load(path: &Path) -> Result<Option<String>> {
    let mut command = Command::new(std::env::current_exe()?);
    // With the mark, the library connects to nothing.
    command.arg("__load").arg(path).env(WORKER_MARK, "1").stdin(Stdio::null());
    let output = command.output().context("cannot start a process")?;
    if output.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let text = text.strip_prefix("remora __load: ").map(str::to_owned).unwrap_or(text);
    Ok(Some(if text.is_empty() { format!("the process ended with {}", output.status) } else { text }))
}

/// Loads a library and looks up how an OpenCL loader enters it.
pub fn load(path: &Path) -> Result<ExitCode> {
    // SAFETY: this process does nothing else; if the library's initialisers misbehave, that is what is to be found out.
    let library = unsafe { libloading::Library::new(path) }?;
    // SAFETY: the function is looked up and not called.
    let entry = unsafe { library.get::<unsafe extern "C" fn()>(b"clGetExtensionFunctionAddress\0") };
    entry.context("it is not an OpenCL driver")?;
    std::mem::forget(library);
    Ok(ExitCode::SUCCESS)
}

fn icd_loader() -> Finding {
    match loader() {
        Loader::Led(path) => Finding::Ok(format!("{} can be led to the front-end", path.display())),
        Loader::FrontEnd(path) => Finding::Ok(format!("{} is the front-end itself", path.display())),
        Loader::Missing => Finding::Warn(
            "there is no libOpenCL.so.1".into(),
            "`remora run` puts the front-end in its place; install ocl-icd-libopencl1 (or the like) to run programs \
             without `remora run`"
                .into(),
        ),
        Loader::Fixed(path) => Finding::Warn(
            format!("{} does not look at OCL_ICD_VENDORS: it is one driver, or an old loader", path.display()),
            "`remora run` puts the front-end in its place; install ocl-icd-libopencl1 (or the like) instead".into(),
        ),
    }
}
