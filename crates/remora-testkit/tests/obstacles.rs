//! What is missing, wrong or full: a slower way where there is one, else a message that says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use remora_protocol::hello::{Answer, Reason, VERSION};
use remora_protocol::wire::encode_to_vec;
use remora_testkit::compare::assert_same;
use remora_testkit::{Broker, Link, Outcome, Program, Run, places};

/// An environment in which the loader finds no driver.
fn no_driver() -> (tempfile::TempDir, String) {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let path = empty.path().display().to_string();
    (empty, path)
}

/// It failed in time, and said why in words that hold one of these.
#[track_caller]
fn assert_explained(outcome: &Outcome, words: &[&str]) {
    assert!(!outcome.timed_out && !outcome.status.success(), "{}", outcome.describe());
    let said = outcome.complaints().to_lowercase();
    for word in words {
        assert!(said.contains(word), "no word of {word:?}: {}", outcome.describe());
    }
}

/// The machine with the device has no driver: the program finds no platform, and `remora run` or the log says why.
#[test]
fn missing_driver() {
    let (_directory, vendors) = no_driver();
    let broker = Broker::start_with(&[], &[("OCL_ICD_VENDORS", &vendors)]);
    let outcome = Program::compile("enumerate").run(&[]).variable("REMORA_LOG", "warn").through(&broker, Link::Memfd);
    let complaints = outcome.complaints().to_lowercase();
    assert!(!outcome.timed_out, "{}", outcome.describe());
    assert!(!outcome.status.success() || outcome.text() == "0 platforms\n", "{}", outcome.describe());
    assert!(complaints.contains("driver"), "nothing is said of a driver: {}", outcome.describe());
    assert!(broker.status().to_string().contains("problem"), "the status names no problem");
    broker.assert_clean();
}

#[test]
fn wrong_socket() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let url = format!("unix:{}/nothing.sock", directory.path().display());
    let outcome = Program::compile("enumerate").run(&[]).start_to(&url, Link::Memfd).finish();
    assert_explained(&outcome, &["nothing.sock", "remorad"]);
    // A URL that is none.
    let outcome = Program::compile("enumerate").run(&[]).start_to("carrier-pigeon:home", Link::Memfd).finish();
    assert_explained(&outcome, &["carrier-pigeon", "unix:"]);
}

/// A user whom the broker doesn't allow.
#[test]
fn no_permission() {
    const NOBODY: u32 = 65534;
    let broker = Broker::start();
    // So that it is the broker who refuses, and not the kernel.
    let directory = broker.socket().parent().expect("a socket is in a directory");
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our own directory");
    for mode in [0o600, 0o666] {
        fs::set_permissions(broker.socket(), fs::Permissions::from_mode(mode)).expect("our own socket");
        // A copy where somebody else can run it: the build may be below a directory that is ours alone.
        let program = directory.join("remora");
        fs::copy(places::built("remora"), &program).expect("the copy of an executable");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
        let mut command = Command::new(&program);
        command.args(["status", "--to", broker.url()]);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        } else {
            // Without root there is nobody else to be: shut ourselves out.
            fs::set_permissions(broker.socket(), fs::Permissions::from_mode(0o000)).expect("our own socket");
        }
        let output = command.output().expect("remora can be run");
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(!output.status.success(), "somebody else was let in (mode {mode:o})");
        assert!(said.contains("may not") && said.contains("allow_users"), "mode {mode:o}: {said}");
    }
}

