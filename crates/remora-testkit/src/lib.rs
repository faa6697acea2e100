//! The harness of Remora's tests: the same program is run natively and through Remora, and must print the same.
//!
//! - [`Program`] compiles one of the C programs beside this crate, or a client of a library;
//! - [`Run`] is a command line with its environment and time limit, run natively, through a private broker of its own
//!   (`remora run`), or through a [`Broker`] that the test holds and can ask for its sessions;
//! - [`compare`] says where two outputs differ;
//! - [`processes`] looks into /proc: who is left over, how much memory somebody uses, which memory files are open;
//! - [`fault`] starts a program, waits until it is in the middle of something, and then takes something away;
//! - [`conformance`] runs whole suites that aren't part of the repository, and tells the differences.
//!
//! What a test needs and doesn't find is a failure that says how to get it; no test is skipped.

pub mod broker;
pub mod compare;
pub mod conformance;
pub mod fault;
pub mod places;
pub mod processes;
pub mod program;
pub mod run;

pub use broker::{Broker, Session};
pub use program::Program;
pub use run::{Driver, Link, Outcome, Run, Running};
