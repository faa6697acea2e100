//! Compares what is described with Khronos' registry, `cl.xml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use roxmltree::{Document, Node};

use crate::extensions::{Carried, Extension};
use crate::functions::{Function, How, text};
use crate::registry_extensions;

/// How a registry and a description compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One row for each version of the API and each carried extension.
    pub rows: Vec<Row>,
    /// What is missing or differs.
    pub gaps: Vec<String>,
}

/// The functions of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The version or the extension.
    pub since: String,
    /// Answered by the front-end.
    pub local: usize,
    /// Sent without waiting.
    pub asynchronous: usize,
    /// Sent and waited for.
    pub waits: usize,
    /// Answered as a device without the feature does.
    pub unsupported: usize,
    /// Without an entry point.
    pub absent: usize,
    /// Not described.
    pub missing: usize,
}

/// Compares `functions` and `extensions` with the registry in `xml`.
///
/// # Errors
/// What is not such a registry.
pub fn compare(xml: &str, functions: &[Function], extensions: &[Extension]) -> Result<Report> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = Document::parse_with_options(xml, options).context("the registry is not XML")?;
    let root = document.root_element();
    let commands = signatures(root);
    let described: BTreeMap<&str, &Function> =
        functions.iter().map(|function| (function.name.as_str(), function)).collect();
    let mut report = Report::default();
    let mut known = Vec::new();
    let carried = |name: &str| {
        extensions.iter().any(|extension| extension.name == name && extension.carried == Carried::Host)
            || functions.iter().any(|function| function.since == name)
    };
    for (since, names) in required(root, carried) {
        let mut row = Row { since: since.clone(), ..Row::default() };
        for name in names {
            known.push(name);
            let Some(function) = described.get(name) else {
                row.missing += 1;
                report.gaps.push(format!("{name}: not described"));
                continue;
            };
            *match function.how {
                How::Local => &mut row.local,
                How::Asynchronous(_) => &mut row.asynchronous,
                How::Waits(_) => &mut row.waits,
                How::Unsupported(..) => &mut row.unsupported,
                How::Absent(_) => &mut row.absent,
            } += 1;
            if function.since != since {
                report.gaps.push(format!("{name}: since {since}, described as since {}", function.since));
            }
            match commands.get(name) {
                Some(signature) => report.gaps.extend(differences(function, signature)),
                None => report.gaps.push(format!("{name}: the registry has no signature")),
            }
        }
        report.rows.push(row);
    }
    let registered = |function: &&Function| {
        !extensions.iter().any(|extension| extension.name == function.since && extension.unregistered)
    };
    let unknown = functions.iter().filter(|function| !known.contains(&function.name.as_str())).filter(registered);
    report.gaps.extend(unknown.map(|function| format!("{}: not in the registry", function.name)));
    report.gaps.extend(registry_extensions::gaps(root, extensions));
    Ok(report)
}

/// The report as a table, with the gaps below.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = format!("{:<40}  local  asynchronous  waits  unsupported  absent  missing\n", "since");
    for row in &report.rows {
        let _ = writeln!(
            out,
            "{:<40}  {:>5}  {:>12}  {:>5}  {:>11}  {:>6}  {:>7}",
            row.since, row.local, row.asynchronous, row.waits, row.unsupported, row.absent, row.missing
        );
    }
    for gap in &report.gaps {
        let _ = writeln!(out, "{gap}");
    }
    out
}

/// What a function returns, and its parameters' names and types, as Rust.
struct Signature {
    returns: String,
    params: Vec<(String, String)>,
}

fn signatures<'a>(root: Node<'a, '_>) -> BTreeMap<&'a str, Signature> {
    let commands = root.children().filter(|node| node.has_tag_name("commands")).flat_map(|node| node.children());
    commands
        .filter(|node| node.has_tag_name("command"))
        .filter_map(|command| {
            let prototype = child(command, "proto")?;
            let params = command.children().filter(|node| node.has_tag_name("param"));
            let params = params.filter_map(|param| Some((child(param, "name")?.text()?.to_owned(), rust_type(param))));
            let signature = Signature { returns: rust_type(prototype), params: params.collect() };
            Some((child(prototype, "name")?.text()?, signature))
        })
        .collect()
}

/// Each version and each extension whose functions are described, with the names that it requires.
fn required<'a>(root: Node<'a, '_>, carried: impl Fn(&str) -> bool) -> Vec<(String, Vec<&'a str>)> {
    let names = |node: Node<'a, '_>| -> Vec<&'a str> {
        node.descendants()
            .filter(|node| node.has_tag_name("command"))
            .filter_map(|command| command.attribute("name"))
            .collect()
    };
    let mut required = Vec::new();
    for feature in root.children().filter(|node| node.has_tag_name("feature")) {
        let version = feature.attribute("name").and_then(|name| name.strip_prefix("CL_VERSION_"));
        if let Some(version) = version {
            required.push((version.replace('_', "."), names(feature)));
        }
    }
    for (name, extension) in registry_extensions::all(root) {
        let functions = names(extension);
        if carried(name) && !functions.is_empty() {
            required.push((name.to_owned(), functions));
        }
    }
    required
}

