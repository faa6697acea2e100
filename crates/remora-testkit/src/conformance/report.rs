//! What differs.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;

use super::result::{Ending, How, Record, Verdict};
use super::store::Store;
use super::suite::Suite;
use crate::compare::first_difference;

/// A remoted result beside the native one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// A program couldn't tell.
    Same,
    /// What is good natively isn't remoted.
    Worse(String),
    /// What isn't good natively is remoted.
    Better(String),
}

/// Compares two results of a case.
pub(super) fn compare(suite: Suite, store: &Store, native: &Record, remoted: &Record) -> Result<Comparison> {
    let said = format!("{} {remoted}", remoted.how.name());
    // One that never ends natively can't be compared.
    if native.ending == Ending::Late {
        return Ok(Comparison::Same);
    }
    if suite.compares_output() {
        if native.ending != remoted.ending {
            return Ok(Comparison::Worse(said));
        }
        let (a, b) = (store.stdout(native)?, store.stdout(remoted)?);
        if a == b {
            return Ok(Comparison::Same);
        }
        let lines = first_difference(&String::from_utf8_lossy(&a), &String::from_utf8_lossy(&b));
        let difference = lines.unwrap_or_else(|| "bytes differ that are no text".to_owned());
        return Ok(Comparison::Worse(format!("{} {remoted} but {difference}", remoted.how.name())));
    }
    // A failure may become a crash or never come to an end, which is worse still.
    let rank = |record: &Record| match (record.verdict, record.ending) {
        (Verdict::Pass, _) => 0,
        (Verdict::Skip, _) => 1,
        (Verdict::Fail, Ending::Status(_)) => 2,
        (Verdict::Fail, Ending::Signal(_)) => 3,
        (Verdict::Fail, Ending::Late) => 4,
    };
    Ok(match rank(remoted).cmp(&rank(native)) {
        std::cmp::Ordering::Equal => Comparison::Same,
        std::cmp::Ordering::Greater => Comparison::Worse(said),
        std::cmp::Ordering::Less => Comparison::Better(said),
    })
}

/// All that was run, compared.
#[derive(Debug)]
pub struct Report {
    hows: Vec<How>,
    /// By name and arguments.
    groups: BTreeMap<(String, Vec<String>), Group>,
    worse: Vec<String>,
    better: Vec<String>,
    late: Vec<String>,
}

#[derive(Debug, Default)]
struct Group {
    cases: usize,
    tallies: BTreeMap<How, Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    run: usize,
    passed: usize,
    skipped: usize,
}

impl Report {
    /// Of the cases whose whole name is `wanted`, run natively and so.
    ///
    /// # Errors
    /// If an output that has to be compared isn't there.
    pub fn new(suite: Suite, store: &Store, hows: &[How], wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let mut report = Self {
            hows: hows.to_vec(),
            groups: BTreeMap::new(),
            worse: Vec::new(),
            better: Vec::new(),
            late: Vec::new(),
        };
        for results in store.cases() {
            // The native one, if there is one: what was run otherwise can't be compared.
            let Some(first) = results.values().next() else { continue };
            let id = format!("{}/{}", first.group, first.name);
            if !wanted(&id) {
                continue;
            }
            let native = results.get(&How::Native);
            if native.is_some_and(|native| native.ending == Ending::Late) {
                report.late.push(id.clone());
            }
            let group = report.groups.entry((first.group.clone(), first.arguments.clone())).or_default();
            group.cases += 1;
            let (mut worse, mut better) = (Vec::new(), Vec::new());
            for how in hows {
                let record = results.get(how).filter(|record| record.arguments == first.arguments);
                let Some(record) = record else { continue };
                let tally = group.tallies.entry(*how).or_default();
                tally.run += 1;
                tally.passed += usize::from(record.verdict == Verdict::Pass);
                tally.skipped += usize::from(record.verdict == Verdict::Skip);
                let Some(native) = native.filter(|_| *how != How::Native) else { continue };
                match compare(suite, store, native, record)? {
                    Comparison::Same => {}
                    Comparison::Worse(text) => worse.push(text),
                    Comparison::Better(text) => better.push(text),
                }
            }
            let Some(native) = native else { continue };
            for (list, links) in [(&mut report.worse, worse), (&mut report.better, better)] {
                if !links.is_empty() {
                    list.push(format!("{id}: natively {native}, {}", links.join(", ")));
                }
            }
        }
        Ok(report)
    }

    /// The cases that are worse remoted than natively, with how.
    #[must_use]
    pub fn worse(&self) -> &[String] {
        &self.worse
    }

    /// The cases that are better.
    #[must_use]
    pub fn better(&self) -> &[String] {
        &self.better
    }
}

