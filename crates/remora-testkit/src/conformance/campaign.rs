//! Running what isn't done yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::driver::Driver;
use super::report::{Comparison, compare};
use super::result::{Ending, How, Record};
use super::store::Store;
use super::suite::{Case, Suite};

/// What is run again although it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rerun {
    /// Nothing.
    Nothing,
    /// What was worse remoted than natively.
    Differing,
    /// Everything remoted.
    Remoted,
    /// Everything.
    All,
}

/// What to run, and how.
#[derive(Debug)]
pub struct Campaign<'a> {
    /// What the cases are of.
    pub suite: Suite,
    /// Those to run.
    pub cases: &'a [Case],
    /// How, natively or remoted.
    pub hows: &'a [How],
    /// On which driver.
    pub driver: &'a Driver,
    /// With which arguments besides.
    pub arguments: &'a [String],
    /// How long a case may take natively. Remoted it has twice that: whether it ends at all is what counts.
    pub limit: Duration,
    /// What is run again.
    pub rerun: Rerun,
    /// Set when somebody wants it to stop.
    pub stop: &'a AtomicBool,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// This is being run now.
    Begun(&'a Case, How),
    /// This was run.
    Ended(&'a Case, &'a Record),
    /// There is nothing more to do for this case.
    Done(&'a Case),
}

impl Campaign<'_> {
    /// Runs what isn't done, one case after the other. Returns whether it came to the end.
    ///
    /// # Errors
    /// If results can't be kept.
    pub fn run(&self, store: &mut Store, progress: &mut dyn FnMut(Step<'_>)) -> Result<bool> {
        for case in self.cases {
            for how in self.hows {
                if !self.is_due(store, case, *how)? {
                    continue;
                }
                progress(Step::Begun(case, *how));
                match self.run_case(store, case, *how)? {
                    Some(record) => progress(Step::Ended(case, &record)),
                    None => return Ok(false),
                }
            }
            progress(Step::Done(case));
        }
        Ok(true)
    }

    fn is_due(&self, store: &Store, case: &Case, how: How) -> Result<bool> {
        let known = |how| {
            let record = store.get(&case.group, &case.name, how);
            record.filter(|record| record.arguments == self.arguments)
        };
        let native = known(How::Native);
        // What never ends natively says nothing of Remora.
        if how != How::Native && native.is_some_and(|native| native.ending == Ending::Late) {
            return Ok(false);
        }
        let Some(record) = known(how) else { return Ok(true) };
        let more_time = record.ending == Ending::Late && record.limit < self.limit(how).as_secs();
        Ok(more_time
            || match self.rerun {
                Rerun::Nothing => false,
                Rerun::Differing => match native {
                    Some(native) => {
                        matches!(compare(self.suite, store, native, record)?, Comparison::Worse(_))
                    }
                    None => false,
                },
                Rerun::Remoted => how != How::Native,
                Rerun::All => true,
            })
    }

    fn limit(&self, how: How) -> Duration {
        if how == How::Native { self.limit } else { self.limit * 2 }
    }

    /// Nothing, if it was stopped.
    fn run_case(&self, store: &mut Store, case: &Case, how: How) -> Result<Option<Record>> {
        let limit = self.limit(how);
        let run = self.driver.under(case.run(self.arguments).limit(limit), store.directory())?;
        let running = match how.link() {
            None => run.start_native(),
            Some(link) => run.start_remoted(link),
        };
        let Some(outcome) = running.finish_unless(|| self.stop.load(Ordering::Relaxed)) else { return Ok(None) };
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let record = Record {
            group: case.group.clone(),
            name: case.name.clone(),
            how,
            arguments: self.arguments.to_vec(),
            verdict: self.suite.judge(&case.name, &outcome),
            ending: Ending::of(&outcome),
            seconds: outcome.wall.as_secs_f64(),
            limit: limit.as_secs(),
            at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        };
        store.keep(record.clone(), &outcome)?;
        Ok(Some(record))
    }
}
