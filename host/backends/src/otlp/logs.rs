//! Log records in the form of the protocol (OpenTelemetry, logs data model).
//!
//! Attributes have the names of the semantic conventions where there are some, and stand under `patchbay.` otherwise.

use std::collections::BTreeMap;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord as ProtoRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use patchbay_model::ports::LogSink;
use patchbay_model::{LogLevel, LogRecord, LogStream, ServiceName};

use super::{Exported, OtlpResource, Outbox, Payload, Signal};

/// Fields that the semantic conventions have names for, and these.
const NAMES: [(&str, &str); 12] = [
    ("method", "http.request.method"),
    ("status", "http.response.status_code"),
    ("route", "http.route"),
    ("bytes_in", "http.request.body.size"),
    ("bytes_out", "http.response.body.size"),
    ("path", "url.path"),
    ("query", "url.query"),
    ("host", "server.address"),
    ("version", "network.protocol.version"),
    ("address", "client.address"),
    ("agent", "user_agent.original"),
    ("details", "error.message"),
];

impl Exported for LogRecord {
    const SIGNAL: Signal = Signal::Logs;

    fn size(&self) -> usize {
        Self::size(self)
    }

    fn payload(batch: Vec<Self>, resource: &OtlpResource) -> Payload {
        let resource_logs = by_service(&batch).into_iter().map(|(service, log_records)| {
            let service: Option<ServiceName> = service.and_then(|name| name.parse().ok());
            ResourceLogs {
                resource: Some(resource.of(service.as_ref())),
                scope_logs: vec![ScopeLogs { scope: Some(resource.scope()), log_records, ..ScopeLogs::default() }],
                ..ResourceLogs::default()
            }
        });
        Payload::Logs(ExportLogsServiceRequest { resource_logs: resource_logs.collect() })
    }
}

impl LogSink for Outbox<LogRecord> {
    fn record(&self, record: LogRecord) {
        self.put(record);
    }
}

/// The records of each service, and of the host itself, in their order. Each is a resource of its own to those who read them.
fn by_service(records: &[LogRecord]) -> BTreeMap<Option<&str>, Vec<ProtoRecord>> {
    let mut services: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        services.entry(record.service.as_deref()).or_default().push(record_of(record));
    }
    services
}

/// A record in the form of the protocol.
fn record_of(record: &LogRecord) -> ProtoRecord {
    let (time, level) = (nanos(record.time), record.weight());
    ProtoRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity(level) as i32,
        severity_text: level.name().to_owned(),
        body: Some(any(Value::StringValue(record.line.clone()))),
        attributes: attributes(record),
        trace_id: bytes(record.trace.as_deref(), 16),
        span_id: bytes(record.span.as_deref(), 8),
        event_name: event(record).unwrap_or_default().to_owned(),
        ..ProtoRecord::default()
    }
}

/// The number of a level (logs data model, `SeverityNumber`): the first of its range.
const fn severity(level: LogLevel) -> SeverityNumber {
    match level {
        LogLevel::Trace => SeverityNumber::Trace,
        LogLevel::Debug => SeverityNumber::Debug,
        LogLevel::Info => SeverityNumber::Info,
        LogLevel::Warn => SeverityNumber::Warn,
        LogLevel::Error => SeverityNumber::Error,
        LogLevel::Critical => SeverityNumber::Fatal,
    }
}

/// What is an event with a name, and not only a line.
fn event(record: &LogRecord) -> Option<&'static str> {
    match (record.stream, record.target.as_deref()) {
        (LogStream::Host, Some("access")) => Some("patchbay.access"),
        (LogStream::Host, Some("audit")) => Some("patchbay.audit"),
        _ => None,
    }
}

fn attributes(record: &LogRecord) -> Vec<KeyValue> {
    let stream = match record.stream {
        LogStream::Stdout | LogStream::Stderr => ("log.iostream", record.stream.name()),
        LogStream::Logging | LogStream::Host => ("patchbay.stream", record.stream.name()),
    };
    let known = [
        ("patchbay.call", record.call.as_deref()),
        ("patchbay.context", record.context.as_deref()),
        ("patchbay.target", record.target.as_deref()),
        ("patchbay.caller", record.caller.as_deref()),
        ("user.name", record.user.as_deref()),
        ("error.type", record.fault.as_deref()),
        (stream.0, Some(stream.1)),
    ];
    let known = known.into_iter().filter_map(|(name, text)| Some(pair(name, Value::StringValue(text?.to_owned()))));
    let revision = record.revision.map(|number| pair("patchbay.revision", Value::IntValue(number.into())));
    let own = record.fields.iter().filter_map(|(name, value)| {
        let value = value_of(value)?;
        Some(match NAMES.iter().find(|(known, _)| known == name) {
            Some((_, name)) => pair(name, value),
            None => pair(&format!("patchbay.{name}"), value),
        })
    });
    known.chain(revision).chain(own).collect()
}

fn value_of(value: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match value {
        Json::Null => return None,
        Json::Bool(truth) => Value::BoolValue(*truth),
        Json::String(text) => Value::StringValue(text.clone()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::IntValue(whole),
            (None, Some(real)) => Value::DoubleValue(real),
            (None, None) => Value::StringValue(number.to_string()),
        },
        Json::Array(values) => {
            Value::ArrayValue(ArrayValue { values: values.iter().filter_map(value_of).map(any).collect() })
        }
        Json::Object(fields) => {
            let values = fields.iter().filter_map(|(name, value)| Some(pair(name, value_of(value)?)));
            Value::KvlistValue(KeyValueList { values: values.collect() })
        }
    })
}

const fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}

/// The bytes that hexadecimal digits stand for; none if there are not just as many, as the protocol wants it.
fn bytes(digits: Option<&str>, length: usize) -> Vec<u8> {
    let pairs = digits.unwrap_or_default().as_bytes().chunks(2);
    let byte = |pair: &[u8]| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<_>> = pairs.map(byte).collect();
    bytes.filter(|bytes| bytes.len() == length).unwrap_or_default()
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;

    fn line(stream: LogStream) -> LogRecord {
        LogRecord::new(UNIX_EPOCH + Duration::from_millis(1500), stream, "low stock".to_owned())
    }

    fn shown(record: &ProtoRecord) -> BTreeMap<&str, Value> {
        let value = |pair: &KeyValue| pair.value.clone().and_then(|any| any.value).unwrap();
        record.attributes.iter().map(|pair| (pair.key.as_str(), value(pair))).collect()
    }

    fn text(text: &str) -> Value {
        Value::StringValue(text.to_owned())
    }

    #[test]
    fn levels_have_the_numbers_of_the_data_model() {
        for (level, stream, number) in [
            (Some(LogLevel::Trace), LogStream::Logging, 1),
            (Some(LogLevel::Debug), LogStream::Host, 5),
            (Some(LogLevel::Info), LogStream::Host, 9),
            (Some(LogLevel::Warn), LogStream::Host, 13),
            (Some(LogLevel::Error), LogStream::Host, 17),
            (Some(LogLevel::Critical), LogStream::Logging, 21),
            (None, LogStream::Stdout, 9),
            (None, LogStream::Stderr, 13),
        ] {
            let record = record_of(&LogRecord { level, ..line(stream) });
            assert_eq!(record.severity_number, number, "{level:?} {stream:?}");
        }
    }

    #[test]
    fn a_record_keeps_what_it_says() {
        let fields = [
            ("method", json!("GET")),
            ("status", json!(504)),
            ("duration", json!(5.5)),
            ("gone", json!(null)),
            ("last", json!([true, "x", { "a": 1 }])),
        ];
        let record = LogRecord {
            call: Some("00000000000000a7".to_owned()),
            trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
            span: Some("00f067aa0ba902b7".to_owned()),
            level: Some(LogLevel::Info),
            target: Some("access".to_owned()),
            fault: Some("deadline".to_owned()),
            user: Some("ann".to_owned()),
            fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
            ..line(LogStream::Host).of(&"orders@2".parse().unwrap())
        };
        let found = record_of(&record);
        assert_eq!((found.time_unix_nano, found.observed_time_unix_nano), (1_500_000_000, 1_500_000_000));
        assert_eq!((found.severity_text.as_str(), found.event_name.as_str()), ("info", "patchbay.access"));
        assert_eq!(found.body, Some(any(text("low stock"))));
        assert_eq!((found.trace_id.len(), found.trace_id[0], found.trace_id[15]), (16, 0x4b, 0x36));
        assert_eq!(found.span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        let within = KeyValueList { values: vec![pair("a", Value::IntValue(1))] };
        let last = [Value::BoolValue(true), text("x"), Value::KvlistValue(within)].map(any);
        let wanted = BTreeMap::from([
            ("patchbay.call", text("00000000000000a7")),
            ("patchbay.revision", Value::IntValue(2)),
            ("patchbay.stream", text("host")),
            ("patchbay.target", text("access")),
            ("error.type", text("deadline")),
            ("user.name", text("ann")),
            ("http.request.method", text("GET")),
            ("http.response.status_code", Value::IntValue(504)),
            ("patchbay.duration", Value::DoubleValue(5.5)),
            ("patchbay.last", Value::ArrayValue(ArrayValue { values: last.into() })),
        ]);
        assert_eq!(shown(&found), wanted);
    }

    #[test]
    fn what_is_no_id_is_left_out() {
        for (trace, span) in [("4bf9", "00f0"), ("xyz", "0"), ("", ""), ("\u{e9}\u{e9}", "00f067aa0ba902b70")] {
            let record =
                LogRecord { trace: Some(trace.to_owned()), span: Some(span.to_owned()), ..line(LogStream::Stdout) };
            let found = record_of(&record);
            assert!(found.trace_id.is_empty() && found.span_id.is_empty(), "{trace} {span}");
        }
    }

    #[test]
    fn each_service_has_its_own() {
        let of = |revision: &str, line: &str| LogRecord {
            line: line.to_owned(),
            ..self::line(LogStream::Stdout).of(&revision.parse().unwrap())
        };
        let records = [of("b@1", "1"), line(LogStream::Host), of("a@1", "2"), of("b@2", "3")];
        let found = by_service(&records);
        let lines = |service: Option<&str>| {
            let bodies = found[&service].iter().map(|record| record.body.clone().and_then(|body| body.value).unwrap());
            bodies.collect::<Vec<_>>()
        };
        assert_eq!(found.len(), 3);
        assert_eq!((lines(Some("a")), lines(Some("b"))), (vec![text("2")], vec![text("1"), text("3")]));
        assert_eq!(shown(&found[&Some("a")][0])["log.iostream"], text("stdout"));
        assert_eq!(lines(None), [text("low stock")]);
    }
}