impl fmt::Display for Report {
    /// As Markdown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads: Vec<String> = self.hows.iter().map(|how| format!("passed {}", how.name())).collect();
        writeln!(formatter, "| binary | cases | {} |", heads.join(" | "))?;
        writeln!(formatter, "|---|---|{}", "---|".repeat(heads.len()))?;
        for ((name, arguments), group) in &self.groups {
            let arguments: String = arguments.iter().map(|argument| format!(" {argument}")).collect();
            write!(formatter, "| {name}{arguments} | {} |", group.cases)?;
            for how in &self.hows {
                match group.tallies.get(how) {
                    None => write!(formatter, " not run |")?,
                    Some(tally) => write!(formatter, " {} |", tally.describe(group.cases))?,
                }
            }
            writeln!(formatter)?;
        }
        let lists = [
            ("Worse remoted than natively", &self.worse),
            ("Better remoted than natively", &self.better),
            ("Not compared, since natively the time was over", &self.late),
        ];
        for (heading, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(formatter, "\n{heading} ({}):\n", list.len())?;
            list.iter().try_for_each(|line| writeln!(formatter, "- {line}"))?;
        }
        Ok(())
    }
}

impl Tally {
    fn describe(&self, cases: usize) -> String {
        let mut text = self.passed.to_string();
        if self.skipped > 0 {
            text += &format!(", {} skipped", self.skipped);
        }
        if self.run < cases {
            text += &format!(", {} not run", cases - self.run);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Run;
    use crate::conformance::Shard;

    struct Kept {
        store: Store,
        _directory: tempfile::TempDir,
    }

    impl Kept {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self { store: Store::open(directory.path(), Shard::WHOLE).unwrap(), _directory: directory }
        }

        fn keep(&mut self, name: &str, how: How, verdict: Verdict, ending: Ending, printed: &str) {
            let (group, name) = ("bin".to_owned(), name.to_owned());
            let record =
                Record { group, name, how, arguments: Vec::new(), verdict, ending, seconds: 1.0, limit: 9, at: 1 };
            let outcome = Run::new("/bin/echo").arguments(&["-n", printed]).native();
            self.store.keep(record, &outcome).unwrap();
        }

        fn report(&self, suite: Suite) -> Report {
            Report::new(suite, &self.store, &[How::Native, How::Memfd], |_| true).unwrap()
        }
    }

    #[test]
    fn only_differences_are_told() {
        use Ending::{Late, Signal, Status};
        use Verdict::{Fail, Pass, Skip};
        let mut kept = Kept::new();
        let pairs = [
            ("same", (Pass, Status(0)), (Pass, Status(0)), 0),
            ("both_fail", (Fail, Status(1)), (Fail, Status(255)), 0),
            ("broken", (Pass, Status(0)), (Fail, Status(1)), 1),
            ("not_offered", (Pass, Status(0)), (Skip, Status(0)), 1),
            ("hangs", (Fail, Status(1)), (Fail, Late), 1),
            ("mended", (Fail, Signal(11)), (Fail, Status(1)), -1),
            ("slow", (Fail, Late), (Pass, Status(0)), 0),
        ];
        for (name, native, remoted, _) in pairs {
            kept.keep(name, How::Native, native.0, native.1, "a");
            kept.keep(name, How::Memfd, remoted.0, remoted.1, "b");
        }
        kept.keep("alone", How::Native, Pass, Status(0), "");
        let report = kept.report(Suite::OpenclCts);
        let named = |list: &[String]| -> Vec<String> {
            list.iter().map(|line| line["bin/".len()..line.find(':').unwrap()].to_owned()).collect()
        };
        let expected = |sign: i32| -> Vec<String> {
            let mut names: Vec<String> =
                pairs.iter().filter(|pair| pair.3 == sign).map(|pair| pair.0.to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(named(report.worse()), expected(1));
        assert_eq!(named(report.better()), expected(-1));
        let text = report.to_string();
        assert!(text.contains("| bin | 8 | 4 | 2, 1 skipped, 1 not run |"), "{text}");
        assert!(text.contains("- bin/broken: natively passed, memfd FAILED (status 1)\n"), "{text}");
        assert!(text.contains("time was over (1):\n\n- bin/slow\n"), "{text}");
    }

    #[test]
    fn programs_have_to_print_the_same() {
        use Ending::Status;
        use Verdict::{Fail, Pass};
        let mut kept = Kept::new();
        for (name, status, printed) in [("same", 0, "x"), ("output", 0, "y"), ("status", 4, "x")] {
            let verdict = |status| if status == 0 { Pass } else { Fail };
            kept.keep(name, How::Native, Pass, Status(0), "x");
            kept.keep(name, How::Memfd, verdict(status), Status(status), printed);
        }
        kept.keep("fails_alike", How::Native, Fail, Status(3), "x");
        kept.keep("fails_alike", How::Memfd, Fail, Status(3), "x");
        let report = kept.report(Suite::Programs);
        assert_eq!(report.worse().len(), 2, "{report}");
        assert!(
            report.worse()[0].starts_with("bin/output: natively passed, memfd passed but line 1 differs"),
            "{report}"
        );
        assert!(report.worse()[1].starts_with("bin/status: natively passed, memfd FAILED (status 4)"), "{report}");
    }
}
