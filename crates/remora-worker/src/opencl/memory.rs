//! Memory objects and samplers.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, OnceLock};

use opencl_sys::{
    CL_BUFFER_CREATE_TYPE_REGION, CL_IMAGE_ELEMENT_SIZE, CL_INVALID_BUFFER_SIZE, CL_INVALID_CONTEXT,
    CL_INVALID_IMAGE_DESCRIPTOR, CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, CL_INVALID_IMAGE_SIZE, CL_INVALID_OPERATION,
    CL_INVALID_VALUE, CL_MEM_ALLOC_HOST_PTR, CL_MEM_COPY_HOST_PTR, CL_MEM_FLAGS, CL_MEM_HOST_NO_ACCESS,
    CL_MEM_HOST_READ_ONLY, CL_MEM_HOST_WRITE_ONLY, CL_MEM_KERNEL_READ_AND_WRITE, CL_MEM_OBJECT_IMAGE1D,
    CL_MEM_OBJECT_IMAGE1D_ARRAY, CL_MEM_OBJECT_IMAGE1D_BUFFER, CL_MEM_OBJECT_IMAGE2D, CL_MEM_OBJECT_IMAGE2D_ARRAY,
    CL_MEM_OBJECT_IMAGE3D, CL_MEM_READ_ONLY, CL_MEM_READ_WRITE, CL_MEM_SIZE, CL_MEM_USE_HOST_PTR, CL_MEM_WRITE_ONLY,
    cl_buffer_region, cl_image_desc, cl_image_format, cl_int,
};
use remora_protocol::Bulk;
use remora_protocol::opencl::{
    CreateBuffer, CreateImage, CreatePipe, CreateSampler, CreateSubBuffer, CreateSvm, InitMem, SetContentSize,
};

use super::area::{Region, Shape, pixel_size};
use super::context::Context;
use super::driver::{Object, call, check, create, query_number};
use super::pins::make_known;
use super::shared::Shared;
use super::store::{Maps, Store};
use super::svm::{Svm, one_at_a_time, pointer};
use super::transfer::write_now;
use super::violation::Violation;
use crate::stats::Stats;

/// A buffer or an image.
pub struct Mem {
    /// Given back before the parent, which it may be a part of.
    object: Object,
    /// Its context.
    pub context: Arc<Context>,
    /// What transfers may touch of it.
    pub shape: Shape,
    /// For one with its memory in the arena: where.
    pub store: Option<Store>,
    /// What EnqueueMapStore has mapped and nothing has unmapped.
    pub maps: Maps,
    /// What says how much of it is content, which the driver may look at as long as this lives; nothing for what says so.
    content_size: OnceLock<Option<Arc<Mem>>>,
    _lies_in: LiesIn,
    /// What it counts for in the statistics.
    bytes: u64,
    stats: Arc<Stats>,
}

/// What a memory object's bytes belong to. Given back after the object.
#[derive(Default)]
struct LiesIn {
    _mem: Option<Arc<Mem>>,
    _svm: Option<Svm>,
}

impl Mem {
    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }

    /// The bytes that were allocated for it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Mem {
    fn drop(&mut self) {
        self.stats.freed(self.bytes);
    }
}

/// A sampler.
pub struct Sampler {
    object: Object,
    /// Its context.
    pub context: Arc<Context>,
}

impl Sampler {
    /// The driver's name for it.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.object.raw()
    }
}

/// Where a new object's memory or first contents are.
enum Host {
    None,
    Copy(*mut u8),
    Use(*mut u8),
}

impl Host {
    fn flags(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Copy(_) => CL_MEM_COPY_HOST_PTR,
            Self::Use(_) => CL_MEM_USE_HOST_PTR,
        }
    }

    fn pointer(&self) -> *mut c_void {
        match self {
            Self::None => ptr::null_mut(),
            Self::Copy(pointer) | Self::Use(pointer) => pointer.cast(),
        }
    }
}

/// Flags that say where memory comes from; here the worker decides that.
const HOST_POINTER: u64 = CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR;
/// Flags about what the program will do. The client holds it to them; the worker does more: it fills new objects, and maps
/// by reading and writing.
const HOST_ACCESS: u64 = CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;

