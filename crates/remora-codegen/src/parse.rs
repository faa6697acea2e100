//! Reads `messages.rs`: structs in Rust syntax, with attributes that say what each is for.

use anyhow::{Result, anyhow, bail};
use syn::{Attribute, Expr, ExprLit, GenericArgument, Item, ItemStruct, Lit, Meta, PathArguments, Type};

use crate::model::{Field, Message, Role, Wire};

/// The structs of `source`, in order.
///
/// # Errors
/// What is not Rust syntax or not understood, with the line where it stands.
pub fn messages(source: &str) -> Result<Vec<Message>> {
    let file = syn::parse_file(source).map_err(|error| located(&error))?;
    file.items
        .iter()
        .map(|item| match item {
            Item::Struct(item) => message(item).map_err(|error| located(&error)),
            other => Err(located(&syn::Error::new_spanned(other, "only structs stand here"))),
        })
        .collect()
}

/// A syntax error with its line, for people.
pub fn located(error: &syn::Error) -> anyhow::Error {
    anyhow!("line {}: {error}", error.span().start().line)
}

/// The text of `///` lines.
pub fn docs(attributes: &[Attribute]) -> Vec<String> {
    attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn message(item: &ItemStruct) -> syn::Result<Message> {
    if !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&item.generics, "wire structs have no parameters"));
    }
    let fields = item
        .fields
        .iter()
        .map(|field| {
            let name =
                field.ident.as_ref().ok_or_else(|| syn::Error::new_spanned(field, "fields have names"))?.to_string();
            let wire = wire(&field.ty).map_err(|error| syn::Error::new_spanned(&field.ty, error))?;
            Ok(Field { name, docs: docs(&field.attrs), wire })
        })
        .collect::<syn::Result<_>>()?;
    Ok(Message { name: item.ident.to_string(), docs: docs(&item.attrs), role: role(&item.attrs)?, fields })
}

fn role(attributes: &[Attribute]) -> syn::Result<Role> {
    let mut role = Role::Shape;
    for attribute in attributes {
        let found = match &attribute.meta {
            Meta::Path(path) if path.is_ident("reply") => Role::Reply,
            Meta::Path(path) if path.is_ident("notice") => Role::Notice,
            Meta::List(list) if list.path.is_ident("command") => command(&list.parse_args::<Meta>()?)?,
            meta if meta.path().is_ident("doc") => continue,
            other => return Err(syn::Error::new_spanned(other, "not an attribute of a message")),
        };
        if role != Role::Shape {
            return Err(syn::Error::new_spanned(attribute, "a message is for one thing"));
        }
        role = found;
    }
    Ok(role)
}

fn command(how: &Meta) -> syn::Result<Role> {
    match how {
        Meta::Path(path) if path.is_ident("asynchronous") => Ok(Role::Command(None)),
        Meta::NameValue(pair) if pair.path.is_ident("waits") => match &pair.value {
            Expr::Path(reply) => Ok(Role::Command(Some(reply.path.require_ident()?.to_string()))),
            other => Err(syn::Error::new_spanned(other, "the name of a reply stands here")),
        },
        other => Err(syn::Error::new_spanned(other, "`asynchronous` or `waits = Reply` stands here")),
    }
}

fn wire(ty: &Type) -> Result<Wire> {
    const INTS: [(&str, usize); 6] = [("u8", 1), ("u16", 2), ("u32", 4), ("u64", 8), ("i32", 4), ("i64", 8)];
    match ty {
        Type::Array(array) => {
            let Expr::Lit(ExprLit { lit: Lit::Int(count), .. }) = &array.len else {
                bail!("an array's size is a number")
            };
            Ok(Wire::Array(Box::new(wire(&array.elem)?), count.base10_parse()?))
        }
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            let segment = &path.path.segments[0];
            let name = segment.ident.to_string();
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
                let int = INTS.iter().find(|(int, _)| *int == name);
                return Ok(match (int, name.as_str()) {
                    (Some((int, size)), _) => Wire::Int(int, *size),
                    (None, "bool") => Wire::Bool,
                    (None, "Handle") => Wire::Handle,
                    (None, "Bytes") => Wire::Bytes,
                    (None, _) => Wire::Struct(name),
                });
            };
            let (Some(GenericArgument::Type(item)), 1) = (arguments.args.first(), arguments.args.len()) else {
                bail!("`{name}` takes one type");
            };
            let item = Box::new(wire(item)?);
            match name.as_str() {
                "List" => Ok(Wire::List(item)),
                "Items" => Ok(Wire::Items(item)),
                "Vec" => Ok(Wire::Vec(item)),
                "Option" => Ok(Wire::Option(item)),
                _ => bail!("`{name}` is not a wire type"),
            }
        }
        _ => bail!("not a wire type"),
    }
}
