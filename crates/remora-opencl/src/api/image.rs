//! Images.

use std::ffi::c_void;
use std::sync::{Arc, PoisonError};

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::{CreateImage, GetSupportedImageFormats, ImageFormats};
use remora_protocol::{Handle, Kind};

use crate::api::context::Context;
use crate::api::mem::{empty_properties, part_flags};
use crate::error::{Error, Result, check, ensure};
use crate::image::{Image, element_size};
use crate::info::{Answer, list};
use crate::mem::{Contents, Description, Mem, check_flags, check_host_pointer, create};
use crate::object::{Remote, get, pointer_of, publish, share};

/// # Safety
/// As clCreateImage.
pub unsafe fn create_image(
    context: cl_context,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    description: *const cl_image_desc,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    // SAFETY: passed on to the caller.
    unsafe { create_image_with_properties(context, std::ptr::null(), flags, format, description, host_ptr) }
}

/// # Safety
/// As clCreateImageWithProperties.
pub unsafe fn create_image_with_properties(
    context: cl_context,
    properties: *const cl_mem_properties,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    description: *const cl_image_desc,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    // SAFETY: passed on to the caller.
    let (context, properties): (Arc<Context>, _) = unsafe { (share(context)?, empty_properties(properties)?) };
    ensure(!format.is_null(), CL_INVALID_IMAGE_FORMAT_DESCRIPTOR)?;
    ensure(!description.is_null(), CL_INVALID_IMAGE_DESCRIPTOR)?;
    // SAFETY: the program gives valid pointers or NULL.
    let (format, description, parent) = unsafe {
        let description = description.read();
        (format.read(), description, description.buffer)
    };
    // SAFETY: passed on to the caller.
    let parent = if parent.is_null() {
        None
    } else {
        // SAFETY: passed on to the caller.
        Some(unsafe { share::<Mem>(parent) }.map_err(|_| Error(CL_INVALID_IMAGE_DESCRIPTOR))?)
    };
    let request = Request { context, properties, flags, format, host_ptr, parent };
    request.create(&description)
}

struct Request {
    context: Arc<Context>,
    properties: Vec<cl_mem_properties>,
    flags: cl_mem_flags,
    format: cl_image_format,
    host_ptr: *mut c_void,
    parent: Option<Arc<Mem>>,
}

impl Request {
    fn create(self, description: &cl_image_desc) -> Result<cl_mem> {
        let Self { context, properties, flags, format, host_ptr, parent } = self;
        let flags = match &parent {
            Some(parent) => part_flags(parent.flags, flags)?,
            None => check_flags(flags)?,
        };
        let element = element_size(&format).ok_or(Error(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR))?;
        ensure(context.any(CL_DEVICE_IMAGE_SUPPORT), CL_INVALID_OPERATION)?;
        let mut image = shape(&context, description, format, element, parent.as_deref())?;
        if parent.is_some() {
            ensure(host_ptr.is_null(), CL_INVALID_HOST_PTR)?;
        } else {
            check_host_pointer(flags, host_ptr)?;
            pitches(&mut image, description, !host_ptr.is_null())?;
        }
        let supported = formats(&context, flags & !CL_MEM_USE_HOST_PTR, image.image_type)?;
        let wanted = [format.image_channel_order, format.image_channel_data_type];
        ensure(supported.contains(&wanted), CL_IMAGE_FORMAT_NOT_SUPPORTED)?;

        let session = Arc::clone(context.session());
        let extent = image.extent();
        let given = if host_ptr.is_null() {
            None
        } else {
            let host = image.host_area(host_ptr.cast(), extent, image.row_pitch, image.slice_pitch)?;
            Some((image.area([0; 3], extent), host))
        };
        let bytes = extent.iter().try_fold(element, |bytes, length| bytes.checked_mul(*length));
        let bytes = bytes.ok_or(Error(CL_INVALID_IMAGE_SIZE))?;
        let handle = session.mint(Kind::Mem);
        let mut needs = Needs::default();
        context.remote.needed_by(&mut needs);
        if let Some(parent) = &parent {
            parent.remote.needed_by(&mut needs);
        }
        let over_buffer = parent.is_some();
        let charged = if over_buffer { 0 } else { bytes as u64 };
        let credit = if session.take_credit(charged) { charged } else { 0 };
        let own = flags & CL_MEM_USE_HOST_PTR == 0;
        // Devices with memory of their own have better places for images than the host's.
        let contents = Contents::new(&context, handle, flags, bytes, context.on_cpus() && !over_buffer, given);
        let pointer = CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR;
        // With a store the worker gives the driver a host pointer of its own.
        let made = if over_buffer || contents.store.is_some() { pointer } else { pointer & !CL_MEM_ALLOC_HOST_PTR };
        let created = create(
            &session,
            &needs,
            handle,
            // What can be made of another object only the driver knows.
            credit < charged || over_buffer,
            contents.initial,
            CreateImage {
                mem: handle,
                context: context.remote.handle,
                flags: flags & !made,
                order: format.image_channel_order,
                data_type: format.image_channel_data_type,
                image_type: image.image_type,
                width: image.width as u64,
                height: image.height as u64,
                depth: image.depth as u64,
                array_size: image.array_size as u64,
                row_pitch: if over_buffer { description.image_row_pitch as u64 } else { 0 },
                slice_pitch: 0,
                mip_levels: 0,
                samples: 0,
                parent: parent.as_ref().map_or(Handle::NONE, |parent| parent.remote.handle),
                store: contents.offset(),
            },
        );
        let created = created.inspect_err(|_| session.return_credit(credit))?;
        let description = Description {
            object_type: image.image_type,
            flags,
            size: image.size().ok_or(Error(CL_INVALID_IMAGE_SIZE))?,
            host: if own { std::ptr::null_mut() } else { host_ptr.cast() },
            svm: None,
            parent,
            origin: 0,
            image: Some(image),
            pipe: None,
            store: contents.store,
            host_memory: contents.host_memory,
            properties,
            credit,
        };
        Ok(publish(Mem::new(Remote { session, handle, created }, context, description)))
    }
}

