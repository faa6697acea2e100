//! The differential harness: a suite of programs that isn't part of the repository, run natively and through Remora, case by
//! case, and only the differences told. `cargo xtask conformance` drives it; docs/conformance.md says how.
//!
//! - [`Suite`] knows which cases there are, how one is run, and what its outcome means;
//! - [`Store`] keeps the result and the output of every case, so that a run that was killed goes on where it stopped;
//! - [`Campaign`] runs what isn't done yet;
//! - [`Report`] compares what has been done.

mod campaign;
mod driver;
mod report;
mod result;
mod store;
mod suite;

pub use campaign::{Campaign, Rerun, Step};
pub use driver::Driver;
pub use report::Report;
pub use result::{Ending, How, Record, Verdict};
pub use store::{Shard, Store};
pub use suite::{Case, Suite};
