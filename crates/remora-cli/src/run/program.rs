//! Programs that environment variables cannot lead to the front-end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Finds a program as exec does.
pub fn resolve(name: &OsStr) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(|path| path.exists());
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let executable = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0);
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(executable)
}

/// Why the front-end cannot be put in place for the program at `path`, if so.
pub fn out_of_reach(path: &Path) -> Option<String> {
    let shown = path.display();
    let mut path = path.to_owned();
    // A script is run by its interpreter, which may be a script again.
    for _ in 0..4 {
        match kind(&path)? {
            Kind::Script(interpreter) => path = interpreter,
            Kind::Dynamic { bits } if bits != usize::BITS => {
                return Some(format!(
                    "{shown} is a {bits}-bit program and this front-end is for {}-bit ones: it will see no device of \
                     Remora's; install the {bits}-bit libremora.so and name it in REMORA_LIBRARY",
                    usize::BITS
                ));
            }
            Kind::Static => {
                return Some(format!(
                    "{shown} is linked statically: it loads no libraries, so Remora cannot reach it and it runs as \
                     without Remora; a dynamically linked build of it would work"
                ));
            }
            Kind::Dynamic { .. } if gains_privileges(&path) => {
                return Some(format!(
                    "{shown} runs with another user's or group's rights, or with capabilities (setuid, setgid, \
                     setcap): the system ignores for it the variables that lead to Remora; run it as the user whose \
                     rights it takes, or make an ordinary copy of it"
                ));
            }
            Kind::Dynamic { .. } => return None,
        }
    }
    None
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Script(PathBuf),
    Static,
    Dynamic { bits: u32 },
}

/// What the kernel would make of this file; nothing if it is none that we know.
fn kind(path: &Path) -> Option<Kind> {
    let mut file = File::open(path).ok()?;
    let mut start = Vec::new();
    file.by_ref().take(256).read_to_end(&mut start).ok()?;
    if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(OsStr::from_bytes);
        let interpreter = PathBuf::from(words.next()?);
        // env looks the actual interpreter up.
        let named = words.next().filter(|_| interpreter.file_name() == Some(OsStr::new("env")));
        return Some(Kind::Script(named.and_then(resolve).unwrap_or(interpreter)));
    }
    let headers = ProgramHeaders::of(&start)?;
    let mut table = vec![0; headers.count * headers.size];
    file.seek(SeekFrom::Start(headers.offset)).ok()?;
    file.read_exact(&mut table).ok()?;
    const PT_INTERP: u64 = 3;
    let dynamic = table.chunks_exact(headers.size).any(|header| headers.order.number(header, 0, 4) == Some(PT_INTERP));
    Some(if dynamic { Kind::Dynamic { bits: headers.bits } } else { Kind::Static })
}

/// Where an ELF file has its program headers.
struct ProgramHeaders {
    bits: u32,
    order: Order,
    offset: u64,
    size: usize,
    count: usize,
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl ProgramHeaders {
    fn of(start: &[u8]) -> Option<Self> {
        if !start.starts_with(b"\x7fELF") {
            return None;
        }
        let order = if start.get(5)? == &2 { Order::Big } else { Order::Little };
        let (bits, offset, size_at) = match start.get(4)? {
            1 => (32, order.number(start, 28, 4)?, 42),
            2 => (64, order.number(start, 32, 8)?, 54),
            _ => return None,
        };
        let size = usize::try_from(order.number(start, size_at, 2)?).ok()?;
        let count = usize::try_from(order.number(start, size_at + 2, 2)?).ok()?;
        (4..=256).contains(&size).then_some(Self { bits, order, offset, size, count })
    }
}

impl Order {
    fn number(self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let bytes = bytes.get(at..at + size)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self {
            Self::Big => bytes.iter().fold(0, add),
            Self::Little => bytes.iter().rev().fold(0, add),
        })
    }
}

/// Whether the system takes away from this program the variables that lead to the front-end.
fn gains_privileges(path: &Path) -> bool {
    let Ok(file) = fs::metadata(path) else { return false };
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let setuid = file.mode() & libc::S_ISUID != 0 && file.uid() != uid;
    let setgid = file.mode() & (libc::S_ISGID | libc::S_IXGRP) == (libc::S_ISGID | libc::S_IXGRP) && file.gid() != gid;
    let mut capabilities = [0u8; 64];
    let capable = uid != 0 && rustix::fs::getxattr(path, "security.capability", &mut capabilities[..]).is_ok();
    setuid || setgid || capable
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// The least that looks like an ELF file with these program headers.
    fn elf(class: u8, headers: &[u32]) -> Vec<u8> {
        let (start, size): (usize, u16) = if class == 2 { (64, 56) } else { (52, 32) };
        let mut bytes = vec![0; start];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
        let at = if class == 2 { 32 } else { 28 };
        bytes[at] = u8::try_from(start).unwrap();
        let at = if class == 2 { 54 } else { 42 };
        bytes[at..at + 2].copy_from_slice(&size.to_le_bytes());
        bytes[at + 2] = u8::try_from(headers.len()).unwrap();
        for header in headers {
            let mut entry = vec![0; usize::from(size)];
            entry[..4].copy_from_slice(&header.to_le_bytes());
            bytes.extend(entry);
        }
        bytes
    }

    #[test]
    fn kinds_of_programs() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, contents: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, contents).unwrap();
            path
        };
        let dynamic = file("dynamic", &elf(2, &[1, 3, 2]));
        let fixed = file("static", &elf(2, &[1, 1]));
        let old = file("old", &elf(1, &[3]));
        let script = file("script", format!("#! {} -x\n", fixed.display()).as_bytes());
        assert_eq!(kind(&dynamic), Some(Kind::Dynamic { bits: 64 }));
        assert_eq!(kind(&fixed), Some(Kind::Static));
        assert_eq!(kind(&old), Some(Kind::Dynamic { bits: 32 }));
        assert_eq!(kind(&script), Some(Kind::Script(fixed.clone())));
        assert_eq!(kind(&file("text", b"hello")), None);
        assert_eq!(kind(&file("short", b"\x7fELF\x02\x01")), None);
        assert_eq!(kind(&file("cut", &elf(2, &[1, 3])[..100])), None);

        assert_eq!(out_of_reach(&dynamic), None);
        assert_eq!(out_of_reach(&resolve(OsStr::new("sh")).unwrap()), None);
        assert!(out_of_reach(&fixed).unwrap().contains("statically"));
        assert!(out_of_reach(&script).unwrap().contains("statically"));
        assert!(out_of_reach(&old).unwrap().contains("32-bit"));
        let env = file("env-script", b"#!/usr/bin/env sh\n");
        assert_eq!(kind(&env), resolve(OsStr::new("sh")).map(Kind::Script));
    }

    #[test]
    fn privileges_of_others_are_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        fs::write(&path, elf(2, &[3])).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
        // Its owner gains nothing.
        assert_eq!(out_of_reach(&path), None);
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(1234), None).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
            assert!(out_of_reach(&path).unwrap().contains("setuid"));
        }
    }
}
