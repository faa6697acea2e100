//! From the client's handles to the worker's objects.
//!
//! A client may use an index again, under the next generation, before the release of its former object has run: so a
//! table maps whole handles, and what a hostile handle says never sizes anything.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use opencl_sys::{
    CL_INVALID_COMMAND_BUFFER_KHR, CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_DEVICE,
    CL_INVALID_DEVICE_QUEUE, CL_INVALID_EVENT, CL_INVALID_KERNEL, CL_INVALID_MEM_OBJECT, CL_INVALID_PROGRAM,
    CL_INVALID_SAMPLER, CL_INVALID_SEMAPHORE_KHR, cl_int,
};
use remora_protocol::{Handle, Kind};

use super::build::Program;
use super::command_buffer::CommandBuffer;
use super::context::{Context, Device};
use super::device_queue::DeviceQueue;
use super::events::Event;
use super::kernel::Kernel;
use super::memory::{Mem, Sampler};
use super::queue::Queue;
use super::semaphore::Semaphore;
use super::violation::Violation;

/// Executors of different streams look things up at the same time; this many locks keep them apart.
const SHARDS: usize = 16;

/// All objects of a session.
#[allow(missing_docs)]
pub struct Tables {
    pub devices: Table<Device>,
    pub contexts: Table<Context>,
    pub queues: Table<Queue>,
    pub device_queues: Table<DeviceQueue>,
    pub mems: Table<Mem>,
    pub samplers: Table<Sampler>,
    pub programs: Table<Program>,
    pub kernels: Table<Kernel>,
    pub events: Table<Event>,
    pub command_buffers: Table<CommandBuffer>,
    pub semaphores: Table<Semaphore>,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            devices: Table::new(Kind::Device, CL_INVALID_DEVICE),
            contexts: Table::new(Kind::Context, CL_INVALID_CONTEXT),
            queues: Table::new(Kind::Queue, CL_INVALID_COMMAND_QUEUE),
            device_queues: Table::new(Kind::DeviceQueue, CL_INVALID_DEVICE_QUEUE),
            mems: Table::new(Kind::Mem, CL_INVALID_MEM_OBJECT),
            samplers: Table::new(Kind::Sampler, CL_INVALID_SAMPLER),
            programs: Table::new(Kind::Program, CL_INVALID_PROGRAM),
            kernels: Table::new(Kind::Kernel, CL_INVALID_KERNEL),
            events: Table::new(Kind::Event, CL_INVALID_EVENT),
            command_buffers: Table::new(Kind::CommandBuffer, CL_INVALID_COMMAND_BUFFER_KHR),
            semaphores: Table::new(Kind::Semaphore, CL_INVALID_SEMAPHORE_KHR),
        }
    }
}

/// All objects of one kind. An object that the driver refused to make stays as its error code until it is released:
/// the client may have used it before it could know.
pub struct Table<T> {
    kind: Kind,
    /// What the use of a handle that names nothing is answered with.
    missing: cl_int,
    shards: [RwLock<Shard<T>>; SHARDS],
}

type Shard<T> = HashMap<u64, Result<Arc<T>, cl_int>, BuildHasherDefault<Mix>>;

impl<T> Table<T> {
    fn new(kind: Kind, missing: cl_int) -> Self {
        Self { kind, missing, shards: std::array::from_fn(|_| RwLock::default()) }
    }

    /// What `handle` names.
    ///
    /// # Errors
    /// The code with which the object was refused, or that of a handle that names nothing.
    pub fn get(&self, handle: Handle) -> Result<Arc<T>, cl_int> {
        match self.read(handle).get(&handle.bits()) {
            Some(Ok(object)) => Ok(Arc::clone(object)),
            Some(Err(code)) => Err(*code),
            None => Err(self.missing),
        }
    }

    /// All that `handles` name.
    ///
    /// # Errors
    /// As [`Table::get`], for the first that fails.
    pub fn get_all(&self, handles: impl Iterator<Item = Handle>) -> Result<Vec<Arc<T>>, cl_int> {
        handles.map(|handle| self.get(handle)).collect()
    }

