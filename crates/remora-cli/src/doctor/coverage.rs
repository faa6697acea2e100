//! `remora doctor --coverage`: what becomes of each function of OpenCL.

// The table alone: the rest of that crate is the front-end, whose entry points have no place in this program.
#[path = "../../../remora-opencl/src/generated/coverage.rs"]
#[allow(dead_code)]
mod generated;

use generated::{COVERAGE, How};

use crate::table::Table;

/// The whole table, and how many of each kind there are.
pub fn table() -> String {
    let mut table = Table::new(&["FUNCTION", "SINCE", "A CALL", "MESSAGES, OR WHY NOT"]);
    let mut counts = [0; KINDS.len()];
    for function in COVERAGE {
        let (kind, note) = match function.how {
            How::Local => (0, String::new()),
            How::Asynchronous => (1, function.messages.join(" ")),
            How::WaitsIfAsked => (2, function.messages.join(" ")),
            How::Waits => (3, function.messages.join(" ")),
            How::Unsupported { answer, why } => (4, format!("{answer}: {why}")),
            How::Absent { why } => (5, why.to_owned()),
        };
        counts[kind] += 1;
        table.row(vec![function.name.into(), function.since.into(), KINDS[kind].into(), note]);
    }
    let counts = KINDS.iter().zip(counts).map(|(kind, count)| format!("{count} {kind}"));
    format!("{}\n{} functions: {}\n", table.text(), COVERAGE.len(), counts.collect::<Vec<_>>().join(", "))
}

/// In the order of `How`.
const KINDS: [&str; 6] =
    ["answered here", "sent", "sent, waited for if asked", "sent and waited for", "unsupported", "absent"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_a_line() {
        let table = table();
        for function in COVERAGE {
            assert!(table.contains(function.name));
        }
    }
}
