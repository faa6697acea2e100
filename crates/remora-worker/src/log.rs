//! Where a worker's log lines go.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Result, Write};
use std::sync::Mutex;

use anyhow::Context;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// What a session may log, in bytes. Its client can cause any number of complaints.
const LIMIT: usize = 1 << 20;

/// Starts logging to what `REMORA_LOG=filter[,file]` says; a part with a slash in it is the file.
///
/// # Errors
/// If the filter makes no sense or the file can't be opened.
pub fn start() -> anyhow::Result<()> {
    let value = std::env::var("REMORA_LOG").unwrap_or_default();
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    let (files, filters): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.contains('/'));
    let filter = if filters.is_empty() { "warn".to_owned() } else { filters.join(",") };
    let filter = EnvFilter::try_new(&filter).with_context(|| format!("REMORA_LOG: '{filter}' is not a filter"))?;
    // Who asks for more than that wants to see all of it.
    let left = if filter.max_level_hint() > Some(LevelFilter::INFO) { usize::MAX } else { LIMIT };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    match files.last() {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let to = file.with_context(|| format!("REMORA_LOG: cannot open {path}"))?;
            builder.with_ansi(false).with_writer(Mutex::new(Bounded { to, left })).init();
        }
        None => {
            let to = std::io::stderr();
            builder.with_ansi(to.is_terminal()).with_writer(Mutex::new(Bounded { to, left })).init();
        }
    }
    Ok(())
}

/// Passes on so many bytes, says that they were the last, and swallows the rest.
struct Bounded<W> {
    to: W,
    left: usize,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.left > 0 {
            self.to.write_all(bytes)?;
            self.left = self.left.saturating_sub(bytes.len());
            if self.left == 0 {
                self.to.write_all(b"this session has logged enough: nothing more of it follows\n")?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_ends() {
        let mut log = Bounded { to: Vec::new(), left: 10 };
        for _ in 0..100 {
            log.write_all(b"complaint\n").unwrap();
        }
        let text = String::from_utf8(log.to).unwrap();
        assert!(text.starts_with("complaint\n") && text.lines().count() == 2, "{text}");
    }
}
