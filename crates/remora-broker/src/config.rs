//! What the broker is told: command line over environment over configuration file over defaults.

use std::fmt;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use remora_protocol::hello::Layout;
use serde::Deserialize;

use crate::confinement::Sandbox;
use crate::size::Size;

/// Read when no `--config` names another one, if it exists.
pub const DEFAULT_CONFIG: &str = "/etc/remora/remorad.toml";
/// Where the broker listens if nothing else is said.
pub const DEFAULT_URL: &str = "unix:/run/remora/remora.sock";
/// An arena holds at least the worker's bounce area and some room for data.
pub(crate) const SMALLEST_ARENA: u64 = 16 << 20;
/// Beyond this, the mapping itself starts to fail on common kernels.
const LARGEST_ARENA: u64 = 1 << 40;
/// Arenas are cut at this.
pub(crate) const ARENA_STEP: u64 = 2 << 20;

/// The broker of Remora: lets programs use the OpenCL devices of this machine.
#[derive(Parser, Debug, Default)]
#[command(name = "remorad", version)]
pub struct Arguments {
    /// Configuration file [default: /etc/remora/remorad.toml if it exists]
    #[arg(long, value_name = "FILE", env = "REMORAD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where to listen, for example unix:/run/remora/remora.sock; may be given several times
    #[arg(long, value_name = "URL", env = "REMORAD_LISTEN", value_delimiter = ',')]
    pub listen: Vec<String>,
    /// The driver that workers load: the machine's own, or one that computes nothing and needs no device
    #[arg(long, env = "REMORAD_DRIVER")]
    pub driver: Option<Driver>,
    /// Bytes of shared memory for bulk data that a session may use at most, such as 1GiB
    #[arg(long, value_name = "SIZE", env = "REMORAD_ARENA")]
    pub arena: Option<Size>,
    /// The most sessions at a time, of all tenants; one tenant may have a quarter of them unless the configuration file
    /// says otherwise (max_sessions_per_tenant)
    #[arg(long, value_name = "N", env = "REMORAD_MAX_SESSIONS")]
    pub max_sessions: Option<usize>,
    /// Descriptor on which to write the URLs, one per line, as soon as they can be connected to
    #[arg(long, value_name = "FD")]
    pub ready_fd: Option<RawFd>,
    /// Serve only as long as the parent process lives and holds the other end of --ready-fd; take the workers along
    #[arg(long)]
    pub private: bool,
    /// Directory of this private broker, deleted when it ends
    #[arg(long, value_name = "DIR", requires = "private", hide = true)]
    pub scratch: Option<PathBuf>,
}

/// Which driver workers load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// The machine's OpenCL.
    #[default]
    Real,
    /// Computes nothing and needs no device.
    Null,
}

impl fmt::Display for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Real => "real",
            Self::Null => "null",
        })
    }
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<Vec<String>>,
    driver: Option<Driver>,
    worker: Option<PathBuf>,
    arena: Option<Size>,
    memory_credit: Option<Size>,
    max_sessions: Option<usize>,
    max_sessions_per_tenant: Option<usize>,
    #[serde(default)]
    unix: Unix,
    #[serde(default)]
    sandbox: Sandbox,
}

/// Who may connect over unix sockets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unix {
    /// Users (names or numbers) besides root and the broker's own. Root of a container, or of any other process or user
    /// namespace than the broker's, is a user like others.
    #[serde(default)]
    pub allow_users: Vec<NameOrNumber>,
    /// Groups (names or numbers) whose members may connect.
    #[serde(default)]
    pub allow_groups: Vec<NameOrNumber>,
    /// Mode of the socket file. By default only the owner's when nobody else may connect, and everybody's otherwise:
    /// the broker asks the kernel who connects in any case.
    pub mode: Option<Mode>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum NameOrNumber {
    /// As in /etc/passwd or /etc/group.
    Number(u32),
    /// Looked up when the broker starts.
    Name(String),
}

/// Permission bits, written as in `chmod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub u32);

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match u32::from_str_radix(&text, 8) {
            Ok(bits) if bits <= 0o777 => Ok(Self(bits)),
            _ => Err(serde::de::Error::custom(format!("'{text}' is not a mode such as \"0660\""))),
        }
    }
}

/// Everything that the broker goes by.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: Vec<String>,
    /// What workers load.
    pub driver: Driver,
    /// The worker's executable, if the configuration names one.
    pub worker: Option<PathBuf>,
    /// Shared memory of a session.
    pub layout: Layout,
    /// Device memory that a program may allocate without asking.
    pub memory_credit: u64,
    /// The most sessions at a time.
    pub max_sessions: usize,
    /// The most sessions of one tenant at a time.
    pub max_sessions_per_tenant: usize,
    /// Who may connect over unix sockets.
    pub unix: Unix,
    /// What workers of other users may touch.
    pub sandbox: Sandbox,
    /// Where to say that the broker listens.
    pub ready_fd: Option<RawFd>,
    /// Whether the broker ends with its parent.
    pub private: bool,
    /// Deleted at the end.
    pub scratch: Option<PathBuf>,
}

