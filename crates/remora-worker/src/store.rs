//! What a tenant's sessions have sent before: programs' sources and binaries, one file each, named by their hash, in a
//! directory that no other tenant's worker can reach. So a hash finds only what the same tenant has sent.
//!
//! Another worker of the tenant may write anything here, so what is read is believed only if it has the hash that it was
//! looked for by. It is a cache: whatever goes wrong, contents are sent again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use remora_protocol::contents::hash;

/// The most that a tenant's store holds, about.
const ROOM: u64 = 256 << 20;
/// The store is looked over whenever a session has added so much.
const OFTEN: u64 = ROOM / 16;
/// What is larger isn't kept: it would push out too much.
const LARGEST: u64 = ROOM / 4;

/// A tenant's store.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// Bytes that this session may add before it looks whether there are too many.
    left: AtomicU64,
    number: AtomicU64,
}

impl Store {
    /// In `directory`, which is made if it isn't there; `None` if it can't be.
    #[must_use]
    pub fn open(directory: PathBuf) -> Option<Self> {
        if let Err(error) = fs::create_dir_all(&directory) {
            tracing::warn!(%error, "contents are not kept in {}", directory.display());
            return None;
        }
        // The first addition looks over what former sessions have left.
        Some(Self { directory, left: AtomicU64::new(0), number: AtomicU64::new(0) })
    }

    /// Contents of this hash and length, if they are here.
    #[must_use]
    pub fn find(&self, name: &[u8; 32], length: u64) -> Option<Vec<u8>> {
        let path = self.path(name);
        let contents = read(&path, length).ok()?;
        if hash(&contents) == *name {
            return Some(contents);
        }
        tracing::warn!("contents that were kept are not what they were: {}", path.display());
        let _ = fs::remove_file(&path);
        None
    }

    /// Keeps contents whose hash this is.
    pub fn keep(&self, name: &[u8; 32], contents: &[u8]) {
        let length = contents.len() as u64;
        if length > LARGEST {
            return;
        }
        let used = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length));
        if used.is_err() {
            self.left.store(OFTEN.saturating_sub(length), Ordering::Relaxed);
            make_room(&self.directory, ROOM - OFTEN);
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let draft = self.directory.join(format!("new-{}-{number}", std::process::id()));
        let written = write(&draft, contents).and_then(|()| fs::rename(&draft, self.path(name)));
        if let Err(error) = written {
            tracing::warn!(%error, "contents are not kept in {}", self.directory.display());
            let _ = fs::remove_file(&draft);
        }
    }

    fn path(&self, name: &[u8; 32]) -> PathBuf {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in name {
            let _ = write!(text, "{byte:02x}");
        }
        self.directory.join(text)
    }
}

fn read(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    // Whatever stands there must not make us wait or lead elsewhere.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let data = file.metadata()?;
    if !data.is_file() || data.len() != length || length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut contents = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
    (&file).take(length).read_to_end(&mut contents)?;
    // What is used stays. A file of ours that can't be told so is only dropped earlier.
    let _ = file.set_modified(SystemTime::now());
    Ok(contents)
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)
}

/// Removes what was used the longest ago, until the rest has at most `room` bytes.
fn make_room(directory: &Path, room: u64) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .filter_map(|entry| {
            let data = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((data.modified().ok()?, data.len(), entry.path()))
        })
        .collect();
    files.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
    let mut sum = 0_u64;
    for (_, length, path) in files {
        sum = sum.saturating_add(length);
        if sum > room {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn store() -> (tempfile::TempDir, Store) {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(place.path().join("contents")).unwrap();
        (place, store)
    }

    #[test]
    fn what_is_kept_is_found_by_another_session() {
        let (_place, store) = store();
        let (contents, name) = (vec![7; 50_000], hash(&[7; 50_000]));
        assert_eq!(store.find(&name, 50_000), None);
        store.keep(&name, &contents);
        let other = Store::open(store.directory.clone()).unwrap();
        assert_eq!(other.find(&name, 50_000), Some(contents));
        assert_eq!(other.find(&name, 49_999), None);
        assert_eq!(fs::read_dir(&store.directory).unwrap().count(), 1, "a draft is left");
    }

    #[test]
    fn what_was_changed_is_not_believed() {
        let (_place, store) = store();
        let name = hash(b"contents");
        store.keep(&name, b"contents");
        fs::write(store.path(&name), b"CONTENTS").unwrap();
        assert_eq!(store.find(&name, 8), None);
        assert!(!store.path(&name).exists());
        // Nor what only looks like a file.
        std::os::unix::fs::symlink("/etc/hostname", store.path(&name)).unwrap();
        assert_eq!(store.find(&name, fs::metadata("/etc/hostname").unwrap().len()), None);
        fs::remove_file(store.path(&name)).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, store.path(&name), rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(store.find(&name, 0), None);
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let (_place, store) = store();
        let names = [b"one", b"two", b"six"].map(|contents| {
            let name = hash(contents);
            store.keep(&name, contents);
            name
        });
        let age = |name, seconds| {
            let file = File::options().write(true).open(store.path(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
        };
        age(&names[0], 300);
        age(&names[1], 200);
        age(&names[2], 100);
        // Used again.
        assert!(store.find(&names[0], 3).is_some());
        make_room(&store.directory, 6);
        assert_eq!(names.map(|name| store.find(&name, 3).is_some()), [true, false, true]);
    }

    #[test]
    fn without_a_directory_nothing_is_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Store::open(file.path().join("below")).is_none());
    }
}
