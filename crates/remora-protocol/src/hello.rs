//! How a connection begins, before there is a session.
//!
//! On a fresh connection the client sends a [`Hello`]; the broker answers [`Answer::Welcome`] or [`Answer::Refused`].
//! A program then asks for [`Request::Open`] once it needs a session: the broker answers [`Answer::Opened`] (on a memfd
//! link with the memory's descriptors beside it) and passes the connection to a worker. An administrator asks for
//! [`Request::Status`] or [`Request::Kill`].
//!
//! Each of these is preceded by its length as a u32.

use crate::wire::{Decode, Encode, Malformed, Reader};

/// First bytes of every connection.
pub const MAGIC: [u8; 8] = *b"REMORA\r\n";
/// The version that this build speaks.
pub const VERSION: u32 = 2;
/// The oldest version that this build still speaks.
pub const OLDEST_VERSION: u32 = 2;
/// The largest message before a session, facts included.
pub const MAX_MESSAGE: usize = 16 << 20;

/// Who connects, and what it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Newest protocol version that the client speaks.
    pub version: u32,
    /// Oldest one.
    pub oldest_version: u32,
    /// What the connection is for.
    pub role: Role,
    /// Which link a session is to use.
    pub link: LinkKind,
    /// The APIs that the client forwards, each with the number of opcodes that it knows.
    pub apis: Vec<Api>,
    /// 32 or 64.
    pub pointer_bits: u32,
    /// Process number and name, for `remora status`. Not trusted for anything.
    pub pid: u32,
    /// Name of the program.
    pub name: String,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Role {
    Program = 1,
    Administrator = 2,
}

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum LinkKind {
    /// Rings and arena in sealed memfds that both sides map.
    Memfd = 1,
    /// Everything as bytes on the connection.
    Stream = 2,
}

/// A remoted API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api {
    /// 1 is OpenCL.
    pub id: u32,
    /// How many opcodes the sender knows: they are only ever appended.
    pub opcodes: u32,
}

/// OpenCL's number in [`Api::id`].
pub const API_OPENCL: u32 = 1;

/// The broker's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a hello: the version that both will speak, and the facts of the back-end (an encoded `opencl::Facts`).
    #[allow(missing_docs)]
    Welcome { version: u32, facts: Vec<u8> },
    /// To anything: why not, and what to do about it.
    #[allow(missing_docs)]
    Refused { reason: Reason, message: String },
    /// To [`Request::Open`].
    Opened(Opened),
    /// To [`Request::Status`]: JSON.
    Status(String),
    /// To [`Request::Kill`].
    Killed,
}

/// A session is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its number, as in `remora status`.
    pub session: u64,
    /// The sizes of rings and arena.
    pub layout: Layout,
    /// Bytes of device memory that the client may allocate without asking.
    pub memory_credit: u64,
}

/// The sizes of a session's shared memory. Ring sizes are powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How many streams there can be.
    pub streams: u32,
    /// Bytes of each ring of commands.
    pub command_ring: u32,
    /// Bytes of each ring of replies.
    pub reply_ring: u32,
    /// Bytes of the ring of notices.
    pub notice_ring: u32,
    /// Bytes of the arena.
    pub arena: u64,
}

impl Default for Layout {
    fn default() -> Self {
        Self { streams: 1024, command_ring: 256 << 10, reply_ring: 16 << 10, notice_ring: 256 << 10, arena: 1 << 30 }
    }
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Reason {
    /// Not Remora, or garbled.
    Malformed = 1,
    Version = 2,
    Permission = 3,
    /// No room: too many sessions, or shared memory is full.
    Full = 4,
    /// The worker or the driver could not be started.
    NoDriver = 5,
    NoSuchSession = 6,
}

/// What a client asks for after the welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Request {
    /// A session, which is to map at most so many bytes.
    Open {
        room: u64,
    },
    Status,
    Kill {
        session: u64,
    },
}

macro_rules! wire_enum {
    ($type:ident { $($variant:ident),* }) => {
        impl Encode for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                (*self as u32).encode(out);
            }
        }
        impl Decode<'_> for $type {
            const MIN_SIZE: usize = 4;
            fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                let number = u32::decode(reader)?;
                $(if number == Self::$variant as u32 { return Ok(Self::$variant); })*
                Err(Malformed(concat!("not a ", stringify!($type))))
            }
        }
    };
}

wire_enum!(Role { Program, Administrator });
wire_enum!(LinkKind { Memfd, Stream });
wire_enum!(Reason { Malformed, Version, Permission, Full, NoDriver, NoSuchSession });

