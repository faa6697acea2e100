//! The thread that notices the other side's end, and tells everybody.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::descriptor::Descriptor;
use crate::link::Inner;
use crate::thread;

/// Starts the thread, which ends when the link is closed.
pub(crate) fn start(link: &Arc<Inner>, peer: Option<Descriptor>) -> io::Result<()> {
    let link = Arc::clone(link);
    thread::spawn("remora-watch", move || {
        watch(&link, peer);
        link.run_hooks();
        wake_all(&link);
    })
    .map(drop)
}

/// Returns when the link is closed; closes it when the other side is gone.
fn watch(link: &Inner, peer: Option<Descriptor>) {
    loop {
        let mut fds = vec![PollFd::from_borrowed_fd(link.closing(), PollFlags::IN)];
        if let Some(peer) = &peer {
            fds.push(PollFd::from_borrowed_fd(peer.as_fd(), PollFlags::IN));
        }
        // On a stream link, what the other side sent before it ended comes first; the receiving thread sees the end.
        if link.bridge.is_none() {
            fds.push(PollFd::new(&link.socket, PollFlags::RDHUP));
        }
        match rustix::event::poll(&mut fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => {
                tracing::error!(%error, "can't watch the other side of a link");
                link.close("it can't be watched");
                return;
            }
        }
        let happened = |number: usize| fds.get(number).is_some_and(|fd| !fd.revents().is_empty());
        if happened(0) {
            return;
        }
        if peer.is_some() && happened(1) {
            if let Some(bridge) = &link.bridge {
                bridge.drain(link);
            }
            link.close("the process of the other side has ended");
            return;
        }
        if happened(1) || happened(2) {
            link.close("the other side has closed it");
            return;
        }
    }
}

/// Wakes all sleepers until none is left. Closing has done so once, but the other side may have armed a bell again
/// between that and a sleeper's last look.
fn wake_all(link: &Inner) {
    while link.sleepers.load(Ordering::SeqCst) > 0 {
        link.wake_sleepers();
        std::thread::sleep(Duration::from_millis(1));
    }
}
