//! The program's own memory as a memory object: CL_MEM_USE_HOST_PTR.
//!
//! OpenCL promises that the contents at creation are the object's, and that a map shows what is in it. On a CPU the memory
//! *is* the object, and programs lean on it: they write to it without a map before the object is used, and read results
//! from it once a queue has finished. So it is here, too, where devices are CPUs and the arena is shared: the object's
//! store lies in the arena, and what the program has changed goes there before a command that names the object, what the
//! device has changed goes to the program's memory whenever the program has waited for something. A third copy, of what
//! both were the last time, tells who has changed what: nothing is written where nothing has changed.
//!
//! Elsewhere the contents are taken as late as can be: before the first command that names the object.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use remora_client::{HostArea, Session, Staging, Stream};
use remora_protocol::Handle;
use remora_protocol::opencl::Area;

use crate::error::Result;
use crate::mem::send_contents;

/// What is compared, and copied if it differs, at once.
const PIECE: usize = 1 << 10;

/// The memory behind one object.
pub(crate) struct HostMemory {
    /// None once the object is gone: the memory is only the program's then.
    state: Mutex<Option<State>>,
    beside: bool,
}

struct State {
    host: HostArea,
    way: Way,
}

enum Way {
    /// The object has the contents at the first command that names it, from `position` of the object stream on.
    Once { mem: Handle, area: Area, position: Option<u64> },
    /// The object's store is in the arena.
    Beside(Beside),
}

struct Beside {
    store: Staging,
    /// What was the same in both when they were last compared.
    twin: Vec<u8>,
    /// Nothing has been waited for since the last comparison: the program can't know where its commands are.
    fresh: bool,
}

impl HostMemory {
    /// Contents for `mem` that are taken when they are first needed.
    pub(crate) fn once(host: HostArea, mem: Handle, area: Area) -> Arc<Self> {
        Self::with(host, Way::Once { mem, area, position: None })
    }

    /// A store for the object, which is given the contents that the program's memory has now.
    ///
    /// # Safety
    /// `host` is valid, and stays valid until the object is gone; `store` is as long.
    pub(crate) unsafe fn beside(host: HostArea, store: Staging) -> Arc<Self> {
        let length = host.packed_length();
        let mut twin = vec![0; length];
        // SAFETY: the caller vouches for `host`, and `twin` has as many bytes.
        unsafe { host.gather(0, twin.as_mut_ptr(), length) };
        // SAFETY: the caller vouches for the store's length; the arena is no part of the heap.
        unsafe { std::ptr::copy_nonoverlapping(twin.as_ptr(), store.pointer().as_ptr(), length) };
        Self::with(host, Way::Beside(Beside { store, twin, fresh: false }))
    }

    fn with(host: HostArea, way: Way) -> Arc<Self> {
        let beside = matches!(way, Way::Beside(_));
        Arc::new(Self { state: Mutex::new(Some(State { host, way })), beside })
    }

    /// Whether what the device changes comes to the program's memory by itself.
    pub(crate) fn is_beside(&self) -> bool {
        self.beside
    }

    /// Before a command that names the object: gives it what the program has changed. Gives the position in the object
    /// stream that the command needs.
    pub(crate) fn to_device(&self, session: &Arc<Session>) -> Result<u64> {
        match self.lock().as_mut() {
            Some(State { host, way: Way::Once { mem, area, position } }) => {
                if position.is_none() {
                    *position = Some(send_contents(session, *mem, *area, *host)?);
                }
                Ok(position.unwrap_or(0))
            }
            Some(State { host, way: Way::Beside(beside) }) => {
                if !beside.fresh {
                    let store = beside.store();
                    carry(&mut beside.twin, host, &store);
                    beside.fresh = true;
                }
                Ok(0)
            }
            None => Ok(0),
        }
    }

    /// After commands that named the object: gives the program what the device has changed.
    pub(crate) fn to_program(&self) {
        if let Some(State { host, way: Way::Beside(beside) }) = self.lock().as_mut() {
            let store = beside.store();
            carry(&mut beside.twin, &store, host);
            beside.fresh = false;
        }
    }

