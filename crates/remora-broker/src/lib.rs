//! The broker: accepts connections, authenticates them, starts one worker per session, and keeps account.
//!
//! It never loads a driver. One thread runs everything over epoll, so that a connection that stalls costs a few
//! hundred bytes and delays nobody. What needs a driver happens in worker processes: a probe at the start, whose facts
//! are handed to every program, and one worker per session, to which the program's connection is passed on.

pub mod access;
pub mod broker;
pub mod config;
pub mod confinement;
pub mod connection;
pub mod environment;
pub mod lifetime;
pub mod listener;
pub mod log;
pub mod namespace;
pub mod negotiate;
pub mod poller;
pub mod probe;
pub mod process;
pub mod repeats;
mod requests;
pub mod session;
pub mod size;
pub mod status;
#[cfg(test)]
mod testing;
