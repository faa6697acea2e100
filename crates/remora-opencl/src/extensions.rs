//! Which extensions of the host's driver a program sees: those that are carried.

use remora_protocol::extensions::{Offered, retain_versions};

pub(crate) use crate::generated::extensions::STRINGS;
pub use crate::generated::extensions::{Carried, EXTENSIONS};

/// Whether this version of an extension is carried; 0 is a version that the driver doesn't say.
#[must_use]
pub fn is_carried(name: &str, version: u32) -> bool {
    let found = EXTENSIONS.binary_search_by(|extension| extension.name.cmp(name));
    let extension = found.ok().and_then(|place| EXTENSIONS.get(place));
    extension.is_some_and(|extension| !matches!(extension.carried, Carried::Not { .. }) && version >= extension.from)
}

/// What is left of a space-separated list of names and of an array of cl_name_version, in the same order and form.
pub(crate) fn restrict(names: &str, with_version: &[u8]) -> (String, Vec<u8>) {
    let offered = Offered::new(names, with_version);
    let keep = |name: &str| is_carried(name, offered.version(name).unwrap_or(0));
    let kept: Vec<&str> = names.split(' ').filter(|name| name.is_empty() || keep(name)).collect();
    (kept.join(" "), retain_versions(with_version, keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(EXTENSIONS.is_sorted_by_key(|extension| extension.name));
    }

    #[test]
    fn only_what_is_carried_is_seen() {
        let (names, versions) = restrict("cl_khr_fp64  cl_khr_gl_sharing cl_nobody_knows cl_khr_subgroup_ballot ", &[]);
        assert_eq!(names, "cl_khr_fp64  cl_khr_subgroup_ballot ");
        assert_eq!(versions, []);
    }
}
