//! The differential harness, with a suite of shell scripts that can tell how they are run.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use remora_testkit::{places, processes};

/// A binary as those of OpenCL-CTS. Each run of a case is written down in a file beside it.
const BINARY: &str = r#"#!/bin/sh
case $1 in
--list) printf '\talike\n\tbroken\n\tcrashes\n\thangs\n\tmended\n\tskips\n\tslow\n'; exit 0;;
esac
echo "$1 ${REMORA_LINK:-native} $2" >> runs
case $1-$REMORA_LINK in
broken-stream) echo 'broken FAILED'; exit 1;;
crashes-memfd) kill -SEGV $$;;
hangs-stream) sleep 600;;
mended-) exit 1;;
skips-*) echo 'skips test not supported'; echo 'PASSED test.'; exit 0;;
slow-*) if [ "$2" != fast ]; then sleep 600; fi;;
esac
echo "$1 passed"
echo 'PASSED test.'
"#;

struct Fake {
    directory: tempfile::TempDir,
}

impl Fake {
    fn new(scripts: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, text) in scripts {
            let options = &mut OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o755).open(bin.join(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        Self { directory }
    }

    fn bin(&self) -> PathBuf {
        self.directory.path().join("bin")
    }

    fn command(&self, suite: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(places::built("remora-conformance"));
        command.args(["--suite", suite, "--bin"]).arg(self.bin());
        command.arg("--results").arg(self.directory.path().join("results")).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, suite: &str, arguments: &[&str]) -> (bool, String) {
        let Output { status, stdout, stderr } = self.command(suite, arguments).output().unwrap();
        (status.success(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
    }

    /// What was run since this was asked last.
    fn runs(&self) -> Vec<String> {
        let path = self.bin().join("runs");
        let mut runs: Vec<String> =
            fs::read_to_string(&path).unwrap_or_default().lines().map(|line| line.trim_end().to_owned()).collect();
        let _ = fs::remove_file(path);
        runs.sort();
        runs
    }
}

#[test]
fn a_suite_is_run_once_and_differences_are_told() {
    let fake = Fake::new(&[("test_fake", BINARY), ("helper", "#!/bin/sh\nexit 1\n")]);
    let (good, text) = fake.run("opencl-cts", &["--limit", "3"]);
    assert!(!good, "{text}");
    assert!(
        text.contains("| test_fake | 7 | 4, 1 skipped | 4, 1 skipped, 1 not run | 3, 1 skipped, 1 not run |"),
        "{text}"
    );
    let worse = [
        "- test_fake/broken: natively passed, stream FAILED (status 1)",
        "- test_fake/crashes: natively passed, memfd FAILED (signal 11)",
        "- test_fake/hangs: natively passed, stream FAILED (never ended)",
    ];
    assert!(text.contains(&format!("Worse remoted than natively (3):\n\n{}\n", worse.join("\n"))), "{text}");
    assert!(text.contains("- test_fake/mended: natively FAILED (status 1), memfd passed, stream passed\n"), "{text}");
    assert!(text.contains("time was over (1):\n\n- test_fake/slow\n"), "{text}");
    let runs = fake.runs();
    assert_eq!(runs.len(), 6 * 3 + 1, "{runs:?}");

    // All is done; what differs can be asked for again, and a report without running anything.
    let (good, again) = fake.run("opencl-cts", &["--limit", "3"]);
    assert!(!good && again.contains(worse[0]), "{again}");
    assert_eq!(fake.runs(), [""; 0]);
    fs::write(fake.bin().join("test_fake"), BINARY.replace("broken-stream", "whole-stream")).unwrap();
    let _ = fake.run("opencl-cts", &["--limit", "3", "--rerun", "differing"]);
    assert_eq!(fake.runs(), ["broken stream", "crashes memfd", "hangs stream"]);
    let (good, report) = fake.run("opencl-cts", &["--report", "--only", "hangs|broken"]);
    assert!(!good && report.contains("test_fake/hangs:") && !report.contains("test_fake/broken:"), "{report}");
    let (good, report) = fake.run("opencl-cts", &["--report", "--only", "/broken", "--link", "stream"]);
    assert!(good && report.contains("| test_fake | 1 | 1 | 1 |\n"), "{report}");
    assert_eq!(fake.runs(), [""; 0]);

    // Other arguments are other results.
    let (good, text) = fake.run("opencl-cts", &["--only", "slow", "--link", "memfd", "--", "fast"]);
    assert!(good && text.contains("| test_fake fast | 1 | 1 | 1 |"), "{text}");
    assert_eq!(fake.runs(), ["slow memfd fast", "slow native fast"]);
}

#[test]
fn a_run_that_was_stopped_goes_on() {
    let fake = Fake::new(&[("test_fake", BINARY)]);
    let select = ["--only", "alike|slow|skips", "--link", "memfd", "--limit", "300"];
    let mut child = fake.command("opencl-cts", &select).stdout(Stdio::piped()).spawn().unwrap();
    let waits = || fs::read_to_string(fake.bin().join("runs")).is_ok_and(|runs| runs.contains("slow native"));
    assert!(processes::wait_until(Duration::from_secs(60), waits), "the slow case was never begun");
    processes::signal(child.id(), rustix::process::Signal::INT);
    assert!(!child.wait().unwrap().success());
    let left =
        || processes::all().into_iter().any(|pid| fs::read_link(format!("/proc/{pid}/cwd")).ok() == Some(fake.bin()));
    assert!(processes::wait_until(Duration::from_secs(10), || !left()), "the slow case still runs");
    assert_eq!(fake.runs(), ["alike memfd", "alike native", "skips memfd", "skips native", "slow native"]);
    let (good, text) = fake.run("opencl-cts", &["--only", "alike|slow|skips", "--link", "memfd", "--limit", "1"]);
    assert!(good, "{text}");
    assert_eq!(fake.runs(), ["slow native"]);
    // It was cut off after 1 s: with more time it is worth another try.
    let _ = fake.run("opencl-cts", &["--only", "alike|slow|skips", "--link", "memfd", "--limit", "3"]);
    assert_eq!(fake.runs(), ["slow native"]);
}

#[test]
fn shards_are_parts_of_one_report() {
    let fake = Fake::new(&[("test_fake", BINARY)]);
    let select = ["--only", "alike|broken|skips", "--link", "memfd"];
    for shard in ["1/2", "2/2"] {
        assert!(fake.run("opencl-cts", &[&select[..], &["--shard", shard]].concat()).0);
    }
    assert_eq!(fake.runs().len(), 6);
    let (good, text) = fake.run("opencl-cts", &select);
    assert!(good && text.contains("| test_fake | 3 | 2, 1 skipped | 2, 1 skipped |"), "{text}");
    assert_eq!(fake.runs(), [""; 0]);
}

#[test]
fn programs_have_to_do_the_same() {
    let fake = Fake::new(&[
        ("alike", "#!/bin/sh\necho same; exit 3\n"),
        ("output", "#!/bin/sh\necho one; echo ${REMORA_LINK:-native}\n"),
        ("status", "#!/bin/sh\n[ \"$REMORA_LINK\" != stream ]\n"),
    ]);
    fs::write(fake.bin().join("no program"), "").unwrap();
    let (good, text) = fake.run("programs", &[]);
    assert!(!good, "{text}");
    assert!(text.contains("| bin | 3 |"), "{text}");
    assert!(text.contains("Worse remoted than natively (2):"), "{text}");
    let output =
        "- bin/output: natively passed, memfd passed but line 2 differs\n  natively \"native\"\n  remoted  \"memfd\"";
    assert!(text.contains(output), "{text}");
    assert!(text.contains("- bin/status: natively passed, stream FAILED (status 1)\n"), "{text}");
    let (good, text) = fake.run("programs", &["--only", "alike"]);
    assert!(good && !text.contains("Worse"), "{text}");
}

#[test]
fn drivers_have_results_of_their_own() {
    let fake = Fake::new(&[("platforms", "#!/bin/sh\nclinfo -l\n")]);
    let none = fake.directory.path().join("none");
    fs::create_dir(&none).unwrap();
    let (none, vendors) = (format!("--driver=none={}", none.display()), "--driver=vendors=/etc/OpenCL/vendors");
    let (_, text) = fake.run("programs", &[&none, vendors, "--link", "memfd"]);
    let printed = |driver: &str, how: &str| {
        let output = fake.directory.path().join("results/programs").join(driver).join("output/bin");
        fs::read_to_string(output.join(format!("platforms.{how}.stdout")))
            .unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    assert!(printed("vendors", "native").contains("Device #0"), "{text}");
    assert_eq!(printed("vendors", "native"), printed("vendors", "memfd"), "{text}");
    for how in ["native", "memfd"] {
        assert!(!printed("none", how).contains("Device #0"), "{how}: {text}");
    }
}
