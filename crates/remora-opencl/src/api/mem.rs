//! Buffers, and what all memory objects have in common.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::{HostArea, Needs};
use remora_protocol::Kind;
use remora_protocol::opencl::{CreateBuffer, CreateSubBuffer, SetContentSize, Status};

use crate::api::context::Context;
use crate::error::{Error, Result, check, ensure};
use crate::info::Answer;
use crate::mem::{Contents, Description, Destructor, Mem, bytes_of_buffer, check_flags, check_host_pointer, create};
use crate::object::{Remote, get, pointer_of, publish, references, release, retain, share};
use crate::svm::{self, Svm};

const HOST_POINTER: cl_mem_flags = CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR;

/// # Safety
/// As clCreateBuffer.
pub unsafe fn create_buffer(
    context: cl_context,
    flags: cl_mem_flags,
    size: usize,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    // SAFETY: passed on to the caller.
    unsafe { create_buffer_with_properties(context, std::ptr::null(), flags, size, host_ptr) }
}

/// # Safety
/// As clCreateBufferWithProperties.
pub unsafe fn create_buffer_with_properties(
    context: cl_context,
    properties: *const cl_mem_properties,
    flags: cl_mem_flags,
    size: usize,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    // SAFETY: passed on to the caller.
    unsafe { make_buffer(context, properties, (flags, 0), size, host_ptr) }
}

/// # Safety
/// As clCreateBufferNV.
pub unsafe fn create_buffer_nv(
    context: cl_context,
    flags: cl_mem_flags,
    vendor_flags: cl_bitfield,
    size: usize,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    ensure(vendor_flags & !(CL_MEM_LOCATION_HOST_NV | CL_MEM_PINNED_NV) == 0, CL_INVALID_VALUE)?;
    // SAFETY: passed on to the caller.
    unsafe { make_buffer(context, std::ptr::null(), (flags, vendor_flags), size, host_ptr) }
}

/// Where NVIDIA's buffers can be: in the program's memory, and in memory that stays where it is.
const CL_MEM_LOCATION_HOST_NV: cl_bitfield = 1 << 0;
const CL_MEM_PINNED_NV: cl_bitfield = 1 << 1;

unsafe fn make_buffer(
    context: cl_context,
    properties: *const cl_mem_properties,
    (flags, vendor_flags): (cl_mem_flags, cl_bitfield),
    size: usize,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    // SAFETY: passed on to the caller.
    let (context, properties): (Arc<Context>, _) = unsafe { (share(context)?, empty_properties(properties)?) };
    let flags = check_flags(flags)?;
    ensure(flags & CL_MEM_KERNEL_READ_AND_WRITE == 0, CL_INVALID_VALUE)?;
    ensure(size > 0 && size as u64 <= context.limit(CL_DEVICE_MAX_MEM_ALLOC_SIZE), CL_INVALID_BUFFER_SIZE)?;
    check_host_pointer(flags, host_ptr)?;
    if flags & CL_MEM_USE_HOST_PTR != 0 {
        if let Some(memory) = svm::find(host_ptr.cast(), 1).filter(|memory| memory.is_of(&context)) {
            return buffer_over(context, flags, size, memory, properties);
        }
    }
    let session = Arc::clone(context.session());
    let host = HostArea::flat(host_ptr.cast(), size);
    let own = flags & CL_MEM_USE_HOST_PTR == 0;
    let near = flags & CL_MEM_ALLOC_HOST_PTR != 0 || context.any(CL_DEVICE_HOST_UNIFIED_MEMORY);
    let handle = session.mint(Kind::Mem);
    let given = (!host_ptr.is_null()).then_some((bytes_of_buffer(0, size), host));
    let contents = Contents::new(&context, handle, flags, size, near, given);
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let credit = if session.take_credit(size as u64) { size as u64 } else { 0 };
    let created = create(
        &session,
        &needs,
        handle,
        credit == 0,
        contents.initial,
        CreateBuffer {
            mem: handle,
            context: context.remote.handle,
            // With a store the worker gives the driver a host pointer of its own.
            flags: flags
                & !(if own && contents.store.is_none() { HOST_POINTER & !CL_MEM_ALLOC_HOST_PTR } else { HOST_POINTER }),
            size: size as u64,
            store: contents.offset(),
            svm: 0,
            vendor_flags,
        },
    );
    let created = created.inspect_err(|_| session.return_credit(credit))?;
    let description = Description {
        object_type: CL_MEM_OBJECT_BUFFER,
        flags,
        size,
        host: if own { std::ptr::null_mut() } else { host_ptr.cast() },
        svm: None,
        parent: None,
        origin: 0,
        image: None,
        pipe: None,
        store: contents.store,
        host_memory: contents.host_memory,
        properties,
        credit,
    };
    Ok(publish(Mem::new(Remote { session, handle, created }, context, description)))
}

