//! From the descriptions in `api/` to the Rust that is checked in under `*/generated/`.
//!
//! Files of `api/` are read as Rust syntax ([`parse`] and its siblings), become plain values ([`model`]), get opcodes ([`opcodes`]) and are
//! written out ([`emit_messages`] and its siblings). [`generate`] puts these together.

pub mod emit_extensions;
pub mod emit_front;
pub mod emit_messages;
pub mod emit_worker;
pub mod extensions;
pub mod functions;
pub mod generate;
pub mod model;
pub mod opcodes;
pub mod parse;
pub mod parse_functions;
pub mod registry;
pub mod registry_extensions;
pub mod text;
