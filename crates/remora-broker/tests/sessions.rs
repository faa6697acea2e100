//! Sessions from their opening to their end.

mod common;

use common::*;
use remora_protocol::hello::*;
use rustix::fs::SealFlags;

#[test]
fn a_program_gets_facts_memory_and_a_worker() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &["--arena", "32MiB", "--driver", "null"]);
    let client = broker.connect();
    let facts = std::fs::read(workshop.path().join("facts")).unwrap();
    assert_eq!(client.ask(&hello()), Answer::Welcome { version: VERSION, facts });
    let session = client.open();
    assert_eq!(session.opened.session, 1);
    assert_eq!(session.opened.memory_credit, 1 << 30);
    assert_eq!(session.opened.layout, Layout { arena: 32 << 20, ..Layout::default() });
    let [_rings, arena] = &session.memory[..] else { panic!("{} descriptors", session.memory.len()) };
    assert_eq!(rustix::fs::fstat(arena).unwrap().st_size, 32 << 20);
    assert!(rustix::fs::fcntl_get_seals(arena).unwrap().contains(SealFlags::SHRINK | SealFlags::GROW));
    eventually("the worker starts", || workshop.path().join("arguments").exists());
    let arguments = std::fs::read_to_string(workshop.path().join("arguments")).unwrap();
    for part in ["session --socket", "--rings", "--arena", "--peer", "--link memfd", "--driver null --session 1"] {
        assert!(arguments.contains(part), "{arguments}");
    }
    let layout = Layout::default();
    let numbers =
        format!("{},{},{},{},{}", layout.streams, layout.command_ring, layout.reply_ring, layout.notice_ring, 32 << 20);
    assert!(arguments.contains(&format!("--layout {numbers} ")), "{arguments}");

    // The fake worker ends with its connection, so the broker has let go of its own copy.
    drop(client);
    eventually("the worker ends", || session.has_ended());
    eventually("the session is gone", || broker.status()["sessions"].as_array().unwrap().is_empty());
}

#[test]
fn a_stream_link_has_no_shared_memory() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let client = broker.client(Role::Program, LinkKind::Stream);
    assert!(client.open().memory.is_empty());
    eventually("the worker starts", || workshop.path().join("arguments").exists());
    let arguments = std::fs::read_to_string(workshop.path().join("arguments")).unwrap();
    assert!(arguments.contains("--link stream") && !arguments.contains("--rings"), "{arguments}");
}

#[test]
fn status_tells_what_workers_tell() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let client = broker.program();
    let _session = client.open();
    let mut status = serde_json::Value::Null;
    // bash may take longer to start than the broker waits for an answer.
    eventually("the worker answers", || {
        status = broker.status();
        status["sessions"][0]["stalled"] == false
    });
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["uptime_s"].is_number());
    assert_eq!(status["facts"]["platforms"][0]["name"], "Fake platform");
    assert_eq!(status["facts"]["platforms"][0]["devices"][0], "Fake device");
    let session = &status["sessions"][0];
    assert_eq!(session["session"], 1);
    assert_eq!(session["pid"], std::process::id());
    assert_eq!(session["program"], "test");
    assert_eq!(session["link"], "memfd");
    assert_eq!(session["counters"]["commands"], 7);
    assert!(exists(session["worker_pid"].as_u64().unwrap()));
}

#[test]
fn what_a_worker_says_beyond_counters_goes_no_further() {
    let session = r#"
text=$(printf '%03000d' 7)
while IFS= read -r -N 1 byte <&$status; do printf '\xd0\x0b\0\0{"commands":7,"text":"%s"}' "$text" >&$status; done &
exec cat <&$socket >/dev/null"#;
    let workshop = workshop(GOOD_PROBE, session);
    let broker = Broker::start(&workshop, &[]);
    let client = broker.program();
    let _session = client.open();
    let mut status = serde_json::Value::Null;
    eventually("the worker answers", || {
        status = broker.status();
        status["sessions"][0]["stalled"] == false
    });
    assert_eq!(status["sessions"][0]["counters"], serde_json::json!({ "commands": 7 }));
}

#[test]
fn a_worker_that_does_not_answer_is_stalled() {
    let workshop = workshop(GOOD_PROBE, STALLED_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let client = broker.program();
    let _session = client.open();
    for _ in 0..2 {
        let status = broker.status();
        assert_eq!(status["sessions"][0]["stalled"], true);
        assert_eq!(status["sessions"][0]["counters"], serde_json::Value::Null);
    }
}

#[test]
fn there_are_no_more_sessions_than_allowed() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let config = workshop.path().join("config.toml");
    std::fs::write(&config, "max_sessions_per_tenant = 2\n").unwrap();
    for (most, word) in [("2", "raise max_sessions or"), ("3", "raise max_sessions_per_tenant")] {
        let broker = Broker::start(&workshop, &["--config", config.to_str().unwrap(), "--max-sessions", most]);
        let clients = [broker.program(), broker.program(), broker.program()];
        let first = clients[0].open();
        let _second = clients[1].open();
        let (reason, message) = refusal(clients[2].ask(&Request::Open { room: u64::MAX }));
        assert_eq!(reason, Reason::Full);
        assert!(message.contains(word), "{message}");
        // The same connection may try again.
        let [one, _two, three] = clients;
        drop(one);
        eventually("the first worker ends", || first.has_ended());
        eventually("there is room again", || matches!(three.ask(&Request::Open { room: u64::MAX }), Answer::Opened(_)));
    }
}

