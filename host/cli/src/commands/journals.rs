//! `patchbay logs` and `patchbay events`: what services print, and what happens to them.

use std::fmt::Write;

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
    show(&Client::find(&args.host)?, &logs_path(args), args.follow, screen, log_line).await
}

/// Shows what happens to services.
///
/// # Errors
/// If the host cannot be reached.
pub(crate) async fn events(args: &EventsArgs, screen: Screen) -> Result<(), Failure> {
    let path = format!("/v1/events?follow={}", args.follow);
    show(&Client::find(&args.host)?, &path, args.follow, screen, event_line).await
}

/// What is asked of the host. Nothing of it needs an escape: names, digits, and times.
fn logs_path(args: &LogsArgs) -> String {
    let LogsArgs { name, service, follow, level, trace, call, since, lines, host: _ } = args;
    let mut path = format!("/v1/logs?follow={follow}");
    let service = name.as_ref().or(service.as_ref()).map(ToString::to_string);
    for (key, value) in [
        ("service", service),
        ("level", level.map(|level| level.to_string())),
        ("trace", trace.clone()),
        ("call", call.clone()),
        ("since", since.clone()),
        ("limit", lines.map(|lines| lines.to_string())),
    ] {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = write!(path, "&{key}={value}");
        }
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
    let LogLine { time, service, revision, call, stream, level, context, fault, fields, line } =
        serde_json::from_value(record)?;
    let mark = match (level, stream.as_str()) {
        (Some(level), "host") => format!("{} {}", leveled(&level), styled(DIM, "host")),
        (Some(level), _) => leveled(&level),
        (None, "stderr") => styled(WARN, "!"),
        (None, _) => styled(DIM, "|"),
    };
    let call = call.map(|call| styled(DIM, format!(" {call}"))).unwrap_or_default();
    let context = context.map(|context| format!("{} ", styled(DIM, format!("{}:", harmless(&context)))));
    let number = revision.map(|number| format!("@{number}")).unwrap_or_default();
    let of = service.map_or_else(|| "host".to_owned(), |service| format!("{service}{number}"));
    let (time, context) = (styled(DIM, time), context.unwrap_or_default());
    let mut shown = format!("{time} {}{call} {mark} {context}{}", styled(NAME, of), harmless(&line));
    let fault = fault.map(|fault| ("fault".to_owned(), Value::from(fault)));
    for (name, value) in fault.into_iter().chain(fields) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(shown, " {}{}", styled(DIM, format!("{}=", harmless(&name))), harmless(&value));
    }
    Ok(shown)
}

/// The level of a record, in its colour.
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
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::{Cli, Command};

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
            "number": 9, "time": "2026-01-01T00:00:00.000Z", "service": "orders", "call": "00a7", "stream": "host",
            "level": "warn", "target": "patchbay_channel::record", "fault": "deadline", "fields": { "attempts": 2 },
            "line": "too slow",
        });
        let wanted = "2026-01-01T00:00:00.000Z orders 00a7 WARN host too slow fault=deadline attempts=2";
        assert_eq!(plain(&log_line(record).unwrap()), wanted);
        let record = json!({ "number": 10, "time": "t", "stream": "host", "level": "info", "line": "connected" });
        assert_eq!(plain(&log_line(record).unwrap()), "t host INFO host connected");
        let record = json!({
            "number": 7, "time": "2026-01-01T00:00:00.000Z", "kind": "published", "service": "orders", "revision": 2,
            "message": "it serves",
        });
        assert_eq!(plain(&event_line(record).unwrap()), "2026-01-01T00:00:00.000Z published      orders@2  it serves");
        let record = json!({ "number": 1, "time": "t", "kind": "host-started", "message": "up" });
        assert_eq!(plain(&event_line(record).unwrap()), "t host-started   host  up");
    }

    #[test]
    fn conditions_are_asked_of_the_host() {
        for (arguments, wanted) in [
            (&["orders", "-f"][..], "/v1/logs?follow=true&service=orders"),
            (
                &["--service", "orders", "--level", "warn", "--since", "1h 5m", "-n", "7"],
                "/v1/logs?follow=false&service=orders&level=warn&since=1h5m&limit=7",
            ),
            (&["--call", "00000000000000A7"], "/v1/logs?follow=false&call=00000000000000a7"),
        ] {
            let cli = Cli::try_parse_from(["patchbay", "logs"].iter().chain(arguments)).unwrap();
            let Command::Logs(args) = cli.command else { panic!() };
            assert_eq!(logs_path(&args), wanted);
        }
    }
}
