//! The bodies of the API's functions, one module per kind of object. The generated entries call them.

pub mod command_buffer;
pub mod context;
pub mod copy;
pub mod device;
pub mod device_queue;
pub mod event;
pub mod fill;
pub mod image;
pub mod kernel;
pub mod launch;
pub mod map;
pub mod mem;
pub mod mutable;
pub mod native;
pub mod pipe;
pub mod platform;
pub mod program;
pub mod queue;
pub mod sampler;
pub mod semaphore;
pub mod sub_device;
pub mod svm;
pub mod timer;
pub mod transfer;
pub mod usm;
