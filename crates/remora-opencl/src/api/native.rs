//! Native kernels: functions of the program that run in its own process when it is their turn in the queue.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::{HostArea, HostCall};
use remora_protocol::opencl::Area;

use crate::api::context::Data;
use crate::command::Enqueue;
use crate::error::{Error, Result, ensure};
use crate::map::{Backing, Heap};
use crate::mem::{Mem, bytes_of_buffer};
use crate::object::share;
use crate::transfer::{host_call, nothing, read_later, write_later};

type Function = unsafe extern "C" fn(*mut c_void);

/// # Safety
/// As clEnqueueNativeKernel.
#[allow(clippy::too_many_arguments)]
pub unsafe fn enqueue_native_kernel(
    queue: cl_command_queue,
    function: Option<Function>,
    args: *mut c_void,
    cb_args: usize,
    num_mem_objects: cl_uint,
    mem_list: *const cl_mem,
    args_mem_loc: *mut *const c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe { Enqueue::new(queue, num_events, wait_list, event) }?;
    let function = function.ok_or(Error(CL_INVALID_VALUE))?;
    let count = num_mem_objects as usize;
    ensure(args.is_null() == (cb_args == 0) && !(args.is_null() && count > 0), CL_INVALID_VALUE)?;
    ensure(mem_list.is_null() == (count == 0) && args_mem_loc.is_null() == (count == 0), CL_INVALID_VALUE)?;
    let capabilities = enqueue.queue.device.infos.number(CL_DEVICE_EXECUTION_CAPABILITIES);
    ensure(capabilities & CL_EXEC_NATIVE_KERNEL != 0, CL_INVALID_OPERATION)?;
    // SAFETY: the program gives `cb_args` bytes.
    let mut arguments = unsafe { Arguments::copy(args.cast(), cb_args) };
    let mut copied = Vec::new();
    for place in 0..count {
        // SAFETY: the program gives `count` memory objects and places.
        let (mem, at): (Result<Arc<Mem>>, _) = unsafe { (share(*mem_list.add(place)), *args_mem_loc.add(place)) };
        let mem = mem?;
        enqueue.names_memory(&mem)?;
        let seen = Seen::new(mem)?;
        arguments.set(at as usize, args as usize, seen.pointer)?;
        if seen.copies {
            copied.push(seen);
        }
    }
    let (queue, context) = (Arc::clone(&enqueue.queue), Arc::clone(&enqueue.queue.context));
    let run = move || {
        // What comes before it is complete: it may look at the program's own memory, and print behind what was printed.
        let session = &queue.remote.session;
        session.wait_for_output(session.printed(&queue.stream));
        context.in_use.show();
        // SAFETY: the program's own function, with the copy of its arguments that it is documented to get.
        unsafe { function(arguments.pointer()) };
    };
    if copied.is_empty() {
        return host_call(enqueue, CL_COMMAND_NATIVE_KERNEL, Box::new(run));
    }
    between_copies(enqueue, copied, Box::new(run))
}

/// Runs something that sees memory objects which lie elsewhere: they are brought before and taken back after it.
fn between_copies(enqueue: Enqueue, copied: Vec<Seen>, run: HostCall) -> Result<()> {
    const TYPE: u32 = CL_COMMAND_NATIVE_KERNEL;
    let queue = Arc::clone(&enqueue.queue);
    // What the program waits for comes first, and its event last.
    let (start, mut end) = enqueue.divide();
    let start = start.internal(TYPE, |part| nothing(part, TYPE, false))?;
    let mut call = Enqueue::part(&queue);
    for seen in &copied {
        let kept = seen.clone();
        let keep = Box::new(move || drop(kept));
        let bring = |part| read_later(part, TYPE, &seen.mem, seen.area, None, seen.host(), None, Some(keep));
        let brought = Enqueue::part(&queue).after(&start).internal(TYPE, bring)?;
        call = call.after(&brought);
    }
    let called = call.internal(TYPE, |part| host_call(part, TYPE, run))?;
    for seen in copied {
        let (mem, area, host) = (Arc::clone(&seen.mem), seen.area, seen.host());
        let keep = Box::new(move || drop(seen));
        let take = |part| write_later(part, TYPE, &mem, area, host, false, Some(keep));
        let taken = Enqueue::part(&queue).after(&called).internal(TYPE, take)?;
        end = end.after(&taken);
    }
    nothing(end, TYPE, false)
}

/// A memory object as a native kernel sees it.
#[derive(Clone)]
struct Seen {
    mem: Arc<Mem>,
    area: Area,
    pointer: Data,
    /// Whether the bytes are somewhere else and must be copied.
    copies: bool,
    /// Where they are copied to, if the program has no memory for them.
    _heap: Option<Arc<Heap>>,
}

impl Seen {
    fn new(mem: Arc<Mem>) -> Result<Self> {
        let area =
            mem.image.as_ref().map_or_else(|| bytes_of_buffer(0, mem.size), |image| image.area([0; 3], image.extent()));
        let own = |pointer: *mut u8, copies| (Data(pointer.cast()), copies, None);
        let (pointer, copies, heap) = match mem.store_pointer() {
            // The program knows its own memory.
            _ if mem.is_buffer() && !mem.host.0.is_null() => {
                own(mem.host.0, !matches!(mem.host_backing(), Backing::SamePages))
            }
            Some(store) => own(store, false),
            None => {
                let heap = Arc::new(Heap::new(packed(&area)).ok_or(Error(CL_OUT_OF_HOST_MEMORY))?);
                (Data(heap.pointer().cast()), true, Some(heap))
            }
        };
        Ok(Self { mem, area, pointer, copies, _heap: heap })
    }

    fn host(&self) -> HostArea {
        HostArea::flat(self.pointer.get().cast(), packed(&self.area))
    }
}

fn packed(area: &Area) -> usize {
    usize::try_from(crate::mem::packed_length(area)).unwrap_or(usize::MAX)
}

/// The copy of a native kernel's arguments, aligned for whatever is in them.
struct Arguments {
    words: Vec<u128>,
    length: usize,
}

impl Arguments {
    /// # Safety
    /// `args` is null or valid for `length` bytes.
    unsafe fn copy(args: *const u8, length: usize) -> Self {
        let mut words = vec![0_u128; length.div_ceil(size_of::<u128>())];
        if length > 0 {
            // SAFETY: the caller vouches for the source; the words have room for as many bytes.
            unsafe { std::ptr::copy_nonoverlapping(args, words.as_mut_ptr().cast(), length) };
        }
        Self { words, length }
    }

    /// Puts `value` where the program says that there is a memory object in its own `args`.
    fn set(&mut self, place: usize, args: usize, value: Data) -> Result<()> {
        let offset = place
            .checked_sub(args)
            .filter(|offset| offset.checked_add(size_of::<*mut c_void>()).is_some_and(|end| end <= self.length));
        let offset = offset.ok_or(Error(CL_INVALID_VALUE))?;
        // SAFETY: the place lies inside the words, as was just checked.
        unsafe { self.words.as_mut_ptr().cast::<u8>().add(offset).cast::<*mut c_void>().write_unaligned(value.get()) };
        Ok(())
    }

    fn pointer(&mut self) -> *mut c_void {
        if self.length == 0 { std::ptr::null_mut() } else { self.words.as_mut_ptr().cast() }
    }
}
