//! Launching kernels. A kernel does nothing, except for those whose names are tricks for tests.

use super::buffer_commands::Tail;
use super::device_info::MAX_WORK_GROUP;
use super::ffi::{Outcome, code, lock};
use super::kernel::{Arg, Kernel, check_args};
use super::memory::Mem;
use super::operation::Operation;
use super::pool::{Handle, Ref};
use super::queue::Queue;
use opencl_sys::*;
use std::time::Duration;

/// A launch that was checked.
pub struct Launch {
    kernel: Ref<Kernel>,
    trick: Trick,
    /// The memory objects among the arguments, if the launch had to wait.
    keep: Vec<Ref<Mem>>,
}

/// What a kernel does by its name.
enum Trick {
    /// Any other name.
    Nothing,
    /// "fill_index": writes each work-item's index to the first buffer argument, as u32s.
    FillIndex { buffer: Ref<Mem>, first: usize, items: usize },
    /// "copy": copies the first argument to the second, as many bytes as both have.
    Copy { from: Ref<Mem>, to: Ref<Mem> },
    /// "crash": the process aborts.
    Crash,
    /// "spin": sleeps as long as the first integer argument says.
    Spin(Duration),
    /// "print": each work-item writes a line to file descriptor 1.
    Print(usize),
}

/// What "print" writes.
pub const PRINTED: &[u8] = b"hello from work-item\n";

/// Most lines that one launch of "print" writes.
const MOST_LINES: usize = 4096;

impl Launch {
    pub fn run(&mut self) {
        match &self.trick {
            Trick::Nothing => {}
            Trick::FillIndex { buffer, first, items } => fill_index(buffer, *first, *items),
            Trick::Copy { from, to } => {
                // SAFETY: both objects are held here and have at least so many bytes; `copy` bears an overlap.
                unsafe { std::ptr::copy(from.base.0, to.base.0, from.size.min(to.size)) }
            }
            Trick::Crash => std::process::abort(),
            Trick::Spin(time) => std::thread::sleep(*time),
            Trick::Print(items) => (0..*items).for_each(|_| print()),
        }
    }

    /// Holds what the arguments name: it will run later.
    pub fn keep(&mut self) {
        let args = lock(&self.kernel.args);
        self.keep.extend(args.iter().filter_map(mem));
    }
}

fn fill_index(buffer: &Mem, first: usize, items: usize) {
    let room = buffer.size / 4;
    for index in first.min(room)..first.saturating_add(items).min(room) {
        // SAFETY: `index` is below the number of u32s in the buffer, which the launch holds. Host memory may be unaligned.
        unsafe { buffer.base.0.cast::<u32>().add(index).write_unaligned(index as u32) };
    }
}

