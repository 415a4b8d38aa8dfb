//! `patchbay traces` and `patchbay trace`: the traces of which the host keeps spans, at a glance and span by span.

mod waterfall;

use std::fmt::Write;
use std::time::Duration;

use patchbay_model::units::format_duration;

use crate::args::{TraceArgs, TracesArgs};
use crate::client::Client;
use crate::client::view::{Trace, TraceLine};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::screen::{BAD, DIM, NAME, Screen, harmless, styled};

/// Lists traces.
///
/// # Errors
/// If the host cannot be reached.
pub(crate) async fn list(args: &TracesArgs, screen: Screen) -> Result<(), Failure> {
    let traces = Client::find(&args.host)?.get(&path_of(args)).await?;
    if screen.json {
        return screen.value(&traces);
    }
    let traces: Vec<TraceLine> = serde_json::from_value(traces)?;
    if traces.is_empty() {
        screen.note("no trace is kept; `traces.sample` in runtime.toml says how many are recorded")?;
        return Ok(());
    }
    for line in table(&traces).lines() {
        screen.line(line)?;
    }
    Ok(())
}

/// Shows a trace as a waterfall.
///
/// # Errors
/// If the host cannot be reached, or keeps no span of it.
pub(crate) async fn show(args: &TraceArgs, screen: Screen) -> Result<(), Failure> {
    let trace = Client::find(&args.host)?.get(&format!("/v1/traces/{}", args.trace)).await?;
    if screen.json {
        return screen.value(&trace);
    }
    let trace: Trace = serde_json::from_value(trace)?;
    let facts = format!("{}, {}, {} spans", trace.start, seconds(trace.duration_seconds), trace.spans.len());
    screen.line(format!("{} {}", styled(NAME, &trace.trace), styled(DIM, facts)))?;
    for line in waterfall::lines(&trace) {
        screen.line(line)?;
    }
    Ok(())
}

fn path_of(args: &TracesArgs) -> String {
    let mut path = format!("/v1/traces?limit={}&faulted={}", args.limit, args.faulted);
    if let Some(service) = &args.service {
        // Writing to a String cannot fail, and the name of a service needs no escape.
        let _ = write!(path, "&service={service}");
    }
    path
}

fn table(traces: &[TraceLine]) -> Columns<6> {
    let mut columns = Columns::new(["TRACE", "START", "TOOK", "SPANS", "SERVICES", "NAME"]);
    for trace in traces {
        let name = match trace.faults {
            0 => harmless(&trace.name),
            1 => format!("{} {}", harmless(&trace.name), styled(BAD, "1 fault")),
            faults => format!("{} {}", harmless(&trace.name), styled(BAD, format!("{faults} faults"))),
        };
        let spans = if trace.incomplete { format!("{}+", trace.spans) } else { trace.spans.to_string() };
        columns.add([
            styled(NAME, &trace.trace),
            trace.start.clone(),
            seconds(trace.duration_seconds),
            spans,
            trace.services.join(", "),
            name,
        ]);
    }
    columns
}

/// A number of seconds, to three places of its unit.
fn seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-3 => format!("{:.0}us", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.3}ms", seconds * 1e3),
        _ if seconds < 60.0 => format!("{seconds:.3}s"),
        _ => format_duration(Duration::from_secs(Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn traces_are_lines() {
        let traces: Vec<TraceLine> = serde_json::from_value(json!([
            { "trace": "0a", "name": "POST /o", "service": "orders", "start": "t", "duration_seconds": 0.0125, "spans": 7,
              "services": ["orders", "payments"], "faults": 2, "incomplete": true },
            { "trace": "0b", "name": "x\u{1b}[2J", "start": "t", "duration_seconds": 61.5, "spans": 1, "services": [],
              "faults": 0, "incomplete": false },
        ]))
        .unwrap();
        let lines: Vec<_> =
            table(&traces).lines().iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            lines,
            [
                "TRACE  START  TOOK      SPANS  SERVICES          NAME",
                "0a     t      12.500ms  7+     orders, payments  POST /o 2 faults",
                "0b     t      1m 1s     1                        x\\u{1b}[2J",
            ]
        );
        assert_eq!([0.000_012, 0.5, 2.0].map(seconds), ["12us", "500.000ms", "2.000s"]);
    }
}
