//! Functions -> the worker's `generated/`: the table of the driver's functions, and the calls of uniform commands.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::emit_messages::ident;
use crate::functions::{Function, Passes};
use crate::text::safety;

/// `driver.rs`: the driver's functions.
#[must_use]
pub fn driver(functions: &[Function]) -> TokenStream {
    let carried: Vec<_> = functions.iter().filter(|function| function.is_exported() && function.is_core()).collect();
    let fields = carried.iter().map(|function| {
        let (name, ty) = (ident(&function.name), ident(&format!("{}_t", function.name)));
        let doc = format!(" OpenCL {}.", function.since);
        quote!(#[doc = #doc] pub #name: #ty)
    });
    let safety = safety("the caller vouches that the address is null or that of this very function");
    let loads = carried.iter().map(|function| {
        let (name, ty) = (ident(&function.name), ident(&format!("{}_t", function.name)));
        let title = Literal::c_string(&std::ffi::CString::new(function.name.as_str()).unwrap_or_default());
        quote! {
            #name: {
                #safety
                unsafe { std::mem::transmute::<*const c_void, #ty>(lookup(#title)) }
            }
        }
    });
    quote! {
        //! The functions of an OpenCL driver.
        #![allow(non_snake_case)]
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use std::ffi::{CStr, c_void};

        use opencl_sys::cl_icd::*;

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
    }
}

/// `uniform.rs`: the driver's calls for uniform commands.
#[must_use]
pub fn uniform(functions: &[Function]) -> TokenStream {
    let arms = functions.iter().filter(|function| function.uniform.is_some()).map(|function| {
        let (name, message) = (ident(&function.name), ident(&function.messages()[0]));
        let arguments = function.carried().map(|param| {
            let name = ident(&param.name);
            match param.passes {
                Passes::Handle => quote!(mem(message.#name)?),
                Passes::Input(_) => quote!(sizes(message.#name)?.as_ptr()),
                _ => quote!(size(message.#name)?),
            }
        });
        let safety = safety("the caller vouches for queue, objects and events; the arrays outlive the call");
        quote! {
            CommandMessage::#message(message) => {
                let Some(call) = functions.#name else { return Err(CL_INVALID_OPERATION) };
                #safety
                unsafe { call(queue, #(#arguments,)* count, list, event) }
            }
        }
    });
    quote! {
        //! The driver's calls for queue commands that do nothing but pass their arguments on.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use opencl_sys::*;
        use remora_protocol::Handle;
        use remora_protocol::opencl::CommandMessage;

        use super::driver::Functions;

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
        pub mod uniform;
    }
}
