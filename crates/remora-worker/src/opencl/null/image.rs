//! Images: descriptors, creation, queries.

use super::context::Context;
use super::device_info::MAX_ALLOCATION;
use super::ffi::{self, Outcome, Place, Room, code};
use super::format;
use super::memory::{Backing, Mem, Parts, check_flags, check_host_pointer, inherit_flags};
use super::pool::Ref;
use opencl_sys::*;
use std::ffi::c_void;
use std::ptr;

pub const MAX_2D: usize = 16384;
pub const MAX_3D: usize = 2048;
pub const MAX_ARRAY: usize = 2048;
pub const MAX_BUFFER_PIXELS: usize = 1 << 24;

/// What makes a memory object an image.
#[derive(Clone, Copy)]
pub struct Image {
    pub format: cl_image_format,
    /// Bytes of a pixel.
    pub element: usize,
    /// Extent as origins and regions count it: an array's layers are its last dimension.
    pub extent: [usize; 3],
    /// Bytes from one step of the second and of the third dimension to the next.
    pub pitches: [usize; 2],
    kind: cl_mem_object_type,
}

impl Image {
    /// Lays an image out with these pitches; 0 stands for the tight one.
    fn new(format: cl_image_format, desc: &cl_image_desc, row_pitch: usize, slice_pitch: usize) -> Outcome<Image> {
        let kind = desc.image_type;
        let extent = extent(desc)?;
        let element = format::element_size(format);
        let row = extent[0] * element;
        let row_pitch = pitch(row_pitch, row, element)?;
        let layered = matches!(kind, CL_MEM_OBJECT_IMAGE1D_ARRAY);
        let rows = if layered { 1 } else { extent[1] };
        let slice_pitch = pitch(slice_pitch, row_pitch.checked_mul(rows).ok_or(CL_INVALID_IMAGE_SIZE)?, row_pitch)?;
        let pitches = if layered { [slice_pitch, 0] } else { [row_pitch, slice_pitch] };
        Ok(Image { format, element, extent, pitches, kind })
    }

    /// Bytes from the first pixel to behind the last row of the last slice.
    fn size(&self) -> Outcome<usize> {
        let row = self.extent[0] * self.element;
        let size = match self.kind {
            CL_MEM_OBJECT_IMAGE1D | CL_MEM_OBJECT_IMAGE1D_BUFFER => Some(row),
            CL_MEM_OBJECT_IMAGE2D | CL_MEM_OBJECT_IMAGE1D_ARRAY => self.extent[1].checked_mul(self.pitches[0]),
            _ => self.extent[2].checked_mul(self.pitches[1]),
        };
        size.filter(|&size| size <= MAX_ALLOCATION).ok_or(CL_INVALID_IMAGE_SIZE)
    }

    /// Whether this is an array of 1D images, whose layers the second dimension counts.
    pub fn is_layered_1d(&self) -> bool {
        self.kind == CL_MEM_OBJECT_IMAGE1D_ARRAY
    }

    /// Dimensions that regions may be larger than 1 in.
    pub fn dimensions(&self) -> usize {
        match self.kind {
            CL_MEM_OBJECT_IMAGE1D | CL_MEM_OBJECT_IMAGE1D_BUFFER => 1,
            CL_MEM_OBJECT_IMAGE2D | CL_MEM_OBJECT_IMAGE1D_ARRAY => 2,
            _ => 3,
        }
    }

    /// CL_IMAGE_ROW_PITCH and CL_IMAGE_SLICE_PITCH.
    pub fn reported_pitches(&self) -> [usize; 2] {
        match self.kind {
            CL_MEM_OBJECT_IMAGE1D | CL_MEM_OBJECT_IMAGE1D_BUFFER => [self.extent[0] * self.element, 0],
            CL_MEM_OBJECT_IMAGE1D_ARRAY => [self.extent[0] * self.element, self.pitches[0]],
            CL_MEM_OBJECT_IMAGE2D => [self.pitches[0], 0],
            _ => self.pitches,
        }
    }

