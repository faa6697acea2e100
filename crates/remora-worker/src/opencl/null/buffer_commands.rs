//! Commands on buffers: read, write, copy, rectangles, fill, map, unmap, migrate.

use super::event::WaitList;
use super::ffi::{self, EventOut, Outcome, Place, code};
use super::memory::Mem;
use super::operation::{Fill, Layout, Operation, Shape, Transfer};
use super::pool::{Handle, Ref};
use super::queue::{Command, Order, Queue};
use super::rect::Rect;
use opencl_sys::*;
use std::ffi::c_void;
use std::ptr;

/// The end of each enqueue function's parameters.
pub struct Tail {
    pub is_blocking: bool,
    count: cl_uint,
    first: *const cl_event,
    event: *mut Handle,
}

impl Tail {
    /// # Safety
    /// As for an entry point: `first` is NULL or points to `count` handles, `event` is NULL or writable, while this lives.
    pub unsafe fn new(blocking: cl_bool, count: cl_uint, first: *const cl_event, event: *mut Handle) -> Tail {
        Tail { is_blocking: blocking != CL_FALSE, count, first, event }
    }

    /// The command, once everything else has been checked.
    pub fn command(&self, queue: &Ref<Queue>, kind: cl_command_type, operation: Operation) -> Outcome<Command> {
        // SAFETY: the promise of `new`.
        let (wait, event) =
            unsafe { (WaitList::new(&queue.context, self.count, self.first)?, EventOut::new(self.event)) };
        Ok(Command { kind, operation, order: Order::Free, wait, event, is_blocking: self.is_blocking })
    }

    /// Enqueues it.
    pub fn submit(&self, queue: &Ref<Queue>, kind: cl_command_type, operation: Operation) -> Outcome<()> {
        queue.submit(self.command(queue, kind, operation)?)
    }
}

/// The queue, and a memory object of its context.
pub fn queue_and(queue: cl_command_queue, mem: cl_mem) -> Outcome<(Ref<Queue>, Ref<Mem>)> {
    let queue: Ref<Queue> = Ref::find(queue)?;
    let mem = of_context(&queue, mem)?;
    Ok((queue, mem))
}

/// A memory object of the queue's context.
pub fn of_context(queue: &Ref<Queue>, mem: cl_mem) -> Outcome<Ref<Mem>> {
    let mem: Ref<Mem> = Ref::find(mem)?;
    if mem.context.is(&queue.context) { Ok(mem) } else { Err(CL_INVALID_CONTEXT) }
}

fn queue_and_buffer(queue: cl_command_queue, buffer: cl_mem) -> Outcome<(Ref<Queue>, Ref<Mem>)> {
    let (queue, buffer) = queue_and(queue, buffer)?;
    is_buffer(&buffer)?;
    Ok((queue, buffer))
}

pub fn is_buffer(mem: &Mem) -> Outcome<()> {
    if mem.kind == CL_MEM_OBJECT_BUFFER { Ok(()) } else { Err(CL_INVALID_MEM_OBJECT) }
}

/// Bytes in one piece.
pub fn piece(row: usize) -> Shape {
    Shape { row, rows: 1, slices: 1 }
}

pub unsafe extern "C" fn enqueue_read_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    offset: usize,
    size: usize,
    pointer: *mut c_void,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    code(queue_and_buffer(queue, buffer).and_then(|(queue, buffer)| {
        check_linear(&buffer, offset, size, pointer)?;
        buffer.check_host_reads()?;
        let (from, to) = (Layout::packed(buffer.base.add(offset)), Layout::packed(Place(pointer.cast())));
        let transfer = Transfer { from, to, shape: piece(size), keep: [Some(buffer), None] };
        tail.submit(&queue, CL_COMMAND_READ_BUFFER, Operation::Copy(transfer))
    }))
}

