//! Recording commands in command buffers: sync points, and what the driver is asked.

use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::List;
use remora_protocol::message::Command;
use remora_protocol::opencl::{RecordCommand, Status};

use crate::api::command_buffer::CommandBuffer;
use crate::api::context::Context;
use crate::api::mutable::MutableCommand;
use crate::api::queue::Queue;
use crate::command::Verdict;
use crate::error::{Error, Result, check, ensure};
use crate::mem::Mem;
use crate::object::{publish, share};

/// A command that is about to be recorded.
pub(crate) struct Record {
    pub(crate) buffer: Arc<CommandBuffer>,
    waits: Vec<u32>,
    sync_point_ret: *mut cl_sync_point_khr,
}

/// A recorded command that can be changed later.
pub(crate) struct Changeable {
    /// Names and values without the final 0.
    pub(crate) properties: Vec<u64>,
    /// Where the program wants its handle; null if it wants none.
    pub(crate) handle_ret: *mut cl_mutable_command_khr,
}

impl Record {
    /// Checks the command buffer and the sync points; what records launches alone can have is refused.
    ///
    /// # Safety
    /// The pointers are the program's, as for any clCommand function.
    pub(crate) unsafe fn new(
        buffer: cl_command_buffer_khr,
        queue: cl_command_queue,
        properties: *const cl_command_properties_khr,
        count: cl_uint,
        list: *const cl_sync_point_khr,
        sync_point_ret: *mut cl_sync_point_khr,
        handle_ret: *mut cl_mutable_command_khr,
    ) -> Result<Self> {
        // SAFETY: passed on to the caller; a list of properties ends with 0.
        unsafe {
            let this = Self::launch(buffer, queue, count, list, sync_point_ret)?;
            ensure(properties.is_null() || *properties == 0, CL_INVALID_VALUE)?;
            ensure(handle_ret.is_null(), CL_INVALID_VALUE)?;
            Ok(this)
        }
    }

    /// Checks the command buffer and the sync points.
    ///
    /// # Safety
    /// As for [`Record::new`].
    pub(crate) unsafe fn launch(
        buffer: cl_command_buffer_khr,
        queue: cl_command_queue,
        count: cl_uint,
        list: *const cl_sync_point_khr,
        sync_point_ret: *mut cl_sync_point_khr,
    ) -> Result<Self> {
        // SAFETY: passed on to the caller.
        let buffer: Arc<CommandBuffer> = unsafe { share(buffer) }?;
        // Only a command buffer of several queues names one.
        ensure(queue.is_null(), CL_INVALID_COMMAND_QUEUE)?;
        ensure((count == 0) == list.is_null(), CL_INVALID_SYNC_POINT_WAIT_LIST_KHR)?;
        let state = buffer.state();
        ensure(!state.finalized, CL_INVALID_OPERATION)?;
        // SAFETY: the program gives `count` sync points.
        let waits: Vec<u32> = (0..count as usize).map(|place| unsafe { *list.add(place) }).collect();
        let known = |point: &u32| (1..=state.sync_points).contains(point);
        ensure(waits.iter().all(known), CL_INVALID_SYNC_POINT_WAIT_LIST_KHR)?;
        drop(state);
        Ok(Self { buffer, waits, sync_point_ret })
    }

    /// The queue that it is recorded for.
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.buffer.queue
    }

    /// The command names an object of `context`, which must be the command buffer's. All that it names was created in the
    /// very stream that records.
    pub(crate) fn names(&self, context: &Arc<Context>) -> Result<()> {
        ensure(Arc::ptr_eq(context, &self.queue().context), CL_INVALID_CONTEXT)
    }

    /// The command names a memory object.
    pub(crate) fn names_memory(&self, mem: &Mem) -> Result<()> {
        self.names(&mem.context)?;
        self.buffer.uses(mem.host_part());
        Ok(())
    }

    /// Records the command. The first of its kind waits for the driver's word.
    pub(crate) fn send<C: Command>(self, command: &C) -> Result<()> {
        self.send_judged(command, Verdict::Valid)
    }

    /// As [`Record::send`]; with doubts each waits for it.
    pub(crate) fn send_judged<C: Command>(self, command: &C, verdict: Verdict) -> Result<()> {
        let ask = verdict == Verdict::DriversWord || !self.buffer.state().recorded.contains(&C::OPCODE);
        self.put(command, 0, &[], ask)?;
        self.buffer.state().recorded.insert(C::OPCODE);
        Ok(())
    }

    /// Records a launch that can't be changed later.
    pub(crate) fn send_launch<C: Command>(self, command: &C, ask: bool) -> Result<()> {
        self.put(command, 0, &[], ask)
    }

    /// Records a launch that can be changed later; `make` makes the object that the program gets, from its number.
    pub(crate) fn send_changeable<C: Command>(
        self,
        command: &C,
        changeable: &Changeable,
        make: impl FnOnce(u32) -> Arc<MutableCommand>,
    ) -> Result<()> {
        if changeable.handle_ret.is_null() {
            return self.put(command, 0, &changeable.properties, true);
        }
        let number = self.buffer.state().next_changeable();
        self.put(command, number, &changeable.properties, true)?;
        let made = make(number);
        let pointer = publish(Arc::clone(&made));
        self.buffer.state().changeable.push(made);
        // SAFETY: the program gave a valid place for the handle.
        unsafe { changeable.handle_ret.write(pointer) };
        Ok(())
    }

    fn put<C: Command>(&self, command: &C, changeable: u32, properties: &[u64], ask: bool) -> Result<()> {
        let session = &self.buffer.remote.session;
        let mut body = Vec::new();
        command.encode(&mut body);
        // Held until the command is sent, so that sync points are counted in the order of the stream.
        let mut state = self.buffer.state();
        ensure(!state.finalized, CL_INVALID_OPERATION)?;
        let sync_point = state.sync_points.checked_add(1).ok_or(Error(CL_OUT_OF_HOST_MEMORY))?;
        let message = RecordCommand {
            command_buffer: self.buffer.remote.handle,
            sync_point,
            wait: List::new(&self.waits),
            changeable,
            properties: List::new(properties),
            opcode: C::OPCODE,
            command: &body,
        };
        if ask {
            let (_, answer) = session.call(session.objects(), &message, &Needs::default(), None)?;
            check(answer.decode::<Status>()?.code)?;
        } else {
            session.send(session.objects(), &message, &Needs::default(), None)?;
        }
        state.sync_points = sync_point;
        if !self.sync_point_ret.is_null() {
            // SAFETY: the program gave a valid place for the sync point.
            unsafe { self.sync_point_ret.write(sync_point) };
        }
        Ok(())
    }
}
