//! Who connects, how, and when not.

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use common::*;
use remora_protocol::hello::*;
use rustix::process::{Resource, Rlimit};

#[test]
fn versions_must_overlap() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let newer = Hello { version: VERSION + 2, oldest_version: VERSION + 1, ..hello() };
    let mut client = broker.connect();
    let (reason, message) = refusal(client.ask(&newer));
    assert_eq!(reason, Reason::Version);
    let both = [format!("versions {} to {}", VERSION + 1, VERSION + 2), format!("version {VERSION}")];
    assert!(both.iter().all(|part| message.contains(part)) && message.contains("update remorad"), "{message}");
    client.closed();
}

#[test]
fn garbage_is_refused_and_harms_nobody() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let mut length_only = 32u32.to_le_bytes().to_vec();
    length_only.extend([0xaa; 32]);
    for bytes in [&b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"[..], &[0xff; 64], &length_only, &[0; 4]] {
        let mut client = broker.connect();
        client.socket.write_all(bytes).unwrap();
        let (reason, message) = refusal(client.answer().0);
        assert_eq!(reason, Reason::Malformed);
        assert!(message.contains("Remora"), "{message}");
        drop(client);
    }
    // After the hello, too.
    let mut client = broker.program();
    client.socket.write_all(&[1, 0, 0, 0, 9]).unwrap();
    assert_eq!(refusal(client.answer().0).0, Reason::Malformed);
    client.closed();
    broker.program();
}

#[test]
fn ten_thousand_that_say_nothing_do_not_keep_others_out() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let before = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    rustix::process::setrlimit(Resource::Nofile, raised).unwrap();
    let count = before.maximum.map_or(10_000, |most| most.saturating_sub(200).min(10_000));
    let broker = Broker::start(&workshop, &[]);
    let mut silent: Vec<UnixStream> = (0..count).map(|_| UnixStream::connect(&broker.socket).unwrap()).collect();
    // Some begin and do not go on.
    for stream in silent.iter_mut().step_by(3) {
        let _ = stream.write_all(&[40, 0]);
    }
    let client = broker.program();
    let session = client.open();
    assert!(!session.has_ended());
    // They are not kept for ever.
    for mut stream in silent {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match stream.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }
    broker.program();
}

#[test]
fn a_low_limit_of_descriptors_does_not_stop_the_broker() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    // The shell lowers the limit for good; remorad cannot raise it again.
    let socket = workshop.path().join("socket");
    let script = format!("ulimit -n 100; exec {} --listen unix:{}", env!("CARGO_BIN_EXE_remorad"), socket.display());
    let mut child =
        Command::new("sh").args(["-c", &script]).env("REMORA_WORKER", workshop.path().join("worker")).spawn().unwrap();
    eventually("the broker listens", || UnixStream::connect(&socket).is_ok());
    let silent: Vec<UnixStream> = (0..300).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let client = Client { socket: UnixStream::connect(&socket).unwrap() };
    assert!(matches!(client.ask(&hello()), Answer::Welcome { .. }));
    client.open();
    drop(silent);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn strangers_are_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let config = workshop.path().join("config.toml");
    std::fs::write(&config, "[unix]\nallow_users = [12345]\nallow_groups = [4242]\n").unwrap();
    std::fs::set_permissions(workshop.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let broker = Broker::start(&workshop, &["--config", config.to_str().unwrap()]);
    // perl and others are not everywhere; this very test, run as somebody else, is.
    let as_user = |uid: u32, gid: u32| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "helper_that_says_hello", "--nocapture"]).uid(uid).gid(gid);
        let output = command.env("REMORA_TEST_SOCKET", &broker.socket).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(as_user(12345, 1).contains("welcomed"));
    assert!(as_user(555, 4242).contains("welcomed"));
    let refused = as_user(555, 1);
    assert!(refused.contains("refused: Permission") && refused.contains("allow_users"), "{refused}");
    assert!(refused.contains("user 555 may not use"), "{refused}");
    // Whoever goes on trying does not fill the log.
    as_user(555, 1);
    let count = |what: &str| broker.log.lock().unwrap().lines().filter(|line| line.contains(what)).count();
    eventually("both refusals are logged for those who debug", || count("refused user 555: user 555 may not use") == 2);
    assert_eq!(count("WARN"), 1);

    // Everybody else's sessions are neither shown nor ended.
    let _own = (broker.program().open(), 0);
    let kill = as_user(12345, 1);
    assert!(kill.contains("sessions: 0"), "{kill}");
    assert!(kill.contains("kill: Permission") || kill.contains("kill: NoSuchSession"), "{kill}");
}