pub unsafe extern "C" fn enqueue_write_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    offset: usize,
    size: usize,
    pointer: *const c_void,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    code(queue_and_buffer(queue, buffer).and_then(|(queue, buffer)| {
        check_linear(&buffer, offset, size, pointer)?;
        buffer.check_host_writes()?;
        let from = Layout::packed(Place(pointer.cast_mut().cast()));
        let to = Layout::packed(buffer.base.add(offset));
        let transfer = Transfer { from, to, shape: piece(size), keep: [Some(buffer), None] };
        tail.submit(&queue, CL_COMMAND_WRITE_BUFFER, Operation::Copy(transfer))
    }))
}

fn check_linear(buffer: &Mem, offset: usize, size: usize, pointer: *const c_void) -> Outcome<()> {
    if size == 0 || pointer.is_null() {
        return Err(CL_INVALID_VALUE);
    }
    buffer.check_range(offset, size)
}

pub unsafe extern "C" fn enqueue_read_buffer_rect(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    buffer_origin: *const usize,
    host_origin: *const usize,
    region: *const usize,
    buffer_row_pitch: usize,
    buffer_slice_pitch: usize,
    host_row_pitch: usize,
    host_slice_pitch: usize,
    pointer: *mut c_void,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    code(queue_and_buffer(queue, buffer).and_then(|(queue, buffer)| {
        // SAFETY: as above.
        let region = unsafe { ffi::triple(region) }?;
        // SAFETY: as above.
        let (origin, host) = unsafe { (ffi::triple(buffer_origin)?, ffi::triple(host_origin)?) };
        let there = rect_of(&buffer, origin, region, buffer_row_pitch, buffer_slice_pitch)?;
        let here = host_rect(pointer, host, region, host_row_pitch, host_slice_pitch)?;
        buffer.check_host_reads()?;
        let (from, to) = (there.layout(buffer.base), here.layout(Place(pointer.cast())));
        let transfer = Transfer { from, to, shape: there.shape(), keep: [Some(buffer), None] };
        tail.submit(&queue, CL_COMMAND_READ_BUFFER_RECT, Operation::Copy(transfer))
    }))
}

pub unsafe extern "C" fn enqueue_write_buffer_rect(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    buffer_origin: *const usize,
    host_origin: *const usize,
    region: *const usize,
    buffer_row_pitch: usize,
    buffer_slice_pitch: usize,
    host_row_pitch: usize,
    host_slice_pitch: usize,
    pointer: *const c_void,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    code(queue_and_buffer(queue, buffer).and_then(|(queue, buffer)| {
        // SAFETY: as above.
        let region = unsafe { ffi::triple(region) }?;
        // SAFETY: as above.
        let (origin, host) = unsafe { (ffi::triple(buffer_origin)?, ffi::triple(host_origin)?) };
        let there = rect_of(&buffer, origin, region, buffer_row_pitch, buffer_slice_pitch)?;
        let here = host_rect(pointer, host, region, host_row_pitch, host_slice_pitch)?;
        buffer.check_host_writes()?;
        let from = here.layout(Place(pointer.cast_mut().cast()));
        let to = there.layout(buffer.base);
        let transfer = Transfer { from, to, shape: there.shape(), keep: [Some(buffer), None] };
        tail.submit(&queue, CL_COMMAND_WRITE_BUFFER_RECT, Operation::Copy(transfer))
    }))
}

fn rect_of(buffer: &Mem, origin: [usize; 3], region: [usize; 3], row: usize, slice: usize) -> Outcome<Rect> {
    let rect = Rect::new(origin, region, row, slice, true)?;
    if rect.end() <= buffer.size { Ok(rect) } else { Err(CL_INVALID_VALUE) }
}

fn host_rect(
    pointer: *const c_void,
    origin: [usize; 3],
    region: [usize; 3],
    row: usize,
    slice: usize,
) -> Outcome<Rect> {
    if pointer.is_null() {
        return Err(CL_INVALID_VALUE);
    }
    Rect::new(origin, region, row, slice, true)
}

