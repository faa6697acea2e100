//! `remora doctor --coverage`: what becomes of each function and each extension of OpenCL.

// The table alone: the rest of that crate is the front-end, whose entry points have no place in this program.
#[path = "../../../remora-opencl/src/generated/coverage.rs"]
#[allow(dead_code)]
mod generated;

use generated::{COVERAGE, How};

use super::extensions::{Carried, EXTENSIONS, version};
use crate::table::Table;

/// Both tables, and how many of each kind there are.
pub fn tables() -> String {
    format!("{}\n{}", functions(), extensions())
}

fn functions() -> String {
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

fn extensions() -> String {
    let mut table = Table::new(&["EXTENSION", "CARRIED", "WHAT, OR WHY NOT"]);
    let mut carried = 0;
    for extension in EXTENSIONS {
        let (how, note) = match extension.carried {
            Carried::Language => ("by name", String::new()),
            Carried::Host { functions, params } => {
                ("yes", functions.iter().chain(params).copied().collect::<Vec<_>>().join(" "))
            }
            Carried::Not { why } => ("no", why.to_owned()),
        };
        carried += usize::from(how != "no");
        let since = if extension.from > 0 { format!(" from {}", version(extension.from)) } else { String::new() };
        table.row(vec![extension.name.into(), format!("{how}{since}"), note]);
    }
    format!(
        "{}\n{} extensions, {carried} carried; others of a driver are not reported\n",
        table.text(),
        EXTENSIONS.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_and_every_extension_has_a_line() {
        let tables = tables();
        for name in
            COVERAGE.iter().map(|function| function.name).chain(EXTENSIONS.iter().map(|extension| extension.name))
        {
            assert!(tables.contains(name));
        }
    }
}
