use opencl_sys::{CL_COMPLETE, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, CL_INVALID_VALUE};
use remora_protocol::opencl::{
    CreateUserEvent, EnqueueFillBuffer, EnqueueMarkerOrBarrier, EnqueueRead, EventDone, EventStatus, Finish,
    GetEventProfiling, Profile, Release, SetUserEventStatus, Status, StreamClosed, TransferDone, WaitForEvent,
    WatchEvent,
};
use remora_protocol::{Handle, Kind, List, Need};

use super::client::{Client, bytes};

const OUT_OF_ORDER: u64 = 1;
const PROFILING: u64 = 2;

fn user_event(client: &mut Client, context: Handle) -> Handle {
    let event = client.minter.mint(Kind::Event);
    client.send(0, &CreateUserEvent { event, context });
    event
}

fn fill(client: &mut Client, mem: Handle, value: u8, wait: &[Handle], event: Handle) -> u64 {
    let wait = List::new(wait);
    let needs = [client.all_of(0)];
    let command = EnqueueFillBuffer { event, wait, mem, pattern: &[value], offset: 0, size: 64 };
    client.send_with(2, &command, &needs, None, false)
}

fn finish_behind_a_user_event(properties: u64) {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, properties);
    let mem = client.buffer(context, 64);
    let user = user_event(&mut client, context);
    fill(&mut client, mem, 7, &[user], Handle::NONE);
    let finish = client.send_with(2, &Finish {}, &[], None, true);
    // The queue goes on taking commands, and other streams answer, while the finish waits.
    let staging = client.room(64);
    let wait = [user];
    let command = EnqueueRead {
        wait: List::new(&wait),
        mem,
        area: bytes(0, 64),
        staging: staging.offset,
        transfer: 1,
        ..EnqueueRead::default()
    };
    client.send(2, &command);
    client.buffer(context, 64);
    assert!(client.no_reply(2));
    client.send(0, &SetUserEventStatus { event: user, status: CL_COMPLETE });
    let reply = client.reply(2);
    assert_eq!(reply.frame().position, finish);
    assert_eq!(reply.decode::<Status>().code, 0);
    assert_eq!(client.finish(2), 0);
    assert_eq!(client.notice().notice(), Some(TransferDone { transfer: 1, state: 0 }));
}

#[test]
fn a_finish_waits_for_a_user_event_and_holds_up_nobody() {
    finish_behind_a_user_event(0);
}

#[test]
fn a_finish_of_an_out_of_order_queue_does_so_too() {
    finish_behind_a_user_event(OUT_OF_ORDER);
}

#[test]
fn events_are_watched_waited_for_and_measured() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, PROFILING);
    let mem = client.buffer(context, 64);
    let user = user_event(&mut client, context);
    let event = client.minter.mint(Kind::Event);
    let position = fill(&mut client, mem, 1, &[user], event);
    let need = [Need { stream: 2, position }];
    client.send_with(0, &WatchEvent { event, state: CL_COMPLETE }, &need, None, false);
    client.send_with(2, &WaitForEvent { event }, &[], None, true);
    assert!(client.no_reply(2));
    client.send(0, &SetUserEventStatus { event: user, status: CL_COMPLETE });
    assert_eq!(client.reply(2).decode::<EventDone>(), EventDone { code: 0, state: CL_COMPLETE });
    assert_eq!(client.notice().notice(), Some(EventStatus { event, state: CL_COMPLETE }));
    client.send_with(0, &GetEventProfiling { event }, &need, None, true);
    let reply = client.reply(0);
    let profile: Profile = reply.decode();
    assert_eq!(profile.code, 0);
    assert!(profile.values[0] > 0 && profile.values[0] <= profile.values[3], "{profile:?}");
    // A watch of what has happened is told at once.
    client.send(0, &WatchEvent { event, state: CL_COMPLETE });
    assert_eq!(client.notice().notice(), Some(EventStatus { event, state: CL_COMPLETE }));
    for event in [event, user] {
        client.send(0, &Release { object: event });
    }
}

