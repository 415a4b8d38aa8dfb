//! Which records somebody wants to see.

use std::time::SystemTime;

use super::{LogLevel, LogRecord};
use crate::ServiceName;

/// What a record has to have. What is absent is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Written by this service, or said of it.
    pub service: Option<ServiceName>,
    /// At least this level, as [`LogRecord::weight`] has it.
    pub level: Option<LogLevel>,
    /// Of this trace; the case of the digits does not matter.
    pub trace: Option<String>,
    /// Of this call; the case of the digits does not matter.
    pub call: Option<String>,
    /// Not older than this.
    pub since: Option<SystemTime>,
}

impl LogFilter {
    /// Whether a record is one of those.
    pub fn wants(&self, record: &LogRecord) -> bool {
        let Self { service, level, trace, call, since } = self;
        service.as_ref().is_none_or(|service| record.service.as_deref() == Some(service.as_str()))
            && level.is_none_or(|level| record.weight() >= level)
            && is(trace.as_deref(), record.trace.as_deref())
            && is(call.as_deref(), record.call.as_deref())
            && since.is_none_or(|since| record.time >= since)
    }
}

fn is(wanted: Option<&str>, there: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| there.is_some_and(|there| there.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::LogStream;

    #[test]
    fn every_condition_has_to_hold() {
        let record = LogRecord {
            service: Some("orders".to_owned()),
            call: Some("00a7".to_owned()),
            trace: Some("4bf9".to_owned()),
            level: Some(LogLevel::Warn),
            ..LogRecord::new(UNIX_EPOCH + Duration::from_secs(5), LogStream::Host, String::new())
        };
        let all = LogFilter {
            service: Some("orders".parse().unwrap()),
            level: Some(LogLevel::Warn),
            trace: Some("4BF9".to_owned()),
            call: Some("00A7".to_owned()),
            since: Some(UNIX_EPOCH + Duration::from_secs(5)),
        };
        assert!(LogFilter::default().wants(&record) && all.wants(&record));
        for (what, other) in [
            ("service", LogFilter { service: Some("order".parse().unwrap()), ..all.clone() }),
            ("level", LogFilter { level: Some(LogLevel::Error), ..all.clone() }),
            ("trace", LogFilter { trace: Some("4bf8".to_owned()), ..all.clone() }),
            ("call", LogFilter { call: Some("00a".to_owned()), ..all.clone() }),
            ("since", LogFilter { since: Some(UNIX_EPOCH + Duration::from_secs(6)), ..all.clone() }),
        ] {
            assert!(!other.wants(&record), "{what}");
        }
        let nobody = LogRecord { service: None, call: None, trace: None, ..record };
        for (what, some) in [
            ("service", LogFilter { service: all.service, ..LogFilter::default() }),
            ("trace", LogFilter { trace: all.trace, ..LogFilter::default() }),
            ("call", LogFilter { call: all.call, ..LogFilter::default() }),
        ] {
            assert!(!some.wants(&nobody), "{what}");
        }
    }
}
