use opencl_sys::CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
use proptest::prelude::*;
use remora_protocol::opencl::{
    BuildProgram, Contents, CreateBuffer, CreateCommandQueue, EnqueueHostCall, EnqueueRead, EnqueueWrite, Fetched,
    Flush, OPCODES, Place, RecordCommand, Release, SourceFile,
};
use remora_protocol::{Bulk, FrameWriter, Handle, Kind, List, Need};

use super::client::{Client, DEVICE, bytes};
use crate::opencl::shared::Fault;

#[test]
fn what_no_client_sends_closes_the_session() {
    type Case = (&'static str, fn(&mut Client));
    let cases: [Case; 13] = [
        ("not a frame", |client| client.send_raw(0, &[1, 2, 3])),
        ("an unknown command", |client| {
            let mut writer = FrameWriter::default();
            client.send_raw(0, writer.write(60_000, 1, &[], None, 0, &1_u32));
        }),
        ("a position that was not due", |client| {
            let mut writer = FrameWriter::default();
            client.send_raw(0, writer.write(1, 2, &[], None, 0, &1_u32));
        }),
        ("a command of another stream", |client| {
            client.send(0, &Flush {});
        }),
        ("an answer to nothing", |client| {
            client.send(1, &Fetched { transfer: 3 });
        }),
        ("a need of a stream that can't be", |client| {
            let need = Need { stream: 1 << 30, position: 1 };
            client.send_with(0, &Release { object: DEVICE }, &[need], None, false);
        }),
        ("a recorded command that is none", |client| {
            client.send(0, &RecordCommand { opcode: 60_000, ..RecordCommand::default() });
        }),
        ("a name of the wrong kind", |client| {
            let context = client.context();
            let mem = Handle::new(Kind::Event, 0, 1);
            client.send(0, &CreateBuffer { mem, context, flags: 1, size: 4, store: u64::MAX, svm: 0, vendor_flags: 0 });
        }),
        ("bulk outside the arena", |client| {
            let context = client.context();
            let mem = client.minter.mint(Kind::Mem);
            let command = CreateBuffer { mem, context, flags: 1, size: 8192, store: u64::MAX, svm: 0, vendor_flags: 0 };
            let bulk = Bulk { offset: client.link.arena().size() - 4096, length: 8192 };
            client.send_with(0, &command, &[], Some(bulk), false);
        }),
        ("a store in the worker's part of the arena", |client| {
            let context = client.context();
            let mem = client.minter.mint(Kind::Mem);
            let store = client.link.arena().bounce().start;
            client.send(0, &CreateBuffer { mem, context, flags: 1, size: 4096, store, svm: 0, vendor_flags: 0 });
        }),
        ("an included file with an endless name", |client| {
            let contents = Contents { bytes: b"", offer: None };
            let file = SourceFile { path: &[b'/'; 5000], contents };
            let place = Place { directory: b"/", files: vec![file] };
            let program = Handle::new(Kind::Program, 0, 1);
            client.send(0, &BuildProgram { program, place: Some(place), ..BuildProgram::default() });
        }),
        ("two calls under one number", |client| {
            let context = client.context();
            client.queue(context, 2, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
            client.send(2, &EnqueueHostCall { transfer: 5, ..EnqueueHostCall::default() });
            client.send(2, &EnqueueHostCall { transfer: 5, ..EnqueueHostCall::default() });
        }),
        ("two queues in a stream", |client| {
            let context = client.context();
            client.queue(context, 2, 0);
            let queue = client.minter.mint(Kind::Queue);
            let command = CreateCommandQueue {
                queue,
                context,
                device: DEVICE,
                stream: 2,
                properties: List::default(),
                with_properties: false,
            };
            client.send(0, &command);
        }),
    ];
    for (what, case) in cases {
        let mut client = Client::new();
        case(&mut client);
        assert!(client.is_closed_soon(), "{what}");
    }
}

#[test]
fn wrong_sizes_of_bulk_close_the_session() {
    for staged in [true, false] {
        let mut client = Client::new();
        let context = client.context();
        client.queue(context, 2, 0);
        let mem = client.buffer(context, 4096);
        let needs = [client.all_of(0)];
        if staged {
            let staging = client.link.arena().bounce().start - 100;
            let command = EnqueueRead { mem, area: bytes(0, 4096), staging, transfer: 1, ..EnqueueRead::default() };
            client.send_with(2, &command, &needs, None, false);
        } else {
            let bulk = client.stage(&[1; 100]);
            let command = EnqueueWrite { mem, area: bytes(0, 4096), ..EnqueueWrite::default() };
            client.send_with(2, &command, &needs, Some(bulk), false);
        }
        assert!(client.is_closed_soon());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn arbitrary_commands_do_no_harm(
        frames in prop::collection::vec((0_u32..3, 1..=OPCODES, prop::collection::vec(any::<u8>(), 0..200), any::<bool>()), 1..6),
    ) {
        let mut client = Client::new();
        let context = client.context();
        client.queue(context, 2, 0);
        let mut positions = [2, 0, 0];
        for (stream, opcode, body, zeros) in frames {
            positions[stream as usize] += 1;
            let body: Vec<u8> = if zeros { vec![0; body.len()] } else { body };
            let mut frame = vec![0; 40];
            frame[..4].copy_from_slice(&(40 + body.len() as u32).to_le_bytes());
            frame[4..6].copy_from_slice(&(opcode as u16).to_le_bytes());
            frame[8..16].copy_from_slice(&(positions[stream as usize] as u64).to_le_bytes());
            frame.extend_from_slice(&body);
            if client.try_send_raw(stream, &frame).is_err() {
                break;
            }
        }
        // What is still under way when the client goes is cut off; give it a moment.
        std::thread::sleep(std::time::Duration::from_millis(5));
        let fault = client.worker.fault.lock().unwrap().clone();
        prop_assert_ne!(fault, Some(Fault::Panic));
    }
}
