//! The environment of a worker: the broker's own, without anything that leads back to Remora.
//!
//! Somebody may start a broker inside a program that is itself remoted. The worker must then load the real driver, so
//! entries that point to Remora's front-end are taken out and everything else of the user's is kept.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Set in workers; the front-end then reports no platforms.
pub const WORKER_MARK: &str = "REMORA_WORKER_PROCESS";
/// What the front-end's file name starts with.
const FRONT_END: &[u8] = b"libremora.so";

/// `variables` as a worker gets them.
pub fn for_worker(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let kept = variables.filter_map(|(name, value)| {
        let value = match name.as_bytes() {
            b"REMORA_TO" | b"REMORA_LINK" => None,
            name if name == WORKER_MARK.as_bytes() => None,
            b"LD_PRELOAD" => without(&value, b": ", is_front_end),
            b"LD_LIBRARY_PATH" => without(&value, b":;", holds_drop_in),
            b"OCL_ICD_FILENAMES" => without(&value, b":", is_front_end),
            b"OCL_ICD_VENDORS" | b"OPENCL_VENDOR_PATH" => (!vendors_lead_back(&value)).then_some(value),
            _ => Some(value),
        };
        value.map(|value| (name, value))
    });
    kept.chain([(WORKER_MARK.into(), "1".into())]).collect()
}

/// `list` without the elements that lead back; nothing at all if no element is left. An untouched list stays as it is.
fn without(list: &OsStr, separators: &[u8], leads_back: fn(&Path) -> bool) -> Option<OsString> {
    let elements: Vec<&[u8]> = list.as_bytes().split(|byte| separators.contains(byte)).collect();
    let kept: Vec<&[u8]> =
        elements.iter().copied().filter(|element| !leads_back(Path::new(OsStr::from_bytes(element)))).collect();
    if kept.len() == elements.len() {
        return Some(list.to_owned());
    }
    let joined = kept.join(&separators[0]);
    (!joined.is_empty()).then(|| OsString::from_vec(joined))
}

/// Whether this names the front-end, directly or through links.
fn is_front_end(library: &Path) -> bool {
    let named = |path: &Path| path.file_name().is_some_and(|name| name.as_bytes().starts_with(FRONT_END));
    named(library) || fs::canonicalize(library).is_ok_and(|target| named(&target))
}

/// Whether this directory has the front-end in place of the machine's libOpenCL.
fn holds_drop_in(directory: &Path) -> bool {
    // An empty element means the current directory.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    ["libOpenCL.so.1", "libOpenCL.so"].iter().any(|name| is_front_end(&directory.join(name)))
}

/// Whether a list of vendors (a directory, an .icd file, or a library) names the front-end.
fn vendors_lead_back(value: &OsStr) -> bool {
    let path = Path::new(value);
    if !path.is_dir() {
        return is_front_end(path) || icd_names_front_end(path);
    }
    let Ok(entries) = fs::read_dir(path) else { return false };
    entries.flatten().any(|entry| icd_names_front_end(&entry.path()))
}

fn icd_names_front_end(file: &Path) -> bool {
    if file.extension() != Some(OsStr::new("icd")) {
        return false;
    }
    if file.file_name() == Some(OsStr::new("remora.icd")) {
        return true;
    }
    let text = fs::read(file).unwrap_or_default();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    is_front_end(Path::new(OsStr::from_bytes(line.trim_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn cleaned(name: &str, value: &str) -> Option<String> {
        let variables = [(OsString::from(name), OsString::from(value))];
        let kept = for_worker(variables.into_iter());
        kept.into_iter().find(|(kept, _)| kept == name).map(|(_, value)| value.into_string().unwrap())
    }

    #[test]
    fn what_leads_back_goes() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("libremora.so"), "").unwrap();
        for name in ["drop-in", "ours", "theirs", "disguised"] {
            fs::create_dir(at(name)).unwrap();
        }
        symlink(at("libremora.so"), at("drop-in/libOpenCL.so.1")).unwrap();
        fs::write(at("ours/remora.icd"), "whatever\n").unwrap();
        fs::write(at("theirs/pocl.icd"), "/usr/lib/libpocl.so.2\n").unwrap();
        fs::write(at("disguised/x.icd"), at("libremora.so") + "\n").unwrap();
        let theirs = at("theirs");

        assert_eq!(cleaned("REMORA_TO", "unix:/x"), None);
        assert_eq!(cleaned("OCL_ICD_VENDORS", &at("ours")), None);
        assert_eq!(cleaned("OCL_ICD_VENDORS", &at("ours/remora.icd")), None);
        assert_eq!(cleaned("OCL_ICD_VENDORS", &at("disguised")), None);
        assert_eq!(cleaned("OCL_ICD_VENDORS", &at("libremora.so")), None);
        assert_eq!(cleaned("OCL_ICD_VENDORS", &theirs), Some(theirs.clone()));
        let mixed = format!("{}:/opt/libother.so", at("libremora.so"));
        assert_eq!(cleaned("OCL_ICD_FILENAMES", &mixed), Some("/opt/libother.so".into()));
        assert_eq!(cleaned("LD_PRELOAD", &at("drop-in/libOpenCL.so.1")), None);
        assert_eq!(cleaned("LD_PRELOAD", "/opt/a.so /opt/b.so"), Some("/opt/a.so /opt/b.so".into()));
        let path = format!("{theirs}:{}:/opt", at("drop-in"));
        assert_eq!(cleaned("LD_LIBRARY_PATH", &path), Some(format!("{theirs}:/opt")));
        assert_eq!(cleaned("LD_LIBRARY_PATH", &at("drop-in")), None);
        assert_eq!(cleaned("HOME", "/root"), Some("/root".into()));
        assert_eq!(cleaned(WORKER_MARK, ""), Some("1".into()));
    }
}
