//! Frames: what a stream carries. A frame is a header, the positions that it needs, and one encoded message.
//!
//! ```text
//!  0 u32 length of the whole frame      16 u64 bulk: offset in the arena    40 needs: (u32 stream, u64 position) each
//!  4 u16 opcode                         24 u64 bulk: length, 0 for none     .. message
//!  6 u16 number of needs                32 u64 notices (replies only)
//!  8 u64 position
//! ```

use crate::wire::{Decode, Encode, Malformed, Reader};

/// Bytes of a frame before its needs.
pub const HEADER: usize = 40;
/// The largest frame. A ring carries large frames in parts; what is larger travels as bulk.
pub const MAX_FRAME: usize = 1 << 30;

/// The command at `position` of `stream` must have been executed (given to the driver) first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Need {
    pub stream: u32,
    pub position: u64,
}

/// Bytes in the arena that belong to a frame. On a link without shared memory they travel with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Bulk {
    pub offset: u64,
    pub length: u64,
}

/// A frame that has been checked: header in range, needs whole. The message is not decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Which message `body` is.
    pub opcode: u16,
    /// The place of a command in its stream, counted from 1. A reply has its command's position.
    pub position: u64,
    /// Bulk bytes in the arena. Their range is not checked against the arena's size here.
    pub bulk: Option<Bulk>,
    /// In a reply: how many notices the worker had sent before; they come first.
    pub notices: u64,
    /// The encoded message.
    pub body: &'a [u8],
    needs: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks and splits `bytes`, which is one whole frame.
    ///
    /// # Errors
    /// [`Malformed`] if it is not.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let length = u32::decode(&mut reader)? as usize;
        if length != bytes.len() {
            return Err(Malformed("frame length"));
        }
        let opcode = u16::decode(&mut reader)?;
        let needs = u16::decode(&mut reader)? as usize;
        let position = u64::decode(&mut reader)?;
        let offset = u64::decode(&mut reader)?;
        let bulk_length = u64::decode(&mut reader)?;
        let notices = u64::decode(&mut reader)?;
        if offset.checked_add(bulk_length).is_none() {
            return Err(Malformed("bulk range"));
        }
        let bulk = (bulk_length > 0).then_some(Bulk { offset, length: bulk_length });
        let needs = reader.take(needs * NEED)?;
        let body = reader.take(length - HEADER - needs.len())?;
        Ok(Self { opcode, position, bulk, notices, body, needs })
    }

    /// Which positions of other streams must have been executed first.
    pub fn needs(&self) -> impl Iterator<Item = Need> + use<'a> {
        self.needs.chunks_exact(NEED).filter_map(|bytes| {
            let mut reader = Reader::new(bytes);
            Some(Need { stream: u32::decode(&mut reader).ok()?, position: u64::decode(&mut reader).ok()? })
        })
    }
}

const NEED: usize = 12;

/// Builds frames in a buffer that is used again.
#[derive(Debug, Default)]
pub struct FrameWriter {
    bytes: Vec<u8>,
}

impl FrameWriter {
    /// Encodes one frame; the result is valid until the next call. No link carries one larger than [`MAX_FRAME`].
    ///
    /// # Panics
    /// If there are 2^16 needs: there are far fewer streams.
    pub fn write(
        &mut self,
        opcode: u16,
        position: u64,
        needs: &[Need],
        bulk: Option<Bulk>,
        notices: u64,
        message: &impl Encode,
    ) -> &[u8] {
        let bytes = &mut self.bytes;
        bytes.clear();
        let count = u16::try_from(needs.len()).expect("at most one need per stream");
        let bulk = bulk.unwrap_or(Bulk { offset: 0, length: 0 });
        // The length, in front, is known at the end.
        let mut header = [0; HEADER];
        header[4..6].copy_from_slice(&opcode.to_le_bytes());
        header[6..8].copy_from_slice(&count.to_le_bytes());
        header[8..16].copy_from_slice(&position.to_le_bytes());
        header[16..24].copy_from_slice(&bulk.offset.to_le_bytes());
        header[24..32].copy_from_slice(&bulk.length.to_le_bytes());
        header[32..].copy_from_slice(&notices.to_le_bytes());
        bytes.extend_from_slice(&header);
        for need in needs {
            let mut place = [0; NEED];
            place[..4].copy_from_slice(&need.stream.to_le_bytes());
            place[4..].copy_from_slice(&need.position.to_le_bytes());
            bytes.extend_from_slice(&place);
        }
        message.encode(bytes);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_comes_back() {
        let needs = [Need { stream: 0, position: 7 }, Need { stream: 3, position: u64::MAX }];
        let bulk = Some(Bulk { offset: 4096, length: 12 });
        let mut writer = FrameWriter::default();
        let bytes = writer.write(9, 5, &needs, bulk, 2, &0xabcd_u32);
        let frame = Frame::parse(bytes).unwrap();
        assert_eq!((frame.opcode, frame.position, frame.bulk, frame.notices), (9, 5, bulk, 2));
        assert_eq!(frame.needs().collect::<Vec<_>>(), needs);
        assert_eq!(frame.body, 0xabcd_u32.to_le_bytes());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes: Vec<u8>, fix_length: bool) {
            if fix_length && bytes.len() >= 4 {
                let length = (bytes.len() as u32).to_le_bytes();
                bytes[..4].copy_from_slice(&length);
            }
            if let Ok(frame) = Frame::parse(&bytes) {
                prop_assert!(frame.needs().count() * 12 + frame.body.len() + HEADER == bytes.len());
            }
        }
    }
}
