//! The parameters of a kernel: what they are called, and what clSetKernelArg takes for them.

use super::source::Token;
use opencl_sys::*;

#[derive(Debug, PartialEq, Eq)]
pub struct ArgMeta {
    pub kind: ArgKind,
    pub name: String,
    pub type_name: String,
    pub address: cl_kernel_arg_address_qualifier,
    pub access: cl_kernel_arg_access_qualifier,
    pub qualifier: cl_kernel_arg_type_qualifier,
}

/// What clSetKernelArg takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    Buffer,
    Image,
    Sampler,
    Local,
    /// Bytes; how many, where the type is known.
    Value(Option<usize>),
}

/// The parameters between the brackets of a signature.
pub fn split_params(tokens: &[Token<'_>]) -> Vec<ArgMeta> {
    let mut params = Vec::new();
    let mut depth = 0i32;
    let mut current = Vec::new();
    for token in tokens {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            _ => {}
        }
        if token.text == "," && depth == 0 {
            params.push(std::mem::take(&mut current));
        } else {
            current.push(token.text);
        }
    }
    params.push(current);
    if matches!(params.as_slice(), [only] if only.is_empty() || only == &["void"]) {
        return Vec::new();
    }
    params.iter().map(|words| param(words)).collect()
}

fn param(tokens: &[&str]) -> ArgMeta {
    let mut address = None;
    let mut access = None;
    let mut qualifier = CL_KERNEL_ARG_TYPE_NONE;
    let mut stars = 0;
    let mut words = Vec::new();
    let mut skipped = 0i32;
    for &token in tokens {
        let plain = match token {
            "__restrict__" => "restrict",
            "__attribute__" => "attribute",
            other => other.strip_prefix("__").unwrap_or(other),
        };
        match plain {
            // What stands in brackets is an attribute's or an array's.
            "(" | "[" => {
                stars += usize::from(plain == "[" && skipped == 0);
                skipped += 1;
            }
            ")" | "]" => skipped -= 1,
            "*" => stars += 1,
            _ if skipped > 0 => {}
            "attribute" => {}
            "global" => address = Some(CL_KERNEL_ARG_ADDRESS_GLOBAL),
            "local" => address = Some(CL_KERNEL_ARG_ADDRESS_LOCAL),
            "constant" => address = Some(CL_KERNEL_ARG_ADDRESS_CONSTANT),
            "private" => address = Some(CL_KERNEL_ARG_ADDRESS_PRIVATE),
            "read_only" => access = Some(CL_KERNEL_ARG_ACCESS_READ_ONLY),
            "write_only" => access = Some(CL_KERNEL_ARG_ACCESS_WRITE_ONLY),
            "read_write" => access = Some(CL_KERNEL_ARG_ACCESS_READ_WRITE),
            "const" => qualifier |= CL_KERNEL_ARG_TYPE_CONST,
            "restrict" => qualifier |= CL_KERNEL_ARG_TYPE_RESTRICT,
            "volatile" => qualifier |= CL_KERNEL_ARG_TYPE_VOLATILE,
            "pipe" => qualifier |= CL_KERNEL_ARG_TYPE_PIPE,
            _ => words.push(token),
        }
    }
    let has_name = words.len() > 1 && words.last().is_some_and(|last| !is_type_word(last));
    let name = if has_name { words.pop().unwrap_or_default() } else { "" };
    let base = base_type(&words);
    let is_image = base.starts_with("image") && base.ends_with("_t");
    let is_pointer = stars > 0;
    let address = match address {
        Some(address) if is_pointer => address,
        _ if is_image => CL_KERNEL_ARG_ADDRESS_GLOBAL,
        _ => CL_KERNEL_ARG_ADDRESS_PRIVATE,
    };
    if address == CL_KERNEL_ARG_ADDRESS_CONSTANT {
        qualifier |= CL_KERNEL_ARG_TYPE_CONST;
    }
    let kind = match (is_pointer, address) {
        (true, CL_KERNEL_ARG_ADDRESS_LOCAL) => ArgKind::Local,
        (true, CL_KERNEL_ARG_ADDRESS_GLOBAL | CL_KERNEL_ARG_ADDRESS_CONSTANT) => ArgKind::Buffer,
        _ if is_image => ArgKind::Image,
        _ if base == "sampler_t" => ArgKind::Sampler,
        (true, _) => ArgKind::Value(Some(size_of::<usize>())),
        _ => ArgKind::Value(size(&base)),
    };
    let none = if is_image { CL_KERNEL_ARG_ACCESS_READ_ONLY } else { CL_KERNEL_ARG_ACCESS_NONE };
    ArgMeta {
        kind,
        name: name.into(),
        type_name: base + &"*".repeat(stars),
        address,
        access: access.filter(|_| is_image).unwrap_or(none),
        // Of a value's own qualifiers the caller sees nothing.
        qualifier: if is_pointer { qualifier } else { qualifier & CL_KERNEL_ARG_TYPE_PIPE },
    }
}

const TYPE_WORDS: [&str; 9] = ["unsigned", "signed", "char", "short", "int", "long", "half", "float", "double"];

fn is_type_word(word: &str) -> bool {
    TYPE_WORDS.contains(&word)
}

/// As clang names it: `unsigned int` is `uint`.
fn base_type(words: &[&str]) -> String {
    let rest: Vec<&str> = words.iter().copied().filter(|word| !matches!(*word, "unsigned" | "signed")).collect();
    let rest = if rest.is_empty() { "int".into() } else { rest.join(" ") };
    if words.contains(&"unsigned") { format!("u{rest}") } else { rest }
}

/// Bytes of a built-in type, if it is one.
fn size(name: &str) -> Option<usize> {
    let digits = name.find(|char: char| char.is_ascii_digit()).unwrap_or(name.len());
    let (scalar, count) = name.split_at(digits);
    let count = match count {
        "" => 1,
        "2" => 2,
        "3" | "4" => 4,
        "8" => 8,
        "16" => 16,
        _ => return None,
    };
    let bytes = match scalar {
        "char" | "uchar" => 1,
        "short" | "ushort" | "half" => 2,
        "int" | "uint" | "float" => 4,
        "long" | "ulong" | "double" => 8,
        _ => return None,
    };
    Some(count * bytes)
}
