//! Where log lines go: `REMORA_LOG=filter[,file]`, stderr by default.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// The variable that says what to log and where.
pub const VARIABLE: &str = "REMORA_LOG";

/// Starts logging; `default` is the filter if the variable does not hold one.
///
/// # Errors
/// If the filter makes no sense or the file cannot be opened.
pub fn start(default: &str) -> Result<()> {
    let value = std::env::var(VARIABLE).unwrap_or_default();
    let (filter, file) = parse(&value);
    let filter = if filter.is_empty() { default } else { &filter };
    let filter = EnvFilter::try_new(filter).with_context(|| format!("{VARIABLE}: '{filter}' is not a filter"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    match file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(&path);
            let file = file.with_context(|| format!("{VARIABLE}: cannot open {}", path.display()))?;
            builder.with_ansi(false).with_writer(Mutex::new(file)).init();
        }
        None => {
            let colours = std::io::stderr().is_terminal();
            builder.with_ansi(colours).with_writer(std::io::stderr).init();
        }
    }
    Ok(())
}

/// A filter may itself hold commas; a part with a slash in it is the file.
fn parse(value: &str) -> (String, Option<PathBuf>) {
    let (files, filters): (Vec<&str>, Vec<&str>) =
        value.split(',').map(str::trim).filter(|part| !part.is_empty()).partition(|part| part.contains('/'));
    (filters.join(","), files.last().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_and_file_are_told_apart() {
        assert_eq!(parse(""), (String::new(), None));
        assert_eq!(parse("debug"), ("debug".into(), None));
        assert_eq!(parse("info,remora=trace,/tmp/x.log"), ("info,remora=trace".into(), Some("/tmp/x.log".into())));
    }
}
