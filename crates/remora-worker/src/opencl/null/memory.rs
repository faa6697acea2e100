//! Memory objects: what buffers and images share, and how buffers and sub-buffers are made.

use super::context::Context;
use super::device_info::{BASE_ALIGNMENT, MAX_ALLOCATION};
use super::ffi::{self, Outcome, Place, Room, UserData, code, lock};
use super::image::Image;
use super::pool::{self, Handle, Ref, object};
use super::store::Block;
use opencl_sys::*;
use std::ffi::c_void;
use std::sync::Mutex;

type Destructor = unsafe extern "C" fn(cl_mem, *mut c_void);

/// A buffer, a sub-buffer or an image.
pub struct Mem {
    pub context: Ref<Context>,
    pub kind: cl_mem_object_type,
    pub flags: cl_mem_flags,
    pub size: usize,
    /// Where the contents start.
    pub base: Place,
    /// CL_MEM_HOST_PTR.
    host: Place,
    /// What a sub-buffer or an image over another object is over, and where in it.
    parent: Option<Ref<Mem>>,
    offset: usize,
    /// The memory, if it is the object's own.
    _block: Option<Block>,
    properties: Vec<cl_mem_properties>,
    pub image: Option<Image>,
    /// Addresses of the maps that are not unmapped yet.
    maps: Mutex<Vec<Place>>,
    destructors: Mutex<Vec<(Destructor, UserData)>>,
}

object!(Mem, 5, CL_INVALID_MEM_OBJECT, {
    fn retire(&mut self, handle: Handle) {
        for (function, data) in std::mem::take(&mut *lock(&self.destructors)).into_iter().rev() {
            // SAFETY: the caller registered this function to be called now, with this data.
            unsafe { function(handle, data.0) };
        }
    }
});

/// What a memory object is made of.
pub struct Parts {
    pub context: Ref<Context>,
    pub kind: cl_mem_object_type,
    pub flags: cl_mem_flags,
    pub size: usize,
    pub backing: Backing,
    pub properties: Vec<cl_mem_properties>,
    pub image: Option<Image>,
}

/// Where the contents are.
pub enum Backing {
    Own,
    /// The caller's memory (CL_MEM_USE_HOST_PTR).
    Host(Place),
    /// A part of another object.
    Over(Ref<Mem>, usize),
}

impl Mem {
    pub fn new(parts: Parts) -> Outcome<Ref<Mem>> {
        let Parts { context, kind, flags, size, backing, properties, image } = parts;
        let none = Place(std::ptr::null_mut());
        let (base, host, parent, offset, block) = match backing {
            Backing::Own => {
                let block = Block::new(size)?;
                (block.place(), none, None, 0, Some(block))
            }
            Backing::Host(host) => (host, host, None, 0, None),
            Backing::Over(parent, offset) => {
                let host = if parent.host == none { none } else { parent.host.add(offset) };
                (parent.base.add(offset), host, Some(parent), offset, None)
            }
        };
        let (maps, destructors) = (Mutex::default(), Mutex::default());
        let _block = block;
        Ref::new(Mem {
            context,
            kind,
            flags,
            size,
            base,
            host,
            parent,
            offset,
            _block,
            properties,
            image,
            maps,
            destructors,
        })
    }

    /// Whether the host may read or map it for reading.
    pub fn check_host_reads(&self) -> Outcome<()> {
        self.check_host(CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS)
    }

    /// Whether the host may write or map it for writing.
    pub fn check_host_writes(&self) -> Outcome<()> {
        self.check_host(CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS)
    }

    fn check_host(&self, forbidden: cl_mem_flags) -> Outcome<()> {
        if self.flags & forbidden == 0 { Ok(()) } else { Err(CL_INVALID_OPERATION) }
    }

    /// Checks bytes [offset, offset + size) against the object's size.
    pub fn check_range(&self, offset: usize, size: usize) -> Outcome<()> {
        let end = offset.checked_add(size).ok_or(CL_INVALID_VALUE)?;
        if end <= self.size { Ok(()) } else { Err(CL_INVALID_VALUE) }
    }

