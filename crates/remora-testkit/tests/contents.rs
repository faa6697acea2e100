//! What a tenant's programs have sent before is not sent again, and is believed only if it is still the same.

use std::fs;

use remora_testkit::compare::assert_same;
use remora_testkit::{Broker, Link, Program};

/// A broker with a store of its own, and where the store is.
struct Place {
    broker: Broker,
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let config = directory.path().join("remorad.toml");
        let tenants = directory.path().join("tenants");
        fs::write(&config, format!("[sandbox]\ndirectory = '{}'\n", tenants.display())).expect("a file of our own");
        let broker = Broker::start_with(&["--config", &config.display().to_string()], &[]);
        Self { broker, directory }
    }

    /// Bytes that a run has sent, and those that it need not send.
    fn run(&self, seed: &str, link: Link) -> (u64, u64) {
        let mut running = Program::compile("contents").run(&[seed, "wait"]).start_through(&self.broker, link);
        running.wait_for_text("\n1060\n");
        let session = self.broker.wait_for_session(running.processes("contents")[0]);
        let counters = session.counters.expect("a worker that answers");
        let counter = |name: &str| counters[name].as_u64().expect("a number");
        let counted = (counter("contents_sent"), counter("contents_saved"));
        running.close_input();
        let _ = running.finish().good();
        counted
    }

    /// The files of the store.
    fn kept(&self) -> Vec<std::path::PathBuf> {
        let user = rustix::process::geteuid().as_raw();
        let directory = self.directory.path().join(format!("tenants/{user}.unconfined/contents"));
        let entries = fs::read_dir(directory).expect("the directory of the store");
        entries.map(|entry| entry.expect("an entry of the store").path()).collect()
    }
}

/// What the sources have at least that the program builds. (One that it doesn't build may be gone before it is asked for.)
const SOURCES: u64 = 99_000 * 10;

#[test]
fn the_same_is_sent_once() {
    for link in Link::ALL {
        let place = Place::new();
        let (sent, saved) = place.run("seed", link);
        assert!(sent > SOURCES, "{sent} bytes sent");
        // One source and the binary are used twice.
        assert!(saved > 99_000 && saved < SOURCES, "{saved} bytes saved");
        let (sent_later, saved_later) = place.run("seed", link);
        // A source that was never built isn't kept.
        assert!(sent_later < 2 * 100_000, "{sent_later} bytes sent again");
        assert!(saved_later > SOURCES, "{saved_later} bytes saved");
        let (sent_others, _) = place.run("other seed", link);
        assert!(sent_others > SOURCES, "{sent_others} bytes of others sent");
        place.broker.assert_clean();
    }
}

/// Somebody of the same tenant has written to the store.
#[test]
fn what_was_changed_is_sent_again() {
    let place = Place::new();
    let _ = place.run("seed", Link::Stream);
    let kept = place.kept();
    assert!(kept.len() >= 10, "{kept:?}");
    for path in &kept {
        let mut contents = fs::read(path).expect("a file of the store");
        let middle = contents.len() / 2;
        contents[middle] ^= 1;
        fs::write(path, contents).expect("a file of the store");
    }
    let (sent_later, _) = place.run("seed", Link::Stream);
    assert!(sent_later > SOURCES, "{sent_later} bytes sent again");
    assert_eq!(place.kept().len(), kept.len());
}

/// Without a place to keep it everything is sent, and works.
#[test]
fn without_a_store() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = directory.path().join("remorad.toml");
    // No directory can be made below a file.
    fs::write(&config, format!("[sandbox]\ndirectory = '{}/below'\n", config.display())).expect("a file of our own");
    let broker = Broker::start_with(&["--config", &config.display().to_string()], &[]);
    let run = Program::compile("contents").run(&[]);
    let native = run.native();
    for link in Link::ALL {
        assert_same(&native, &run.through(&broker, link));
    }
    broker.assert_clean();
}