    /// The object is gone.
    pub(crate) fn end(&self) {
        drop(self.lock().take());
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beside {
    fn store(&self) -> HostArea {
        HostArea::flat(self.store.pointer().as_ptr(), self.twin.len())
    }
}

/// Copies what differs from `twin` in `from` to `to`, and to the twin; what does not differ stays what it is in `to`.
fn carry(twin: &mut [u8], from: &HostArea, to: &HostArea) {
    let (mut new, mut other) = ([0; PIECE], [0; PIECE]);
    for (piece, old) in twin.chunks_mut(PIECE).enumerate() {
        let (start, length) = (piece * PIECE, old.len());
        let (new, other) = (&mut new[..length], &mut other[..length]);
        // SAFETY: the program keeps its memory as long as the object, the store is the object's; both have as many packed
        // bytes as the twin.
        unsafe { from.gather(start, new.as_mut_ptr(), length) };
        if new == old {
            continue;
        }
        // SAFETY: as above.
        unsafe { to.gather(start, other.as_mut_ptr(), length) };
        for ((old, new), other) in old.iter_mut().zip(new).zip(other.iter_mut()) {
            *other = if *new == *old { *other } else { *new };
            *old = *new;
        }
        // SAFETY: as above. Something has changed in this piece, so it can be written to.
        unsafe { to.scatter(start, other.as_ptr(), length) };
    }
}

/// The objects that commands name which may not be complete.
#[derive(Default)]
pub(crate) struct InUse {
    /// By object and stream.
    list: Mutex<HashMap<(usize, u32), Use>>,
    count: AtomicUsize,
}

struct Use {
    memory: Arc<HostMemory>,
    stream: Arc<Stream>,
    /// Of the latest command that names it.
    position: u64,
}

impl InUse {
    /// The command at `position` of `stream` names the object of `memory`.
    pub(crate) fn add(&self, memory: &Arc<HostMemory>, stream: &Arc<Stream>, position: u64) {
        let key = (Arc::as_ptr(memory) as usize, stream.number());
        let mut list = self.lock();
        let (memory, stream) = (Arc::clone(memory), Arc::clone(stream));
        list.insert(key, Use { memory, stream, position });
        self.count.store(list.len(), Ordering::Release);
    }

    /// The program has waited for something: it may look at its memory now.
    pub(crate) fn show(&self) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut due = Vec::new();
        let mut list = self.lock();
        list.retain(|_, Use { memory, stream, position }| {
            due.push(Arc::clone(memory));
            stream.finished() < *position
        });
        self.count.store(list.len(), Ordering::Release);
        drop(list);
        for memory in due {
            memory.to_program();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(usize, u32), Use>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_changed_is_written() {
        let length = 3 * PIECE + 5;
        let (mut program, mut device) = (vec![7; length], vec![7; length]);
        let mut twin = program.clone();
        // Both sides change neighbouring bytes.
        program[100] = 1;
        device[101] = 2;
        device[length - 1] = 3;
        let (one, other) = (HostArea::flat(program.as_mut_ptr(), length), HostArea::flat(device.as_mut_ptr(), length));
        carry(&mut twin, &one, &other);
        assert_eq!(device[99..102], [7, 1, 2]);
        carry(&mut twin, &other, &one);
        assert_eq!((&program[99..102], program[length - 1]), ([7, 1, 2].as_slice(), 3));
        assert_eq!(twin, device);
    }

    #[test]
    fn memory_that_has_not_changed_is_not_written_to() {
        let page = 4096;
        // SAFETY: a new mapping of two pages, which the test alone uses.
        let readable = unsafe {
            libc::mmap(std::ptr::null_mut(), page, libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        assert_ne!(readable, libc::MAP_FAILED);
        let mut device = vec![0; page];
        let host = HostArea::flat(readable.cast(), page);
        carry(&mut vec![0; page], &HostArea::flat(device.as_mut_ptr(), page), &host);
    }
}