/// The image that a descriptor describes, if the devices can have one.
fn shape(
    context: &Context,
    description: &cl_image_desc,
    format: cl_image_format,
    element: usize,
    parent: Option<&Mem>,
) -> Result<Image> {
    ensure(description.num_mip_levels == 0 && description.num_samples == 0, CL_INVALID_IMAGE_DESCRIPTOR)?;
    let (width, height) = (description.image_width, description.image_height);
    let (depth, layers) = (description.image_depth, description.image_array_size);
    let limit = |param| usize::try_from(context.limit(param)).unwrap_or(usize::MAX);
    let within =
        |value: usize, most: usize| -> Result<()> { ensure(value > 0 && value <= most, CL_INVALID_IMAGE_SIZE) };
    let (wide, high) = (limit(CL_DEVICE_IMAGE2D_MAX_WIDTH), limit(CL_DEVICE_IMAGE2D_MAX_HEIGHT));
    let image_type = description.image_type;
    match image_type {
        CL_MEM_OBJECT_IMAGE1D => within(width, wide)?,
        CL_MEM_OBJECT_IMAGE1D_BUFFER => within(width, limit(CL_DEVICE_IMAGE_MAX_BUFFER_SIZE))?,
        CL_MEM_OBJECT_IMAGE1D_ARRAY => {
            within(width, wide)?;
            within(layers, limit(CL_DEVICE_IMAGE_MAX_ARRAY_SIZE))?;
        }
        CL_MEM_OBJECT_IMAGE2D | CL_MEM_OBJECT_IMAGE2D_ARRAY => {
            within(width, wide)?;
            within(height, high)?;
            if image_type == CL_MEM_OBJECT_IMAGE2D_ARRAY {
                within(layers, limit(CL_DEVICE_IMAGE_MAX_ARRAY_SIZE))?;
            }
        }
        CL_MEM_OBJECT_IMAGE3D => {
            within(width, limit(CL_DEVICE_IMAGE3D_MAX_WIDTH))?;
            within(height, limit(CL_DEVICE_IMAGE3D_MAX_HEIGHT))?;
            within(depth, limit(CL_DEVICE_IMAGE3D_MAX_DEPTH))?;
        }
        _ => return Err(Error(CL_INVALID_IMAGE_DESCRIPTOR)),
    }
    let mut image = Image {
        format,
        element,
        image_type,
        width,
        height: if matches!(image_type, CL_MEM_OBJECT_IMAGE2D | CL_MEM_OBJECT_IMAGE2D_ARRAY | CL_MEM_OBJECT_IMAGE3D) {
            height
        } else {
            0
        },
        depth: if image_type == CL_MEM_OBJECT_IMAGE3D { depth } else { 0 },
        array_size: if matches!(image_type, CL_MEM_OBJECT_IMAGE1D_ARRAY | CL_MEM_OBJECT_IMAGE2D_ARRAY) {
            layers
        } else {
            0
        },
        row_pitch: width * element,
        slice_pitch: 0,
    };
    match (image_type, parent) {
        (CL_MEM_OBJECT_IMAGE1D_BUFFER, Some(parent)) => {
            ensure(parent.is_buffer(), CL_INVALID_IMAGE_DESCRIPTOR)?;
            ensure(image.row_pitch <= parent.size, CL_INVALID_IMAGE_SIZE)?;
        }
        (CL_MEM_OBJECT_IMAGE1D_BUFFER, None) => return Err(Error(CL_INVALID_IMAGE_DESCRIPTOR)),
        (CL_MEM_OBJECT_IMAGE2D, Some(parent)) if parent.is_buffer() => {
            let pitch = description.image_row_pitch;
            image.row_pitch = if pitch == 0 { image.row_pitch } else { pitch };
            ensure(image.row_pitch >= width * element, CL_INVALID_IMAGE_DESCRIPTOR)?;
            let needed = image.row_pitch.checked_mul(height).ok_or(Error(CL_INVALID_IMAGE_SIZE))?;
            ensure(needed <= parent.size, CL_INVALID_IMAGE_SIZE)?;
        }
        (CL_MEM_OBJECT_IMAGE2D, Some(parent)) => ensure(parent.image.is_some(), CL_INVALID_IMAGE_DESCRIPTOR)?,
        (_, None) => {}
        (_, Some(_)) => return Err(Error(CL_INVALID_IMAGE_DESCRIPTOR)),
    }
    image.slice_pitch = if image.has_slices() { image.row_pitch * image.height.max(1) } else { 0 };
    Ok(image)
}

