//! Tables of bad calls, one row for each code that the specification gives. Every row must be right through Remora, on each
//! driver: the front-end finds most mistakes before a driver sees them. Natively drivers depart from the specification, and
//! crash of some calls; what PoCL answers as it should is compared with nothing but the same row.

use remora_testkit::{Driver, Link, Outcome, Program};

/// The rows of a table, without those that say that another code came.
fn right(outcome: &Outcome) -> Vec<String> {
    outcome.text().lines().filter(|line| !line.contains(" instead of ")).map(str::to_owned).collect()
}

fn check(name: &str) {
    let program = Program::compile(name);
    let native = program.run(&[]).native().good();
    let agreed = right(&native);
    assert!(
        2 * agreed.len() > native.text().lines().count(),
        "PoCL reads another specification: {}",
        native.describe()
    );
    for link in Link::ALL {
        let remoted = program.run(&["all"]).remoted(link).good();
        let rows = right(&remoted);
        assert_eq!(rows.len(), remoted.text().lines().count(), "{}", remoted.describe());
        let mut rows = rows.iter();
        // In order: rows have the same names in different parts.
        let missing = agreed.iter().find(|row| !rows.any(|other| other == *row));
        assert_eq!(missing, None, "{}", remoted.describe());
    }
    if cfg!(target_arch = "x86_64") {
        let remoted = program.run(&["all"]).on(Driver::Intel).remoted(Link::Memfd).good();
        assert_eq!(right(&remoted).len(), remoted.text().lines().count(), "{}", remoted.describe());
    }
}

/// What all that enqueues has in common.
#[test]
fn enqueue() {
    check("errors_enqueue");
}

#[test]
fn programs() {
    check("errors_programs");
}

#[test]
fn images() {
    check("errors_images");
}

#[test]
fn states() {
    check("errors_states");
}