    fn info(&self, mem: &Ref<Mem>, param: cl_image_info, room: Room) -> Outcome<()> {
        let [width, second, third] = self.extent;
        let is = |kinds: &[cl_mem_object_type]| kinds.contains(&self.kind);
        let two_and_more = [CL_MEM_OBJECT_IMAGE2D, CL_MEM_OBJECT_IMAGE2D_ARRAY, CL_MEM_OBJECT_IMAGE3D];
        match param {
            CL_IMAGE_FORMAT => room.put(self.format),
            CL_IMAGE_ELEMENT_SIZE => room.put(self.element),
            CL_IMAGE_ROW_PITCH => room.put(self.reported_pitches()[0]),
            CL_IMAGE_SLICE_PITCH => room.put(self.reported_pitches()[1]),
            CL_IMAGE_WIDTH => room.put(width),
            CL_IMAGE_HEIGHT => room.put(if is(&two_and_more) { second } else { 0 }),
            CL_IMAGE_DEPTH => room.put(if is(&[CL_MEM_OBJECT_IMAGE3D]) { third } else { 0 }),
            CL_IMAGE_ARRAY_SIZE => room.put(match self.kind {
                CL_MEM_OBJECT_IMAGE1D_ARRAY => second,
                CL_MEM_OBJECT_IMAGE2D_ARRAY => third,
                _ => 0,
            }),
            CL_IMAGE_BUFFER => room.put(match mem.parent() {
                Some(parent) if parent.kind == CL_MEM_OBJECT_BUFFER => parent.handle(),
                _ => ptr::null_mut(),
            }),
            CL_IMAGE_NUM_MIP_LEVELS | CL_IMAGE_NUM_SAMPLES => room.put(0u32),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

fn extent(desc: &cl_image_desc) -> Outcome<[usize; 3]> {
    let (width, height) = (desc.image_width, desc.image_height);
    let (extent, most) = match desc.image_type {
        CL_MEM_OBJECT_IMAGE1D => ([width, 1, 1], [MAX_2D, 1, 1]),
        CL_MEM_OBJECT_IMAGE1D_BUFFER => ([width, 1, 1], [MAX_BUFFER_PIXELS, 1, 1]),
        CL_MEM_OBJECT_IMAGE1D_ARRAY => ([width, desc.image_array_size, 1], [MAX_2D, MAX_ARRAY, 1]),
        CL_MEM_OBJECT_IMAGE2D => ([width, height, 1], [MAX_2D, MAX_2D, 1]),
        CL_MEM_OBJECT_IMAGE2D_ARRAY => ([width, height, desc.image_array_size], [MAX_2D, MAX_2D, MAX_ARRAY]),
        CL_MEM_OBJECT_IMAGE3D => ([width, height, desc.image_depth], [MAX_3D; 3]),
        _ => return Err(CL_INVALID_IMAGE_DESCRIPTOR),
    };
    if extent.contains(&0) {
        return Err(CL_INVALID_IMAGE_SIZE);
    }
    if extent.iter().zip(most).any(|(&size, most)| size > most) {
        return Err(CL_INVALID_IMAGE_SIZE);
    }
    Ok(extent)
}

fn pitch(given: usize, tight: usize, unit: usize) -> Outcome<usize> {
    match given {
        0 => Ok(tight),
        given if given >= tight && given % unit == 0 && given <= MAX_ALLOCATION => Ok(given),
        _ => Err(CL_INVALID_IMAGE_DESCRIPTOR),
    }
}

/// # Safety
/// As for clCreateImageWithProperties.
unsafe fn new_image(
    context: cl_context,
    properties: *const cl_mem_properties,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    desc: *const cl_image_desc,
    pointer: *mut c_void,
) -> Outcome<Ref<Mem>> {
    let context: Ref<Context> = Ref::find(context)?;
    // SAFETY: the caller's promise.
    let properties = unsafe { ffi::properties(properties) }?;
    if properties.len() > 1 {
        return Err(CL_INVALID_PROPERTY);
    }
    if format.is_null() {
        return Err(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR);
    }
    if desc.is_null() {
        return Err(CL_INVALID_IMAGE_DESCRIPTOR);
    }
    // SAFETY: the caller's promise; neither is NULL.
    let (format, desc) = unsafe { (format.read(), desc.read()) };
    if desc.num_mip_levels != 0 || desc.num_samples != 0 {
        return Err(CL_INVALID_IMAGE_DESCRIPTOR);
    }
    if !desc.buffer.is_null() {
        return image_over(context, properties, flags, format, &desc, pointer);
    }
    if desc.image_type == CL_MEM_OBJECT_IMAGE1D_BUFFER {
        return Err(CL_INVALID_IMAGE_DESCRIPTOR);
    }
    let flags = check_flags(flags)?;
    format::check(format, desc.image_type)?;
    extent(&desc)?;
    let from_host = flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR) != 0;
    check_host_pointer(flags, pointer)?;
    if !from_host && (desc.image_row_pitch != 0 || desc.image_slice_pitch != 0) {
        return Err(CL_INVALID_IMAGE_DESCRIPTOR);
    }
    let theirs = Image::new(format, &desc, desc.image_row_pitch, desc.image_slice_pitch)?;
    let uses_host = flags & CL_MEM_USE_HOST_PTR != 0;
    let image = if uses_host { theirs } else { Image::new(format, &desc, 0, 0)? };
    let backing = if uses_host { Backing::Host(Place(pointer.cast())) } else { Backing::Own };
    let (kind, size) = (desc.image_type, image.size()?);
    let mem = Mem::new(Parts { context, kind, flags, size, backing, properties, image: Some(image) })?;
    if flags & CL_MEM_COPY_HOST_PTR != 0 {
        copy_in(&mem, &image, &theirs, Place(pointer.cast()));
    }
    Ok(mem)
}

/// Takes the pixels over from the host's memory, laid out as `theirs`.
fn copy_in(mem: &Mem, image: &Image, theirs: &Image, host: Place) {
    for slice in 0..image.extent[2] {
        for row in 0..image.extent[1] {
            let from = host.add(slice * theirs.pitches[1] + row * theirs.pitches[0]);
            let to = mem.base.add(slice * image.pitches[1] + row * image.pitches[0]);
            // SAFETY: the caller promises an image of this layout at the host pointer; ours was allocated for its own.
            unsafe { ptr::copy(from.0, to.0, image.extent[0] * image.element) };
        }
    }
}

/// An image whose pixels are another object's.
fn image_over(
    context: Ref<Context>,
    properties: Vec<cl_mem_properties>,
    flags: cl_mem_flags,
    format: cl_image_format,
    desc: &cl_image_desc,
    pointer: *mut c_void,
) -> Outcome<Ref<Mem>> {
    let parent: Ref<Mem> = Ref::find(desc.buffer).map_err(|_| CL_INVALID_IMAGE_DESCRIPTOR)?;
    if !parent.context.is(&context) {
        return Err(CL_INVALID_CONTEXT);
    }
    let flags = inherit_flags(&parent, flags)?;
    if !pointer.is_null() {
        return Err(CL_INVALID_HOST_PTR);
    }
    format::check(format, desc.image_type)?;
    let image = match (desc.image_type, parent.image) {
        (CL_MEM_OBJECT_IMAGE1D_BUFFER, None) => Image::new(format, desc, 0, 0)?,
        (CL_MEM_OBJECT_IMAGE2D, None) => Image::new(format, desc, desc.image_row_pitch, 0)?,
        (CL_MEM_OBJECT_IMAGE2D, Some(other)) if parent.kind == CL_MEM_OBJECT_IMAGE2D => {
            let image = Image::new(format, desc, other.pitches[0], 0)?;
            if image.extent != other.extent || image.element != other.element {
                return Err(CL_IMAGE_FORMAT_MISMATCH);
            }
            image
        }
        _ => return Err(CL_INVALID_IMAGE_DESCRIPTOR),
    };
    let (kind, size) = (desc.image_type, image.size()?);
    if size > parent.size {
        return Err(CL_INVALID_IMAGE_SIZE);
    }
    Mem::new(Parts { context, kind, flags, size, backing: Backing::Over(parent, 0), properties, image: Some(image) })
}

pub unsafe extern "C" fn create_image(
    context: cl_context,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    desc: *const cl_image_desc,
    pointer: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(new_image(context, ptr::null(), flags, format, desc, pointer), errcode_ret) }
}

pub unsafe extern "C" fn create_image_with_properties(
    context: cl_context,
    properties: *const cl_mem_properties,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    desc: *const cl_image_desc,
    pointer: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(new_image(context, properties, flags, format, desc, pointer), errcode_ret) }
}