    pub fn parent(&self) -> Option<&Ref<Mem>> {
        self.parent.as_ref()
    }

    /// Notes that `place` is mapped.
    pub fn mapped(&self, place: Place) {
        lock(&self.maps).push(place);
    }

    /// Takes a map off the list. False if there is none at `place`.
    pub fn unmapped(&self, place: Place) -> bool {
        let mut maps = lock(&self.maps);
        let index = maps.iter().position(|&other| other == place);
        index.map(|index| maps.swap_remove(index)).is_some()
    }
}

impl Ref<Mem> {
    fn info(&self, param: cl_mem_info, room: Room) -> Outcome<()> {
        match param {
            CL_MEM_TYPE => room.put(self.kind),
            CL_MEM_FLAGS => room.put(self.flags),
            CL_MEM_SIZE => room.put(self.size),
            CL_MEM_HOST_PTR => room.put(self.host.0.cast::<c_void>()),
            CL_MEM_MAP_COUNT => room.put(lock(&self.maps).len() as cl_uint),
            CL_MEM_REFERENCE_COUNT => room.put(self.count()),
            CL_MEM_CONTEXT => room.put(self.context.handle()),
            CL_MEM_ASSOCIATED_MEMOBJECT => room.put(self.parent.as_ref().map_or(std::ptr::null_mut(), Ref::handle)),
            CL_MEM_OFFSET => room.put(self.offset),
            CL_MEM_USES_SVM_POINTER => room.flag(false),
            CL_MEM_PROPERTIES => room.list(&self.properties),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

const ACCESS: cl_mem_flags = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
const HOST_POINTER: cl_mem_flags = CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR;
const HOST_ACCESS: cl_mem_flags = CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;

/// Checks the flags of a new memory object, and adds what 0 stands for.
pub fn check_flags(flags: cl_mem_flags) -> Outcome<cl_mem_flags> {
    let known = flags & !(ACCESS | HOST_POINTER | HOST_ACCESS) == 0;
    let exclusive = (flags & ACCESS).count_ones() <= 1 && (flags & HOST_ACCESS).count_ones() <= 1;
    let uses_and_makes = flags & CL_MEM_USE_HOST_PTR != 0 && flags & HOST_POINTER != CL_MEM_USE_HOST_PTR;
    if !known || !exclusive || uses_and_makes {
        return Err(CL_INVALID_VALUE);
    }
    Ok(if flags & ACCESS == 0 { flags | CL_MEM_READ_WRITE } else { flags })
}

/// Checks that there is a host pointer if and only if the flags speak of one.
pub fn check_host_pointer(flags: cl_mem_flags, pointer: *mut c_void) -> Outcome<()> {
    let wanted = flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR) != 0;
    if wanted == pointer.is_null() { Err(CL_INVALID_HOST_PTR) } else { Ok(()) }
}

/// The flags of an object over `parent`: what isn't said is the parent's, what is must not ask for more.
pub fn inherit_flags(parent: &Mem, flags: cl_mem_flags) -> Outcome<cl_mem_flags> {
    check_flags(flags)?;
    let (access, above) = (flags & ACCESS, parent.flags & ACCESS);
    if flags & HOST_POINTER != 0 || (access != 0 && access != above && above != CL_MEM_READ_WRITE) {
        return Err(CL_INVALID_VALUE);
    }
    let (host, host_above) = (flags & HOST_ACCESS, parent.flags & HOST_ACCESS);
    if host != 0 && host != CL_MEM_HOST_NO_ACCESS && host_above != 0 && host != host_above {
        return Err(CL_INVALID_VALUE);
    }
    let access = if access == 0 { above } else { access };
    let host = if host == 0 { host_above } else { host };
    Ok(access | host | parent.flags & HOST_POINTER)
}

/// # Safety
/// As for clCreateBufferWithProperties.
unsafe fn new_buffer(
    context: cl_context,
    properties: *const cl_mem_properties,
    flags: cl_mem_flags,
    size: usize,
    pointer: *mut c_void,
) -> Outcome<Ref<Mem>> {
    let context: Ref<Context> = Ref::find(context)?;
    // SAFETY: the caller's promise.
    let properties = unsafe { ffi::properties(properties) }?;
    if properties.len() > 1 {
        return Err(CL_INVALID_PROPERTY);
    }
    let flags = check_flags(flags)?;
    if size == 0 || size > MAX_ALLOCATION {
        return Err(CL_INVALID_BUFFER_SIZE);
    }
    check_host_pointer(flags, pointer)?;
    let host = Place(pointer.cast());
    let backing = if flags & CL_MEM_USE_HOST_PTR != 0 { Backing::Host(host) } else { Backing::Own };
    let kind = CL_MEM_OBJECT_BUFFER;
    let buffer = Mem::new(Parts { context, kind, flags, size, backing, properties, image: None })?;
    if flags & CL_MEM_COPY_HOST_PTR != 0 {
        // SAFETY: the caller promises `size` bytes at the host pointer; the buffer has as many.
        unsafe { std::ptr::copy(host.0, buffer.base.0, size) };
    }
    Ok(buffer)
}

pub unsafe extern "C" fn create_buffer(
    context: cl_context,
    flags: cl_mem_flags,
    size: usize,
    pointer: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(new_buffer(context, std::ptr::null(), flags, size, pointer), errcode_ret) }
}

pub unsafe extern "C" fn create_buffer_with_properties(
    context: cl_context,
    properties: *const cl_mem_properties,
    flags: cl_mem_flags,
    size: usize,
    pointer: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(new_buffer(context, properties, flags, size, pointer), errcode_ret) }
}

