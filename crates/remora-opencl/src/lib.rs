//! The OpenCL front-end: OpenCL's objects and functions for the program, made of a session with a worker.
//!
//! The road of a call: `generated::entry` (C symbols) → `api` (arguments, objects, codes) → `command` (wait list, event,
//! needs) → `remora_client` (stream, link).

mod api;
mod arguments;
mod build;
mod chunks;
mod command;
mod entry;
mod error;
mod event;
pub mod extensions;
mod facts;
pub mod generated;
mod host_memory;
mod image;
mod in_place;
mod include;
mod info;
mod kernel;
mod map;
mod mem;
mod object;
mod pitches;
mod program;
mod record;
mod session;
mod svm;
mod transfer;

pub use generated::coverage;