/// All that OpenCL 3.0 has.
const CORE_FLAGS: u64 = HOST_POINTER
    | HOST_ACCESS
    | CL_MEM_READ_WRITE
    | CL_MEM_WRITE_ONLY
    | CL_MEM_READ_ONLY
    | CL_MEM_ALLOC_HOST_PTR
    | CL_MEM_KERNEL_READ_AND_WRITE;

/// What came of a creation. The outer error ends the session, the inner one is for the program.
type Created<T> = Result<Result<Arc<T>, cl_int>, Violation>;

/// Stores begin at a page, so that drivers can pin and share them.
pub const PAGE: u64 = 4096;

/// Executes `CreateBuffer`.
///
/// # Errors
/// If `bulk` or the store is not the client's to give.
pub fn create_buffer(shared: &Arc<Shared>, message: &CreateBuffer, bulk: Option<Bulk>) -> Created<Mem> {
    let contents = match bulk {
        Some(bulk) if bulk.length != message.size => {
            return Err(Violation::new("contents of another size than the buffer"));
        }
        Some(bulk) => Some(shared.client_memory(bulk)?),
        None => None,
    };
    if message.svm != 0 {
        return Ok(buffer_over(shared, message));
    }
    let host = if message.store == u64::MAX {
        contents.map_or(Host::None, Host::Copy)
    } else {
        Host::Use(store(shared, message.store, message.size, contents)?)
    };
    Ok(shared.tables.contexts.get(message.context).and_then(|context| {
        let store = matches!(host, Host::Use(_)).then_some(message.store);
        let kind = (message.flags, message.vendor_flags, message.size);
        new_buffer(shared, context, kind, &host, store, LiesIn::default())
    }))
}

/// A buffer that the program makes of its shared virtual memory.
fn buffer_over(shared: &Arc<Shared>, message: &CreateBuffer) -> Result<Arc<Mem>, cl_int> {
    let svm = shared.svm.find(message.svm, message.size)?;
    let context = shared.tables.contexts.get(message.context)?;
    if !Arc::ptr_eq(&context, &svm.context) {
        return Err(CL_INVALID_CONTEXT);
    }
    let host = Host::Use(pointer(message.svm).cast_mut().cast());
    let lies_in = LiesIn { _mem: Some(svm), _svm: None };
    new_buffer(shared, context, (message.flags, 0, message.size), &host, None, lies_in)
}

/// Executes `CreateSvm`: gives the memory and its address.
///
/// # Errors
/// If the store is not the client's to give.
pub fn create_svm(shared: &Arc<Shared>, message: &CreateSvm<'_>) -> Result<Result<(Arc<Mem>, u64), cl_int>, Violation> {
    Ok(Svm::allocate(shared, message)?.and_then(|(svm, context)| {
        let host = Host::Use(svm.address.as_ptr());
        let address = svm.address.as_ptr().expose_provenance() as u64;
        let lies_in = LiesIn { _mem: None, _svm: Some(svm) };
        // Some drivers want a buffer that may do what its memory may.
        let flags = message.flags & (CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY);
        Ok((new_buffer(shared, context, (flags, 0, message.size), &host, None, lies_in)?, address))
    }))
}

/// The object's own memory in the arena, with its first contents in it.
fn store(shared: &Shared, offset: u64, size: u64, contents: Option<*mut u8>) -> Result<*mut u8, Violation> {
    if !shared.link.shares_memory() {
        return Err(Violation::new("a store in an arena that is not shared"));
    }
    if offset % PAGE != 0 || size == 0 {
        return Err(Violation::new("a store that does not begin at a page"));
    }
    // OpenCL does not say what becomes of memory that two buffers use.
    if offset < shared.arena().staging().end {
        return Err(Violation::new("a store in the part of the arena that is for staging"));
    }
    let store = shared.client_memory(Bulk { offset, length: size })?;
    if let Some(contents) = contents.filter(|contents| *contents != store) {
        // SAFETY: both ranges lie in the arena and have `size` bytes, which fits as the arena is mapped; they may overlap.
        unsafe { ptr::copy(contents, store, size as usize) };
    }
    Ok(store)
}

