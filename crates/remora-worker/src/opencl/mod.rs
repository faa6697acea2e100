//! OpenCL: what is executed, on which driver, and how its completions travel back.
//!
//! Reading order: [`executor`] receives the commands of one stream and hands each to [`objects`] (stream 0),
//! [`queue`] (command queues) or the [`engine`] (stream 1). [`shared`] holds what all of them use.

pub mod area;
pub mod build;
pub mod command_buffer;
pub mod commands;
pub mod completions;
pub mod composed;
pub mod contents;
pub mod context;
mod copied;
pub mod copies;
pub mod device_queue;
pub mod driver;
pub mod engine;
pub mod events;
pub mod executor;
pub mod extensions;
pub mod facts;
mod generated;
pub mod host_calls;
pub mod kernel;
pub mod kernel_facts;
pub mod memory;
pub mod mutable;
pub mod null;
pub mod objects;
mod options;
pub mod pending;
mod pins;
pub mod places;
pub mod programs;
pub mod queue;
pub mod reaper;
pub mod replies;
pub mod semaphore;
pub mod shared;
pub mod start;
pub mod store;
pub mod svm;
pub mod tables;
pub mod transfer;
pub mod violation;
pub mod waits;

#[cfg(test)]
mod tests;