/// Another user gets results as the broker's own does, but its worker can't read what only the broker can.
#[test]
fn another_user_is_confined() {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        // Without root there is nobody else to be.
        return;
    }
    // Where somebody else can run things: the build may be below a directory that is ours alone.
    let place = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
    let copy = |from: &Path| {
        let to = place.path().join(from.file_name().expect("a file"));
        fs::copy(from, &to).expect("a copy of an executable");
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("our own file");
        to
    };
    let remora = copy(&places::built("remora"));
    copy(&places::built("libremora.so"));
    let programs = [("buffers", ""), ("printf", ""), ("includes", ""), ("peek", "secret.h")]
        .map(|(name, argument)| (name, argument, Program::compile(name), copy(Program::compile(name).path())));
    let secret = place.path().join("secret.h");
    fs::write(&secret, "constant int secret = xyzzy;\n").expect("a file of our own");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("our own file");

    let config = place.path().join("remorad.toml");
    let tenants = place.path().join("tenants");
    let text = format!("[unix]\nallow_users = [{NOBODY}]\n[sandbox]\ndirectory = '{}'\n", tenants.display());
    fs::write(&config, text).expect("a file of our own");
    let broker = Broker::start_with(&["--config", &config.display().to_string()], &[]);
    let directory = broker.socket().parent().expect("a socket is in a directory");
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our own directory");

    for (name, argument, program, copied) in &programs {
        let argument = if argument.is_empty() { None } else { Some(secret.display().to_string()) };
        let mut command = Command::new(&remora);
        command.args(["run", "--to", broker.url(), "--"]).arg(copied).args(&argument);
        command.uid(NOBODY).gid(NOBODY).current_dir("/").env("LC_ALL", "C");
        let output = command.output().expect("remora can be run");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
        let argument: Vec<&str> = argument.iter().map(String::as_str).collect();
        let own = program.run(&argument).through(&broker, Link::Memfd).good();
        if *name == "peek" {
            // The compiler quotes what stands there, if it can read it.
            assert_eq!(own.text(), "CL_BUILD_PROGRAM_FAILURE\nseen\n");
            assert_eq!(said, "CL_BUILD_PROGRAM_FAILURE\nnot seen\n");
        } else {
            assert_eq!(said, own.text(), "{name}");
        }
    }
    assert!(tenants.join(NOBODY.to_string()).is_dir());
    broker.assert_clean();
}

/// A broker that speaks another version: its refusal reaches the user.
#[test]
fn version_mismatch() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("remora.sock");
    let listener = UnixListener::bind(&path).expect("a socket in our own directory");
    let message = format!("this broker speaks versions 98 to 99 of the protocol and the program {VERSION}: update one");
    let answer = encode_to_vec(&Answer::Refused { reason: Reason::Version, message: message.clone() });
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        while let Ok((mut stream, _)) = listener.accept() {
            let mut length = [0; 4];
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            let mut hello = vec![0; u32::from_le_bytes(length) as usize];
            let _ = stream.read_exact(&mut hello);
            let _ = stream.write_all(&u32::try_from(answer.len()).expect("a short answer").to_le_bytes());
            let _ = stream.write_all(&answer);
        }
    });
    let url = format!("unix:{}", path.display());
    let outcome = Program::compile("enumerate").run(&[]).start_to(&url, Link::Memfd).finish();
    assert_explained(&outcome, &["versions 98 to 99"]);
    // A program that is not started by `remora run` finds no platform and can go on.
    let outcome = front_end_alone(&url).native().good();
    assert_eq!(outcome.text(), "0 platforms\n", "{}", outcome.describe());
    assert!(outcome.complaints().contains("versions 98 to 99"), "{}", outcome.describe());
}

/// `enumerate` with the front-end as its only driver, without `remora run`.
fn front_end_alone(url: &str) -> Run {
    let vendors = places::scratch("vendors");
    let file = vendors.join("remora.icd");
    let fresh = vendors.join(format!("{}.new", std::process::id()));
    fs::write(&fresh, format!("{}\n", places::built("libremora.so").display())).expect("a file of our own");
    fs::rename(&fresh, &file).expect("a file can be renamed in its directory");
    Program::compile("enumerate")
        .run(&["time"])
        .variable("OCL_ICD_VENDORS", &vendors)
        .variable("REMORA_TO", url)
        .variable("REMORA_LOG", "warn")
}

/// Without a broker enumeration declines in under 50 ms. The fastest of some tries counts: this machine may be busy.
#[test]
fn no_broker() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let stale = directory.path().join("stale.sock");
    drop(UnixListener::bind(&stale).expect("a socket in our own directory"));
    for path in [directory.path().join("none.sock"), stale] {
        let mut fastest = f64::MAX;
        for _ in 0..10 {
            let outcome = front_end_alone(&format!("unix:{}", path.display())).native().good();
            assert_eq!(outcome.text(), "0 platforms\n", "{}", outcome.describe());
            let complaints = outcome.complaints();
            let took = complaints.lines().last().and_then(|line| line.parse().ok());
            fastest = fastest.min(took.unwrap_or_else(|| panic!("no time: {}", outcome.describe())));
        }
        assert!(fastest < 0.05, "{fastest} s without a broker at {}", path.display());
    }
}

