//! What a service says of one of its links: who serves it, whether it can do without, and the policies of its calls.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{DAY, Fallback, Rate, Repeatable, RetrySettings};
use crate::settings::SettingsError;
use crate::{ServiceName, units};

/// The settings of a link. What is absent is as the service that is called has it.
///
/// One that says only who serves it is written as the name of that service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSettings {
    /// Who serves it, where several could.
    pub service: Option<ServiceName>,
    /// Whether the importing service cannot be deployed while nobody serves it.
    pub required: bool,
    /// The longest that a call may take.
    pub timeout: Option<Duration>,
    /// Calls at a time over this link, among those that the service that is called may have.
    pub concurrency: Option<u32>,
    /// How often it may be called over this link, beside the rate of the service that is called.
    pub rate: Option<Rate>,
    /// When calls are tried again.
    pub retry: LinkRetry,
    /// What answers in its place.
    pub fallback: Option<Fallback>,
}

/// When calls over a link are tried again. What is absent is as the service that is called has it; the budget always is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkRetry {
    /// As [`RetrySettings::attempts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// As [`RetrySettings::backoff`].
    #[serde(with = "units::optional_duration", skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Duration>,
    /// As [`RetrySettings::max_backoff`].
    #[serde(with = "units::optional_duration", skip_serializing_if = "Option::is_none")]
    pub max_backoff: Option<Duration>,
    /// As [`RetrySettings::attempt_timeout`].
    #[serde(with = "units::optional_duration", skip_serializing_if = "Option::is_none")]
    pub attempt_timeout: Option<Duration>,
    /// As [`RetrySettings::idempotent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<Vec<Repeatable>>,
}

impl LinkRetry {
    /// What `inherited` becomes under it.
    pub fn over(&self, inherited: &RetrySettings) -> RetrySettings {
        RetrySettings {
            attempts: self.attempts.unwrap_or(inherited.attempts),
            backoff: self.backoff.unwrap_or(inherited.backoff),
            max_backoff: self.max_backoff.unwrap_or(inherited.max_backoff),
            attempt_timeout: self.attempt_timeout.unwrap_or(inherited.attempt_timeout),
            idempotent: self.idempotent.as_ref().unwrap_or(&inherited.idempotent).clone(),
            budget: inherited.budget,
            budget_floor: inherited.budget_floor,
        }
    }
}

impl LinkSettings {
    /// A link that is served by `service`, and as usual otherwise.
    pub fn to(service: ServiceName) -> Self {
        Self { service: Some(service), ..Self::default() }
    }

    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<SettingsError> {
        let mut problems = Vec::new();
        let mut judge = super::Judge(&mut problems);
        // What the other side has is known to be possible.
        self.retry.over(&RetrySettings::default()).judge(&mut judge);
        let possible = |value: Duration| value >= Duration::from_millis(1) && value <= DAY;
        judge.require(self.timeout.is_none_or(possible), "timeout", "must lie between 1ms and 24h");
        let concurrency = self.concurrency.is_none_or(|calls| (1..=1_000_000).contains(&calls));
        judge.require(concurrency, "concurrency", "must lie between 1 and 1000000");
        problems.into_iter().next()
    }
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            service: None,
            required: true,
            timeout: None,
            concurrency: None,
            rate: None,
            retry: LinkRetry::default(),
            fallback: None,
        }
    }
}

/// The long form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename = "LinkSettings")]
struct Long {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<ServiceName>,
    required: bool,
    #[serde(with = "units::optional_duration", skip_serializing_if = "Option::is_none")]
    timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "is_inherited")]
    retry: LinkRetry,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<Fallback>,
}

fn is_inherited(retry: &LinkRetry) -> bool {
    *retry == LinkRetry::default()
}

impl Default for Long {
    fn default() -> Self {
        LinkSettings::default().into()
    }
}

impl From<LinkSettings> for Long {
    fn from(link: LinkSettings) -> Self {
        let LinkSettings { service, required, timeout, concurrency, rate, retry, fallback } = link;
        Self { service, required, timeout, concurrency, rate, retry, fallback }
    }
}

impl From<Long> for LinkSettings {
    fn from(long: Long) -> Self {
        let Long { service, required, timeout, concurrency, rate, retry, fallback } = long;
        Self { service, required, timeout, concurrency, rate, retry, fallback }
    }
}

impl Serialize for LinkSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.service {
            Some(service) if *self == Self::to(service.clone()) => service.serialize(serializer),
            _ => Long::from(self.clone()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LinkSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, because an untagged enum would not say what is wrong with either form.
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(name) => name.parse().map(Self::to).map_err(serde::de::Error::custom),
            long => Long::deserialize(long).map(Self::from).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_name_or_a_table() {
        for (text, wanted) in [
            (r#""inventory""#, LinkSettings::to("inventory".parse().unwrap())),
            (r#"{"required":false}"#, LinkSettings { required: false, ..LinkSettings::default() }),
            (
                r#"{"required":true,"timeout":"1s","rate":"10/s burst 2","retry":{"attempts":1}}"#,
                LinkSettings {
                    timeout: Some(Duration::from_secs(1)),
                    rate: Some("10/s burst 2".parse().unwrap()),
                    retry: LinkRetry { attempts: Some(1), ..LinkRetry::default() },
                    ..LinkSettings::default()
                },
            ),
        ] {
            let link: LinkSettings = serde_json::from_str(text).unwrap();
            assert_eq!(link, wanted);
            assert_eq!(serde_json::to_string(&link).unwrap(), text);
        }
        let error = serde_json::from_str::<LinkSettings>(r#"{"timeot":"1s"}"#).unwrap_err().to_string();
        assert!(error.contains("timeot"), "{error}");
        let error = serde_json::from_str::<LinkSettings>(r#""In ventory""#).unwrap_err().to_string();
        assert!(error.contains("service name"), "{error}");
    }

    #[test]
    fn what_a_link_does_not_say_is_inherited() {
        let inherited = RetrySettings { budget_floor: 3, attempts: 5, ..RetrySettings::default() };
        let retry = LinkRetry { backoff: Some(Duration::from_millis(1)), ..LinkRetry::default() }.over(&inherited);
        assert_eq!((retry.attempts, retry.budget_floor, retry.backoff.as_millis()), (5, 3, 1));
    }
}