pub unsafe extern "C" fn create_sub_buffer(
    buffer: cl_mem,
    flags: cl_mem_flags,
    create_type: cl_buffer_create_type,
    region: *const c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    let made = Ref::find(buffer).and_then(|parent: Ref<Mem>| {
        if parent.kind != CL_MEM_OBJECT_BUFFER || parent.parent.is_some() {
            return Err(CL_INVALID_MEM_OBJECT);
        }
        let flags = inherit_flags(&parent, flags)?;
        if create_type != CL_BUFFER_CREATE_TYPE_REGION || region.is_null() {
            return Err(CL_INVALID_VALUE);
        }
        // SAFETY: the caller's promise (see `ffi`): for this type it is a cl_buffer_region.
        let region = unsafe { region.cast::<cl_buffer_region>().read() };
        parent.check_range(region.origin, region.size)?;
        if region.size == 0 {
            return Err(CL_INVALID_BUFFER_SIZE);
        }
        if region.origin % BASE_ALIGNMENT != 0 {
            return Err(CL_MISALIGNED_SUB_BUFFER_OFFSET);
        }
        Mem::new(Parts {
            context: parent.context.clone(),
            kind: CL_MEM_OBJECT_BUFFER,
            flags,
            size: region.size,
            backing: Backing::Over(parent, region.origin),
            properties: Vec::new(),
            image: None,
        })
    });
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn retain_mem_object(mem: cl_mem) -> cl_int {
    code(pool::retain::<Mem>(mem))
}

pub unsafe extern "C" fn release_mem_object(mem: cl_mem) -> cl_int {
    code(pool::release::<Mem>(mem))
}

pub unsafe extern "C" fn get_mem_object_info(
    mem: cl_mem,
    param: cl_mem_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(mem).and_then(|mem: Ref<Mem>| mem.info(param, room)))
}

pub unsafe extern "C" fn set_mem_object_destructor_callback(
    mem: cl_mem,
    function: Option<Destructor>,
    data: *mut c_void,
) -> cl_int {
    code(Ref::find(mem).and_then(|mem: Ref<Mem>| {
        let function = function.ok_or(CL_INVALID_VALUE)?;
        lock(&mem.destructors).push((function, UserData(data)));
        Ok(())
    }))
}
