//! The status descriptor: a socket to the broker that asks for counters with one byte.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::stats::Stats;

/// Starts the thread that answers on `socket` until the broker is gone. The session goes on without it.
///
/// # Errors
/// If the system has no room for a thread.
pub fn serve(socket: OwnedFd, session: u64, stats: Arc<Stats>) -> std::io::Result<()> {
    let mut socket = UnixStream::from(socket);
    std::thread::Builder::new().name("status".into()).stack_size(256 << 10).spawn(move || {
        let mut asked = [0];
        while matches!(socket.read(&mut asked), Ok(1)) {
            let json = stats.json(session);
            let length = u32::try_from(json.len()).unwrap_or(0);
            let mut answer = length.to_le_bytes().to_vec();
            answer.extend_from_slice(json.as_bytes());
            if socket.write_all(&answer).is_err() {
                break;
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_answered() {
        let (mut broker, worker) = UnixStream::pair().unwrap();
        serve(worker.into(), 3, Arc::default()).unwrap();
        for _ in 0..2 {
            broker.write_all(&[1]).unwrap();
            let mut length = [0; 4];
            broker.read_exact(&mut length).unwrap();
            let mut json = vec![0; u32::from_le_bytes(length) as usize];
            broker.read_exact(&mut json).unwrap();
            assert!(String::from_utf8(json).unwrap().contains("\"session\":3"));
        }
    }
}
