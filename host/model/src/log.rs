//! Log records: what services write to stdout, stderr and `wasi:logging`, line by line, and what the host says of itself and of
//! their calls.

mod filter;
mod level;
mod redaction;

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

pub use filter::LogFilter;
pub use level::{LogLevel, LogLevelError, LogStream};
pub use redaction::{REDACTED, Redaction};

use crate::{RevisionId, units};

/// One record. What is absent is not known, or does not apply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogRecord {
    /// When it was written; for a service's line, when the host received it.
    #[serde(serialize_with = "units::timestamp::serialize")]
    pub time: SystemTime,
    /// The service that wrote it, or that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The number of the revision that wrote it, or that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The call it belongs to. Absent where the instance was working on none, or on several at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The trace it belongs to, as 32 hexadecimal digits (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The span it belongs to, as 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
    /// Where it was written.
    pub stream: LogStream,
    /// How much it matters. What a service prints has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// What it is about, as the service says it through `wasi:logging`; cut where it is too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The part of the host that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The kind of fault that a call ended in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Who called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The user for whom the call was made in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What else the host says of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// The line without its end. What is no UTF-8 is replaced; what is too long is cut.
    pub line: String,
}

impl LogRecord {
    /// A record of which nothing else is known.
    pub const fn new(time: SystemTime, stream: LogStream, line: String) -> Self {
        Self {
            time,
            service: None,
            revision: None,
            call: None,
            trace: None,
            span: None,
            stream,
            level: None,
            context: None,
            target: None,
            fault: None,
            caller: None,
            user: None,
            fields: BTreeMap::new(),
            line,
        }
    }

    /// The same, of this revision.
    #[must_use]
    pub fn of(self, revision: &RevisionId) -> Self {
        Self { service: Some(revision.service.to_string()), revision: Some(revision.number.get()), ..self }
    }

    /// How much it matters where it does not say so itself: what is printed to stderr as much as a warning, anything else as
    /// what happens as it should.
    pub fn weight(&self) -> LogLevel {
        self.level.unwrap_or(match self.stream {
            LogStream::Stderr => LogLevel::Warn,
            LogStream::Stdout | LogStream::Logging | LogStream::Host => LogLevel::Info,
        })
    }

    /// About how many bytes it takes in memory.
    pub fn size(&self) -> usize {
        let Self { service, call, trace, span, context, target, fault, caller, user, fields, line, .. } = self;
        let texts = [service, call, trace, span, context, target, fault, caller, user];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        // A node of the map has room for what stands in it and some more.
        let fields: usize =
            fields.iter().map(|(name, value)| 64 + name.len() + value.as_str().map_or(0, str::len)).sum();
        size_of::<Self>() + texts + fields + line.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let bare = LogRecord::new(UNIX_EPOCH, LogStream::Stdout, "hello".to_owned());
        let wanted = json!({ "time": "1970-01-01T00:00:00.000Z", "stream": "stdout", "line": "hello" });
        assert_eq!(serde_json::to_value(&bare).unwrap(), wanted);
        let full = LogRecord {
            call: Some("00a7".to_owned()),
            level: Some(LogLevel::Error),
            fields: BTreeMap::from([("attempts".to_owned(), json!(2))]),
            ..bare.of(&"orders@2".parse().unwrap())
        };
        let wanted = json!({
            "time": "1970-01-01T00:00:00.000Z", "service": "orders", "revision": 2, "call": "00a7", "stream": "stdout",
            "level": "error", "fields": { "attempts": 2 }, "line": "hello",
        });
        assert_eq!(serde_json::to_value(&full).unwrap(), wanted);
    }

    #[test]
    fn what_says_no_level_has_one_by_where_it_was_written() {
        for (stream, level, weight) in [
            (LogStream::Stdout, None, LogLevel::Info),
            (LogStream::Stderr, None, LogLevel::Warn),
            (LogStream::Host, None, LogLevel::Info),
            (LogStream::Stderr, Some(LogLevel::Trace), LogLevel::Trace),
        ] {
            let record = LogRecord { level, ..LogRecord::new(UNIX_EPOCH, stream, String::new()) };
            assert_eq!(record.weight(), weight, "{stream:?} {level:?}");
        }
    }

    #[test]
    fn a_longer_record_takes_more() {
        let record = |line: &str| LogRecord::new(UNIX_EPOCH, LogStream::Stdout, line.to_owned());
        assert_eq!(record("12345").size(), record("").size() + 5);
        let with = |value: &str| LogRecord { fields: BTreeMap::from([("a".to_owned(), json!(value))]), ..record("") };
        assert!(with("").size() > record("").size() && with("123").size() == with("").size() + 3);
    }
}
