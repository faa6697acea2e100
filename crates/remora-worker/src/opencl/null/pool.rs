//! Where the null driver's objects live, and what a handle is.
//!
//! An object stands in a slot of a chunk. Chunks belong to one type for ever and are never given back, so any number that
//! a caller passes as a handle can be checked without touching memory that isn't ours: its chunk must be registered for
//! the expected type, and the slot in which it points must be in use and of the same generation. A slot has as many
//! generations as bytes, and a handle is the address of the byte that counts the slot's generation. So a stale handle is
//! caught until its slot, which waits for its turn behind all other free ones, has been used again some hundred times.

use super::ffi::{Outcome, lock};
use opencl_sys::{CL_OUT_OF_HOST_MEMORY, CL_OUT_OF_RESOURCES, cl_int};
use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

/// What OpenCL calls cl_mem, cl_event and so on.
pub type Handle = *mut c_void;

/// A type of object that callers know by handle.
pub trait Object: Sized + Send + Sync + 'static {
    /// The type's mark in the register of chunks; 1 to 15, one of its own for every type.
    const KIND: usize;
    /// What to answer when a handle is not one of this type.
    const INVALID: cl_int;

    /// Where the objects of this type live.
    fn pool() -> &'static Pool<Self>;

    /// The caller has given up its last reference; the driver may hold others.
    fn abandoned(_this: &Ref<Self>) {}

    /// Nothing refers to the object any more; it is dropped after this.
    fn retire(&mut self, _handle: Handle) {}
}

/// A counted reference to an object.
pub struct Ref<T: Object> {
    slot: &'static Slot<T>,
}

impl<T: Object> Ref<T> {
    /// Puts `value` in a slot. It has no handle until `into_handle`.
    pub fn new(value: T) -> Outcome<Ref<T>> {
        let slot = T::pool().take()?;
        // SAFETY: the slot is free (its count is 0) and was taken off the list of free ones, so only we use its value.
        unsafe { (*slot.value.get()).write(value) };
        slot.references.store(1, Ordering::Release);
        Ok(Ref { slot })
    }

    /// The object that a caller means by `handle`.
    pub fn find(handle: Handle) -> Outcome<Ref<T>> {
        let slot = Slot::<T>::at(handle).ok_or(T::INVALID)?;
        if slot.handles.load(Ordering::Acquire) == 0 || !add_unless_zero(&slot.references)? {
            return Err(T::INVALID);
        }
        let found = Ref { slot };
        // Another thread may have released it, and the slot been used again, since `at` looked.
        if found.handle() == handle { Ok(found) } else { Err(T::INVALID) }
    }

    /// Turns this reference into the caller's first.
    pub fn into_handle(self) -> Handle {
        let handle = self.handle();
        self.slot.handles.store(1, Ordering::Release);
        std::mem::forget(self);
        handle
    }

    /// The address that stands for the object, whether or not the caller still may use it.
    pub fn handle(&self) -> Handle {
        let generation = self.slot.generation.load(Ordering::Relaxed);
        ptr::from_ref(self.slot).cast_mut().cast::<c_void>().wrapping_byte_add(generation as usize)
    }

    /// What CL_*_REFERENCE_COUNT answers.
    pub fn count(&self) -> u32 {
        self.slot.handles.load(Ordering::Relaxed)
    }

    /// Whether both are the same object.
    pub fn is(&self, other: &Ref<T>) -> bool {
        ptr::eq(self.slot, other.slot)
    }

    /// Makes the handle usable for the time of `run`, even if the caller has released it.
    pub fn lend<R>(&self, run: impl FnOnce(Handle) -> R) -> R {
        // The handles together hold one reference; it comes first so that nobody sees handles without it.
        self.slot.references.fetch_add(1, Ordering::Relaxed);
        if self.slot.handles.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            self.slot.references.fetch_sub(1, Ordering::Release);
            return run(self.handle());
        }
        let result = run(self.handle());
        let _ = release::<T>(self.handle());
        result
    }
}

