//! The commands of the object stream.

use std::sync::Arc;

use opencl_sys::{CL_INVALID_VALUE, CL_SUCCESS, cl_image_format, cl_int};
use remora_protocol::message::Reply;
use remora_protocol::opencl::{
    CommandMessage, CreateCommandQueue, CreatePipe, CreateSubDevices, CreateSvm, ImageFormats, PipeCreated,
    QueueCreated, Release, Status, SubDevices, SvmCreated, Value,
};
use remora_protocol::{Frame, Handle, Need};

use super::command_buffer::{self, CommandBuffer};
use super::completions::watch_mem;
use super::context::{Context, Device};
use super::device_queue::{DeviceQueue, QueueFacts};
use super::driver::{Object, call, check};
use super::kernel::{self, Kernel, sub_group_info, suggested_local_work_size};
use super::kernel_facts::tells_arguments;
use super::queue::Queue;
use super::replies::Replies;
use super::semaphore::Semaphore;
use super::shared::Shared;
use super::tables::Table;
use super::violation::Violation;
use super::{build, device_queue, events, facts, memory, mutable, programs};

/// One command of the object stream, about to be executed.
pub struct At<'a> {
    /// The session.
    pub shared: &'a Arc<Shared>,
    /// Where it is answered.
    pub replies: &'a Arc<Replies>,
    /// How it came.
    pub frame: &'a Frame<'a>,
}

impl At<'_> {
    /// The command counts as executed, and is answered.
    pub fn reply<R: Reply>(&self, reply: &R) {
        self.shared.progress.publish(super::executor::OBJECTS, self.frame.position);
        self.shared.stats.round_trips.add(1);
        self.replies.send(&self.shared.notices, self.frame.position, reply, None);
    }

    /// Whether a code is asked for.
    #[must_use]
    pub fn answer(&self) -> bool {
        self.frame.notices == 1
    }

    /// Answers with a code, if that is asked for.
    pub fn reply_status(&self, code: cl_int) {
        if self.answer() {
            self.reply(&Status { code });
        }
    }

    /// Names what was made and answers. A refusal that nobody waits for stays in the table, for those who use the object.
    ///
    /// # Errors
    /// If it can't be named so.
    pub fn created<T>(
        &self,
        table: &Table<T>,
        handle: Handle,
        object: Result<Arc<T>, cl_int>,
    ) -> Result<(), Violation> {
        let code = object.as_ref().err().copied().unwrap_or(CL_SUCCESS);
        if code != CL_SUCCESS && !self.answer() {
            self.shared.stats.errors.add(1);
            tracing::warn!(code, kind = ?handle.kind(), "creation refused");
        }
        if code == CL_SUCCESS || !self.answer() {
            table.insert(handle, object)?;
        }
        self.reply_status(code);
        Ok(())
    }
}

