//! The other end of a session, small enough to see through.

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opencl_sys::CL_QUEUE_PROPERTIES;
use remora_link::{Lane, Layout, Link, Sender, Side, create_memory};
use remora_protocol::handle::Minter;
use remora_protocol::message::{Command, Notice};
use remora_protocol::opencl::{
    Area, CreateBuffer, CreateCommandQueue, CreateContext, EventDone, Finish, WaitForEvent, name_of,
};
use remora_protocol::wire::{Decode, decode_all};
use remora_protocol::{Bulk, Frame, FrameWriter, Handle, Kind, List, Need};

use crate::opencl::contents::Asked;
use crate::opencl::context::platforms;
use crate::opencl::driver::{Driver, Which, load};
use crate::opencl::places::Places;
use crate::opencl::shared::Shared;
use crate::opencl::start::start;

/// Nothing in these tests takes that long; what does hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The device of the null driver, and the first of any other.
pub const DEVICE: Handle = Handle::new(Kind::Device, 0, 0);

/// The driver of these tests. `REMORA_TEST_DRIVER=real` runs them on the machine's own.
pub fn driver() -> Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    DRIVER.get_or_init(|| {
        let real = std::env::var_os("REMORA_TEST_DRIVER").is_some_and(|value| value == "real");
        let driver = load(if real { Which::Real } else { Which::Null }).unwrap();
        // PoCL 3.1 can't be asked for its devices for the first time by two threads at once.
        drop(platforms(driver));
        driver
    })
}

/// Whether that is the null driver.
pub fn is_null() -> bool {
    driver();
    std::env::var_os("REMORA_TEST_DRIVER").is_none()
}

/// A session with its worker in the same process.
pub struct Client {
    pub link: Link,
    pub worker: Arc<Shared>,
    pub minter: Minter,
    streams: Vec<Stream>,
    notices: Receiver<Message>,
    next_arena: u64,
}

struct Stream {
    sender: Sender,
    position: u64,
    replies: Receiver<Message>,
}

/// A whole frame.
pub struct Message(Vec<u8>);

impl Message {
    pub fn frame(&self) -> Frame<'_> {
        Frame::parse(&self.0).unwrap()
    }

    pub fn decode<'a, T: Decode<'a>>(&'a self) -> T {
        decode_all(self.frame().body).unwrap()
    }

    /// As a notice of that kind, or `None`.
    pub fn notice<'a, N: Notice + Decode<'a>>(&'a self) -> Option<N> {
        (self.frame().opcode == N::OPCODE).then(|| self.decode())
    }
}

impl Client {
    pub fn new() -> Self {
        Self::new_with(Asked::default())
    }

    /// Of a tenant whose contents are found there.
    pub fn new_with(asked: Asked) -> Self {
        Self::with(asked, |layout, ours, theirs| {
            let (rings, arena) = create_memory(&layout).unwrap();
            let (rings_too, arena_too) = (rings.try_clone().unwrap(), arena.try_clone().unwrap());
            let client = Link::memfd(Side::Client, layout, rings, arena, ours.into(), None).unwrap();
            (client, Link::memfd(Side::Worker, layout, rings_too, arena_too, theirs.into(), None).unwrap())
        })
    }

    /// Over a link without shared memory.
    pub fn by_socket() -> Self {
        Self::with(Asked::default(), |layout, ours, theirs| {
            let client = Link::stream(Side::Client, layout, ours.into(), None).unwrap();
            (client, Link::stream(Side::Worker, layout, theirs.into(), None).unwrap())
        })
    }

    fn with(asked: Asked, links: impl FnOnce(Layout, UnixStream, UnixStream) -> (Link, Link)) -> Self {
        let layout = Layout { streams: 16, arena: 64 << 20, ..Layout::default() };
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (link, worker) = links(layout, ours, theirs);
        let worker = start(worker, driver(), Arc::default(), None, asked, Places::default()).unwrap();
        let notices = received(&link, Lane::Notices);
        let mut client = Self { link, worker, minter: Minter::default(), streams: Vec::new(), notices, next_arena: 0 };
        for number in 0..4 {
            let sender = client.link.sender(Lane::Commands(number)).unwrap();
            let replies = received(&client.link, Lane::Replies(number));
            client.streams.push(Stream { sender, position: 0, replies });
        }
        client
    }

    /// Sends a command and gives its position.
    pub fn send<C: Command>(&mut self, stream: u32, command: &C) -> u64 {
        self.send_with(stream, command, &[], None, false)
    }

    pub fn send_with<C: Command>(
        &mut self,
        stream: u32,
        command: &C,
        needs: &[Need],
        bulk: Option<Bulk>,
        answer: bool,
    ) -> u64 {
        let stream = &mut self.streams[stream as usize];
        stream.position += 1;
        let mut writer = FrameWriter::default();
        let frame = writer.write(C::OPCODE, stream.position, needs, bulk, u64::from(answer), command);
        stream.sender.send(frame).unwrap();
        stream.position
    }

    /// Sends a frame that need not make sense.
    pub fn send_raw(&mut self, stream: u32, frame: &[u8]) {
        self.streams[stream as usize].sender.send(frame).unwrap();
    }

