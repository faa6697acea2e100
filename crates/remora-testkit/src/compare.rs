//! Where two outputs differ, and which differences are explained.

use crate::places;
use crate::run::{self, Outcome};

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
        panic!(
            "{what}: {different} of {} bytes differ, the first at {at}: {} and {}",
            native.len(),
            native[at],
            remoted[at]
        );
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

/// The lines that one has and the other hasn't: those of the native output, and those of the remoted one. Lines that both
/// have in the same order are matched as far as can be.
#[must_use]
pub fn differing_lines<'a>(native: &'a str, remoted: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (a, b): (Vec<&str>, Vec<&str>) = (native.lines().collect(), remoted.lines().collect());
    // matched[i][j]: how many lines of a[i..] and b[j..] can be matched.
    let mut matched = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            matched[i][j] =
                if a[i] == b[j] { matched[i + 1][j + 1] + 1 } else { matched[i + 1][j].max(matched[i][j + 1]) };
        }
    }
    let (mut only_a, mut only_b, mut i, mut j) = (Vec::new(), Vec::new(), 0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && matched[i + 1][j] >= matched[i][j + 1]) {
            only_a.push(a[i]);
            i += 1;
        } else {
            only_b.push(b[j]);
            j += 1;
        }
    }
    (only_a, only_b)
}

/// The lines of the block ```` ```name ```` in docs/differences.md, without what stands after ` # `.
///
/// # Panics
/// If there is no such block.
#[must_use]
pub fn explained(name: &str) -> Vec<String> {
    let text = String::from_utf8(run::read(places::source("../../docs/differences.md"))).expect("the docs are UTF-8");
    let lines = text.lines().skip_while(|line| *line != format!("```{name}")).skip(1);
    let lines = lines.take_while(|line| *line != "```");
    let block: Vec<String> =
        lines.map(|line| line.split_once(" # ").map_or(line, |(what, _why)| what).trim().to_owned()).collect();
    assert!(!block.is_empty(), "docs/differences.md has no block {name:?}");
    block
}

/// As [`assert_same`], but for lines that begin with a line of that block in docs/differences.md; blanks don't count.
///
/// # Panics
/// With all that isn't explained there.
#[track_caller]
pub fn assert_same_but_for(name: &str, native: &Outcome, remoted: &Outcome) {
    assert!(native.status.success() && !native.timed_out, "natively: {}", native.describe());
    assert!(remoted.status.success() && !remoted.timed_out, "remoted: {}", remoted.describe());
    let explained = explained(name);
    let is_explained = |line: &str| {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        explained.iter().any(|beginning| line.starts_with(beginning.as_str()))
    };
    let (native, remoted) = (native.text(), remoted.text());
    let (only_native, only_remoted) = differing_lines(&native, &remoted);
    let list = |what: &str, lines: &[&str]| -> String {
        lines.iter().filter(|line| !is_explained(line)).map(|line| format!("  {what} {line:?}\n")).collect()
    };
    let unexplained = list("only natively", &only_native) + &list("only remoted ", &only_remoted);
    assert!(unexplained.is_empty(), "not in block {name:?} of docs/differences.md:\n{unexplained}");
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
        assert_eq!(differing_lines("a\nb\nc", "a\nx\nc\nd"), (vec!["b"], vec!["x", "d"]));
        assert_eq!(differing_lines("a\nb\nc\nd", "a\nd"), (vec!["b", "c"], vec![]));
        assert_eq!(differing_lines("", "a"), (vec![], vec!["a"]));
    }

    #[test]
    fn explanations_are_read() {
        assert!(explained("clinfo").iter().all(|line| !line.is_empty() && !line.contains('#')));
    }
}