fn print() {
    let mut rest = PRINTED;
    while !rest.is_empty() {
        // SAFETY: `rest` is so many bytes.
        let written = unsafe { libc::write(1, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) => rest = &rest[written.min(rest.len())..],
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn mem(arg: &Arg) -> Option<Ref<Mem>> {
    match *arg {
        Arg::Mem(address) => Ref::find(std::ptr::with_exposed_provenance_mut(address)).ok(),
        _ => None,
    }
}

/// The sizes of a launch.
struct Range {
    /// The first dimension's offset.
    first: usize,
    items: usize,
}

fn prepare(queue: &Ref<Queue>, kernel: Ref<Kernel>, range: &Range) -> Outcome<Launch> {
    let args = lock(&kernel.args);
    check_args(&args)?;
    let mut mems = args.iter().filter_map(mem);
    let trick = match kernel.meta.name.as_str() {
        "fill_index" => mems.next().map(|buffer| Trick::FillIndex { buffer, first: range.first, items: range.items }),
        "copy" => mems.next().zip(mems.next()).map(|(from, to)| Trick::Copy { from, to }),
        "crash" => Some(Trick::Crash),
        "spin" => args.iter().find_map(|arg| {
            match arg {
                Arg::Value([a, b, c, d, ..]) => Some(i32::from_le_bytes([*a, *b, *c, *d])),
                _ => None,
            }
            .map(|time| Trick::Spin(Duration::from_millis(u64::try_from(time).unwrap_or(0))))
        }),
        "print" => Some(Trick::Print(range.items.min(MOST_LINES))),
        _ => None,
    };
    drop(mems);
    drop(args);
    if !kernel.context().is(&queue.context) {
        return Err(CL_INVALID_CONTEXT);
    }
    kernel.program.index_of(queue.device()).map_err(|_| CL_INVALID_PROGRAM_EXECUTABLE)?;
    // Nothing to do for nobody.
    let trick = trick.filter(|_| range.items > 0).unwrap_or(Trick::Nothing);
    Ok(Launch { kernel, trick, keep: Vec::new() })
}

/// Checks sizes as clEnqueueNDRangeKernel has it.
///
/// # Safety
/// Each pointer is NULL or points to `dimensions` sizes.
unsafe fn range(
    kernel: &Kernel,
    dimensions: cl_uint,
    offset: *const usize,
    global: *const usize,
    local: *const usize,
) -> Outcome<Range> {
    if !(1..=3).contains(&dimensions) {
        return Err(CL_INVALID_WORK_DIMENSION);
    }
    let used = dimensions as usize;
    // SAFETY: the caller's promise.
    let (offset, global, local) = unsafe { (sizes(used, offset), sizes(used, global), sizes(used, local)) };
    let offset = offset.unwrap_or([0; 3]);
    // Since OpenCL 2.1 nothing to do is no error.
    let global = global.unwrap_or([0; 3]);
    if (0..used).any(|dimension| offset[dimension].checked_add(global[dimension]).is_none()) {
        return Err(CL_INVALID_GLOBAL_OFFSET);
    }
    let required = Some(kernel.meta.required).filter(|required| required[0] != 0);
    if let Some(local) = local {
        if local[..used].iter().any(|&size| size > MAX_WORK_GROUP) {
            return Err(CL_INVALID_WORK_ITEM_SIZE);
        }
        let group: usize = local[..used].iter().product();
        let matches =
            required.is_none_or(|required| (0..3).all(|i| required[i] == if i < used { local[i] } else { 1 }));
        if group == 0 || group > MAX_WORK_GROUP || !matches {
            return Err(CL_INVALID_WORK_GROUP_SIZE);
        }
    }
    if let Some(group) = local.or(required) {
        if (0..used).any(|dimension| global[dimension] % group[dimension].max(1) != 0) {
            return Err(CL_INVALID_WORK_GROUP_SIZE);
        }
    }
    let items = global[..used].iter().fold(1, |items: usize, &size| items.saturating_mul(size));
    Ok(Range { first: offset[0], items })
}

/// # Safety
/// `first` is NULL or points to `used` sizes, 3 at most.
unsafe fn sizes(used: usize, first: *const usize) -> Option<[usize; 3]> {
    let mut sizes = [0; 3];
    for (index, size) in sizes.iter_mut().enumerate().take(if first.is_null() { 0 } else { used }) {
        // SAFETY: the caller's promise.
        *size = unsafe { first.add(index).read() };
    }
    (!first.is_null()).then_some(sizes)
}

pub unsafe extern "C" fn enqueue_nd_range_kernel(
    queue: cl_command_queue,
    kernel: cl_kernel,
    dimensions: cl_uint,
    offset: *const usize,
    global: *const usize,
    local: *const usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    // SAFETY: as above.
    code(unsafe { enqueue(queue, kernel, CL_COMMAND_NDRANGE_KERNEL, dimensions, [offset, global, local], &tail) })
}

pub unsafe extern "C" fn enqueue_task(
    queue: cl_command_queue,
    kernel: cl_kernel,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    let one = 1;
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    // SAFETY: one dimension, one size each.
    code(unsafe { enqueue(queue, kernel, CL_COMMAND_TASK, 1, [std::ptr::null(), &one, &one], &tail) })
}

/// # Safety
/// As for `range`, with the pointers in its order.
unsafe fn enqueue(
    queue: cl_command_queue,
    kernel: Handle,
    kind: cl_command_type,
    dimensions: cl_uint,
    [offset, global, local]: [*const usize; 3],
    tail: &Tail,
) -> Outcome<()> {
    let queue: Ref<Queue> = Ref::find(queue)?;
    let kernel: Ref<Kernel> = Ref::find(kernel)?;
    // SAFETY: the caller's promise.
    let range = unsafe { range(&kernel, dimensions, offset, global, local) }?;
    let launch = prepare(&queue, kernel, &range)?;
    tail.submit(&queue, kind, Operation::Launch(launch))
}
