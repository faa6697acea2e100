//! Command buffers: commands that are recorded once and kept as the driver's own.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard};

use opencl_sys::{
    CL_COMMAND_BUFFER_PROPERTIES_ARRAY_KHR, CL_COMMAND_BUFFER_STATE_KHR, CL_INVALID_COMMAND_BUFFER_KHR,
    CL_INVALID_CONTEXT, CL_INVALID_OPERATION, CL_INVALID_SYNC_POINT_WAIT_LIST_KHR, CL_INVALID_VALUE,
    CL_INVALID_WORK_DIMENSION, CL_SUCCESS, cl_command_buffer_khr, cl_int, cl_mutable_command_khr, cl_sync_point_khr,
};
use remora_protocol::opencl::{
    CommandMessage, CreateCommandBuffer, EnqueueCommandBuffer, EnqueueFillBuffer, EnqueueFillImage,
    EnqueueNDRangeKernel, RecordCommand,
};
use remora_protocol::{Handle, List};

use super::commands::{event_and_wait, sizes};
use super::context::Context;
use super::copied::{check_copy, check_fill_buffer, check_fill_image};
use super::driver::{Object, call, check, create, query};
use super::extensions::Extensions;
use super::generated::uniform;
use super::kernel::{AnyObject, Kernel, Place};
use super::memory::Mem;
use super::objects;
use super::queue::{At, Queue};
use super::shared::Shared;
use super::transfer::wait_list;
use super::violation::Violation;
use crate::lock;

/// A command buffer.
pub struct CommandBuffer {
    object: Object,
    queue: Arc<Queue>,
    recorded: Mutex<Recorded>,
}

/// What was recorded in it. Whoever holds it may record, change and enqueue.
#[derive(Default)]
pub struct Recorded {
    /// The driver's sync points, by the client's numbers.
    sync_points: HashMap<u32, cl_sync_point_khr>,
    /// The driver's names of commands that can be changed, with their kernels, by the client's numbers.
    pub(super) changeable: HashMap<u32, (Changeable, Arc<Kernel>)>,
    /// What the commands use. A driver keeps it too, but not all do.
    kept: Vec<Arc<AnyObject>>,
    /// What those that can be changed name, until a change names something else there.
    pub(super) named: Named,
    /// The first refusal that the program was not told of.
    refused: Option<cl_int>,
}

/// What commands that can be changed name, by the client's number and where.
pub type Named = HashMap<(u32, Place), Vec<Arc<AnyObject>>>;

/// The driver's name of a command that can be changed. It is valid as long as the command buffer.
pub struct Changeable(pub(super) cl_mutable_command_khr);

// SAFETY: what it names may be changed by any thread that holds what was recorded.
unsafe impl Send for Changeable {}

impl CommandBuffer {
    /// Executes `CreateCommandBuffer`.
    ///
    /// # Errors
    /// The code for the program.
    pub fn create(shared: &Shared, message: &CreateCommandBuffer<'_>) -> Result<Arc<Self>, cl_int> {
        let queue = shared.tables.queues.get(message.queue)?;
        let properties: Vec<u64> = message.properties.iter().chain([0, 0]).collect();
        let (raw, extensions) = (queue.raw(), queue.context.extensions);
        // SAFETY: a live queue, and a list that ends with 0, also where the client's last name has no value.
        let raw = unsafe { create!(extensions, clCreateCommandBufferKHR(1, &raw const raw, properties.as_ptr())) }?;
        // SAFETY: the driver has just made it for us.
        let object = unsafe { Object::new(raw, extensions.clReleaseCommandBufferKHR) };
        Ok(Arc::new(Self { object, queue, recorded: Mutex::default() }))
    }

    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }

    /// The functions that it is used by.
    #[must_use]
    pub fn extensions(&self) -> &'static Extensions {
        self.queue.context.extensions
    }

    /// What was recorded, for one thread at a time.
    pub fn recorded(&self) -> MutexGuard<'_, Recorded> {
        lock(&self.recorded)
    }

    /// Executes `FinalizeCommandBuffer`.
    ///
    /// # Errors
    /// The code for the program: that of a command that was refused before, or the driver's.
    pub fn finalize(&self) -> Result<(), cl_int> {
        let recorded = self.recorded();
        if let Some(code) = recorded.refused {
            return Err(code);
        }
        // SAFETY: a live command buffer, which nobody records in meanwhile.
        check(unsafe { call!(self.extensions(), clFinalizeCommandBufferKHR(self.raw())) })
    }

    /// Executes `GetCommandBufferInfo`.
    ///
    /// # Errors
    /// The driver's code, and `CL_INVALID_VALUE` for what holds handles.
    pub fn info(&self, param: u32) -> Result<Vec<u8>, cl_int> {
        if ![CL_COMMAND_BUFFER_STATE_KHR, CL_COMMAND_BUFFER_PROPERTIES_ARRAY_KHR].contains(&param) {
            return Err(CL_INVALID_VALUE);
        }
        query(|size, value, size_ret| {
            // SAFETY: a live command buffer, and `value` has room for `size` bytes.
            unsafe { call!(self.extensions(), clGetCommandBufferInfoKHR(self.raw(), param, size, value, size_ret)) }
        })
    }
}

