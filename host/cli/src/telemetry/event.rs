//! From an event of `tracing` to a log record.

use std::fmt::{self, Write};
use std::time::SystemTime;

use patchbay_model::{LogLevel, LogRecord, LogStream, RevisionId};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// The record that an event at this time of day is.
pub(super) fn record(event: &Event<'_>, time: SystemTime) -> LogRecord {
    let about = event.metadata();
    let record = LogRecord {
        level: Some(level(*about.level())),
        target: Some(about.target().to_owned()),
        ..LogRecord::new(time, LogStream::Host, String::new())
    };
    let mut reader = Reader { record };
    event.record(&mut reader);
    reader.record
}

const fn level(level: Level) -> LogLevel {
    match level {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warn,
        Level::ERROR => LogLevel::Error,
    }
}

/// Puts each field where it belongs.
struct Reader {
    record: LogRecord,
}

impl Reader {
    fn text(&mut self, name: &str, text: &str) {
        let record = &mut self.record;
        let place = match name {
            "message" => {
                text.clone_into(&mut record.line);
                return;
            }
            "service" => &mut record.service,
            "call" => &mut record.call,
            "trace" => &mut record.trace,
            "span" => &mut record.span,
            "fault" => &mut record.fault,
            "caller" => &mut record.caller,
            "user" => &mut record.user,
            "revision" => {
                self.revision(text);
                return;
            }
            // What libraries log through `log` comes with these.
            "log.target" => &mut record.target,
            "log.module_path" | "log.file" => return,
            "elapsed" => {
                match seconds(text) {
                    Some(seconds) => self.value("duration", seconds.into()),
                    None => self.value(name, text.into()),
                }
                return;
            }
            _ => {
                self.value(name, text.into());
                return;
            }
        };
        *place = Some(text.to_owned());
    }

    /// A revision, as `orders@2`, or its number alone.
    fn revision(&mut self, text: &str) {
        if let Ok(RevisionId { service, number }) = text.parse() {
            self.record.revision = Some(number.get());
            self.record.service.get_or_insert_with(|| service.to_string());
        } else if let Ok(number) = text.parse() {
            self.record.revision = Some(number);
        } else {
            self.value("revision", text.into());
        }
    }

    fn value(&mut self, name: &str, value: Value) {
        self.record.fields.insert(name.to_owned(), value);
    }
}

impl Visit for Reader {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match (field.name(), u32::try_from(value)) {
            ("log.line", _) => {}
            ("revision", Ok(number)) => self.record.revision = Some(number),
            (name, _) => self.value(name, value.into()),
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.value(field.name(), i64::try_from(value).map_or_else(|_| value.to_string().into(), Value::from));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.value(field.name(), u64::try_from(value).map_or_else(|_| value.to_string().into(), Value::from));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Something that cannot show itself is shown as far as it can.
        let _ = write!(text, "{value:?}");
        self.text(field.name(), &text);
    }
}

/// The seconds of a duration in its debug form, such as `1.5ms`.
fn seconds(text: &str) -> Option<f64> {
    let units = [("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let (number, unit) = units.into_iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let number: f64 = number.parse().ok()?;
    // To the nanosecond, as it was; what is beyond is of the arithmetic.
    Some((number * unit * 1e9).round() / 1e9)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;
    use tracing_subscriber::layer::{Context, SubscriberExt};
    use tracing_subscriber::{Layer, Registry};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<LogRecord>>>);

    impl Layer<Registry> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, Registry>) {
            self.0.lock().unwrap().push(record(event, UNIX_EPOCH));
        }
    }

    fn records(log: impl FnOnce()) -> Vec<LogRecord> {
        let kept = Kept::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(kept.clone()), log);
        let records = kept.0.lock().unwrap();
        records.clone()
    }

    #[test]
    fn what_is_known_by_name_has_a_place_of_its_own() {
        let found = records(|| {
            let (call, elapsed) = (patchbay_model::CallId::new(0xa7), Duration::from_micros(1500));
            tracing::warn!(target: "audit", revision = "orders@2", %call, fault = "denied", caller = "web", user = "ann",
                trace = "4bf9", span = "00f0", status = 403_u16, ?elapsed, route = %"/x", huge = u128::MAX, "no {}", "way");
        });
        let wanted = LogRecord {
            service: Some("orders".to_owned()),
            revision: Some(2),
            call: Some("00000000000000a7".to_owned()),
            trace: Some("4bf9".to_owned()),
            span: Some("00f0".to_owned()),
            level: Some(LogLevel::Warn),
            target: Some("audit".to_owned()),
            fault: Some("denied".to_owned()),
            caller: Some("web".to_owned()),
            user: Some("ann".to_owned()),
            fields: [
                ("status", json!(403)),
                ("duration", json!(0.0015)),
                ("route", json!("/x")),
                ("huge", json!(u128::MAX.to_string())),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            ..LogRecord::new(UNIX_EPOCH, LogStream::Host, "no way".to_owned())
        };
        assert_eq!(found, [wanted]);
    }

    #[test]
    fn revisions_have_several_forms() {
        let found = records(|| {
            tracing::info!(service = "a", revision = 7_u32, "");
            tracing::info!(service = "a", revision = "b@3", "");
            tracing::info!(revision = "what", "");
            tracing::info!(elapsed = "long", "");
        });
        let found: Vec<_> = found.iter().map(|record| (record.service.as_deref(), record.revision)).collect();
        assert_eq!(found, [(Some("a"), Some(7)), (Some("a"), Some(3)), (None, None), (None, None)]);
    }

    #[test]
    fn durations_are_seconds() {
        for duration in [0, 1, 999, 1_500, 2_000_000, 3_000_000_000, 90_000_000_000] {
            let duration = Duration::from_nanos(duration);
            let found = seconds(&format!("{duration:?}")).unwrap();
            assert!((found - duration.as_secs_f64()).abs() < 1e-9, "{duration:?}: {found}");
        }
        assert_eq!((seconds("soon"), seconds("")), (None, None));
    }
}
