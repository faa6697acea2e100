//! The `remora` command with a fake worker and a fake front-end.

#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use remora_protocol::opencl::{DeviceFacts, Facts, Info, PlatformFacts};
use remora_protocol::wire::encode_to_vec;
use tempfile::TempDir;

/// For what must happen sooner or later.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The program that is tested.
pub const REMORA: &str = env!("CARGO_BIN_EXE_remora");

/// A directory with a worker that finds a device, and a file that stands for the front-end.
pub fn workshop() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let infos = |param, value: &'static [u8]| Info { param, code: 0, value };
    let cpu = 2u64.to_le_bytes();
    let device_infos = vec![infos(0x102B, b"Fake device\0"), Info { param: 0x1000, code: 0, value: &cpu }];
    let device = DeviceFacts { infos: device_infos, ..Default::default() };
    let platform = PlatformFacts {
        infos: vec![infos(0x0902, b"Fake platform\0"), infos(0x0901, b"OpenCL 3.0 fake\0")],
        functions: vec![],
        devices: vec![device],
    };
    fs::write(directory.path().join("facts"), encode_to_vec(&Facts { platforms: vec![platform] })).unwrap();
    fs::write(directory.path().join("libremora.so"), "").unwrap();
    fs::write(directory.path().join("worker.text"), "#!/bin/bash\ncat \"$(dirname \"$0\")/facts\"\n").unwrap();
    install(&directory.path().join("worker.text"), &directory.path().join("worker"));
    directory
}

/// Copies an executable, in a process of its own: one that is open for writing in a fork of a thread's cannot be run.
pub fn install(from: &Path, to: &Path) {
    assert!(Command::new("install").arg("-m755").args([from, to]).status().unwrap().success());
}

/// `remora` with that worker and front-end; its temporary files go into `tmp` in the workshop.
pub fn remora(workshop: &TempDir) -> Command {
    let tmp = workshop.path().join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    let mut command = Command::new(REMORA);
    for variable in ["REMORA_TO", "REMORA_LINK", "REMORA_LOG", "XDG_RUNTIME_DIR", "OCL_ICD_VENDORS"] {
        command.env_remove(variable);
    }
    command.env("REMORA_BROKER", broker()).env("REMORA_WORKER", workshop.path().join("worker"));
    command.env("REMORA_LIBRARY", workshop.path().join("libremora.so")).env("TMPDIR", tmp);
    command.stdin(Stdio::null());
    command
}

/// What is left of temporary files.
pub fn left_over(workshop: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(workshop.path().join("tmp")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// The path of remorad. Testing this package alone does not build it, so that is done here where it is missing or old.
pub fn broker() -> &'static Path {
    static BROKER: OnceLock<PathBuf> = OnceLock::new();
    BROKER.get_or_init(|| {
        let directory = Path::new(REMORA).parent().unwrap();
        let broker = directory.join("remorad");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../remora-broker/src");
        let changed =
            |path: &Path| fs::metadata(path).and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let newest = fs::read_dir(sources).unwrap().map(|entry| changed(&entry.unwrap().path())).max().unwrap();
        if changed(&broker) < newest {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "-p", "remora-broker", "--bin", "remorad"]);
            cargo.arg("--target-dir").arg(directory.parent().unwrap());
            if directory.ends_with("release") {
                cargo.arg("--release");
            }
            assert!(cargo.status().unwrap().success());
        }
        broker
    })
}

/// Waits until `done`; fails only after a time that nothing takes.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "still waiting: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
