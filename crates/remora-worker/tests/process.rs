//! The worker as a process, on the null driver.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use remora_link::{Lane, Layout, Link, Receiver, Sender, Side, create_memory};
use remora_protocol::message::Command as Message;
use remora_protocol::opencl::{
    BuildProgram, Contents, CreateCommandQueue, CreateContext, CreateKernel, CreateProgramWithSource,
    EnqueueNDRangeKernel, Facts, Finish, KernelArg, NoticeMessage,
};
use remora_protocol::wire::{decode_all, encode_to_vec};
use remora_protocol::{Frame, FrameWriter, Handle, Items, Kind, List};

const DEVICE: Handle = Handle::new(Kind::Device, 0, 0);
const CONTEXT: Handle = Handle::new(Kind::Context, 0, 0);
const QUEUE: Handle = Handle::new(Kind::Queue, 0, 0);
const PROGRAM: Handle = Handle::new(Kind::Program, 0, 0);
const KERNEL: Handle = Handle::new(Kind::Kernel, 0, 0);

/// A worker of its own, and what this side has of the session.
struct Session {
    worker: Child,
    status: UnixStream,
    link: Link,
    streams: Vec<(Sender, Receiver, u64)>,
    notices: Receiver,
}

impl Session {
    fn start() -> Self {
        let layout = Layout { streams: 8, arena: 16 << 20, ..Layout::default() };
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (status, their_status) = UnixStream::pair().unwrap();
        let (rings, arena) = create_memory(&layout).unwrap();
        let fds: Vec<OwnedFd> =
            vec![theirs.into(), their_status.into(), rings.try_clone().unwrap(), arena.try_clone().unwrap()];
        let numbers: Vec<i32> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let Layout { streams, command_ring, reply_ring, notice_ring, arena: size } = layout;
        let mut command = Command::new(env!("CARGO_BIN_EXE_remora-worker"));
        let names = ["--socket", "--status", "--rings", "--arena"];
        command.arg("session");
        for (name, number) in names.iter().zip(&numbers) {
            command.args([*name, &number.to_string()]);
        }
        command.args(["--link", "memfd", "--driver", "null", "--session", "5", "--layout"]);
        command.arg(format!("{streams},{command_ring},{reply_ring},{notice_ring},{size}"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        // SAFETY: fcntl is allowed between fork and exec.
        unsafe {
            command.pre_exec(move || {
                for number in &numbers {
                    libc::fcntl(*number, libc::F_SETFD, 0);
                }
                Ok(())
            });
        }
        let worker = command.spawn().unwrap();
        drop(fds);
        let link = Link::memfd(Side::Client, layout, rings, arena, ours.into(), None).unwrap();
        let lanes =
            |number| (link.sender(Lane::Commands(number)).unwrap(), link.receiver(Lane::Replies(number)).unwrap(), 0);
        let streams = (0..3).map(lanes).collect();
        let notices = link.receiver(Lane::Notices).unwrap();
        Self { worker, status, link, streams, notices }
    }

    fn send<C: Message>(&mut self, stream: usize, command: &C, answer: bool) {
        let (sender, _, position) = &mut self.streams[stream];
        *position += 1;
        let mut writer = FrameWriter::default();
        sender.send(writer.write(C::OPCODE, *position, &[], None, u64::from(answer), command)).unwrap();
    }

    /// The code of a reply, and how many notices come before it.
    fn ask<C: Message>(&mut self, stream: usize, command: &C) -> (i32, u64) {
        self.send(stream, command, true);
        let mut bytes = Vec::new();
        self.streams[stream].1.recv(&mut bytes).unwrap();
        let frame = Frame::parse(&bytes).unwrap();
        // Every reply begins with its code.
        (i32::from_le_bytes(*frame.body.first_chunk().unwrap()), frame.notices)
    }

    fn launch(&mut self, name: &[u8], args: Vec<KernelArg<'_>>, items: u64) {
        let devices = [DEVICE];
        let devices = List::new(&devices);
        let properties = List::default();
        let context = CreateContext { context: CONTEXT, platform: 0, properties, devices, notify: false };
        assert_eq!(self.ask(0, &context).0, 0);
        let queue = CreateCommandQueue {
            queue: QUEUE,
            context: CONTEXT,
            device: DEVICE,
            stream: 2,
            properties,
            with_properties: false,
        };
        assert_eq!(self.ask(0, &queue).0, 0);
        let source = b"kernel void print() { printf(\"\"); } kernel void crash() {} kernel void spin(int ms) {}";
        let source = Contents { bytes: source, offer: None };
        self.send(0, &CreateProgramWithSource { program: PROGRAM, context: CONTEXT, source }, false);
        self.send(0, &BuildProgram { program: PROGRAM, serial: 1, devices, options: b"", place: None }, false);
        let mut bytes = Vec::new();
        self.notices.recv(&mut bytes).unwrap();
        assert_eq!(self.ask(0, &CreateKernel { kernel: KERNEL, program: PROGRAM, name }).0, 0);
        let launch = EnqueueNDRangeKernel {
            kernel: KERNEL,
            work_dim: 1,
            global: [items, 1, 1],
            args: Items::new(&args),
            ..EnqueueNDRangeKernel::default()
        };
        self.send(2, &launch, false);
    }

    fn ends_within(&mut self, time: Duration) -> Option<std::process::ExitStatus> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if let Some(status) = self.worker.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.worker.kill();
        let _ = self.worker.wait();
    }
}

#[test]
fn output_comes_before_the_finish_that_covers_it() {
    let mut session = Session::start();
    session.launch(b"print", Vec::new(), 1000);
    let (code, notices) = session.ask(2, &Finish {});
    assert_eq!(code, 0);
    let mut printed = Vec::new();
    // The first notice told of the build.
    for _ in 1..notices {
        let mut bytes = Vec::new();
        session.notices.recv(&mut bytes).unwrap();
        let frame = Frame::parse(&bytes).unwrap();
        match NoticeMessage::decode(frame.opcode, frame.body).unwrap() {
            NoticeMessage::Output(output) => printed.extend_from_slice(output.text),
            other => panic!("unexpected {other:?}"),
        }
    }
    let lines: Vec<_> = printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1000);
}

