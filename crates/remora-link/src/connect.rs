//! Connecting to a broker, and saying what to do if that does not work.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use crate::url::Url;

/// How long a broker may take to accept. One that listens and is alive has a queue that is never full for long.
const CONNECT_TIME: Duration = Duration::from_secs(1);

/// Why a broker can't be reached, and what can be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no such file.
    #[error("{0} does not exist: is remorad running, and does REMORA_TO name its socket?")]
    NoSocket(PathBuf),
    /// There is a socket, but nobody listens.
    #[error("nobody listens on {0}: it is left over from a remorad that has ended; start remorad again")]
    NotListening(PathBuf),
    /// There is a file, but it is no socket.
    #[error("{0} is not a socket: REMORA_TO must name the socket of a remorad")]
    NotASocket(PathBuf),
    /// This user may not use it.
    #[error("no permission to use {0}: ask for access to the socket, or for membership in the group that owns it")]
    Permission(PathBuf),
    /// The broker does not accept.
    #[error("the remorad behind {0} accepts no connections: it is stopped or overloaded; look at `remora status`")]
    Busy(PathBuf),
    /// Anything else.
    #[error("can't connect to {path}: {error}")]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Connects to the broker at `url`. Waits a moment if the broker is overloaded, and not at all if there is none.
///
/// # Errors
/// [`ConnectError`], whose text is for people.
pub fn connect(url: &Url) -> Result<UnixStream, ConnectError> {
    let path = url.path();
    try_connect(path).map(UnixStream::from).map_err(|error| explain(path, error))
}

fn try_connect(path: &Path) -> rustix::io::Result<OwnedFd> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let address = SocketAddrUnix::new(path)?;
    // For a Unix socket, this also bounds how long connecting waits for a place in the queue.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(CONNECT_TIME))?;
    loop {
        match rustix::net::connect(&socket, &address) {
            Err(Errno::INTR) => {}
            result => break result?,
        }
    }
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, None)?;
    Ok(socket)
}

fn explain(path: &Path, error: Errno) -> ConnectError {
    let path = path.to_owned();
    match error {
        Errno::NOENT | Errno::NOTDIR => ConnectError::NoSocket(path),
        Errno::CONNREFUSED => match std::fs::metadata(&path) {
            Ok(file) if !file.file_type().is_socket() => ConnectError::NotASocket(path),
            _ => ConnectError::NotListening(path),
        },
        Errno::ACCESS | Errno::PERM => ConnectError::Permission(path),
        Errno::AGAIN => ConnectError::Busy(path),
        error => ConnectError::Io { path, error: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn error(path: &Path) -> ConnectError {
        connect(&Url::parse(&format!("unix:{}", path.display())).unwrap()).unwrap_err()
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        assert!(matches!(error(&socket), ConnectError::NoSocket(path) if path == socket));
        std::fs::write(&socket, "").unwrap();
        assert!(matches!(error(&socket), ConnectError::NotASocket(_)));
        assert!(matches!(error(&socket.join("below")), ConnectError::NoSocket(_)));
        std::fs::remove_file(&socket).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let url = Url::parse(&format!("unix:{}", socket.display())).unwrap();
        connect(&url).unwrap();
        drop(listener);
        assert!(matches!(error(&socket), ConnectError::NotListening(_)));
    }

    #[test]
    fn a_broker_that_does_not_accept_is_not_waited_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listening =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        rustix::net::bind(&listening, &SocketAddrUnix::new(&socket).unwrap()).unwrap();
        rustix::net::listen(&listening, 0).unwrap();
        let url = Url::parse(&format!("unix:{}", socket.display())).unwrap();
        let _first = connect(&url).unwrap();
        assert!(matches!(connect(&url).unwrap_err(), ConnectError::Busy(_)));
    }
}
