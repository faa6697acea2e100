//! Pipes.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::Kind;
use remora_protocol::opencl::{CreatePipe, PipeCreated};

use crate::api::context::Context;
use crate::error::{Error, Result, check, ensure};
use crate::info::Answer;
use crate::mem::{Description, Mem, Pipe};
use crate::object::{Remote, get, publish, share};

/// # Safety
/// As clCreatePipe.
pub unsafe fn create_pipe(
    context: cl_context,
    flags: cl_mem_flags,
    packet_size: cl_uint,
    max_packets: cl_uint,
    properties: *const cl_pipe_properties,
) -> Result<cl_mem> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    let limit = context.limit(CL_DEVICE_PIPE_MAX_PACKET_SIZE);
    ensure(limit > 0, CL_INVALID_OPERATION)?;
    // Which of these go together is the driver's to say, in the reply.
    let known = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
    ensure(flags & !known == 0 && properties.is_null(), CL_INVALID_VALUE)?;
    let fits = packet_size > 0 && u64::from(packet_size) <= limit;
    ensure(fits && max_packets > 0, CL_INVALID_PIPE_SIZE)?;
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Mem);
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let command = CreatePipe { mem: handle, context: context.remote.handle, flags, packet_size, max_packets };
    let (created, answer) = session.call(session.objects(), &command, &needs, None)?;
    let reply: PipeCreated = answer.decode()?;
    check(reply.code)?;
    let description = Description {
        object_type: CL_MEM_OBJECT_PIPE,
        flags: reply.flags,
        size: usize::try_from(reply.size).map_err(|_| Error(CL_OUT_OF_RESOURCES))?,
        host: std::ptr::null_mut(),
        svm: None,
        parent: None,
        origin: 0,
        image: None,
        pipe: Some(Pipe { packet_size, max_packets }),
        store: None,
        host_memory: None,
        properties: Vec::new(),
        credit: 0,
    };
    Ok(publish(Mem::new(Remote { session, handle, created }, context, description)))
}

/// # Safety
/// As clGetPipeInfo.
pub unsafe fn get_pipe_info(
    pipe: cl_mem,
    param_name: cl_pipe_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let pipe = get::<Mem>(pipe)?.pipe.ok_or(Error(CL_INVALID_MEM_OBJECT))?;
        match param_name {
            CL_PIPE_PACKET_SIZE => answer.value(pipe.packet_size),
            CL_PIPE_MAX_PACKETS => answer.value(pipe.max_packets),
            // There are no properties of pipes.
            CL_PIPE_PROPERTIES => answer.bytes(&[]),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}