fn new_buffer(
    shared: &Arc<Shared>,
    context: Arc<Context>,
    (flags, vendor_flags, bytes): (u64, u64, u64),
    host: &Host,
    store: Option<u64>,
    lies_in: LiesIn,
) -> Result<Arc<Mem>, cl_int> {
    let size = usize::try_from(bytes).map_err(|_| CL_INVALID_BUFFER_SIZE)?;
    let flags = driver_flags(flags)? | host.flags();
    let (raw, pointer) = (context.raw(), host.pointer());
    // SAFETY: a live context; the host pointer, if any, has `size` bytes, and what is to be used stays as long as the
    // buffer: a store as long as the arena, shared virtual memory by what the caller adds to the result.
    let create = || unsafe {
        if vendor_flags == 0 {
            create!(shared.driver, clCreateBuffer(raw, flags, size, pointer))
        } else {
            create!(context.extensions, clCreateBufferNV(raw, flags, vendor_flags, size, pointer))
        }
    };
    let raw = if lies_in._svm.is_some() { one_at_a_time(create) } else { create() }?;
    let shape = Shape::Buffer(bytes);
    let bytes = if lies_in._mem.is_some() { 0 } else { bytes };
    shared.stats.allocated(bytes);
    Ok(Arc::new(Mem {
        // SAFETY: the driver has just made it for us.
        object: unsafe { Object::new(raw, shared.driver.clReleaseMemObject) },
        context,
        shape,
        store: store.map(Store::of_buffer),
        maps: Maps::default(),
        content_size: OnceLock::new(),
        _lies_in: lies_in,
        bytes,
        stats: Arc::clone(&shared.stats),
    }))
}

/// The program's flags as the driver gets them.
fn driver_flags(flags: u64) -> Result<u64, cl_int> {
    // Some flags of the vendors' give the host pointer another meaning.
    if flags & !CORE_FLAGS == 0 { Ok(flags & !(HOST_POINTER | HOST_ACCESS)) } else { Err(CL_INVALID_VALUE) }
}

/// Executes `CreateSubBuffer`.
///
/// # Errors
/// The code for the program.
pub fn create_sub_buffer(shared: &Arc<Shared>, message: &CreateSubBuffer) -> Result<Arc<Mem>, cl_int> {
    let parent = shared.tables.mems.get(message.parent)?;
    let Shape::Buffer(whole) = parent.shape else { return Err(CL_INVALID_VALUE) };
    let end = message.origin.checked_add(message.size).filter(|end| *end <= whole).ok_or(CL_INVALID_VALUE)?;
    let origin = usize::try_from(message.origin).map_err(|_| CL_INVALID_VALUE)?;
    let size = usize::try_from(end - message.origin).map_err(|_| CL_INVALID_VALUE)?;
    let region = cl_buffer_region { origin, size };
    let flags = driver_flags(message.flags)?;
    // SAFETY: a live buffer, and a region of the type that is named.
    let raw = unsafe {
        create!(
            shared.driver,
            clCreateSubBuffer(parent.raw(), flags, CL_BUFFER_CREATE_TYPE_REGION, (&raw const region).cast())
        )
    }?;
    Ok(Arc::new(Mem {
        // SAFETY: the driver has just made it for us.
        object: unsafe { Object::new(raw, shared.driver.clReleaseMemObject) },
        context: Arc::clone(&parent.context),
        shape: Shape::Buffer(message.size),
        store: parent.store.and_then(|store| store.part(message.origin)),
        maps: Maps::default(),
        content_size: OnceLock::new(),
        _lies_in: LiesIn { _mem: Some(parent), _svm: None },
        bytes: 0,
        stats: Arc::clone(&shared.stats),
    }))
}

