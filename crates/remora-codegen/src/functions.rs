//! What `api/*/functions/` says of each function, as plain values, and what must hold of it.

use anyhow::{Context, Result, bail, ensure};
use quote::ToTokens;
use syn::Type;

use crate::model::{Field, Message, Messages, Role, Wire};

/// One function of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name in C.
    pub name: String,
    /// The lines of its documentation.
    pub docs: Vec<String>,
    /// The version of the API that brought it ("1.2"), or the extension.
    pub since: String,
    /// What becomes of a call.
    pub how: How,
    /// The module of the front-end where its body stands.
    pub body: Option<String>,
    /// For a queue command that is pure plumbing: its command type. Its message is derived from its parameters.
    pub uniform: Option<String>,
    /// For what records a uniform command in a command buffer: that command's message.
    pub records: Option<String>,
    /// Which errors the front-end finds by itself.
    pub checked: Option<String>,
    /// What only the driver can tell, and how the program learns it.
    pub late: Option<String>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// What it returns, if anything.
    pub returns: Option<Type>,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// The front-end answers.
    Local,
    /// These messages may be sent; the call doesn't wait (except where a parameter asks it to).
    Asynchronous(Vec<String>),
    /// These messages may be sent or awaited, and the call waits.
    Waits(Vec<String>),
    /// Answered as a device without the feature does, and why.
    Unsupported(String, String),
    /// There is no such entry point, and why.
    Absent(String),
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name in C.
    pub name: String,
    /// Its type, as opencl-sys has it.
    pub ty: Type,
    /// What passes through it.
    pub passes: Passes,
    /// Whether a pointer may be NULL.
    pub nullable: bool,
    /// Whether a true value makes the call wait.
    pub blocking: bool,
    /// The version of the function's extension that added it; 0 if it always was there.
    pub from: u32,
}

/// What passes through a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passes {
    /// A number.
    Value,
    /// An object.
    Handle,
    /// So many things to read.
    Input(Length),
    /// Room for so many things.
    Output(Length),
    /// As many events as the parameter of that name says.
    WaitList(String),
    /// Where the event of the command goes.
    Event,
    /// Where the error code of a creator goes.
    ErrorCode,
    /// A function of the program.
    Callback,
    /// For the callback.
    UserData,
    /// Text up to a NUL.
    String,
    /// Pairs of name and value up to a 0.
    Properties,
    /// The program's memory, whose extent other parameters say.
    Host,
}

/// How many things there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Length {
    /// Always so many.
    Number(usize),
    /// As many as that parameter says.
    Param(String),
}

/// What the entry point gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// An error code.
    Status,
    /// A pointer, with the error code beside it.
    Created,
    /// A pointer, NULL for an error.
    Pointer,
    /// Nothing.
    Nothing,
}

/// Opaque types.
const HANDLES: [&str; 12] = [
    "cl_platform_id",
    "cl_device_id",
    "cl_context",
    "cl_command_queue",
    "cl_mem",
    "cl_program",
    "cl_kernel",
    "cl_event",
    "cl_sampler",
    "cl_command_buffer_khr",
    "cl_mutable_command_khr",
    "cl_semaphore_khr",
];

/// Functions of extensions for which the ICD's table has a place.
const SLOTS: [&str; 1] = ["clGetKernelSubGroupInfoKHR"];

/// What all functions that record a command have.
const RECORDING: [&str; 7] = [
    "command_buffer",
    "command_queue",
    "properties",
    "num_sync_points_in_wait_list",
    "sync_point_wait_list",
    "sync_point",
    "mutable_handle",
];

/// Whether `ty` is an object's.
#[must_use]
pub fn is_handle(ty: &Type) -> bool {
    HANDLES.contains(&text(ty).as_str())
}

/// A type as text without spaces, to compare.
#[must_use]
pub fn text(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}

impl Function {
    /// Whether there is an entry point.
    #[must_use]
    pub fn is_exported(&self) -> bool {
        !matches!(self.how, How::Absent(_))
    }

    /// Whether it is of the API itself and not of an extension.
    #[must_use]
    pub fn is_core(&self) -> bool {
        self.since.starts_with(|first: char| first.is_ascii_digit())
    }

