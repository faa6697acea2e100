//! What kernels print, on its way to the program's standard output. A pipe that nobody reads from must hold up no one but
//! who waits for what was printed, so it is written on a thread of its own.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use remora_link::{Signals, spawn_for_program};
use remora_protocol::opencl;

/// So many bytes may wait. A kernel that prints even more is held up, with all else, as it would be by the pipe natively.
const MOST: u64 = 32 << 20;

/// Text is put together up to this length: a kernel may print many small pieces.
const PART: usize = 32 << 10;

/// The way to the program's standard output.
pub(crate) struct Output {
    blocked: Signals,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// Bytes so far; both change under the lock.
    given: AtomicU64,
    written: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    parts: VecDeque<Part>,
    /// Whether there is a thread that writes.
    started: bool,
    /// Nothing more comes.
    ended: bool,
}

struct Part {
    text: Vec<u8>,
    buffered: bool,
}

impl Output {
    /// Its thread will block the signals that the program's own thread blocks: a broken pipe is told as any writer is.
    pub(crate) fn new(blocked: Signals) -> Self {
        Self { blocked, shared: Arc::default() }
    }

    /// Writes after all that was given before.
    ///
    /// # Errors
    /// If the system has no room for the thread.
    pub(crate) fn give(&self, output: &opencl::Output<'_>) -> io::Result<()> {
        let mut waiting = self.shared.lock();
        if !waiting.started {
            let shared = Arc::clone(&self.shared);
            spawn_for_program("remora-output", self.blocked, move || shared.write())?;
            waiting.started = true;
        }
        while self.given() - self.shared.written() >= MOST {
            waiting = self.shared.wait(waiting);
        }
        let fits = |part: &&mut Part| part.buffered == output.buffered && part.text.len() + output.text.len() <= PART;
        match waiting.parts.back_mut().filter(fits) {
            Some(part) => part.text.extend_from_slice(output.text),
            None => waiting.parts.push_back(Part { text: output.text.to_vec(), buffered: output.buffered }),
        }
        self.shared.given.fetch_add(output.text.len() as u64, Ordering::Release);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// How much has been given so far.
    pub(crate) fn given(&self) -> u64 {
        self.shared.given.load(Ordering::Acquire)
    }

    /// Whether the first `given` bytes are written.
    pub(crate) fn is_written(&self, given: u64) -> bool {
        self.shared.written() >= given
    }

    /// Waits for that.
    pub(crate) fn wait(&self, given: u64) {
        let mut waiting = self.shared.lock();
        while !self.is_written(given) {
            waiting = self.shared.wait(waiting);
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// The body of the thread.
    fn write(&self) {
        let mut waiting = self.lock();
        loop {
            let Some(part) = waiting.parts.pop_front() else {
                if waiting.ended {
                    return;
                }
                waiting = self.wait(waiting);
                continue;
            };
            drop(waiting);
            if part.buffered {
                print(&part.text)
            } else {
                write_all(&part.text)
            }
            waiting = self.lock();
            self.written.fetch_add(part.text.len() as u64, Ordering::Release);
            self.changed.notify_all();
        }
    }

    fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner)
    }
}

/// As drivers do that write by themselves.
fn write_all(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: `text` is valid for its length; a closed descriptor gives an error.
        let written = unsafe { libc::write(libc::STDOUT_FILENO, text.as_ptr().cast(), text.len()) };
        match usize::try_from(written) {
            Ok(written) => text = &text[written..],
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

unsafe extern "C" {
    /// The C library's own.
    static mut stdout: *mut libc::FILE;
}

/// As drivers do that print by the C library: it stands between what the program prints.
fn print(text: &[u8]) {
    // SAFETY: `text` is valid for its length. The program's stream is there unless the program has closed it, after which
    // nothing may print, natively neither; it does its own locking.
    unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), stdout) };
}
