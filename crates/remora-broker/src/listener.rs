//! Sockets to listen on: takes over what a dead broker left behind, and nothing else.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::fs::FlockOperation;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tracing::warn;

use crate::access::Peer;

/// Connections that the kernel keeps until the broker gets to them.
const BACKLOG: i32 = 4096;
/// How long to wait for another broker that is starting in the same directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// A socket file that is being listened on. Dropping it removes the file.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    path: PathBuf,
    /// Device and inode of the socket file: another broker's file at the same path is not ours to remove.
    file: (u64, u64),
}

impl Listener {
    /// Listens at `path`. A private listener keeps the directory it makes to itself.
    ///
    /// # Errors
    /// If something else is there or something lives behind it, and what to do about it.
    pub fn bind(path: &Path, mode: u32, private: bool) -> Result<Self> {
        let shown = path.display();
        let address = SocketAddrUnix::new(path)
            .with_context(|| format!("{shown} is too long for a unix socket (107 bytes); choose a shorter path"))?;
        let directory = make_parent(path, private)?;
        let _lock = lock(directory);
        clear(path, &address)?;

        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::net::bind(&socket, &address).with_context(|| format!("cannot make the socket {shown}"))?;
        // Nobody can connect before listen(), so there is no moment with the wrong mode.
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .with_context(|| format!("cannot set the mode of {shown}"))?;
        rustix::net::listen(&socket, BACKLOG).with_context(|| format!("cannot listen at {shown}"))?;
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self { socket, path: path.to_owned(), file: (metadata.dev(), metadata.ino()) })
    }

    /// The next connection, if there is one.
    ///
    /// # Errors
    /// If there is no room for another descriptor.
    pub fn accept(&self) -> io::Result<Option<OwnedFd>> {
        loop {
            match rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC) {
                Ok(socket) => return Ok(Some(socket)),
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                // A connection that was gone again before we got to it.
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn make_parent(path: &Path, private: bool) -> Result<&Path> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.exists() {
        let mode = if private { 0o700 } else { 0o755 };
        let made = fs::DirBuilder::new().recursive(true).mode(mode).create(directory);
        made.with_context(|| format!("cannot make the directory {} for the socket", directory.display()))?;
    }
    Ok(directory)
}

/// Keeps two brokers that start at once from taking each other's fresh socket for a stale one.
fn lock(directory: &Path) -> Option<fs::File> {
    let file = fs::File::open(directory).ok()?;
    let start = Instant::now();
    while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if start.elapsed() > LOCK_PATIENCE {
            warn!("{} is locked by another process; going on without", directory.display());
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(file)
}

/// Removes a socket that nobody listens on any more.
fn clear(path: &Path, address: &SocketAddrUnix) -> Result<()> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            bail!("{shown} exists and is not a socket; it is left alone: choose another path or move it away")
        }
        Ok(_) => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&probe, address) {
        // EAGAIN: somebody listens, but has a full backlog.
        Ok(()) | Err(rustix::io::Errno::AGAIN) => {
            bail!("{shown} is already served by {}; stop that one first or choose another path", owner(&probe))
        }
        Err(rustix::io::Errno::CONNREFUSED) => {
            warn!("taking over {shown}: the broker that made it is gone");
            fs::remove_file(path).with_context(|| format!("cannot remove the stale socket {shown}"))
        }
        Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot tell whether somebody listens at {shown}")),
    }
}

/// Names who listens at the other end of `socket`.
fn owner(socket: &OwnedFd) -> String {
    match Peer::of(socket) {
        Ok(peer) if peer.pid != 0 => {
            let name = fs::read_to_string(format!("/proc/{}/comm", peer.pid)).unwrap_or_default();
            let name = if name.is_empty() { "a process" } else { name.trim_end() };
            format!("{name} (process {} of user {})", peer.pid, crate::access::user_name(peer.uid))
        }
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn makes_its_directory_and_removes_its_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/socket");
        let listener = Listener::bind(&path, 0o600, true).unwrap();
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(listener.accept().unwrap().is_none());
        let _client = UnixStream::connect(&path).unwrap();
        assert!(listener.accept().unwrap().is_some());
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn takes_over_only_what_is_dead() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let listener = Listener::bind(&path, 0o600, false).unwrap();
        let error = Listener::bind(&path, 0o600, false).unwrap_err().to_string();
        let pid = std::process::id().to_string();
        assert!(error.contains("already served by") && error.contains(&pid), "{error}");
        assert!(path.exists());
        drop(listener);

        fs::write(&path, "precious").unwrap();
        let error = Listener::bind(&path, 0o600, false).unwrap_err().to_string();
        assert!(error.contains("not a socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn leaves_a_successors_socket_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = Listener::bind(&path, 0o600, false).unwrap();
        // The file that comes next must not get the inode that becomes free here.
        fs::rename(&path, directory.path().join("old")).unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        drop(listener);
        assert!(path.exists());
    }

    #[test]
    fn a_path_that_is_too_long_is_named() {
        let error = Listener::bind(Path::new(&"/x".repeat(80)), 0o600, false).unwrap_err().to_string();
        assert!(error.contains("too long"), "{error}");
    }
}