#[test]
fn one_tenant_does_not_get_everything() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &["--max-sessions", "4"]);
    let first = broker.program();
    let _session = first.open();
    for _ in 0..3 {
        let (reason, message) = refusal(broker.program().ask(&Request::Open { room: u64::MAX }));
        assert_eq!(reason, Reason::Full);
        assert!(message.contains("all 1 sessions that one user may have"), "{message}");
    }
    // The log has it once, however often it happens; what is meant for debugging has it always.
    let count = |what: &str| broker.log.lock().unwrap().lines().filter(|line| line.contains(what)).count();
    eventually("all refusals are logged", || count("refused user") == 3);
    assert_eq!(count("WARN"), 1);
}

#[test]
fn the_end_of_a_worker_is_noticed_and_named() {
    let workshop = workshop(GOOD_PROBE, "kill -SEGV $$");
    let broker = Broker::start(&workshop, &[]);
    let mut client = broker.program();
    let session = client.open();
    eventually("the worker ends", || session.has_ended());
    broker.await_log("SIGSEGV");
    client.closed();
    assert_eq!(broker.status()["sessions"], serde_json::json!([]));
}

#[test]
fn what_a_worker_leaves_behind_ends_with_it() {
    let workshop = workshop(GOOD_PROBE, "sleep 1000 & echo $! >\"$here/helper\"; exit 3");
    let broker = Broker::start(&workshop, &[]);
    let client = broker.program();
    let _session = client.open();
    broker.await_log("exit status 3");
    let helper = std::fs::read_to_string(workshop.path().join("helper")).unwrap();
    // An orphan stays a zombie where nothing reaps for the whole machine.
    eventually("the helper ends", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", helper.trim()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
}

#[test]
fn a_session_can_be_killed() {
    let workshop = workshop(GOOD_PROBE, STALLED_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let mut client = broker.program();
    let session = client.open();
    let administrator = broker.client(Role::Administrator, LinkKind::Memfd);
    let (reason, message) = refusal(administrator.ask(&Request::Kill { session: 99 }));
    assert_eq!(reason, Reason::NoSuchSession);
    assert!(message.contains("99"), "{message}");
    assert_eq!(administrator.ask(&Request::Kill { session: 1 }), Answer::Killed);
    eventually("the worker ends", || session.has_ended());
    client.closed();
    broker.await_log("SIGKILL");
}

#[test]
fn a_worker_that_cannot_be_run_is_no_driver() {
    let workshop = workshop(GOOD_PROBE, GOOD_SESSION);
    let broker = Broker::start(&workshop, &[]);
    let client = broker.program();
    std::fs::write(workshop.path().join("worker"), "#!/no/such/interpreter\n").unwrap();
    let (reason, message) = refusal(client.ask(&Request::Open { room: u64::MAX }));
    assert_eq!(reason, Reason::NoDriver);
    assert!(message.contains("cannot run the worker"), "{message}");
}

#[test]
fn a_workers_environment_does_not_lead_back() {
    let workshop = workshop(GOOD_PROBE, "env >\"$here/environment\"; ls /proc/self/fd >\"$here/descriptors\"");
    let vendors = workshop.path().join("vendors");
    std::fs::create_dir(&vendors).unwrap();
    std::fs::write(vendors.join("remora.icd"), "libremora.so\n").unwrap();
    let variables =
        [("REMORA_TO", "unix:/x"), ("OCL_ICD_VENDORS", vendors.to_str().unwrap()), ("SOMETHING_ELSE", "kept")];
    let broker = Broker::start_with(&workshop, &[], &variables);
    let client = broker.program();
    let session = client.open();
    eventually("the worker ends", || session.has_ended());
    let environment = std::fs::read_to_string(workshop.path().join("environment")).unwrap();
    assert!(environment.contains("REMORA_WORKER_PROCESS=1") && environment.contains("SOMETHING_ELSE=kept"));
    assert!(!environment.contains("REMORA_TO=") && !environment.contains("OCL_ICD_VENDORS="));
    // 0, 1, 2, the five that are meant, the script, and the directory that is being listed.
    let descriptors = std::fs::read_to_string(workshop.path().join("descriptors")).unwrap();
    assert!(descriptors.lines().count() <= 10, "{descriptors}");
}