/// Executes `CreatePipe`. Besides the pipe the result is what the driver says of its flags and size.
///
/// # Errors
/// The code for the program.
pub fn create_pipe(shared: &Shared, message: &CreatePipe) -> Result<(Arc<Mem>, u64, u64), cl_int> {
    let context = shared.tables.contexts.get(message.context)?;
    if context.version < (2, 0) {
        return Err(CL_INVALID_OPERATION);
    }
    let known = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
    if message.flags & !known != 0 {
        return Err(CL_INVALID_VALUE);
    }
    let (flags, size, count) = (message.flags, message.packet_size, message.max_packets);
    // SAFETY: a live context, and no properties.
    let raw = unsafe { create!(shared.driver, clCreatePipe(context.raw(), flags, size, count, ptr::null())) }?;
    // SAFETY: the driver has just made it for us.
    let object = unsafe { Object::new(raw, shared.driver.clReleaseMemObject) };
    let ask = |param| {
        // SAFETY: a live pipe, and `value` has room for `size` bytes.
        move |size, value, size_ret| unsafe {
            call!(shared.driver, clGetMemObjectInfo(raw, param, size, value, size_ret))
        }
    };
    let flags = u64::from_ne_bytes(query_number(ask(CL_MEM_FLAGS))?);
    let bytes = usize::from_ne_bytes(query_number(ask(CL_MEM_SIZE))?) as u64;
    shared.stats.allocated(bytes);
    let pipe = Mem {
        object,
        context,
        shape: Shape::Pipe,
        store: None,
        maps: Maps::default(),
        content_size: OnceLock::new(),
        _lies_in: LiesIn::default(),
        bytes,
        stats: Arc::clone(&shared.stats),
    };
    Ok((Arc::new(pipe), flags, bytes))
}

/// Executes `CreateImage`.
///
/// # Errors
/// If `bulk` is not the client's to give, or does not hold what the message says.
pub fn create_image(shared: &Arc<Shared>, message: &CreateImage, bulk: Option<Bulk>) -> Created<Mem> {
    if bulk.is_some() && !message.parent.is_none() {
        return Err(Violation::new("contents of an image that is made of another object"));
    }
    let contents = bulk.map(|bulk| shared.client_memory(bulk)).transpose()?;
    let (element, extent, bytes) = match dimensions(message) {
        Ok(dimensions) => dimensions,
        Err(code) => return Ok(Err(code)),
    };
    if bulk.is_some_and(|bulk| bulk.length != bytes) {
        return Err(Violation::new("contents of another size than the image"));
    }
    let host = if message.store == u64::MAX {
        contents.map_or(Host::None, Host::Copy)
    } else if message.parent.is_none() {
        Host::Use(store(shared, message.store, bytes, contents)?)
    } else {
        return Err(Violation::new("a store of an image that is made of another object"));
    };
    Ok(new_image(shared, message, &host, element, extent, bytes).map(Arc::new))
}

/// Bytes of a pixel, pixels in each dimension (layers last), and bytes of it all.
fn dimensions(message: &CreateImage) -> Result<(u32, [u64; 3], u64), cl_int> {
    let element = pixel_size(message.order, message.data_type).ok_or(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR)?;
    let extent = match message.image_type {
        CL_MEM_OBJECT_IMAGE1D | CL_MEM_OBJECT_IMAGE1D_BUFFER => [message.width, 1, 1],
        CL_MEM_OBJECT_IMAGE1D_ARRAY => [message.width, message.array_size, 1],
        CL_MEM_OBJECT_IMAGE2D => [message.width, message.height, 1],
        CL_MEM_OBJECT_IMAGE2D_ARRAY => [message.width, message.height, message.array_size],
        CL_MEM_OBJECT_IMAGE3D => [message.width, message.height, message.depth],
        _ => return Err(CL_INVALID_VALUE),
    };
    let bytes = extent.iter().try_fold(u64::from(element), |bytes, length| bytes.checked_mul(*length));
    Ok((element, extent, bytes.filter(|bytes| *bytes > 0).ok_or(CL_INVALID_IMAGE_SIZE)?))
}