pub unsafe extern "C" fn enqueue_copy_buffer(
    queue: cl_command_queue,
    from: cl_mem,
    to: cl_mem,
    from_offset: usize,
    to_offset: usize,
    size: usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and_buffer(queue, from).and_then(|(queue, from)| {
        let to = of_context(&queue, to)?;
        is_buffer(&to)?;
        if size == 0 {
            return Err(CL_INVALID_VALUE);
        }
        from.check_range(from_offset, size)?;
        to.check_range(to_offset, size)?;
        let (source, target) = (from.base.add(from_offset), to.base.add(to_offset));
        if is_related(&from, &to) && source.0.addr().abs_diff(target.0.addr()) < size {
            return Err(CL_MEM_COPY_OVERLAP);
        }
        let (source, target) = (Layout::packed(source), Layout::packed(target));
        let transfer = Transfer { from: source, to: target, shape: piece(size), keep: [Some(from), Some(to)] };
        tail.submit(&queue, CL_COMMAND_COPY_BUFFER, Operation::Copy(transfer))
    }))
}

/// Whether both are, or are parts of, the same buffer.
fn is_related(a: &Ref<Mem>, b: &Ref<Mem>) -> bool {
    a.parent().unwrap_or(a).is(b.parent().unwrap_or(b))
}

pub unsafe extern "C" fn enqueue_copy_buffer_rect(
    queue: cl_command_queue,
    from: cl_mem,
    to: cl_mem,
    from_origin: *const usize,
    to_origin: *const usize,
    region: *const usize,
    from_row_pitch: usize,
    from_slice_pitch: usize,
    to_row_pitch: usize,
    to_slice_pitch: usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and_buffer(queue, from).and_then(|(queue, from)| {
        let to = of_context(&queue, to)?;
        is_buffer(&to)?;
        // SAFETY: as above.
        let region = unsafe { ffi::triple(region) }?;
        // SAFETY: as above.
        let (from_origin, to_origin) = unsafe { (ffi::triple(from_origin)?, ffi::triple(to_origin)?) };
        let source = rect_of(&from, from_origin, region, from_row_pitch, from_slice_pitch)?;
        let target = rect_of(&to, to_origin, region, to_row_pitch, to_slice_pitch)?;
        if from.is(&to) && (source.row_pitch, source.slice_pitch) != (target.row_pitch, target.slice_pitch) {
            return Err(CL_INVALID_VALUE);
        }
        if shares_bytes(&from, source, &to, target) {
            return Err(CL_MEM_COPY_OVERLAP);
        }
        let transfer = Transfer {
            from: source.layout(from.base),
            to: target.layout(to.base),
            shape: source.shape(),
            keep: [Some(from), Some(to)],
        };
        tail.submit(&queue, CL_COMMAND_COPY_BUFFER_RECT, Operation::Copy(transfer))
    }))
}

fn shares_bytes(from: &Ref<Mem>, source: Rect, to: &Ref<Mem>, target: Rect) -> bool {
    if from.is(to) {
        return source.overlaps(&target);
    }
    let ends = |mem: &Mem, rect: Rect| (mem.base.add(rect.start()).0.addr(), mem.base.add(rect.end()).0.addr());
    let ((a, a_end), (b, b_end)) = (ends(from, source), ends(to, target));
    is_related(from, to) && a < b_end && b < a_end
}

pub unsafe extern "C" fn enqueue_fill_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    pattern: *const c_void,
    pattern_size: usize,
    offset: usize,
    size: usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and_buffer(queue, buffer).and_then(|(queue, buffer)| {
        if pattern.is_null() || !pattern_size.is_power_of_two() || pattern_size > 128 {
            return Err(CL_INVALID_VALUE);
        }
        if offset % pattern_size != 0 || size % pattern_size != 0 {
            return Err(CL_INVALID_VALUE);
        }
        buffer.check_range(offset, size)?;
        let mut bytes = vec![0; pattern_size];
        // SAFETY: the caller's promise (see `ffi`): `pattern_size` bytes.
        unsafe { ptr::copy(pattern.cast(), bytes.as_mut_ptr(), pattern_size) };
        let to = Layout::packed(buffer.base.add(offset));
        let fill = Fill { to, shape: piece(size), pattern: bytes, keep: buffer };
        tail.submit(&queue, CL_COMMAND_FILL_BUFFER, Operation::Fill(fill))
    }))
}

