//! What the generated messages have in common.

use crate::wire::{Decode, Encode};

/// A message from the program to the worker.
pub trait Command: Encode {
    /// Its number in a frame.
    const OPCODE: u16;
    /// Its name, for logs.
    const NAME: &'static str;
}

/// A command that can be answered.
pub trait Waits: Command {
    /// The answer, borrowing from its frame.
    type Reply<'r>: Decode<'r> + Reply;
}

/// A message that the worker sends unasked.
pub trait Notice: Encode {
    /// Its number in a frame.
    const OPCODE: u16;
    /// Its name, for logs.
    const NAME: &'static str;
}

/// The answer to a command.
pub trait Reply: Encode {
    /// Its number in a frame.
    const OPCODE: u16;
}
