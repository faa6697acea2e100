//! Steps: each a command whose output is kept in a file and shown only if it fails.

use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::repository::{line, target};

/// How much of a failed step's output is shown.
const SHOWN_LINES: usize = 150;

/// Runs steps, and counts.
pub struct Steps {
    started: Instant,
    number: usize,
    of: usize,
    passed: usize,
    failed: usize,
    failures: Vec<String>,
}

impl Steps {
    /// For `of` steps.
    pub fn new(of: usize) -> Self {
        Self { started: Instant::now(), number: 0, of, passed: 0, failed: 0, failures: Vec::new() }
    }

    /// A step that is no command. It counts as one test if it `counts`.
    pub fn call(&mut self, name: &str, action: impl FnOnce() -> Result<()>) -> bool {
        let began = self.begin(name);
        // It may talk itself: no spinner.
        println!("{}", self.head(name));
        let result = action();
        if let Err(error) = &result {
            println!("{error:#}");
        }
        self.end(name, began, result.is_ok(), 0, usize::from(result.is_err()));
        result.is_ok()
    }

    /// A command that counts as one test.
    pub fn check(&mut self, name: &str, command: &mut Command) -> bool {
        self.run(name, command, |_| None)
    }

    /// A command that runs tests.
    pub fn tests(&mut self, name: &str, command: &mut Command) -> bool {
        self.run(name, command, |output| Some(count(output)))
    }

    fn run(&mut self, name: &str, command: &mut Command, counts: impl Fn(&str) -> Option<(usize, usize)>) -> bool {
        let began = self.begin(name);
        let outcome = self.watch(name, command);
        let (good, output) = match outcome {
            Ok((status, log)) => (status.success(), fs::read_to_string(log).unwrap_or_default()),
            Err(error) => (false, format!("{error:#}\n")),
        };
        let (passed, mut failed) = counts(&output).unwrap_or((usize::from(good), usize::from(!good)));
        if !good && failed == 0 {
            // It didn't even come to the tests, or something else went wrong.
            failed = 1;
        }
        if !good {
            println!("{}: {} failed:", self.head(name), line(command));
            let lines: Vec<&str> = output.lines().collect();
            let from = lines.len().saturating_sub(SHOWN_LINES);
            for line in &lines[from..] {
                println!("    {line}");
            }
        }
        self.end(name, began, good, passed, failed);
        good
    }

    /// Runs it with its output in a file, and a spinner where somebody looks.
    fn watch(&self, name: &str, command: &mut Command) -> Result<(ExitStatus, PathBuf)> {
        let directory = target().join("xtask");
        fs::create_dir_all(&directory)?;
        let log = directory.join(format!("{}.log", name.replace([' ', '/'], "-")));
        let file = File::create(&log)?;
        command.stdin(std::process::Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg} ({elapsed})").context("the template of the spinner")?,
        );
        bar.set_message(self.head(name));
        bar.enable_steady_tick(Duration::from_millis(120));
        let status = command.status().with_context(|| format!("cannot run {}", line(command)));
        bar.finish_and_clear();
        Ok((status?, log))
    }

    fn begin(&mut self, name: &str) -> Instant {
        self.number += 1;
        if !std::io::stdout().is_terminal() {
            println!("{} ...", self.head(name));
            let _ = std::io::stdout().flush();
        }
        Instant::now()
    }

    fn head(&self, name: &str) -> String {
        format!("[{}/{}] {name}", self.number, self.of)
    }

    fn end(&mut self, name: &str, began: Instant, good: bool, passed: usize, failed: usize) {
        self.passed += passed;
        self.failed += failed;
        let counts = if passed + failed > 1 { format!(", {passed} passed, {failed} failed") } else { String::new() };
        let word = if good { "ok" } else { "FAILED" };
        println!("{}: {word} in {:.1} s{counts}", self.head(name), began.elapsed().as_secs_f64());
        if !good {
            self.failures.push(name.to_owned());
        }
    }

    /// Says how it all went; whether well.
    pub fn finish(self) -> bool {
        println!();
        if !self.failures.is_empty() {
            println!("Failed: {}", self.failures.join(", "));
        }
        println!("Took {}", HumanDuration(self.started.elapsed()));
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failures.is_empty()
    }
}

/// Tests passed and failed, as `cargo test` and `cargo nextest` print them.
fn count(output: &str) -> (usize, usize) {
    let (mut passed, mut failed) = (0, 0);
    let number_before = |text: &str, word: &str| {
        let before = text.split(word).next().filter(|before| before.len() < text.len())?;
        before.split(|letter: char| !letter.is_ascii_digit()).rfind(|part| !part.is_empty())?.parse::<usize>().ok()
    };
    for line in output.lines() {
        if line.starts_with("test result:") || line.trim_start().starts_with("Summary [") {
            passed += number_before(line, " passed").unwrap_or(0);
            failed += number_before(line, " failed").unwrap_or(0) + number_before(line, " timed out").unwrap_or(0);
        }
    }
    (passed, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_counted() {
        let output = "test result: ok. 12 passed; 1 failed; 0 ignored\n\
                      test result: ok. 3 passed; 0 failed; 0 ignored\n\
                      \x20    Summary [   8.3s] 21 tests run: 19 passed (1 slow), 1 failed, 1 timed out, 2 skipped\n";
        assert_eq!(count(output), (34, 3));
        assert_eq!(count("nothing"), (0, 0));
    }
}