/// Executes one command.
///
/// # Errors
/// What no client sends.
pub fn execute(at: &At<'_>, message: &CommandMessage<'_>) -> Result<(), Violation> {
    let (shared, tables, bulk) = (at.shared, &at.shared.tables, at.frame.bulk);
    match message {
        CommandMessage::CreateContext(message) => {
            at.created(&tables.contexts, message.context, Context::create(shared, message).map(Arc::new))
        }
        CommandMessage::CreateCommandQueue(message) => create_queue(at, message),
        CommandMessage::CreateDeviceQueue(message) => {
            created_queue(at, &tables.device_queues, message.queue, DeviceQueue::create(shared, message))
        }
        CommandMessage::SetDefaultDeviceQueue(message) => {
            at.reply_status(device_queue::set_default(shared, message).err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::CreateBuffer(message) => {
            at.created(&tables.mems, message.mem, memory::create_buffer(shared, message, bulk)?)
        }
        CommandMessage::CreateSvm(message) => create_svm(at, message),
        CommandMessage::CreateSubBuffer(message) => {
            at.created(&tables.mems, message.mem, memory::create_sub_buffer(shared, message))
        }
        CommandMessage::CreateImage(message) => {
            at.created(&tables.mems, message.mem, memory::create_image(shared, message, bulk)?)
        }
        CommandMessage::CreatePipe(message) => create_pipe(at, message),
        CommandMessage::InitMem(message) => memory::init(shared, message, bulk),
        CommandMessage::CreateSampler(message) => {
            at.created(&tables.samplers, message.sampler, memory::create_sampler(shared, message))
        }
        CommandMessage::CreateUserEvent(message) => {
            at.created(&tables.events, message.event, events::create_user(shared, message.context))
        }
        CommandMessage::SetUserEventStatus(message) => {
            events::set_user_status(shared, message.event, message.status);
            Ok(())
        }
        CommandMessage::CreateKernel(message) => {
            at.created(&tables.kernels, message.kernel, Kernel::create(shared, message))
        }
        CommandMessage::GetKernelSubGroupInfo(message) => {
            value(at, sub_group_info(shared, message));
            Ok(())
        }
        CommandMessage::GetSuggestedLocalWorkSize(message) => {
            value(at, suggested_local_work_size(shared, message));
            Ok(())
        }
        CommandMessage::CreateSemaphore(message) => {
            at.created(&tables.semaphores, message.semaphore, Semaphore::create(shared, message))
        }
        CommandMessage::GetSemaphorePayload(message) => {
            value(at, tables.semaphores.get(message.semaphore).and_then(|semaphore| semaphore.payload()));
            Ok(())
        }
        CommandMessage::AskArgInfo(message) => {
            at.reply_status(tells_arguments(shared, message.context).err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::SetKernelAttribute(message) => {
            at.reply_status(kernel::set_attribute(shared, message).err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::GetKernelAttribute(message) => {
            kernel::attribute(at, message);
            Ok(())
        }
        CommandMessage::CreateCommandBuffer(message) => {
            at.created(&tables.command_buffers, message.command_buffer, CommandBuffer::create(shared, message))
        }
        CommandMessage::RecordCommand(message) => command_buffer::record(at, message),
        CommandMessage::FinalizeCommandBuffer(message) => {
            let done = command_buffer::find(shared, message.command_buffer).and_then(|buffer| buffer.finalize());
            at.reply_status(done.err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::GetCommandBufferInfo(message) => {
            let buffer = command_buffer::find(shared, message.command_buffer);
            value(at, buffer.and_then(|buffer| buffer.info(message.param)));
            Ok(())
        }
        CommandMessage::UpdateMutableCommands(message) => {
            at.reply_status(mutable::update(shared, message).err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::SetContentSize(message) => {
            at.reply_status(memory::set_content_size(shared, message).err().unwrap_or(CL_SUCCESS));
            Ok(())
        }
        CommandMessage::GetSupportedImageFormats(message) => {
            at.reply(&match formats(shared, message.context, message.flags, message.image_type) {
                Ok(formats) => ImageFormats { code: CL_SUCCESS, formats },
                Err(code) => ImageFormats { code, formats: Vec::new() },
            });
            Ok(())
        }
        CommandMessage::CreateSubDevices(message) => create_sub_devices(at, message),
        CommandMessage::GetDeviceAndHostTimer(message) => {
            value(at, timers(shared, message.device));
            Ok(())
        }
        CommandMessage::GetEventStatus(message) => {
            at.reply(&events::status_now(shared, message.event));
            Ok(())
        }
        CommandMessage::GetEventProfiling(message) => {
            at.reply(&events::profile(shared, message.event));
            Ok(())
        }
        CommandMessage::UnloadCompiler(message) => {
            unload_compiler(shared, message.platform);
            Ok(())
        }
        CommandMessage::WatchMem(message) => {
            watch_mem(shared, message.mem);
            Ok(())
        }
        CommandMessage::WatchEvent(message) => {
            shared.reaper.watch(shared, at.frame.needs().collect(), message.event, message.state);
            Ok(())
        }
        CommandMessage::Release(message) => release(at, message),
        CommandMessage::BuildProgram(message) => build::build(shared, message),
        CommandMessage::CompileProgram(message) => build::compile(shared, message),
        CommandMessage::LinkProgram(message) => {
            build::link(shared, message);
            Ok(())
        }
        other => programs::execute(at, other),
    }
}

fn create_queue(at: &At<'_>, message: &CreateCommandQueue<'_>) -> Result<(), Violation> {
    let shared = at.shared;
    let replies = shared.executors.open(shared, message.stream)?;
    let queue = replies.and_then(|replies| Queue::create(shared, message, replies));
    if let Ok(queue) = &queue {
        shared.executors.install(queue);
    }
    let queue = queue.map(|queue| (Arc::clone(&queue), queue.facts(shared)));
    created_queue(at, &shared.tables.queues, message.queue, queue)
}

/// Names a queue, and answers with what the program can ask about it.
fn created_queue<T>(
    at: &At<'_>,
    table: &Table<T>,
    handle: Handle,
    queue: Result<(Arc<T>, QueueFacts), cl_int>,
) -> Result<(), Violation> {
    let reply = match queue {
        Ok((queue, facts)) => {
            table.insert(handle, Ok(queue))?;
            QueueCreated { code: CL_SUCCESS, no_default: facts.no_default, size: facts.size }
        }
        Err(code) => QueueCreated { code, ..Default::default() },
    };
    at.reply(&reply);
    Ok(())
}

fn create_pipe(at: &At<'_>, message: &CreatePipe) -> Result<(), Violation> {
    let reply = match memory::create_pipe(at.shared, message) {
        Ok((pipe, flags, size)) => {
            at.shared.tables.mems.insert(message.mem, Ok(pipe))?;
            PipeCreated { code: CL_SUCCESS, flags, size }
        }
        Err(code) => PipeCreated { code, ..Default::default() },
    };
    at.reply(&reply);
    Ok(())
}

fn create_svm(at: &At<'_>, message: &CreateSvm<'_>) -> Result<(), Violation> {
    let (code, address) = match memory::create_svm(at.shared, message)? {
        Ok((mem, address)) => {
            at.shared.svm.add(address, &mem);
            at.shared.tables.mems.insert(message.mem, Ok(mem))?;
            (CL_SUCCESS, address)
        }
        Err(code) => (code, 0),
    };
    at.reply(&SvmCreated { code, address });
    Ok(())
}

/// Answers with opaque bytes.
pub fn value(at: &At<'_>, value: Result<Vec<u8>, cl_int>) {
    at.reply(&match &value {
        Ok(value) => Value { code: CL_SUCCESS, value },
        Err(code) => Value { code: *code, value: &[] },
    });
}

fn formats(shared: &Shared, context: Handle, flags: u64, image_type: u32) -> Result<Vec<[u32; 2]>, cl_int> {
    let context = shared.tables.contexts.get(context)?;
    let (driver, mut count) = (shared.driver, 0);
    // SAFETY: a live context; asks only for the number.
    check(unsafe {
        call!(
            driver,
            clGetSupportedImageFormats(context.raw(), flags, image_type, 0, std::ptr::null_mut(), &raw mut count)
        )
    })?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let none = cl_image_format { image_channel_order: 0, image_channel_data_type: 0 };
    let mut formats = vec![none; count as usize];
    let (room, list) = (count, formats.as_mut_ptr());
    // SAFETY: a live context, and room for `count`.
    check(unsafe {
        call!(driver, clGetSupportedImageFormats(context.raw(), flags, image_type, room, list, &raw mut count))
    })?;
    formats.truncate(count as usize);
    Ok(formats.iter().map(|format| [format.image_channel_order, format.image_channel_data_type]).collect())
}

fn create_sub_devices(at: &At<'_>, message: &CreateSubDevices<'_>) -> Result<(), Violation> {
    let shared = at.shared;
    let parts = match sub_devices(shared, message) {
        Ok(parts) => parts,
        Err(code) => {
            at.reply(&SubDevices { code, devices: Vec::new() });
            return Ok(());
        }
    };
    let mut facts = Vec::new();
    for part in &parts {
        shared.tables.devices.insert(part.handle, Ok(Arc::clone(part)))?;
        facts.push((part.handle, facts::device_infos(shared.driver, part)));
    }
    let devices = facts.iter().map(|(handle, infos)| facts::device_facts(*handle, infos)).collect();
    at.reply(&SubDevices { code: CL_SUCCESS, devices });
    Ok(())
}

fn sub_devices(shared: &Shared, message: &CreateSubDevices<'_>) -> Result<Vec<Arc<Device>>, cl_int> {
    let parent = shared.tables.devices.get(message.device)?;
    let properties = message.properties.iter().map(|property| property as isize);
    let properties: Vec<isize> = properties.chain(ENDS).collect();
    let (driver, mut count) = (shared.driver, 0);
    let nothing = std::ptr::null_mut();
    // SAFETY: a live device, and a list that ends; asks only for the number.
    check(unsafe { call!(driver, clCreateSubDevices(parent.id(), properties.as_ptr(), 0, nothing, &raw mut count)) })?;
    if count as usize > message.handles.len() {
        return Err(CL_INVALID_VALUE);
    }
    let mut ids = vec![std::ptr::null_mut(); count as usize];
    let list = ids.as_mut_ptr();
    // SAFETY: as above, with room for `count`.
    check(unsafe { call!(driver, clCreateSubDevices(parent.id(), properties.as_ptr(), count, list, nothing.cast())) })?;
    let parts = ids.into_iter().zip(message.handles.iter()).map(|(id, handle)| {
        // SAFETY: the driver has just made it for us.
        let reference = unsafe { Object::new(id, driver.clReleaseDevice) };
        Arc::new(Device::part(&parent, handle, reference))
    });
    Ok(parts.collect())
}

/// What ends a list of counts and the list of it all, also where the client's last name has no value; and what ends the list
/// of names that some drivers take.
const ENDS: [isize; 4] = [0, 0, -1, 0];

fn timers(shared: &Shared, device: Handle) -> Result<Vec<u8>, cl_int> {
    let device = shared.tables.devices.get(device)?;
    let (mut on_device, mut on_host) = (0_u64, 0_u64);
    // SAFETY: a live device, and two numbers to write.
    check(unsafe { call!(shared.driver, clGetDeviceAndHostTimer(device.id(), &raw mut on_device, &raw mut on_host)) })?;
    Ok([on_device.to_le_bytes(), on_host.to_le_bytes()].concat())
}

fn unload_compiler(shared: &Shared, platform: u32) {
    let Some(platform) = shared.platforms.get(platform as usize) else { return };
    if platform.version >= (1, 2) && shared.driver.clUnloadPlatformCompiler.is_some() {
        // SAFETY: a platform of the driver. It is a hint: what comes of it does not matter.
        unsafe { call!(shared.driver, clUnloadPlatformCompiler(platform.id())) };
    }
}

fn release(at: &At<'_>, message: &Release) -> Result<(), Violation> {
    let needs: Vec<Need> = at.frame.needs().collect();
    if message.object.kind().is_none() {
        return Err(Violation::new("a release of nothing"));
    }
    at.shared.reaper.release(at.shared, needs, message.object);
    Ok(())
}
