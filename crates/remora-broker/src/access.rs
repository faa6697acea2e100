//! Who is at the other end of a unix socket, and whether it may be.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, Result, bail};

use crate::config::{NameOrNumber, Unix};
use crate::namespace;

/// asm-generic/socket.h; not in the libc crate.
const SO_PEERGROUPS: libc::c_int = 59;
const SO_PEERPIDFD: libc::c_int = 77;

/// The process that connected, as the kernel names it: nothing that the process itself says goes into this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// 0 if it lives in a process namespace that cannot be seen from here.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// Its groups.
    pub groups: Vec<u32>,
    /// Whether it is root here: user 0, in the broker's own namespaces. Root of a container is not.
    pub is_root: bool,
}

impl Peer {
    /// Whether it may read what the broker may: it is of the broker's own user, or root.
    #[must_use]
    pub fn reads_what_we_read(&self) -> bool {
        self.is_root || (self.uid != 0 && self.uid == rustix::process::geteuid().as_raw())
    }

    /// Asks the kernel who connected `socket`.
    ///
    /// # Errors
    /// If it is not a unix socket.
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        // rustix's `UCred` cannot hold the 0 that stands for a process outside of this namespace.
        let mut credentials = [0u32; 3];
        if socket_option(socket.as_fd(), libc::SO_PEERCRED, &mut credentials)? != size_of_val(&credentials) {
            return Err(io::Error::other("the kernel does not say who connected"));
        }
        let [pid, uid, gid] = credentials;
        let mut groups = vec![0u32; 65536];
        // Kernels before 4.13 don't know; then there is only the main group.
        let length = socket_option(socket.as_fd(), SO_PEERGROUPS, &mut groups).unwrap_or(0);
        groups.truncate(length / size_of::<u32>());
        groups.push(gid);
        groups.shrink_to_fit();
        let mut peer = Self { pid, uid, groups, is_root: false };
        // At once, while the number is still that of the process that connected.
        peer.is_root = uid == 0 && peer.pidfd(socket).is_some_and(|pidfd| namespace::is_shared_with(pid, pidfd));
        Ok(peer)
    }

    /// A descriptor that becomes readable when the process that connected `socket` ends, where the kernel has that.
    #[must_use]
    pub fn pidfd(&self, socket: impl AsFd) -> Option<OwnedFd> {
        let mut number = [-1i32];
        if socket_option(socket.as_fd(), SO_PEERPIDFD, &mut number).is_ok() && number[0] >= 0 {
            // SAFETY: the kernel has just made this descriptor for us; nothing else knows it.
            return Some(unsafe { OwnedFd::from_raw_fd(number[0]) });
        }
        // Before Linux 6.5. The number could by now belong to another process, if the one that connected has ended and
        // all other numbers have been taken since. A fork child that holds the connection open then keeps the session
        // alive, and root of a container could pass for the machine's root.
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid).ok()?)?;
        rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
    }
}

/// Fills `value` from a socket option and says how many bytes the kernel wrote.
fn socket_option<T: Copy>(socket: impl AsFd, option: libc::c_int, value: &mut [T]) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(size_of_val(value)).map_err(io::Error::other)?;
    // SAFETY: `value` is writable for `length` bytes, and every `T` used here is a plain integer.
    let result = unsafe {
        let fd = socket.as_fd().as_raw_fd();
        libc::getsockopt(fd, libc::SOL_SOCKET, option, value.as_mut_ptr().cast(), &raw mut length)
    };
    if result == 0 { Ok(length as usize) } else { Err(io::Error::last_os_error()) }
}

/// Who may connect.
#[derive(Debug)]
pub struct Access {
    own: u32,
    users: Vec<u32>,
    groups: Vec<u32>,
    /// Mode of socket files.
    pub mode: u32,
}

impl Access {
    /// Looks up the names in the configuration.
    ///
    /// # Errors
    /// Names a user or group that does not exist.
    pub fn new(config: &Unix) -> Result<Self> {
        let users = config.allow_users.iter().map(|user| match user {
            NameOrNumber::Number(number) => Ok(*number),
            NameOrNumber::Name(name) => user_number(name),
        });
        let groups = config.allow_groups.iter().map(|group| match group {
            NameOrNumber::Number(number) => Ok(*number),
            NameOrNumber::Name(name) => group_number(name),
        });
        let users = users.collect::<Result<Vec<_>>>().context("[unix] allow_users")?;
        let groups = groups.collect::<Result<Vec<_>>>().context("[unix] allow_groups")?;
        let default = if users.is_empty() && groups.is_empty() { 0o600 } else { 0o666 };
        let mode = config.mode.map_or(default, |mode| mode.0);
        Ok(Self { own: rustix::process::geteuid().as_raw(), users, groups, mode })
    }

