//! Shared virtual memory in this process: where it is, and whether the device sees the same pages.
//!
//! The driver in the worker chooses an address, and memory of this process is put there: pages of the arena if the worker
//! has put the same ones in place of the driver's, or pages of this process alone, whose bytes are brought and taken when
//! the program maps and unmaps them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, PoisonError, RwLock};

use opencl_sys::*;
use remora_client::{Needs, Session, Staging, Window};
use remora_protocol::opencl::{CreateSvm, SvmCreated};
use remora_protocol::{Kind, List};

use crate::api::context::Context;
use crate::error::{Error, Result, check};
use crate::facts::Device;
use crate::mem::{Description, Mem};
use crate::object::Remote;

/// What makes a memory object shared virtual memory.
pub(crate) enum Svm {
    /// It is what clSVMAlloc gave.
    Whole(Pages),
    /// It lies in another one.
    In(Arc<Mem>),
}

/// The pages that the program sees.
pub(crate) struct Pages {
    _window: Window,
    /// Whether the device sees the same.
    same: bool,
    usm: Option<Usm>,
}

/// What unified shared memory is beside shared virtual memory.
pub(crate) struct Usm {
    /// CL_MEM_TYPE_*_INTEL.
    pub(crate) kind: u32,
    pub(crate) device: Option<Arc<Device>>,
    /// CL_MEM_ALLOC_FLAGS_INTEL.
    pub(crate) flags: u64,
}

impl Svm {
    /// Whether program and device see the same pages.
    pub(crate) fn same_pages(&self) -> bool {
        match self {
            Self::Whole(pages) => pages.same,
            Self::In(mem) => mem.svm.as_ref().is_some_and(Self::same_pages),
        }
    }
}

/// Some bytes of shared virtual memory.
pub(crate) struct Range {
    /// All of what clSVMAlloc gave.
    pub(crate) mem: Arc<Mem>,
    pub(crate) offset: usize,
}

impl Range {
    pub(crate) fn is_of(&self, context: &Arc<Context>) -> bool {
        Arc::ptr_eq(&self.mem.context, context)
    }

    pub(crate) fn pointer(&self) -> *mut u8 {
        self.mem.host.0.wrapping_add(self.offset)
    }

    /// What it is as unified shared memory, if it was allocated as that.
    pub(crate) fn usm(&self) -> Option<&Usm> {
        match &self.mem.svm {
            Some(Svm::Whole(pages)) => pages.usm.as_ref(),
            _ => None,
        }
    }
}

/// All of this process, by first address.
static ALL: RwLock<BTreeMap<usize, Arc<Mem>>> = RwLock::new(BTreeMap::new());

/// What `length` bytes at `pointer` lie in. Its end lies in it as well.
pub(crate) fn find(pointer: *const u8, length: usize) -> Option<Range> {
    let all = ALL.read().unwrap_or_else(PoisonError::into_inner);
    let (start, mem) = all.range(..=pointer as usize).next_back()?;
    let offset = pointer as usize - start;
    let fits = offset.checked_add(length)? <= mem.size;
    fits.then(|| Range { mem: Arc::clone(mem), offset })
}

/// Where these addresses begin in the arena of `session`, if they are of shared virtual memory whose pages are there.
pub(crate) fn place(session: &Arc<Session>, span: &std::ops::Range<usize>) -> Option<u64> {
    let Range { mem, offset } = find(std::ptr::with_exposed_provenance(span.start), span.len())?;
    let store = mem.store.as_ref().filter(|_| Arc::ptr_eq(&mem.remote.session, session))?;
    Some(store.offset() + offset as u64)
}

/// Frees what begins at `pointer`, if it is of `context`.
pub(crate) fn free(context: &Arc<Context>, pointer: *mut u8) {
    let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
    let mem = all.get(&(pointer as usize)).filter(|mem| Arc::ptr_eq(&mem.context, context)).is_some();
    let mem = if mem { all.remove(&(pointer as usize)) } else { None };
    // It goes outside the lock.
    drop(all);
    drop(mem);
}

