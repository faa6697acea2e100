//! Samplers.

use super::context::Context;
use super::ffi::{self, Outcome, Room, code};
use super::pool::{self, Ref, object};
use opencl_sys::*;
use std::ffi::c_void;

pub struct Sampler {
    pub context: Ref<Context>,
    normalized: bool,
    addressing: cl_addressing_mode,
    filter: cl_filter_mode,
    /// What clCreateSamplerWithProperties got.
    properties: Vec<cl_sampler_properties>,
}

object!(Sampler, 8, CL_INVALID_SAMPLER);

fn create(
    context: cl_context,
    normalized: u64,
    addressing: u64,
    filter: u64,
    properties: Vec<cl_sampler_properties>,
) -> Outcome<Ref<Sampler>> {
    let context = Ref::find(context)?;
    let addressing = cl_addressing_mode::try_from(addressing).map_err(|_| CL_INVALID_VALUE)?;
    let filter = cl_filter_mode::try_from(filter).map_err(|_| CL_INVALID_VALUE)?;
    let known = (CL_ADDRESS_NONE..=CL_ADDRESS_MIRRORED_REPEAT).contains(&addressing)
        && (CL_FILTER_NEAREST..=CL_FILTER_LINEAR).contains(&filter)
        && normalized <= 1;
    if !known {
        return Err(CL_INVALID_VALUE);
    }
    Ref::new(Sampler { context, normalized: normalized == 1, addressing, filter, properties })
}

impl Ref<Sampler> {
    fn info(&self, param: cl_sampler_info, room: Room) -> Outcome<()> {
        match param {
            CL_SAMPLER_REFERENCE_COUNT => room.put(self.count()),
            CL_SAMPLER_CONTEXT => room.put(self.context.handle()),
            CL_SAMPLER_NORMALIZED_COORDS => room.flag(self.normalized),
            CL_SAMPLER_ADDRESSING_MODE => room.put(self.addressing),
            CL_SAMPLER_FILTER_MODE => room.put(self.filter),
            CL_SAMPLER_PROPERTIES => room.list(&self.properties),
            _ => Err(CL_INVALID_VALUE),
        }
    }
}

pub unsafe extern "C" fn create_sampler(
    context: cl_context,
    normalized: cl_bool,
    addressing: cl_addressing_mode,
    filter: cl_filter_mode,
    errcode_ret: *mut cl_int,
) -> cl_sampler {
    let made = create(context, normalized.into(), addressing.into(), filter.into(), Vec::new());
    // SAFETY: the caller's promise (see `ffi`).
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn create_sampler_with_properties(
    context: cl_context,
    properties: *const cl_sampler_properties,
    errcode_ret: *mut cl_int,
) -> cl_sampler {
    let made = (|| {
        // SAFETY: the caller's promise (see `ffi`).
        let list = unsafe { ffi::properties(properties) }?;
        let (mut normalized, mut addressing, mut filter) = (None, None, None);
        for (name, value) in ffi::pairs(&list) {
            let place = match cl_sampler_info::try_from(name) {
                Ok(CL_SAMPLER_NORMALIZED_COORDS) => &mut normalized,
                Ok(CL_SAMPLER_ADDRESSING_MODE) => &mut addressing,
                Ok(CL_SAMPLER_FILTER_MODE) => &mut filter,
                _ => return Err(CL_INVALID_VALUE),
            };
            if place.replace(value).is_some() {
                return Err(CL_INVALID_VALUE);
            }
        }
        let addressing = addressing.unwrap_or(CL_ADDRESS_CLAMP.into());
        create(context, normalized.unwrap_or(1), addressing, filter.unwrap_or(CL_FILTER_NEAREST.into()), list)
    })();
    // SAFETY: as above.
    unsafe { ffi::created(made, errcode_ret) }
}

pub unsafe extern "C" fn retain_sampler(sampler: cl_sampler) -> cl_int {
    code(pool::retain::<Sampler>(sampler))
}

pub unsafe extern "C" fn release_sampler(sampler: cl_sampler) -> cl_int {
    code(pool::release::<Sampler>(sampler))
}

pub unsafe extern "C" fn get_sampler_info(
    sampler: cl_sampler,
    param: cl_sampler_info,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the caller's promise (see `ffi`).
    let room = unsafe { Room::new(size, value, size_ret) };
    code(Ref::find(sampler).and_then(|sampler: Ref<Sampler>| sampler.info(param, room)))
}
