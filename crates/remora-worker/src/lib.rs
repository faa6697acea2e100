//! The worker: one process per session, the only place where a driver runs.
//!
//! `remora-worker session` takes over one end of a link and executes what comes in until the link closes;
//! `remora-worker probe` tells the broker what the driver has. See [`session`] for the first and [`opencl::facts`] for
//! the second.

mod confinement;
pub mod notices;
pub mod opencl;
pub mod output;
pub mod progress;
pub mod sandbox;
pub mod session;
pub mod stats;
pub mod status;
pub mod store;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`. A thread that panicked with it has closed the session; what it left is good enough to end with.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
