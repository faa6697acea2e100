//! Reads `functions/*.rs`: foreign functions in Rust syntax, with attributes that say what becomes of each.

use anyhow::Result;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprLit, FnArg, ForeignItem, ForeignItemFn, Ident, Item, Lit, LitStr, Pat, ReturnType, Token,
};

use crate::extensions::version_of;
use crate::functions::{Function, How, Length, Param, Passes, is_handle};
use crate::parse::{docs, located};

/// The functions of `source`, in order.
///
/// # Errors
/// What is not Rust syntax or not understood, with the line where it stands.
pub fn functions(source: &str) -> Result<Vec<Function>> {
    let file = syn::parse_file(source).map_err(|error| located(&error))?;
    let mut functions = Vec::new();
    for item in &file.items {
        let Item::ForeignMod(block) = item else {
            return Err(located(&syn::Error::new_spanned(item, "only blocks of foreign functions stand here")));
        };
        for item in &block.items {
            let ForeignItem::Fn(item) = item else {
                return Err(located(&syn::Error::new_spanned(item, "only functions stand here")));
            };
            functions.push(function(item).map_err(|error| located(&error))?);
        }
    }
    Ok(functions)
}

fn function(item: &ForeignItemFn) -> syn::Result<Function> {
    let missing = |what: &str| syn::Error::new_spanned(&item.sig.ident, format!("`{what}` is missing"));
    let mut found = Attributes::default();
    for attribute in &item.attrs {
        found.take(attribute)?;
    }
    let params = item.sig.inputs.iter().map(param).collect::<syn::Result<_>>()?;
    let returns = match &item.sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(ty.as_ref().clone()),
    };
    Ok(Function {
        name: item.sig.ident.to_string(),
        docs: docs(&item.attrs),
        since: found.since.ok_or_else(|| missing("since"))?,
        how: found.how.ok_or_else(|| missing("local, asynchronous, waits, unsupported or absent"))?,
        body: found.body,
        uniform: found.uniform,
        records: found.records,
        checked: found.checked,
        late: found.late,
        params,
        returns,
    })
}

#[derive(Default)]
struct Attributes {
    since: Option<String>,
    how: Option<How>,
    body: Option<String>,
    uniform: Option<String>,
    records: Option<String>,
    checked: Option<String>,
    late: Option<String>,
}

impl Attributes {
    fn take(&mut self, attribute: &Attribute) -> syn::Result<()> {
        let twice = match name(attribute)?.as_str() {
            "doc" => false,
            "since" => self.since.replace(string(attribute)?).is_some(),
            "body" => self.body.replace(ident(attribute)?).is_some(),
            "uniform" => self.uniform.replace(ident(attribute)?).is_some(),
            "records" => self.records.replace(ident(attribute)?).is_some(),
            "checked" => self.checked.replace(string(attribute)?).is_some(),
            "late" => self.late.replace(string(attribute)?).is_some(),
            "local" => self.how.replace(How::Local).is_some(),
            "asynchronous" => self.how.replace(How::Asynchronous(idents(attribute)?)).is_some(),
            "waits" => self.how.replace(How::Waits(idents(attribute)?)).is_some(),
            "absent" => self.how.replace(How::Absent(string(attribute)?)).is_some(),
            "unsupported" => {
                let parts = attribute.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?;
                let mut parts = parts.iter().map(LitStr::value);
                let (Some(answer), Some(why), None) = (parts.next(), parts.next(), parts.next()) else {
                    return Err(syn::Error::new_spanned(attribute, "an answer and a reason stand here"));
                };
                self.how.replace(How::Unsupported(answer, why)).is_some()
            }
            _ => return Err(syn::Error::new_spanned(attribute, "not an attribute of a function")),
        };
        if twice { Err(syn::Error::new_spanned(attribute, "said twice")) } else { Ok(()) }
    }
}

fn param(argument: &FnArg) -> syn::Result<Param> {
    let FnArg::Typed(argument) = argument else {
        return Err(syn::Error::new_spanned(argument, "functions of C have no self"));
    };
    let Pat::Ident(pattern) = argument.pat.as_ref() else {
        return Err(syn::Error::new_spanned(&argument.pat, "a name stands here"));
    };
    let name_of_param = pattern.ident.to_string();
    let (mut nullable, mut blocking, mut from, mut passes) = (false, false, 0, None);
    for attribute in &argument.attrs {
        let found = match name(attribute)?.as_str() {
            "nullable" => {
                nullable = true;
                continue;
            }
            "blocking" => {
                blocking = true;
                continue;
            }
            "from" => {
                from = version_of(attribute)?;
                continue;
            }
            "input" => Passes::Input(length(attribute)?),
            "output" => Passes::Output(length(attribute)?),
            "wait_list" => Passes::WaitList(ident(attribute)?),
            "event" => Passes::Event,
            "callback" => Passes::Callback,
            "user_data" => Passes::UserData,
            "string" => Passes::String,
            "properties" => Passes::Properties,
            "host" => Passes::Host,
            _ => return Err(syn::Error::new_spanned(attribute, "not an attribute of a parameter")),
        };
        if passes.replace(found).is_some() {
            return Err(syn::Error::new_spanned(attribute, "one thing passes through a parameter"));
        }
    }
    let passes = passes.unwrap_or_else(|| match name_of_param.as_str() {
        "errcode_ret" => Passes::ErrorCode,
        _ if is_handle(&argument.ty) => Passes::Handle,
        _ => Passes::Value,
    });
    Ok(Param { name: name_of_param, ty: argument.ty.as_ref().clone(), passes, nullable, blocking, from })
}

fn name(attribute: &Attribute) -> syn::Result<String> {
    Ok(attribute.path().require_ident()?.to_string())
}

fn string(attribute: &Attribute) -> syn::Result<String> {
    Ok(attribute.parse_args::<LitStr>()?.value())
}

fn ident(attribute: &Attribute) -> syn::Result<String> {
    Ok(attribute.parse_args::<Ident>()?.to_string())
}

fn idents(attribute: &Attribute) -> syn::Result<Vec<String>> {
    let idents = attribute.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?;
    Ok(idents.iter().map(ToString::to_string).collect())
}

fn length(attribute: &Attribute) -> syn::Result<Length> {
    match attribute.parse_args::<Expr>()? {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Ok(Length::Number(number.base10_parse()?)),
        Expr::Path(path) => Ok(Length::Param(path.path.require_ident()?.to_string())),
        other => Err(syn::Error::new_spanned(other, "a number or a parameter's name stands here")),
    }
}
