//! What the broker makes of a hello.

use remora_protocol::hello::{API_OPENCL, Api, Hello, MAGIC, OLDEST_VERSION, Reason, VERSION};
use remora_protocol::wire::{Decode, Reader, decode_all};

/// Why a request is not met, for [`remora_protocol::hello::Answer::Refused`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the program.
    pub reason: Reason,
    /// For people: what is wrong and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Reads a hello and settles on the version that both sides speak.
///
/// # Errors
/// Why there is nothing that both speak.
pub fn negotiate(message: &[u8]) -> Result<(Hello, u32), Refusal> {
    // The start of a hello is the same in all versions, so that versions can be compared whatever follows.
    let mut reader = Reader::new(message);
    if reader.take(MAGIC.len()) != Ok(&MAGIC) {
        return Err(not_remora());
    }
    let versions = u32::decode(&mut reader).and_then(|newest| Ok((newest, u32::decode(&mut reader)?)));
    let (newest, oldest) = versions.map_err(|_| not_remora())?;
    let version = newest.min(VERSION);
    if version < oldest || version < OLDEST_VERSION {
        return Err(Refusal::new(Reason::Version, version_message(newest, oldest)));
    }
    let hello: Hello = decode_all(message)
        .map_err(|error| Refusal::new(Reason::Malformed, format!("the hello of this program is garbled: {error}")))?;
    check_apis(&hello.apis)?;
    if hello.pointer_bits != 32 && hello.pointer_bits != 64 {
        let message = format!("a program with {}-bit pointers cannot be served", hello.pointer_bits);
        return Err(Refusal::new(Reason::Malformed, message));
    }
    Ok((hello, version))
}

/// The answer to whatever is no hello.
#[must_use]
pub fn not_remora() -> Refusal {
    Refusal::new(Reason::Malformed, "this is a Remora broker; what connected does not speak Remora's protocol")
}

fn version_message(newest: u32, oldest: u32) -> String {
    let range = |oldest: u32, newest: u32| {
        if oldest == newest { format!("version {newest}") } else { format!("versions {oldest} to {newest}") }
    };
    let older = if newest < OLDEST_VERSION { "the program's libremora.so" } else { "remorad and remora-worker" };
    format!(
        "the program's libremora.so speaks {} of Remora's protocol and this broker (remorad {}) {}: update {older}",
        range(oldest, newest),
        env!("CARGO_PKG_VERSION"),
        range(OLDEST_VERSION, VERSION),
    )
}

/// An administrator names no API. Of a program's APIs this build must know OpenCL, with all the program's opcodes.
fn check_apis(apis: &[Api]) -> Result<(), Refusal> {
    let known = remora_protocol::opencl::OPCODES;
    match apis.iter().find(|api| api.id == API_OPENCL) {
        Some(api) if api.opcodes > known => Err(Refusal::new(
            Reason::Version,
            format!(
                "the program's libremora.so knows {} OpenCL messages and this broker (remorad {}) {known}: update \
                 remorad and remora-worker",
                api.opcodes,
                env!("CARGO_PKG_VERSION"),
            ),
        )),
        None if !apis.is_empty() => {
            Err(Refusal::new(Reason::Version, "the program asks for an API that this broker does not serve: update it"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use remora_protocol::hello::{LinkKind, Role};
    use remora_protocol::wire::encode_to_vec;

    fn hello() -> Hello {
        Hello {
            version: VERSION,
            oldest_version: OLDEST_VERSION,
            role: Role::Program,
            link: LinkKind::Memfd,
            apis: vec![Api { id: API_OPENCL, opcodes: 1 }],
            pointer_bits: 64,
            pid: 1,
            name: "test".into(),
        }
    }

    fn refused(hello: &Hello) -> Refusal {
        negotiate(&encode_to_vec(hello)).unwrap_err()
    }

    #[test]
    fn the_newest_common_version_is_taken() {
        let newer = Hello { version: VERSION + 5, ..hello() };
        assert_eq!(negotiate(&encode_to_vec(&newer)), Ok((newer, VERSION)));
    }

    #[test]
    fn versions_without_overlap_are_named() {
        let newer = refused(&Hello { version: VERSION + 5, oldest_version: VERSION + 2, ..hello() });
        assert_eq!(newer.reason, Reason::Version);
        let range = format!("versions {} to {}", VERSION + 2, VERSION + 5);
        assert!(newer.message.contains(&range) && newer.message.contains("update remorad"), "{}", newer.message);
        let older = refused(&Hello { version: 0, oldest_version: 0, ..hello() });
        assert!(older.message.contains("version 0") && older.message.contains("update the program's"), "{older:?}");
    }

    #[test]
    fn a_future_hello_of_another_shape_is_still_a_version_mismatch() {
        let mut bytes = encode_to_vec(&Hello { version: VERSION + 1, oldest_version: VERSION + 1, ..hello() });
        bytes.extend([1, 2, 3]);
        assert_eq!(negotiate(&bytes).unwrap_err().reason, Reason::Version);
    }

    #[test]
    fn apis_are_compared() {
        let opcodes = |opcodes| vec![Api { id: API_OPENCL, opcodes }];
        let more = refused(&Hello { apis: opcodes(remora_protocol::opencl::OPCODES + 1), ..hello() });
        assert!(more.reason == Reason::Version && more.message.contains("update"), "{more:?}");
        let other = refused(&Hello { apis: vec![Api { id: 99, opcodes: 1 }], ..hello() });
        assert_eq!(other.reason, Reason::Version);
    }

    #[test]
    fn garbage_is_malformed() {
        for bytes in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &MAGIC, &[0; 64]] {
            assert_eq!(negotiate(bytes).unwrap_err().reason, Reason::Malformed);
        }
        let mut short = encode_to_vec(&hello());
        short.pop();
        assert_eq!(negotiate(&short).unwrap_err().reason, Reason::Malformed);
    }
}
