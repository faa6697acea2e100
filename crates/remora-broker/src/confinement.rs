//! The directory of each tenant, and what the worker of another user than the broker's own may touch of the file system: what
//! a driver needs, and that directory. A source may include any file and see it in the compiler's log, so a worker that reads what the broker
//! can read would show it to everybody who may connect.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_protocol::hello::Reason;
use serde::Deserialize;

use crate::negotiate::Refusal;

/// The `[sandbox]` section of the configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    /// Where tenants' directories are, for what drivers keep of compiled kernels and for what programs have sent. By default remora/tenants in the cache
    /// directory of the service or of the broker's user.
    pub directory: Option<PathBuf>,
    /// What else workers may read: drivers that are not in the usual places.
    #[serde(default)]
    pub read: Vec<PathBuf>,
}

/// Variables that lead drivers to their caches.
const CACHES: [&str; 5] = ["HOME", "XDG_CACHE_HOME", "POCL_CACHE_DIR", "CUDA_CACHE_PATH", "TMPDIR"];

impl Sandbox {
    /// Confines a worker for the user `uid`.
    ///
    /// # Errors
    /// If the kernel can't do that or the user's directory can't be had: there is no worker then.
    pub fn confine(&self, command: &mut Command, uid: u32) -> Result<(), Refusal> {
        if !kernel_can_confine() {
            let message = "the kernel of the machine with the device has no Landlock, without which remorad serves its own \
                           user and root only: Linux 5.13 and later have it, if it is among the security modules that \
                           the kernel starts with (lsm=)";
            return Err(Refusal::new(Reason::Permission, message));
        }
        let directory = self.tenant(uid, true)?;
        command.current_dir(&directory);
        for name in CACHES {
            command.env(name, &directory);
        }
        command.arg("--confine").arg("--tenant").arg(&directory);
        for path in self.read.iter().cloned().chain(drivers()) {
            command.arg("--read").arg(path);
        }
        Ok(())
    }

    /// The directory of the user `uid`. What confined workers write is not where others of the same number (root of a
    /// container, say) read and write.
    ///
    /// # Errors
    /// If it can't be had.
    pub fn tenant(&self, uid: u32, confined: bool) -> Result<PathBuf, Refusal> {
        let name = if confined { uid.to_string() } else { format!("{uid}.unconfined") };
        let directory = self.tenants().join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(|error| {
            let message = format!(
                "the directory {} of user {uid} can't be made ({error}): name another place as 'directory' in the \
                 [sandbox] section of remorad's configuration",
                directory.display()
            );
            Refusal::new(Reason::Full, message)
        })?;
        Ok(directory)
    }

    fn tenants(&self) -> PathBuf {
        if let Some(directory) = &self.directory {
            return directory.clone();
        }
        let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
        // The first is what systemd calls the cache directory of a service.
        let cache = variable("CACHE_DIRECTORY").or_else(|| variable("XDG_CACHE_HOME"));
        let cache = cache.or_else(|| variable("HOME").map(|home| home.join(".cache")));
        cache.unwrap_or_else(|| PathBuf::from("/var/cache")).join("remora/tenants")
    }
}

/// Whether this kernel has Landlock, in use.
#[must_use]
pub fn kernel_can_confine() -> bool {
    const VERSION: libc::c_uint = 1;
    // SAFETY: asks for the version of the interface; nothing is made of the null pointer then.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION) };
    version > 0
}

/// Where the environment says that drivers and libraries are.
fn drivers() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for name in ["OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH", "OCL_ICD_FILENAMES", "LD_LIBRARY_PATH"] {
        let value = std::env::var_os(name).unwrap_or_default();
        all.extend(std::env::split_paths(&value).filter(|path| path.is_absolute()));
    }
    let named: Vec<PathBuf> = all.iter().flat_map(|path| libraries(path)).collect();
    all.extend(named);
    all
}

/// The directories of the libraries that the .icd files of a directory name.
fn libraries(vendors: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(vendors).into_iter().flatten().flatten().map(|entry| entry.path());
    let icds = files.filter(|path| path.extension().is_some_and(|extension| extension == "icd"));
    let texts = icds.filter_map(|path| fs::read_to_string(path).ok());
    let directory =
        |text: String| Path::new(text.trim()).parent().filter(|path| path.is_absolute()).map(Path::to_owned);
    texts.filter_map(directory).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_a_directory_of_its_own() {
        let place = tempfile::tempdir().unwrap();
        let sandbox = Sandbox { directory: Some(place.path().join("tenants")), read: vec!["/srv/driver".into()] };
        let mut command = Command::new("worker");
        sandbox.confine(&mut command, 1234).unwrap();
        let own = place.path().join("tenants/1234");
        assert!(own.is_dir());
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        assert_eq!(arguments[..5], ["--confine", "--tenant", own.to_str().unwrap(), "--read", "/srv/driver"]);
        assert_eq!(sandbox.tenant(1234, false).unwrap(), place.path().join("tenants/1234.unconfined"));
        assert!(command.get_envs().any(|(name, value)| name == "HOME" && value == Some(own.as_os_str())));
    }

    #[test]
    fn without_a_directory_there_is_no_worker() {
        let place = tempfile::NamedTempFile::new().unwrap();
        let sandbox = Sandbox { directory: Some(place.path().join("below a file")), read: Vec::new() };
        let refusal = sandbox.confine(&mut Command::new("worker"), 5).unwrap_err();
        assert!(refusal.message.contains("[sandbox]"), "{}", refusal.message);
    }
}
