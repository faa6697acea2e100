//! The program's own memory as a memory object: CL_MEM_USE_HOST_PTR.
//!
//! OpenCL promises that the contents at creation are the object's, and that a map shows what is in it. On a CPU the memory
//! *is* the object, and programs lean on it: they write to it without a map before the object is used, and read results
//! from it once a queue has finished. So it is here, too, where devices are CPUs and the arena is shared: the object's
//! store lies in the arena, and what the program has changed goes there before a command that names the object, what the
//! device has changed goes to the program's memory whenever the program has waited for something. A third copy, of what
//! both were the last time, tells who has changed what: nothing is written where nothing has changed, since the
//! program may write there at the same time.
//!
//! Elsewhere the contents are taken as late as can be: before the first command that names the object.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
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
    /// Who has enqueued commands that use what since something was waited for. Until then neither such a thread nor one that
    /// it tells can know where they are, so that it has nothing new there; of others this isn't known.
    left: Vec<(u64, Range<usize>)>,
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
        Self::with(host, Way::Beside(Beside { store, twin, left: Vec::new() }))
    }

    fn with(host: HostArea, way: Way) -> Arc<Self> {
        let beside = matches!(way, Way::Beside(_));
        Arc::new(Self { state: Mutex::new(Some(State { host, way })), beside })
    }

    /// Whether what the device changes comes to the program's memory by itself.
    pub(crate) fn is_beside(&self) -> bool {
        self.beside
    }

    /// After commands that named the object: gives the program what the device has changed.
    pub(crate) fn to_program(&self) {
        if let Some(State { host, way: Way::Beside(beside) }) = self.lock().as_mut() {
            let store = beside.store();
            carry(&mut beside.twin, 0, &store, host);
            beside.left.clear();
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

/// Those bytes of a memory that a command uses, which may be more than there are.
#[derive(Clone)]
pub(crate) struct HostPart {
    pub(crate) memory: Arc<HostMemory>,
    pub(crate) bytes: Range<usize>,
}

impl PartialEq for HostPart {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.memory, &other.memory) && self.bytes == other.bytes
    }
}

impl HostPart {
    /// As a command uses it to which it doesn't matter what the program has changed.
    pub(crate) fn unchanged(self) -> Self {
        Self { bytes: 0..0, ..self }
    }

    /// Before a command that uses it: gives the object what the program has changed there. The rest is left alone, since
    /// another thread may be writing to it. Gives the position in the object stream that the command needs.
    pub(crate) fn to_device(&self, session: &Arc<Session>) -> Result<u64> {
        match self.memory.lock().as_mut() {
            Some(State { host, way: Way::Once { mem, area, position } }) => {
                if position.is_none() {
                    *position = Some(send_contents(session, *mem, *area, *host)?);
                }
                Ok(position.unwrap_or(0))
            }
            Some(State { host, way: Way::Beside(beside) }) => {
                beside.take(host, &self.bytes);
                Ok(0)
            }
            None => Ok(0),
        }
    }

    /// A command that uses it is on its way.
    pub(crate) fn enqueued(&self) {
        if let Some(State { way: Way::Beside(beside), .. }) = self.memory.lock().as_mut() {
            beside.leave(&self.bytes);
        }
    }

    /// Before an unmap: the program may have written to the region at any time until now.
    pub(crate) fn unmapped(&self) {
        if let Some(State { way: Way::Beside(beside), .. }) = self.memory.lock().as_mut() {
            beside.left.clear();
        }
    }
}

/// How many entries of [`Beside::left`] are kept.
const LEFT: usize = 16;

impl Beside {
    /// Takes over what the program has changed in these bytes, unless this thread knows that it has changed nothing.
    fn take(&mut self, host: &HostArea, bytes: &Range<usize>) {
        let bytes = self.present(bytes);
        if !self.is_left(&bytes) {
            let store = self.store();
            carry(&mut self.twin[bytes.clone()], bytes.start, host, &store);
        }
    }

    /// This thread changes nothing in these bytes until something is waited for.
    fn leave(&mut self, bytes: &Range<usize>) {
        let bytes = self.present(bytes);
        if self.is_left(&bytes) {
            return;
        }
        if self.left.len() == LEFT {
            self.left.clear();
        }
        self.left.push((this_thread(), bytes));
    }

    fn is_left(&self, bytes: &Range<usize>) -> bool {
        let this = this_thread();
        let covers =
            |(thread, all): &(_, Range<usize>)| *thread == this && all.start <= bytes.start && bytes.end <= all.end;
        bytes.is_empty() || self.left.iter().any(covers)
    }

    /// Those of `bytes` that there are.
    fn present(&self, bytes: &Range<usize>) -> Range<usize> {
        bytes.start.min(self.twin.len())..bytes.end.min(self.twin.len())
    }

    fn store(&self) -> HostArea {
        HostArea::flat(self.store.pointer().as_ptr(), self.twin.len())
    }
}

/// A number that no other thread has had. Unlike the library's own it is there until a thread's very end.
fn this_thread() -> u64 {
    static LATEST: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(LATEST.fetch_add(1, Ordering::Relaxed) + 1);
        }
        number.get()
    })
}

/// Copies what differs from `twin` in `from` to `to`, and to the twin; what does not differ stays what it is in `to`. The
/// twin is of the bytes from `offset` on.
fn carry(twin: &mut [u8], offset: usize, from: &HostArea, to: &HostArea) {
    let mut new = [0; PIECE];
    for (piece, old) in twin.chunks_mut(PIECE).enumerate() {
        let (start, new) = (offset + piece * PIECE, &mut new[..old.len()]);
        // SAFETY: the program keeps its memory as long as the object, the store is the object's; both have all packed
        // bytes that the twin is of.
        unsafe { from.gather(start, new.as_mut_ptr(), new.len()) };
        if new == old {
            continue;
        }
        // SAFETY: as above. What is written has changed, so it can be written to.
        unsafe { to.scatter_changes(start, old, new) };
        old.copy_from_slice(new);
    }
}

/// The objects that commands name which may not be complete.
#[derive(Default)]
pub(crate) struct InUse {
    /// By object and stream.
    list: Mutex<HashMap<(usize, u32), Use>>,
    count: AtomicUsize,
    /// Held while bytes go to the program: another thread that has waited finds them there, or waits here. Those that only
    /// enqueue don't.
    showing: Mutex<()>,
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
        let _showing = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memories = Vec::new();
        self.lock().retain(|_, Use { memory, stream, position }| {
            memories.push(Arc::clone(memory));
            // What finishes while bytes are copied is for the next time.
            stream.finished() < *position
        });
        for memory in memories {
            memory.to_program();
        }
        // Not before: who finds nothing in use doesn't wait.
        let list = self.lock();
        self.count.store(list.len(), Ordering::Release);
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
        carry(&mut twin, 0, &one, &other);
        assert_eq!(device[99..102], [7, 1, 2]);
        carry(&mut twin, 0, &other, &one);
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
        carry(&mut vec![0; page], 0, &HostArea::flat(device.as_mut_ptr(), page), &host);
    }
}
