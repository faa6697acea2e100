//! What a source includes. Compilers run on the machine with the device, so the files that a source may mean go there with
//! the build: every file of the program's machine that some `#include` could name, in whatever order a compiler looks for
//! it. Whether a directive is in a comment or in a branch that is not taken is the compiler's to find out.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use remora_client::{Contents, Session};
use remora_protocol::opencl as wire;

/// More files than any source includes; what else one names the compiler will miss.
const MOST_FILES: usize = 1024;
const MOST_BYTES: usize = 64 << 20;

/// The program's current directory and the files that its sources may include.
pub(crate) struct Place {
    directory: Vec<u8>,
    files: Vec<(Vec<u8>, Contents)>,
}

impl Place {
    /// For a build of `sources` with `options`; `None` if they include nothing. A directive that names its file by a macro
    /// still tells that the directory matters.
    pub(crate) fn of<'a>(session: &Session, sources: impl Iterator<Item = &'a [u8]>, options: &[u8]) -> Option<Self> {
        let sources: Vec<&[u8]> = sources.filter(|source| includes(source).next().is_some()).collect();
        if sources.is_empty() {
            return None;
        }
        let directory = std::env::current_dir().ok()?;
        let mut search = Search::new(&directory, options);
        for source in sources {
            search.resolve(&directory, source);
        }
        let files = search.found.into_iter();
        let files = files.map(|(path, text)| (path.into_os_string().into_vec(), session.contents(text))).collect();
        Some(Self { directory: directory.into_os_string().into_vec(), files })
    }

    /// As it travels.
    pub(crate) fn wire(&self) -> wire::Place<'_> {
        let files = self.files.iter().map(|(path, contents)| wire::SourceFile { path, contents: contents.wire() });
        wire::Place { directory: &self.directory, files: files.collect() }
    }
}

/// A search for included files.
struct Search {
    /// Where all of them are looked for.
    directories: Vec<PathBuf>,
    /// In their shortest form: a file that includes itself by a longer path each time is found once.
    tried: HashSet<PathBuf>,
    found: Vec<(PathBuf, Vec<u8>)>,
    room: usize,
}

impl Search {
    fn new(current: &Path, options: &[u8]) -> Self {
        let named = include_directories(options).into_iter();
        let named = named.map(|name| current.join(std::ffi::OsStr::from_bytes(&name)));
        // Some compilers look there last.
        let directories = named.chain([current.to_owned()]).collect();
        Self { directories, tried: HashSet::new(), found: Vec::new(), room: MOST_BYTES }
    }

    /// Finds what `text`, a file in the directory `own`, may include, and what that may.
    fn resolve(&mut self, own: &Path, text: &[u8]) {
        let mut new = self.found.len();
        self.look_for(own, text);
        while let Some((path, text)) = self.found.get(new) {
            let own = path.parent().unwrap_or(Path::new("/")).to_owned();
            let text = text.clone();
            self.look_for(&own, &text);
            new += 1;
        }
    }

    fn look_for(&mut self, own: &Path, text: &[u8]) {
        for directive in directives(text) {
            let name = Path::new(std::ffi::OsStr::from_bytes(directive.name));
            let beside = directive.quoted.then(|| own.join(name));
            let below: Vec<PathBuf> = self.directories.iter().map(|directory| directory.join(name)).collect();
            for path in beside.into_iter().chain(below) {
                self.add(path);
            }
        }
    }

    fn add(&mut self, path: PathBuf) {
        if self.found.len() == MOST_FILES || !self.tried.insert(normal(&path)) {
            return;
        }
        if let Some(text) = read(&path, self.room) {
            self.room -= text.len();
            self.found.push((path, text));
        }
    }
}

/// `path` without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}

/// A file of at most `room` bytes. Opening what is none must not wait or have effects.
fn read(path: &Path, room: usize) -> Option<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    file.take(room as u64 + 1).read_to_end(&mut text).ok()?;
    (text.len() <= room).then_some(text)
}

/// An `#include` that names a file.
#[derive(Debug, PartialEq, Eq)]
struct Directive<'a> {
    name: &'a [u8],
    quoted: bool,
}

/// All that look like one.
fn directives(text: &[u8]) -> impl Iterator<Item = Directive<'_>> {
    includes(text).filter_map(directive)
}

