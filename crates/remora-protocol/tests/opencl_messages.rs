//! Every message of OpenCL comes back from its encoding, and no bytes make a decoder panic or allocate out of proportion.

use proptest::prelude::*;
use remora_protocol::opencl::*;
use remora_protocol::wire::{decode_all, encode_to_vec};
use remora_protocol::{Decode, FixedSize, Frame, FrameWriter, Handle, Items, List};

#[path = "generated/opencl.rs"]
mod generated;

/// Where arbitrary values come from: bytes that proptest shrinks, and zeros after them.
struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Source<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let start = self.at.min(self.bytes.len());
        let end = self.at.saturating_add(count).min(self.bytes.len());
        self.at = end;
        &self.bytes[start..end]
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }
}

/// A value made of what a source yields.
trait Arbitrary<'a>: Sized {
    fn arbitrary(source: &mut Source<'a>) -> Self;
}

macro_rules! arbitrary_int {
    ($($int:ty),*) => {$(
        impl<'a> Arbitrary<'a> for $int {
            fn arbitrary(source: &mut Source<'a>) -> Self {
                let mut bytes = [0; size_of::<$int>()];
                bytes.fill_with(|| source.byte());
                <$int>::from_le_bytes(bytes)
            }
        }
    )*};
}

arbitrary_int!(u8, u16, u32, u64, i32, i64);

impl<'a> Arbitrary<'a> for bool {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        source.byte() & 1 == 1
    }
}

impl<'a> Arbitrary<'a> for Handle {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        Handle::from_bits(u64::arbitrary(source))
    }
}

impl<'a, T: Arbitrary<'a>, const N: usize> Arbitrary<'a> for [T; N] {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        std::array::from_fn(|_| T::arbitrary(source))
    }
}

impl<'a> Arbitrary<'a> for &'a [u8] {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        let length = usize::from(source.byte());
        source.take(length)
    }
}

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Vec<T> {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        let count = source.byte() % 5;
        (0..count).map(|_| T::arbitrary(source)).collect()
    }
}

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Option<T> {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        bool::arbitrary(source).then(|| T::arbitrary(source))
    }
}

/// The values live as long as the test process: a list borrows them.
impl<'a, T: Arbitrary<'a> + FixedSize + 'a> Arbitrary<'a> for List<'a, T> {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        List::new(Vec::arbitrary(source).leak())
    }
}

/// As for a list.
impl<'a, T: Arbitrary<'a> + Decode<'a> + Copy + 'a> Arbitrary<'a> for Items<'a, T> {
    fn arbitrary(source: &mut Source<'a>) -> Self {
        Items::new(Vec::arbitrary(source).leak())
    }
}

/// What decoding may allocate for each byte of input: the largest ratio of a value in memory to its smallest encoding.
const RATIO: usize = 24;

proptest! {
    #[test]
    fn every_message_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        macro_rules! comes_back {
            ($message:ident) => {{
                let message: $message = Arbitrary::arbitrary(&mut Source { bytes: &bytes, at: 0 });
                let encoded = encode_to_vec(&message);
                prop_assert!(encoded.len() >= <$message as Decode>::MIN_SIZE);
                prop_assert_eq!(decode_all::<$message>(&encoded), Ok(message));
                for end in 0..encoded.len().min(100) {
                    prop_assert!(decode_all::<$message>(&encoded[..end]).is_err());
                }
            }};
        }
        generated::every_message!(comes_back);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for opcode in 0..=u16::try_from(OPCODES).unwrap() + 1 {
            let _ = CommandMessage::decode(opcode, &bytes);
            let _ = NoticeMessage::decode(opcode, &bytes);
        }
        macro_rules! decode {
            ($message:ident) => { let _ = decode_all::<$message>(&bytes); };
        }
        generated::every_message!(decode);
    }

    /// Mutations get further into a decoder than noise does.
    #[test]
    fn damaged_messages_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![0u8, 1, 2, 0x7f, 0x80, 0xff]),
    ) {
        macro_rules! damage {
            ($message:ident) => {{
                let message: $message = Arbitrary::arbitrary(&mut Source { bytes: &bytes, at: 0 });
                let mut encoded = encode_to_vec(&message);
                if !encoded.is_empty() {
                    let at = at.index(encoded.len());
                    encoded[at] = value;
                }
                let _ = decode_all::<$message>(&encoded);
            }};
        }
        generated::every_message!(damage);
    }
}

#[test]
fn counts_beyond_the_message_are_refused() {
    macro_rules! all_ones {
        ($message:ident) => {{
            // Every count reads as 2^32 - 1 here, and a bool as neither of its values.
            let bytes = vec![0xff; <$message as Decode>::MIN_SIZE + 64];
            assert!(decode_all::<$message>(&bytes).is_err());
        }};
    }
    generated::every_message!(all_ones);
}

#[test]
fn values_in_memory_are_in_proportion_to_their_encodings() {
    macro_rules! in_proportion {
        ($message:ident) => {
            assert!(size_of::<$message>() <= RATIO * <$message as Decode>::MIN_SIZE.max(1), stringify!($message));
        };
    }
    generated::every_message!(in_proportion);
}

#[test]
fn opcodes_have_names() {
    assert_eq!(name_of(0), None);
    assert!((1..=u16::try_from(OPCODES).unwrap()).any(|opcode| name_of(opcode) == Some("EnqueueNDRangeKernel")));
    assert_eq!(name_of(u16::MAX), None);
}

#[test]
fn a_command_travels_in_a_frame() {
    use remora_protocol::Command;
    let wait = [Handle::from_bits(5), Handle::from_bits(6)];
    let message = EnqueueMigrateMemObjects { wait: List::new(&wait), flags: 3, ..Default::default() };
    let mut writer = FrameWriter::default();
    let frame = writer.write(EnqueueMigrateMemObjects::OPCODE, 1, &[], None, 0, &message);
    let frame = Frame::parse(frame).unwrap();
    let decoded = CommandMessage::decode(frame.opcode, frame.body).unwrap();
    assert_eq!(decoded, CommandMessage::EnqueueMigrateMemObjects(message));
    assert_eq!(decoded.name(), EnqueueMigrateMemObjects::NAME);
    assert!(NoticeMessage::decode(frame.opcode, frame.body).is_err());
}