/// Takes the pitches of the program's host pointer.
fn pitches(image: &mut Image, description: &cl_image_desc, with_pointer: bool) -> Result<()> {
    let (row, slice) = (description.image_row_pitch, description.image_slice_pitch);
    if !with_pointer {
        return ensure(row == 0 && slice == 0, CL_INVALID_IMAGE_DESCRIPTOR);
    }
    let invalid = Error(CL_INVALID_IMAGE_DESCRIPTOR);
    if row != 0 {
        ensure(row >= image.row_pitch && row.checked_rem(image.element) == Some(0), CL_INVALID_IMAGE_DESCRIPTOR)?;
        image.row_pitch = row;
    }
    if image.has_slices() {
        let tight = image.row_pitch.checked_mul(image.height.max(1)).ok_or(invalid)?;
        image.slice_pitch = if slice == 0 { tight } else { slice };
        let valid = image.slice_pitch >= tight && image.slice_pitch.checked_rem(image.row_pitch) == Some(0);
        ensure(valid, CL_INVALID_IMAGE_DESCRIPTOR)?;
    }
    Ok(())
}

/// The formats that the driver supports, asked for once per kind of image.
fn formats(context: &Context, flags: cl_mem_flags, image_type: cl_mem_object_type) -> Result<Arc<[[u32; 2]]>> {
    let access = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY | CL_MEM_KERNEL_READ_AND_WRITE;
    // That is what no flag means, but not every driver says so here (NVIDIA's 580 doesn't).
    let key = (if flags & access == 0 { CL_MEM_READ_WRITE } else { flags & access }, image_type);
    let known = || context.formats.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, formats)) = known().iter().find(|(known, _)| *known == key) {
        return Ok(Arc::clone(formats));
    }
    let session = context.session();
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let command = GetSupportedImageFormats { context: context.remote.handle, flags: key.0, image_type };
    let (_, answer) = session.call(session.objects(), &command, &needs, None)?;
    let reply: ImageFormats = answer.decode()?;
    check(reply.code)?;
    let formats: Arc<[[u32; 2]]> = reply.formats.into();
    known().push((key, Arc::clone(&formats)));
    Ok(formats)
}

/// # Safety
/// As clCreateImage2D.
pub unsafe fn create_image2d(
    context: cl_context,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    width: usize,
    height: usize,
    row_pitch: usize,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    let description = description(CL_MEM_OBJECT_IMAGE2D, [width, height, 0], [row_pitch, 0]);
    // SAFETY: passed on to the caller.
    unsafe { create_image(context, flags, format, &description, host_ptr) }.map_err(as_size)
}

