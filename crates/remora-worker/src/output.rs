//! What kernels print. A CPU driver's printf, and NVIDIA's, write to the worker's standard output; that becomes a pipe
//! whose contents go to the program as Output notices, before the completion that covers them. The C library's `stdout`
//! becomes another one: what comes through it is for the program's `stdout`, to stand between what the program prints there.

use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::{Arc, Mutex};

use remora_protocol::opencl;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::lock;
use crate::notices::Notices;

/// The most that one notice carries.
const PART: usize = 32 << 10;

/// The reading ends of what used to be standard output.
pub struct Output {
    pipes: [Pipe; 2],
}

struct Pipe {
    read: OwnedFd,
    /// Whoever holds it reads and sends: text keeps its order.
    turn: Mutex<()>,
    /// Whether it comes from the C library's stream.
    buffered: bool,
}

unsafe extern "C" {
    /// The C library's own.
    static mut stdout: *mut libc::FILE;
}

impl Output {
    /// Turns the process's standard output into pipes. To be called before there are other threads, and before anything is
    /// loaded that may keep what it finds.
    ///
    /// # Errors
    /// Those of the system.
    pub fn capture() -> io::Result<Self> {
        let (descriptor, write) = Pipe::new(false)?;
        rustix::stdio::dup2_stdout(&write)?;
        let (stream, write) = Pipe::new(true)?;
        // SAFETY: the descriptor is open and becomes the stream's, and the mode ends with 0.
        let file = unsafe { libc::fdopen(write.into_raw_fd(), c"w".as_ptr()) };
        if file.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the C library lets programs assign its variable, and there is no other thread that could look at it.
        unsafe { stdout = file };
        Ok(Self { pipes: [descriptor, stream] })
    }

    /// Starts the thread that forwards what is printed while nobody asks for a completion.
    ///
    /// # Errors
    /// If the system has no room for a thread.
    pub fn forward(self: &Arc<Self>, notices: Arc<Notices>) -> io::Result<()> {
        let output = Arc::clone(self);
        std::thread::Builder::new().name("output".into()).stack_size(256 << 10).spawn(move || {
            let mut fds = output.pipes.each_ref().map(|pipe| PollFd::new(&pipe.read, PollFlags::IN));
            loop {
                match poll(&mut fds, None) {
                    Ok(_) if fds.iter().any(|fd| fd.revents().contains(PollFlags::IN)) => output.pass_on(&notices),
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
        self.pipes.iter().for_each(|pipe| pipe.pass_on(notices));
    }
}

impl Pipe {
    /// A new one, and its writing end.
    fn new(buffered: bool) -> io::Result<(Self, OwnedFd)> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&read, OFlags::NONBLOCK)?;
        Ok((Self { read, turn: Mutex::new(()), buffered }, write))
    }

    fn pass_on(&self, notices: &Notices) {
        let _turn = lock(&self.turn);
        let mut text = [0; PART];
        // What comes meanwhile waits for the next turn: a kernel that never stops printing must not hold up a reply.
        let mut left = rustix::io::ioctl_fionread(&self.read).unwrap_or(0);
        while left > 0 {
            match rustix::io::read(&self.read, &mut text) {
                Ok(0) => return,
                Ok(count) => {
                    notices.send(&opencl::Output { buffered: self.buffered, text: &text[..count] }, None);
                    left = left.saturating_sub(count as u64);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}
