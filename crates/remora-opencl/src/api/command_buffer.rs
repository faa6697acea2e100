//! Command buffers.

use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{
    CreateCommandBuffer, EnqueueCommandBuffer, EnqueueMarkerOrBarrier, FinalizeCommandBuffer, GetCommandBufferInfo,
    Status, Value,
};
use remora_protocol::{Handle, Kind, List};

use crate::api::mutable::MutableCommand;
use crate::api::queue::Queue;
use crate::command::Enqueue;
use crate::error::{Error, Result, check, ensure};
use crate::host_memory::HostPart;
use crate::info::Answer;
use crate::object::{Object, Remote, ShellRef, get, pointer_of, publish, references, release, retain, share};
use crate::record::Record;

/// A command buffer of the program. Its commands are in the worker.
pub(crate) struct CommandBuffer {
    pub(crate) remote: Remote,
    pub(crate) queue: Arc<Queue>,
    state: Mutex<State>,
    shell: ShellRef,
}

/// What changes of it.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) finalized: bool,
    /// The last sync point.
    pub(crate) sync_points: u32,
    /// Kinds of commands that the driver has recorded once.
    pub(crate) recorded: HashSet<u16>,
    /// Commands that can be changed, alive as long as the command buffer.
    pub(crate) changeable: Vec<Arc<MutableCommand>>,
    changeables: u32,
    /// The position in the object stream that an enqueuing needs: of what was last recorded or changed.
    pub(crate) ready: u64,
    /// Its last enqueuing in each stream.
    enqueued: HashMap<u32, u64>,
    /// Queues that the driver has taken it into once.
    accepted: HashSet<Handle>,
    /// Of the CL_MEM_USE_HOST_PTR objects that its commands name.
    host_parts: Vec<HostPart>,
}

impl Object for CommandBuffer {
    const KIND: u32 = 0x4342_5546;
    const INVALID: cl_int = CL_INVALID_COMMAND_BUFFER_KHR;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl CommandBuffer {
    /// Its commands use the program's own memory.
    pub(crate) fn uses(&self, parts: impl IntoIterator<Item = HostPart>) {
        let mut state = self.state();
        for part in parts {
            if !state.host_parts.contains(&part) {
                state.host_parts.push(part);
            }
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until this version, a command buffer that runs can't be enqueued again unless it was made for that.
    fn has_pending_state(&self) -> bool {
        self.queue.device.extension(EXTENSION) < MAKE_1_0_0
    }
}

impl Drop for CommandBuffer {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for command in state.changeable.drain(..) {
            // SAFETY: the program may use it no longer than the command buffer; this is the reference that it has had.
            let _ = unsafe { release::<MutableCommand>(pointer_of(&*command)) };
        }
    }
}

impl State {
    /// A number for a command that can be changed.
    pub(crate) fn next_changeable(&mut self) -> u32 {
        self.changeables += 1;
        self.changeables
    }

    /// What must have been executed before the command buffer is looked at or changed: all that enqueues it.
    pub(crate) fn after_enqueued(&self) -> Needs {
        let mut needs = Needs::default();
        for (stream, position) in &self.enqueued {
            needs.add(*stream, *position);
        }
        needs
    }

    /// It has been changed: the driver's word counts for what it was before.
    pub(crate) fn changed(&mut self, position: u64) {
        self.ready = position;
        self.accepted.clear();
    }
}

const EXTENSION: &str = "cl_khr_command_buffer";
const MAKE_1_0_0: u32 = 1 << 22;
const MAKE_0_9_1: u32 = 9 << 12 | 1;
/// CL_COMMAND_BUFFER_CONTEXT_KHR came with this one.
const MAKE_0_9_2: u32 = 9 << 12 | 2;

/// # Safety
/// As clCreateCommandBufferKHR.
pub unsafe fn create_command_buffer_khr(
    num_queues: cl_uint,
    queues: *const cl_command_queue,
    list: *const cl_command_buffer_properties_khr,
) -> Result<cl_command_buffer_khr> {
    // Several queues need another extension.
    ensure(num_queues == 1 && !queues.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the program gives one queue, and ends its list with a 0 in a name's place.
    let (queue, properties): (Arc<Queue>, _) = unsafe { (share(*queues)?, properties(list)) };
    ensure(queue.device.offers(EXTENSION), CL_INVALID_OPERATION)?;
    let session = Arc::clone(&queue.remote.session);
    let handle = session.mint(Kind::CommandBuffer);
    let command = CreateCommandBuffer {
        command_buffer: handle,
        queue: queue.remote.handle,
        properties: List::new(properties.split_last().map_or(&[][..], |(_, rest)| rest)),
    };
    let (created, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)?;
    Ok(publish(Arc::new(CommandBuffer {
        remote: Remote { session, handle, created },
        queue,
        state: Mutex::new(State { ready: created, ..State::default() }),
        shell: ShellRef::default(),
    })))
}

/// Names and values with the final 0; nothing if there is no list.
///
/// # Safety
/// `list` is null or ends with a 0 in a name's place.
pub(crate) unsafe fn properties(list: *const cl_properties) -> Vec<cl_properties> {
    let mut all = Vec::new();
    if list.is_null() {
        return all;
    }
    for place in (0..).step_by(2) {
        // SAFETY: by the promise of the caller, and a value follows each name.
        unsafe {
            all.push(*list.add(place));
            if *list.add(place) == 0 {
                break;
            }
            all.push(*list.add(place + 1));
        }
    }
    all
}

/// # Safety
/// As clFinalizeCommandBufferKHR.
pub unsafe fn finalize_command_buffer_khr(buffer: cl_command_buffer_khr) -> Result<()> {
    // SAFETY: passed on to the caller.
    let buffer: Arc<CommandBuffer> = unsafe { share(buffer) }?;
    let mut state = buffer.state();
    if state.finalized {
        // The first version had no error for that.
        return ensure(buffer.queue.device.extension(EXTENSION) < MAKE_0_9_1, CL_INVALID_OPERATION);
    }
    let session = &buffer.remote.session;
    let command = FinalizeCommandBuffer { command_buffer: buffer.remote.handle };
    let (position, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)?;
    state.finalized = true;
    state.ready = position;
    Ok(())
}

/// # Safety
/// As clRetainCommandBufferKHR.
pub unsafe fn retain_command_buffer_khr(buffer: cl_command_buffer_khr) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<CommandBuffer>(buffer) }
}

/// # Safety
/// As clReleaseCommandBufferKHR.
pub unsafe fn release_command_buffer_khr(buffer: cl_command_buffer_khr) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<CommandBuffer>(buffer) }
}

