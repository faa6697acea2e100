//! Sessions with both ends of the link in one process.

mod buffers;
mod client;
mod contents;
mod hostile;
mod launches;
mod parts;
mod pins;
mod waiting;
