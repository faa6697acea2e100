//! Semaphores (cl_khr_semaphore).

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{CreateSemaphore, EnqueueSemaphores, GetSemaphorePayload, Status, Value};
use remora_protocol::{Handle, Kind, List};

use crate::api::context::Context;
use crate::command::Enqueue;
use crate::error::{Error, Result, check, ensure};
use crate::facts::Device;
use crate::info::Answer;
use crate::object::{Object, Remote, ShellRef, get, pointer_of, publish, references, release, retain, share};

/// A semaphore of the program.
pub(crate) struct Semaphore {
    remote: Remote,
    context: Arc<Context>,
    given: Given,
    /// The stream and the position of the last command that waited for it or signalled it: in whatever queue, these reach
    /// the driver in the program's order.
    last: Mutex<(u32, u64)>,
    shell: ShellRef,
}

impl Object for Semaphore {
    const KIND: u32 = 0x5345_4d41;
    const INVALID: cl_int = CL_INVALID_SEMAPHORE_KHR;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

impl Semaphore {
    fn last(&self) -> MutexGuard<'_, (u32, u64)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a program's property list says.
#[derive(Default)]
struct Given {
    kind: Option<cl_semaphore_type_khr>,
    devices: Vec<Arc<Device>>,
    /// Everything as given, with the final 0.
    all: Vec<cl_semaphore_properties_khr>,
    /// The same for the worker, with handles of devices.
    forward: Vec<u64>,
}

/// CL_SEMAPHORE_DEVICE_HANDLE_LIST_KHR as version 0.9.0 had it.
const OLD_DEVICE_LIST: cl_semaphore_properties_khr = 0x2051;
const TYPE: cl_semaphore_properties_khr = CL_SEMAPHORE_TYPE_KHR as cl_semaphore_properties_khr;
const DEVICE_LIST: cl_semaphore_properties_khr = CL_SEMAPHORE_DEVICE_HANDLE_LIST_KHR as cl_semaphore_properties_khr;

impl Given {
    unsafe fn new(context: &Context, list: *const cl_semaphore_properties_khr) -> Result<Self> {
        let mut this = Self::default();
        ensure(!list.is_null(), CL_INVALID_VALUE)?;
        let mut place = 0;
        let mut next = || {
            // SAFETY: the program ends its list with a 0 in a name's place, and lists in it with a 0.
            let word = unsafe { *list.add(place) };
            place += 1;
            word
        };
        loop {
            let name = next();
            this.all.push(name);
            match name {
                0 => return Ok(this),
                TYPE => {
                    let kind = next();
                    this.all.push(kind);
                    this.forward.extend([name, kind]);
                    this.kind = Some(kind as cl_semaphore_type_khr);
                }
                DEVICE_LIST | OLD_DEVICE_LIST => {
                    this.forward.push(name);
                    loop {
                        let word = next();
                        this.all.push(word);
                        if word == 0 {
                            break;
                        }
                        // SAFETY: the value is a device of the program, or nonsense that is noticed.
                        let device: Arc<Device> = unsafe { share(word as cl_device_id) }?;
                        let known = context.devices.iter().any(|one| Arc::ptr_eq(one, &device));
                        ensure(known, CL_INVALID_DEVICE)?;
                        this.forward.push(device.handle.bits());
                        this.devices.push(device);
                    }
                    this.forward.push(0);
                }
                // Handles of other processes aren't carried.
                _ => return Err(Error(CL_INVALID_PROPERTY)),
            }
        }
    }
}

/// # Safety
/// As clCreateSemaphoreWithPropertiesKHR.
pub unsafe fn create_semaphore_with_properties_khr(
    context: cl_context,
    list: *const cl_semaphore_properties_khr,
) -> Result<cl_semaphore_khr> {
    // SAFETY: passed on to the caller.
    let (context, given) = unsafe {
        let context: Arc<Context> = share(context)?;
        let given = Given::new(&context, list)?;
        (context, given)
    };
    ensure(given.kind.is_some(), CL_INVALID_VALUE)?;
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Semaphore);
    let command =
        CreateSemaphore { semaphore: handle, context: context.remote.handle, properties: List::new(&given.forward) };
    let (created, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)?;
    Ok(publish(Arc::new(Semaphore {
        remote: Remote { session, handle, created },
        context,
        given,
        last: Mutex::default(),
        shell: ShellRef::default(),
    })))
}

/// # Safety
/// As clRetainSemaphoreKHR.
pub unsafe fn retain_semaphore_khr(semaphore: cl_semaphore_khr) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Semaphore>(semaphore) }
}

