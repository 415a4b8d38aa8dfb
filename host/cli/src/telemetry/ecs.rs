//! Records with the field names of the Elastic Common Schema, in the form of ECS logging: one object in a line, whose names are
//! dotted, so that Filebeat and Logstash take them as they are. What the schema has no name for stands under `patchbay.`.

use patchbay_model::{LogRecord, LogStream, units};
use serde::Serializer;
use serde::ser::SerializeMap;
use serde_json::Value;

use super::json::target;

/// The version of the schema.
const VERSION: &str = "8.17.0";

/// The targets whose records the schema has categories for.
const ACCESS: &str = "access";
const AUDIT: &str = "audit";

/// Fields that the schema has names for, and these. The others stand under `patchbay.`.
const NAMES: [(&str, &str); 12] = [
    ("method", "http.request.method"),
    ("status", "http.response.status_code"),
    ("bytes_in", "http.request.body.bytes"),
    ("bytes_out", "http.response.body.bytes"),
    ("path", "url.path"),
    ("query", "url.query"),
    ("host", "url.domain"),
    ("version", "http.version"),
    ("address", "source.ip"),
    ("agent", "user_agent.original"),
    ("details", "error.message"),
    ("error", "error.message"),
];

/// What stands under `patchbay.` in any case.
const OWN: [&str; 4] = ["call", "caller", "context", "stream"];

/// Writes a record.
///
/// # Errors
/// Those of the serializer.
pub(super) fn write<S: Serializer>(record: &LogRecord, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    // ECS logging wants these first, in this order.
    map.serialize_entry("@timestamp", &units::format_timestamp(record.time))?;
    map.serialize_entry("log.level", record.weight().name())?;
    map.serialize_entry("message", &record.line)?;
    map.serialize_entry("ecs.version", VERSION)?;
    map.serialize_entry("log.logger", target(record))?;
    event(&mut map, record)?;
    if let Some(revision) = record.revision {
        map.serialize_entry("service.version", &revision.to_string())?;
    }
    for (key, value) in [
        ("service.name", &record.service),
        ("trace.id", &record.trace),
        ("span.id", &record.span),
        ("error.type", &record.fault),
        ("user.name", &record.user),
        ("patchbay.call", &record.call),
        ("patchbay.caller", &record.caller),
        ("patchbay.context", &record.context),
    ] {
        if let Some(value) = value {
            map.serialize_entry(key, value)?;
        }
    }
    map.serialize_entry("patchbay.stream", record.stream.name())?;
    fields(&mut map, record)?;
    map.end()
}

/// What kind of event it is, as far as the schema has categories for it.
fn event<M: SerializeMap>(map: &mut M, record: &LogRecord) -> Result<(), M::Error> {
    let target = target(record);
    let dataset = match (record.stream, target) {
        (LogStream::Host, ACCESS | AUDIT) => target,
        (LogStream::Host, _) => "host",
        (LogStream::Stdout | LogStream::Stderr | LogStream::Logging, _) => "guest",
    };
    map.serialize_entry("event.dataset", &format!("patchbay.{dataset}"))?;
    map.serialize_entry("event.kind", "event")?;
    let category = match dataset {
        ACCESS => Some(("web", "access")),
        AUDIT => Some(("authentication", "info")),
        _ => None,
    };
    if let Some((category, kind)) = category {
        map.serialize_entry("event.category", &[category])?;
        map.serialize_entry("event.type", &[kind])?;
    }
    if record.fault.is_some() {
        map.serialize_entry("event.outcome", "failure")?;
    } else if dataset == ACCESS {
        let failed = record.fields.get("status").and_then(Value::as_u64).is_none_or(|status| status >= 400);
        map.serialize_entry("event.outcome", if failed { "failure" } else { "success" })?;
    }
    // Nanoseconds, as the schema has it; no call lasts so long that they do not fit.
    if let Some(seconds) = record.fields.get("duration").and_then(Value::as_f64) {
        map.serialize_entry("event.duration", &((seconds.max(0.0) * 1e9).round() as u64))?;
    }
    Ok(())
}

fn fields<M: SerializeMap>(map: &mut M, record: &LogRecord) -> Result<(), M::Error> {
    let mut has_error = false;
    for (name, value) in record.fields.iter().filter(|(name, _)| *name != "duration") {
        let known = NAMES.iter().find(|(known, _)| known == name).map(|(_, ecs)| *ecs);
        match known {
            // One name in two places would make the object ambiguous.
            Some("error.message") if has_error => {}
            Some(ecs) => {
                has_error |= ecs == "error.message";
                map.serialize_entry(ecs, value)?;
                continue;
            }
            None => {}
        }
        let taken = if OWN.contains(&name.as_str()) { "fields_" } else { "" };
        // A dot would make an object of it.
        map.serialize_entry(&format!("patchbay.{taken}{}", name.replace('.', "_")), value)?;
    }
    Ok(())
}
