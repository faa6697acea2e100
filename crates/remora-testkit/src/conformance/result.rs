//! How a case went.

use std::fmt;
use std::os::unix::process::ExitStatusExt;

use serde::{Deserialize, Serialize};

use crate::run::{Link, Outcome};

/// How a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// On the driver itself.
    Native,
    /// Through Remora over shared memory.
    Memfd,
    /// Through Remora over a byte stream.
    Stream,
}

impl How {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.link().map_or("native", Link::name)
    }

    /// The link that it goes over, if it is remoted.
    #[must_use]
    pub fn link(self) -> Option<Link> {
        match self {
            Self::Native => None,
            Self::Memfd => Some(Link::Memfd),
            Self::Stream => Some(Link::Stream),
        }
    }
}

impl From<Link> for How {
    fn from(link: Link) -> Self {
        match link {
            Link::Memfd => Self::Memfd,
            Link::Stream => Self::Stream,
        }
    }
}

/// What a case's outcome means to its suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passed.
    Pass,
    /// It said that there is nothing to test.
    Skip,
    /// Anything else.
    Fail,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// It was killed when its time was over.
    Late,
}

impl Ending {
    /// Of this outcome.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        match (outcome.timed_out, outcome.status.code(), outcome.status.signal()) {
            (true, ..) => Self::Late,
            // As shells have it, `remora run` too: a program that a signal ended must look the same with and without it.
            (_, Some(code @ 129..=159), _) => Self::Signal(code - 128),
            (_, Some(code), _) => Self::Status(code),
            (_, None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(formatter, "status {code}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
            Self::Late => formatter.write_str("never ended"),
        }
    }
}

/// The result of a case, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The case's group.
    pub group: String,
    /// Its name there.
    pub name: String,
    /// How it was run.
    pub how: How,
    /// What it was given besides its own arguments.
    pub arguments: Vec<String>,
    /// What came of it.
    pub verdict: Verdict,
    /// How its process ended.
    pub ending: Ending,
    /// How long it took.
    pub seconds: f64,
    /// How many seconds it was allowed.
    pub limit: u64,
    /// When it ended: milliseconds since 1970.
    pub at: u64,
}

impl fmt::Display for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Pass => formatter.write_str("passed"),
            Verdict::Skip => formatter.write_str("skipped"),
            Verdict::Fail => write!(formatter, "FAILED ({})", self.ending),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Run;

    #[test]
    fn a_signal_looks_the_same_behind_a_shell() {
        let ending = |script: &str| Ending::of(&Run::new("/bin/sh").arguments(&["-c", script]).native());
        assert_eq!(ending("kill -SEGV $$"), Ending::Signal(11));
        assert_eq!(ending("exit 139"), Ending::Signal(11));
        assert_eq!(ending("exit 3"), Ending::Status(3));
        assert_eq!(ending("exit 255"), Ending::Status(255));
    }
}
