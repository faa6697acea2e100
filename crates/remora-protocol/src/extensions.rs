//! Lists of extensions, as a driver gives them.

use std::collections::BTreeMap;

/// The extensions that a platform or a device has, with their versions as CL_MAKE_VERSION makes them; 0 where the driver
/// doesn't say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered(BTreeMap<String, u32>);

/// A `cl_name_version`: a version and 64 bytes of name.
const NAME_VERSION: usize = 68;

impl Offered {
    /// From CL_*_EXTENSIONS and CL_*_EXTENSIONS_WITH_VERSION (empty where there is none).
    #[must_use]
    pub fn new(names: &str, with_version: &[u8]) -> Self {
        let names = names.split([' ', '\0']).filter(|name| !name.is_empty());
        let mut offered: BTreeMap<String, u32> = names.map(|name| (name.to_owned(), 0)).collect();
        offered.extend(versions(with_version).map(|(name, version)| (name.to_owned(), version)));
        Self(offered)
    }

    /// Adds what `other` has.
    pub fn extend(&mut self, other: &Self) {
        for (name, version) in &other.0 {
            let known = self.0.entry(name.clone()).or_default();
            *known = (*known).max(*version);
        }
    }

    /// The version of an extension, if it is offered.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<u32> {
        self.0.get(name).copied()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(name, version)| (name.as_str(), *version))
    }
}

/// The entries of an array of `cl_name_version` that hold names.
fn versions(bytes: &[u8]) -> impl Iterator<Item = (&str, u32)> {
    bytes.chunks_exact(NAME_VERSION).filter_map(entry)
}

/// What a `cl_name_version` holds.
fn entry(item: &[u8]) -> Option<(&str, u32)> {
    let (version, name) = item.split_first_chunk()?;
    let name = name.split(|byte| *byte == 0).next()?;
    Some((std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?, u32::from_le_bytes(*version)))
}

/// Those entries of an array of `cl_name_version` whose name `keep` wants, as they are.
#[must_use]
pub fn retain_versions(bytes: &[u8], keep: impl Fn(&str) -> bool) -> Vec<u8> {
    let kept = bytes.chunks_exact(NAME_VERSION).filter(|item| entry(item).is_some_and(|(name, _)| keep(name)));
    kept.flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_version(name: &str, version: u32) -> Vec<u8> {
        let mut bytes = version.to_le_bytes().to_vec();
        bytes.extend(name.bytes());
        bytes.resize(NAME_VERSION, 0);
        bytes
    }

    #[test]
    fn names_and_versions_come_together() {
        let versions = [name_version("cl_a", 7), name_version("cl_b", 8), vec![1, 2]].concat();
        let mut offered = Offered::new("cl_c  cl_a \0", &versions);
        assert_eq!(offered.iter().collect::<Vec<_>>(), [("cl_a", 7), ("cl_b", 8), ("cl_c", 0)]);
        offered.extend(&Offered::new("cl_a cl_d", &[]));
        assert_eq!((offered.version("cl_a"), offered.version("cl_d"), offered.version("cl")), (Some(7), Some(0), None));
        assert_eq!(retain_versions(&versions, |name| name == "cl_b"), name_version("cl_b", 8));
    }
}