/// Checks a map's flags against the object.
pub fn check_map(mem: &Mem, flags: cl_map_flags) -> Outcome<()> {
    let writes = CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION;
    let mixed = flags & CL_MAP_WRITE_INVALIDATE_REGION != 0 && flags & (CL_MAP_READ | CL_MAP_WRITE) != 0;
    if flags & !(CL_MAP_READ | writes) != 0 || mixed {
        return Err(CL_INVALID_VALUE);
    }
    if flags & CL_MAP_READ != 0 {
        mem.check_host_reads()?;
    }
    if flags & writes != 0 {
        mem.check_host_writes()?;
    }
    Ok(())
}

/// Enqueues a map whose pointer is `place`: the program gets the object's own memory, so only the order counts.
pub fn submit_map(
    tail: &Tail,
    queue: &Ref<Queue>,
    kind: cl_command_type,
    mem: Ref<Mem>,
    place: Place,
) -> Outcome<*mut c_void> {
    let command = tail.command(queue, kind, Operation::Keep(mem.clone()))?;
    mem.mapped(place);
    match queue.submit(command) {
        Ok(()) => Ok(place.0.cast()),
        Err(error) => {
            mem.unmapped(place);
            Err(error)
        }
    }
}

pub unsafe extern "C" fn enqueue_map_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    flags: cl_map_flags,
    offset: usize,
    size: usize,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
    errcode_ret: *mut cl_int,
) -> *mut c_void {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(blocking, count, first, event) };
    let mapped = queue_and_buffer(queue, buffer).and_then(|(queue, buffer)| {
        if size == 0 {
            return Err(CL_INVALID_VALUE);
        }
        buffer.check_range(offset, size)?;
        check_map(&buffer, flags)?;
        let place = buffer.base.add(offset);
        submit_map(&tail, &queue, CL_COMMAND_MAP_BUFFER, buffer, place)
    });
    // SAFETY: as above.
    unsafe { ffi::returned(mapped, errcode_ret) }
}

pub unsafe extern "C" fn enqueue_unmap_mem_object(
    queue: cl_command_queue,
    mem: cl_mem,
    pointer: *mut c_void,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(queue_and(queue, mem).and_then(|(queue, mem)| {
        let command = tail.command(&queue, CL_COMMAND_UNMAP_MEM_OBJECT, Operation::Keep(mem.clone()))?;
        if !mem.unmapped(Place(pointer.cast())) {
            return Err(CL_INVALID_VALUE);
        }
        queue.submit(command)
    }))
}

pub unsafe extern "C" fn enqueue_migrate_mem_objects(
    queue: cl_command_queue,
    mem_count: cl_uint,
    mems: *const cl_mem,
    flags: cl_mem_migration_flags,
    count: cl_uint,
    first: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let tail = unsafe { Tail::new(CL_FALSE, count, first, event) };
    code(Ref::find(queue).and_then(|queue: Ref<Queue>| {
        if flags & !(CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED) != 0 {
            return Err(CL_INVALID_VALUE);
        }
        // SAFETY: as above.
        let handles = unsafe { ffi::list(mem_count, mems) }?;
        let mems = handles.iter().map(|&mem| of_context(&queue, mem)).collect::<Outcome<Vec<_>>>()?;
        tail.submit(&queue, CL_COMMAND_MIGRATE_MEM_OBJECTS, Operation::KeepAll(mems))
    }))
}