/// One who accepts and then says nothing doesn't hold a program up for ever. (A broker may take its time: it looks for
/// devices first.)
#[test]
fn silent_broker() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("silent.sock");
    let _listener = UnixListener::bind(&path).expect("a socket in our own directory");
    let run = front_end_alone(&format!("unix:{}", path.display())).limit(Duration::from_secs(90));
    let outcome = run.native().good();
    assert_eq!(outcome.text(), "0 platforms\n", "{}", outcome.describe());
}

/// Everything works in the smallest arena, which most transfers don't fit into.
#[test]
fn arena_full() {
    let broker = Broker::start_with(&["--arena", "16MiB"], &[]);
    for name in ["buffers", "maps", "images", "read_then_write", "host_pointers"] {
        let run = Program::compile(name).run(&[]);
        let native = run.native();
        for link in Link::ALL {
            assert_same(&native, &run.through(&broker, link));
        }
    }
    broker.assert_clean();
}

/// Programs with little address space, and with few descriptors.
#[test]
fn limits_of_the_program() {
    let program = Program::compile("buffers");
    for limit in ["-v 1000000", "-v 700000", "-n 8"] {
        let run = Run::new(places::tool("bash", "bash"));
        let run = run.arguments(&["-c", &format!("ulimit {limit}; exec {}", program.path().display())]);
        let native = run.native();
        for link in Link::ALL {
            assert_same(&native, &run.remoted(link));
        }
    }
}

/// Ten times as much in one call as the arena holds.
#[test]
fn transfer_larger_than_the_arena() {
    let broker = Broker::start_with(&["--arena", "16MiB"], &[]);
    let run = Program::compile("sizes").run(&["whole"]);
    let native = run.native();
    for link in Link::ALL {
        assert_same(&native, &run.through(&broker, link));
    }
    broker.assert_clean();
}

/// Memory files of that size can't be had: a smaller arena does, and where there is no room at all a message says so.
#[test]
fn shared_memory_full() {
    let buffers = Program::compile("buffers");
    // The limit on the size of files holds for memory files too: one that is larger can't be made, as without memory.
    let limited = |kib: u32| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let script = directory.path().join("limited");
        let broker = places::built("remorad");
        fs::write(&script, format!("#!/bin/bash\ntrap '' XFSZ\nulimit -f {kib}\nexec {} \"$@\"\n", broker.display()))
            .expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our own script");
        let run = Run::new(places::built("remora")).arguments(&["run", "--link", "memfd", "--"]);
        let run = run.arguments(&[buffers.path()]).variable("REMORA_BROKER", &script).variable("REMORA_LOG", "warn");
        run.limit(Duration::from_secs(60)).native()
    };
    assert_same(&buffers.run(&[]).native(), &limited(512 << 10));
    assert_explained(&limited(64 << 10), &["shared memory", "limits"]);
}

/// The build log of the driver reaches the program.
#[test]
fn kernel_that_does_not_compile() {
    let source = "kernel void broken(global int *x) { *x = no_such_thing; }";
    let script = format!(
        "import pyopencl as cl\nc = cl.Context(cl.get_platforms()[0].get_devices())\ntry:\n    cl.Program(c, '{source}').build()\n\
         except cl.RuntimeError as error:\n    print('no_such_thing' in str(error), 'BUILD_PROGRAM_FAILURE' in str(error))\n"
    );
    let run = Run::new(places::python()).arguments(&["-c", &script]).variable("PYOPENCL_NO_CACHE", "1");
    let native = run.native();
    assert_eq!(native.text(), "True True\n", "{}", native.describe());
    for link in Link::ALL {
        assert_same(&native, &run.remoted(link));
    }
}

/// A program that doesn't exist, and one that ends with a status of its own.
#[test]
fn statuses_of_remora_run() {
    let status = |program: &str, arguments: &[&str]| {
        let outcome = Run::new(program).arguments(arguments).remoted(Link::Memfd);
        (outcome.status.code(), outcome.complaints())
    };
    let (code, said) = status("/no/such/program", &[]);
    assert!(code == Some(127) && said.contains("/no/such/program"), "{code:?}: {said}");
    assert_eq!(status("/bin/sh", &["-c", "exit 42"]).0, Some(42));
    assert_eq!(status("/bin/sh", &["-c", "kill -TERM $$"]).0, Some(128 + 15));
}