/// How often an address is tried that turns out to be taken in this process.
const ATTEMPTS: usize = 8;
const PAGE: usize = 4096;

/// Allocates `size` bytes that have the same address here as for the device.
pub(crate) fn allocate(
    context: &Arc<Context>,
    flags: u64,
    size: usize,
    alignment: u32,
    usm: Option<Usm>,
) -> Result<*mut u8> {
    let session = context.session();
    let pages = size.checked_next_multiple_of(PAGE).ok_or(Error(CL_OUT_OF_HOST_MEMORY))?;
    let same = session.shares_memory() && context.on_cpus();
    let store = if same { session.stage_zeroed(pages) } else { None };
    let must_be_same = flags & (CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS) != 0;
    if must_be_same && store.is_none() {
        return Err(Error(CL_OUT_OF_RESOURCES));
    }
    // Addresses that are taken here stay allocated there until one is found that is not: the driver would give them again.
    let mut unusable = Vec::new();
    for attempt in 0..ATTEMPTS {
        let avoid = if attempt == 0 { Vec::new() } else { taken() };
        let (remote, address) = create(context, session, (flags, pages, alignment), store.as_ref(), &avoid)?;
        let window = match &store {
            Some(store) => session.window(store, pages, address),
            None => Window::private(pages, address),
        };
        match window {
            Ok(window) => {
                let svm = Pages { _window: window, same: store.is_some(), usm };
                let mem = Mem::new(remote, Arc::clone(context), description(flags, size, address, svm, store));
                ALL.write().unwrap_or_else(PoisonError::into_inner).insert(address, mem);
                return Ok(std::ptr::with_exposed_provenance_mut(address));
            }
            Err(error) => {
                tracing::debug!(%error, address, "the driver's address is taken in this process");
                unusable.push(remote);
            }
        }
    }
    tracing::warn!("no address for shared virtual memory is free both here and there");
    Err(Error(CL_OUT_OF_HOST_MEMORY))
}

fn create(
    context: &Arc<Context>,
    session: &Arc<Session>,
    (flags, pages, alignment): (u64, usize, u32),
    store: Option<&Staging>,
    avoid: &[[u64; 2]],
) -> Result<(Remote, usize)> {
    let mem = session.mint(Kind::Mem);
    let command = CreateSvm {
        mem,
        context: context.remote.handle,
        flags,
        size: pages as u64,
        alignment,
        store: store.map_or(u64::MAX, Staging::offset),
        avoid: List::new(avoid),
    };
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let (created, answer) = session.call(session.objects(), &command, &needs, None)?;
    let answer: SvmCreated = answer.decode()?;
    check(answer.code)?;
    let remote = Remote { session: Arc::clone(session), handle: mem, created };
    Ok((remote, usize::try_from(answer.address).unwrap_or(0)))
}

fn description(flags: u64, size: usize, address: usize, pages: Pages, store: Option<Staging>) -> Description {
    Description {
        object_type: CL_MEM_OBJECT_BUFFER,
        flags,
        size,
        host: std::ptr::with_exposed_provenance_mut(address),
        svm: Some(Svm::Whole(pages)),
        parent: None,
        origin: 0,
        image: None,
        pipe: None,
        store,
        host_memory: None,
        properties: Vec::new(),
        credit: 0,
    }
}

/// Mappings that are this near to each other count as one.
const NEAR: u64 = 64 << 20;

/// What is mapped in this process: first addresses and lengths.
fn taken() -> Vec<[u64; 2]> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut taken: Vec<[u64; 2]> = Vec::new();
    for line in maps.lines() {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let parse = |text| u64::from_str_radix(text, 16).ok();
        let Some((Some(start), Some(end))) = range.map(|(start, end)| (parse(start), parse(end))) else { continue };
        match taken.last_mut() {
            // What another thread maps while this is read may come out of order.
            Some([first, length]) if start >= *first && start.saturating_sub(*first + *length) < NEAR => {
                *length = (*length).max(end - *first);
            }
            _ => taken.push([start, end - start]),
        }
    }
    taken
}
