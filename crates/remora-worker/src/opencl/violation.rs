//! What ends a session: input that no client of Remora sends.

use std::borrow::Cow;
use std::fmt;

use remora_link::Closed;
use remora_protocol::Malformed;

use crate::progress::Ended;

/// The client did something that no client does, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(Cow<'static, str>);

impl Violation {
    /// With what it was, in words.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self(Cow::Borrowed(what))
    }

    /// Whether it is only that the link is closed: nothing to complain about.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.0 == END
    }
}

const END: &str = "the link is closed";

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Malformed> for Violation {
    fn from(malformed: Malformed) -> Self {
        Self(Cow::Owned(malformed.to_string()))
    }
}

impl From<Closed> for Violation {
    fn from(_: Closed) -> Self {
        Self::new(END)
    }
}

impl From<Ended> for Violation {
    fn from(_: Ended) -> Self {
        Self::new(END)
    }
}
