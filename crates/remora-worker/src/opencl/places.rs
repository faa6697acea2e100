//! Where builds take place. Compilers look for included files in the directory that their process is in, so builds of
//! sources that include something take turns: those of the same place run together, others wait.
//!
//! Where the program is of the worker's user and sees the same files, its place is the program's own directory. Elsewhere
//! the files that came with the build are laid out below a directory of the session's, under the names that they have on
//! the program's machine: relative names mean the same there, and absolute ones get that directory in front.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use opencl_sys::{CL_OUT_OF_RESOURCES, cl_int};
use remora_protocol::contents::hash;
use remora_protocol::opencl as wire;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use tempfile::TempDir;

use super::contents::Contents;
use super::shared::Shared;
use super::violation::Violation;
use crate::lock;

/// More than any client of ours sends.
const MOST_FILES: usize = 1024;
const MOST_BYTES: u64 = 64 << 20;
/// Longer ones name nothing on any Linux.
const LONGEST_PATH: usize = 4096;

/// The places of a session's builds.
#[derive(Default)]
pub struct Places {
    /// Whether programs' files are where they say.
    same_files: bool,
    /// Where files are laid out; the system's own place for that without it.
    directory: Option<PathBuf>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Builds that are in the place.
    inside: usize,
    place: Option<Arc<Laid>>,
}

/// A place that has come with a command.
pub struct Place {
    directory: Vec<u8>,
    files: Vec<(Vec<u8>, Contents)>,
}

/// A place where builds are.
struct Laid {
    /// What tells it from others.
    name: [u8; 32],
    tree: Option<Tree>,
}

impl Places {
    /// Of a program that sees the same files as the worker, or of one whose files are laid out in that directory.
    #[must_use]
    pub fn new(same_files: bool, directory: Option<PathBuf>) -> Self {
        Self { same_files, directory, ..Self::default() }
    }

    /// What a message says of a place.
    ///
    /// # Errors
    /// If no client sends such a thing.
    pub fn take(&self, shared: &Shared, place: &wire::Place<'_>) -> Result<Place, Violation> {
        let lengths = place.files.iter().map(|file| {
            let contents = file.contents;
            contents.offer.map_or(contents.bytes.len() as u64, |offer| offer.length)
        });
        let sum = lengths.fold(0_u64, u64::saturating_add);
        let paths = place.files.iter().map(|file| file.path).chain([place.directory]);
        let longest = paths.map(<[u8]>::len).max().unwrap_or(0);
        if place.files.len() > MOST_FILES || sum > MOST_BYTES || longest > LONGEST_PATH {
            return Err(Violation::new("more included files than any source has"));
        }
        let mut files = Vec::new();
        if !self.same_files {
            for file in &place.files {
                files.push((file.path.to_vec(), shared.asked.take(shared, &file.contents)?));
            }
        }
        Ok(Place { directory: place.directory.to_vec(), files })
    }

    /// Goes there, as soon as no other build is elsewhere.
    ///
    /// # Errors
    /// If the files can't be had or laid out.
    pub fn enter(&self, shared: &Shared, place: Place) -> Result<Inside<'_>, cl_int> {
        let wait = |(path, contents): (Vec<u8>, Contents)| Ok((path, contents.wait(shared)?));
        let files: Vec<(Vec<u8>, Vec<u8>)> = place.files.into_iter().map(wait).collect::<Result<_, cl_int>>()?;
        self.go(&place.directory, &files).map_err(|error| {
            tracing::warn!(%error, "no place for a build");
            CL_OUT_OF_RESOURCES
        })
    }

    fn go(&self, directory: &[u8], files: &[(Vec<u8>, Vec<u8>)]) -> io::Result<Inside<'_>> {
        let name = name_of(directory, files);
        let mut state = lock(&self.state);
        let laid = loop {
            match &state.place {
                Some(laid) if laid.name == name => break Arc::clone(laid),
                _ if state.inside > 0 => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                _ => break self.lay(name, directory, files)?,
            }
        };
        state.place = Some(Arc::clone(&laid));
        state.inside += 1;
        Ok(Inside { places: self, laid })
    }

    fn lay(&self, name: [u8; 32], directory: &[u8], files: &[(Vec<u8>, Vec<u8>)]) -> io::Result<Arc<Laid>> {
        if self.same_files {
            // It may be one that only the program can reach; compilers find what they find then.
            let path = Path::new(std::ffi::OsStr::from_bytes(directory));
            if let Err(error) = std::env::set_current_dir(path) {
                tracing::debug!(%error, "the program's directory can't be entered");
            }
            return Ok(Arc::new(Laid { name, tree: None }));
        }
        let tree = Tree::new(self.directory.as_deref())?;
        let own = tree.make(directory, false)?;
        for (path, contents) in files {
            fs::write(tree.make(path, true)?, contents)?;
        }
        std::env::set_current_dir(own)?;
        Ok(Arc::new(Laid { name, tree: Some(tree) }))
    }
}

