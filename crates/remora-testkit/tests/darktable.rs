//! A photograph developed by Debian's darktable, natively and through Remora: every pixel must be the same, and what
//! darktable-cltest says of the device.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use remora_testkit::compare::assert_same_bytes;
use remora_testkit::processes::assert_all_gone;
use remora_testkit::{Link, Outcome, Run, places, run};
use tempfile::TempDir;

/// Where darktable keeps things, and a photograph.
struct Darkroom {
    directory: TempDir,
}

impl Darkroom {
    fn new() -> Self {
        let this = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        let python = Run::new("/usr/bin/python3").arguments(&[places::source("applications/dng.py")]);
        let _ = python.arguments(&[this.photograph()]).native().good();
        this
    }

    fn photograph(&self) -> PathBuf {
        self.directory.path().join("photograph.dng")
    }

    fn run(&self, program: &str, arguments: &[&Path], kept: &str) -> Run {
        Run::new(places::tool(program, "darktable"))
            .arguments(arguments)
            .arguments(&["--configdir"])
            .arguments(&[self.directory.path().join("configuration")])
            .arguments(&["--cachedir"])
            .arguments(&[self.directory.path().join(kept)])
            .variable("HOME", self.directory.path())
            .limit(Duration::from_secs(590))
    }

    /// Has darktable use the device, though it is a CPU.
    fn configure(&self) {
        let outcome = self.run("darktable-cltest", &[], "unused").native().good();
        let text = outcome.text() + &outcome.complaints();
        let name = text.split_once("CANONICAL NAME:").and_then(|(_, rest)| rest.lines().next());
        let name = name.unwrap_or_else(|| panic!("darktable sees no device: {}", outcome.describe())).trim();
        // PoCL doesn't understand darktable's own option with the directory of its kernels, which is in quotes.
        let kernels = "-I/usr/share/darktable/kernels";
        let text = format!(
            "opencl=TRUE\nopencl_checksum=OFF\ncldevice_v4_{name}=0 250 0 16 16 128 0 0 0.000 0.000\n\
             cldevice_v4_{name}_building=-cl-fast-relaxed-math {kernels}\n"
        );
        fs::write(self.directory.path().join("configuration/darktablerc"), text).expect("a file of our own");
    }

    /// The photograph developed, with kernels from those that are `kept`, if they are.
    fn develop(&self, how: impl Fn(&Run) -> Outcome, kept: &str) -> Vec<u8> {
        self.configure();
        let out = self.directory.path().join("photograph.pfm");
        // With darktable's usual way to get colours from a Bayer filter, RCD, which uses memory that it has never written.
        let run = self.run("darktable-cli", &[&self.photograph(), &out, Path::new("--core")], kept).arguments(&[
            "--library",
            ":memory:",
            "-d",
            "opencl",
            "-d",
            "perf",
        ]);
        let outcome = how(&run).good();
        let said = outcome.text() + &outcome.complaints();
        for module in ["demosaic", "exposure", "input color profile", "filmic rgb", "output color profile"] {
            assert!(said.contains(&format!("processed `{module}' on GPU")), "{module}: {}", outcome.describe());
        }
        assert_all_gone(&outcome.mark);
        let pixels = run::read(&out);
        fs::remove_file(&out).expect("a file of our own");
        pixels
    }

    /// What darktable-cltest says of the device, and of the kernels that are `kept`, but for how long they took.
    fn examine(&self, how: impl Fn(&Run) -> Outcome, kept: &str) -> String {
        self.configure();
        let outcome = how(&self.run("darktable-cltest", &[], kept)).good();
        assert_all_gone(&outcome.mark);
        let text = outcome.text() + &outcome.complaints();
        assert!(text.contains("OpenCL successfully initialized"), "{}", outcome.describe());
        text.lines().filter(|line| !line.contains("KERNEL LOADING TIME")).collect::<Vec<_>>().join("\n")
    }
}

/// Shared memory has the kernels from their sources, the stream from the binaries that darktable has kept.
#[test]
#[ignore = "it takes minutes: cargo xtask test --full"]
fn darktable() {
    let darkroom = Darkroom::new();
    let native = darkroom.develop(Run::native, "native");
    for link in Link::ALL {
        let remoted = darkroom.develop(|run| run.remoted(link), "remoted");
        assert_same_bytes(link.name(), &native, &remoted);
    }
    let native = darkroom.examine(Run::native, "native");
    for link in Link::ALL {
        let remoted = darkroom.examine(|run| run.remoted(link), "remoted");
        assert_eq!(native, remoted, "{}", link.name());
    }
}
