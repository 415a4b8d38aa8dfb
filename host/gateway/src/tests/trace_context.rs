//! W3C Trace Context (level 2) against the gateway, case by case: what a client sends, and what the service gets.

use std::sync::{Arc, Mutex};

use http::HeaderMap;
use patchbay_model::trace::SpanContext;
use patchbay_model::{Reply, full_body};

use super::client::raw;
use super::host::{Host, script};

const TRACE: &str = "12345678901234567890123456789012";
const SPAN: &str = "1234567890123456";

/// What becomes of the trace that a client names.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It goes on.
    GoesOn,
    /// Another one begins, and nothing of `tracestate` is left.
    Begins,
}

use Fate::{Begins, GoesOn};

/// A host whose service answers, and the headers that it was called with last.
async fn host() -> (Host, Arc<Mutex<HeaderMap>>) {
    let seen = Arc::<Mutex<HeaderMap>>::default();
    let kept = Arc::clone(&seen);
    let serve = move |call: patchbay_model::Call| {
        kept.lock().unwrap().clone_from(call.request.headers());
        async { Ok(Reply::new(full_body("done"))) }
    };
    (Host::serving(script(serve), &["/*"]).await, seen)
}

/// Sends a request with these lines, over HTTP/1.1 as they are. What the service got.
async fn send(
    host: &super::host::Listening,
    seen: &Mutex<HeaderMap>,
    lines: &[String],
) -> (SpanContext, Option<String>) {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let reply = raw(host.address, &format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}connection: close\r\n\r\n")).await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{lines}{reply}");
    let got = seen.lock().unwrap().clone();
    assert_eq!(got.get_all("traceparent").iter().count(), 1, "{lines}");
    assert!(got.get_all("tracestate").iter().count() <= 1, "{lines}");
    let parent = got["traceparent"].to_str().unwrap();
    assert_eq!((parent.len(), &parent[..3]), (55, "00-"), "{lines}{parent}");
    let state = got.get("tracestate").map(|state| state.to_str().unwrap().to_owned());
    (SpanContext::of_headers(&got).unwrap(), state)
}

