//! Where two outputs differ.

use crate::run::Outcome;

/// Both must have succeeded and printed the same.
///
/// # Panics
/// If not, with the first difference.
#[track_caller]
pub fn assert_same(native: &Outcome, remoted: &Outcome) {
    assert!(native.status.success() && !native.timed_out, "natively: {}", native.describe());
    assert!(remoted.status.success() && !remoted.timed_out, "remoted: {}", remoted.describe());
    if let Some(difference) = first_difference(&native.text(), &remoted.text()) {
        panic!("{difference}\nremoted: {}", remoted.describe());
    }
}

/// The bytes must be the same.
///
/// # Panics
/// If not, with the place of the first difference.
#[track_caller]
pub fn assert_same_bytes(what: &str, native: &[u8], remoted: &[u8]) {
    assert!(!native.is_empty(), "{what}: there is nothing to compare");
    assert!(native.len() == remoted.len(), "{what}: {} bytes natively, {} remoted", native.len(), remoted.len());
    let different = native.iter().zip(remoted).filter(|(a, b)| a != b).count();
    if let Some(at) = native.iter().zip(remoted).position(|(a, b)| a != b) {
        panic!("{what}: {different} of {} bytes differ, the first at {at}: {} and {}", native.len(), native[at], remoted[at]);
    }
}

/// The first line in which they differ.
#[must_use]
pub fn first_difference(native: &str, remoted: &str) -> Option<String> {
    let (mut a, mut b) = (native.lines(), remoted.lines());
    for number in 1.. {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (x, y) if x == y => {}
            (x, y) => {
                let show = |line: Option<&str>| line.map_or("(the end)".to_owned(), |line| format!("{line:?}"));
                return Some(format!("line {number} differs\n  natively {}\n  remoted  {}", show(x), show(y)));
            }
        }
    }
    None
}

/// All lines that differ between texts of the same number of lines, as (natively, remoted).
#[must_use]
pub fn differing_lines(native: &str, remoted: &str) -> Vec<(String, String)> {
    let (a, b): (Vec<&str>, Vec<&str>) = (native.lines().collect(), remoted.lines().collect());
    let line = |lines: &[&str], index: usize| lines.get(index).copied().unwrap_or_default().to_owned();
    (0..a.len().max(b.len()))
        .map(|index| (line(&a, index), line(&b, index)))
        .filter(|(native, remoted)| native != remoted)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert!(first_difference("a\nb\n", "a\nc\n").unwrap().contains("line 2"));
        assert!(first_difference("a\n", "a\nb\n").unwrap().contains("(the end)"));
    }

    #[test]
    fn all_differences_are_listed() {
        let expected = vec![("b".to_owned(), "x".to_owned()), (String::new(), "d".to_owned())];
        assert_eq!(differing_lines("a\nb\nc", "a\nx\nc\nd"), expected);
    }
}