fn differences(function: &Function, signature: &Signature) -> Vec<String> {
    let name = &function.name;
    let mut gaps = Vec::new();
    let returns = function.returns.as_ref().map_or_else(|| "c_void".to_owned(), text);
    if returns != signature.returns {
        gaps.push(format!("{name}: returns {}, described as {returns}", signature.returns));
    }
    if function.params.len() != signature.params.len() {
        let (found, expected) = (function.params.len(), signature.params.len());
        gaps.push(format!("{name}: {expected} parameters, described with {found}"));
    }
    for (param, (expected_name, expected_type)) in function.params.iter().zip(&signature.params) {
        let found = if text(&param.ty).starts_with("Option<") { "callback".to_owned() } else { text(&param.ty) };
        if (&param.name, &found) != (expected_name, expected_type) {
            gaps.push(format!("{name}: `{expected_name}: {expected_type}`, described as `{}: {found}`", param.name));
        }
    }
    gaps
}

/// `const char** <name>` -> `*mut*constc_char`, as opencl-sys spells it and without spaces.
fn rust_type(declaration: Node<'_, '_>) -> String {
    let parts = declaration.children().filter(|node| !node.has_tag_name("name"));
    let words: String = parts.filter_map(|part| part.text()).collect::<Vec<_>>().join(" ");
    if words.contains("CL_CALLBACK") {
        return "callback".to_owned();
    }
    let pointers = words.matches('*').count() + words.matches("[]").count();
    let constant = words.split_whitespace().any(|word| word == "const");
    let base = words.replace(['*', '[', ']'], " ");
    let base: Vec<&str> = base.split_whitespace().filter(|word| *word != "const").collect();
    let base = match base.join(" ").as_str() {
        "void" => "c_void".to_owned(),
        "char" => "c_char".to_owned(),
        "int" => "c_int".to_owned(),
        "unsigned char" => "c_uchar".to_owned(),
        other => other.to_owned(),
    };
    (0..pointers).fold(base, |inner, depth| {
        let how = if constant && depth == 0 { "*const" } else { "*mut" };
        format!("{how}{inner}")
    })
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extensions::extensions;
    use crate::parse_functions::functions;

    const XML: &str = r#"<registry>
        <commands>
            <command>
                <proto><type>cl_int</type> <name>clAsk</name></proto>
                <param>const <type>char</type>** <name>names</name></param>
                <param><type>void</type>* <name>value</name></param>
                <param>void (CL_CALLBACK* <name>done</name>)(void* user_data)</param>
            </command>
            <command><proto><type>void</type> <name>clForget</name></proto></command>
        </commands>
        <feature name="CL_VERSION_1_0"><require><command name="clAsk" /></require></feature>
        <feature name="CL_VERSION_1_1"><require><command name="clForget" /></require></feature>
        <extensions><extension name="cl_khr_other"><require><command name="clOther" /></require></extension></extensions>
    </registry>"#;

    fn other() -> Vec<Extension> {
        extensions("#[not(\"why\")] enum cl_khr_other {}").unwrap()
    }

    #[test]
    fn a_whole_description_has_no_gaps() {
        let functions = functions(
            r#"unsafe extern "C" {
                #[since("1.0")] #[body(m)] #[local] #[checked("")]
                fn clAsk(
                    #[input(1)] names: *mut *const c_char,
                    #[host] value: *mut c_void,
                    #[callback] done: Option<unsafe extern "C" fn(*mut c_void)>,
                ) -> cl_int;
                #[since("1.1")] #[unsupported("nothing", "there is none")]
                fn clForget();
            }"#,
        )
        .unwrap();
        let report = compare(XML, &functions, &other()).unwrap();
        assert_eq!(report.gaps, Vec::<String>::new());
        assert_eq!(report.rows[0], Row { since: "1.0".into(), local: 1, ..Row::default() });
        assert_eq!(report.rows[1], Row { since: "1.1".into(), unsupported: 1, ..Row::default() });
        assert!(render(&report).starts_with("since"));
    }

    #[test]
    fn gaps_are_told() {
        let functions = functions(
            r#"unsafe extern "C" {
                #[since("1.2")] #[local]
                fn clAsk(name: *mut *const c_char, value: *const c_void) -> cl_uint;
                #[since("1.0")] #[local]
                fn clInvented();
            }"#,
        )
        .unwrap();
        let gaps = compare(XML, &functions, &other()).unwrap().gaps;
        assert_eq!(
            gaps,
            [
                "clAsk: since 1.0, described as since 1.2",
                "clAsk: returns cl_int, described as cl_uint",
                "clAsk: 3 parameters, described with 2",
                "clAsk: `names: *mut*constc_char`, described as `name: *mut*constc_char`",
                "clAsk: `value: *mutc_void`, described as `value: *constc_void`",
                "clForget: not described",
                "clInvented: not in the registry",
            ]
        );
    }
}
