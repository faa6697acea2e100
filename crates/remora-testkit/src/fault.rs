//! Taking something away from a program that is in the middle of its work.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::broker::{Broker, Session};
use crate::processes;
use crate::program::Program;
use crate::run::{Link, Outcome, Running};

/// What the program is doing (see programs/loss.c).
pub const WORK: [&str; 5] = ["transfer", "build", "kernel", "wait", "idle"];

/// A program that works through a broker.
#[derive(Debug)]
pub struct Working {
    running: Running,
    /// Its session.
    pub session: Session,
}

impl Working {
    /// Starts it and waits until it is in the middle of that work.
    ///
    /// # Panics
    /// If it doesn't come to that.
    #[must_use]
    pub fn start(broker: &Broker, link: Link, work: &str) -> Self {
        let run = Program::compile("loss").run(&[work]).limit(Duration::from_secs(60));
        let mut running = run.start_through(broker, link);
        running.wait_for_text("ready");
        let programs = running.processes("loss");
        assert_eq!(programs.len(), 1, "one program");
        let session = broker.wait_for_session(programs[0]);
        // Into the middle of it.
        std::thread::sleep(Duration::from_millis(100));
        Self { running, session }
    }

    /// Kills its worker, and returns how the program went on and how long that took.
    #[must_use]
    pub fn lose_worker(self) -> (Outcome, Duration) {
        let worker = self.session.worker_pid;
        let began = Instant::now();
        processes::signal(worker, Signal::KILL);
        let outcome = self.running.finish();
        (outcome, began.elapsed())
    }

    /// Kills the program itself, and returns how long its worker lived on.
    ///
    /// # Panics
    /// If it lives on for ever.
    #[must_use]
    pub fn die(self) -> Duration {
        let (program, worker) = (self.session.pid, self.session.worker_pid);
        let began = Instant::now();
        processes::signal(program, Signal::KILL);
        let gone = processes::wait_until(Duration::from_secs(10), || !processes::runs(worker));
        assert!(gone, "the worker {worker} lives on");
        began.elapsed()
    }

    /// Goes on until it ends by itself.
    #[must_use]
    pub fn finish(self) -> Outcome {
        self.running.finish()
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        !self.running.has_ended()
    }
}
