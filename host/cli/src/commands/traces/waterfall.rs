//! A trace as a tree of spans, each with a bar that says when it was at work.

use std::collections::HashSet;

use super::seconds;
use crate::client::view::{Span, Trace};
use crate::screen::{BAD, DIM, GOOD, NAME, WARN, harmless, styled};

/// Columns of a bar.
const WIDTH: usize = 32;

/// How deep a tree is drawn; what is deeper stands as if it were not.
const DEEPEST: usize = 32;

/// A line for each span, and one for each thing that happened in it and is worth a word.
pub(super) fn lines(trace: &Trace) -> Vec<String> {
    let tree = ordered(&trace.spans);
    let label = |(depth, span): &(usize, &Span)| format!("{}{}", "  ".repeat(*depth), title(span));
    let labels: Vec<_> = tree.iter().map(label).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for ((depth, span), label) in tree.iter().zip(&labels) {
        let pad = " ".repeat(width - label.chars().count());
        let indent = "  ".repeat(*depth);
        let bar = bar(span, trace.duration_seconds);
        lines.push(format!("{indent}{}{pad} {bar} {:>10}", colored(span), seconds(span.duration_seconds)));
        lines.extend(remarks(span).into_iter().map(|remark| format!("{indent}  {remark}")));
    }
    lines
}

/// The spans in the order of a tree, with their depths. One whose parent is not there stands at the top.
fn ordered(spans: &[Span]) -> Vec<(usize, &Span)> {
    let known: HashSet<_> = spans.iter().map(|span| span.span.as_str()).collect();
    let is_top = |span: &&Span| span.parent.as_ref().is_none_or(|parent| !known.contains(parent.as_str()));
    let (mut tree, mut drawn) = (Vec::new(), HashSet::new());
    // What follows from itself in the end, as hosts do not write it, is never reached.
    let mut stack: Vec<_> = spans.iter().enumerate().filter(|(_, span)| is_top(span)).map(|top| (0, top)).collect();
    stack.reverse();
    while let Some((depth, (index, span))) = stack.pop() {
        // Services name their own spans, so several can have one name, and would each have all that follows from any.
        if !drawn.insert(index) {
            continue;
        }
        tree.push((depth, span));
        let follows = |(_, child): &(usize, &Span)| child.parent.as_deref() == Some(&*span.span);
        let children: Vec<_> = spans.iter().enumerate().filter(follows).collect();
        stack.extend(children.into_iter().rev().map(|child| ((depth + 1).min(DEEPEST), child)));
    }
    tree
}

fn title(span: &Span) -> String {
    format!("{} {}", whose(span), harmless(&span.name))
}

fn whose(span: &Span) -> String {
    match (&span.service, span.revision) {
        (Some(service), Some(revision)) => format!("{service}@{revision}"),
        (Some(service), None) => service.clone(),
        (None, _) => span.kind.clone(),
    }
}

fn colored(span: &Span) -> String {
    let whose = styled(NAME, whose(span));
    format!("{whose} {}", harmless(&span.name))
}

/// Where the span lies in the time of the trace.
fn bar(span: &Span, whole: f64) -> String {
    let column = |seconds: f64| if whole > 0.0 { (seconds / whole * WIDTH as f64) as usize } else { 0 };
    let from = column(span.offset_seconds).min(WIDTH - 1);
    let to = column(span.offset_seconds + span.duration_seconds).clamp(from + 1, WIDTH);
    let style = if span.fault.is_some() { BAD } else { GOOD };
    let (before, after) = (" ".repeat(from), " ".repeat(WIDTH - to));
    format!("{}{before}{}{after}{}", styled(DIM, "|"), styled(style, "=".repeat(to - from)), styled(DIM, "|"))
}

/// How it failed, and what policies did.
fn remarks(span: &Span) -> Vec<String> {
    let fault = span.fault.as_ref().map(|fault| {
        let details = fault.details.as_ref().map(|details| format!(" ({})", harmless(details))).unwrap_or_default();
        styled(BAD, format!("{}: {}{details}", harmless(&fault.kind), harmless(&fault.message)))
    });
    let events = span.events.iter().filter(|event| event.name != "patchbay.revision").map(|event| {
        let said: Vec<_> = event.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = format!("+{} {} {}", seconds(event.offset_seconds), event.name, said.join(" "));
        styled(WARN, harmless(text.trim_end()))
    });
    events.chain(fault).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spans_with_one_name_are_drawn_once_each() {
        // Twice a chain of the same names: a tree of it would have more leaves than there is memory.
        let span = |depth: usize, call: usize| {
            let parent = if depth == 0 { "elsewhere".to_owned() } else { format!("s{}", depth - 1) };
            json!({
                "span": format!("s{depth}"), "parent": parent, "kind": "internal", "name": format!("{call}"),
                "offset_seconds": 0.0, "duration_seconds": 1.0, "events": [],
            })
        };
        let spans: Vec<_> = (0..128).flat_map(|depth| [span(depth, 1), span(depth, 2)]).collect();
        let trace = json!({ "trace": "0a", "start": "t", "duration_seconds": 1.0, "spans": spans });
        assert_eq!(lines(&serde_json::from_value(trace).unwrap()).len(), 256);
    }

    #[test]
    fn a_trace_is_a_tree_with_bars() {
        let span = |id: &str, parent: Option<&str>, service: &str, offset: f64, duration: f64| {
            json!({
                "span": id, "parent": parent, "kind": "server", "name": "GET /", "service": service, "revision": 1,
                "offset_seconds": offset, "duration_seconds": duration, "events": [],
            })
        };
        let mut failed = span("c", Some("b"), "payments", 0.5, 0.25);
        failed["fault"] = json!({ "kind": "trapped", "message": "it broke off", "details": "oh\u{7}" });
        failed["events"] = json!([
            { "name": "patchbay.revision", "offset_seconds": 0.0, "attributes": {} },
            { "name": "patchbay.retry", "offset_seconds": 0.125, "attributes": { "patchbay.attempt": 1 } },
        ]);
        let trace = json!({
            "trace": "0a", "start": "t", "duration_seconds": 1.0,
            "spans": [
                span("a", Some("elsewhere"), "orders", 0.0, 1.0), span("b", Some("a"), "shop", 0.25, 0.5),
                failed, span("d", Some("a"), "stock", 0.99, 0.0),
            ],
        });
        let trace: Trace = serde_json::from_value(trace).unwrap();
        let plain: Vec<_> = lines(&trace).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                format!("orders@1 GET /       |{}|     1.000s", "=".repeat(32)),
                format!("  shop@1 GET /       |{}{}{}|  500.000ms", " ".repeat(8), "=".repeat(16), " ".repeat(8)),
                format!("    payments@1 GET / |{}{}{}|  250.000ms", " ".repeat(16), "=".repeat(8), " ".repeat(8)),
                "      +125.000ms patchbay.retry patchbay.attempt=1".to_owned(),
                "      trapped: it broke off (oh\\u{7})".to_owned(),
                format!("  stock@1 GET /      |{}=|        0us", " ".repeat(31)),
            ]
        );
    }
}