    /// Whether programs link with it: the loaders have functions of the API and few others.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.is_core() || self.since == "cl_khr_icd" || self.has_slot()
    }

    /// Whether the ICD's table has a place for it.
    #[must_use]
    pub fn has_slot(&self) -> bool {
        self.is_core() || SLOTS.contains(&self.name.as_str())
    }

    /// The version of its extension that added a parameter, if any did.
    #[must_use]
    pub fn changed(&self) -> Option<u32> {
        self.params.iter().map(|param| param.from).max().filter(|from| *from > 0)
    }

    /// The name of the entry point, or of the driver's function, as it was before that.
    #[must_use]
    pub fn name_before(&self) -> String {
        format!("{}_before", self.name)
    }

    /// What the entry point gives back.
    #[must_use]
    pub fn returned(&self) -> Returned {
        match &self.returns {
            None => Returned::Nothing,
            Some(ty) if text(ty) == "cl_int" => Returned::Status,
            Some(_) if self.params.iter().any(|param| param.passes == Passes::ErrorCode) => Returned::Created,
            Some(_) => Returned::Pointer,
        }
    }

    /// The name of its body: snake case, without the prefix.
    #[must_use]
    pub fn body_name(&self) -> String {
        snake(self.name.strip_prefix("cl").unwrap_or(&self.name))
    }

    /// The messages that it may send or await.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        match &self.how {
            How::Asynchronous(messages) | How::Waits(messages) => messages,
            How::Local | How::Unsupported(..) | How::Absent(_) => &[],
        }
    }

    /// Its parameters but for the error code's.
    pub fn inputs(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| param.passes != Passes::ErrorCode)
    }

    /// The parameters that a uniform command's message carries: all but the queue, the wait list and the event. Of what
    /// records such a command, the same.
    pub fn carried(&self) -> impl Iterator<Item = &Param> {
        let recording: &[&str] = if self.records.is_some() { &RECORDING } else { &[] };
        let count = self.params.iter().find_map(|param| match &param.passes {
            Passes::WaitList(count) => Some(count.clone()),
            _ => None,
        });
        self.params.iter().skip(1).filter(move |param| {
            !matches!(param.passes, Passes::WaitList(_) | Passes::Event)
                && Some(&param.name) != count.as_ref()
                && !recording.contains(&param.name.as_str())
        })
    }

    /// The message of a uniform command.
    ///
    /// # Errors
    /// If a parameter is not of the kinds that such a command has.
    pub fn message(&self) -> Result<Option<Message>> {
        let (Some(_), How::Asynchronous(messages)) = (&self.uniform, &self.how) else { return Ok(None) };
        let [name] = messages.as_slice() else { bail!("{}: a uniform command sends one message", self.name) };
        let mut fields = vec![
            Field { name: "event".into(), docs: vec![], wire: Wire::Handle },
            Field { name: "wait".into(), docs: vec![], wire: Wire::List(Box::new(Wire::Handle)) },
        ];
        for param in self.carried() {
            let wire = match (&param.passes, text(&param.ty).as_str()) {
                (Passes::Handle, "cl_mem") => Wire::Handle,
                (Passes::Value, "size_t") => Wire::Int("u64", 8),
                (Passes::Input(Length::Number(count)), "*constsize_t") => {
                    Wire::Array(Box::new(Wire::Int("u64", 8)), *count)
                }
                (_, ty) => bail!("{}: `{}: {ty}` in a uniform command", self.name, param.name),
            };
            fields.push(Field { name: param.name.clone(), docs: vec![], wire });
        }
        let docs = vec![format!(" As {}.", self.name)];
        Ok(Some(Message { name: name.clone(), docs, role: Role::Command(None), fields }))
    }

    /// Checks what the attributes promise of each other, of the signature and of `messages`.
    ///
    /// # Errors
    /// The first thing that doesn't hold.
    pub fn check(&self, messages: &Messages) -> Result<()> {
        self.check_how(messages)?;
        for param in &self.params {
            self.check_param(param).with_context(|| format!("parameter `{}`", param.name))?;
        }
        Ok(())
    }

    fn check_how(&self, messages: &Messages) -> Result<()> {
        match &self.how {
            How::Local | How::Asynchronous(_) | How::Waits(_) => {
                ensure!(self.body.is_some(), "neither `body` nor an explanation why there is none");
                ensure!(self.checked.is_some() || self.params.is_empty(), "`checked` is missing");
            }
            How::Unsupported(answer, _) => {
                let fits = match self.returned() {
                    Returned::Status | Returned::Created => answer.starts_with("CL_"),
                    Returned::Pointer => answer == "NULL",
                    Returned::Nothing => answer == "nothing",
                };
                ensure!(fits, "`{answer}` is no answer of this function");
                ensure!(self.body.is_none(), "an unsupported function has no body");
            }
            How::Absent(_) => ensure!(self.body.is_none(), "an absent function has no body"),
        }
        let mut commands = 0;
        let mut answered = 0;
        for name in self.messages() {
            match messages.get(name).map(|message| &message.role) {
                Some(Role::Command(reply)) => {
                    commands += 1;
                    answered += usize::from(reply.is_some());
                }
                Some(Role::Notice) => answered += 1,
                _ => bail!("`{name}` is neither a command nor a notice"),
            }
        }
        match &self.how {
            How::Asynchronous(_) => ensure!(commands > 0, "sends nothing: `local`?"),
            How::Waits(_) => ensure!(commands > 0 && answered > 0, "nothing that it could wait for"),
            _ => {}
        }
        if let Some(recorded) = &self.records {
            let params: Vec<_> = self.carried().map(|param| param.name.as_str()).collect();
            let Some(message) = messages.get(recorded) else { bail!("no message `{recorded}`") };
            let fields: Vec<_> = message.fields.iter().skip(2).map(|field| field.name.as_str()).collect();
            ensure!(params == fields, "carries {params:?}, `{recorded}` {fields:?}");
        }
        if self.uniform.is_some() {
            ensure!(matches!(self.how, How::Asynchronous(_)), "a uniform command is asynchronous");
            ensure!(
                self.params.first().is_some_and(|param| text(&param.ty) == "cl_command_queue"),
                "a uniform command takes a queue first"
            );
        }
        Ok(())
    }

    fn check_param(&self, param: &Param) -> Result<()> {
        let ty = text(&param.ty);
        let (constant, mutable) = (ty.starts_with("*const"), ty.starts_with("*mut"));
        let pointer = constant || mutable || ty.starts_with("Option<");
        match &param.passes {
            Passes::Value => ensure!(!pointer, "a pointer that says neither direction nor length"),
            Passes::Handle => ensure!(is_handle(&param.ty), "not an object's type"),
            // opencl-sys spells `const char **` as `*mut *const`.
            Passes::Input(_) => ensure!(pointer, "input through `{ty}`"),
            Passes::Output(_) => ensure!(mutable, "output through `{ty}`"),
            Passes::WaitList(_) => ensure!(ty == "*constcl_event", "a wait list of type `{ty}`"),
            Passes::Event => ensure!(ty == "*mutcl_event", "an event through `{ty}`"),
            Passes::ErrorCode => ensure!(ty == "*mutcl_int", "an error code through `{ty}`"),
            Passes::Callback => ensure!(ty.starts_with("Option<"), "a callback of type `{ty}`"),
            Passes::UserData | Passes::Host => ensure!(pointer, "memory of type `{ty}`"),
            Passes::String => ensure!(ty == "*constc_char", "text of type `{ty}`"),
            Passes::Properties => ensure!(constant, "properties of type `{ty}`"),
        }
        ensure!(!param.blocking || ty == "cl_bool", "only a cl_bool can be blocking");
        ensure!(param.from == 0 || constant, "what a version added is NULL before it");
        ensure!(!param.nullable || pointer, "only a pointer is nullable");
        if let Passes::Input(Length::Param(count)) | Passes::Output(Length::Param(count)) | Passes::WaitList(count) =
            &param.passes
        {
            let found = self.params.iter().find(|other| other.name == *count);
            let Some(found) = found else { bail!("no parameter `{count}`") };
            ensure!(matches!(text(&found.ty).as_str(), "cl_uint" | "size_t"), "`{count}` is no count");
        }
        Ok(())
    }
}

/// `GetPlatformIDs` -> `get_platform_ids`, `EnqueueNDRangeKernel` -> `enqueue_nd_range_kernel`.
fn snake(name: &str) -> String {
    for suffix in ["KHR", "EXT", "INTEL", "NV", "PoCL"] {
        if let Some(name) = name.strip_suffix(suffix) {
            return format!("{}_{}", snake(name), suffix.to_lowercase());
        }
    }
    let letters: Vec<char> = name.replace("IDs", "Ids").chars().collect();
    let mut out = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        let after = letters.get(index + 1);
        let starts_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase)
            });
        if starts_word {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        for (name, expected) in [
            ("GetPlatformIDs", "get_platform_ids"),
            ("EnqueueNDRangeKernel", "enqueue_nd_range_kernel"),
            ("CreateImage2D", "create_image2d"),
            ("CreateProgramWithIL", "create_program_with_il"),
            ("IcdGetPlatformIDsKHR", "icd_get_platform_ids_khr"),
            ("SetKernelArg", "set_kernel_arg"),
            ("CreateProgramWithILKHR", "create_program_with_il_khr"),
            ("SetContentSizeBufferPoCL", "set_content_size_buffer_pocl"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }
}
