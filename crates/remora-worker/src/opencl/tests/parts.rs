use opencl_sys::{CL_COMPLETE, CL_INVALID_OPERATION};
use remora_protocol::opencl::{
    CreateUserEvent, Deliver, Delivered, EnqueueRead, EnqueueWrite, EventDone, Fetch, Fetched, Finish,
    SetUserEventStatus, TransferDone, TransferRefused,
};
use remora_protocol::{Bulk, Handle, Kind, List};

use super::client::{Client, bytes};

/// Not a multiple of anything.
const LENGTH: usize = 10_123_457;

fn contents() -> Vec<u8> {
    (0..LENGTH).map(|index| (index ^ (index >> 8) ^ (index >> 16)) as u8).collect()
}

/// Answers Fetch and Deliver notices until transfer `number` has ended; what was delivered, and the state.
fn serve(client: &mut Client, number: u64, source: &[u8]) -> (Vec<u8>, i32) {
    let mut taken = vec![0; source.len()];
    loop {
        let notice = client.notice();
        if let Some(fetch) = notice.notice::<Fetch>() {
            assert_eq!(fetch.transfer, number);
            let range = fetch.offset as usize..(fetch.offset + fetch.length) as usize;
            assert!(client.link.arena().commit(fetch.arena, fetch.length).is_ok());
            assert!(client.link.arena().write(fetch.arena, &source[range]));
            let bulk = Some(Bulk { offset: fetch.arena, length: fetch.length });
            client.send_with(1, &Fetched { transfer: number }, &[], bulk, false);
        } else if let Some(deliver) = notice.notice::<Deliver>() {
            assert_eq!(deliver.transfer, number);
            let part = client.bytes(notice.frame().bulk.unwrap());
            taken[deliver.offset as usize..][..part.len()].copy_from_slice(&part);
            client.send(1, &Delivered { transfer: number });
            if deliver.offset as usize + part.len() == taken.len() && number == BLOCKING {
                return (taken, 0);
            }
        } else {
            let done: TransferDone = notice.notice().unwrap();
            assert_eq!(done.transfer, number);
            return (taken, done.state);
        }
    }
}

/// The number of a transfer that is answered instead of told.
const BLOCKING: u64 = 99;

fn there_and_back(mut client: Client, properties: u64) {
    let context = client.context();
    client.queue(context, 2, properties);
    let mem = client.buffer(context, LENGTH as u64);
    let contents = contents();
    let needs = [client.all_of(0)];
    let event = client.minter.mint(Kind::Event);
    let area = bytes(0, LENGTH as u64);
    client.send_with(
        2,
        &EnqueueWrite { event, mem, area, transfer: 1, ..EnqueueWrite::default() },
        &needs,
        None,
        false,
    );
    // The read waits for the write, by the order of the queue or by its event.
    let wait = [event];
    let read =
        EnqueueRead { wait: List::new(&wait), mem, area, staging: u64::MAX, transfer: 2, ..EnqueueRead::default() };
    client.send(2, &read);
    let finish = client.send_with(2, &Finish {}, &[], None, true);
    assert_eq!(serve(&mut client, 1, &contents), (vec![0; LENGTH], 0));
    let (taken, state) = serve(&mut client, 2, &contents);
    assert_eq!(state, 0);
    assert!(taken == contents);
    assert_eq!(client.reply(2).frame().position, finish);
    assert_eq!(client.wait(2, event), CL_COMPLETE);
    // And once more, blocking.
    client.send_with(2, &EnqueueRead { transfer: BLOCKING, ..read }, &[], None, true);
    let (taken, _) = serve(&mut client, BLOCKING, &contents);
    assert!(taken == contents);
    assert_eq!(client.reply(2).decode::<EventDone>(), EventDone { code: 0, state: 0 });
    assert!(client.no_notice());
}

#[test]
fn bytes_travel_in_parts() {
    there_and_back(Client::new(), 0);
}

#[test]
fn bytes_travel_in_parts_on_an_out_of_order_queue() {
    there_and_back(Client::new(), 1);
}

#[test]
fn bytes_travel_in_parts_by_socket() {
    there_and_back(Client::by_socket(), 0);
}

#[test]
fn nothing_is_fetched_before_the_command_is_ready() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, LENGTH as u64);
    let user = client.minter.mint(Kind::Event);
    client.send(0, &CreateUserEvent { event: user, context });
    let needs = [client.all_of(0)];
    let (wait, area) = ([user], bytes(0, LENGTH as u64));
    let write = EnqueueWrite { wait: List::new(&wait), mem, area, transfer: 1, ..EnqueueWrite::default() };
    client.send_with(2, &write, &needs, None, false);
    assert!(client.no_notice());
    client.send(0, &SetUserEventStatus { event: user, status: CL_COMPLETE });
    assert_eq!(serve(&mut client, 1, &contents()).1, 0);
    assert_eq!(client.finish(2), 0);
}

#[test]
fn a_refused_transfer_fails_its_event_and_the_finish() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, LENGTH as u64);
    let needs = [client.all_of(0)];
    let (event, area) = (client.minter.mint(Kind::Event), bytes(0, LENGTH as u64));
    let write = EnqueueWrite { event, mem, area, transfer: 1, ..EnqueueWrite::default() };
    client.send_with(2, &write, &needs, None, false);
    let mut refused = 0;
    let state = loop {
        let notice = client.notice();
        if notice.notice::<Fetch>().is_some() {
            client.send(1, &TransferRefused { transfer: 1 });
            refused += 1;
        } else if let Some(done) = notice.notice::<TransferDone>() {
            break done.state;
        }
    };
    assert!((1..=4).contains(&refused));
    assert_eq!(state, CL_INVALID_OPERATION);
    assert!(client.wait(2, event) < 0);
    let _ = Handle::NONE;
    assert_eq!(client.finish(2), CL_INVALID_OPERATION);
}
