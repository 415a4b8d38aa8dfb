//! What services write to stdout, stderr and `wasi:logging`, line by line.

use std::time::SystemTime;

use serde::Serialize;

use crate::units;

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// `wasi:logging`.
    Logging,
}

impl LogStream {
    /// The stream's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Logging => "logging",
        }
    }
}

/// How much a line matters, by the service that logs it (`wasi:logging`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    /// What the service cannot go on after.
    Critical,
}

impl LogLevel {
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

/// One line that a service wrote.
#[derive(Debug, Clone, Serialize)]
pub struct LogRecord {
    /// When the host received the line.
    #[serde(serialize_with = "units::timestamp::serialize")]
    pub time: SystemTime,
    /// The service that wrote it.
    pub service: String,
    /// The number of the revision that wrote it.
    pub revision: u32,
    /// The call it belongs to. Absent where the instance was working on none, or on several at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Where it was written.
    pub stream: LogStream,
    /// How much it matters; only `wasi:logging` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// What it is about, as the service says it through `wasi:logging`; cut where it is too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The line without its end. What is no UTF-8 is replaced; what is too long is cut.
    pub line: String,
}