/// # Safety
/// As clCreateImage3D.
#[allow(clippy::too_many_arguments)]
pub unsafe fn create_image3d(
    context: cl_context,
    flags: cl_mem_flags,
    format: *const cl_image_format,
    width: usize,
    height: usize,
    depth: usize,
    row_pitch: usize,
    slice_pitch: usize,
    host_ptr: *mut c_void,
) -> Result<cl_mem> {
    ensure(depth > 1, CL_INVALID_IMAGE_SIZE)?;
    let description = description(CL_MEM_OBJECT_IMAGE3D, [width, height, depth], [row_pitch, slice_pitch]);
    // SAFETY: passed on to the caller.
    unsafe { create_image(context, flags, format, &description, host_ptr) }.map_err(as_size)
}

/// The OpenCL 1.1 creators have no descriptor to call invalid.
fn as_size(error: Error) -> Error {
    if error.code() == CL_INVALID_IMAGE_DESCRIPTOR { Error(CL_INVALID_IMAGE_SIZE) } else { error }
}

fn description(image_type: cl_mem_object_type, size: [usize; 3], pitches: [usize; 2]) -> cl_image_desc {
    // SAFETY: all fields are numbers or pointers, for which zero is a value.
    let mut description: cl_image_desc = unsafe { std::mem::zeroed() };
    description.image_type = image_type;
    [description.image_width, description.image_height, description.image_depth] = size;
    [description.image_row_pitch, description.image_slice_pitch] = pitches;
    description
}

/// # Safety
/// As clGetSupportedImageFormats.
pub unsafe fn get_supported_image_formats(
    context: cl_context,
    flags: cl_mem_flags,
    image_type: cl_mem_object_type,
    num_entries: cl_uint,
    out: *mut cl_image_format,
    num_formats: *mut cl_uint,
) -> Result<()> {
    // SAFETY: passed on to the caller.
    let context: &Context = unsafe { get(context) }?;
    let flags = check_flags(flags)?;
    let known = [
        CL_MEM_OBJECT_IMAGE1D,
        CL_MEM_OBJECT_IMAGE1D_BUFFER,
        CL_MEM_OBJECT_IMAGE1D_ARRAY,
        CL_MEM_OBJECT_IMAGE2D,
        CL_MEM_OBJECT_IMAGE2D_ARRAY,
        CL_MEM_OBJECT_IMAGE3D,
    ];
    ensure(known.contains(&image_type), CL_INVALID_VALUE)?;
    ensure(num_entries > 0 || out.is_null(), CL_INVALID_VALUE)?;
    let format = |pair: &[u32; 2]| cl_image_format { image_channel_order: pair[0], image_channel_data_type: pair[1] };
    let formats: Vec<cl_image_format> = formats(context, flags, image_type)?.iter().map(format).collect();
    if out.is_null() && num_formats.is_null() {
        return Ok(());
    }
    // SAFETY: passed on to the caller.
    unsafe { list(&formats, num_entries, out, num_formats) }
}

/// # Safety
/// As clGetImageInfo.
pub unsafe fn get_image_info(
    image: cl_mem,
    param_name: cl_image_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let mem: &Mem = get(image)?;
        let image = mem.image.as_ref().ok_or(Error(CL_INVALID_MEM_OBJECT))?;
        match param_name {
            CL_IMAGE_FORMAT => answer.value([image.format.image_channel_order, image.format.image_channel_data_type]),
            CL_IMAGE_ELEMENT_SIZE => answer.value(image.element),
            CL_IMAGE_ROW_PITCH => answer.value(image.row_pitch),
            CL_IMAGE_SLICE_PITCH => answer.value(image.slice_pitch),
            CL_IMAGE_WIDTH => answer.value(image.width),
            CL_IMAGE_HEIGHT => answer.value(image.height),
            CL_IMAGE_DEPTH => answer.value(image.depth),
            CL_IMAGE_ARRAY_SIZE => answer.value(image.array_size),
            CL_IMAGE_BUFFER => {
                let buffer = mem.parent.as_ref().filter(|parent| parent.is_buffer());
                answer.value(buffer.map_or(std::ptr::null_mut(), |buffer| pointer_of(&**buffer)))
            }
            CL_IMAGE_NUM_MIP_LEVELS | CL_IMAGE_NUM_SAMPLES => answer.value(0 as cl_uint),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}
