//! What strangers could make the broker log over and over: each of it is logged once a minute.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long nothing more is logged of the same.
const INTERVAL: Duration = Duration::from_secs(60);
/// As many different ones are logged within that time, and no more. There may be as many users as there are numbers.
const MOST: usize = 256;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user who was refused, for whatever reason.
    User(u32),
    /// A connection was closed because there are too many.
    Crowd,
    /// A connection could not be accepted.
    Accept,
    /// The kernel does not say who connected.
    Nobody,
}

/// Remembers what was logged.
#[derive(Debug, Default)]
pub struct Repeats {
    logged: HashMap<Subject, Instant>,
}

impl Repeats {
    /// Whether a line about this is to be logged now.
    pub fn is_news(&mut self, subject: Subject, now: Instant) -> bool {
        let is_fresh = |at: &Instant| now.saturating_duration_since(*at) < INTERVAL;
        if self.logged.get(&subject).is_some_and(is_fresh) {
            return false;
        }
        if self.logged.len() >= MOST {
            self.logged.retain(|_, at| is_fresh(at));
        }
        if self.logged.len() >= MOST {
            return false;
        }
        self.logged.insert(subject, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_news_once_a_minute() {
        let mut repeats = Repeats::default();
        let start = Instant::now();
        let later = start + INTERVAL;
        assert!(repeats.is_news(Subject::User(1), start));
        assert!(!repeats.is_news(Subject::User(1), start));
        assert!(repeats.is_news(Subject::User(2), start));
        assert!(repeats.is_news(Subject::Crowd, start));
        assert!(!repeats.is_news(Subject::User(1), later - Duration::from_millis(1)));
        assert!(repeats.is_news(Subject::User(1), later));
    }

    #[test]
    fn little_is_remembered_and_logged_whoever_comes() {
        let mut repeats = Repeats::default();
        let start = Instant::now();
        let news = (0..100_000).filter(|uid| repeats.is_news(Subject::User(*uid), start)).count();
        assert_eq!((news, repeats.logged.len()), (MOST, MOST));
        assert!(repeats.is_news(Subject::User(100_000), start + INTERVAL));
        assert_eq!(repeats.logged.len(), 1);
    }
}