/// A buffer that is shared virtual memory.
fn buffer_over(
    context: Arc<Context>,
    flags: cl_mem_flags,
    size: usize,
    memory: svm::Range,
    properties: Vec<cl_mem_properties>,
) -> Result<cl_mem> {
    ensure(size <= memory.mem.size - memory.offset, CL_INVALID_BUFFER_SIZE)?;
    let session = Arc::clone(context.session());
    let mem = session.mint(Kind::Mem);
    let command = CreateBuffer {
        mem,
        context: context.remote.handle,
        flags: flags & !HOST_POINTER,
        size: size as u64,
        store: u64::MAX,
        svm: memory.pointer() as u64,
        vendor_flags: 0,
    };
    let mut needs = Needs::default();
    memory.mem.remote.needed_by(&mut needs);
    let created = session.send(session.objects(), &command, &needs, None)?;
    let description = Description {
        object_type: CL_MEM_OBJECT_BUFFER,
        flags,
        size,
        host: memory.pointer(),
        svm: Some(Svm::In(memory.mem)),
        parent: None,
        origin: 0,
        image: None,
        pipe: None,
        store: None,
        host_memory: None,
        properties,
        credit: 0,
    };
    Ok(publish(Mem::new(Remote { session, handle: mem, created }, context, description)))
}

/// No property of memory objects is carried: only an empty list (which is reported as given) is valid.
pub(crate) unsafe fn empty_properties(properties: *const cl_mem_properties) -> Result<Vec<cl_mem_properties>> {
    if properties.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the program ends its list with a 0.
    ensure(unsafe { *properties } == 0, CL_INVALID_PROPERTY)?;
    Ok(vec![0])
}

/// # Safety
/// As clCreateSubBuffer.
pub unsafe fn create_sub_buffer(
    buffer: cl_mem,
    flags: cl_mem_flags,
    create_type: cl_buffer_create_type,
    info: *const c_void,
) -> Result<cl_mem> {
    // SAFETY: passed on to the caller.
    let parent: Arc<Mem> = unsafe { share(buffer) }?;
    ensure(parent.is_buffer() && parent.parent.is_none(), CL_INVALID_MEM_OBJECT)?;
    ensure(create_type == CL_BUFFER_CREATE_TYPE_REGION && !info.is_null(), CL_INVALID_VALUE)?;
    // SAFETY: the type says that it is a region.
    let region = unsafe { info.cast::<cl_buffer_region>().read_unaligned() };
    ensure(region.origin.checked_add(region.size).is_some_and(|end| end <= parent.size), CL_INVALID_VALUE)?;
    ensure(region.size > 0, CL_INVALID_BUFFER_SIZE)?;
    let flags = part_flags(parent.flags, flags)?;
    let aligned = parent.context.devices.iter().any(|device| {
        let bits = device.infos.number(CL_DEVICE_MEM_BASE_ADDR_ALIGN);
        bits == 0 || (region.origin as u64 * 8).checked_rem(bits) == Some(0)
    });
    ensure(aligned, CL_MISALIGNED_SUB_BUFFER_OFFSET)?;
    let session = Arc::clone(&parent.remote.session);
    let handle = session.mint(Kind::Mem);
    let access = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
    let command = CreateSubBuffer {
        mem: handle,
        parent: parent.remote.handle,
        flags: flags & (access | CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS),
        origin: region.origin as u64,
        size: region.size as u64,
    };
    let mut needs = Needs::default();
    parent.remote.needed_by(&mut needs);
    let created = session.send(session.objects(), &command, &needs, None)?;
    let host = if parent.host.0.is_null() { parent.host.0 } else { parent.host.0.wrapping_add(region.origin) };
    let description = Description {
        object_type: CL_MEM_OBJECT_BUFFER,
        flags,
        size: region.size,
        host,
        svm: parent.svm.as_ref().map(|_| Svm::In(Arc::clone(&parent))),
        origin: region.origin,
        image: None,
        pipe: None,
        store: None,
        host_memory: None,
        properties: Vec::new(),
        credit: 0,
        parent: Some(Arc::clone(&parent)),
    };
    Ok(publish(Mem::new(Remote { session, handle, created }, Arc::clone(&parent.context), description)))
}