#[test]
fn root_of_another_namespace_is_a_user_like_others() {
    let ways: [&[&str]; 3] = [&["--uts"], &["--pid", "--fork"], &["--user", "--map-root-user"]];
    let unshare = |way: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(way);
        command
    };
    // Not everybody may make namespaces, least of all in a container.
    let may = |way: &&[&str]| unshare(way).arg("true").status().is_ok_and(|status| status.success());
    if !rustix::process::geteuid().is_root() || !ways.iter().all(may) {
        return;
    }
    // A broker that is root itself, and one that may not look into root's processes.
    for uid in [0, 12345] {
        let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
        let config = workshop.path().join("config.toml");
        std::fs::write(&config, "[unix]\nmode = '0666'\n").unwrap();
        std::fs::set_permissions(workshop.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut broker = Broker::start_as(uid, &workshop, &["--config", config.to_str().unwrap()]);
        let said = |way: &[&str], broker: &Broker| {
            let mut command = unshare(way);
            command.arg(std::env::current_exe().unwrap());
            command.args(["--exact", "helper_that_says_hello", "--nocapture"]);
            let output = command.env("REMORA_TEST_SOCKET", &broker.socket).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let [same, processes, users] = ways.map(|way| said(way, &broker));
        assert!(same.contains("welcomed"), "{uid}: {same}");
        for foreign in [processes, users] {
            assert!(foreign.contains("refused: Permission"), "{uid}: {foreign}");
            assert!(foreign.contains("root of another namespace"), "{uid}: {foreign}");
        }
        // It can be let in as others can.
        broker.signal(libc::SIGTERM);
        broker.ended();
        std::fs::write(&config, "[unix]\nallow_users = [0]\n").unwrap();
        broker = Broker::start_as(uid, &workshop, &["--config", config.to_str().unwrap()]);
        let listed = said(ways[1], &broker);
        assert!(listed.contains("welcomed"), "{uid}: {listed}");
    }
}

#[test]
fn its_own_user_cannot_look_into_the_broker() {
    const USER: u32 = 12345;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start_as(USER, &workshop, &[]);
    let look = |process: &str| {
        let mut command = Command::new("cat");
        command.arg(format!("/proc/{process}/environ")).uid(USER).gid(USER);
        command.output().unwrap().status.success()
    };
    assert!(look("self"));
    assert!(!look(&broker.child.id().to_string()));
    // It works all the same, for that user as for root.
    broker.program().open();
}

/// Not a test by itself: those above run it as other users and in other namespaces.
#[test]
fn helper_that_says_hello() {
    let Some(socket) = std::env::var_os("REMORA_TEST_SOCKET") else { return };
    let client = Client { socket: UnixStream::connect(socket).unwrap() };
    match client.ask(&hello()) {
        Answer::Refused { reason, message } => println!("refused: {reason:?} {message}"),
        _ => {
            println!("welcomed");
            let Answer::Status(text) = client.ask(&Request::Status) else { panic!() };
            let status: serde_json::Value = serde_json::from_str(&text).unwrap();
            println!("sessions: {}", status["sessions"].as_array().unwrap().len());
            println!("kill: {:?}", refusal(client.ask(&Request::Kill { session: 1 })).0);
        }
    }
}
