//! Functions -> the front-end's `generated/`: entry points, the bodies of uniform commands, the ICD's dispatch table, and
//! the table of coverage.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit_messages::ident;
use crate::functions::{Function, How, Passes, Returned};
use crate::text::safety;

/// `entry.rs`: every function as C sees it.
#[must_use]
pub fn entry(functions: &[Function]) -> TokenStream {
    let entries = functions.iter().filter(|function| function.is_exported()).map(entry_points);
    quote! {
        //! The entry points of OpenCL. Each runs its body behind a guard that turns errors and panics into codes.
        #![allow(non_snake_case, unused_unsafe, unused_variables)]
        #![allow(clippy::missing_safety_doc, clippy::redundant_closure, clippy::too_many_arguments)]
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use std::ffi::{c_char, c_int, c_uchar, c_void};

        use libc::size_t;
        use opencl_sys::*;

        #(#entries)*
    }
}

/// `uniform.rs`: the bodies of commands that are pure plumbing.
#[must_use]
pub fn uniform(functions: &[Function]) -> TokenStream {
    let bodies = functions.iter().filter(|function| function.uniform.is_some()).map(uniform_body);
    let recorded = functions.iter().filter(|function| function.records.is_some()).map(recorded_body);
    let safety = safety("the caller says so, and a C array has no more alignment than its items");
    quote! {
        //! The bodies of queue commands that do nothing but pass their arguments on.
        #![allow(clippy::too_many_arguments)]
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use libc::size_t;
        use opencl_sys::*;
        use remora_protocol::{Handle, List, opencl};
        use crate::command::Enqueue;
        use crate::error::{Error, Result};
        use crate::mem::Mem;
        use crate::object::get;
        use crate::record::Record;

        #(#bodies)*
        #(#recorded)*

        /// An origin or a region.
        ///
        /// # Safety
        /// `pointer` is null or points to three sizes.
        unsafe fn triple(pointer: *const size_t) -> Result<[size_t; 3]> {
            if pointer.is_null() {
                return Err(Error(CL_INVALID_VALUE));
            }
            #safety
            Ok(unsafe { pointer.cast::<[size_t; 3]>().read() })
        }
    }
}

