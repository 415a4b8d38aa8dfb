//! Which log records to read.

use std::time::SystemTime;

use patchbay_model::{LogFilter, LogLevel, ServiceName, units};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Wanted;
use crate::admin::rejection::Rejection;

/// Which records to read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct LogSelection {
    /// Records after this number. `Last-Event-ID` wins over it.
    #[serde(default)]
    pub(super) after: u64,
    /// Whether to stay for what comes.
    #[serde(default)]
    pub(super) follow: bool,
    /// Of what is kept, only so many of the newest.
    pub(super) limit: Option<usize>,
    /// Records that this service wrote, or that are about it.
    #[param(value_type = Option<String>)]
    pub(super) service: Option<ServiceName>,
    /// Records of this level or a higher one: `trace`, `debug`, `info`, `warn`, `error` or `critical`. What a service prints
    /// to stderr counts as `warn`, to stdout as `info`.
    #[param(value_type = Option<String>, example = "warn")]
    pub(super) level: Option<LogLevel>,
    /// Records of this trace: 32 hexadecimal digits.
    #[param(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub(super) trace: Option<String>,
    /// Records of this call: 16 hexadecimal digits.
    #[param(example = "00000000000000a7")]
    pub(super) call: Option<String>,
    /// Records that are not older: a time in UTC, or a duration before now.
    #[param(example = "5m")]
    pub(super) since: Option<String>,
}

impl LogSelection {
    /// What is wanted at this time of day, after the record that `last` names, if one is.
    ///
    /// # Errors
    /// If something cannot be meant.
    pub(super) fn wanted(self, last: Option<u64>, now: SystemTime) -> Result<Wanted<LogFilter>, Rejection> {
        let Self { after, follow, limit, service, level, trace, call, since } = self;
        let since = since.map(|since| time(&since, now)).transpose()?;
        for (name, id, length) in [("trace", &trace, 32), ("call", &call, 16)] {
            if id.as_ref().is_some_and(|id| id.len() != length || !id.bytes().all(|digit| digit.is_ascii_hexdigit())) {
                return Err(Rejection::invalid(format!("`{name}` is not {length} hexadecimal digits")));
            }
        }
        let filter = LogFilter { service, level, trace, call, since };
        Ok(Wanted { after: last.unwrap_or(after), follow, limit, filter })
    }
}

/// A time, or how long before `now` it was.
fn time(text: &str, now: SystemTime) -> Result<SystemTime, Rejection> {
    let ago = || units::parse_duration(text).ok().map(|ago| now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH));
    units::parse_timestamp(text).or_else(ago).ok_or_else(|| {
        Rejection::invalid("`since` is neither a time such as `2026-01-31T12:00:00Z` nor a duration such as `5m`")
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_points_or_lie_before_now() {
        let now = UNIX_EPOCH + Duration::from_secs(3600);
        for (since, wanted) in
            [("1970-01-01T00:00:07Z", Some(7)), ("5m", Some(3300)), ("soon", None), ("-5m", None), ("", None)]
        {
            let selection = LogSelection { since: Some(since.to_owned()), ..LogSelection::default() };
            let found = selection.wanted(None, now).ok().map(|wanted| wanted.filter.since.unwrap());
            assert_eq!(found, wanted.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)), "{since}");
        }
    }

    #[test]
    fn ids_are_whole() {
        for (trace, call, fits) in [
            (None, None, true),
            (Some("4bf92f3577b34da6a3ce929d0e0e4736"), Some("00000000000000A7"), true),
            (Some("4bf92f3577b34da6a3ce929d0e0e473"), None, false),
            (Some("4bf92f3577b34da6a3ce929d0e0e473g"), None, false),
            (None, Some("a7"), false),
        ] {
            let [trace_id, call_id] = [trace, call].map(|id: Option<&str>| id.map(str::to_owned));
            let selection = LogSelection { trace: trace_id, call: call_id, ..LogSelection::default() };
            assert_eq!(selection.wanted(None, UNIX_EPOCH).is_ok(), fits, "{trace:?} {call:?}");
        }
    }
}
