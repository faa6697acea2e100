use opencl_sys::{CL_COMPLETE, CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_MAP_READ, CL_MAP_WRITE};
use remora_protocol::opencl::{
    Area, CreateBuffer, CreateImage, CreateSubBuffer, EnqueueCopyBuffer, EnqueueFillBuffer, EnqueueMapStore,
    EnqueueRead, EnqueueUnmapStore, EnqueueWrite, EventDone, InitMem, MemDestroyed, Release, StreamClosed,
    TransferDone, WatchMem,
};
use remora_protocol::{Bulk, Handle, Kind, List};

use super::client::{Client, bytes};

pub fn read(client: &mut Client, mem: Handle, area: Area, length: usize) -> Vec<u8> {
    let staging = client.room(length);
    let needs = [client.all_of(0)];
    let command = EnqueueRead { mem, area, staging: staging.offset, ..EnqueueRead::default() };
    client.send_with(2, &command, &needs, None, true);
    let reply = client.reply(2);
    assert_eq!(reply.decode::<EventDone>(), EventDone { code: 0, state: CL_COMPLETE });
    assert_eq!(reply.frame().bulk, Some(staging));
    client.bytes(staging)
}

pub fn write(client: &mut Client, mem: Handle, area: Area, contents: &[u8]) {
    let bulk = client.stage(contents);
    let needs = [client.all_of(0)];
    client.send_with(2, &EnqueueWrite { mem, area, ..EnqueueWrite::default() }, &needs, Some(bulk), false);
}

pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + index / 251) as u8).collect()
}

fn bytes_come_back(mut client: Client) {
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 10_000);
    let contents = pattern(10_000);
    write(&mut client, mem, bytes(0, 10_000), &contents);
    assert_eq!(read(&mut client, mem, bytes(0, 10_000), 10_000), contents);
    assert_eq!(read(&mut client, mem, bytes(777, 5), 5), contents[777..782]);
    assert_eq!(client.finish(2), 0);
    assert!(client.no_notice());
}

#[test]
fn what_is_written_is_read() {
    bytes_come_back(Client::new());
}

#[test]
fn what_is_written_is_read_by_socket() {
    bytes_come_back(Client::by_socket());
}

#[test]
fn rectangles_and_images_are_packed_on_the_way() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 64);
    write(&mut client, mem, bytes(0, 64), &pattern(64));
    let area = Area { kind: 1, element: 1, origin: [1, 2, 0], region: [3, 2, 2], row_pitch: 4, slice_pitch: 16 };
    let all = pattern(64);
    let wanted: Vec<u8> = [9, 13, 25, 29].iter().flat_map(|start| all[*start..start + 3].to_vec()).collect();
    assert_eq!(read(&mut client, mem, area, 12), wanted);

    let image = client.minter.mint(Kind::Mem);
    let (order, data_type, image_type) = (opencl_sys::CL_RGBA, opencl_sys::CL_UNSIGNED_INT8, 0x10F1);
    let contents = pattern(8 * 4 * 4);
    let bulk = client.stage(&contents);
    let (width, height) = (8, 4);
    let command = CreateImage {
        mem: image,
        context,
        flags: 1,
        order,
        data_type,
        image_type,
        width,
        height,
        store: u64::MAX,
        ..CreateImage::default()
    };
    assert_eq!(client.ask(0, &command, &[], Some(bulk)), 0);
    let area = Area { kind: 2, element: 4, origin: [2, 1, 0], region: [3, 2, 1], ..Area::default() };
    let wanted: Vec<u8> = [40, 72].iter().flat_map(|start| contents[*start..start + 12].to_vec()).collect();
    assert_eq!(read(&mut client, image, area, 24), wanted);
}

#[test]
fn initial_contents_come_at_once_or_later() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let contents = pattern(5000);
    let bulk = client.stage(&contents);
    let mem = client.minter.mint(Kind::Mem);
    let flags = 1 | opencl_sys::CL_MEM_HOST_READ_ONLY;
    let command = CreateBuffer { mem, context, flags, size: 5000, store: u64::MAX, svm: 0, vendor_flags: 0 };
    assert_eq!(client.ask(0, &command, &[], Some(bulk)), 0);
    assert_eq!(read(&mut client, mem, bytes(0, 5000), 5000), contents);

    let mem = client.minter.mint(Kind::Mem);
    client.send(0, &CreateBuffer { mem, ..command });
    client.send(0, &InitMem { mem, area: bytes(0, 1000), bytes: &contents[..1000] });
    let bulk = client.stage(&contents[1000..]);
    client.send_with(0, &InitMem { mem, area: bytes(1000, 4000), bytes: &[] }, &[], Some(bulk), false);
    assert_eq!(read(&mut client, mem, bytes(0, 5000), 5000), contents);
}