    /// Names a new object (or why there is none).
    ///
    /// # Errors
    /// If the handle is of another kind or names something already: no client does that.
    pub fn insert(&self, handle: Handle, object: Result<Arc<T>, cl_int>) -> Result<(), Violation> {
        if handle.kind() != Some(self.kind) {
            return Err(Violation::new("a handle of the wrong kind for a new object"));
        }
        match self.write(handle).entry(handle.bits()) {
            Entry::Occupied(_) => Err(Violation::new("a new object under a handle that is in use")),
            Entry::Vacant(entry) => {
                entry.insert(object);
                Ok(())
            }
        }
    }

    /// Forgets the name. The object lives on while somebody uses it.
    pub fn remove(&self, handle: Handle) -> Option<Arc<T>> {
        // Dropped outside the lock: letting go of a driver's object can take its time.
        let removed = self.write(handle).remove(&handle.bits());
        removed.and_then(Result::ok)
    }

    /// From now on, uses of `handle` are answered with `code`.
    pub fn fail(&self, handle: Handle, code: cl_int) {
        let before = self.write(handle).get_mut(&handle.bits()).map(|object| std::mem::replace(object, Err(code)));
        drop(before);
    }

    fn read(&self, handle: Handle) -> RwLockReadGuard<'_, Shard<T>> {
        self.shards[handle.index() as usize % SHARDS].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, handle: Handle) -> RwLockWriteGuard<'_, Shard<T>> {
        self.shards[handle.index() as usize % SHARDS].write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spreads handles, which are counted up by the client. Whoever makes them collide slows only his own session down.
#[derive(Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table() -> Table<u32> {
        Table::new(Kind::Mem, CL_INVALID_MEM_OBJECT)
    }

    #[test]
    fn two_generations_of_an_index_live_side_by_side() {
        let table = table();
        let (old, new) = (Handle::new(Kind::Mem, 0, 5), Handle::new(Kind::Mem, 1, 5));
        table.insert(old, Ok(Arc::new(1))).unwrap();
        table.insert(new, Ok(Arc::new(2))).unwrap();
        assert_eq!(*table.get(old).unwrap(), 1);
        assert_eq!(table.remove(old).as_deref(), Some(&1));
        assert_eq!(table.get(old), Err(CL_INVALID_MEM_OBJECT));
        assert_eq!(*table.get(new).unwrap(), 2);
    }

    #[test]
    fn a_refused_object_answers_with_its_code() {
        let table = table();
        let handle = Handle::new(Kind::Mem, 0, u32::MAX);
        table.insert(handle, Err(-4)).unwrap();
        assert_eq!(table.get(handle), Err(-4));
        assert!(table.remove(handle).is_none());
    }

    #[test]
    fn wrong_kinds_and_used_handles_are_violations() {
        let table = table();
        assert!(table.insert(Handle::new(Kind::Event, 0, 1), Ok(Arc::new(1))).is_err());
        table.insert(Handle::new(Kind::Mem, 0, 1), Ok(Arc::new(1))).unwrap();
        assert!(table.insert(Handle::new(Kind::Mem, 0, 1), Ok(Arc::new(2))).is_err());
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_map(operations in prop::collection::vec((0_u32..6, 0_u32..3, any::<bool>()), 0..64)) {
            let (table, mut model) = (table(), HashMap::new());
            for (index, generation, insert) in operations {
                let handle = Handle::new(Kind::Mem, generation, index);
                if insert {
                    let fresh = table.insert(handle, Ok(Arc::new(index))).is_ok();
                    prop_assert_eq!(fresh, model.insert(handle, index).is_none());
                } else {
                    prop_assert_eq!(table.remove(handle).map(|value| *value), model.remove(&handle));
                }
            }
            for index in 0..6 {
                for generation in 0..3 {
                    let handle = Handle::new(Kind::Mem, generation, index);
                    prop_assert_eq!(table.get(handle).ok().map(|value| *value), model.get(&handle).copied());
                }
            }
        }
    }
}
