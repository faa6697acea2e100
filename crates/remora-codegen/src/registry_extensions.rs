//! Compares what is said of extensions with Khronos' registry.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::extensions::{Carried, Extension, Of};

/// Each extension of the registry with its name.
pub fn all<'a, 'input>(root: Node<'a, 'input>) -> impl Iterator<Item = (&'a str, Node<'a, 'input>)> {
    let extensions = root.children().filter(|node| node.has_tag_name("extensions")).flat_map(|node| node.children());
    extensions.filter(|node| node.has_tag_name("extension")).filter_map(|node| Some((node.attribute("name")?, node)))
}

/// What is missing or differs: extensions that nothing is said of, parameters of carried ones that nobody asks for, and
/// numbers.
#[must_use]
pub fn gaps(root: Node<'_, '_>, extensions: &[Extension]) -> Vec<String> {
    let described: BTreeMap<&str, &Extension> =
        extensions.iter().map(|extension| (extension.name.as_str(), extension)).collect();
    let values = values(root);
    let mut gaps = Vec::new();
    let mut registered = Vec::new();
    for (name, node) in all(root) {
        registered.push(name);
        let Some(extension) = described.get(name) else {
            gaps.push(format!("{name}: nothing is said of it"));
            continue;
        };
        if extension.carried == Carried::Host {
            gaps.extend(missing(node, extension));
        }
    }
    for extension in extensions {
        if registered.contains(&extension.name.as_str()) == extension.unregistered {
            let how = if extension.unregistered { "in the registry after all" } else { "not in the registry" };
            gaps.push(format!("{}: {how}", extension.name));
        }
        for param in &extension.params {
            match values.get(param.name.as_str()) {
                Some(value) if *value != param.value => {
                    gaps.push(format!("{}: {value:#x}, described as {:#x}", param.name, param.value));
                }
                _ => {}
            }
        }
    }
    gaps
}

/// Parameters of `node` that `extension` doesn't list. Those of sub-groups may need sizes: they are asked when they are
/// wanted.
fn missing(node: Node<'_, '_>, extension: &Extension) -> Vec<String> {
    let groups = node.children().filter(|node| node.has_tag_name("require")).filter(|group| {
        let comment = group.attribute("comment").unwrap_or_default();
        let word = comment.split_whitespace().next().unwrap_or_default();
        Of::ALL.iter().any(|(of, _, group)| *group == word && *of != Of::SubGroup)
    });
    let names = groups.flat_map(|group| group.children()).filter(|node| node.has_tag_name("enum"));
    names
        .filter_map(|node| node.attribute("name"))
        .filter(|name| !extension.params.iter().any(|param| param.name == *name))
        .map(|name| format!("{}: `{name}` is not asked for", extension.name))
        .collect()
}

fn values<'a>(root: Node<'a, '_>) -> BTreeMap<&'a str, u32> {
    let enums = root.children().filter(|node| node.has_tag_name("enums")).flat_map(|node| node.children());
    enums
        .filter_map(|node| {
            let value = node.attribute("value")?;
            let number = match value.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => value.parse(),
            };
            Some((node.attribute("name")?, number.ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extensions::extensions;

    #[test]
    fn gaps_are_told() {
        let xml = r#"<registry>
            <enums><enum value="0x10" name="CL_DEVICE_A" /><enum value="0x11" name="CL_DEVICE_B" /></enums>
            <extensions>
                <extension name="cl_a">
                    <require comment="cl_device_info"><enum name="CL_DEVICE_A" /><enum name="CL_DEVICE_B" /></require>
                    <require comment="Error codes"><enum name="CL_C" /></require>
                </extension>
                <extension name="cl_b"></extension>
                <extension name="cl_c"></extension>
            </extensions>
        </registry>"#;
        let all = extensions(
            "#[carried] enum cl_a { #[device] CL_DEVICE_A = 0x12 }
             #[language] #[unregistered] enum cl_c {}
             #[not(\"why\")] enum cl_d {}",
        );
        let document = roxmltree::Document::parse(xml).unwrap();
        assert_eq!(
            gaps(document.root_element(), &all.unwrap()),
            [
                "cl_a: `CL_DEVICE_B` is not asked for",
                "cl_b: nothing is said of it",
                "CL_DEVICE_A: 0x10, described as 0x12",
                "cl_c: in the registry after all",
                "cl_d: not in the registry",
            ]
        );
    }
}