fn old_desc(image_type: cl_mem_object_type, width: usize, height: usize, depth: usize) -> cl_image_desc {
    cl_image_desc {
        image_type,
        image_width: width,
        image_height: height,
        image_depth: depth,
        image_array_size: 0,
        image_row_pitch: 0,
        image_slice_pitch: 0,
        num_mip_levels: 0,
        num_samples: 0,
        buffer: ptr::null_mut(),
    }
}

/// clCreateImage2D and 3D have one code for all that can be wrong with sizes and pitches.
fn old_code(outcome: Outcome<Ref<Mem>>) -> Outcome<Ref<Mem>> {
    outcome.map_err(|code| if code == CL_INVALID_IMAGE_DESCRIPTOR { CL_INVALID_IMAGE_SIZE } else { code })
}

pub unsafe extern "C" fn create_image_2d(
    context: cl_context,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    width: usize,
    height: usize,
    row_pitch: usize,
    pointer: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    let desc = cl_image_desc { image_row_pitch: row_pitch, ..old_desc(CL_MEM_OBJECT_IMAGE2D, width, height, 0) };
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(old_code(new_image(context, ptr::null(), flags, format, &desc, pointer)), errcode_ret) }
}

pub unsafe extern "C" fn create_image_3d(
    context: cl_context,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    width: usize,
    height: usize,
    depth: usize,
    row_pitch: usize,
    slice_pitch: usize,
    pointer: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    let desc = cl_image_desc {
        image_row_pitch: row_pitch,
        image_slice_pitch: slice_pitch,
        ..old_desc(CL_MEM_OBJECT_IMAGE3D, width, height, depth)
    };
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(old_code(new_image(context, ptr::null(), flags, format, &desc, pointer)), errcode_ret) }
}

