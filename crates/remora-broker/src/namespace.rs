//! Whether a process lives where the broker does: in the same process namespace and in the same user namespace.
//!
//! A container without a user namespace of its own has a root with the number of the machine's root, and a broker's
//! socket may be mounted into it. Nothing that the kernel says of a connection tells the two apart; /proc does.

use std::fs;
use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether the process `pid`, for which `pidfd` stands, shares the broker's namespaces. It does not if that cannot be
/// found out.
#[must_use]
pub fn is_shared_with(pid: u32, pidfd: impl AsFd) -> bool {
    let process = pid.to_string();
    let shared = same_processes(&process).and_then(|same| Ok(same && same_users(&process)?));
    // A number can go to another process, but not while the process that has it is there.
    shared.unwrap_or(false) && has_not_ended(pidfd)
}

fn same_processes(process: &str) -> io::Result<bool> {
    // Our own number counts too: /proc may be that of a namespace further up, in which numbers mean other processes.
    Ok(numbers("self")? == 1 && numbers(process)? == 1)
}

/// How many numbers a process has: one in the namespace of /proc, and one in each below it down to its own.
fn numbers(process: &str) -> io::Result<usize> {
    // Everybody may read this, unlike the link /proc/PID/ns/pid.
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.map(|numbers| numbers.split_whitespace().count()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn same_users(process: &str) -> io::Result<bool> {
    let link = |process: &str| fs::read_link(format!("/proc/{process}/ns/user"));
    match link(process) {
        Ok(theirs) => Ok(theirs == link("self")?),
        // A broker with a user of its own may not follow the links of root's processes. Everybody may read which users
        // a namespace has: another one has others, unless somebody who is root here has given it all of ours.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let users = |process: &str| fs::read(format!("/proc/{process}/uid_map"));
            Ok(users(process)? == users("self")?)
        }
        Err(error) => Err(error),
    }
}

fn has_not_ended(pidfd: impl AsFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&at_once)) == Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use std::process::Command;

    #[test]
    fn we_are_where_we_are() {
        let own = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).unwrap();
        assert!(is_shared_with(std::process::id(), &own));
        // What the kernel says of a process that cannot be seen from here.
        assert!(!is_shared_with(0, &own));
    }

    #[test]
    fn what_is_read_is_not_taken_for_a_peer_that_is_gone() {
        let mut peer = Command::new("true").spawn().unwrap();
        let pidfd = pidfd_open(Pid::from_child(&peer), PidfdFlags::empty()).unwrap();
        peer.wait().unwrap();
        // As if its number had come to us.
        assert!(!is_shared_with(std::process::id(), &pidfd));
    }
}
