//! What services write to stdout and stderr, line by line.

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
    /// The line without its end. What is no UTF-8 is replaced; what is too long is cut.
    pub line: String,
}