fn name_of(directory: &[u8], files: &[(Vec<u8>, Vec<u8>)]) -> [u8; 32] {
    let mut all = hash(directory).to_vec();
    for (path, contents) in files {
        all.extend_from_slice(&hash(path));
        all.extend_from_slice(&hash(contents));
    }
    hash(&all)
}

/// A build that is in its place, as long as this lives.
pub struct Inside<'a> {
    places: &'a Places,
    laid: Arc<Laid>,
}

impl Inside<'_> {
    /// Options for the compiler: absolute directories are where they were laid out.
    #[must_use]
    pub fn options(&self, options: &[u8]) -> Vec<u8> {
        match &self.laid.tree {
            Some(tree) => with_root(options, &tree.root()),
            None => options.to_vec(),
        }
    }

    /// What a compiler says, in the program's own names.
    #[must_use]
    pub fn names(&self, text: Vec<u8>) -> Vec<u8> {
        match &self.laid.tree {
            Some(tree) => without(&text, &tree.root()),
            None => text,
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.places.state);
        state.inside -= 1;
        if state.inside == 0 {
            if self.laid.tree.is_some() {
                // The directory goes; nobody should be in it.
                let _ = std::env::set_current_dir(self.places.directory.as_deref().unwrap_or(Path::new("/")));
                state.place = None;
            }
            self.places.changed.notify_all();
        }
    }
}

/// Files under the names that they have elsewhere, below a directory that goes with this.
struct Tree {
    place: TempDir,
    /// Held as long as the directory is in use: those of workers that were killed are removed by later ones.
    _held: File,
}

impl Tree {
    fn new(directory: Option<&Path>) -> io::Result<Self> {
        let Some(directory) = directory else {
            let place = TempDir::new()?;
            return Ok(Self { _held: File::open(place.path())?, place });
        };
        let all = directory.join("includes");
        fs::create_dir_all(&all)?;
        let gate = File::open(&all)?;
        flock(&gate, FlockOperation::LockExclusive)?;
        for entry in fs::read_dir(&all)?.flatten() {
            // Whoever has put something else there does not make everybody wait.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let left = open(entry.path(), flags, Mode::empty());
            if left.is_ok_and(|left| flock(&left, FlockOperation::NonBlockingLockExclusive).is_ok()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let place = TempDir::new_in(&all)?;
        let held = File::open(place.path())?;
        flock(&held, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { place, _held: held })
    }

    /// What comes before absolute names.
    fn root(&self) -> Vec<u8> {
        self.place.path().as_os_str().as_bytes().to_vec()
    }

    /// Where an absolute path leads. All directories on the way are made, those too that `..` leaves again; the last is
    /// one itself unless it is to be a file.
    fn make(&self, path: &[u8], is_file: bool) -> io::Result<PathBuf> {
        let mut here = self.place.path().to_owned();
        let mut depth = 0_usize;
        let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|part| !matches!(part, [] | [b'.'])).collect();
        for (place, part) in parts.iter().enumerate() {
            let last = is_file && place + 1 == parts.len();
            match *part {
                b".." if last => return Err(io::ErrorKind::InvalidInput.into()),
                b".." if depth == 0 => {}
                b".." => {
                    here.pop();
                    depth -= 1;
                }
                name => {
                    here.push(std::ffi::OsStr::from_bytes(name));
                    depth += 1;
                    if !last && !here.is_dir() {
                        fs::create_dir(&here)?;
                    }
                }
            }
        }
        Ok(here)
    }
}

/// `options` with `root` before the absolute directories that `-I` names.
fn with_root(options: &[u8], root: &[u8]) -> Vec<u8> {
    let is_space = u8::is_ascii_whitespace;
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    let mut out = Vec::new();
    for (place, byte) in options.iter().enumerate() {
        if *byte == b'/' {
            let before = &options[..place];
            let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before);
            let before = before.trim_ascii_end();
            if let Some(word) = before.strip_suffix(b"-I") {
                if word.last().is_none_or(|last| is_space(last) || is_quote(last)) {
                    out.extend_from_slice(root);
                }
            }
        }
        out.push(*byte);
    }
    out
}

