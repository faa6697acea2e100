//! The system as a worker of another user than the broker's sees it, by Landlock: what drivers need can be read, one
//! directory written to, and no process outside be signalled.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    path_beneath_rules,
};

/// What drivers, their compilers and the C library read. Of /etc only what names drivers, libraries and users.
const READ: [&str; 23] = [
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/sbin",
    "/opt",
    "/proc",
    "/sys",
    "/etc/OpenCL",
    "/etc/alternatives",
    "/etc/glvnd",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/nvidia",
    "/etc/passwd",
    "/etc/pocl",
    "/etc/vulkan",
];

/// Confines this process and all that it starts: everything else is out of reach, but for what is open already.
///
/// # Errors
/// If the kernel can't do that. There must be no session then.
pub fn enter(directory: &Path, read: &[PathBuf]) -> anyhow::Result<()> {
    let abi = ABI::V6;
    let devices = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::IoctlDev;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        // What newer kernels can besides.
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        // Signals, and sockets that have no file.
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(READ, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(read, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(["/dev"], devices))?
        // Where threads are named.
        .add_rules(path_beneath_rules(["/proc/self"], AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([directory], AccessFs::from_all(abi)))?
        .restrict_self()
        .context("Landlock")?;
    if status.ruleset == RulesetStatus::NotEnforced {
        bail!(
            "this kernel has no Landlock, which keeps other users' workers from the broker's files: Linux 5.13 has it"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use rustix::process::{getppid, test_kill_process};

    #[test]
    fn no_process_outside_can_be_signalled() {
        let scopes = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).scope(Scope::Signal);
        if scopes.is_err() {
            // Kernels before 6.12.
            return;
        }
        let parent = getppid().unwrap();
        test_kill_process(parent).unwrap();
        let directory = tempfile::tempdir().unwrap();
        // Only this thread is confined.
        let signalled = std::thread::scope(|scope| {
            let confined = scope.spawn(|| {
                enter(directory.path(), &[]).unwrap();
                test_kill_process(parent)
            });
            confined.join().unwrap()
        });
        assert_eq!(signalled, Err(Errno::PERM));
    }
}