/// # Safety
/// As clEnqueueCommandBufferKHR.
pub unsafe fn enqueue_command_buffer_khr(
    num_queues: cl_uint,
    queues: *mut cl_command_queue,
    buffer: cl_command_buffer_khr,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let buffer: Arc<CommandBuffer> = unsafe { share(buffer) }?;
    ensure(buffer.state().finalized, CL_INVALID_OPERATION)?;
    ensure((num_queues == 0) == queues.is_null() && num_queues <= 1, CL_INVALID_VALUE)?;
    // SAFETY: passed on to the caller.
    let mut enqueue = unsafe {
        let queue = if queues.is_null() { pointer_of(&*buffer.queue) } else { *queues };
        Enqueue::new(queue, num_events, wait_list, event)?
    };
    let queue = Arc::clone(&enqueue.queue);
    ensure(Arc::ptr_eq(&queue.context, &buffer.queue.context), CL_INVALID_CONTEXT)?;
    enqueue.needs_objects(buffer.state().ready);
    let host_parts = buffer.state().host_parts.clone();
    for part in &host_parts {
        enqueue.uses(part)?;
    }
    let (event, waits) = enqueue.begin(CL_COMMAND_COMMAND_BUFFER_KHR);
    let command = EnqueueCommandBuffer { event, wait: List::new(&waits), command_buffer: buffer.remote.handle };
    // Only the driver knows whether the queue is one for it, or whether it runs.
    let known = buffer.state().accepted.contains(&queue.remote.handle) && !buffer.has_pending_state();
    let stream = queue.stream.number();
    let asked = if known { None } else { enqueue.ask_first(&command)? };
    let Some((position, answer)) = asked else {
        let position = enqueue.send(&command, None)?;
        buffer.state().enqueued.insert(stream, position);
        return Ok(());
    };
    check(answer.decode::<Status>()?.code)?;
    let mut state = buffer.state();
    state.accepted.insert(queue.remote.handle);
    state.enqueued.insert(stream, position);
    drop(state);
    enqueue.succeed();
    Ok(())
}

/// # Safety
/// As clCommandBarrierWithWaitListKHR.
pub unsafe fn command_barrier_with_wait_list_khr(
    buffer: cl_command_buffer_khr,
    queue: cl_command_queue,
    properties: *const cl_command_properties_khr,
    count: cl_uint,
    list: *const cl_sync_point_khr,
    sync_point: *mut cl_sync_point_khr,
    handle: *mut cl_mutable_command_khr,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let record = unsafe { Record::new(buffer, queue, properties, count, list, sync_point, handle) }?;
    record.send(&EnqueueMarkerOrBarrier { event: Handle::NONE, wait: List::default(), barrier: true })
}

/// # Safety
/// As clGetCommandBufferInfoKHR.
pub unsafe fn get_command_buffer_info_khr(
    buffer: cl_command_buffer_khr,
    param_name: cl_command_buffer_info_khr,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let buffer: &CommandBuffer = get(buffer)?;
        match param_name {
            CL_COMMAND_BUFFER_QUEUES_KHR => answer.value(pointer_of(&*buffer.queue)),
            CL_COMMAND_BUFFER_NUM_QUEUES_KHR => answer.value(1 as cl_uint),
            CL_COMMAND_BUFFER_REFERENCE_COUNT_KHR => answer.value(references(buffer)),
            CL_COMMAND_BUFFER_STATE_KHR if !buffer.state().finalized => {
                answer.value(CL_COMMAND_BUFFER_STATE_RECORDING_KHR)
            }
            // Whether it runs, and what a driver makes of no properties.
            CL_COMMAND_BUFFER_STATE_KHR | CL_COMMAND_BUFFER_PROPERTIES_ARRAY_KHR => {
                answer.bytes(&ask(buffer, param_name)?)
            }
            CL_COMMAND_BUFFER_CONTEXT_KHR if buffer.queue.device.extension(EXTENSION) >= MAKE_0_9_2 => {
                answer.value(pointer_of(&*buffer.queue.context))
            }
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// What the driver says, after all that the program has enqueued.
fn ask(buffer: &CommandBuffer, param: u32) -> Result<Vec<u8>> {
    let needs = buffer.state().after_enqueued();
    let session = &buffer.remote.session;
    let command = GetCommandBufferInfo { command_buffer: buffer.remote.handle, param };
    let (_, answer) = session.call(session.objects(), &command, &needs, None)?;
    let reply: Value<'_> = answer.decode()?;
    check(reply.code)?;
    Ok(reply.value.to_vec())
}