#[test]
fn a_refused_command_fails_its_event_and_who_waits_for_it() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 16);
    let [first, second] = [0; 2].map(|_| client.minter.mint(Kind::Event));
    // 64 bytes do not fit.
    fill(&mut client, mem, 1, &[], first);
    fill(&mut client, mem, 1, &[first], second);
    client.send_with(2, &Finish {}, &[], None, true);
    let reply = client.reply(2);
    assert_eq!(reply.decode::<Status>().code, CL_INVALID_VALUE);
    let told: Vec<EventStatus> =
        client.notices_until(reply.frame().notices).iter().map(|notice| notice.notice().unwrap()).collect();
    let wait_failed = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    assert_eq!(
        told,
        [EventStatus { event: first, state: CL_INVALID_VALUE }, EventStatus { event: second, state: wait_failed }]
    );
    assert_eq!(client.wait(2, second), wait_failed);
    assert_eq!(client.finish(2), 0);
}

#[test]
fn a_failed_user_event_fails_what_waits_for_it() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, OUT_OF_ORDER);
    let mem = client.buffer(context, 64);
    let user = user_event(&mut client, context);
    let event = client.minter.mint(Kind::Event);
    fill(&mut client, mem, 1, &[user], event);
    let needs = [client.all_of(2)];
    client.send_with(0, &SetUserEventStatus { event: user, status: -42 }, &needs, None, false);
    assert!(client.wait(2, event) < 0);
}

#[test]
fn commands_wait_across_queues() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    client.queue(context, 3, OUT_OF_ORDER);
    let mem = client.buffer(context, 64);
    let user = user_event(&mut client, context);
    let event = client.minter.mint(Kind::Event);
    let mut position = 0;
    for value in 0..50 {
        let (wait, last) = ([user], value == 49);
        position = fill(&mut client, mem, value, &wait, if last { event } else { Handle::NONE });
    }
    let staging = client.room(64);
    let wait = [event];
    let command = EnqueueRead {
        wait: List::new(&wait),
        mem,
        area: bytes(0, 64),
        staging: staging.offset,
        ..EnqueueRead::default()
    };
    client.send_with(3, &command, &[Need { stream: 2, position }], None, true);
    assert!(client.no_reply(3));
    client.send(0, &SetUserEventStatus { event: user, status: CL_COMPLETE });
    assert_eq!(client.reply(3).decode::<EventDone>(), EventDone { code: 0, state: 0 });
    assert_eq!(client.bytes(staging), [49; 64]);
}

#[test]
fn markers_and_barriers_have_events() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, OUT_OF_ORDER);
    let mem = client.buffer(context, 64);
    let user = user_event(&mut client, context);
    fill(&mut client, mem, 1, &[user], Handle::NONE);
    let [barrier, marker] = [0; 2].map(|_| client.minter.mint(Kind::Event));
    client.send(2, &EnqueueMarkerOrBarrier { event: barrier, wait: List::default(), barrier: true });
    client.send(2, &EnqueueMarkerOrBarrier { event: marker, wait: List::default(), barrier: false });
    client.send_with(2, &WaitForEvent { event: marker }, &[], None, true);
    assert!(client.no_reply(2));
    client.send(0, &SetUserEventStatus { event: user, status: CL_COMPLETE });
    assert_eq!(client.reply(2).decode::<EventDone>().state, CL_COMPLETE);
    assert_eq!(client.wait(2, barrier), CL_COMPLETE);
}

#[test]
fn a_queue_closes_when_everything_in_it_is_done() {
    let mut client = Client::new();
    let context = client.context();
    let queue = client.queue(context, 2, 0);
    let mem = client.buffer(context, 64);
    let user = user_event(&mut client, context);
    fill(&mut client, mem, 1, &[user], Handle::NONE);
    let needs = [client.all_of(2)];
    client.send_with(0, &Release { object: queue }, &needs, None, false);
    assert!(client.no_notice());
    client.send(0, &SetUserEventStatus { event: user, status: CL_COMPLETE });
    assert_eq!(client.notice().notice(), Some(StreamClosed { stream: 2 }));
}

#[test]
fn a_blocking_read_behind_a_user_event_waits() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 64);
    let user = user_event(&mut client, context);
    fill(&mut client, mem, 5, &[user], Handle::NONE);
    let staging = client.room(64);
    let command = EnqueueRead { mem, area: bytes(0, 64), staging: staging.offset, ..EnqueueRead::default() };
    client.send_with(2, &command, &[], None, true);
    assert!(client.no_reply(2));
    client.send(0, &SetUserEventStatus { event: user, status: CL_COMPLETE });
    let reply = client.reply(2);
    assert_eq!(reply.decode::<EventDone>(), EventDone { code: 0, state: 0 });
    assert_eq!(reply.frame().bulk, Some(staging));
    assert_eq!(client.bytes(staging), [5; 64]);
}
