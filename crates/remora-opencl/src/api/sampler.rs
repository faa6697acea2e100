//! Samplers.

use std::ffi::c_void;
use std::sync::Arc;

use opencl_sys::*;
use remora_client::Needs;
use remora_protocol::opencl::CreateSampler;
use remora_protocol::{Kind, List};

use crate::api::context::Context;
use crate::error::{Error, Result, ensure};
use crate::info::Answer;
use crate::object::{Object, Remote, ShellRef, get, pointer_of, publish, references, release, retain, share};

/// A sampler of the program.
pub(crate) struct Sampler {
    pub(crate) remote: Remote,
    pub(crate) context: Arc<Context>,
    normalized: cl_bool,
    addressing: cl_addressing_mode,
    filter: cl_filter_mode,
    properties: Vec<cl_sampler_properties>,
    shell: ShellRef,
}

impl Object for Sampler {
    const KIND: u32 = 0x5341_4d50;
    const INVALID: cl_int = CL_INVALID_SAMPLER;
    fn shell(&self) -> &ShellRef {
        &self.shell
    }
}

/// # Safety
/// As clCreateSampler.
pub unsafe fn create_sampler(
    context: cl_context,
    normalized: cl_bool,
    addressing: cl_addressing_mode,
    filter: cl_filter_mode,
) -> Result<cl_sampler> {
    // SAFETY: passed on to the caller.
    create(unsafe { share(context) }?, normalized, addressing, filter, Vec::new())
}

/// # Safety
/// As clCreateSamplerWithProperties.
pub unsafe fn create_sampler_with_properties(
    context: cl_context,
    list: *const cl_sampler_properties,
) -> Result<cl_sampler> {
    // SAFETY: passed on to the caller.
    let context: Arc<Context> = unsafe { share(context) }?;
    let (mut normalized, mut addressing, mut filter) = (CL_TRUE, CL_ADDRESS_CLAMP, CL_FILTER_NEAREST);
    let (mut all, mut seen) = (Vec::new(), Vec::new());
    if !list.is_null() {
        for place in (0..).step_by(2) {
            // SAFETY: the program ends its list with a 0 in a name's place.
            let name = unsafe { *list.add(place) };
            all.push(name);
            if name == 0 {
                break;
            }
            // SAFETY: a value follows each name.
            let value = unsafe { *list.add(place + 1) };
            all.push(value);
            ensure(!seen.contains(&name), CL_INVALID_VALUE)?;
            seen.push(name);
            match name as u32 {
                CL_SAMPLER_NORMALIZED_COORDS => normalized = value as cl_bool,
                CL_SAMPLER_ADDRESSING_MODE => addressing = value as cl_addressing_mode,
                CL_SAMPLER_FILTER_MODE => filter = value as cl_filter_mode,
                _ => return Err(Error(CL_INVALID_VALUE)),
            }
        }
    }
    create(context, normalized, addressing, filter, all)
}

fn create(
    context: Arc<Context>,
    normalized: cl_bool,
    addressing: cl_addressing_mode,
    filter: cl_filter_mode,
    properties: Vec<cl_sampler_properties>,
) -> Result<cl_sampler> {
    ensure(normalized == CL_TRUE || normalized == CL_FALSE, CL_INVALID_VALUE)?;
    ensure((CL_ADDRESS_NONE..=CL_ADDRESS_MIRRORED_REPEAT).contains(&addressing), CL_INVALID_VALUE)?;
    ensure(filter == CL_FILTER_NEAREST || filter == CL_FILTER_LINEAR, CL_INVALID_VALUE)?;
    let repeats = addressing == CL_ADDRESS_REPEAT || addressing == CL_ADDRESS_MIRRORED_REPEAT;
    ensure(!repeats || normalized == CL_TRUE, CL_INVALID_VALUE)?;
    ensure(context.any(CL_DEVICE_IMAGE_SUPPORT), CL_INVALID_OPERATION)?;
    let session = Arc::clone(context.session());
    let handle = session.mint(Kind::Sampler);
    let for_driver = properties.split_last().map_or(&[][..], |(_, rest)| rest);
    let command = CreateSampler {
        sampler: handle,
        context: context.remote.handle,
        normalized,
        addressing,
        filter,
        properties: List::new(for_driver),
    };
    let mut needs = Needs::default();
    context.remote.needed_by(&mut needs);
    let created = session.send(session.objects(), &command, &needs, None)?;
    let remote = Remote { session, handle, created };
    let shell = ShellRef::default();
    Ok(publish(Arc::new(Sampler { remote, context, normalized, addressing, filter, properties, shell })))
}

/// # Safety
/// As clRetainSampler.
pub unsafe fn retain_sampler(sampler: cl_sampler) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { retain::<Sampler>(sampler) }
}

/// # Safety
/// As clReleaseSampler.
pub unsafe fn release_sampler(sampler: cl_sampler) -> Result<()> {
    // SAFETY: passed on to the caller.
    unsafe { release::<Sampler>(sampler) }
}

/// # Safety
/// As clGetSamplerInfo.
pub unsafe fn get_sampler_info(
    sampler: cl_sampler,
    param_name: cl_sampler_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Result<()> {
    let answer = Answer { size, value, size_ret };
    // SAFETY: passed on to the caller.
    unsafe {
        let sampler: &Sampler = get(sampler)?;
        match param_name {
            CL_SAMPLER_REFERENCE_COUNT => answer.value(references(sampler)),
            CL_SAMPLER_CONTEXT => answer.value(pointer_of(&*sampler.context)),
            CL_SAMPLER_NORMALIZED_COORDS => answer.value(sampler.normalized),
            CL_SAMPLER_ADDRESSING_MODE => answer.value(sampler.addressing),
            CL_SAMPLER_FILTER_MODE => answer.value(sampler.filter),
            CL_SAMPLER_PROPERTIES => answer.values(&sampler.properties),
            _ => Err(Error(CL_INVALID_VALUE)),
        }
    }
}