impl Recorded {
    /// The driver's sync points of a list.
    fn waits(&self, wait: &List<'_, u32>) -> Result<Vec<cl_sync_point_khr>, cl_int> {
        let find = |number| self.sync_points.get(&number).copied().ok_or(CL_INVALID_SYNC_POINT_WAIT_LIST_KHR);
        wait.iter().map(find).collect()
    }
}

/// Executes `RecordCommand`.
///
/// # Errors
/// What no client sends.
pub fn record(at: &objects::At<'_>, message: &RecordCommand<'_>) -> Result<(), Violation> {
    let shared = at.shared;
    let command = CommandMessage::decode(message.opcode, message.command)?;
    let recorded = match shared.tables.command_buffers.get(message.command_buffer) {
        Ok(buffer) => {
            let result = Recording { shared, buffer: &buffer, message }.record(&command)?;
            if let (Err(code), false) = (result, at.answer()) {
                shared.stats.errors.add(1);
                tracing::warn!(code, "{} refused", command.name());
                buffer.recorded().refused.get_or_insert(code);
            }
            result
        }
        Err(code) => Err(code),
    };
    at.reply_status(recorded.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// One command, about to be recorded.
struct Recording<'a> {
    shared: &'a Shared,
    buffer: &'a CommandBuffer,
    message: &'a RecordCommand<'a>,
}

impl Recording<'_> {
    /// What the command came to.
    fn record(&self, command: &CommandMessage<'_>) -> Result<Result<(), cl_int>, Violation> {
        let mut recorded = self.buffer.recorded();
        let waits = match recorded.waits(&self.message.wait) {
            Ok(waits) => waits,
            Err(code) => return Ok(Err(code)),
        };
        let mut sync_point = 0;
        let made = match command {
            CommandMessage::EnqueueNDRangeKernel(launch) => self.launch(&mut recorded, launch, &waits, &mut sync_point),
            CommandMessage::EnqueueFillBuffer(fill) => self.fill_buffer(&mut recorded, fill, &waits, &mut sync_point),
            CommandMessage::EnqueueFillImage(fill) => self.fill_image(&mut recorded, fill, &waits, &mut sync_point),
            CommandMessage::EnqueueMarkerOrBarrier(_) => self.barrier(&waits, &mut sync_point),
            copy if event_and_wait(copy).is_some() => self.copy(&mut recorded, copy, &waits, &mut sync_point),
            _ => return Err(Violation::new("a command that can't be recorded")),
        };
        if made.is_ok() {
            recorded.sync_points.insert(self.message.sync_point, sync_point);
        }
        Ok(made)
    }

    fn context(&self) -> &Arc<Context> {
        &self.buffer.queue.context
    }

    fn memory(&self, mem: Handle) -> Result<Arc<Mem>, cl_int> {
        let mem = self.shared.tables.mems.get(mem)?;
        if Arc::ptr_eq(&mem.context, self.context()) { Ok(mem) } else { Err(CL_INVALID_CONTEXT) }
    }

    fn launch(
        &self,
        recorded: &mut Recorded,
        launch: &EnqueueNDRangeKernel<'_>,
        waits: &[cl_sync_point_khr],
        sync_point: &mut cl_sync_point_khr,
    ) -> Result<(), cl_int> {
        let kernel = self.shared.tables.kernels.get(launch.kernel)?;
        if !Arc::ptr_eq(&kernel.context, self.context()) {
            return Err(CL_INVALID_CONTEXT);
        }
        if !(1..=3).contains(&launch.work_dim) {
            return Err(CL_INVALID_WORK_DIMENSION);
        }
        let (offset, global, local) = (sizes(launch.offset)?, sizes(launch.global)?, sizes(launch.local)?);
        let local = if launch.local == [0; 3] { ptr::null() } else { local.as_ptr() };
        let properties: Vec<u64> = self.message.properties.iter().chain([0, 0]).collect();
        let properties = if self.message.properties.is_empty() { ptr::null() } else { properties.as_ptr() };
        let number = self.message.changeable;
        if recorded.changeable.contains_key(&number) {
            return Err(CL_INVALID_VALUE);
        }
        let mut changeable = ptr::null_mut();
        let target = if number == 0 { ptr::null_mut() } else { &raw mut changeable };
        let (count, list) = sync_point_list(waits)?;
        let (buffer, queue, dimensions) = (self.buffer.raw(), ptr::null_mut(), launch.work_dim);
        let ready = kernel.set(self.shared, &launch.args, &launch.svm)?;
        // SAFETY: live objects of the driver; the arrays have three sizes and outlive the call, the list of properties ends
        // with 0; nobody else sets the kernel's arguments meanwhile.
        check(unsafe {
            call!(
                self.buffer.extensions(),
                clCommandNDRangeKernelKHR(
                    buffer,
                    queue,
                    properties,
                    kernel.raw(),
                    dimensions,
                    offset.as_ptr(),
                    global.as_ptr(),
                    local,
                    count,
                    list,
                    sync_point,
                    target
                )
            )
        })?;
        let objects = ready.into_objects();
        if changeable.is_null() {
            recorded.kept.extend(objects.into_iter().map(|(_, object)| object));
        } else {
            for (place, object) in objects {
                recorded.named.entry((number, place)).or_default().push(object);
            }
            recorded.changeable.insert(number, (Changeable(changeable), Arc::clone(&kernel)));
        }
        recorded.kept.push(kernel);
        Ok(())
    }

    fn fill_buffer(
        &self,
        recorded: &mut Recorded,
        fill: &EnqueueFillBuffer<'_>,
        waits: &[cl_sync_point_khr],
        sync_point: &mut cl_sync_point_khr,
    ) -> Result<(), cl_int> {
        let mem = self.memory(fill.mem)?;
        let (offset, size) = check_fill_buffer(&mem, fill)?;
        let (pattern, length) = (fill.pattern.as_ptr().cast(), fill.pattern.len());
        let (count, list) = sync_point_list(waits)?;
        let (extensions, buffer, none) = (self.buffer.extensions(), self.buffer.raw(), ptr::null_mut());
        let (raw, handle) = (mem.raw(), ptr::null_mut());
        // SAFETY: live objects of the driver, which copies the pattern before it returns.
        check(unsafe {
            match (extensions.clCommandFillBufferKHR, extensions.clCommandFillBufferKHR_before) {
                (Some(call), _) => {
                    call(buffer, none, ptr::null(), raw, pattern, length, offset, size, count, list, sync_point, handle)
                }
                (None, Some(call)) => {
                    call(buffer, none, raw, pattern, length, offset, size, count, list, sync_point, handle)
                }
                (None, None) => CL_INVALID_OPERATION,
            }
        })?;
        recorded.kept.push(mem);
        Ok(())
    }

    fn fill_image(
        &self,
        recorded: &mut Recorded,
        fill: &EnqueueFillImage<'_>,
        waits: &[cl_sync_point_khr],
        sync_point: &mut cl_sync_point_khr,
    ) -> Result<(), cl_int> {
        let mem = self.memory(fill.mem)?;
        let (origin, region) = check_fill_image(&mem, fill)?;
        let (color, origin, region) = (fill.color.as_ptr().cast(), origin.as_ptr(), region.as_ptr());
        let (count, list) = sync_point_list(waits)?;
        let (extensions, buffer, none) = (self.buffer.extensions(), self.buffer.raw(), ptr::null_mut());
        let (raw, handle) = (mem.raw(), ptr::null_mut());
        // SAFETY: live objects of the driver; the arrays outlive the call and have what the driver reads.
        check(unsafe {
            match (extensions.clCommandFillImageKHR, extensions.clCommandFillImageKHR_before) {
                (Some(call), _) => {
                    call(buffer, none, ptr::null(), raw, color, origin, region, count, list, sync_point, handle)
                }
                (None, Some(call)) => call(buffer, none, raw, color, origin, region, count, list, sync_point, handle),
                (None, None) => CL_INVALID_OPERATION,
            }
        })?;
        recorded.kept.push(mem);
        Ok(())
    }

    fn barrier(&self, waits: &[cl_sync_point_khr], sync_point: &mut cl_sync_point_khr) -> Result<(), cl_int> {
        let (count, list) = sync_point_list(waits)?;
        let (extensions, buffer) = (self.buffer.extensions(), self.buffer.raw());
        let (none, handle) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live command buffer, and sync points of it.
        check(unsafe {
            match (extensions.clCommandBarrierWithWaitListKHR, extensions.clCommandBarrierWithWaitListKHR_before) {
                (Some(call), _) => call(buffer, none, ptr::null(), count, list, sync_point, handle),
                (None, Some(call)) => call(buffer, none, count, list, sync_point, handle),
                (None, None) => CL_INVALID_OPERATION,
            }
        })
    }

    /// Commands that only pass their arguments on.
    fn copy(
        &self,
        recorded: &mut Recorded,
        copy: &CommandMessage<'_>,
        waits: &[cl_sync_point_khr],
        sync_point: &mut cl_sync_point_khr,
    ) -> Result<(), cl_int> {
        check_copy(copy, |mem| self.memory(mem).map(|mem| mem.shape))?;
        let mut kept: Vec<Arc<AnyObject>> = Vec::new();
        let find = |mem: Handle| {
            let mem = self.memory(mem)?;
            let raw = mem.raw();
            kept.push(mem);
            Ok(raw)
        };
        let (extensions, buffer) = (self.buffer.extensions(), self.buffer.raw());
        // SAFETY: live objects of the driver, kept until the call returns and after; `sync_point` can be written.
        let known = unsafe { uniform::record(extensions, buffer, copy, find, waits, sync_point) }?;
        recorded.kept.append(&mut kept);
        if known { Ok(()) } else { Err(CL_INVALID_OPERATION) }
    }
}