impl<T: Object> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a Ref exists, so the count is not 0 and the value is there; it is only shared until the count is 0.
        unsafe { (*self.slot.value.get()).assume_init_ref() }
    }
}

impl<T: Object> Clone for Ref<T> {
    fn clone(&self) -> Ref<T> {
        self.slot.references.fetch_add(1, Ordering::Relaxed);
        Ref { slot: self.slot }
    }
}

impl<T: Object> Drop for Ref<T> {
    fn drop(&mut self) {
        if self.slot.references.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: the count went from 1 to 0 here, and from 0 it never rises (`find` refuses), so we alone have the value.
        let value = unsafe { (*self.slot.value.get()).assume_init_mut() };
        value.retire(self.handle());
        // SAFETY: as above; the slot is marked empty by its count and nobody reads the value after this.
        unsafe { ptr::drop_in_place(value) };
        let next = (self.slot.generation.load(Ordering::Relaxed) + 1) % size_of::<Slot<T>>() as u32;
        self.slot.generation.store(next, Ordering::Release);
        T::pool().give_back(self.slot);
    }
}

/// Whether an object of this type is known by this address now.
pub fn is_handle<T: Object>(address: usize) -> bool {
    Slot::<T>::at(ptr::without_provenance_mut(address)).is_some_and(|slot| slot.handles.load(Ordering::Acquire) > 0)
}

/// clRetain*.
pub fn retain<T: Object>(handle: Handle) -> Outcome<()> {
    let slot = Slot::<T>::at(handle).ok_or(T::INVALID)?;
    add_unless_zero(&slot.handles)?.then_some(()).ok_or(T::INVALID)
}

/// clRelease*.
pub fn release<T: Object>(handle: Handle) -> Outcome<()> {
    let slot = Slot::<T>::at(handle).ok_or(T::INVALID)?;
    let before = slot
        .handles
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1))
        .map_err(|_| T::INVALID)?;
    if before == 1 {
        // The handles' common reference is ours now.
        let last = Ref { slot };
        T::abandoned(&last);
    }
    Ok(())
}

fn add_unless_zero(count: &AtomicU32) -> Outcome<bool> {
    let mut now = count.load(Ordering::Relaxed);
    loop {
        if now == 0 {
            return Ok(false);
        }
        let more = now.checked_add(1).ok_or(CL_OUT_OF_RESOURCES)?;
        match count.compare_exchange_weak(now, more, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return Ok(true),
            Err(other) => now = other,
        }
    }
}

/// The slots of one type that are free.
pub struct Pool<T: Object> {
    free: Mutex<VecDeque<&'static Slot<T>>>,
}

impl<T: Object> Pool<T> {
    /// A pool without any chunk.
    pub const fn new() -> Pool<T> {
        Pool { free: Mutex::new(VecDeque::new()) }
    }

    fn take(&self) -> Outcome<&'static Slot<T>> {
        let mut free = lock(&self.free);
        if free.is_empty() {
            free.extend(new_chunk::<T>()?);
        }
        free.pop_front().ok_or(CL_OUT_OF_HOST_MEMORY)
    }

    fn give_back(&self, slot: &'static Slot<T>) {
        lock(&self.free).push_back(slot);
    }
}

struct Slot<T> {
    /// References that the caller counts (clRetain*, clRelease*). 0: the address is no handle, or no more.
    handles: AtomicU32,
    /// All references; the caller's together are one. 0: the slot is free.
    references: AtomicU32,
    /// How often the slot was freed, modulo its size.
    generation: AtomicU32,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the counters are atomic, and the value is reached only under the rules of Ref, as in an Arc.
unsafe impl<T: Send + Sync> Send for Slot<T> {}
// SAFETY: as for Send.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T: Object> Slot<T> {
    const PER_CHUNK: usize = CHUNK / size_of::<Slot<T>>();

