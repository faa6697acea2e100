//! What the worker tells unasked, in one order for the whole session.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use remora_link::Sender;
use remora_protocol::message::Notice;
use remora_protocol::{Bulk, FrameWriter};

use crate::lock;

/// Sends notices and counts them. A reply names the count, so that the client handles what came before it first.
pub struct Notices {
    out: Mutex<Out>,
    sent: AtomicU64,
}

struct Out {
    sender: Sender,
    writer: FrameWriter,
}

impl Notices {
    /// Sends through `sender` from now on.
    #[must_use]
    pub fn new(sender: Sender) -> Self {
        Self { out: Mutex::new(Out { sender, writer: FrameWriter::default() }), sent: AtomicU64::new(0) }
    }

    /// Sends one notice. When the link is closed nobody is left to miss it.
    ///
    /// Never called on a driver's thread: it waits while the ring is full.
    pub fn send<N: Notice>(&self, notice: &N, bulk: Option<Bulk>) {
        let mut out = lock(&self.out);
        let Out { sender, writer } = &mut *out;
        let position = self.sent.load(Ordering::Relaxed) + 1;
        let frame = writer.write(N::OPCODE, position, &[], bulk, 0, notice);
        if sender.send(frame).is_ok() {
            self.sent.store(position, Ordering::SeqCst);
        }
    }

    /// How many have been sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}
