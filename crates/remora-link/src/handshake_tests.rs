use super::*;
use std::io::Write;
use std::os::fd::AsFd;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

struct Raw(Vec<u8>);

impl Encode for Raw {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

/// How many descriptors this thread's process has can't be told while other tests run; whether one is open can.
fn is_open(fd: i32) -> bool {
    // SAFETY: asks about a number; no descriptor is used.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

#[test]
fn messages_and_descriptors_arrive() {
    let (a, b) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    send_message(&a, &Raw(vec![7; 300]), &[file.as_fd(), a.as_fd()]).unwrap();
    send_message(&a, &Raw(Vec::new()), &[]).unwrap();
    let (body, sent) = recv_message(&b, soon()).unwrap();
    assert_eq!((body, sent.len()), (vec![7; 300], 2));
    for fd in &sent {
        assert!(rustix::io::fcntl_getfd(fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
    let (body, fds) = recv_message(&b, soon()).unwrap();
    assert!(body.is_empty() && fds.is_empty());
    drop((a, sent));
    assert!(matches!(recv_message(&b, soon()), Err(MessageError::Closed)));
}

#[test]
fn nothing_behind_a_message_is_read() {
    let (mut a, b) = UnixStream::pair().unwrap();
    send_message(&a, &Raw(vec![1; 10]), &[]).unwrap();
    a.write_all(b"for the worker").unwrap();
    recv_message(&b, soon()).unwrap();
    let mut rest = [0; 32];
    assert_eq!(rustix::net::recv(&b, &mut rest, RecvFlags::DONTWAIT).unwrap().0, 14);
}

#[test]
fn large_messages_cross_a_small_socket() {
    let (a, b) = UnixStream::pair().unwrap();
    let sender = std::thread::spawn(move || send_message(&a, &Raw(vec![9; 3 << 20]), &[]));
    let (body, _) = recv_message(&b, soon()).unwrap();
    assert_eq!(body, vec![9; 3 << 20]);
    sender.join().unwrap().unwrap();
}

#[test]
fn limits_hold() {
    let (mut a, b) = UnixStream::pair().unwrap();
    assert!(matches!(send_message(&a, &Raw(vec![0; MAX_MESSAGE + 1]), &[]), Err(MessageError::TooLarge(_))));
    assert!(matches!(send_message(&a, &Raw(vec![]), &[b.as_fd(); MAX_FDS + 1]), Err(MessageError::TooLarge(_))));
    a.write_all(&u32::MAX.to_le_bytes()).unwrap();
    assert!(matches!(recv_message(&b, soon()), Err(MessageError::TooLarge(_))));
}

#[test]
fn a_slow_peer_is_given_up() {
    let (mut a, b) = UnixStream::pair().unwrap();
    let start = Instant::now();
    a.write_all(&100u32.to_le_bytes()).unwrap();
    a.write_all(b"some").unwrap();
    let error = recv_message(&b, start + Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, MessageError::Deadline));
    assert!(start.elapsed() >= Duration::from_millis(50));
    // One that drips is given up at the same time.
    drop(a);
    assert!(matches!(recv_message(&b, soon()), Err(MessageError::Closed)));
}

#[test]
fn surplus_descriptors_are_closed() {
    let (a, b) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let many = vec![file.as_fd(); 20];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(20))];
    for byte in 3u32.to_le_bytes() {
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&many)));
        rustix::net::sendmsg(&a, &[IoSlice::new(&[byte])], &mut control, SendFlags::empty()).unwrap();
    }
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&many)));
    rustix::net::sendmsg(&a, &[IoSlice::new(b"abc")], &mut control, SendFlags::empty()).unwrap();
    let (body, fds) = recv_message(&b, soon()).unwrap();
    assert_eq!((body.as_slice(), fds.len()), (&b"abc"[..], MAX_FDS));
    let inode = |fd: BorrowedFd<'_>| rustix::fs::fstat(fd).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    assert!(fds.iter().all(|fd| inode(fd.as_fd()) == inode(file.as_fd())));
    // No other descriptor of this process is that file, apart from the original.
    let inode_of_number = |fd: i32| {
        // SAFETY: the descriptor was open just now; asking about one that another test has closed since then only fails.
        inode(unsafe { BorrowedFd::borrow_raw(fd) })
    };
    let count = (0..1024).filter(|fd| is_open(*fd) && inode_of_number(*fd) == inode(file.as_fd())).count();
    assert_eq!(count, 1 + MAX_FDS);
}

#[test]
fn the_peer_is_known() {
    let (a, _b) = UnixStream::pair().unwrap();
    let credentials = peer_credentials(&a).unwrap();
    assert_eq!(credentials.pid, std::process::id());
    let pidfd = peer_pidfd(&a).unwrap();
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    assert_eq!(rustix::event::poll(&mut fds, Some(&Timespec::default())).unwrap(), 0);
}
