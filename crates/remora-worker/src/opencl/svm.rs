//! Shared virtual memory: the same addresses in the program as in the worker.
//!
//! The driver chooses an address, and the client then puts memory of its own there. Where all devices are CPUs, whose
//! drivers use ordinary memory, the worker puts pages of the arena in place of the driver's: both sides then see the same
//! bytes, whenever they look. To the commands of queues such memory is a buffer that lies over it.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, Weak};

use opencl_sys::{
    CL_INVALID_ARG_VALUE, CL_INVALID_BUFFER_SIZE, CL_INVALID_OPERATION, CL_INVALID_VALUE, CL_MEM_READ_ONLY,
    CL_MEM_READ_WRITE, CL_MEM_SVM_ATOMICS, CL_MEM_SVM_FINE_GRAIN_BUFFER, CL_MEM_WRITE_ONLY, CL_OUT_OF_RESOURCES,
    cl_int,
};
use remora_link::Window;
use remora_protocol::Bulk;
use remora_protocol::opencl::CreateSvm;

use super::context::Context;
use super::driver::Driver;
use super::memory::{Mem, PAGE};
use super::shared::Shared;
use super::violation::Violation;
use crate::lock;

const FLAGS: u64 =
    CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY | CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS;

/// Memory of clSVMAlloc.
pub struct Svm {
    pages: Option<Window>,
    allocation: ManuallyDrop<Allocation>,
    /// Where it begins for program and device: whole pages inside the allocation.
    pub address: NonNull<u8>,
}

// SAFETY: the memory may be used from any thread; this value only gives away its address.
unsafe impl Send for Svm {}
// SAFETY: as above.
unsafe impl Sync for Svm {}

/// NVIDIA's driver allocates wrongly while another thread frees: its calls about such memory are made one at a time. Nothing
/// else is done under this lock.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Makes a call of the driver about shared virtual memory.
pub fn one_at_a_time<T>(call: impl FnOnce() -> T) -> T {
    let _alone = lock(&ONE_AT_A_TIME);
    call()
}

struct Allocation {
    driver: Driver,
    context: Arc<Context>,
    raw: *mut c_void,
}

/// The C library takes up to 32 MiB from what it has.
const MAPPED_ANEW: usize = 64 << 20;

impl Drop for Allocation {
    fn drop(&mut self) {
        if let Some(free) = self.driver.clSVMFree {
            // SAFETY: it came from clSVMAlloc of this context, and is freed once.
            one_at_a_time(|| unsafe { free(self.context.raw(), self.raw) });
        }
    }
}

impl Svm {
    /// Allocates `message.size` bytes, whole pages.
    ///
    /// # Errors
    /// If the store is not the client's to give; the inner one is the code for the program.
    pub fn allocate(
        shared: &Shared,
        message: &CreateSvm<'_>,
    ) -> Result<Result<(Self, Arc<Context>), cl_int>, Violation> {
        if message.size == 0 || message.size % PAGE != 0 {
            return Err(Violation::new("shared virtual memory of no whole pages"));
        }
        let stored = message.store != u64::MAX;
        if stored {
            if !shared.link.shares_memory() || message.store % PAGE != 0 {
                return Err(Violation::new("a store that can't be mapped"));
            }
            shared.client_memory(Bulk { offset: message.store, length: message.size })?;
        }
        shared.svm.keep_clear(message.avoid.iter());
        Ok(Self::of_driver(shared, message, stored))
    }

    fn of_driver(shared: &Shared, message: &CreateSvm<'_>, stored: bool) -> Result<(Self, Arc<Context>), cl_int> {
        let context = shared.tables.contexts.get(message.context)?;
        // Other devices have tables of their own for what is where.
        if message.flags & !FLAGS != 0 || (stored && !context.on_cpus(shared.driver)) {
            return Err(CL_INVALID_VALUE);
        }
        let size = usize::try_from(message.size).map_err(|_| CL_INVALID_BUFFER_SIZE)?;
        // Whole pages are found inside of what has a page more. Where some addresses will not do, it must not come out of
        // what an allocator has mapped already: large memory is mapped anew.
        let more = if message.avoid.is_empty() { PAGE as usize } else { MAPPED_ANEW };
        let wanted = size.checked_add(more).ok_or(CL_INVALID_BUFFER_SIZE)?;
        let allocate = shared.driver.clSVMAlloc.ok_or(CL_INVALID_OPERATION)?;
        // SAFETY: a live context.
        let raw = one_at_a_time(|| unsafe { allocate(context.raw(), message.flags, wanted, message.alignment) });
        if raw.is_null() {
            return Err(CL_OUT_OF_RESOURCES);
        }
        let allocation = Allocation { driver: shared.driver, context: Arc::clone(&context), raw };
        let aligned = raw.cast::<u8>().wrapping_add(raw.align_offset(PAGE as usize));
        let address = NonNull::new(aligned).ok_or(CL_OUT_OF_RESOURCES)?;
        let pages = stored.then(|| {
            // SAFETY: the memory has just been allocated for us by the driver of a CPU, which has it from the system's heap
            // and only touches it for the program's commands; it is freed after the window is closed.
            unsafe { Window::overlay(shared.arena(), message.store, size, address) }
        });
        let pages = pages.transpose().map_err(|error| {
            tracing::warn!(%error, "no pages for shared virtual memory");
            CL_OUT_OF_RESOURCES
        })?;
        Ok((Self { pages, allocation: ManuallyDrop::new(allocation), address }, context))
    }
}

