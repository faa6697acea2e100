//! What a worker gives up before it loads a driver.
//!
//! A driver needs more than one would like: it opens device nodes and configuration files whenever it pleases, maps
//! memory executable (CPU drivers and most GPU compilers generate code), starts threads, and may run helpers (PoCL links
//! kernels with the system's linker, NVIDIA's driver keeps a compile cache in the home directory). What holds for every
//! driver is done here; [`crate::confinement`] adds the file system for workers of other users. A system call filter strict
//! enough to matter would have to be written per driver.

use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Descriptors that a worker may have open: drivers take several per device and context, never thousands.
const DESCRIPTORS: u64 = 4096;

/// Gives up what no driver needs. Errors are not fatal: each of these is a second line of defence.
pub fn enter() {
    let steps: [(&str, std::io::Result<()>); 5] = [
        // Where memory runs out, a tenant's worker ends and not what serves all. First: /proc/self is root's later on.
        ("first to go", std::fs::write("/proc/self/oom_score_adj", "1000")),
        // A helper that a driver starts can't gain more than the worker has.
        ("no_new_privs", rustix::thread::set_no_new_privs(true).map_err(Into::into)),
        // Other processes of the same user can't read a tenant's data by ptrace or /proc.
        ("not dumpable", rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Into::into)),
        // Nor from a core file.
        (
            "no core",
            rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
                .map_err(Into::into),
        ),
        ("descriptors", limit_descriptors().map_err(Into::into)),
    ];
    for (what, result) in steps {
        if let Err(error) = result {
            tracing::warn!("sandbox: {what}: {error}");
        }
    }
}

fn limit_descriptors() -> rustix::io::Result<()> {
    let now = rustix::process::getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: Some(wanted) })
}
