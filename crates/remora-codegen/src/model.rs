//! What the files of `api/` say, as plain values: messages with their fields, and the questions that emitters ask of them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// One struct of the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its name, as in Rust.
    pub name: String,
    /// The lines of its documentation.
    pub docs: Vec<String>,
    /// What it is for.
    pub role: Role,
    /// Its fields, in wire order.
    pub fields: Vec<Field>,
}

/// What a struct of the wire is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Part of messages, never sent alone.
    Shape,
    /// From the program to the worker; with the name of the reply that answers it, if one does.
    Command(Option<String>),
    /// From the worker, unasked.
    Notice,
    /// From the worker, answering a command.
    Reply,
}

/// One field of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name, as in Rust.
    pub name: String,
    /// The lines of its documentation.
    pub docs: Vec<String>,
    /// How it is laid out.
    pub wire: Wire,
}

/// How a value is laid out on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// An integer: its name in Rust and its size.
    Int(&'static str, usize),
    /// One byte, 0 or 1.
    Bool,
    /// The name of an object.
    Handle,
    /// So many values of fixed size.
    Array(Box<Wire>, usize),
    /// A length and bytes, borrowed.
    Bytes,
    /// A count and values of fixed size, borrowed.
    List(Box<Wire>),
    /// A count and values of any size, borrowed.
    Items(Box<Wire>),
    /// A count and values of any size.
    Vec(Box<Wire>),
    /// A bool and perhaps a value.
    Option(Box<Wire>),
    /// Another struct.
    Struct(String),
}

/// All structs of one API, in the order of the file that describes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Messages {
    list: Vec<Message>,
    by_name: BTreeMap<String, usize>,
}

impl Messages {
    /// Checks and indexes `list`.
    ///
    /// # Errors
    /// A name twice, an unknown type, a type that holds itself, a list of what has no fixed size, or a command that waits
    /// for something that is not a reply.
    pub fn new(list: Vec<Message>) -> Result<Self> {
        let mut by_name = BTreeMap::new();
        for (index, message) in list.iter().enumerate() {
            if by_name.insert(message.name.clone(), index).is_some() {
                bail!("{}: described twice", message.name);
            }
        }
        let messages = Self { list, by_name };
        for message in &messages.list {
            messages.check(message).with_context(|| message.name.clone())?;
        }
        Ok(messages)
    }

    /// Every struct.
    pub fn iter(&self) -> impl Iterator<Item = &Message> {
        self.list.iter()
    }

    /// The struct of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Message> {
        self.by_name.get(name).map(|index| &self.list[*index])
    }

    /// Every struct that is sent under an opcode of its own.
    pub fn with_opcode(&self) -> impl Iterator<Item = &Message> {
        self.iter().filter(|message| message.role != Role::Shape)
    }

    /// Every command.
    pub fn commands(&self) -> impl Iterator<Item = &Message> {
        self.iter().filter(|message| matches!(message.role, Role::Command(_)))
    }

    /// Every notice.
    pub fn notices(&self) -> impl Iterator<Item = &Message> {
        self.iter().filter(|message| message.role == Role::Notice)
    }

    /// Whether decoding `message` borrows from the frame, so that its type has a lifetime.
    #[must_use]
    pub fn borrows(&self, message: &Message) -> bool {
        message.fields.iter().any(|field| self.wire_borrows(&field.wire))
    }

    /// As [`Self::borrows`], for one field's type.
    #[must_use]
    pub fn wire_borrows(&self, wire: &Wire) -> bool {
        match wire {
            Wire::Int(..) | Wire::Bool | Wire::Handle | Wire::Array(..) => false,
            Wire::Bytes | Wire::List(_) | Wire::Items(_) => true,
            Wire::Vec(item) | Wire::Option(item) => self.wire_borrows(item),
            Wire::Struct(name) => self.get(name).is_some_and(|message| self.borrows(message)),
        }
    }

    /// Whether `message` owns no memory, so that its type can be `Copy`.
    #[must_use]
    pub fn is_copy(&self, message: &Message) -> bool {
        message.fields.iter().all(|field| self.wire_is_copy(&field.wire))
    }

    fn wire_is_copy(&self, wire: &Wire) -> bool {
        match wire {
            Wire::Vec(_) => false,
            Wire::Option(item) => self.wire_is_copy(item),
            Wire::Struct(name) => self.get(name).is_some_and(|message| self.is_copy(message)),
            _ => true,
        }
    }

    /// Whether every encoding of `message` has the same size and every pattern of bits is one.
    #[must_use]
    pub fn is_fixed(&self, message: &Message) -> bool {
        message.fields.iter().all(|field| self.wire_is_fixed(&field.wire))
    }

    /// Whether all its encodings have the same size.
    #[must_use]
    pub fn wire_is_fixed(&self, wire: &Wire) -> bool {
        match wire {
            Wire::Int(..) | Wire::Handle => true,
            Wire::Array(item, _) => self.wire_is_fixed(item),
            Wire::Struct(name) => self.get(name).is_some_and(|message| self.is_fixed(message)),
            _ => false,
        }
    }

    /// The fewest bytes that an encoding of `message` takes.
    #[must_use]
    pub fn min_size(&self, message: &Message) -> usize {
        message.fields.iter().map(|field| self.wire_min_size(&field.wire)).sum()
    }

    /// The fewest bytes that an encoding takes.
    #[must_use]
    pub fn wire_min_size(&self, wire: &Wire) -> usize {
        match wire {
            Wire::Int(_, size) => *size,
            Wire::Bool | Wire::Option(_) => 1,
            Wire::Handle => 8,
            Wire::Array(item, count) => count * self.wire_min_size(item),
            Wire::Bytes | Wire::List(_) | Wire::Items(_) | Wire::Vec(_) => 4,
            Wire::Struct(name) => self.get(name).map_or(0, |message| self.min_size(message)),
        }
    }

    fn check(&self, message: &Message) -> Result<()> {
        for field in &message.fields {
            self.check_wire(&field.wire, &mut vec![message.name.as_str()])
                .with_context(|| format!("field `{}`", field.name))?;
        }
        match &message.role {
            Role::Command(Some(reply)) => match self.get(reply) {
                Some(Message { role: Role::Reply, .. }) => Ok(()),
                _ => bail!("waits for `{reply}`, which is no reply"),
            },
            _ => Ok(()),
        }
    }

    /// Decoding recurses as deep as types nest: a type within itself would let a frame exhaust the stack.
    fn check_wire<'a>(&'a self, wire: &'a Wire, holders: &mut Vec<&'a str>) -> Result<()> {
        match wire {
            Wire::Int(..) | Wire::Bool | Wire::Handle | Wire::Bytes => Ok(()),
            Wire::Array(item, _) | Wire::List(item) => {
                self.check_wire(item, holders)?;
                if self.wire_is_fixed(item) { Ok(()) } else { bail!("{item:?} has no fixed size") }
            }
            Wire::Items(item) => {
                self.check_wire(item, holders)?;
                if self.wire_is_copy(item) { Ok(()) } else { bail!("{item:?} owns memory") }
            }
            Wire::Vec(item) | Wire::Option(item) => self.check_wire(item, holders),
            Wire::Struct(name) => {
                let Some(inner) = self.get(name) else { bail!("no type `{name}`") };
                if holders.contains(&name.as_str()) {
                    bail!("`{name}` holds itself");
                }
                holders.push(name);
                for field in &inner.fields {
                    self.check_wire(&field.wire, holders)?;
                }
                holders.pop();
                Ok(())
            }
        }
    }
}
