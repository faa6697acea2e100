//! Where the program's callbacks run.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use remora_link::{Signals, spawn_for_program};
use remora_protocol::Handle;

use crate::fork;

type Job = Box<dyn FnOnce() + Send>;

/// So many callbacks may wait for something at a time; natively it is as many as the driver has threads.
const MOST: usize = 16;

/// Runs the program's callbacks, those of one turn one after another, on threads that may make API calls. There is one
/// thread, and another one whenever all are at something and yet another turn has a callback.
pub struct Callbacks {
    shared: Arc<Shared>,
    blocked: Signals,
    generation: u32,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What is still to be run for each turn that a thread is at, or that is due.
    waiting: HashMap<Handle, VecDeque<Job>>,
    /// Turns that no thread is at yet.
    due: VecDeque<Handle>,
    threads: usize,
    idle: usize,
    ended: bool,
}

impl Callbacks {
    /// Starts the first thread. They all block the signals that the program's own thread blocks.
    ///
    /// # Errors
    /// If the system has no room for one.
    pub fn start(blocked: Signals) -> io::Result<Self> {
        let this = Self { shared: Arc::default(), blocked, generation: fork::generation() };
        this.start_thread(&mut this.shared.lock())?;
        Ok(this)
    }

    /// Runs `job` after those given before for the same `turn`: that of a queue, an event, a program and so on, or
    /// [`Handle::NONE`] for what the front-end itself does aside.
    pub fn run(&self, turn: Handle, job: impl FnOnce() + Send + 'static) {
        // A fork child has none of the threads, and maybe a lock that one of them holds.
        if self.generation != fork::generation() {
            return;
        }
        let mut state = self.shared.lock();
        if let Some(waiting) = state.waiting.get_mut(&turn) {
            return waiting.push_back(Box::new(job));
        }
        state.waiting.insert(turn, VecDeque::from([Box::new(job) as Job]));
        state.due.push_back(turn);
        if state.due.len() > state.idle && state.threads < MOST {
            if let Err(error) = self.start_thread(&mut state) {
                tracing::warn!(%error, "no further thread for callbacks");
            }
        }
        self.shared.changed.notify_one();
    }

    fn start_thread(&self, state: &mut State) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        spawn_for_program("remora-callback", self.blocked, move || shared.work())?;
        state.threads += 1;
        Ok(())
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// The body of each thread.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            let Some(turn) = state.due.pop_front() else {
                if state.ended {
                    return;
                }
                state.idle += 1;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            while let Some(job) = state.waiting.get_mut(&turn).and_then(VecDeque::pop_front) {
                drop(state);
                // The panic has been told; those behind it run all the same.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
            }
            state.waiting.remove(&turn);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