/// `text` without any `root`.
fn without(text: &[u8], root: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.windows(root.len()).position(|window| window == root) {
        out.extend_from_slice(&rest[..place]);
        rest = &rest[place + root.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, mknodat};

    #[test]
    fn absolute_directories_are_moved_and_told_as_they_were() {
        let options = b"-I/a -I rel -I /b -DX=/c '-I/d' -I \"/e f\" -cl-I/g -I../h/i";
        let moved = with_root(options, b"/T");
        let expected: &[u8] = b"-I/T/a -I rel -I /T/b -DX=/c '-I/T/d' -I \"/T/e f\" -cl-I/g -I../h/i";
        assert_eq!(String::from_utf8_lossy(&moved), String::from_utf8_lossy(expected));
        assert_eq!(without(&moved, b"/T"), options);
    }

    #[test]
    fn no_path_leads_out_of_a_tree() {
        let place = tempfile::tempdir().unwrap();
        let tree = Tree::new(Some(place.path())).unwrap();
        let root = tree.place.path().to_owned();
        assert_eq!(tree.make(b"/a/../../../b/./c.h", true).unwrap(), root.join("b/c.h"));
        assert!(root.join("a").is_dir() && root.join("b").is_dir() && !root.join("b/c.h").exists());
        assert_eq!(tree.make(b"relative//d", false).unwrap(), root.join("relative/d"));
        assert_eq!(tree.make(b"", false).unwrap(), root);
        assert!(tree.make(b"/a/..", true).is_err());
        assert!(tree.make(b"/a\0b/c", false).is_err());
        fs::write(root.join("file"), "").unwrap();
        assert!(tree.make(b"/file/below", true).is_err());
        assert!(tree.make(&[b'x'; 300], false).is_err());
    }

    #[test]
    fn trees_of_the_dead_are_removed_and_others_are_not() {
        let place = tempfile::tempdir().unwrap();
        let alive = Tree::new(Some(place.path())).unwrap();
        let dead = place.path().join("includes/dead");
        fs::create_dir(&dead).unwrap();
        // Not even one that waits for whoever opens it.
        let pipe = place.path().join("includes/pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let another = Tree::new(Some(place.path())).unwrap();
        fs::remove_file(pipe).unwrap();
        assert!(!dead.exists() && alive.place.path().is_dir() && another.place.path().is_dir());
        drop((alive, another));
        assert_eq!(fs::read_dir(place.path().join("includes")).unwrap().count(), 0);
    }

    /// The only test that changes where the process is.
    #[test]
    fn builds_of_one_place_run_together_and_others_wait() {
        let place = tempfile::tempdir().unwrap();
        let places = Places::new(false, Some(place.path().to_owned()));
        let file = |text: &str| [(b"/home/x.h".to_vec(), text.as_bytes().to_vec())];
        let first = places.go(b"/home", &file("1")).unwrap();
        assert_eq!(fs::read("x.h").unwrap(), b"1");
        let same = places.go(b"/home", &file("1")).unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let _other = places.go(b"/home", &file("2")).unwrap();
                fs::read("x.h").unwrap()
            });
            drop(first);
            assert_eq!(fs::read("x.h").unwrap(), b"1");
            drop(same);
            assert_eq!(other.join().unwrap(), b"2");
        });
        assert_eq!(fs::read_dir(place.path().join("includes")).unwrap().count(), 0);
        // Nothing is laid out for who sees the same files.
        let places = Places::new(true, None);
        let _inside = places.go(place.path().as_os_str().as_bytes(), &[]).unwrap();
        assert_eq!(std::env::current_dir().unwrap(), place.path().canonicalize().unwrap());
    }
}
