//! `patchbay logs` and `patchbay events`: what services print, and what happens to them.

use std::fmt::Write;

use patchbay_model::ServiceName;
use serde_json::Value;

use crate::args::{EventsArgs, LogsArgs};
use crate::client::Client;
use crate::client::view::{Event, LogLine};
use crate::failure::Failure;
use crate::screen::{BAD, DIM, GOOD, NAME, Screen, WARN, harmless, styled};

/// Shows what services print.
///
/// # Errors
/// If the host cannot be reached.
pub(crate) async fn logs(args: &LogsArgs, screen: Screen) -> Result<(), Failure> {
    let path = journal("/v1/logs", args.name.as_ref(), args.follow);
    show(&Client::find(&args.host)?, &path, args.follow, screen, log_line).await
}

/// Shows what happens to services.
///
/// # Errors
/// If the host cannot be reached.
pub(crate) async fn events(args: &EventsArgs, screen: Screen) -> Result<(), Failure> {
    let path = journal("/v1/events", None, args.follow);
    show(&Client::find(&args.host)?, &path, args.follow, screen, event_line).await
}

fn journal(path: &str, service: Option<&ServiceName>, follow: bool) -> String {
    let mut path = format!("{path}?follow={follow}");
    if let Some(service) = service {
        // Writing to a String cannot fail, and the name of a service needs no escape.
        let _ = write!(path, "&service={service}");
    }
    path
}

async fn show(
    client: &Client,
    path: &str,
    follow: bool,
    screen: Screen,
    line: fn(Value) -> Result<String, Failure>,
) -> Result<(), Failure> {
    if !follow {
        let records = client.get(path).await?;
        return if screen.json { screen.value(&records) } else { print(records, screen, line) };
    }
    let mut following = client.journal(path).await?;
    while let Some((name, record)) = following.next().await? {
        if name == "missed" {
            let count = record.get("count").and_then(Value::as_u64).unwrap_or_default();
            screen.note(styled(WARN, format!("{count} records came too fast and are not shown")))?;
        } else if screen.json {
            screen.value(&record)?;
        } else {
            screen.line(line(record)?)?;
        }
    }
    Ok(screen.note(styled(DIM, "the host stopped"))?)
}

fn print(records: Value, screen: Screen, line: fn(Value) -> Result<String, Failure>) -> Result<(), Failure> {
    for record in serde_json::from_value::<Vec<Value>>(records)? {
        screen.line(line(record)?)?;
    }
    Ok(())
}

fn log_line(record: Value) -> Result<String, Failure> {
    let LogLine { time, service, revision, call, stream, level, context, line } = serde_json::from_value(record)?;
    let mark = match (level, stream.as_str()) {
        (Some(level), _) => leveled(&level),
        (None, "stderr") => styled(WARN, "!"),
        (None, _) => styled(DIM, "|"),
    };
    let call = call.map(|call| styled(DIM, format!(" {call}"))).unwrap_or_default();
    let context = context.map(|context| format!("{} ", styled(DIM, format!("{}:", harmless(&context)))));
    let (time, context) = (styled(DIM, time), context.unwrap_or_default());
    Ok(format!("{time} {}{call} {mark} {context}{}", styled(NAME, format!("{service}@{revision}")), harmless(&line)))
}

/// The level of a line that was logged through `wasi:logging`.
fn leveled(level: &str) -> String {
    let style = match level {
        "error" | "critical" => BAD,
        "warn" => WARN,
        "info" => GOOD,
        _ => DIM,
    };
    styled(style, level.to_ascii_uppercase())
}

fn event_line(record: Value) -> Result<String, Failure> {
    let Event { time, kind, service, revision, message } = serde_json::from_value(record)?;
    let style = match kind.as_str() {
        "published" | "host-started" => GOOD,
        "change-failed" | "service-failed" => BAD,
        "cut" | "cache-damaged" | "host-stopping" | "removed" => WARN,
        _ => DIM,
    };
    let of = match (service, revision) {
        (Some(service), Some(revision)) => format!("{service}@{revision}"),
        (Some(service), None) => service,
        (None, _) => "host".to_owned(),
    };
    let (time, kind) = (styled(DIM, time), styled(style, format!("{kind:<14}")));
    Ok(format!("{time} {kind} {}  {}", styled(NAME, of), harmless(&message)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn records_are_lines() {
        let record = json!({
            "number": 7, "time": "2026-01-01T00:00:00.000Z", "service": "orders", "revision": 2, "call": "00a7",
            "stream": "stderr", "line": "no\u{1b}[2Jway\t!",
        });
        let line = log_line(record).unwrap();
        assert_eq!(plain(&line), "2026-01-01T00:00:00.000Z orders@2 00a7 ! no\\u{1b}[2Jway\t!");
        let record = json!({
            "number": 8, "time": "2026-01-01T00:00:00.000Z", "service": "orders", "revision": 2,
            "stream": "logging", "level": "warn", "context": "stock", "line": "low",
        });
        assert_eq!(plain(&log_line(record).unwrap()), "2026-01-01T00:00:00.000Z orders@2 WARN stock: low");
        let record = json!({
            "number": 7, "time": "2026-01-01T00:00:00.000Z", "kind": "published", "service": "orders", "revision": 2,
            "message": "it serves",
        });
        assert_eq!(plain(&event_line(record).unwrap()), "2026-01-01T00:00:00.000Z published      orders@2  it serves");
        let record = json!({ "number": 1, "time": "t", "kind": "host-started", "message": "up" });
        assert_eq!(plain(&event_line(record).unwrap()), "t host-started   host  up");
    }

    #[test]
    fn a_journal_can_be_of_one_service() {
        let orders = "orders".parse().unwrap();
        assert_eq!(journal("/v1/logs", Some(&orders), true), "/v1/logs?follow=true&service=orders");
        assert_eq!(journal("/v1/events", None, false), "/v1/events?follow=false");
    }
}