pub unsafe extern "C" fn get_supported_image_formats(
    context: cl_context,
    flags: cl_mem_flags,
    image_type: cl_mem_object_type,
    entries: cl_uint,
    formats: *mut cl_image_format,
    found: *mut cl_uint,
) -> cl_int {
    code(Ref::find(context).and_then(|_: Ref<Context>| {
        check_flags(flags & !CL_MEM_KERNEL_READ_AND_WRITE)?;
        let known = (CL_MEM_OBJECT_IMAGE2D..=CL_MEM_OBJECT_IMAGE1D_BUFFER).contains(&image_type);
        if !known || (entries == 0 && !formats.is_null()) {
            return Err(CL_INVALID_VALUE);
        }
        let all = format::supported(image_type);
        if !formats.is_null() {
            for (index, format) in all.iter().take(entries as usize).enumerate() {
                // SAFETY: the caller's promise (see `ffi`): room for `entries`.
                unsafe { formats.add(index).write(*format) };
            }
        }
        // SAFETY: as above.
        unsafe { ffi::put(found, all.len() as cl_uint) };
        Ok(())
    }))
}

pub unsafe extern "C" fn get_image_info(
    image: cl_mem,
    param: cl_image_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(image).and_then(|mem: Ref<Mem>| {
        let image = mem.image.ok_or(CL_INVALID_MEM_OBJECT)?;
        image.info(&mem, param, room)
    }))
}
