//! Lines: what stands in them, and that each is one line whatever is said.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use patchbay_model::{LogLevel, LogStream};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const PLAIN: LineFormat = LineFormat::Text { colour: false };

fn fields(fields: &[(&str, Value)]) -> BTreeMap<String, Value> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A call that failed, as the host tells it.
fn failed() -> LogRecord {
    let record =
        LogRecord::new(UNIX_EPOCH + Duration::from_millis(1234), LogStream::Host, "it took too long".to_owned());
    LogRecord {
        call: Some("00000000000000a7".to_owned()),
        trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        span: Some("00f067aa0ba902b7".to_owned()),
        level: Some(LogLevel::Warn),
        target: Some("patchbay_channel::record".to_owned()),
        fault: Some("deadline".to_owned()),
        caller: Some("web".to_owned()),
        user: Some("ann".to_owned()),
        fields: fields(&[
            ("attempts", json!(2)),
            ("details", json!("after 5s")),
            ("duration", json!(5.0)),
            ("level", json!("odd")),
            ("a.b", json!(true)),
        ]),
        ..record.of(&"orders@2".parse().unwrap())
    }
}

/// A line of a service.
fn printed() -> LogRecord {
    let record = LogRecord::new(UNIX_EPOCH, LogStream::Logging, "low\nstock".to_owned());
    LogRecord {
        level: Some(LogLevel::Error),
        context: Some("stock".to_owned()),
        ..record.of(&"inventory@1".parse().unwrap())
    }
}

/// A request, as the access log has it.
fn requested(status: u16) -> LogRecord {
    let record = LogRecord::new(UNIX_EPOCH, LogStream::Host, "GET /x".to_owned());
    LogRecord {
        level: Some(LogLevel::Info),
        target: Some("access".to_owned()),
        fields: fields(&[
            ("method", json!("GET")),
            ("path", json!("/x")),
            ("route", json!("/*")),
            ("status", json!(status)),
            ("duration", json!(0.0015)),
            ("bytes_in", json!(0)),
            ("bytes_out", json!(5)),
            ("address", json!("::1")),
            ("agent", json!("curl/8")),
        ]),
        ..record.of(&"orders@2".parse().unwrap())
    }
}

fn text(format: LineFormat, record: &LogRecord) -> String {
    String::from_utf8(format.line(record)).unwrap()
}

fn object(format: LineFormat, record: &LogRecord) -> Value {
    serde_json::from_slice(&format.line(record)).unwrap()
}

#[test]
fn the_form_follows_from_what_is_asked_for_and_from_the_terminal() {
    for (asked, terminal, wanted) in [
        (LogFormat::Auto, true, LineFormat::Text { colour: true }),
        (LogFormat::Auto, false, LineFormat::Json),
        (LogFormat::Text, false, LineFormat::Text { colour: true }),
        (LogFormat::Json, true, LineFormat::Json),
        (LogFormat::Ecs, true, LineFormat::Ecs),
    ] {
        assert_eq!(LineFormat::chosen(asked, terminal, true), wanted, "{asked:?} {terminal}");
    }
}