/// Flags of a sub-buffer, or of an image over a memory object. Access that is not given is the parent's; more than the
/// parent has is refused.
pub(crate) fn part_flags(parent: cl_mem_flags, flags: cl_mem_flags) -> Result<cl_mem_flags> {
    let access = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
    let host = CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
    ensure(flags & !(access | host) == 0, CL_INVALID_VALUE)?;
    check_flags(flags)?;
    let clash = |mine: cl_mem_flags, forbidden: cl_mem_flags, of: cl_mem_flags| {
        parent & of != 0 && flags & mine & forbidden != 0
    };
    ensure(!clash(access, CL_MEM_READ_WRITE | CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY), CL_INVALID_VALUE)?;
    ensure(!clash(access, CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY, CL_MEM_READ_ONLY), CL_INVALID_VALUE)?;
    ensure(!clash(host, CL_MEM_HOST_READ_ONLY, CL_MEM_HOST_WRITE_ONLY), CL_INVALID_VALUE)?;
    ensure(!clash(host, CL_MEM_HOST_WRITE_ONLY, CL_MEM_HOST_READ_ONLY), CL_INVALID_VALUE)?;
    ensure(!clash(host, CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_WRITE_ONLY, CL_MEM_HOST_NO_ACCESS), CL_INVALID_VALUE)?;
    let inherit = |mask: cl_mem_flags| if flags & mask == 0 { parent & mask } else { flags & mask };
    Ok(inherit(access) | inherit(host) | parent & HOST_POINTER)
}

/// # Safety
/// As clRetainMemObject.
pub unsafe fn retain_mem_object(mem: cl_mem) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Mem>(mem) }
}

/// # Safety
/// As clReleaseMemObject.
pub unsafe fn release_mem_object(mem: cl_mem) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<Mem>(mem) }
}

/// # Safety
/// As clGetMemObjectInfo.
pub unsafe fn get_mem_object_info(
    mem: cl_mem,
    param_name: cl_mem_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let mem: &Mem = get(mem)?;
        match param_name {
            CL_MEM_TYPE => answer.value(mem.object_type),
            CL_MEM_FLAGS => answer.value(mem.flags),
            CL_MEM_SIZE => answer.value(mem.size),
            CL_MEM_HOST_PTR => answer.value(mem.host.0.cast::<c_void>()),
            CL_MEM_MAP_COUNT => answer.value(mem.lock_maps().len() as cl_uint),
            CL_MEM_REFERENCE_COUNT => answer.value(references(mem)),
            CL_MEM_CONTEXT => answer.value(pointer_of(&*mem.context)),
            CL_MEM_ASSOCIATED_MEMOBJECT => {
                answer.value(mem.parent.as_ref().map_or(std::ptr::null_mut(), |parent| pointer_of(&**parent)))
            }
            CL_MEM_OFFSET => answer.value(mem.origin),
            CL_MEM_USES_SVM_POINTER => answer.value(cl_bool::from(mem.svm.is_some())),
            CL_MEM_PROPERTIES => answer.values(&mem.properties),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}

/// # Safety
/// As clSetContentSizeBufferPoCL.
pub unsafe fn set_content_size_buffer_pocl(buffer: cl_mem, content_size_buffer: cl_mem) -> Result<()> {
    // SAFETY: passed on to the caller.
    let (buffer, content): (&Mem, &Mem) = unsafe { (get(buffer)?, get(content_size_buffer)?) };
    let command = SetContentSize { mem: buffer.remote.handle, content: content.remote.handle };
    let session = &buffer.remote.session;
    // Both were created in this very stream.
    let (_, answer) = session.call(session.objects(), &command, &Needs::default(), None)?;
    check(answer.decode::<Status>()?.code)
}

/// # Safety
/// As clSetMemObjectDestructorCallback.
pub unsafe fn set_mem_object_destructor_callback(
    mem: cl_mem,
    function: Option<Destructor>,
    user_data: *mut c_void,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let mem: &Mem = unsafe { get(mem) }?;
    mem.add_destructor(function.ok_or(Error(CL_INVALID_VALUE))?, user_data);
    Ok(())
}
