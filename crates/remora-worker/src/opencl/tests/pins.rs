//! Staging that the driver knows, as for a device with memory of its own.

use opencl_sys::{CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, CL_QUEUE_PROFILING_ENABLE};
use remora_link::Arena;
use remora_protocol::opencl::{Area, CreateBuffer, EnqueueWrite};
use remora_protocol::{Handle, Kind};

use super::buffers::{pattern, read, write};
use super::client::{Client, bytes};

fn pins(client: &Client, context: Handle) -> usize {
    client.worker.tables.contexts.get(context).unwrap().pins.count()
}

/// A client with a context that pins, and queues of all sorts in its streams from 2 on.
fn client() -> (Client, Handle) {
    let mut client = Client::new();
    let context = client.context();
    client.worker.tables.contexts.get(context).unwrap().pins.want();
    client.queue(context, 2, 0);
    (client, context)
}

#[test]
fn transfers_make_their_blocks_known_once() {
    let (mut client, context) = client();
    assert_eq!(client.link.arena().staging(), 0..3 * Arena::BLOCK);
    let mem = client.buffer(context, 9 << 20);
    write(&mut client, mem, bytes(5, 100), &pattern(100));
    assert_eq!(read(&mut client, mem, bytes(5, 100), 100), pattern(100));
    assert_eq!(pins(&client, context), 1);
    // From the second block on, in parts.
    client.room(Arena::BLOCK as usize - 2 * 4096);
    let contents = pattern(Arena::BLOCK as usize + 12345);
    write(&mut client, mem, bytes(77, contents.len() as u64), &contents);
    assert_eq!(client.finish(2), 0);
    assert_eq!(pins(&client, context), 3);
    // Where the driver knows nothing.
    assert_eq!(read(&mut client, mem, bytes(77, contents.len() as u64), contents.len()), contents);
    assert_eq!(pins(&client, context), 3);
    assert_eq!(client.finish(2), 0);
}

#[test]
fn several_blocks_are_one_command_where_that_shows() {
    for properties in [CL_QUEUE_PROFILING_ENABLE, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE] {
        let (mut client, context) = client();
        client.queue(context, 3, properties);
        let mem = client.buffer(context, 5 << 20);
        let contents = pattern(5 << 20);
        let bulk = client.stage(&contents);
        let (event, needs) = (client.minter.mint(Kind::Event), [client.all_of(0)]);
        let command = EnqueueWrite { event, mem, area: bytes(0, bulk.length), ..EnqueueWrite::default() };
        client.send_with(3, &command, &needs, Some(bulk), false);
        assert_eq!(client.wait(3, event), 0);
        assert_eq!(read(&mut client, mem, bytes(0, 1000), 1000), contents[..1000]);
        assert_eq!(pins(&client, context), 2);
    }
}

#[test]
fn rows_pass_through_staging_that_is_known() {
    let (mut client, context) = client();
    let mem = client.buffer(context, 64);
    write(&mut client, mem, bytes(0, 64), &pattern(64));
    let area = Area { kind: 1, element: 1, origin: [1, 2, 0], region: [3, 2, 2], row_pitch: 4, slice_pitch: 16 };
    let all = pattern(64);
    let wanted: Vec<u8> = [9, 13, 25, 29].iter().flat_map(|start| all[*start..start + 3].to_vec()).collect();
    assert_eq!(read(&mut client, mem, area, 12), wanted);
}

#[test]
fn a_store_may_not_lie_in_staging() {
    let (mut client, context) = client();
    let (mem, size) = (client.minter.mint(Kind::Mem), 8192);
    client.send(0, &CreateBuffer { mem, context, flags: 1, size, store: 0, svm: 0, vendor_flags: 0 });
    assert!(client.is_closed_soon());
}
