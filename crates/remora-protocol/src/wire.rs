//! How values are laid out in a frame: little-endian, unaligned, fixed sizes, counts before contents.

use std::marker::PhantomData;

/// The input is not an encoding of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0}")]
pub struct Malformed(pub &'static str);

/// A value that can be written to a frame.
pub trait Encode {
    /// Appends the encoding of `self` to `out`.
    fn encode(&self, out: &mut Vec<u8>);
}

/// A value that can be read from a frame, borrowing its bulk from it.
pub trait Decode<'a>: Sized {
    /// The fewest bytes that an encoding takes; bounds what a count may claim.
    const MIN_SIZE: usize;

    /// Reads one value and leaves `reader` behind it.
    ///
    /// # Errors
    /// [`Malformed`] if the input is too short or holds a value that the type does not have.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed>;
}

/// A type whose every encoding has [`Decode::MIN_SIZE`] bytes and whose every bit pattern is valid.
pub trait FixedSize: Encode + for<'a> Decode<'a> + Copy {
    /// Writes the encoding to `out`, which is as long as it. Several values beside each other become one append that way.
    fn put(&self, out: &mut [u8]);
}

/// Input that has not been decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of `input`.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// Takes the next `count` bytes.
    ///
    /// # Errors
    /// [`Malformed`] if there are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(Malformed("too short"))?;
        self.rest = rest;
        Ok(head)
    }

    /// Takes a count of things of at least `min_size` bytes each, which must fit into what is left.
    ///
    /// # Errors
    /// [`Malformed`] if they can't.
    #[inline]
    pub fn count(&mut self, min_size: usize) -> Result<usize, Malformed> {
        let count = u32::decode(self)? as usize;
        let bytes = count.checked_mul(min_size.max(1)).ok_or(Malformed("count too large"))?;
        if bytes > self.rest.len() {
            return Err(Malformed("count larger than the message"));
        }
        Ok(count)
    }

    /// Ends decoding: everything must have been read.
    ///
    /// # Errors
    /// [`Malformed`] if bytes are left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed("trailing bytes")) }
    }
}

/// Decodes exactly one value from all of `input`.
///
/// # Errors
/// [`Malformed`] if `input` is anything else than one encoding.
#[inline]
pub fn decode_all<'a, T: Decode<'a>>(input: &'a [u8]) -> Result<T, Malformed> {
    let mut reader = Reader::new(input);
    let value = T::decode(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Encodes one value into a vector of its own.
pub fn encode_to_vec(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

macro_rules! fixed_int {
    ($($int:ty),*) => {$(
        impl Encode for $int {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
        impl<'a> Decode<'a> for $int {
            const MIN_SIZE: usize = size_of::<$int>();
            #[inline]
            fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                let bytes = reader.take(size_of::<$int>())?;
                Ok(<$int>::from_le_bytes(bytes.try_into().map_err(|_| Malformed("too short"))?))
            }
        }
        impl FixedSize for $int {
            #[inline]
            fn put(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

fixed_int!(u8, u16, u32, u64, i32, i64);

impl Encode for bool {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl<'a> Decode<'a> for bool {
    const MIN_SIZE: usize = 1;
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match u8::decode(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("not a bool")),
        }
    }
}

impl<T: FixedSize, const N: usize> Encode for [T; N] {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        for item in self {
            item.encode(out);
        }
    }
}

impl<'a, T: FixedSize + Default, const N: usize> Decode<'a> for [T; N] {
    const MIN_SIZE: usize = N * <T as Decode<'a>>::MIN_SIZE;
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::decode(reader)?;
        }
        Ok(items)
    }
}

impl<T: FixedSize + Default, const N: usize> FixedSize for [T; N] {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        for (item, place) in self.iter().zip(out.chunks_exact_mut(T::MIN_SIZE)) {
            item.put(place);
        }
    }
}

impl Encode for &[u8] {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.len(), out);
        out.extend_from_slice(self);
    }
}

impl<'a> Decode<'a> for &'a [u8] {
    const MIN_SIZE: usize = 4;
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let length = reader.count(1)?;
        reader.take(length)
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Option<T> {
    const MIN_SIZE: usize = 1;
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(if bool::decode(reader)? { Some(T::decode(reader)?) } else { None })
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.len(), out);
        for item in self {
            item.encode(out);
        }
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    const MIN_SIZE: usize = 4;
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = reader.count(T::MIN_SIZE)?;
        // `count` is bounded by the bytes that are left, so what this allocates is in proportion to the input.
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(T::decode(reader)?);
        }
        Ok(items)
    }
}

impl Encode for String {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode(out);
    }
}

