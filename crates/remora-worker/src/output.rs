//! What kernels print. A CPU driver's printf, and NVIDIA's, write to the worker's standard output; that becomes a pipe
//! whose contents go to the program as Output notices, before the completion that covers them.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use remora_protocol::opencl;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::lock;
use crate::notices::Notices;

/// The most that one notice carries.
const PART: usize = 32 << 10;

/// The reading end of what used to be standard output.
pub struct Output {
    /// Whoever holds the lock reads and sends: text keeps its order.
    pipe: Mutex<OwnedFd>,
    waiting: OwnedFd,
}

impl Output {
    /// Turns the process's standard output into a pipe.
    ///
    /// # Errors
    /// Those of the system.
    pub fn capture() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&read, OFlags::NONBLOCK)?;
        rustix::stdio::dup2_stdout(&write)?;
        let waiting = read.try_clone()?;
        Ok(Self { pipe: Mutex::new(read), waiting })
    }

    /// Starts the thread that forwards what is printed while nobody asks for a completion.
    ///
    /// # Errors
    /// If the system has no room for a thread.
    pub fn forward(self: &Arc<Self>, notices: Arc<Notices>) -> io::Result<()> {
        let output = Arc::clone(self);
        std::thread::Builder::new().name("output".into()).stack_size(256 << 10).spawn(move || {
            let mut fds = [PollFd::new(&output.waiting, PollFlags::IN)];
            loop {
                match poll(&mut fds, None) {
                    Ok(_) if fds[0].revents().contains(PollFlags::IN) => output.pass_on(&notices),
                    Ok(_) => break,
                    Err(rustix::io::Errno::INTR) => {}
                    Err(_) => break,
                }
            }
        })?;
        Ok(())
    }

    /// Sends all that has been printed so far.
    pub fn drain(&self, notices: &Notices) {
        // SAFETY: a null stream means all of them, and stdio does its own locking. The pipe's lock is not held here: with
        // the pipe full this waits for the forwarding thread.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        self.pass_on(notices);
    }

    fn pass_on(&self, notices: &Notices) {
        let pipe = lock(&self.pipe);
        let mut text = [0; PART];
        // What comes meanwhile waits for the next turn: a kernel that never stops printing must not hold up a reply.
        let mut left = rustix::io::ioctl_fionread(&*pipe).unwrap_or(0);
        while left > 0 {
            match rustix::io::read(&*pipe, &mut text) {
                Ok(0) => return,
                Ok(count) => {
                    notices.send(&opencl::Output { fd: 1, text: &text[..count] }, None);
                    left = left.saturating_sub(count as u64);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}
