//! Remora's wire format: frames, handles, the hello, and the messages of the remoted APIs.
//!
//! This crate does no I/O and contains no unsafe code. Everything that arrives from a link is hostile until a decoder of
//! this crate has accepted it: decoders never panic, never read outside their input, and never allocate more than a small
//! multiple of its length.

#![forbid(unsafe_code)]

pub mod argument;
pub mod contents;
pub mod extensions;
pub mod frame;
pub mod handle;
pub mod hello;
pub mod message;
/// The messages of OpenCL, generated from `api/opencl`.
#[path = "generated/opencl.rs"]
pub mod opencl;
pub mod wire;

pub use frame::{Bulk, Frame, FrameWriter, Need};
pub use handle::{Handle, Kind};
pub use message::{Command, Notice, Reply, Waits};
pub use wire::{Decode, Encode, FixedSize, Items, List, Malformed, Reader};