impl Config {
    /// Merges the command line with the configuration file.
    ///
    /// # Errors
    /// What is wrong with either, and where.
    pub fn load(arguments: Arguments) -> Result<Self> {
        let file = match &arguments.config {
            Some(path) => read_file(path)?,
            // A private broker is its parent's business alone: the machine's configuration does not apply to it.
            None if !arguments.private && Path::new(DEFAULT_CONFIG).exists() => read_file(Path::new(DEFAULT_CONFIG))?,
            None => File::default(),
        };
        Self::merge(arguments, file)
    }

    fn merge(arguments: Arguments, file: File) -> Result<Self> {
        let mut listen = arguments.listen;
        if listen.is_empty() {
            listen = file.listen.unwrap_or_else(|| vec![DEFAULT_URL.to_owned()]);
        }
        if listen.is_empty() {
            bail!("nowhere to listen: 'listen' is empty in the configuration file; name at least one URL");
        }
        let max_sessions = arguments.max_sessions.or(file.max_sessions).unwrap_or(256);
        if max_sessions == 0 {
            bail!("max_sessions is 0: no program could ever use this broker");
        }
        // A private broker has one tenant. Of any other, one tenant must not take everything by default.
        let share = if arguments.private { max_sessions } else { (max_sessions / 4).max(1) };
        let arena = arguments.arena.or(file.arena).map_or(Layout::default().arena, |size| size.0);
        if !(SMALLEST_ARENA..=LARGEST_ARENA).contains(&arena) {
            let (smallest, largest) = (Size(SMALLEST_ARENA), Size(LARGEST_ARENA));
            bail!("an arena of {} is not between {smallest} and {largest}", Size(arena));
        }
        Ok(Self {
            listen,
            driver: arguments.driver.or(file.driver).unwrap_or_default(),
            worker: file.worker,
            layout: Layout { arena: arena.next_multiple_of(ARENA_STEP), ..Layout::default() },
            memory_credit: file.memory_credit.map_or(1 << 30, |size| size.0),
            max_sessions,
            max_sessions_per_tenant: file.max_sessions_per_tenant.unwrap_or(share),
            unix: file.unix,
            sandbox: file.sandbox,
            ready_fd: arguments.ready_fd,
            private: arguments.private,
            scratch: arguments.scratch,
        })
    }
}

fn read_file(path: &Path) -> Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // The error of the TOML reader shows the line and points at what is wrong in it.
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        Config::merge(Arguments::default(), toml::from_str(text)?)
    }

    #[test]
    fn defaults() {
        let config = load("").unwrap();
        assert_eq!(config.listen, [DEFAULT_URL]);
        assert_eq!(config.layout, Layout::default());
        assert_eq!(config.memory_credit, 1 << 30);
        assert_eq!(config.driver, Driver::Real);
        assert_eq!((config.max_sessions, config.max_sessions_per_tenant), (256, 64));
    }

    #[test]
    fn one_tenant_gets_a_quarter_unless_told_otherwise() {
        let limits =
            |text: &str| load(text).map(|config| (config.max_sessions, config.max_sessions_per_tenant)).unwrap();
        assert_eq!(limits("max_sessions = 40"), (40, 10));
        assert_eq!(limits("max_sessions = 3"), (3, 1));
        assert_eq!(limits("max_sessions_per_tenant = 256"), (256, 256));
        let private = Arguments { private: true, ..Arguments::default() };
        assert_eq!(Config::merge(private, File::default()).unwrap().max_sessions_per_tenant, 256);
    }

    #[test]
    fn everything_can_be_set() {
        let text = "listen = ['unix:/tmp/a']\ndriver = 'null'\nworker = '/w'\narena = '64MiB'\nmemory_credit = 5\n\
                    max_sessions = 3\nmax_sessions_per_tenant = 2\n[unix]\nallow_users = ['games', 12]\n\
                    allow_groups = ['video']\nmode = '0660'\n";
        let config = load(text).unwrap();
        assert_eq!(config.layout.arena, 64 << 20);
        assert_eq!((config.max_sessions, config.max_sessions_per_tenant, config.memory_credit), (3, 2, 5));
        assert_eq!(config.unix.allow_users, [NameOrNumber::Name("games".into()), NameOrNumber::Number(12)]);
        assert_eq!(config.unix.mode, Some(Mode(0o660)));
    }

    #[test]
    fn arguments_win() {
        let arguments = Arguments::parse_from(["remorad", "--listen", "unix:/tmp/b", "--arena", "32m"]);
        let config = Config::merge(arguments, toml::from_str("listen = ['unix:/tmp/a']\narena = 1").unwrap()).unwrap();
        assert_eq!(config.listen, ["unix:/tmp/b"]);
        assert_eq!(config.layout.arena, 32 << 20);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line, word) in [
            ("max_sessions = 1\nmax_session = 2\n", "line 2", "unknown field `max_session`"),
            ("\n\narena = '1 parsec'\n", "line 3", "not a size"),
            ("[unix]\nmode = '0999'\n", "line 2", "not a mode"),
            ("[unix]\nallow = []\n", "line 2", "unknown field `allow`"),
            ("driver = 'fake'\n", "line 1", "unknown variant `fake`"),
        ] {
            let error = toml::from_str::<File>(text).unwrap_err().to_string();
            assert!(error.contains(line) && error.contains(word), "{error}");
        }
        for (text, word) in
            [("arena = 4096", "arena of 4KiB"), ("max_sessions = 0", "is 0"), ("listen = []", "nowhere")]
        {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