/// What follows each `#include`.
fn includes(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'#').skip(1).filter_map(|text| text.trim_ascii_start().strip_prefix(b"include"))
}

fn directive(text: &[u8]) -> Option<Directive<'_>> {
    let text = text.strip_prefix(b"_next").unwrap_or(text).trim_ascii_start();
    let (quoted, close) = match text.first()? {
        b'"' => (true, b'"'),
        b'<' => (false, b'>'),
        _ => return None,
    };
    let end = text[1..].iter().position(|byte| *byte == close || *byte == b'\n')?;
    let name = &text[1..=end];
    (text[end + 1] == close && !name.is_empty() && !name.contains(&0)).then_some(Directive { name, quoted })
}

/// The directories that `-I` names.
fn include_directories(options: &[u8]) -> Vec<Vec<u8>> {
    let mut directories = Vec::new();
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        match word.strip_prefix(b"-I") {
            Some([]) => directories.extend(words.next()),
            Some(directory) => directories.push(directory.to_owned()),
            None => {}
        }
    }
    directories
}

/// Options, split at white space that is not in quotes.
fn words(options: &[u8]) -> Vec<Vec<u8>> {
    let mut words = vec![Vec::new()];
    let mut quote = None;
    for byte in options {
        match quote {
            Some(open) if byte == open => quote = None,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            None if byte.is_ascii_whitespace() => words.push(Vec::new()),
            _ => words.last_mut().expect("there is one from the beginning").push(*byte),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, bool)> {
        let named = |directive: Directive<'_>| (String::from_utf8_lossy(directive.name).into_owned(), directive.quoted);
        directives(text.as_bytes()).map(named).collect()
    }

    #[test]
    fn directives_are_found_wherever_they_stand() {
        let text = "#include \"a.h\"\n  #  include\t<b/c.h> // why\n/* x */ #include \"d e.h\"\n#if 0\n#include<f>\n#endif\n\
                    #define G \"g.h\"\n#include G\n#included \"h\"\n#include \"open\n#include \"\"\n#include_next <i.h>";
        let expected = [("a.h", true), ("b/c.h", false), ("d e.h", true), ("f", false), ("i.h", false)];
        assert_eq!(names(text), expected.map(|(name, quoted)| (name.to_owned(), quoted)));
    }

    #[test]
    fn options_name_directories() {
        let options = b"-DX=1 -I a -Ib/c '-I d e' -I \"f g\" -cl-std=CL1.2 -I/h -I";
        let expected: [&[u8]; 5] = [b"a", b"b/c", b" d e", b"f g", b"/h"];
        assert_eq!(include_directories(options), expected);
    }

    #[test]
    fn every_file_that_may_be_meant_is_found_once() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for directory in ["one/deep", "two", "here"] {
            std::fs::create_dir_all(at(directory)).unwrap();
        }
        for (name, text) in [
            ("here/a.h", "#include \"b.h\"\n#include \"a.h\"\n"),
            ("one/b.h", "#include \"deep/c.h\"\n#include <two.h>\n#include <missing.h>\n"),
            ("one/deep/c.h", "#include \"../b.h\"\n#include \"d.h\"\n"),
            ("one/deep/d.h", "int d;\n"),
            ("two/b.h", "int b;\n"),
            ("two/two.h", "int two;\n"),
            ("two/unused.h", "int unused;\n"),
        ] {
            std::fs::write(at(name), text).unwrap();
        }
        // Nobody waits for who might write to it.
        rustix::fs::mkfifoat(rustix::fs::CWD, at("two/missing.h"), rustix::fs::Mode::RWXU).unwrap();
        let mut search = Search::new(&at("here"), b"-I ../one -I../two");
        search.resolve(&at("here"), b"#include \"a.h\"");
        let mut found: Vec<_> = search.found.iter().map(|(path, _)| path.canonicalize().unwrap()).collect();
        found.sort();
        let all = ["here/a.h", "one/b.h", "one/deep/c.h", "one/deep/d.h", "two/b.h", "two/two.h"];
        assert_eq!(found, all.map(|name| at(name).canonicalize().unwrap()));
    }

    #[test]
    fn what_is_too_large_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [b' '; 100]).unwrap();
        assert_eq!(read(file.path(), 100).map(|text| text.len()), Some(100));
        assert_eq!(read(file.path(), 99), None);
        assert_eq!(read(Path::new("/"), 99), None);
    }
}