fn new_image(
    shared: &Arc<Shared>,
    message: &CreateImage,
    host: &Host,
    element: u32,
    extent: [u64; 3],
    bytes: u64,
) -> Result<Mem, cl_int> {
    let context = shared.tables.contexts.get(message.context)?;
    let parent = if message.parent.is_none() { None } else { Some(shared.tables.mems.get(message.parent)?) };
    if parent.as_ref().is_some_and(|parent| !Arc::ptr_eq(&parent.context, &context)) {
        return Err(CL_INVALID_CONTEXT);
    }
    if parent.as_ref().is_some_and(|parent| !holds(&parent.shape, message, element, extent)) {
        return Err(CL_INVALID_IMAGE_DESCRIPTOR);
    }
    // No client of ours has any of these: only their drivers would know how far such an image goes.
    if message.mip_levels != 0 || message.samples != 0 || message.slice_pitch != 0 {
        return Err(CL_INVALID_IMAGE_DESCRIPTOR);
    }
    let size = |value: u64| usize::try_from(value).map_err(|_| CL_INVALID_IMAGE_SIZE);
    let format = cl_image_format { image_channel_order: message.order, image_channel_data_type: message.data_type };
    let description = cl_image_desc {
        image_type: message.image_type,
        image_width: size(message.width)?,
        image_height: size(message.height)?,
        image_depth: size(message.depth)?,
        image_array_size: size(message.array_size)?,
        // Those of the program's own memory stay with the client: contents travel packed.
        image_row_pitch: if parent.is_some() { size(message.row_pitch)? } else { 0 },
        image_slice_pitch: 0,
        num_mip_levels: 0,
        num_samples: 0,
        buffer: parent.as_ref().map_or(ptr::null_mut(), |parent| parent.raw()),
    };
    let flags = driver_flags(message.flags)? | host.flags();
    // SAFETY: a live context and parent; the host pointer, if any, holds the packed contents of exactly this image.
    let raw = unsafe {
        create!(
            shared.driver,
            clCreateImage(context.raw(), flags, &raw const format, &raw const description, host.pointer())
        )
    }?;
    // SAFETY: the driver has just made it for us.
    let object = unsafe { Object::new(raw, shared.driver.clReleaseMemObject) };
    // What transfers are checked by must be what the driver goes by.
    let known = query_number(|size, value, size_ret| {
        // SAFETY: a live image, and `value` has room for `size` bytes.
        unsafe { call!(shared.driver, clGetImageInfo(raw, CL_IMAGE_ELEMENT_SIZE, size, value, size_ret)) }
    })?;
    if usize::from_ne_bytes(known) != element as usize {
        tracing::error!(element, ?format, "the driver's pixels are of another size");
        return Err(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR);
    }
    let bytes = if parent.is_some() { 0 } else { bytes };
    shared.stats.allocated(bytes);
    Ok(Mem {
        object,
        context,
        store: image_store(message, host, parent.as_deref(), element, extent),
        shape: Shape::Image { element, extent },
        maps: Maps::default(),
        content_size: OnceLock::new(),
        _lies_in: LiesIn { _mem: parent, _svm: None },
        bytes,
        stats: Arc::clone(&shared.stats),
    })
}

/// Where an image's memory is in the arena: packed if it is its own, or as the buffer has it that the image is made of.
fn image_store(
    message: &CreateImage,
    host: &Host,
    parent: Option<&Mem>,
    element: u32,
    extent: [u64; 3],
) -> Option<Store> {
    let row = extent[0].checked_mul(u64::from(element))?;
    let (offset, row) = match (host, parent) {
        (Host::Use(_), _) => (message.store, row),
        (_, Some(Mem { shape: Shape::Buffer(_), store: Some(store), .. })) => {
            (store.offset, if message.row_pitch == 0 { row } else { message.row_pitch })
        }
        _ => return None,
    };
    Store::of_image(offset, message.image_type, row, extent[1])
}

/// Whether an image that is made of another object lies inside it.
fn holds(parent: &Shape, message: &CreateImage, element: u32, extent: [u64; 3]) -> bool {
    match parent {
        Shape::Image { element: other, extent: whole } => {
            *other == element && extent.iter().zip(whole).all(|(length, limit)| length <= limit)
        }
        Shape::Pipe => false,
        Shape::Buffer(whole) => {
            let [width, height, depth] = extent;
            let end = || {
                let row = width.checked_mul(u64::from(element))?;
                let pitch = if message.row_pitch == 0 { row } else { message.row_pitch };
                height.checked_sub(1)?.checked_mul(pitch)?.checked_add(row)
            };
            depth == 1 && end().is_some_and(|end| end <= *whole)
        }
    }
}