/// # Safety
/// As clReleaseSemaphoreKHR.
pub unsafe fn release_semaphore_khr(semaphore: cl_semaphore_khr) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<Semaphore>(semaphore) }
}

/// # Safety
/// As clEnqueueWaitSemaphoresKHR.
pub unsafe fn enqueue_wait_semaphores_khr(
    queue: cl_command_queue,
    count: cl_uint,
    semaphores: *const cl_semaphore_khr,
    payloads: *const cl_semaphore_payload_khr,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { enqueue(Enqueue::new(queue, num_events, wait_list, event)?, count, semaphores, payloads, false) }
}

/// # Safety
/// As clEnqueueSignalSemaphoresKHR.
pub unsafe fn enqueue_signal_semaphores_khr(
    queue: cl_command_queue,
    count: cl_uint,
    semaphores: *const cl_semaphore_khr,
    payloads: *const cl_semaphore_payload_khr,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { enqueue(Enqueue::new(queue, num_events, wait_list, event)?, count, semaphores, payloads, true) }
}

unsafe fn enqueue(
    mut enqueue: Enqueue,
    count: cl_uint,
    semaphores: *const cl_semaphore_khr,
    payloads: *const cl_semaphore_payload_khr,
    signal: bool,
) -> Result<()> {
    ensure(count > 0 && !semaphores.is_null(), CL_INVALID_VALUE)?;
    let mut all: Vec<Arc<Semaphore>> = Vec::new();
    for place in 0..count as usize {
        // SAFETY: the program gives `count` semaphores.
        let semaphore: Arc<Semaphore> = unsafe { share(*semaphores.add(place)) }?;
        enqueue.names(&semaphore.remote, &semaphore.context)?;
        all.push(semaphore);
    }
    let payloads: &[u64] = if payloads.is_null() {
        &[]
    } else {
        // SAFETY: the program gives a payload for each semaphore.
        unsafe { std::slice::from_raw_parts(payloads, count as usize) }
    };
    ensure(!enqueue.waits_for_failed(), CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)?;
    let handles: Vec<Handle> = all.iter().map(|semaphore| semaphore.remote.handle).collect();
    for semaphore in &all {
        let (stream, position) = *semaphore.last();
        enqueue.needs(stream, position);
    }
    let (event, waits) =
        enqueue.begin(if signal { CL_COMMAND_SEMAPHORE_SIGNAL_KHR } else { CL_COMMAND_SEMAPHORE_WAIT_KHR });
    let command = EnqueueSemaphores {
        event,
        wait: List::new(&waits),
        semaphores: List::new(&handles),
        payloads: List::new(payloads),
        signal,
    };
    let stream = enqueue.queue.stream.number();
    let position = enqueue.send(&command, None)?;
    for semaphore in &all {
        *semaphore.last() = (stream, position);
    }
    Ok(())
}

/// # Safety
/// As clGetSemaphoreInfoKHR.
pub unsafe fn get_semaphore_info_khr(
    semaphore: cl_semaphore_khr,
    param_name: cl_semaphore_info_khr,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let semaphore: &Semaphore = get(semaphore)?;
        let given = &semaphore.given;
        match param_name {
            CL_SEMAPHORE_CONTEXT_KHR => answer.value(pointer_of(&*semaphore.context)),
            CL_SEMAPHORE_REFERENCE_COUNT_KHR => answer.value(references(semaphore)),
            CL_SEMAPHORE_PROPERTIES_KHR => answer.values(&given.all),
            CL_SEMAPHORE_TYPE_KHR => answer.value(given.kind.unwrap_or_default()),
            CL_SEMAPHORE_DEVICE_HANDLE_LIST_KHR => {
                let devices = if given.devices.is_empty() { &semaphore.context.devices } else { &given.devices };
                let devices: Vec<*mut c_void> = devices.iter().map(|device| pointer_of(&**device)).collect();
                answer.values(&devices)
            }
            CL_SEMAPHORE_PAYLOAD_KHR => answer.bytes(&payload(semaphore)?),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// What the driver says, after all that the program has enqueued for it.
fn payload(semaphore: &Semaphore) -> Result<Vec<u8>> {
    let session = &semaphore.remote.session;
    let mut needs = Needs::default();
    let (stream, position) = *semaphore.last();
    needs.add(stream, position);
    let command = GetSemaphorePayload { semaphore: semaphore.remote.handle };
    let (_, answer) = session.call(session.objects(), &command, &needs, None)?;
    let reply: Value<'_> = answer.decode()?;
    check(reply.code)?;
    Ok(reply.value.to_vec())
}