fn sync_point_list(waits: &[cl_sync_point_khr]) -> Result<(u32, *const cl_sync_point_khr), cl_int> {
    let count = u32::try_from(waits.len()).map_err(|_| CL_INVALID_SYNC_POINT_WAIT_LIST_KHR)?;
    Ok((count, if waits.is_empty() { ptr::null() } else { waits.as_ptr() }))
}

/// Executes `EnqueueCommandBuffer`.
///
/// # Errors
/// If the event can't be named.
pub fn enqueue(at: &At<'_>, message: &EnqueueCommandBuffer<'_>) -> Result<(), Violation> {
    at.shared.stats.kernels.add(1);
    let enqueued = at.enqueue(message.event, &message.wait, false, |wait, event| {
        let buffer = at.shared.tables.command_buffers.get(message.command_buffer)?;
        if !Arc::ptr_eq(&buffer.queue.context, &at.queue.context) {
            return Err(CL_INVALID_CONTEXT);
        }
        let (count, list) = wait_list(wait)?;
        let mut queue = at.queue.raw();
        let own = Arc::ptr_eq(&buffer.queue, at.queue);
        let (queues, first) = if own { (0, ptr::null_mut()) } else { (1, &raw mut queue) };
        let raw: cl_command_buffer_khr = buffer.raw();
        let _recorded = buffer.recorded();
        // SAFETY: live objects of the driver; `event` is null or can be written.
        check(unsafe { call!(buffer.extensions(), clEnqueueCommandBufferKHR(queues, first, raw, count, list, event)) })
    })?;
    at.reply_status(enqueued.err().unwrap_or(CL_SUCCESS));
    Ok(())
}

/// What a handle names.
///
/// # Errors
/// The code of one that names nothing.
pub fn find(shared: &Shared, buffer: Handle) -> Result<Arc<CommandBuffer>, cl_int> {
    shared.tables.command_buffers.get(buffer).map_err(|_| CL_INVALID_COMMAND_BUFFER_KHR)
}
