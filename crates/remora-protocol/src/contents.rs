//! How contents are named that may have been sent before.

/// From this size on, contents are offered by their hash. What is shorter is with the worker sooner than a question would
/// be: the first flight of a TCP connection carries as much.
pub const WORTH_ASKING: usize = 14 << 10;

/// The name of contents: nobody can find others of the same.
#[must_use]
pub fn hash(contents: &[u8]) -> [u8; 32] {
    *blake3::hash(contents).as_bytes()
}
