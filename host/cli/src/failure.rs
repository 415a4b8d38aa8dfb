//! How a command fails: with a message for people and an exit code for scripts.

use std::fmt::Display;
use std::io;

use crate::config::ConfigError;

/// What kind of failure it is; its number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Something went wrong.
    Failed = 1,
    /// The command line asks for something that makes no sense.
    Usage = 2,
    /// No host can be reached.
    Unreachable = 3,
    /// What was asked for cannot be: repair the configuration, the component or the settings.
    Refused = 4,
}

/// A command that failed.
#[derive(Debug, thiserror::Error)]
#[error("{error:#}")]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Display) -> Self {
        Self { kind, error: anyhow::anyhow!("{message}") }
    }

    pub(crate) fn failed(message: impl Display) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// Whether nobody reads the output any more, as in `patchbay ps | head -1`. That is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { kind: FailureKind::Failed, error }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { kind: FailureKind::Failed, error: error.into() }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self { kind: FailureKind::Failed, error: error.into() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let kind = match error {
            ConfigError::Problems(_) => FailureKind::Refused,
            ConfigError::Unreadable { .. } => FailureKind::Failed,
        };
        Self { kind, error: error.into() }
    }
}