#[tokio::test]
async fn traceparent_case_by_case() {
    let (host, seen) = host().await;
    let http = host.http().await;
    let valid = format!("00-{TRACE}-{SPAN}-01");
    let one = |name: &str, value: &str| vec![format!("{name}: {value}")];
    let parent = |value: String| vec![format!("traceparent: {value}")];
    let mut cases: Vec<(&str, Vec<String>, Fate)> = vec![
        ("both missing", vec![], Begins),
        ("only traceparent", one("traceparent", &valid), GoesOn),
        ("twice, the same", vec![format!("traceparent: {valid}"); 2], Begins),
        (
            "twice, two of them",
            vec![format!("traceparent: {valid}"), format!("traceparent: 00-{}-{SPAN}-01", "9".repeat(32))],
            Begins,
        ),
        ("name with a hyphen", one("trace-parent", &valid), Begins),
        ("name with a dot", one("trace.parent", &valid), Begins),
        ("name in any case", one("TraceParent", &valid), GoesOn),
        ("name in odd case", one("TrAcEpArEnT", &valid), GoesOn),
        ("name in upper case", one("TRACEPARENT", &valid), GoesOn),
        ("version 00 with a dot after it", parent(format!("{valid}.")), Begins),
        ("version 00 with more after it", parent(format!("{valid}-what-the-future-brings")), Begins),
        ("later version", parent(format!("cc-{TRACE}-{SPAN}-01")), GoesOn),
        ("later version with more", parent(format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings")), GoesOn),
        ("later version with other than a hyphen", parent(format!("cc-{TRACE}-{SPAN}-01.what")), Begins),
        ("version ff", parent(format!("ff-{TRACE}-{SPAN}-01")), Begins),
        ("version of a dot and a digit", parent(format!(".0-{TRACE}-{SPAN}-01")), Begins),
        ("version of a digit and a dot", parent(format!("0.-{TRACE}-{SPAN}-01")), Begins),
        ("version too long", parent(format!("000-{TRACE}-{SPAN}-01")), Begins),
        ("version much too long", parent(format!("0000-{TRACE}-{SPAN}-01")), Begins),
        ("version too short", parent(format!("0-{TRACE}-{SPAN}-01")), Begins),
        ("trace of zeros", parent(format!("00-{}-{SPAN}-01", "0".repeat(32))), Begins),
        ("trace with a dot first", parent(format!("00-.{}-{SPAN}-01", &TRACE[1..])), Begins),
        ("trace with a dot last", parent(format!("00-{}.-{SPAN}-01", &TRACE[1..])), Begins),
        ("trace in upper case", parent(format!("00-{}-{SPAN}-01", "ABCDEF0123456789ABCDEF0123456789")), Begins),
        ("trace too long", parent(format!("00-{TRACE}3-{SPAN}-01")), Begins),
        ("trace too short", parent(format!("00-{}-{SPAN}-01", &TRACE[1..])), Begins),
        ("parent of zeros", parent(format!("00-{TRACE}-{}-01", "0".repeat(16))), Begins),
        ("parent with a dot first", parent(format!("00-{TRACE}-.{}-01", &SPAN[1..])), Begins),
        ("parent with a dot last", parent(format!("00-{TRACE}-{}.-01", &SPAN[1..])), Begins),
        ("parent too long", parent(format!("00-{TRACE}-{SPAN}7-01")), Begins),
        ("parent too short", parent(format!("00-{TRACE}-{}-01", &SPAN[1..])), Begins),
        ("flags with a dot first", parent(format!("00-{TRACE}-{SPAN}-.0")), Begins),
        ("flags with a dot last", parent(format!("00-{TRACE}-{SPAN}-0.")), Begins),
        ("flags too long", parent(format!("00-{TRACE}-{SPAN}-001")), Begins),
        ("flags too short", parent(format!("00-{TRACE}-{SPAN}-1")), Begins),
        ("empty", parent(String::new()), Begins),
        ("no text", parent("\u{e9}".to_owned()), Begins),
    ];
    for space in [" ", "\t", "\t \t"] {
        cases.push(("space before", parent(format!("{space}{valid}")), GoesOn));
        cases.push(("space after", parent(format!("{valid}{space}")), GoesOn));
    }
    for (case, lines, fate) in cases {
        let (got, state) = send(&http, &seen, &[&lines[..], &["tracestate: a=1".to_owned()]].concat()).await;
        let found = if got.trace.to_string() == TRACE { GoesOn } else { Begins };
        assert_eq!((found, state.is_some()), (fate, got.trace.to_string() == TRACE), "{case}: {lines:?}");
        assert_ne!(got.span.to_string(), SPAN, "{case}: whoever passes it on has a span of their own");
    }
}

#[tokio::test]
async fn flags_case_by_case() {
    let (host, seen) = host().await;
    let http = host.http().await;
    for (flags, passed_on) in [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("fc", "00")] {
        let (got, _) = send(&http, &seen, &[format!("traceparent: 00-{TRACE}-{SPAN}-{flags}")]).await;
        assert_eq!(format!("{:02x}", got.flags.bits()), passed_on, "{flags}");
    }
    // A trace that begins here has an id that is random.
    let (first, _) = send(&http, &seen, &[]).await;
    let (second, _) = send(&http, &seen, &[]).await;
    assert!(first.flags.is_random() && second.flags.is_random() && first.trace != second.trace);
    assert_ne!(first.span, second.span);
}

#[tokio::test]
async fn tracestate_case_by_case() {
    let (host, seen) = host().await;
    let http = host.http().await;
    let members = |n: usize| (0..n).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    let all_of_a_key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let all_of_a_value: String = (0x20..0x7f_u8).map(char::from).filter(|char| !",=".contains(*char)).collect();
    let of_512 = (0..4).map(|n| format!("k{n}={}", "v".repeat(125))).collect::<Vec<_>>().join(",");
    let cases: Vec<(Vec<String>, Option<String>)> = vec![
        (vec!["foo=1,bar=2".into()], Some("foo=1,bar=2".into())),
        (vec!["foo=1".into(), "bar=2".into()], Some("foo=1,bar=2".into())),
        (
            vec!["foo=1,bar=2".into(), "rojo=1,congo=2".into(), "baz=3".into()],
            Some("foo=1,bar=2,rojo=1,congo=2,baz=3".into()),
        ),
        (vec![String::new()], None),
        (vec!["foo=1".into(), String::new()], Some("foo=1".into())),
        (vec![String::new(), "foo=1".into()], Some("foo=1".into())),
        (vec!["foo=1 \t , \t bar=2, \t baz=3".into()], Some("foo=1,bar=2,baz=3".into())),
        (vec!["\t foo=1 \t".into()], Some("foo=1".into())),
        (vec!["foo=1,foo=1".into()], Some("foo=1".into())),
        (vec!["foo=1,foo=2".into()], Some("foo=1".into())),
        (vec!["foo=1".into(), "foo=2".into()], Some("foo=1".into())),
        (vec![format!("{all_of_a_key}={all_of_a_value}")], Some(format!("{all_of_a_key}={all_of_a_value}"))),
        (vec![format!("{all_of_a_key}@a-z0-9_-*/=1")], Some(format!("{all_of_a_key}@a-z0-9_-*/=1"))),
        (vec![format!("{}=1", "z".repeat(256))], Some(format!("{}=1", "z".repeat(256)))),
        (vec![format!("{}=1", "z".repeat(257))], None),
        (vec![format!("z={}", "1".repeat(256))], Some(format!("z={}", "1".repeat(256)))),
        (vec![format!("z={}", "1".repeat(257))], None),
        (vec![members(32)], Some(members(32))),
        (vec![members(33)], None),
        (vec![of_512.clone()], Some(of_512)),
        (vec!["foo =1".into()], None),
        (vec!["FOO=1".into()], None),
        (vec!["foo.bar=1".into()], None),
        (vec!["@foo=1,bar=2".into()], None),
        (vec!["foo=bar=baz".into()], None),
        (vec!["foo=,bar=3".into()], None),
        (vec!["foo=1\u{e9}".into()], None),
        (vec!["foo".into()], None),
    ];
    for (fields, passed_on) in cases {
        let mut lines = vec![format!("traceparent: 00-{TRACE}-{SPAN}-00")];
        lines.extend(fields.iter().map(|field| format!("tracestate: {field}")));
        let (got, state) = send(&http, &seen, &lines).await;
        assert_eq!((got.trace.to_string(), state), (TRACE.to_owned(), passed_on), "{fields:?}");
    }
    // Under other names, or without a trace, it says nothing.
    for lines in [
        vec![format!("traceparent: 00-{TRACE}-{SPAN}-00"), "trace-state: foo=1".to_owned()],
        vec![format!("traceparent: 00-{TRACE}-{SPAN}-00"), "trace.state: foo=1".to_owned()],
        vec!["tracestate: foo=1".to_owned()],
        vec!["tracestate: foo=1,bar=2".to_owned()],
    ] {
        assert_eq!(send(&http, &seen, &lines).await.1, None, "{lines:?}");
    }
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        let lines = [format!("traceparent: 00-{TRACE}-{SPAN}-00"), format!("{name}: foo=1")];
        assert_eq!(send(&http, &seen, &lines).await.1.as_deref(), Some("foo=1"), "{name}");
    }
}
