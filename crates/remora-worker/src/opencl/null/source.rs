//! What the null driver understands of OpenCL C: includes, `#error`, balanced brackets, and the kernels' signatures.

use super::params::{ArgMeta, split_params};
use std::sync::Arc;

/// What is known of a kernel.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KernelMeta {
    pub name: String,
    /// CL_KERNEL_ATTRIBUTES.
    pub attributes: String,
    /// reqd_work_group_size, or zeros.
    pub required: [usize; 3],
    pub args: Vec<ArgMeta>,
}

/// A source that could be "compiled".
#[derive(Debug)]
pub struct Parsed {
    pub kernels: Vec<Arc<KernelMeta>>,
    /// The source with its includes in place.
    pub code: Arc<[u8]>,
}

/// A header that the program may include: its name and text.
pub type Header = (Vec<u8>, Arc<[u8]>);

/// Reads a source. The error is a build log.
pub fn parse(source: &[u8], headers: &[Header]) -> Result<Parsed, String> {
    let stripped = strip(&String::from_utf8_lossy(source));
    let mut text = String::new();
    let included = preprocess(&stripped, headers, 0, &mut text)?;
    let tokens = tokenize(&text);
    check_brackets(&tokens)?;
    let kernels = find_kernels(&tokens)?;
    let code = if included { text.into_bytes().into() } else { source.into() };
    Ok(Parsed { kernels, code })
}

/// Without comments and line continuations; lines stay lines.
fn strip(source: &str) -> String {
    let source = source.replace("\\\r\n", "  ").replace("\\\n", "  ");
    let mut out = String::with_capacity(source.len());
    let mut chars = source.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('/', Some('/')) => while chars.next_if(|&next| next != '\n').is_some() {},
            ('/', Some('*')) => {
                let mut last = ' ';
                chars.next();
                for next in chars.by_ref() {
                    if next == '\n' {
                        out.push('\n');
                    }
                    if last == '*' && next == '/' {
                        break;
                    }
                    last = next;
                }
                out.push(' ');
            }
            ('"' | '\'', _) => {
                out.push(char);
                let mut escaped = false;
                while let Some(next) = chars.next_if(|&next| next != '\n') {
                    out.push(next);
                    if next == char && !escaped {
                        break;
                    }
                    escaped = next == '\\' && !escaped;
                }
            }
            _ => out.push(char),
        }
    }
    out
}

/// Takes the directives out and puts includes in. True if there was one.
fn preprocess(stripped: &str, headers: &[Header], depth: usize, out: &mut String) -> Result<bool, String> {
    let mut included = false;
    for (index, line) in stripped.lines().enumerate() {
        let number = index + 1;
        let Some(directive) = line.trim_start().strip_prefix('#').map(str::trim_start) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        if let Some(message) = directive.strip_prefix("error") {
            return Err(format!("<source>:{number}:2: error: {}\n1 error generated.\n", message.trim()));
        }
        if let Some(name) = directive.strip_prefix("include") {
            let name = name.trim().trim_matches(['"', '<', '>']);
            let header = headers.iter().find(|(known, _)| known == name.as_bytes()).filter(|_| depth < 16);
            let Some((_, text)) = header else {
                return Err(format!(
                    "<source>:{number}:10: fatal error: '{name}' file not found\n1 error generated.\n"
                ));
            };
            if out.len() > 16 << 20 {
                return Err(format!("<source>:{number}:10: fatal error: too many includes\n1 error generated.\n"));
            }
            preprocess(&strip(&String::from_utf8_lossy(text)), headers, depth + 1, out)?;
            included = true;
        }
        out.push('\n');
    }
    Ok(included)
}

/// A word (identifier or number), a string, or one character of anything else; and its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    line: usize,
}

fn tokenize(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let length = match first {
            '"' | '\'' => string_length(rest, first),
            _ if is_word(first) => rest.find(|char| !is_word(char)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !first.is_whitespace() {
            tokens.push(Token { text: token, line });
        }
        line += usize::from(first == '\n');
        rest = after;
    }
    tokens
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, char) in text.char_indices().skip(1) {
        if char == '\n' {
            return index;
        }
        if char == quote && !escaped {
            return index + char.len_utf8();
        }
        escaped = char == '\\' && !escaped;
    }
    text.len()
}

fn error(token: Option<&Token<'_>>, message: &str) -> String {
    let line = token.map_or(0, |token| token.line);
    format!("<source>:{line}:1: error: {message}\n1 error generated.\n")
}