/// Executes `InitMem`: writes at once, on a queue that the program does not see. What fails makes the object unusable.
///
/// # Errors
/// If the bytes are not the client's to give, or not as many as the area takes.
pub fn init(shared: &Arc<Shared>, message: &InitMem<'_>, bulk: Option<Bulk>) -> Result<(), Violation> {
    let (source, length) = match bulk {
        Some(bulk) => (shared.client_memory(bulk)?.cast_const(), bulk.length),
        None => (message.bytes.as_ptr(), message.bytes.len() as u64),
    };
    let Ok(mem) = shared.tables.mems.get(message.mem) else { return Ok(()) };
    let written = Region::new(&message.area, &mem.shape).and_then(|region| {
        if region.packed() as u64 != length {
            return Err(CL_INVALID_VALUE);
        }
        let queue = mem.context.side_queue(shared.driver, mem.context.first_device())?;
        shared.stats.bytes_copied.add(length);
        if let Some(bulk) = bulk {
            make_known(shared, &mem.context, bulk);
        }
        // SAFETY: `source` holds the packed bytes of the region, and the write is done when the call returns.
        unsafe { write_now(shared.driver, queue.raw(), mem.raw(), &region, source) }.map(drop)
    });
    if let Err(code) = written {
        tracing::warn!(code, "InitMem refused");
        shared.stats.errors.add(1);
        shared.tables.mems.fail(message.mem, code);
    }
    Ok(())
}

/// Executes `SetContentSize`.
///
/// # Errors
/// The code for the program.
pub fn set_content_size(shared: &Shared, message: &SetContentSize) -> Result<(), cl_int> {
    let mem = shared.tables.mems.get(message.mem)?;
    let content = shared.tables.mems.get(message.content)?;
    if !Arc::ptr_eq(&mem.context, &content.context) {
        return Err(CL_INVALID_CONTEXT);
    }
    // The driver links the two by plain pointers. It takes them back when one of the two goes, but not when it makes another
    // link: so each is in one.
    let linked = matches!(mem.content_size.get(), Some(Some(known)) if Arc::ptr_eq(known, &content));
    let free = mem.content_size.get().is_none() && content.content_size.get().is_none();
    if !linked && (!free || Arc::ptr_eq(&mem, &content)) {
        return Err(CL_INVALID_OPERATION);
    }
    // SAFETY: live memory objects of the driver.
    check(unsafe { call!(mem.context.extensions, clSetContentSizeBufferPoCL(mem.raw(), content.raw())) })?;
    // Only the object stream comes here: nobody has set either meanwhile.
    let _ = (content.content_size.set(None), mem.content_size.set(Some(Arc::clone(&content))));
    Ok(())
}

/// Executes `CreateSampler`.
///
/// # Errors
/// The code for the program.
pub fn create_sampler(shared: &Arc<Shared>, message: &CreateSampler<'_>) -> Result<Arc<Sampler>, cl_int> {
    let context = shared.tables.contexts.get(message.context)?;
    let properties: Vec<u64> = message.properties.iter().chain([0, 0]).collect();
    let modern = context.version >= (2, 0) && shared.driver.clCreateSamplerWithProperties.is_some();
    let raw = if modern && properties.len() > 2 {
        // SAFETY: a live context, and a list that ends with 0, also where the client's last name has no value.
        unsafe { create!(shared.driver, clCreateSamplerWithProperties(context.raw(), properties.as_ptr())) }
    } else {
        let (normalized, addressing, filter) = (message.normalized, message.addressing, message.filter);
        // SAFETY: a live context.
        unsafe { create!(shared.driver, clCreateSampler(context.raw(), normalized, addressing, filter)) }
    }?;
    // SAFETY: the driver has just made it for us.
    let object = unsafe { Object::new(raw, shared.driver.clReleaseSampler) };
    Ok(Arc::new(Sampler { object, context }))
}
