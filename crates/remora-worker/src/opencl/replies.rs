//! Answers of one stream. They leave in the order in which they are ready; each names its command's position.

use std::sync::Mutex;

use remora_link::Sender;
use remora_protocol::message::Reply;
use remora_protocol::{Bulk, FrameWriter};

use crate::lock;
use crate::notices::Notices;

/// The answers of one stream, from its executor and from whoever finishes its commands later.
pub struct Replies {
    out: Mutex<Out>,
}

struct Out {
    sender: Sender,
    writer: FrameWriter,
}

impl Replies {
    /// Sends through `sender` from now on.
    #[must_use]
    pub fn new(sender: Sender) -> Self {
        Self { out: Mutex::new(Out { sender, writer: FrameWriter::default() }) }
    }

    /// Answers the command at `position`. All notices that have been sent so far come first at the client.
    pub fn send<R: Reply>(&self, notices: &Notices, position: u64, reply: &R, bulk: Option<Bulk>) {
        let mut out = lock(&self.out);
        let Out { sender, writer } = &mut *out;
        let frame = writer.write(R::OPCODE, position, &[], bulk, notices.sent(), reply);
        // With the link closed nobody waits for it.
        let _ = sender.send(frame);
    }
}