fn check_brackets(tokens: &[Token<'_>]) -> Result<(), String> {
    let mut open: Vec<&Token<'_>> = Vec::new();
    for token in tokens {
        let opening = match token.text {
            "(" | "[" | "{" => {
                open.push(token);
                continue;
            }
            ")" => "(",
            "]" => "[",
            "}" => "{",
            _ => continue,
        };
        if open.pop().is_none_or(|last| last.text != opening) {
            return Err(error(Some(token), &format!("extraneous '{}'", token.text)));
        }
    }
    match open.pop() {
        Some(token) => Err(error(Some(token), &format!("'{}' is never closed", token.text))),
        None => Ok(()),
    }
}

fn find_kernels(tokens: &[Token<'_>]) -> Result<Vec<Arc<KernelMeta>>, String> {
    let mut kernels: Vec<Arc<KernelMeta>> = Vec::new();
    let mut attributes = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" | "(" | "[" => {
                at = after_bracket(tokens, at);
                continue;
            }
            "__attribute__" | "__attribute" => {
                let end = after_bracket(tokens, at + 1);
                attributes.extend(attribute(&tokens[at + 1..end]));
                at = end;
                continue;
            }
            "kernel" | "__kernel" => {
                let (kernel, end) = kernel(tokens, at + 1, std::mem::take(&mut attributes))?;
                if let Some(kernel) = kernel {
                    if kernels.iter().any(|other| other.name == kernel.name) {
                        return Err(error(Some(token), &format!("redefinition of '{}'", kernel.name)));
                    }
                    kernels.push(Arc::new(kernel));
                }
                at = end;
                continue;
            }
            ";" => attributes.clear(),
            _ => {}
        }
        at += 1;
    }
    Ok(kernels)
}

/// Index behind the bracket that closes the one at `at` (brackets are balanced), or behind `at` if none stands there.
fn after_bracket(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// The attribute in `((...))`, written without spaces.
fn attribute(tokens: &[Token<'_>]) -> Option<String> {
    let inner = tokens.get(2..tokens.len().checked_sub(2)?)?;
    let text: String = inner.iter().map(|token| token.text).collect();
    (!text.is_empty()).then_some(text)
}

/// The kernel whose declaration goes on at `at`, unless it has no body; and where its signature ends.
fn kernel(
    tokens: &[Token<'_>],
    mut at: usize,
    mut attributes: Vec<String>,
) -> Result<(Option<KernelMeta>, usize), String> {
    let start = tokens.get(at.saturating_sub(1));
    let mut words = Vec::new();
    loop {
        let token = tokens.get(at).ok_or_else(|| error(start, "expected a function after 'kernel'"))?;
        match token.text {
            "__attribute__" | "__attribute" => {
                let end = after_bracket(tokens, at + 1);
                attributes.extend(attribute(&tokens[at + 1..end]));
                at = end;
            }
            "(" => break,
            ";" | "{" | "}" | ")" | "=" => return Err(error(Some(token), "expected a function after 'kernel'")),
            word => {
                words.push(word);
                at += 1;
            }
        }
    }
    let name = words.pop().unwrap_or_default();
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !is_name || !words.contains(&"void") {
        return Err(error(start, "kernel must have void return type"));
    }
    let params_end = after_bracket(tokens, at);
    let args = split_params(&tokens[at + 1..params_end - 1]);
    at = params_end;
    while tokens.get(at).is_some_and(|token| token.text.starts_with("__attribute")) {
        let end = after_bracket(tokens, at + 1);
        attributes.extend(attribute(&tokens[at + 1..end]));
        at = end;
    }
    match tokens.get(at).map(|token| token.text) {
        Some("{") => {
            let required = required(&attributes);
            let attributes = attributes.join(" ");
            Ok((Some(KernelMeta { name: name.into(), attributes, required, args }), at))
        }
        Some(";") => Ok((None, at)),
        _ => Err(error(start, "expected function body after function declarator")),
    }
}

fn required(attributes: &[String]) -> [usize; 3] {
    let mut sizes = [0; 3];
    for attribute in attributes {
        let name = attribute.trim_start_matches('_');
        let Some(list) = name.strip_prefix("reqd_work_group_size(").and_then(|rest| rest.split(')').next()) else {
            continue;
        };
        sizes = [1; 3];
        for (size, number) in sizes.iter_mut().zip(list.split(',')) {
            *size = number.parse().unwrap_or(1);
        }
    }
    sizes
}
