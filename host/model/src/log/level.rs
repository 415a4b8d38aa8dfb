//! How much a record matters, and where it was written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output of a service.
    Stdout,
    /// Standard error of a service.
    Stderr,
    /// `wasi:logging`.
    Logging,
    /// The host itself, about a call, a service, or itself.
    Host,
}

impl LogStream {
    /// The stream's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Logging => "logging",
            Self::Host => "host",
        }
    }
}

/// How much a record matters, by whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What helps to find a defect.
    Debug,
    /// What happens as it should.
    Info,
    /// What may become a problem.
    Warn,
    /// What failed.
    Error,
    /// What a service cannot go on after.
    Critical,
}

/// A text that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no level; write `trace`, `debug`, `info`, `warn`, `error` or `critical`")]
pub struct LogLevelError(String);

impl LogLevel {
    /// All of them, from the one that matters least.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical];

    /// The level's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LogLevel {
    type Err = LogLevelError;

    fn from_str(text: &str) -> Result<Self, LogLevelError> {
        let found = Self::ALL.into_iter().find(|level| level.name() == text);
        found.ok_or_else(|| LogLevelError(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_they_are_written_and_are_in_order() {
        for level in LogLevel::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert!(LogLevel::ALL.is_sorted());
        assert!("loud".parse::<LogLevel>().unwrap_err().to_string().contains("`warn`"));
    }
}
