//! What `api/*/extensions/` says of each extension: how it is carried, and what of its parameters is asked of the driver.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use syn::{Attribute, Expr, ExprLit, Item, ItemEnum, Lit, LitStr, Variant};

use crate::functions::{Function, How};
use crate::parse::{docs, located};

/// An extension of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The lines of its documentation.
    pub docs: Vec<String>,
    /// What becomes of it.
    pub carried: Carried,
    /// The first version that is carried, as CL_MAKE_VERSION makes it; 0 for all.
    pub from: u32,
    /// Whether Khronos' registry doesn't have it.
    pub unregistered: bool,
    /// The parameters that the driver is asked for once.
    pub params: Vec<Param>,
}

/// What becomes of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The driver's compiler does it all: its name is enough.
    Language,
    /// By its functions, parameters and flags.
    Host,
    /// It is not, and why.
    Not(String),
}

/// A parameter of some clGet*Info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// What is asked for it.
    pub of: Of,
    /// Its name in C.
    pub name: String,
    /// Its number.
    pub value: u32,
    /// Whether it is an array of pointers to strings of the driver.
    pub strings: bool,
}

/// What has a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Of {
    Platform,
    Device,
    WorkGroup,
    SubGroup,
}

impl Of {
    /// All of them, with the attribute and the registry's name of the group.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Platform, "platform", "cl_platform_info"),
        (Self::Device, "device", "cl_device_info"),
        (Self::WorkGroup, "work_group", "cl_kernel_work_group_info"),
        (Self::SubGroup, "sub_group", "cl_kernel_sub_group_info"),
    ];
}

/// The extensions of `source`, in order.
///
/// # Errors
/// What is not Rust syntax or not understood, with the line where it stands.
pub fn extensions(source: &str) -> Result<Vec<Extension>> {
    let file = syn::parse_file(source).map_err(|error| located(&error))?;
    file.items
        .iter()
        .map(|item| match item {
            Item::Enum(item) => extension(item).map_err(|error| located(&error)),
            other => Err(located(&syn::Error::new_spanned(other, "only enums stand here"))),
        })
        .collect()
}

/// Checks that each extension stands once, and that the functions of extensions fit what is said of these.
///
/// # Errors
/// The first thing that doesn't hold.
pub fn check(extensions: &[Extension], functions: &[Function]) -> Result<()> {
    let mut names = BTreeSet::new();
    for extension in extensions {
        ensure!(names.insert(&extension.name), "{}: described twice", extension.name);
        let bare = extension.params.is_empty();
        ensure!(bare || extension.carried == Carried::Host, "{}: parameters, but not `carried`", extension.name);
    }
    for function in functions.iter().filter(|function| !function.is_core()) {
        let extension = extensions.iter().find(|extension| extension.name == function.since);
        let Some(extension) = extension else { bail!("{}: no extension `{}`", function.name, function.since) };
        let carried = match extension.carried {
            Carried::Host => true,
            Carried::Language => false,
            // Programs that don't look may find it, and are answered.
            Carried::Not(_) => matches!(function.how, How::Unsupported(..)),
        };
        ensure!(carried, "{}: `{}` is not `carried`", function.name, extension.name);
    }
    Ok(())
}

/// From "0.9.5", as CL_MAKE_VERSION makes it.
///
/// # Errors
/// What is not three numbers, or too large.
pub fn version(text: &str) -> Result<u32> {
    let numbers = text.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>()?;
    match numbers[..] {
        [major, minor, patch] if major < 1 << 10 && minor < 1 << 10 && patch < 1 << 12 => {
            Ok(major << 22 | minor << 12 | patch)
        }
        _ => bail!("`{text}` is not a version"),
    }
}

