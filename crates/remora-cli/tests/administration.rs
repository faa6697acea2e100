//! `remora status`, `kill`, `top` and `doctor`.

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use common::*;
use remora_protocol::hello::{Answer, Reason};
use remora_protocol::wire::encode_to_vec;

/// What `remora status` says about a socket.
fn complaint(url: &str) -> String {
    let workshop = workshop();
    let (code, out, err) = output(remora(&workshop).args(["status", "--to", url]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    err
}

/// Serves one connection with these bytes.
fn impostor(socket: &std::path::Path, bytes: Vec<u8>) -> std::thread::JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&bytes).unwrap();
        // Closing while the other side's bytes are unread would be a reset.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
}

fn message(answer: &Answer) -> Vec<u8> {
    let body = encode_to_vec(answer);
    [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

#[test]
fn brokers_that_are_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let url = format!("unix:{}", socket.display());
    let err = complaint(&url);
    assert!(err.contains("there is no socket") && err.contains(&format!("remorad --listen {url}")), "{err}");
    drop(UnixListener::bind(&socket).unwrap());
    let err = complaint(&url);
    assert!(err.contains("nobody listens") && err.contains("start it again"), "{err}");
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "").unwrap();
    let err = complaint(&url);
    assert!(err.contains("not a socket"), "{err}");
    let err = complaint("tcp://host:1");
    assert!(err.contains("unix:/path"), "{err}");
    let err = complaint("unix:/a,unix:/b");
    assert!(err.contains("several brokers"), "{err}");
}

#[test]
fn what_is_not_remora_is_named() {
    for bytes in [&b"220 mail.example ESMTP\r\n\r\n"[..], b"\x04\0\0\0what"] {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let thread = impostor(&socket, bytes.to_vec());
        let err = complaint(&format!("unix:{}", socket.display()));
        assert!(err.contains("does not speak Remora's protocol") && err.contains("socket of a remorad"), "{err}");
        thread.join().unwrap();
    }
}

#[test]
fn a_version_mismatch_is_passed_on() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let answer = Answer::Refused { reason: Reason::Version, message: "this speaks 9 and that 1: update that".into() };
    let thread = impostor(&socket, message(&answer));
    let err = complaint(&format!("unix:{}", socket.display()));
    assert!(err.contains("this speaks 9 and that 1: update that"), "{err}");
    thread.join().unwrap();
}

#[test]
fn a_socket_that_may_not_be_used() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let workshop = workshop();
    let socket = workshop.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(workshop.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // Our own executable may be where only we can reach it.
    let copy = workshop.path().join("remora");
    install(std::path::Path::new(REMORA), &copy);
    let mut command = Command::new(copy);
    let (code, _, err) =
        output(command.args(["status", "--to", &format!("unix:{}", socket.display())]).uid(12345).gid(1));
    assert_eq!(code, Some(1));
    assert!(err.contains("12345 may not connect") && err.contains("allow_users"), "{err}");
}

#[test]
fn status_and_top_show_the_back_end() {
    let workshop = workshop();
    let script = "\"$0\" status && \"$0\" top --count 2 --interval 0.1 && \"$0\" kill 5";
    let (code, out, err) = output(remora(&workshop).args(["run", "bash", "-c", script, REMORA]));
    assert_eq!(code, Some(1));
    // The broker may still be asking the driver.
    assert!(out.contains("Fake platform: Fake device") || out.contains("still being asked"), "{out}");
    assert!(out.contains("no sessions") && out.contains("CALLS/s"), "{out}");
    assert!(err.contains("there is no session 5"), "{err}");
}

#[test]
fn doctor_looks_at_everything() {
    let workshop = workshop();
    // A real library that is no OpenCL driver stands for a front-end that does not fit.
    let (code, out, _) = output(remora(&workshop).arg("doctor"));
    assert_eq!(code, Some(1));
    assert!(out.contains("FAIL  front-end") && out.contains("cannot be loaded"), "{out}");
    assert!(out.contains("ok    platform: Fake platform (OpenCL 3.0 fake): Fake device [CPU]"), "{out}");
    assert!(out.contains("warn  devices: there are only software drivers"), "{out}");
    for part in
        ["ok    remorad", "ok    remora-worker", "shared memory: memfd works", "ok    memfd link", "ok    stream link"]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
    fs::write(workshop.path().join("worker.text"), "#!/bin/sh\necho nothing here >&2\nexit 1\n").unwrap();
    install(&workshop.path().join("worker.text"), &workshop.path().join("worker"));
    let (_, out, _) = output(remora(&workshop).args(["doctor", "--to", "unix:/no/such/socket"]));
    assert!(out.contains("FAIL  drivers: nothing here"), "{out}");
    assert!(out.contains("FAIL  broker: there is no socket /no/such/socket"), "{out}");
}

#[test]
fn doctor_prints_the_coverage() {
    let workshop = workshop();
    let (code, out, _) = output(remora(&workshop).args(["doctor", "--coverage"]));
    assert_eq!(code, Some(0));
    assert!(out.contains("clEnqueueNDRangeKernel") && out.contains("functions:"), "{out}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let workshop = workshop();
    let mut child =
        remora(&workshop).args(["doctor", "--coverage"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
