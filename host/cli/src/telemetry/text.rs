//! Records as people read them: time, level, where it comes from, what it says, and what else is known.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use patchbay_model::{LogLevel, LogRecord, units};
use serde_json::Value;

use super::json::target;
use crate::screen::{BAD, DIM, NAME, WARN, harmless};

const INFO: Style = AnsiColor::Green.on_default();
const LESS: Style = AnsiColor::Blue.on_default();

/// One line, in colour if it is seen.
pub(super) fn line(record: &LogRecord, colour: bool) -> String {
    let paint = |style: Style| if colour { style } else { Style::new() };
    let mut line = String::with_capacity(record.line.len() + 160);
    let level = record.weight();
    let (dim, name, marked) = (paint(DIM), paint(NAME), paint(style(level)));
    let label = match level {
        LogLevel::Critical => "CRIT".to_owned(),
        _ => level.name().to_ascii_uppercase(),
    };
    // Writing to a String cannot fail.
    let _ = write!(line, "{dim}{}{dim:#} {marked}{label:>5}{marked:#} ", units::format_timestamp(record.time));
    let _ = write!(line, "{dim}{}:{dim:#} ", harmless(target(record)));
    if let Some(service) = &record.service {
        let number = record.revision.map(|number| format!("@{number}")).unwrap_or_default();
        let _ = write!(line, "{name}{}{number}{name:#} ", harmless(service));
    }
    if let Some(context) = &record.context {
        let _ = write!(line, "{dim}{}:{dim:#} ", harmless(context));
    }
    line.push_str(&harmless(&record.line));
    for (key, value) in [
        ("call", &record.call),
        ("trace", &record.trace),
        ("fault", &record.fault),
        ("caller", &record.caller),
        ("user", &record.user),
    ] {
        if let Some(value) = value {
            let _ = write!(line, " {dim}{key}={dim:#}{}", harmless(value));
        }
    }
    for (key, value) in &record.fields {
        let _ = write!(line, " {dim}{}={dim:#}{}", harmless(key), shown(value));
    }
    line
}

/// A value; text stands in quotes where it is not one word.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"') => {
            harmless(text)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            harmless(&value.to_string())
        }
    }
}

const fn style(level: LogLevel) -> Style {
    match level {
        LogLevel::Error | LogLevel::Critical => BAD,
        LogLevel::Warn => WARN,
        LogLevel::Info => INFO,
        LogLevel::Debug => LESS,
        LogLevel::Trace => DIM,
    }
}