#[test]
fn people_read_lines() {
    assert_eq!(
        text(PLAIN, &failed()),
        "1970-01-01T00:00:01.234Z  WARN patchbay_channel::record: orders@2 it took too long call=00000000000000a7 \
         trace=4bf92f3577b34da6a3ce929d0e0e4736 fault=deadline caller=web user=ann a.b=true attempts=2 details=\"after 5s\" \
         duration=5.0 level=odd\n"
    );
    assert_eq!(text(PLAIN, &printed()), "1970-01-01T00:00:00.000Z ERROR guest: inventory@1 stock: low\\nstock\n");
    let coloured = text(LineFormat::Text { colour: true }, &failed());
    assert!(coloured.contains('\u{1b}'), "{coloured:?}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text(PLAIN, &failed()));
}

#[test]
fn programs_read_json_with_keys_that_stay() {
    let wanted = concat!(
        r#"{"timestamp":"1970-01-01T00:00:01.234Z","level":"warn","target":"patchbay_channel::record","#,
        r#""message":"it took too long","service":"orders","revision":2,"call":"00000000000000a7","#,
        r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","fault":"deadline","caller":"web","#,
        r#""user":"ann","stream":"host","a.b":true,"attempts":2,"details":"after 5s","duration":5.0,"fields.level":"odd"}"#,
        "\n",
    );
    assert_eq!(text(LineFormat::Json, &failed()), wanted);
    let wanted = concat!(
        r#"{"timestamp":"1970-01-01T00:00:00.000Z","level":"error","target":"guest","message":"low\nstock","#,
        r#""service":"inventory","revision":1,"context":"stock","stream":"logging"}"#,
        "\n",
    );
    assert_eq!(text(LineFormat::Json, &printed()), wanted);
}

#[test]
fn elastic_reads_its_own_names() {
    let wanted = concat!(
        r#"{"@timestamp":"1970-01-01T00:00:01.234Z","log.level":"warn","message":"it took too long","ecs.version":"8.17.0","#,
        r#""log.logger":"patchbay_channel::record","event.dataset":"patchbay.host","event.kind":"event","#,
        r#""event.outcome":"failure","event.duration":5000000000,"service.version":"2","service.name":"orders","#,
        r#""trace.id":"4bf92f3577b34da6a3ce929d0e0e4736","span.id":"00f067aa0ba902b7","error.type":"deadline","#,
        r#""user.name":"ann","patchbay.call":"00000000000000a7","patchbay.caller":"web","patchbay.stream":"host","#,
        r#""patchbay.a_b":true,"patchbay.attempts":2,"error.message":"after 5s","patchbay.level":"odd"}"#,
        "\n",
    );
    assert_eq!(text(LineFormat::Ecs, &failed()), wanted);
    for (status, outcome) in [(200, "success"), (304, "success"), (404, "failure"), (500, "failure")] {
        let wanted = json!({
            "@timestamp": "1970-01-01T00:00:00.000Z", "log.level": "info", "message": "GET /x", "ecs.version": "8.17.0",
            "log.logger": "access", "event.dataset": "patchbay.access", "event.kind": "event", "event.category": ["web"],
            "event.type": ["access"], "event.outcome": outcome, "event.duration": 1_500_000, "service.name": "orders",
            "service.version": "2", "http.request.method": "GET", "http.response.status_code": status,
            "http.request.body.bytes": 0, "http.response.body.bytes": 5, "url.path": "/x", "source.ip": "::1",
            "user_agent.original": "curl/8", "patchbay.route": "/*", "patchbay.stream": "host",
        });
        assert_eq!(object(LineFormat::Ecs, &requested(status)), wanted);
    }
}

/// What a field of the schema may hold (ECS 8.17, by its field reference).
enum Holds {
    /// `keyword`, `match_only_text`, `wildcard`.
    Text,
    /// `long`.
    Whole,
    /// `date`.
    Date,
    /// `ip`.
    Address,
    /// `keyword` with allowed values.
    OneOf(&'static [&'static str]),
    /// The same, as an array.
    SomeOf(&'static [&'static str]),
}

/// The fields of the schema that the host uses.
const SCHEMA: [(&str, Holds); 25] = [
    ("@timestamp", Holds::Date),
    ("message", Holds::Text),
    ("ecs.version", Holds::Text),
    ("log.level", Holds::Text),
    ("log.logger", Holds::Text),
    ("event.dataset", Holds::Text),
    ("event.kind", Holds::OneOf(&["alert", "asset", "enrichment", "event", "metric", "state", "signal"])),
    ("event.category", Holds::SomeOf(&["api", "authentication", "iam", "network", "process", "session", "web"])),
    ("event.type", Holds::SomeOf(&["access", "allowed", "change", "denied", "end", "error", "info", "start"])),
    ("event.outcome", Holds::OneOf(&["failure", "success", "unknown"])),
    ("event.duration", Holds::Whole),
    ("service.name", Holds::Text),
    ("service.version", Holds::Text),
    ("trace.id", Holds::Text),
    ("span.id", Holds::Text),
    ("error.type", Holds::Text),
    ("error.message", Holds::Text),
    ("user.name", Holds::Text),
    ("url.path", Holds::Text),
    ("url.query", Holds::Text),
    ("http.request.method", Holds::Text),
    ("http.response.status_code", Holds::Whole),
    ("http.request.body.bytes", Holds::Whole),
    ("http.response.body.bytes", Holds::Whole),
    ("source.ip", Holds::Address),
];