#[test]
fn a_store_is_the_buffer() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let store = client.store(&pattern(8192));
    let mem = client.minter.mint(Kind::Mem);
    let command = CreateBuffer { mem, context, flags: 1, size: 8192, store: store.offset, svm: 0, vendor_flags: 0 };
    assert_eq!(client.ask(0, &command, &[], None), 0);
    assert_eq!(read(&mut client, mem, bytes(4000, 100), 100), pattern(8192)[4000..4100]);
    let wait = List::default();
    let fill = EnqueueFillBuffer { event: Handle::NONE, wait, mem, pattern: &[9], offset: 0, size: 8192 };
    client.send(2, &fill);
    let (event, flags, area) = (client.minter.mint(Kind::Event), CL_MAP_READ | CL_MAP_WRITE, bytes(64, 128));
    client.send(2, &EnqueueMapStore { event, wait, mem, flags, area });
    assert_eq!(client.wait(2, event), CL_COMPLETE);
    let part = Bulk { offset: store.offset + 64, length: 128 };
    assert_eq!(client.bytes(part), [9; 128]);
    assert!(client.link.arena().write(part.offset, &[3; 128]));
    client.send(2, &EnqueueUnmapStore { event: Handle::NONE, wait, mem, area });
    assert_eq!(read(&mut client, mem, bytes(63, 3), 3), [9, 3, 3]);
    // What is not mapped can't be unmapped: the next finish says so, once.
    client.send(2, &EnqueueUnmapStore { event: Handle::NONE, wait, mem, area });
    assert_eq!(client.finish(2), CL_INVALID_VALUE);
    assert_eq!(client.finish(2), 0);
}

#[test]
fn a_store_is_the_image() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let contents = pattern(8 * 4 * 4);
    let store = client.store(&[contents.as_slice(), &[0; 4096]].concat());
    let mem = client.minter.mint(Kind::Mem);
    let command = CreateImage {
        mem,
        context,
        flags: 1,
        order: opencl_sys::CL_RGBA,
        data_type: opencl_sys::CL_UNSIGNED_INT8,
        image_type: opencl_sys::CL_MEM_OBJECT_IMAGE2D,
        width: 8,
        height: 4,
        store: store.offset,
        ..CreateImage::default()
    };
    assert_eq!(client.ask(0, &command, &[], None), 0);
    let area = Area { kind: 2, element: 4, origin: [2, 1, 0], region: [3, 2, 1], ..Area::default() };
    let wanted: Vec<u8> = [40, 72].iter().flat_map(|start| contents[*start..start + 12].to_vec()).collect();
    assert_eq!(read(&mut client, mem, area, 24), wanted);
    let (event, wait, flags) = (client.minter.mint(Kind::Event), List::default(), CL_MAP_WRITE);
    client.send(2, &EnqueueMapStore { event, wait, mem, flags, area });
    assert_eq!(client.wait(2, event), CL_COMPLETE);
    assert!(client.link.arena().write(store.offset + 40, &[7; 12]));
    client.send(2, &EnqueueUnmapStore { event: Handle::NONE, wait, mem, area });
    assert_eq!(read(&mut client, mem, area, 24), [[7; 12].as_slice(), &wanted[12..]].concat());
    // A region that isn't mapped, and one that isn't there.
    client.send(2, &EnqueueUnmapStore { event: Handle::NONE, wait, mem, area });
    assert_eq!(client.finish(2), CL_INVALID_VALUE);
    let area = Area { region: [7, 2, 1], ..area };
    client.send(2, &EnqueueMapStore { event: Handle::NONE, wait, mem, flags, area });
    assert_eq!(client.finish(2), CL_INVALID_VALUE);
}

#[test]
fn sub_buffers_and_copies() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let (from, to) = (client.buffer(context, 4096), client.buffer(context, 4096));
    write(&mut client, from, bytes(0, 4096), &pattern(4096));
    let part = client.minter.mint(Kind::Mem);
    let command = CreateSubBuffer { mem: part, parent: to, flags: 1, origin: 1024, size: 1024 };
    assert_eq!(client.ask(0, &command, &[], None), 0);
    let copy = EnqueueCopyBuffer {
        src_buffer: from,
        dst_buffer: part,
        src_offset: 100,
        dst_offset: 24,
        size: 1000,
        ..EnqueueCopyBuffer::default()
    };
    client.send(2, &copy);
    assert_eq!(read(&mut client, to, bytes(1048, 1000), 1000), pattern(4096)[100..1100]);
}