/// `dispatch.rs`: our entry points as an ICD loader finds them.
#[must_use]
pub fn dispatch(functions: &[Function]) -> TokenStream {
    let exported = functions.iter().filter(|function| function.is_exported());
    let slots = exported.clone().filter(|function| function.has_slot()).map(|function| {
        let name = ident(&function.name);
        quote!(#name: Some(entry::#name))
    });
    let arms = exported.map(address);
    let safety = safety("every field of the table is an optional function or an integer: zero is None or 0");
    quote! {
        //! How an ICD loader, and a program that asks by name, reach the entry points.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use std::ffi::{CStr, c_void};

        use opencl_sys::cl_icd::cl_icd_dispatch;

        use super::entry;

        /// The ICD's table of functions, to which every object's first word points.
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct Dispatch(pub cl_icd_dispatch);

        /// What extensions that are not carried have in the table.
        const EMPTY: cl_icd_dispatch = {
            #safety
            unsafe { std::mem::zeroed() }
        };

        /// The table of this front-end. It never changes.
        pub static DISPATCH: Dispatch = Dispatch(cl_icd_dispatch { #(#slots,)* ..EMPTY });

        /// What is known of a platform's extensions.
        pub trait Offers {
            /// Whether the driver has this function of an extension.
            fn function(&self, name: &str) -> bool;
            /// The version of an extension, as CL_MAKE_VERSION makes it; 0 if it isn't known.
            fn version(&self, extension: &str) -> u32;
        }

        /// The entry point of that name, or null.
        #[must_use]
        pub fn address(name: &CStr, platform: &impl Offers) -> *const c_void {
            match name.to_bytes() {
                #(#arms)*
                _ => std::ptr::null(),
            }
        }
    }
}

fn address(function: &Function) -> TokenStream {
    let (name, title, since) = (ident(&function.name), &function.name, &function.since);
    let literal = proc_macro2::Literal::byte_string(function.name.as_bytes());
    let guard = (!function.is_linked()).then(|| quote!(if platform.function(#title)));
    let before = function.changed().map(|changed| {
        let (before, changed) = (ident(&function.name_before()), proc_macro2::Literal::u32_unsuffixed(changed));
        quote!(#literal if platform.function(#title) && platform.version(#since) < #changed =>
            entry::#before as *const c_void,)
    });
    quote!(#before #literal #guard => entry::#name as *const c_void,)
}

/// `coverage.rs`: what becomes of each function, for people.
#[must_use]
pub fn coverage(functions: &[Function]) -> TokenStream {
    let rows = functions.iter().map(|function| {
        let (name, since, messages) = (&function.name, &function.since, function.messages());
        let blocking = function.params.iter().any(|param| param.blocking);
        let how = match &function.how {
            How::Local => quote!(How::Local),
            How::Asynchronous(_) if blocking => quote!(How::WaitsIfAsked),
            How::Asynchronous(_) => quote!(How::Asynchronous),
            How::Waits(_) => quote!(How::Waits),
            How::Unsupported(answer, why) => quote!(How::Unsupported { answer: #answer, why: #why }),
            How::Absent(why) => quote!(How::Absent { why: #why }),
        };
        let checked = function.checked.as_deref().unwrap_or_default();
        let late = function.late.as_deref().unwrap_or_default();
        quote! {
            Function {
                name: #name, since: #since, how: #how, messages: &[#(#messages),*], checked: #checked, late: #late,
            }
        }
    });
    quote! {
        //! What becomes of each function of OpenCL, for `remora doctor --coverage`.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        /// A function of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Function {
            /// Its name in C.
            pub name: &'static str,
            /// The version of OpenCL that brought it, or the extension.
            pub since: &'static str,
            /// What becomes of a call.
            pub how: How,
            /// The messages that it may send or await.
            pub messages: &'static [&'static str],
            /// Which errors are found without the back-end.
            pub checked: &'static str,
            /// What only the driver can tell, and how the program learns it.
            pub late: &'static str,
        }

        /// What becomes of a call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum How {
            /// The front-end answers.
            Local,
            /// Sent, not waited for.
            Asynchronous,
            /// Sent, and waited for if the program asks for a blocking call.
            WaitsIfAsked,
            /// Sent and waited for.
            Waits,
            /// Answered as a device without the feature does.
            Unsupported {
                /// The code or value.
                answer: &'static str,
                /// The reason.
                why: &'static str,
            },
            /// There is no such entry point.
            Absent {
                /// The reason.
                why: &'static str,
            },
        }

        /// Every function.
        pub static COVERAGE: &[Function] = &[#(#rows),*];
    }
}

/// `mod.rs` beside them.
#[must_use]
pub fn modules() -> TokenStream {
    quote! {
        //! What follows from `api/opencl`.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        pub mod coverage;
        pub mod dispatch;
        pub mod entry;
        pub mod extensions;
        pub mod uniform;
    }
}

/// The entry point, and the one as it was before a version of the extension added parameters.
fn entry_points(function: &Function) -> TokenStream {
    let now = entry_point(function, None);
    let before = function.changed().map(|changed| entry_point(function, Some(changed)));
    quote!(#now #before)
}

fn entry_point(function: &Function, before: Option<u32>) -> TokenStream {
    let (title, docs) = (&function.name, &function.docs);
    let name = ident(&if before.is_some() { function.name_before() } else { function.name.clone() });
    let existing = function.params.iter().filter(|param| before.is_none_or(|before| param.from < before));
    let params = existing.map(|param| {
        let (name, ty) = (ident(&param.name), &param.ty);
        quote!(#name: #ty)
    });
    let added = function.params.iter().filter(|param| before.is_some_and(|before| param.from >= before));
    let absent = added.map(|param| {
        let name = ident(&param.name);
        quote!(let #name = std::ptr::null();)
    });
    let linked = (function.is_linked() && before.is_none()).then(|| quote!(#[unsafe(no_mangle)]));
    let returns = function.returns.as_ref().map(|ty| quote!(-> #ty));
    let since = origin(function);
    let first = match &function.how {
        How::Unsupported(_, why) => format!(" Not supported: {why}."),
        How::Local => format!(" {since}, answered here."),
        How::Asynchronous(_) => format!(" {since}, does not wait."),
        How::Waits(_) | How::Absent(_) => format!(" {since}, waits."),
    };
    let body = guarded(function, title);
    let break_line = (!docs.is_empty()).then(|| quote!(#[doc = ""]));
    quote! {
        #[doc = #first]
        #break_line
        #(#[doc = #docs])*
        #linked
        pub unsafe extern "C" fn #name(#(#params),*) #returns { #(#absent)* #body }
    }
}

/// Where a function comes from, for people.
#[must_use]
pub fn origin(function: &Function) -> String {
    if function.is_core() { format!("OpenCL {}", function.since) } else { format!("`{}`", function.since) }
}

/// What stands in an entry point.
fn guarded(function: &Function, title: &str) -> TokenStream {
    let returned = function.returned();
    let inner = match &function.how {
        How::Unsupported(answer, _) => match returned {
            Returned::Nothing => return quote!(),
            Returned::Pointer => return quote!(std::ptr::null_mut()),
            Returned::Status => {
                let code = ident(answer);
                quote!(Err(crate::error::Error(#code)))
            }
            Returned::Created => {
                let code = ident(answer);
                quote!(Err::<*mut c_void, _>(crate::error::Error(#code)))
            }
        },
        _ => {
            let module = ident(function.body.as_deref().unwrap_or("none"));
            let name = ident(&function.body_name());
            let arguments = function.inputs().map(|param| ident(&param.name));
            let path = if function.uniform.is_some() || function.records.is_some() {
                quote!(super::uniform::#name)
            } else {
                quote!(crate::api::#module::#name)
            };
            quote!(#path(#(#arguments),*))
        }
    };
    let safety = safety("what the arguments point to is the caller's to keep, as OpenCL demands of it");
    let call = match returned {
        Returned::Status => quote!(crate::entry::status(#title, || #inner)),
        Returned::Created => quote!(crate::entry::create(#title, errcode_ret, || #inner)),
        Returned::Pointer => quote!(crate::entry::value(#title, || #inner)),
        Returned::Nothing => quote!(crate::entry::nothing(#title, || #inner)),
    };
    quote!(#safety unsafe { #call })
}

fn uniform_body(function: &Function) -> TokenStream {
    let title = format!(" The body of `{}`.", function.name);
    let contract = format!(" As {}.", function.name);
    let name = ident(&function.body_name());
    let module = ident(function.body.as_deref().unwrap_or("none"));
    let check = ident(&function.body_name().replacen("enqueue", "check", 1));
    let command_type = ident(function.uniform.as_deref().unwrap_or_default());
    let message = ident(&function.messages()[0]);
    let params = function.params.iter().map(|param| {
        let (name, ty) = (ident(&param.name), &param.ty);
        quote!(#name: #ty)
    });
    let queue = function.params.first().map(|param| ident(&param.name));
    let list = function.params.iter().find_map(|param| match &param.passes {
        Passes::WaitList(count) => Some((ident(count), ident(&param.name))),
        _ => None,
    });
    let (count, list) = list.unzip();
    let event = function.params.iter().find(|param| param.passes == Passes::Event).map(|param| ident(&param.name));
    let looked_up = function.carried().filter_map(|param| {
        let name = ident(&param.name);
        match param.passes {
            Passes::Handle => Some(quote! {
                let #name: &Mem = get(#name)?;
                enqueue.names_memory(#name)?;
            }),
            Passes::Input(_) => Some(quote!(let #name = triple(#name)?;)),
            _ => None,
        }
    });
    let checked = function.carried().map(|param| ident(&param.name));
    let fields = fields(function);
    let safety = safety("what the arguments point to is the caller's to keep, as OpenCL demands of it");
    quote! {
        #[doc = #title]
        ///
        /// # Safety
        #[doc = #contract]
        pub unsafe fn #name(#(#params),*) -> Result<()> {
            #safety
            unsafe {
                let mut enqueue = Enqueue::new(#queue, #count, #list, #event)?;
                #(#looked_up)*
                let verdict = crate::api::#module::#check(&enqueue.queue, #(#checked),*)?;
                let (event, waits) = enqueue.begin(#command_type);
                enqueue.send_judged(&opencl::#message { event, wait: List::new(&waits), #(#fields),* }, verdict)
            }
        }
    }
}

/// The fields of a uniform command's message, from the parameters of the same names.
fn fields(function: &Function) -> impl Iterator<Item = TokenStream> {
    function.carried().map(|param| {
        let name = ident(&param.name);
        match param.passes {
            Passes::Handle => quote!(#name: #name.remote.handle),
            Passes::Input(_) => quote!(#name: #name.map(|value| value as u64)),
            _ => quote!(#name: #name as u64),
        }
    })
}

fn recorded_body(function: &Function) -> TokenStream {
    let title = format!(" The body of `{}`.", function.name);
    let contract = format!(" As {}.", function.name);
    let body_name = function.body_name();
    let name = ident(&body_name);
    let module = ident(function.body.as_deref().unwrap_or("none"));
    let check = body_name.replacen("command", "check", 1);
    let check = ident(check.strip_suffix("_khr").unwrap_or(&check));
    let message = ident(function.records.as_deref().unwrap_or_default());
    let params = function.params.iter().map(|param| {
        let (name, ty) = (ident(&param.name), &param.ty);
        quote!(#name: #ty)
    });
    let looked_up = function.carried().filter_map(|param| {
        let name = ident(&param.name);
        match param.passes {
            Passes::Handle => Some(quote! {
                let #name: &Mem = get(#name)?;
                record.names_memory(#name)?;
            }),
            Passes::Input(_) => Some(quote!(let #name = triple(#name)?;)),
            _ => None,
        }
    });
    let checked = function.carried().map(|param| ident(&param.name));
    let fields = fields(function);
    let safety = safety("what the arguments point to is the caller's to keep, as OpenCL demands of it");
    quote! {
        #[doc = #title]
        ///
        /// # Safety
        #[doc = #contract]
        pub unsafe fn #name(#(#params),*) -> Result<()> {
            #safety
            unsafe {
                let record = Record::new(
                    command_buffer,
                    command_queue,
                    properties,
                    num_sync_points_in_wait_list,
                    sync_point_wait_list,
                    sync_point,
                    mutable_handle,
                )?;
                #(#looked_up)*
                let verdict = crate::api::#module::#check(record.queue(), #(#checked),*)?;
                record.send_judged(&opencl::#message { event: Handle::NONE, wait: List::default(), #(#fields),* }, verdict)
            }
        }
    }
}