/// Why an object is not what the schema has, if it is not.
fn wrong(object: &Map<String, Value>) -> Option<String> {
    let missing =
        ["@timestamp", "log.level", "message", "ecs.version"].into_iter().find(|key| !object.contains_key(*key));
    if let Some(missing) = missing {
        return Some(format!("`{missing}` is missing"));
    }
    object.iter().find_map(|(key, value)| {
        if key.starts_with("patchbay.") || matches!(key.as_str(), "user_agent.original" | "url.domain" | "http.version")
        {
            return None;
        }
        let Some((_, holds)) = SCHEMA.iter().find(|(name, _)| name == key) else {
            return Some(format!("`{key}` is no field of the schema"));
        };
        let text = value.as_str();
        let fits = match holds {
            Holds::Text => text.is_some(),
            Holds::Whole => value.is_u64(),
            Holds::Date => text.and_then(patchbay_model::units::parse_timestamp).is_some(),
            Holds::Address => text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
            Holds::OneOf(allowed) => text.is_some_and(|text| allowed.contains(&text)),
            Holds::SomeOf(allowed) => value.as_array().is_some_and(|values| {
                values.iter().all(|value| value.as_str().is_some_and(|text| allowed.contains(&text)))
            }),
        };
        (!fits).then(|| format!("`{key}` cannot be {value}"))
    })
}

#[test]
fn what_elastic_reads_is_what_its_schema_has() {
    let audit = LogRecord { target: Some("audit".to_owned()), ..failed() };
    for record in [failed(), printed(), requested(200), audit] {
        let object = object(LineFormat::Ecs, &record);
        assert_eq!(wrong(object.as_object().unwrap()), None, "{object}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

prop_compose! {
    fn any_record()(
        bytes: Vec<u8>,
        texts in proptest::collection::vec(any::<Option<String>>(), 9),
        names in proptest::collection::btree_map("[a-z_]{1,12}|a\\.b|level|message|timestamp|stream|context|details|error", any_value(), 0..6),
        level in proptest::option::of(proptest::sample::select(&LogLevel::ALL[..])),
        stream in proptest::sample::select(&[LogStream::Stdout, LogStream::Stderr, LogStream::Logging, LogStream::Host][..]),
        revision: Option<u32>,
        millis in 0..10_000_000_000_000_u64,
    ) -> LogRecord {
        let line = String::from_utf8_lossy(&bytes).into_owned();
        let mut texts = texts.into_iter();
        let mut next = || texts.next().flatten();
        LogRecord {
            service: next(), revision, call: next(), trace: next(), span: next(), level, context: next(), target: next(),
            fault: next(), caller: next(), user: next(), fields: names,
            ..LogRecord::new(UNIX_EPOCH + Duration::from_millis(millis), stream, line)
        }
    }
}

proptest! {
    #[test]
    fn any_record_is_one_line_and_says_what_it_says(record in any_record()) {
        for format in [PLAIN, LineFormat::Json, LineFormat::Ecs] {
            let line = format.line(&record);
            prop_assert_eq!(line.iter().filter(|byte| **byte < b' ' && **byte != b'\t').count(), 1);
            prop_assert_eq!(line.last(), Some(&b'\n'));
        }
        for format in [LineFormat::Json, LineFormat::Ecs] {
            let line = text(format, &record);
            let object: Map<String, Value> = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(object["message"].as_str(), Some(record.line.as_str()));
            // Each key stands in it once, or readers would not agree on what it says.
            prop_assert_eq!(serde_json::to_string(&object).unwrap().len(), line.trim_end_matches('\n').len());
        }
    }
}
