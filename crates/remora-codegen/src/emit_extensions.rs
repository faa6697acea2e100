//! Extensions -> the front-end's table of what is carried, and the worker's lists of what is asked.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::emit_messages::ident;
use crate::extensions::{Carried, Extension, Of};
use crate::functions::Function;

/// The front-end's `extensions.rs`: how each extension is carried, by name.
#[must_use]
pub fn table(extensions: &[Extension], functions: &[Function]) -> TokenStream {
    let mut sorted: Vec<_> = extensions.iter().collect();
    sorted.sort_by_key(|extension| &extension.name);
    let rows = sorted.iter().map(|extension| {
        let (name, from) = (&extension.name, Literal::u32_unsuffixed(extension.from));
        let functions = functions.iter().filter(|function| function.since == extension.name && function.is_exported());
        let functions = functions.map(|function| &function.name);
        let params = extension.params.iter().map(|param| &param.name);
        let carried = match &extension.carried {
            Carried::Language => quote!(Carried::Language),
            Carried::Host => quote!(Carried::Host { functions: &[#(#functions),*], params: &[#(#params),*] }),
            Carried::Not(why) => quote!(Carried::Not { why: #why }),
        };
        quote!(Extension { name: #name, carried: #carried, from: #from })
    });
    let strings = strings(extensions);
    quote! {
        //! How each extension is carried.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        /// An extension of OpenCL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Extension {
            /// Its name.
            pub name: &'static str,
            /// What becomes of it.
            pub carried: Carried,
            /// The first version that is carried; 0 for all, whatever a driver says of its version.
            pub from: u32,
        }

        /// What becomes of an extension.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Carried {
            /// The driver's compiler does it all.
            Language,
            /// By what it adds to the API.
            Host {
                /// Its functions.
                functions: &'static [&'static str],
                /// Parameters that are asked of the driver once.
                params: &'static [&'static str],
            },
            /// It is not, and not reported.
            Not {
                /// The reason.
                why: &'static str,
            },
        }

        /// Every extension, sorted by name.
        pub static EXTENSIONS: &[Extension] = &[#(#rows),*];

        /// Parameters that are arrays of pointers to strings.
        pub const STRINGS: &[u32] = &[#(#strings),*];
    }
}

/// The worker's `queries.rs`: the parameters of extensions, by what has them.
#[must_use]
pub fn queries(extensions: &[Extension]) -> TokenStream {
    let lists = Of::ALL.iter().map(|(of, name, group)| {
        let params = extensions.iter().flat_map(|extension| &extension.params).filter(|param| param.of == *of);
        let values = params.map(|param| Literal::u32_unsuffixed(param.value));
        let (constant, doc) = (ident(&name.to_uppercase()), format!(" Of {group}."));
        quote!(#[doc = #doc] pub const #constant: &[u32] = &[#(#values),*];)
    });
    let strings = strings(extensions);
    quote! {
        //! What extensions add to the parameters that are asked of the driver.
        #![cfg_attr(rustfmt, rustfmt_skip)]

        #(#lists)*

        /// Those that are arrays of pointers to strings.
        pub const STRINGS: &[u32] = &[#(#strings),*];
    }
}

fn strings(extensions: &[Extension]) -> Vec<Literal> {
    let params = extensions.iter().flat_map(|extension| &extension.params).filter(|param| param.strings);
    params.map(|param| Literal::u32_unsuffixed(param.value)).collect()
}