impl Drop for Svm {
    fn drop(&mut self) {
        // The driver gets its own pages back before it gets back its memory. It does without where the program would still
        // see what it puts there.
        match self.pages.take().map_or(Ok(()), Window::close) {
            // SAFETY: it is not used any more.
            Ok(()) => unsafe { ManuallyDrop::drop(&mut self.allocation) },
            Err(error) => tracing::error!(%error, "shared virtual memory can't be given back"),
        }
    }
}

/// What is where.
#[derive(Default)]
pub struct Registry {
    /// By first address.
    ranges: Mutex<BTreeMap<u64, Weak<Mem>>>,
    /// What the program has mapped already.
    avoided: Mutex<Vec<Window>>,
}

/// When this many ranges are remembered, those that are gone are forgotten.
const MANY: usize = 256;
/// The most ranges that are kept clear, how often that is tried at a time, and the smallest part of one that is partly in use.
const MOST_AVOIDED: usize = 4096;
const MOST_TRIES: usize = 1 << 16;
const PART: u64 = 1 << 20;

impl Registry {
    /// Takes note of memory.
    pub fn add(&self, address: u64, mem: &Arc<Mem>) {
        let mut ranges = lock(&self.ranges);
        if ranges.len() >= MANY && ranges.len().is_power_of_two() {
            ranges.retain(|_, mem| mem.strong_count() > 0);
        }
        ranges.insert(address, Arc::downgrade(mem));
    }

    /// The memory that `length` bytes at `address` lie in. The end of one counts as in it.
    ///
    /// # Errors
    /// CL_INVALID_ARG_VALUE if there is none.
    pub fn find(&self, address: u64, length: u64) -> Result<Arc<Mem>, cl_int> {
        // What is gone may have begun inside of what is there now.
        let live = |(start, mem): (&u64, &Weak<Mem>)| Some((*start, mem.upgrade()?));
        let found = lock(&self.ranges).range(..=address).rev().find_map(live);
        let (start, mem) = found.ok_or(CL_INVALID_ARG_VALUE)?;
        let end = address.checked_add(length).ok_or(CL_INVALID_ARG_VALUE)?;
        if end - start <= mem.bytes() { Ok(mem) } else { Err(CL_INVALID_ARG_VALUE) }
    }

    /// Keeps the driver's memory out of these ranges from now on, as far as they are free.
    fn keep_clear(&self, ranges: impl Iterator<Item = [u64; 2]>) {
        let mut avoided = lock(&self.avoided);
        let mut left: Vec<[u64; 2]> = ranges.filter(|[_, length]| *length > 0).take(MOST_AVOIDED).collect();
        for _ in 0..MOST_TRIES {
            let Some([start, length]) = left.pop().filter(|_| avoided.len() < MOST_AVOIDED) else { return };
            let (Ok(address), Ok(size)) = (usize::try_from(start), usize::try_from(length)) else { continue };
            // A program under AddressSanitizer has terabytes mapped, of which it tells again each time.
            if avoided.iter().any(|window| covers(window, address, size)) {
                continue;
            }
            match Window::keep_clear(size, address) {
                Ok(window) => avoided.push(window),
                Err(_) if length > PART => {
                    let half = (length / 2).next_multiple_of(PAGE);
                    left.extend([[start, half], [start.saturating_add(half), length - half]]);
                }
                Err(_) => {}
            }
        }
    }
}

fn covers(window: &Window, address: usize, size: usize) -> bool {
    let offset = address.checked_sub(window.pointer().as_ptr().addr());
    offset.and_then(|offset| offset.checked_add(size)).is_some_and(|end| end <= window.size())
}

/// What a kernel is given for an address.
#[must_use]
pub fn pointer(address: u64) -> *const c_void {
    usize::try_from(address).map_or(ptr::null(), ptr::with_exposed_provenance)
}
