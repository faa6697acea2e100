//! All of it: which files are read, which are written, and whether they are current.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use proc_macro2::TokenStream;

use crate::extensions::{self, Extension};
use crate::functions::Function;
use crate::model::Messages;
use crate::opcodes::Opcodes;
use crate::{emit_extensions, emit_front, emit_messages, emit_worker, parse, parse_functions, text};

/// A file as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Relative to the repository's root.
    pub path: PathBuf,
    /// All of its text.
    pub text: String,
}

/// Reads `api/` below `root` and generates everything that follows from it.
///
/// # Errors
/// What can't be read or is not understood.
pub fn generate(root: &Path) -> Result<Vec<Output>> {
    let api = root.join("api/opencl");
    let functions = read_functions(&api.join("functions"))?;
    let extensions = read_extensions(&api.join("extensions"))?;
    extensions::check(&extensions, &functions).context("api/opencl")?;
    let mut list = parse::messages(&read(&api.join("messages.rs"))?).context("api/opencl/messages.rs")?;
    for function in &functions {
        list.extend(function.message()?);
    }
    let messages = Messages::new(list).context("api/opencl")?;
    for function in &functions {
        function.check(&messages).with_context(|| function.name.clone())?;
    }
    let opcodes_path = api.join("opcodes.toml");
    let mut opcodes = if opcodes_path.exists() { Opcodes::parse(&read(&opcodes_path)?)? } else { Opcodes::default() };
    opcodes.update(&messages)?;
    let protocol = Path::new("crates/remora-protocol");
    let front = Path::new("crates/remora-opencl/src/generated");
    let worker = Path::new("crates/remora-worker/src/opencl/generated");
    Ok(vec![
        Output { path: "api/opencl/opcodes.toml".into(), text: opcodes.render() },
        rust(protocol.join("src/generated/opencl.rs"), &emit_messages::protocol(&messages, &opcodes))?,
        rust(protocol.join("tests/generated/opencl.rs"), &emit_messages::tests(&messages))?,
        rust(front.join("mod.rs"), &emit_front::modules())?,
        rust(front.join("entry.rs"), &emit_front::entry(&functions))?,
        rust(front.join("uniform.rs"), &emit_front::uniform(&functions))?,
        rust(front.join("dispatch.rs"), &emit_front::dispatch(&functions))?,
        rust(front.join("coverage.rs"), &emit_front::coverage(&functions))?,
        rust(front.join("extensions.rs"), &emit_extensions::table(&extensions, &functions))?,
        rust(worker.join("mod.rs"), &emit_worker::modules())?,
        rust(worker.join("driver.rs"), &emit_worker::driver(&functions))?,
        rust(worker.join("uniform.rs"), &emit_worker::uniform(&functions))?,
        rust(worker.join("queries.rs"), &emit_extensions::queries(&extensions))?,
    ])
}

/// The functions of every file in `folder`, by file name, each name once.
///
/// # Errors
/// What can't be read or is not understood.
pub fn read_functions(folder: &Path) -> Result<Vec<Function>> {
    let functions = read_all(folder, parse_functions::functions)?;
    let mut names = BTreeSet::new();
    for function in &functions {
        ensure!(names.insert(&function.name), "{}: described twice", function.name);
    }
    Ok(functions)
}

/// The extensions of every file in `folder`.
///
/// # Errors
/// What can't be read or is not understood.
pub fn read_extensions(folder: &Path) -> Result<Vec<Extension>> {
    read_all(folder, extensions::extensions)
}

/// What `parse` makes of every file in `folder`, by file name.
fn read_all<T>(folder: &Path, parse: impl Fn(&str) -> Result<Vec<T>>) -> Result<Vec<T>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    paths.sort();
    let mut all = Vec::new();
    for path in &paths {
        all.extend(parse(&read(path)?).with_context(|| path.display().to_string())?);
    }
    Ok(all)
}

/// The files of `outputs` that are not on disk as they should be.
#[must_use]
pub fn stale<'a>(root: &Path, outputs: &'a [Output]) -> Vec<&'a Output> {
    outputs
        .iter()
        .filter(|output| fs::read_to_string(root.join(&output.path)).ok().as_ref() != Some(&output.text))
        .collect()
}

/// Writes `output` below `root`.
///
/// # Errors
/// Those of the file system.
pub fn write(root: &Path, output: &Output) -> Result<()> {
    let path = root.join(&output.path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    fs::write(&path, &output.text).with_context(|| path.display().to_string())
}

fn rust(path: PathBuf, tokens: &TokenStream) -> Result<Output> {
    let text = text::render(tokens).with_context(|| path.display().to_string())?;
    Ok(Output { path, text })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}