    /// As [`Client::send_raw`], to a worker that may have had enough already.
    pub fn try_send_raw(&mut self, stream: u32, frame: &[u8]) -> Result<(), remora_link::Closed> {
        self.streams[stream as usize].sender.send(frame)
    }

    /// What stands for everything that has been sent to `stream`.
    pub fn all_of(&self, stream: u32) -> Need {
        Need { stream, position: self.streams[stream as usize].position }
    }

    /// The next reply of a stream.
    pub fn reply(&self, stream: u32) -> Message {
        self.streams[stream as usize].replies.recv_timeout(PATIENCE).expect("no reply")
    }

    /// Whether a reply of a stream is there already, or comes soon.
    pub fn no_reply(&self, stream: u32) -> bool {
        self.streams[stream as usize].replies.recv_timeout(Duration::from_millis(100)).is_err()
    }

    /// Sends a command that is answered with a code, and gives that.
    pub fn ask<C: Command>(&mut self, stream: u32, command: &C, needs: &[Need], bulk: Option<Bulk>) -> i32 {
        let position = self.send_with(stream, command, needs, bulk, true);
        let reply = self.reply(stream);
        assert_eq!(reply.frame().position, position);
        // Every reply begins with its code.
        let code = reply.frame().body.first_chunk().copied().unwrap();
        i32::from_le_bytes(code)
    }

    /// The next notice, which must be of that kind.
    pub fn notice(&self) -> Message {
        self.notices.recv_timeout(PATIENCE).expect("no notice")
    }

    /// All notices that a reply says have been sent.
    pub fn notices_until(&self, count: u64) -> Vec<Message> {
        let mut all = Vec::new();
        while all.last().is_none_or(|last: &Message| last.frame().position < count) {
            all.push(self.notice());
        }
        all
    }

    pub fn no_notice(&self) -> bool {
        match self.notices.recv_timeout(Duration::from_millis(100)) {
            Ok(message) => panic!("unexpected {:?}", name_of(message.frame().opcode)),
            Err(_) => true,
        }
    }

    /// A range of the arena that nobody else has.
    pub fn stage(&mut self, bytes: &[u8]) -> Bulk {
        let bulk = self.room(bytes.len());
        assert!(self.link.arena().write(bulk.offset, bytes));
        bulk
    }

    pub fn room(&mut self, length: usize) -> Bulk {
        let bulk = Bulk { offset: self.next_arena, length: length as u64 };
        self.next_arena += bulk.length.next_multiple_of(4096);
        self.link.arena().commit(bulk.offset, bulk.length).unwrap();
        bulk
    }

    /// Room for an object's own memory.
    pub fn store(&mut self, bytes: &[u8]) -> Bulk {
        self.next_arena = self.next_arena.max(self.link.arena().staging().end);
        self.stage(bytes)
    }

    pub fn bytes(&self, bulk: Bulk) -> Vec<u8> {
        let mut bytes = vec![0; bulk.length as usize];
        assert!(self.link.arena().read(bulk.offset, &mut bytes));
        bytes
    }

    /// A context of the first device.
    pub fn context(&mut self) -> Handle {
        let context = self.minter.mint(Kind::Context);
        let command = CreateContext {
            context,
            platform: 0,
            properties: List::default(),
            devices: List::new(&[DEVICE]),
            notify: false,
        };
        assert_eq!(self.ask(0, &command, &[], None), 0);
        context
    }

    /// A queue in `stream`.
    pub fn queue(&mut self, context: Handle, stream: u32, properties: u64) -> Handle {
        let queue = self.minter.mint(Kind::Queue);
        let list = [u64::from(CL_QUEUE_PROPERTIES), properties];
        let properties = List::new(&list);
        let command = CreateCommandQueue { queue, context, device: DEVICE, stream, properties, with_properties: false };
        assert_eq!(self.ask(0, &command, &[], None), 0);
        queue
    }

    /// A buffer without contents. Nothing waits for it.
    pub fn buffer(&mut self, context: Handle, size: u64) -> Handle {
        let mem = self.minter.mint(Kind::Mem);
        self.send(0, &CreateBuffer { mem, context, flags: 1, size, store: u64::MAX, svm: 0, vendor_flags: 0 });
        mem
    }

    pub fn finish(&mut self, stream: u32) -> i32 {
        self.ask(stream, &Finish {}, &[], None)
    }

    /// Waits for an event and gives its final state.
    pub fn wait(&mut self, stream: u32, event: Handle) -> i32 {
        self.send_with(stream, &WaitForEvent { event }, &[], None, true);
        self.reply(stream).decode::<EventDone>().state
    }

    /// Whether the worker closes the link.
    pub fn is_closed_soon(&self) -> bool {
        for _ in 0..400 {
            if self.link.is_closed() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.link.close();
    }
}

/// Bytes of a buffer.
pub fn bytes(offset: u64, length: u64) -> Area {
    Area { origin: [offset, 0, 0], region: [length, 1, 1], ..Area::default() }
}

fn received(link: &Link, lane: Lane) -> Receiver<Message> {
    let mut receiver = link.receiver(lane).unwrap();
    let (sender, messages) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        while receiver.recv_parked(&mut bytes).is_ok() {
            let position = Frame::parse(&bytes).unwrap().position;
            receiver.acknowledge(position);
            if sender.send(Message(std::mem::take(&mut bytes))).is_err() {
                break;
            }
        }
    });
    messages
}