macro_rules! wire_struct {
    ($type:ident { $($field:ident: $kind:ty),* }) => {
        impl Encode for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$field.encode(out);)*
            }
        }
        impl<'a> Decode<'a> for $type {
            const MIN_SIZE: usize = 0 $(+ <$kind as Decode<'a>>::MIN_SIZE)*;
            fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                Ok(Self { $($field: Decode::decode(reader)?),* })
            }
        }
    };
}

wire_struct!(Api { id: u32, opcodes: u32 });
wire_struct!(Layout { streams: u32, command_ring: u32, reply_ring: u32, notice_ring: u32, arena: u64 });
wire_struct!(Opened { session: u64, layout: Layout, memory_credit: u64 });

impl Encode for Hello {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        self.version.encode(out);
        self.oldest_version.encode(out);
        self.role.encode(out);
        self.link.encode(out);
        self.apis.encode(out);
        self.pointer_bits.encode(out);
        self.pid.encode(out);
        self.name.encode(out);
    }
}

impl<'a> Decode<'a> for Hello {
    const MIN_SIZE: usize = MAGIC.len() + 32;
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(Malformed("not a Remora hello"));
        }
        Ok(Self {
            version: Decode::decode(reader)?,
            oldest_version: Decode::decode(reader)?,
            role: Decode::decode(reader)?,
            link: Decode::decode(reader)?,
            apis: Decode::decode(reader)?,
            pointer_bits: Decode::decode(reader)?,
            pid: Decode::decode(reader)?,
            name: Decode::decode(reader)?,
        })
    }
}

impl Encode for Answer {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Welcome { version, facts } => {
                1u32.encode(out);
                version.encode(out);
                facts.as_slice().encode(out);
            }
            Self::Refused { reason, message } => {
                2u32.encode(out);
                reason.encode(out);
                message.encode(out);
            }
            Self::Opened(opened) => {
                3u32.encode(out);
                opened.encode(out);
            }
            Self::Status(json) => {
                4u32.encode(out);
                json.encode(out);
            }
            Self::Killed => 5u32.encode(out),
        }
    }
}

impl<'a> Decode<'a> for Answer {
    const MIN_SIZE: usize = 4;
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match u32::decode(reader)? {
            1 => {
                let version = Decode::decode(reader)?;
                let facts: &[u8] = Decode::decode(reader)?;
                Self::Welcome { version, facts: facts.to_vec() }
            }
            2 => Self::Refused { reason: Decode::decode(reader)?, message: Decode::decode(reader)? },
            3 => Self::Opened(Decode::decode(reader)?),
            4 => Self::Status(Decode::decode(reader)?),
            5 => Self::Killed,
            _ => return Err(Malformed("not an answer")),
        })
    }
}

impl Encode for Request {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open { room } => {
                1u32.encode(out);
                room.encode(out);
            }
            Self::Status => 2u32.encode(out),
            Self::Kill { session } => {
                3u32.encode(out);
                session.encode(out);
            }
        }
    }
}

impl<'a> Decode<'a> for Request {
    const MIN_SIZE: usize = 4;
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match u32::decode(reader)? {
            1 => Self::Open { room: Decode::decode(reader)? },
            2 => Self::Status,
            3 => Self::Kill { session: Decode::decode(reader)? },
            _ => return Err(Malformed("not a request")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode_all, encode_to_vec};
    use proptest::prelude::*;

    #[test]
    fn messages_come_back() {
        let hello = Hello {
            version: 3,
            oldest_version: 1,
            role: Role::Administrator,
            link: LinkKind::Stream,
            apis: vec![Api { id: API_OPENCL, opcodes: 60 }],
            pointer_bits: 32,
            pid: 9,
            name: "clinfo".into(),
        };
        assert_eq!(decode_all::<Hello>(&encode_to_vec(&hello)), Ok(hello));
        for answer in [
            Answer::Welcome { version: 1, facts: vec![1, 2, 3] },
            Answer::Refused { reason: Reason::Version, message: "too old".into() },
            Answer::Opened(Opened { session: 4, layout: Layout::default(), memory_credit: 5 }),
            Answer::Status("{}".into()),
            Answer::Killed,
        ] {
            assert_eq!(decode_all::<Answer>(&encode_to_vec(&answer)), Ok(answer));
        }
        for request in [Request::Open { room: 1 << 33 }, Request::Status, Request::Kill { session: 7 }] {
            assert_eq!(decode_all::<Request>(&encode_to_vec(&request)), Ok(request));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode_all::<Hello>(&bytes);
            let _ = decode_all::<Answer>(&bytes);
            let _ = decode_all::<Request>(&bytes);
        }
    }
}
