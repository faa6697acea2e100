//! Messages -> `remora-protocol/src/generated/opencl.rs` and the generated half of its tests.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::model::{Field, Message, Messages, Role, Wire};
use crate::opcodes::Opcodes;

/// The module of wire structs and codecs.
#[must_use]
pub fn protocol(messages: &Messages, opcodes: &Opcodes) -> TokenStream {
    let structs = messages.iter().map(|message| wire_struct(messages, opcodes, message));
    let commands = sum(
        messages,
        opcodes,
        "CommandMessage",
        "Any command, decoded.",
        "not a command",
        messages.commands().collect(),
    );
    let notices =
        sum(messages, opcodes, "NoticeMessage", "Any notice, decoded.", "not a notice", messages.notices().collect());
    let enqueued = enqueued(messages);
    let names = messages.with_opcode().map(|message| {
        let (name, opcode) = (&message.name, opcodes.get(&message.name));
        quote!(#opcode => #name,)
    });
    let highest = u32::from(opcodes.highest());
    quote! {
        #![allow(missing_docs)]
        #![allow(clippy::large_enum_variant)]
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use crate::handle::Handle;
        use crate::message::{Command, Notice, Reply, Waits};
        use crate::wire::{Decode, Encode, FixedSize, Items, List, Malformed, Reader, decode_all};

        /// How many opcodes this build knows. They are only ever appended, so this is also the highest.
        pub const OPCODES: u32 = #highest;

        /// The name of the message with that opcode.
        #[must_use]
        pub fn name_of(opcode: u16) -> Option<&'static str> {
            Some(match opcode {
                #(#names)*
                _ => return None,
            })
        }

        #commands
        #enqueued
        #notices
        #(#structs)*
    }
}