    /// The slot that a caller means by `handle`, if that is or was one of this type.
    fn at(handle: Handle) -> Option<&'static Slot<T>> {
        let address = handle.addr();
        let offset = address % CHUNK;
        let (index, generation) = (offset / size_of::<Slot<T>>(), offset % size_of::<Slot<T>>());
        if index >= Self::PER_CHUNK || !is_registered((address - offset) | T::KIND) {
            return None;
        }
        // SAFETY: the chunk is registered for T: it lives for ever, its provenance was exposed, and a Slot<T> with
        // initialised counters stands at each multiple of the slot's size below PER_CHUNK.
        let slot = unsafe { &*ptr::with_exposed_provenance::<Slot<T>>(address - generation) };
        (slot.generation.load(Ordering::Acquire) as usize == generation).then_some(slot)
    }
}

/// Size and alignment of a chunk.
const CHUNK: usize = 64 * 1024;

fn new_chunk<T: Object>() -> Outcome<impl Iterator<Item = &'static Slot<T>>> {
    const { assert!(T::KIND > 0 && T::KIND < 16 && Slot::<T>::PER_CHUNK >= 8) };
    let layout = Layout::from_size_align(CHUNK, CHUNK).map_err(|_| CL_OUT_OF_HOST_MEMORY)?;
    // SAFETY: the layout's size is not 0.
    let chunk = unsafe { std::alloc::alloc(layout) }.cast::<Slot<T>>();
    if chunk.is_null() {
        return Err(CL_OUT_OF_HOST_MEMORY);
    }
    for index in 0..Slot::<T>::PER_CHUNK {
        let empty = Slot {
            handles: AtomicU32::new(0),
            references: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            value: UnsafeCell::new(MaybeUninit::<T>::uninit()),
        };
        // SAFETY: PER_CHUNK slots fit in the chunk, which is ours and aligned for them.
        unsafe { chunk.add(index).write(empty) };
    }
    if !register(chunk.expose_provenance() | T::KIND) {
        // SAFETY: allocated above with this layout, and nobody has seen it.
        unsafe { std::alloc::dealloc(chunk.cast(), layout) };
        return Err(CL_OUT_OF_HOST_MEMORY);
    }
    // SAFETY: each slot was written above, and a registered chunk is never freed.
    Ok((0..Slot::<T>::PER_CHUNK).map(move |index| unsafe { &*chunk.add(index) }))
}

/// Chunk addresses with the type in the low bits, hashed by address; 0 is empty. Entries only ever get added.
static REGISTER: [AtomicUsize; REGISTER_SIZE] = [const { AtomicUsize::new(0) }; REGISTER_SIZE];
const REGISTER_SIZE: usize = 1 << 14;
static REGISTERED: AtomicUsize = AtomicUsize::new(0);

fn is_registered(entry: usize) -> bool {
    // At least half of the register is empty, so this ends.
    for place in places(entry) {
        match REGISTER[place].load(Ordering::Acquire) {
            0 => return false,
            other if other == entry => return true,
            _ => {}
        }
    }
    false
}

fn register(entry: usize) -> bool {
    if REGISTERED.fetch_add(1, Ordering::Relaxed) >= REGISTER_SIZE / 2 {
        REGISTERED.fetch_sub(1, Ordering::Relaxed);
        return false;
    }
    places(entry).any(|place| REGISTER[place].compare_exchange(0, entry, Ordering::Release, Ordering::Relaxed).is_ok())
}

fn places(entry: usize) -> impl Iterator<Item = usize> {
    let first = ((entry / CHUNK) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 50;
    (0..REGISTER_SIZE).map(move |step| (first as usize + step) % REGISTER_SIZE)
}

/// Implements `Object` with a pool of its own; further methods may follow in braces.
macro_rules! object {
    ($type:ty, $kind:expr, $invalid:expr $(, { $($more:item)* })?) => {
        impl super::pool::Object for $type {
            const KIND: usize = $kind;
            const INVALID: opencl_sys::cl_int = $invalid;

            fn pool() -> &'static super::pool::Pool<Self> {
                static POOL: super::pool::Pool<$type> = super::pool::Pool::new();
                &POOL
            }

            $($($more)*)?
        }
    };
}
pub(super) use object;
