//! Why a state directory cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why a state directory, or the admin token or address in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Something else is there.
    #[error("{} is not a directory, so it cannot be the state directory", path.display())]
    NotADirectory {
        /// The path that was given.
        path: PathBuf,
    },
    /// Other users could replace what the host runs.
    #[error(
        "other users can write to the state directory {} (mode {mode:04o}), and so decide what the host runs: `chmod \
         go-w {}`",
        path.display(),
        path.display()
    )]
    WritableByOthers {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another user owns it, and could replace what the host runs, or knows the secret.
    #[error(
        "{} belongs to user {owner}, and this host runs as user {user}: start the host as its owner, or, if you trust \
         what is in it, `chown {user} {}`",
        path.display(),
        path.display()
    )]
    OfAnother {
        /// The directory or file.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
        /// The id of the user that the host runs as.
        user: u32,
    },
    /// Another host has it.
    #[error(
        "the state directory {} is in use by another host ({}): stop that one, or give this one a directory of its own",
        path.display(),
        holder(*pid)
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that has it, if it can be told.
        pid: Option<u32>,
    },
    /// A newer host has written it.
    #[error(
        "the state directory {} has format {found}, and this host knows {known}: start the newer Patchbay that wrote \
         it, or use another directory",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format of this host.
        known: u32,
    },
    /// The file that names the format says nothing that makes sense.
    #[error(
        "{} does not name a format of the state directory: if the rest of the directory is whole, write `{known}` to it",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The format of this host.
        known: u32,
    },
    /// Other users could read the secret.
    #[error(
        "other users can read the admin token {} (mode {mode:04o}): `chmod 600 {}`; if someone may have read it, remove \
         it instead, and the next start makes a new one",
        path.display(),
        path.display()
    )]
    TokenExposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds no token.
    #[error(
        "{} holds no admin token, which is 64 hexadecimal digits: remove it and restart the host, which makes a new one",
        path.display()
    )]
    TokenDamaged {
        /// The file.
        path: PathBuf,
    },
    /// The operating system has no random bytes for a token.
    #[error("the operating system gives no random bytes for an admin token: {0}")]
    NoRandomness(String),
    /// The file system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Medium {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl StateError {
    pub(crate) fn medium(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Medium { what, path: path.to_owned(), source }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "its process id is not known".to_owned(), |pid| format!("process {pid}"))
}
