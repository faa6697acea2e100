//! What kernels print, on its way to the program's standard output. A pipe that nobody reads from must hold up no one but
//! who waits for what was printed, so it is written on a thread of its own.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use remora_link::{Signals, spawn_for_program};
use remora_protocol::opencl;

use crate::notices::Handled;

/// So many parts (of at most 32 KiB) may wait. A kernel that prints even more is held up, with all else, as it would be by
/// the pipe natively.
const MOST: usize = 1024;

/// The way to the program's standard output.
pub(crate) struct Output {
    blocked: Signals,
    /// To the thread, once there is one.
    parts: Mutex<Option<SyncSender<Part>>>,
    given: AtomicU64,
    written: Arc<Handled>,
}

struct Part {
    text: Vec<u8>,
    buffered: bool,
}

impl Output {
    /// Its thread will block the signals that the program's own thread blocks: a broken pipe is told as any writer is.
    pub(crate) fn new(blocked: Signals) -> Self {
        Self { blocked, parts: Mutex::default(), given: AtomicU64::new(0), written: Arc::default() }
    }

    /// Writes after all that was given before.
    ///
    /// # Errors
    /// If the system has no room for the thread.
    pub(crate) fn give(&self, output: &opencl::Output<'_>) -> io::Result<()> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = match &mut *parts {
            Some(parts) => parts,
            none => none.insert(self.start()?),
        };
        self.given.fetch_add(1, Ordering::SeqCst);
        // The thread ends only after this sender.
        let _ = parts.send(Part { text: output.text.to_vec(), buffered: output.buffered });
        Ok(())
    }

    /// Waits until all that has been given is written.
    pub(crate) fn wait(&self) {
        // This can't be lost: see above.
        let _ = self.written.wait(self.given.load(Ordering::SeqCst));
    }

    fn start(&self) -> io::Result<SyncSender<Part>> {
        let (sender, parts) = mpsc::sync_channel::<Part>(MOST);
        let written = Arc::clone(&self.written);
        spawn_for_program("remora-output", self.blocked, move || {
            for part in parts {
                if part.buffered {
                    print(&part.text)
                } else {
                    write_all(&part.text)
                }
                written.one_more();
            }
        })?;
        Ok(sender)
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