#[test]
fn reads_without_waiting_are_told_before_the_finish_that_covers_them() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 64);
    write(&mut client, mem, bytes(0, 64), &pattern(64));
    let staging: Vec<Bulk> = (0..20).map(|_| client.room(64)).collect();
    for (number, staging) in staging.iter().enumerate() {
        let command = EnqueueRead {
            mem,
            area: bytes(0, 64),
            staging: staging.offset,
            transfer: number as u64 + 1,
            ..EnqueueRead::default()
        };
        client.send(2, &command);
    }
    client.send_with(2, &remora_protocol::opencl::Finish {}, &[], None, true);
    let reply = client.reply(2);
    let notices = client.notices_until(reply.frame().notices);
    let told: Vec<u64> = notices.iter().map(|notice| notice.notice::<TransferDone>().unwrap().transfer).collect();
    assert_eq!(told, (1..=20).collect::<Vec<_>>());
    for (notice, staging) in notices.iter().zip(staging) {
        assert_eq!(notice.frame().bulk, Some(staging));
        assert_eq!(client.bytes(staging), pattern(64));
    }
    assert!(client.no_notice());
}

#[test]
fn writes_that_ask_are_told_when_they_are_done() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 64);
    let bulk = client.stage(&pattern(64));
    let needs = [client.all_of(0)];
    let command = EnqueueWrite { mem, area: bytes(0, 64), transfer: 9, ..EnqueueWrite::default() };
    client.send_with(2, &command, &needs, Some(bulk), false);
    assert_eq!(client.finish(2), 0);
    assert_eq!(client.notice().notice(), Some(TransferDone { transfer: 9, state: 0 }));
    // One that the driver refuses is told likewise, and the finish says it.
    let command = EnqueueWrite { area: bytes(60, 64), transfer: 10, ..command };
    client.send_with(2, &command, &[], Some(bulk), false);
    assert_eq!(client.notice().notice(), Some(TransferDone { transfer: 10, state: CL_INVALID_VALUE }));
    assert_eq!(client.finish(2), CL_INVALID_VALUE);
}

#[test]
fn released_names_are_free_while_the_object_is_still_needed() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 64);
    write(&mut client, mem, bytes(0, 64), &[1; 64]);
    client.send(0, &WatchMem { mem });
    // The release comes before the command that it waits for.
    let mut later = client.all_of(2);
    later.position += 1;
    client.send_with(0, &Release { object: mem }, &[later], None, false);
    client.minter.retire(mem);
    let next = client.buffer(context, 64);
    assert_eq!(next.index(), mem.index());
    write(&mut client, next, bytes(0, 64), &[2; 64]);
    assert_eq!(client.notice().notice(), Some(MemDestroyed { mem }));
    assert_eq!(read(&mut client, next, bytes(0, 64), 64), [2; 64]);
    let command = EnqueueRead { mem, area: bytes(0, 64), ..EnqueueRead::default() };
    client.send_with(2, &command, &[], None, true);
    assert_eq!(client.reply(2).decode::<EventDone>().code, CL_INVALID_MEM_OBJECT);
}

#[test]
fn a_stream_can_be_used_again() {
    let mut client = Client::new();
    let context = client.context();
    for round in 0..3 {
        let queue = client.queue(context, 2, 0);
        let mem = client.buffer(context, 64);
        write(&mut client, mem, bytes(0, 64), &[round; 64]);
        assert_eq!(read(&mut client, mem, bytes(0, 1), 1), [round]);
        let needs = [client.all_of(2)];
        client.send_with(0, &Release { object: queue }, &needs, None, false);
        assert_eq!(client.notice().notice(), Some(StreamClosed { stream: 2 }));
        client.send(0, &Release { object: mem });
    }
}

#[test]
fn a_buffer_that_could_not_be_made_answers_its_users() {
    let mut client = Client::new();
    let context = client.context();
    client.queue(context, 2, 0);
    let mem = client.buffer(context, 1 << 60);
    let staging = client.room(64);
    let needs = [client.all_of(0)];
    let command = EnqueueRead { mem, area: bytes(0, 64), staging: staging.offset, ..EnqueueRead::default() };
    client.send_with(2, &command, &needs, None, true);
    let code = client.reply(2).decode::<EventDone>().code;
    assert!(code < 0 && code != CL_INVALID_MEM_OBJECT, "{code}");
    client.send(0, &Release { object: mem });
    assert_eq!(client.finish(2), 0);
}
