//! How many CPUs this process may use: its affinity, and the quotas of its control groups.

use std::path::Path;
use std::sync::OnceLock;

/// Whole CPUs that this process may keep busy; at least 1. Looked up once.
#[must_use]
pub fn usable() -> usize {
    static USABLE: OnceLock<usize> = OnceLock::new();
    *USABLE.get_or_init(|| {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let quota = quota(&groups, &|path| std::fs::read_to_string(path).ok());
        let affinity = affinity();
        // A quota of 1.5 CPUs does not let two threads be busy.
        quota.map_or(affinity, |quota| affinity.min(quota as usize)).max(1)
    })
}

/// The affinity of the main thread: the calling one may have been pinned by the program.
fn affinity() -> usize {
    let main = rustix::process::getpid();
    match rustix::thread::sched_getaffinity(Some(main)) {
        Ok(set) => set.count() as usize,
        Err(_) => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// The smallest quota of the groups and all above them, in CPUs. `groups` is what /proc/self/cgroup says, `read` reads
/// a file.
fn quota(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<f64> {
    let mut smallest: Option<f64> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let unified = controllers.is_empty();
        if !unified && !controllers.split(',').any(|name| name == "cpu") {
            continue;
        }
        let roots: &[&str] = if unified {
            &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        } else {
            &["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]
        };
        for root in roots {
            let mut group = Path::new(group.trim_start_matches('/'));
            loop {
                let folder = Path::new(root).join(group);
                let quota = if unified { new_quota(&folder, read) } else { old_quota(&folder, read) };
                if let Some(quota) = quota {
                    smallest = Some(smallest.map_or(quota, |smallest| smallest.min(quota)));
                }
                match group.parent() {
                    Some(parent) => group = parent,
                    None => break,
                }
            }
        }
    }
    smallest
}

/// Version 2: "max 100000" or "150000 100000".
fn new_quota(folder: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<f64> {
    let text = read(&folder.join("cpu.max"))?;
    let (quota, period) = text.trim().split_once(' ')?;
    ratio(quota, period)
}

/// Version 1: two files; the quota is -1 if there is none.
fn old_quota(folder: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<f64> {
    ratio(&read(&folder.join("cpu.cfs_quota_us"))?, &read(&folder.join("cpu.cfs_period_us"))?)
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    let quota: f64 = quota.trim().parse().ok()?;
    let period: f64 = period.trim().parse().ok()?;
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota_of(groups: &str, files: &[(&str, &str)]) -> Option<f64> {
        quota(groups, &|path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn the_smallest_quota_counts() {
        let files = [
            ("/sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/other/cpu.max", "1000 100000\n"),
        ];
        assert_eq!(quota_of("0::/a/b\n", &files), Some(1.5));
        assert_eq!(quota_of("0::/\n", &files), None);
        assert_eq!(quota_of("0::/not/there", &files), None);
    }

    #[test]
    fn old_groups_count_too() {
        let files = [
            ("/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "-1\n"),
            ("/sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(quota_of("4:memory:/m\n1:cpu,cpuacct:/c\n0::/\n", &files), Some(4.0));
        assert_eq!(quota_of("4:memory:/c\n", &files), None);
    }

    #[test]
    fn there_is_at_least_one() {
        assert!(usable() >= 1);
    }
}
