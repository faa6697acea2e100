//! Opcode numbers: given once to each message, in a file that only grows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::model::Messages;

const HEADER: &str = "\
# The opcode of each message. `remora-codegen gen` appends what is new and never changes a line. A message that is no
# longer sent moves from [opcodes] to [retired] by hand; its number is not used again.
";

/// The numbers of one API's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opcodes {
    #[serde(default)]
    opcodes: BTreeMap<String, u16>,
    #[serde(default)]
    retired: BTreeMap<String, u16>,
}

impl Opcodes {
    /// Reads `opcodes.toml`.
    ///
    /// # Errors
    /// What is not such a file, or gives one number to two messages.
    pub fn parse(text: &str) -> Result<Self> {
        let opcodes: Self = toml::from_str(text).context("opcodes.toml")?;
        let mut owners = BTreeMap::new();
        for (name, number) in opcodes.opcodes.iter().chain(&opcodes.retired) {
            if let Some(other) = owners.insert(number, name) {
                bail!("opcodes.toml: {number} is both `{other}` and `{name}`");
            }
        }
        Ok(opcodes)
    }

    /// Gives a number to every message that has none yet.
    ///
    /// # Errors
    /// If a message that has a number is gone without being retired, or a retired one is back.
    pub fn update(&mut self, messages: &Messages) -> Result<()> {
        for name in self.opcodes.keys() {
            if !messages.with_opcode().any(|message| message.name == *name) {
                bail!("message `{name}` is gone: move it to [retired] in opcodes.toml");
            }
        }
        for message in messages.with_opcode() {
            if self.retired.contains_key(&message.name) {
                bail!("message `{}` is retired: give the new one another name", message.name);
            }
            if !self.opcodes.contains_key(&message.name) {
                let number = self.highest().checked_add(1).context("out of opcodes")?;
                self.opcodes.insert(message.name.clone(), number);
            }
        }
        Ok(())
    }

    /// The number of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u16> {
        self.opcodes.get(name).copied()
    }

    /// The highest number ever given; 0 is none's.
    #[must_use]
    pub fn highest(&self) -> u16 {
        self.opcodes.values().chain(self.retired.values()).copied().max().unwrap_or(0)
    }

    /// Checks that every number that `older` gave still means the same message.
    ///
    /// # Errors
    /// The first that doesn't.
    pub fn keeps(&self, older: &Self) -> Result<()> {
        for (name, number) in older.opcodes.iter().chain(&older.retired) {
            let now = self.opcodes.get(name).or_else(|| self.retired.get(name));
            if now != Some(number) {
                bail!("opcodes.toml: `{name}` was {number} and is {now:?}");
            }
        }
        Ok(())
    }

    /// The file's text, in order of number.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = HEADER.to_owned();
        for (title, table) in [("opcodes", &self.opcodes), ("retired", &self.retired)] {
            let mut lines: Vec<_> = table.iter().collect();
            lines.sort_by_key(|(_, number)| **number);
            if lines.is_empty() {
                continue;
            }
            let _ = write!(text, "\n[{title}]\n");
            for (name, number) in lines {
                let _ = writeln!(text, "{name} = {number}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::messages;

    fn of(source: &str) -> Messages {
        Messages::new(messages(source).unwrap()).unwrap()
    }

    #[test]
    fn numbers_are_appended_and_kept() {
        let mut opcodes = Opcodes::parse("[opcodes]\nB = 4\n[retired]\nOld = 6\n").unwrap();
        let before = opcodes.clone();
        opcodes.update(&of("struct Shape {} #[notice] struct A {} #[notice] struct B {}")).unwrap();
        assert_eq!((opcodes.get("A"), opcodes.get("B"), opcodes.get("Shape")), (Some(7), Some(4), None));
        assert_eq!(Opcodes::parse(&opcodes.render()).unwrap(), opcodes);
        assert!(opcodes.render().ends_with("[opcodes]\nB = 4\nA = 7\n\n[retired]\nOld = 6\n"));
        opcodes.keeps(&before).unwrap();
        before.keeps(&opcodes).unwrap_err();
    }

    #[test]
    fn what_would_break_old_peers_is_refused() {
        Opcodes::parse("[opcodes]\nA = 1\nB = 1\n").unwrap_err();
        let mut opcodes = Opcodes::parse("[opcodes]\nGone = 1\n").unwrap();
        let error = opcodes.update(&of("#[notice] struct A {}")).unwrap_err();
        assert!(error.to_string().contains("`Gone`"), "{error}");
        let mut opcodes = Opcodes::parse("[retired]\nA = 1\n").unwrap();
        opcodes.update(&of("#[notice] struct A {}")).unwrap_err();
        let moved = Opcodes::parse("[opcodes]\nA = 2\n").unwrap();
        moved.keeps(&opcodes).unwrap_err();
    }
}
