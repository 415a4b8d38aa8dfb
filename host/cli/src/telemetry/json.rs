//! Records as JSON, one object in a line. `docs/observability/logs.md` has the keys, which stay as they are.

use patchbay_model::{LogRecord, LogStream, units};
use serde::Serializer;
use serde::ser::SerializeMap;
use serde_json::Value;

/// The keys that have a meaning of their own. A field that is called like one of them has `fields.` before its name.
const KEYS: [&str; 14] = [
    "timestamp",
    "level",
    "target",
    "message",
    "service",
    "revision",
    "call",
    "trace_id",
    "span_id",
    "fault",
    "caller",
    "user",
    "stream",
    "context",
];

/// The target of what services write.
pub(super) const GUEST: &str = "guest";

/// Where a record comes from: the part of the host, or `guest`.
pub(super) fn target(record: &LogRecord) -> &str {
    match record.stream {
        LogStream::Host => record.target.as_deref().unwrap_or("patchbay"),
        LogStream::Stdout | LogStream::Stderr | LogStream::Logging => GUEST,
    }
}

/// Writes a record.
///
/// # Errors
/// Those of the serializer.
pub(super) fn write<S: Serializer>(record: &LogRecord, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", &units::format_timestamp(record.time))?;
    map.serialize_entry("level", record.weight().name())?;
    map.serialize_entry("target", target(record))?;
    map.serialize_entry("message", &record.line)?;
    text(&mut map, "service", record.service.as_ref())?;
    if let Some(revision) = record.revision {
        map.serialize_entry("revision", &revision)?;
    }
    for (key, value) in [
        ("call", &record.call),
        ("trace_id", &record.trace),
        ("span_id", &record.span),
        ("fault", &record.fault),
        ("caller", &record.caller),
        ("user", &record.user),
        ("context", &record.context),
    ] {
        text(&mut map, key, value.as_ref())?;
    }
    map.serialize_entry("stream", record.stream.name())?;
    for (name, value) in &record.fields {
        field(&mut map, name, value)?;
    }
    map.end()
}

fn text<M: SerializeMap>(map: &mut M, key: &str, value: Option<&String>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}

fn field<M: SerializeMap>(map: &mut M, name: &str, value: &Value) -> Result<(), M::Error> {
    if KEYS.contains(&name) {
        return map.serialize_entry(&format!("fields.{name}"), value);
    }
    map.serialize_entry(name, value)
}