#[test]
fn a_worker_ends_with_its_client_even_in_the_middle_of_a_kernel() {
    let mut session = Session::start();
    let minute = 60_000_i32.to_le_bytes();
    session.launch(b"spin", vec![KernelArg { kind: 1, value: &minute }], 1);
    session.send(2, &Finish {}, true);
    std::thread::sleep(Duration::from_millis(50));
    assert!(session.worker.try_wait().unwrap().is_none());
    session.link.close();
    let status = session.ends_within(Duration::from_secs(1)).expect("still there after a second");
    assert!(status.success());
}

#[test]
fn a_broken_protocol_ends_the_worker_with_an_error() {
    let mut session = Session::start();
    session.streams[0].0.send(&[0; 40]).unwrap();
    let status = session.ends_within(Duration::from_secs(5)).expect("still there");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_crash_of_the_driver_is_the_end_of_its_session() {
    let mut session = Session::start();
    session.launch(b"crash", Vec::new(), 1);
    assert!(!session.ends_within(Duration::from_secs(5)).expect("still there").success());
    let mut bytes = Vec::new();
    assert!(session.streams[2].1.recv(&mut bytes).is_err());
}

#[test]
fn counters_are_told_while_a_kernel_runs_and_without_a_broker_it_goes_on() {
    let mut session = Session::start();
    let time = 300_i32.to_le_bytes();
    session.launch(b"spin", vec![KernelArg { kind: 1, value: &time }], 1);
    session.status.write_all(&[1]).unwrap();
    let mut length = [0; 4];
    session.status.read_exact(&mut length).unwrap();
    let mut json = vec![0; u32::from_le_bytes(length) as usize];
    session.status.read_exact(&mut json).unwrap();
    let counters: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(counters["session"], 5);
    assert!(counters["commands"].as_u64().unwrap() >= 4);
    session.status.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(session.ask(2, &Finish {}).0, 0);
}

#[test]
fn a_probe_tells_what_there_is() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_remora-worker")).args(["probe", "--driver", "null"]).output().unwrap();
    assert!(output.status.success());
    let facts: Facts<'_> = decode_all(&output.stdout).unwrap();
    assert_eq!(facts.platforms[0].devices[0].handle, DEVICE);
    let name = facts.platforms[0].infos.iter().find(|info| info.param == 0x0902).unwrap();
    assert_eq!((name.code, name.value), (0, &b"Remora Null\0"[..]));
    // Handles of the driver stay with it.
    assert!(facts.platforms[0].devices[0].infos.iter().all(|info| info.param != 0x1031 && info.param != 0x1042));
    assert_eq!(encode_to_vec(&facts), output.stdout);
}