/// For tests: how to make any message from a source of arbitrary values, and a list of all of them.
#[must_use]
pub fn tests(messages: &Messages) -> TokenStream {
    let arbitrary = messages.iter().map(|message| {
        let name = ident(&message.name);
        let lifetime = messages.borrows(message).then(|| quote!(<'a>));
        let fields = message.fields.iter().map(|field| ident(&field.name));
        let source = if message.fields.is_empty() { quote!(_source) } else { quote!(source) };
        quote! {
            impl<'a> Arbitrary<'a> for #name #lifetime {
                fn arbitrary(#source: &mut Source<'a>) -> Self {
                    Self { #(#fields: Arbitrary::arbitrary(source)),* }
                }
            }
        }
    });
    let names = messages.iter().map(|message| ident(&message.name));
    quote! {
        #![cfg_attr(rustfmt, rustfmt_skip)]

        use remora_protocol::opencl::*;
        use crate::{Arbitrary, Source};

        macro_rules! every_message {
            ($check:ident) => { #($check!(#names);)* };
        }
        pub(crate) use every_message;

        #(#arbitrary)*
    }
}

fn wire_struct(messages: &Messages, opcodes: &Opcodes, message: &Message) -> TokenStream {
    let name = ident(&message.name);
    let docs = &message.docs;
    let borrows = messages.borrows(message);
    let lifetime = borrows.then(|| quote!(<'a>));
    let elided = borrows.then(|| quote!(<'_>));
    let copy = messages.is_copy(message).then(|| quote!(Copy,));
    let fields = message.fields.iter().map(|field| {
        let (docs, name, ty) = (&field.docs, ident(&field.name), rust_type(messages, &field.wire, &quote!('a)));
        quote!(#(#[doc = #docs])* pub #name: #ty)
    });
    let names: Vec<_> = message.fields.iter().map(|field| ident(&field.name)).collect();
    let min_size = messages.min_size(message);
    let (out, reader) = if names.is_empty() { (quote!(_out), quote!(_reader)) } else { (quote!(out), quote!(reader)) };
    let fixed = messages.is_fixed(message).then(|| {
        let out = &out;
        let puts = puts(messages, &message.fields);
        quote! {
            impl FixedSize for #name {
                #[inline]
                fn put(&self, #out: &mut [u8]) { #puts }
            }
        }
    });
    let encodes = encodes(messages, message);
    let opcode = opcodes.get(&message.name);
    let title = &message.name;
    let traits = match &message.role {
        Role::Shape => quote!(),
        Role::Command(reply) => {
            let waits = reply.as_ref().and_then(|reply| messages.get(reply)).map(|reply| {
                let reply_name = ident(&reply.name);
                let lifetime = messages.borrows(reply).then(|| quote!(<'r>));
                quote!(impl Waits for #name #elided { type Reply<'r> = #reply_name #lifetime; })
            });
            quote! {
                impl Command for #name #elided {
                    const OPCODE: u16 = #opcode;
                    const NAME: &'static str = #title;
                }
                #waits
            }
        }
        Role::Notice => quote! {
            impl Notice for #name #elided {
                const OPCODE: u16 = #opcode;
                const NAME: &'static str = #title;
            }
        },
        Role::Reply => quote!(impl Reply for #name #elided { const OPCODE: u16 = #opcode; }),
    };
    quote! {
        #(#[doc = #docs])*
        #[derive(Clone, #copy Debug, Default, PartialEq)]
        pub struct #name #lifetime { #(#fields),* }

        impl Encode for #name #elided {
            #[inline]
            fn encode(&self, #out: &mut Vec<u8>) {
                #encodes
            }
        }

        impl<'a> Decode<'a> for #name #lifetime {
            const MIN_SIZE: usize = #min_size;
            #[inline]
            fn decode(#reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                Ok(Self { #(#names: Decode::decode(reader)?),* })
            }
        }

        #fixed
        #traits
    }
}

/// Appends the fields; those of fixed size that stand beside each other at once.
fn encodes(messages: &Messages, message: &Message) -> TokenStream {
    let is_fixed = |field: &Field| messages.wire_is_fixed(&field.wire);
    let runs = message.fields.chunk_by(|a, b| is_fixed(a) && is_fixed(b)).map(|run| match run {
        [field] => {
            let name = ident(&field.name);
            quote!(self.#name.encode(out);)
        }
        run => {
            let size: usize = run.iter().map(|field| messages.wire_min_size(&field.wire)).sum();
            let puts = puts(messages, run);
            quote! {{
                let mut fixed = [0; #size];
                { let out = &mut fixed; #puts }
                out.extend_from_slice(&fixed);
            }}
        }
    });
    quote!(#(#runs)*)
}

/// Writes fields of fixed size to `out`.
fn puts(messages: &Messages, fields: &[Field]) -> TokenStream {
    let mut start = 0;
    let puts = fields.iter().map(|field| {
        let (name, end) = (ident(&field.name), start + messages.wire_min_size(&field.wire));
        let range = std::mem::replace(&mut start, end)..end;
        let (from, to) =
            (proc_macro2::Literal::usize_unsuffixed(range.start), proc_macro2::Literal::usize_unsuffixed(range.end));
        quote!(self.#name.put(&mut out[#from..#to]);)
    });
    quote!(#(#puts)*)
}

/// An enum over `members`, with its decoder.
fn sum(
    messages: &Messages,
    opcodes: &Opcodes,
    name: &str,
    doc: &str,
    error: &str,
    members: Vec<&Message>,
) -> TokenStream {
    let name = ident(name);
    let lifetime = members.iter().any(|message| messages.borrows(message)).then(|| quote!(<'a>));
    let variants = members.iter().map(|message| {
        let (name, docs) = (ident(&message.name), &message.docs);
        let lifetime = messages.borrows(message).then(|| quote!(<'a>));
        quote!(#(#[doc = #docs])* #name(#name #lifetime))
    });
    let arms = members.iter().map(|message| {
        let (name, opcode) = (ident(&message.name), opcodes.get(&message.name));
        quote!(#opcode => Self::#name(decode_all(body)?),)
    });
    let titles = members.iter().map(|message| {
        let (name, title) = (ident(&message.name), &message.name);
        quote!(Self::#name(_) => #title,)
    });
    quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, PartialEq)]
        pub enum #name #lifetime { #(#variants),* }

        impl<'a> #name #lifetime {
            /// Decodes `body` as the message that `opcode` names.
            ///
            /// # Errors
            /// [`Malformed`] if it is none of these or not such a message.
            pub fn decode(opcode: u16, body: &'a [u8]) -> Result<Self, Malformed> {
                Ok(match opcode {
                    #(#arms)*
                    _ => return Err(Malformed(#error)),
                })
            }

            /// The message's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    #(#titles)*
                }
            }
        }
    }
}

/// What all queue commands have in common, without knowing which one it is.
fn enqueued(messages: &Messages) -> TokenStream {
    let has = |message: &Message, name: &str| message.fields.iter().any(|field| field.name == name);
    let arms = messages.commands().filter(|message| has(message, "event") && has(message, "wait")).map(|message| {
        let name = ident(&message.name);
        quote!(Self::#name(message) => (message.event, message.wait),)
    });
    quote! {
        impl<'a> CommandMessage<'a> {
            /// The event and the wait list of a command that is put into a queue.
            #[must_use]
            pub fn enqueued(&self) -> Option<(Handle, List<'a, Handle>)> {
                Some(match self {
                    #(#arms)*
                    _ => return None,
                })
            }
        }
    }
}

/// The Rust type of `wire`, borrowing for `lifetime`.
fn rust_type(messages: &Messages, wire: &Wire, lifetime: &TokenStream) -> TokenStream {
    let inner = |item| rust_type(messages, item, lifetime);
    match wire {
        Wire::Int(name, _) => {
            let name = ident(name);
            quote!(#name)
        }
        Wire::Bool => quote!(bool),
        Wire::Handle => quote!(Handle),
        Wire::Array(item, count) => {
            let (item, count) = (inner(item), proc_macro2::Literal::usize_unsuffixed(*count));
            quote!([#item; #count])
        }
        Wire::Bytes => quote!(&#lifetime [u8]),
        Wire::List(item) => {
            let item = inner(item);
            quote!(List<#lifetime, #item>)
        }
        Wire::Items(item) => {
            let item = inner(item);
            quote!(Items<#lifetime, #item>)
        }
        Wire::Vec(item) => {
            let item = inner(item);
            quote!(Vec<#item>)
        }
        Wire::Option(item) => {
            let item = inner(item);
            quote!(Option<#item>)
        }
        Wire::Struct(name) => {
            let lifetime = messages.wire_borrows(wire).then(|| quote!(<#lifetime>));
            let name = ident(name);
            quote!(#name #lifetime)
        }
    }
}

/// `name` as a Rust identifier, raw where it is a keyword.
pub(crate) fn ident(name: &str) -> Ident {
    syn::parse_str(name).unwrap_or_else(|_| Ident::new_raw(name, Span::call_site()))
}
