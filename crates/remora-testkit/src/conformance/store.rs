//! Results and outputs on disk.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use super::result::{How, Record};
use crate::run::Outcome;

/// Part `number` of `of`, where several machines share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Its part of `items`. Neighbours go to different shards: long cases often stand together.
    #[must_use]
    pub fn part<T>(self, items: Vec<T>) -> Vec<T> {
        items.into_iter().skip(self.number - 1).step_by(self.of).collect()
    }
}

impl FromStr for Shard {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => bail!("{text:?} is no part such as 2/4"),
        }
    }
}

/// The results of one suite on one driver: lines of JSON, of which the latest counts, and a directory of outputs. Several
/// runs, each of a shard of its own, can use it at the same time; files of other machines' shards can be put beside.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    lines: File,
    records: BTreeMap<(String, String), BTreeMap<How, Record>>,
}

impl Store {
    /// Opens what there is in `directory`, or begins it, to add the results of this shard.
    ///
    /// # Errors
    /// If that can't be read or written.
    pub fn open(directory: &Path, shard: Shard) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let own = match shard {
            Shard::WHOLE => directory.join("results.jsonl"),
            Shard { number, of } => directory.join(format!("results-{number}-of-{of}.jsonl")),
        };
        let mut lines = OpenOptions::new().read(true).append(true).create(true).open(&own)?;
        end_line(&mut lines)?;
        let mut store = Self { directory: directory.to_owned(), lines, records: BTreeMap::new() };
        let mut files: Vec<PathBuf> = fs::read_dir(directory)?.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            // A run that was killed may have left half a line, which is as good as none.
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).for_each(|record| store.learn(record));
        }
        Ok(store)
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The latest result of a case.
    #[must_use]
    pub fn get(&self, group: &str, name: &str, how: How) -> Option<&Record> {
        self.records.get(&(group.to_owned(), name.to_owned()))?.get(&how)
    }

    /// The latest results of all cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = &BTreeMap<How, Record>> {
        self.records.values()
    }

    /// Keeps a result with the output that it came from.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn keep(&mut self, record: Record, outcome: &Outcome) -> Result<()> {
        // The line comes last: where it is, the output is too.
        for (stream, bytes) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
            let path = self.output(&record, stream);
            fs::create_dir_all(path.parent().unwrap_or(&self.directory))?;
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        self.lines.write_all(&line).context("cannot write a result")?;
        self.learn(record);
        Ok(())
    }

    /// What it printed.
    ///
    /// # Errors
    /// If that isn't there any more.
    pub fn stdout(&self, record: &Record) -> Result<Vec<u8>> {
        let path = self.output(record, "stdout");
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn output(&self, record: &Record, stream: &str) -> PathBuf {
        let file = format!("{}.{}.{stream}", record.name, record.how.name());
        self.directory.join("output").join(&record.group).join(file)
    }

    fn learn(&mut self, record: Record) {
        let case = self.records.entry((record.group.clone(), record.name.clone())).or_default();
        if case.get(&record.how).is_none_or(|known| known.at <= record.at) {
            case.insert(record.how, record);
        }
    }
}

/// Ends a line that was left unfinished.
fn end_line(file: &mut File) -> Result<()> {
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Run;
    use crate::conformance::{Ending, Verdict};

    fn record(name: &str, verdict: Verdict, at: u64) -> Record {
        let ending = Ending::Status(0);
        let (group, name) = ("g".to_owned(), name.to_owned());
        Record { group, name, how: How::Memfd, arguments: Vec::new(), verdict, ending, seconds: 0.5, limit: 9, at }
    }

    #[test]
    fn shards_share_everything_once() {
        let items: Vec<u32> = (0..10).collect();
        let mut all: Vec<u32> =
            ["1/3", "2/3", "3/3"].iter().flat_map(|text| text.parse::<Shard>().unwrap().part(items.clone())).collect();
        all.sort_unstable();
        assert_eq!(all, items);
        assert_eq!("1/1".parse::<Shard>().unwrap(), Shard::WHOLE);
        for wrong in ["0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn half_a_line_costs_only_itself() {
        let directory = tempfile::tempdir().unwrap();
        let outcome = Run::new("/bin/echo").arguments(&["hello"]).native();
        let mut store = Store::open(directory.path(), Shard::WHOLE).unwrap();
        store.keep(record("a", Verdict::Pass, 1), &outcome).unwrap();
        store.keep(record("b", Verdict::Pass, 2), &outcome).unwrap();
        drop(store);
        let path = directory.path().join("results.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 20]).unwrap();
        let mut store = Store::open(directory.path(), Shard::WHOLE).unwrap();
        assert!(store.get("g", "a", How::Memfd).is_some() && store.get("g", "b", How::Memfd).is_none());
        store.keep(record("b", Verdict::Fail, 3), &outcome).unwrap();
        let store = Store::open(directory.path(), Shard::WHOLE).unwrap();
        let kept = store.get("g", "b", How::Memfd).unwrap();
        assert_eq!(kept, &record("b", Verdict::Fail, 3));
        assert_eq!(store.stdout(kept).unwrap(), b"hello\n");
        assert!(store.get("g", "a", How::Stream).is_none());
    }

    #[test]
    fn the_latest_result_of_all_shards_counts() {
        let directory = tempfile::tempdir().unwrap();
        let outcome = Run::new("/bin/true").native();
        let mut first = Store::open(directory.path(), "1/2".parse().unwrap()).unwrap();
        let mut second = Store::open(directory.path(), "2/2".parse().unwrap()).unwrap();
        first.keep(record("a", Verdict::Fail, 5), &outcome).unwrap();
        second.keep(record("a", Verdict::Pass, 4), &outcome).unwrap();
        second.keep(record("b", Verdict::Pass, 4), &outcome).unwrap();
        let store = Store::open(directory.path(), Shard::WHOLE).unwrap();
        assert_eq!(store.get("g", "a", How::Memfd).unwrap().verdict, Verdict::Fail);
        assert_eq!(store.cases().count(), 2);
    }
}
