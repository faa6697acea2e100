//! Where a back-end is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The address of a back-end: `unix:/path/of/the/socket`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    path: PathBuf,
}

/// Text that is not the address of a back-end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a back-end's address: {why}")]
pub struct UrlError {
    text: String,
    why: &'static str,
}

/// `sockaddr_un::sun_path`, less the zero at its end.
const LONGEST_PATH: usize = 107;

impl Url {
    /// Where `remorad` listens when it is told nothing else.
    pub const DEFAULT: &'static str = "unix:/run/remora/remora.sock";

    /// Understands one address.
    ///
    /// # Errors
    /// [`UrlError`], whose text says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let wrong = |why| UrlError { text: text.to_owned(), why };
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(wrong("it has no scheme; a Unix socket is written unix:/path"));
        };
        match scheme {
            "unix" => {}
            "ivshmem" | "vsock" | "tcp" | "tls" => {
                return Err(wrong("this build of Remora can only use unix:/path"));
            }
            _ => return Err(wrong("its scheme is unknown; a Unix socket is written unix:/path")),
        }
        if !rest.starts_with('/') {
            return Err(wrong("the path must be absolute, as in unix:/run/remora/remora.sock"));
        }
        if rest.contains('\0') {
            return Err(wrong("the path holds a zero byte"));
        }
        if rest.len() > LONGEST_PATH {
            return Err(wrong("the path is longer than the 107 bytes that a Unix socket can have"));
        }
        Ok(Self { path: rest.into() })
    }

    /// Understands several addresses with commas between them, as `REMORA_TO` holds them.
    ///
    /// # Errors
    /// The first one's that is wrong, or that there is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, UrlError> {
        text.split(',').map(|part| Self::parse(part.trim())).collect()
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl FromStr for Url {
    type Err = UrlError;
    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unix:{}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_come_back() {
        for text in [Url::DEFAULT, "unix:/a", "unix:/with space/and:colon"] {
            assert_eq!(Url::parse(text).unwrap().to_string(), text);
        }
        let two = Url::parse_list("unix:/a, unix:/b").unwrap();
        assert_eq!(two.iter().map(Url::path).collect::<Vec<_>>(), [Path::new("/a"), Path::new("/b")]);
    }

    #[test]
    fn bad_addresses_say_why() {
        for (text, expected) in [
            ("", "no scheme"),
            ("/run/remora.sock", "no scheme"),
            ("unix:run/remora.sock", "absolute"),
            ("unix:", "absolute"),
            ("http://host", "unknown"),
            ("tcp://host:7810", "only use unix"),
            ("unix:/a\0b", "zero byte"),
        ] {
            let message = Url::parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(Url::parse(&format!("unix:/{}", "x".repeat(106))).is_ok());
        assert!(Url::parse(&format!("unix:/{}", "x".repeat(107))).is_err());
        assert!(Url::parse_list("unix:/a,,unix:/b").is_err());
    }
}
