//! Functions -> the worker's `generated/`: the table of the driver's functions, and the calls of uniform commands.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::emit_front::origin;
use crate::emit_messages::ident;
use crate::functions::{Function, Passes};
use crate::text::safety;

/// `driver.rs`: the driver's functions.
#[must_use]
pub fn driver(functions: &[Function]) -> TokenStream {
    let (core, added): (Vec<_>, Vec<_>) =
        functions.iter().filter(|function| is_called(function)).partition(|function| function.is_core());
    let (fields, loads) = (core.iter().map(|function| field(function)), core.iter().map(|function| load(function)));
    let (added_fields, added_loads) =
        (added.iter().map(|function| field(function)), added.iter().map(|function| load(function)));
    let names = added.iter().map(|function| &function.name);
    quote! {
        //! The functions of an OpenCL driver.
        #![allow(non_snake_case, clippy::type_complexity)]
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use std::ffi::{CStr, c_int, c_void};

        use libc::size_t;
        use opencl_sys::cl_icd::*;
        use opencl_sys::*;

        /// The functions of a driver; `None` where it lacks one.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct Functions { #(#fields,)* }

        impl Functions {
            /// Fills the table with what `lookup` finds.
            ///
            /// # Safety
            /// What `lookup` returns is null or the address of the function of that name, which stays loaded.
            #[must_use]
            pub unsafe fn load(mut lookup: impl FnMut(&CStr) -> *const c_void) -> Self {
                Self { #(#loads,)* }
            }
        }

        /// Functions of extensions, which each platform has of its own; `None` where it lacks one.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct Extensions { #(#added_fields,)* }

        impl Extensions {
            /// Fills the table with what `lookup` finds; `version` says which version of an extension the platform has, as
            /// CL_MAKE_VERSION makes it, and 0 for none.
            ///
            /// # Safety
            /// What `lookup` returns is null or the address of the function of that name, as that version has it, which
            /// stays loaded.
            #[must_use]
            pub unsafe fn load(mut lookup: impl FnMut(&CStr) -> *const c_void, version: impl Fn(&str) -> u32) -> Self {
                Self { #(#added_loads,)* }
            }
        }

        /// Their names.
        pub const EXTENSION_FUNCTIONS: &[&str] = &[#(#names),*];
    }
}

/// A loader's own functions are no driver's.
fn is_called(function: &Function) -> bool {
    function.is_exported() && function.since != "cl_khr_icd"
}

fn field(function: &Function) -> TokenStream {
    let (name, ty) = (ident(&function.name), type_of(function));
    let doc = format!(" {}.", origin(function));
    let before = function.changed().map(|changed| {
        let (name, ty) = (ident(&function.name_before()), signature(function, changed));
        quote!(, #[doc = " As it was before parameters were added."] pub #name: #ty)
    });
    quote!(#[doc = #doc] pub #name: #ty #before)
}

fn type_of(function: &Function) -> TokenStream {
    let alias = ident(&format!("{}_t", function.name));
    if function.is_core() { quote!(#alias) } else { signature(function, u32::MAX) }
}

/// The type of a function without the parameters that `version` of its extension added.
fn signature(function: &Function, version: u32) -> TokenStream {
    let params = function.params.iter().filter(|param| param.from < version).map(|param| {
        let (name, ty) = (ident(&param.name), &param.ty);
        quote!(#name: #ty)
    });
    let returns = function.returns.as_ref().map(|ty| quote!(-> #ty));
    quote!(Option<unsafe extern "C" fn(#(#params),*) #returns>)
}

fn load(function: &Function) -> TokenStream {
    let title = Literal::c_string(&std::ffi::CString::new(function.name.as_str()).unwrap_or_default());
    let safety = safety("the caller vouches that the address is null or that of this very function");
    let found = |name: &str, ty: TokenStream, lookup: TokenStream| {
        let name = ident(name);
        quote!(#name: { #safety unsafe { std::mem::transmute::<*const c_void, #ty>(#lookup) } })
    };
    let Some(changed) = function.changed() else {
        return found(&function.name, type_of(function), quote!(lookup(#title)));
    };
    let (since, limit) = (&function.since, Literal::u32_unsuffixed(changed));
    let null = quote!(std::ptr::null());
    let now = quote!(if version(#since) < #limit { #null } else { lookup(#title) });
    let before = quote!(if version(#since) < #limit { lookup(#title) } else { #null });
    let now = found(&function.name, type_of(function), now);
    let before = found(&function.name_before(), signature(function, changed), before);
    quote!(#now, #before)
}

/// `uniform.rs`: the driver's calls for uniform commands.
#[must_use]
pub fn uniform(functions: &[Function]) -> TokenStream {
    let arms = functions.iter().filter(|function| function.uniform.is_some()).map(|function| {
        let (name, message) = (ident(&function.name), ident(&function.messages()[0]));
        let arguments = arguments(function);
        let safety = safety("the caller vouches for queue, objects and events; the arrays outlive the call");
        quote! {
            CommandMessage::#message(message) => {
                let Some(call) = functions.#name else { return Err(CL_INVALID_OPERATION) };
                #safety
                unsafe { call(queue, #(#arguments,)* count, list, event) }
            }
        }
    });
    let recorded = functions.iter().filter(|function| function.records.is_some()).map(|function| {
        let message = ident(function.records.as_deref().unwrap_or_default());
        let (now, before) = (ident(&function.name), ident(&function.name_before()));
        let (with, without) = (arguments(function), arguments(function));
        let safety = safety("the caller vouches for the objects; the arrays outlive the call");
        quote! {
            CommandMessage::#message(message) => {
                #safety
                unsafe {
                    match (functions.#now, functions.#before) {
                        (Some(call), _) => {
                            call(buffer, queue, properties, #(#with,)* count, list, sync_point, handle)
                        }
                        (None, Some(call)) => call(buffer, queue, #(#without,)* count, list, sync_point, handle),
                        (None, None) => CL_INVALID_OPERATION,
                    }
                }
            }
        }
    });
    quote! {
        //! The driver's calls for queue commands that do nothing but pass their arguments on.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use opencl_sys::*;
        use remora_protocol::Handle;
        use remora_protocol::opencl::CommandMessage;

        use super::driver::{Extensions, Functions};

        /// Executes `message` on `queue` if it is a uniform command; `Ok(false)` if it is another.
        ///
        /// `mem` finds the driver's object, or says the code of not having it. `event` may be null.
        ///
        /// # Errors
        /// The code of `mem` or of the driver.
        ///
        /// # Safety
        /// `queue`, `wait` and what `mem` returns are objects of the driver whose functions these are, and `event` is null
        /// or can be written.
        pub unsafe fn execute(
            functions: &Functions,
            queue: cl_command_queue,
            message: &CommandMessage<'_>,
            mut mem: impl FnMut(Handle) -> Result<cl_mem, cl_int>,
            wait: &[cl_event],
            event: *mut cl_event,
        ) -> Result<bool, cl_int> {
            let count = cl_uint::try_from(wait.len()).map_err(|_| CL_INVALID_EVENT_WAIT_LIST)?;
            let list = if wait.is_empty() { std::ptr::null() } else { wait.as_ptr() };
            let code = match message {
                #(#arms)*
                _ => return Ok(false),
            };
            if code == CL_SUCCESS { Ok(true) } else { Err(code) }
        }

        /// Records `message` in `buffer` if it is a uniform command that can be recorded; `Ok(false)` if it is another.
        ///
        /// `mem` finds the driver's object, or says the code of not having it.
        ///
        /// # Errors
        /// The code of `mem` or of the driver.
        ///
        /// # Safety
        /// `buffer` and what `mem` returns are objects of the driver whose functions these are, and `sync_point` can be
        /// written.
        pub unsafe fn record(
            functions: &Extensions,
            buffer: cl_command_buffer_khr,
            message: &CommandMessage<'_>,
            mut mem: impl FnMut(Handle) -> Result<cl_mem, cl_int>,
            wait: &[cl_sync_point_khr],
            sync_point: *mut cl_sync_point_khr,
        ) -> Result<bool, cl_int> {
            let count = cl_uint::try_from(wait.len()).map_err(|_| CL_INVALID_SYNC_POINT_WAIT_LIST_KHR)?;
            let list = if wait.is_empty() { std::ptr::null() } else { wait.as_ptr() };
            let (queue, properties, handle) = (std::ptr::null_mut(), std::ptr::null(), std::ptr::null_mut());
            let code = match message {
                #(#recorded)*
                _ => return Ok(false),
            };
            if code == CL_SUCCESS { Ok(true) } else { Err(code) }
        }

        fn size(value: u64) -> Result<usize, cl_int> {
            usize::try_from(value).map_err(|_| CL_INVALID_VALUE)
        }

        fn sizes(values: [u64; 3]) -> Result<[usize; 3], cl_int> {
            Ok([size(values[0])?, size(values[1])?, size(values[2])?])
        }
    }
}

/// `mod.rs` beside them.
#[must_use]
pub fn modules() -> TokenStream {
    quote! {
        //! What follows from `api/opencl`.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        pub mod driver;
        pub mod queries;
        pub mod uniform;
    }
}

/// What a uniform command passes on.
fn arguments(function: &Function) -> impl Iterator<Item = TokenStream> {
    function.carried().map(|param| {
        let name = ident(&param.name);
        match param.passes {
            Passes::Handle => quote!(mem(message.#name)?),
            Passes::Input(_) => quote!(sizes(message.#name)?.as_ptr()),
            _ => quote!(size(message.#name)?),
        }
    })
}