impl Decode<'_> for String {
    const MIN_SIZE: usize = 4;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bytes: &[u8] = Decode::decode(reader)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed("not UTF-8"))
    }
}

/// A sequence of fixed-size values that is decoded only when it is walked: no allocation on the way in.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    source: Source<'a, T>,
}

#[derive(Clone, Copy)]
enum Source<'a, T> {
    Values(&'a [T]),
    /// A whole number of encodings.
    Encoded(&'a [u8], PhantomData<T>),
}

impl<'a, T: FixedSize> List<'a, T> {
    /// A list to encode.
    #[must_use]
    pub fn new(values: &'a [T]) -> Self {
        Self { source: Source::Values(values) }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.source {
            Source::Values(values) => values.len(),
            Source::Encoded(bytes, _) => bytes.len() / T::MIN_SIZE,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (values, encoded): (&'a [T], &'a [u8]) = match self.source {
            Source::Values(values) => (values, &[]),
            Source::Encoded(bytes, _) => (&[], bytes),
        };
        let decoded = encoded.chunks_exact(T::MIN_SIZE).filter_map(|item| decode_all(item).ok());
        values.iter().copied().chain(decoded)
    }
}

impl<T: FixedSize> Default for List<'_, T> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<T: FixedSize + std::fmt::Debug> std::fmt::Debug for List<'_, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl<T: FixedSize + PartialEq> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: FixedSize> Encode for List<'_, T> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        encode_count(self.len(), out);
        match self.source {
            Source::Values(values) => values.iter().for_each(|value| value.encode(out)),
            Source::Encoded(bytes, _) => out.extend_from_slice(bytes),
        }
    }
}

impl<'a, T: FixedSize> Decode<'a> for List<'a, T> {
    const MIN_SIZE: usize = 4;
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let size = <T as Decode<'a>>::MIN_SIZE;
        let count = reader.count(size)?;
        let bytes = reader.take(count * size)?;
        Ok(Self { source: Source::Encoded(bytes, PhantomData) })
    }
}

/// A sequence of values of any size that is decoded only when it is walked: no allocation on the way in.
#[derive(Clone, Copy)]
pub struct Items<'a, T> {
    source: Walk<'a, T>,
}

#[derive(Clone, Copy)]
enum Walk<'a, T> {
    Values(&'a [T]),
    /// So many encodings, which have been checked.
    Encoded(usize, &'a [u8]),
}

impl<'a, T: Decode<'a> + Copy> Items<'a, T> {
    /// A sequence to encode.
    #[must_use]
    pub fn new(values: &'a [T]) -> Self {
        Self { source: Walk::Values(values) }
    }

    /// A sequence of `count` values whose encodings are in `bytes`, one after the other.
    #[must_use]
    pub fn from_encoded(count: usize, bytes: &'a [u8]) -> Self {
        Self { source: Walk::Encoded(count, bytes) }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.source {
            Walk::Values(values) => values.len(),
            Walk::Encoded(count, _) => count,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (values, count, encoded): (&'a [T], usize, &'a [u8]) = match self.source {
            Walk::Values(values) => (values, 0, &[]),
            Walk::Encoded(count, bytes) => (&[], count, bytes),
        };
        let mut reader = Reader::new(encoded);
        let decoded = (0..count).map_while(move |_| T::decode(&mut reader).ok());
        values.iter().copied().chain(decoded)
    }
}

impl<'a, T: Decode<'a> + Copy> Default for Items<'a, T> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<'a, T: Decode<'a> + Copy + std::fmt::Debug> std::fmt::Debug for Items<'a, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Decode<'a> + Copy + PartialEq> PartialEq for Items<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: Encode> Encode for Items<'_, T> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        match self.source {
            Walk::Values(values) => {
                encode_count(values.len(), out);
                values.iter().for_each(|value| value.encode(out));
            }
            Walk::Encoded(count, bytes) => {
                encode_count(count, out);
                out.extend_from_slice(bytes);
            }
        }
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Items<'a, T> {
    const MIN_SIZE: usize = 4;
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = reader.count(T::MIN_SIZE)?;
        let mut behind = *reader;
        for _ in 0..count {
            T::decode(&mut behind)?;
        }
        let bytes = reader.take(reader.rest.len() - behind.rest.len())?;
        Ok(Self { source: Walk::Encoded(count, bytes) })
    }
}

/// Counts are 32 bits on the wire. A program can't hold 2^32 of anything that is counted here; bytes beyond that are cut
/// into parts before they get here.
#[inline]
fn encode_count(count: usize, out: &mut Vec<u8>) {
    let count = u32::try_from(count).expect("nothing on the wire has 2^32 parts");
    count.encode(out);
}