fn extension(item: &ItemEnum) -> syn::Result<Extension> {
    let (mut carried, mut from, mut unregistered) = (None, 0, false);
    for attribute in &item.attrs {
        let found = match attribute.path().require_ident()?.to_string().as_str() {
            "doc" => continue,
            "unregistered" => {
                unregistered = true;
                continue;
            }
            "from" => {
                from = version_of(attribute)?;
                continue;
            }
            "language" => Carried::Language,
            "carried" => Carried::Host,
            "not" => Carried::Not(attribute.parse_args::<LitStr>()?.value()),
            _ => return Err(syn::Error::new_spanned(attribute, "not an attribute of an extension")),
        };
        if carried.replace(found).is_some() {
            return Err(syn::Error::new_spanned(attribute, "said twice"));
        }
    }
    Ok(Extension {
        name: item.ident.to_string(),
        docs: docs(&item.attrs),
        carried: carried
            .ok_or_else(|| syn::Error::new_spanned(&item.ident, "`language`, `carried` or `not` is missing"))?,
        from,
        unregistered,
        params: item.variants.iter().map(param).collect::<syn::Result<_>>()?,
    })
}

/// The version that an attribute holds.
///
/// # Errors
/// If it holds none.
pub fn version_of(attribute: &Attribute) -> syn::Result<u32> {
    let text = attribute.parse_args::<LitStr>()?;
    version(&text.value()).map_err(|error| syn::Error::new_spanned(text, error))
}

fn param(variant: &Variant) -> syn::Result<Param> {
    let said = variant.attrs.iter().filter(|attribute| !attribute.path().is_ident("doc"));
    let (strings, others): (Vec<_>, Vec<_>) = said.partition(|attribute| attribute.path().is_ident("strings"));
    let [attribute] = others[..] else {
        return Err(syn::Error::new_spanned(variant, "one attribute says what has the parameter"));
    };
    let name = attribute.path().require_ident()?.to_string();
    let of = Of::ALL.iter().find(|(_, attribute, _)| *attribute == name);
    let (of, ..) = of.ok_or_else(|| syn::Error::new_spanned(attribute, "nothing that has parameters"))?;
    let Some((_, Expr::Lit(ExprLit { lit: Lit::Int(value), .. }))) = &variant.discriminant else {
        return Err(syn::Error::new_spanned(variant, "its number is missing"));
    };
    Ok(Param { of: *of, name: variant.ident.to_string(), value: value.base10_parse()?, strings: !strings.is_empty() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_functions::functions;

    #[test]
    fn extensions_are_read() {
        let source = "/// Said.\n#[carried] #[from(\"0.9.5\")] enum cl_a { #[device] #[strings] CL_DEVICE_A = 0x10 }
            #[language] #[unregistered] enum cl_b {} #[not(\"why\")] enum cl_c {}";
        let all = extensions(source).unwrap();
        assert_eq!(all[0].docs, [" Said."]);
        assert_eq!(all[0].from, 9 << 12 | 5);
        assert_eq!(all[0].params, [Param { of: Of::Device, name: "CL_DEVICE_A".into(), value: 16, strings: true }]);
        assert!(all[1].unregistered && all[1].carried == Carried::Language);
        assert_eq!(all[2].carried, Carried::Not("why".into()));
    }

    #[test]
    fn mistakes_are_told() {
        for (source, expected) in [
            ("enum cl_a {}", "is missing"),
            ("#[carried] #[language] enum cl_a {}", "said twice"),
            ("#[carried] enum cl_a { CL_A = 1 }", "one attribute"),
            ("#[carried] enum cl_a { #[device] CL_A }", "number is missing"),
            ("#[carried] enum cl_a { #[mem] CL_A = 1 }", "nothing that has parameters"),
            ("#[carried] #[from(\"1\")] enum cl_a {}", "not a version"),
            ("struct A;", "only enums"),
            ("#[carried] enum cl_a {} #[carried] enum cl_a {}", "described twice"),
            ("#[language] enum cl_a { #[device] CL_A = 1 }", "not `carried`"),
            ("#[language] enum cl_x {}", "`cl_x` is not `carried`"),
            ("", "no extension `cl_x`"),
        ] {
            let function = functions("unsafe extern \"C\" { #[since(\"cl_x\")] #[absent(\"\")] fn clX(); }").unwrap();
            let result = extensions(source).and_then(|extensions| check(&extensions, &function));
            let error = format!("{:#}", result.unwrap_err());
            assert!(error.contains(expected), "{source}: {error}");
        }
    }
}