    /// Whether `peer` may use the broker.
    #[must_use]
    pub fn allows(&self, peer: &Peer) -> bool {
        self.governs(peer)
            || self.users.contains(&peer.uid)
            || peer.groups.iter().any(|group| self.groups.contains(group))
    }

    /// Whether `peer` may see and end everybody's sessions.
    #[must_use]
    pub fn governs(&self, peer: &Peer) -> bool {
        // A broker that is root itself is not that of every container's root.
        if peer.uid == 0 { peer.is_root } else { peer.uid == self.own }
    }
}

/// The name of a user, or its number as text.
#[must_use]
pub fn user_name(uid: u32) -> String {
    let mut buffer = vec![0 as libc::c_char; 16 << 10];
    let mut found = std::ptr::null_mut();
    // SAFETY: all zero is a valid `passwd` (numbers and null pointers).
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    // SAFETY: `buffer` is writable for the length given; `entry` and `found` are locals.
    unsafe { libc::getpwuid_r(uid, &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found) };
    if found.is_null() || entry.pw_name.is_null() {
        return uid.to_string();
    }
    // SAFETY: the C library has filled `entry`: its name is a string inside `buffer`, which is still alive.
    unsafe { CStr::from_ptr(entry.pw_name) }.to_string_lossy().into_owned()
}

fn user_number(name: &str) -> Result<u32> {
    let c_name = CString::new(name)?;
    let mut buffer = vec![0 as libc::c_char; 16 << 10];
    let mut found = std::ptr::null_mut();
    // SAFETY: all zero is a valid `passwd` (numbers and null pointers).
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    // SAFETY: `c_name` ends with a zero, `buffer` is writable for the length given; `entry` and `found` are locals.
    unsafe { libc::getpwnam_r(c_name.as_ptr(), &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found) };
    if found.is_null() {
        bail!("there is no user '{name}' on this machine");
    }
    Ok(entry.pw_uid)
}

fn group_number(name: &str) -> Result<u32> {
    let c_name = CString::new(name)?;
    // Room for the member list of a large group.
    let mut buffer = vec![0 as libc::c_char; 1 << 20];
    let mut found = std::ptr::null_mut();
    // SAFETY: all zero is a valid `group` (numbers and null pointers).
    let mut entry: libc::group = unsafe { std::mem::zeroed() };
    // SAFETY: `c_name` ends with a zero, `buffer` is writable for the length given; `entry` and `found` are locals.
    unsafe { libc::getgrnam_r(c_name.as_ptr(), &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found) };
    if found.is_null() {
        bail!("there is no group '{name}' on this machine");
    }
    Ok(entry.gr_gid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_kernel_says_who_connected() {
        let (here, _there) = UnixStream::pair().unwrap();
        let peer = Peer::of(&here).unwrap();
        assert_eq!(peer.pid, std::process::id());
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert!(peer.groups.contains(&rustix::process::getegid().as_raw()));
        assert!(peer.pidfd(&here).is_some());
        assert_eq!(peer.is_root, rustix::process::geteuid().is_root());
    }

    #[test]
    fn names_are_looked_up() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_000), "4000000000");
        let named = |name: &str| Unix { allow_users: vec![NameOrNumber::Name(name.into())], ..Unix::default() };
        assert_eq!(Access::new(&named("root")).unwrap().users, [0]);
        let error = format!("{:#}", Access::new(&named("no-such-user")).unwrap_err());
        assert!(error.contains("no user 'no-such-user'"), "{error}");
    }

    #[test]
    fn lists_let_others_in() {
        let peer = |uid, group| Peer { pid: 1, uid, groups: vec![group], is_root: false };
        let root = Peer { is_root: true, ..peer(0, 0) };
        let access = Access { own: 1000, users: vec![5], groups: vec![44], mode: 0o666 };
        for (peer, allowed, governs) in [
            (root.clone(), true, true),
            (peer(0, 0), false, false),
            (peer(0, 44), true, false),
            (peer(1000, 1), true, true),
            (peer(5, 1), true, false),
            (peer(6, 44), true, false),
            (peer(6, 45), false, false),
        ] {
            assert_eq!((access.allows(&peer), access.governs(&peer)), (allowed, governs), "{peer:?}");
        }
        let of_root = |users| Access { own: 0, users, groups: Vec::new(), mode: 0o600 };
        assert!(of_root(Vec::new()).governs(&root));
        assert!(!of_root(Vec::new()).allows(&peer(0, 0)));
        let listed = of_root(vec![0]);
        assert!(listed.allows(&peer(0, 0)) && !listed.governs(&peer(0, 0)));
    }
}
