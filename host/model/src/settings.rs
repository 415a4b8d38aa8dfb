//! The configuration half of a revision: what a service is given and what it may use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bus::{SubscriptionSettings, TopicFilter};
use crate::policy::{AccessRule, BreakerSettings, DAY, Fallback, Judge, LinkSettings, Priority, Rate, RetrySettings};
use crate::traffic::{MirrorSettings, TrafficSettings};
use crate::{Destination, InterfaceName, SecretRef, is_secret_name, units};

/// How calls and instances meet, with what that means for isolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstancePolicy {
    /// A new instance for every call: no call sees anything of another. Default for WASI 0.2 HTTP.
    Fresh,
    /// One call at a time, many in turn: a call may see what earlier ones left in memory.
    Reuse,
    /// Many calls at a time in one instance (WASI 0.3): they share memory, and a trap ends them all.
    /// Default for WASI 0.3 HTTP.
    Concurrent,
}

impl InstancePolicy {
    /// The policy's name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reuse => "reuse",
            Self::Concurrent => "concurrent",
        }
    }
}

/// What the host enforces, per service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Linear memory of one instance, in bytes.
    #[serde(with = "units::size")]
    pub memory: u64,
    /// Elements of all tables of one instance together, 8 bytes each.
    pub table_elements: u32,
    /// Core instances that one instance is made of, which are many for interpreted languages.
    pub core_instances: u32,
    /// Handles to resources, streams and tasks that one instance holds at a time.
    pub handles: u32,
    /// CPU time of one call. An instance that works on several calls has this much for each of them.
    #[serde(with = "units::duration")]
    pub cpu_time: Duration,
    /// Wall time of one call, from its arrival to the end of its reply.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// Calls of the service at a time.
    pub concurrency: u32,
    /// Calls that may wait for one of those places; the next one is refused.
    pub queue: u32,
    /// How long a call waits in the queue at most.
    #[serde(with = "units::duration")]
    pub queue_wait: Duration,
    /// Body of a request, in bytes.
    #[serde(with = "units::size")]
    pub request_body: u64,
    /// Body of a reply, in bytes.
    #[serde(with = "units::size")]
    pub response_body: u64,
    /// What the instances of a revision may print, in bytes per second. As much may come at once.
    #[serde(with = "units::size")]
    pub log_rate: u64,
    /// Connections to the outside at a time, idle ones among them.
    pub outbound_connections: u32,
    /// Body of a request that the service sends, and of the reply to it, in bytes.
    #[serde(with = "units::size")]
    pub outbound_body: u64,
}

impl Limits {
    /// The most that [`Limits::table_elements`] can be: the size of the slots that the host reserves for tables.
    pub const MAX_TABLE_ELEMENTS: u32 = 1 << 16;

    /// The most that [`Limits::core_instances`] can be: the host reserves as many for every instance.
    pub const MAX_CORE_INSTANCES: u32 = 50;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 128 << 20,
            table_elements: Self::MAX_TABLE_ELEMENTS,
            core_instances: Self::MAX_CORE_INSTANCES,
            handles: 16_384,
            cpu_time: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            concurrency: 256,
            queue: 1024,
            queue_wait: Duration::from_secs(1),
            request_body: 8 << 20,
            response_body: 64 << 20,
            log_rate: 1 << 20,
            outbound_connections: 64,
            outbound_body: 64 << 20,
        }
    }
}

/// A request that a new revision has to answer with success (200 to 299) before it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// The path to ask for with GET; starts with `/`.
    pub path: String,
    /// How long the answer may take.
    #[serde(with = "units::duration", default = "HealthCheck::default_timeout")]
    pub timeout: Duration,
}

impl HealthCheck {
    /// The wait for an answer where none is configured: 5 seconds.
    pub const fn default_timeout() -> Duration {
        Duration::from_secs(5)
    }
}

/// What a service may have done with tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenSettings {
    /// Whether it may have tokens verified.
    pub verify: bool,
    /// Whom it may have tokens signed for; `*` is anybody.
    pub audiences: Vec<String>,
}

impl TokenSettings {
    /// Whether it may have nothing done.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it may have a token signed for `audience`.
    pub fn allows(&self, audience: &str) -> bool {
        self.audiences.iter().any(|allowed| allowed == "*" || allowed == audience)
    }
}

/// The configuration of a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What the service reads through `wasi:config`.
    pub config: BTreeMap<String, String>,
    /// The secrets that are granted to the service, by the names that it has for them. References; the values stand nowhere.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretRef>,
    /// How calls and instances meet; `None` leaves it to what the component exports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<InstancePolicy>,
    /// Calls that one instance serves before it is replaced (`reuse`, `concurrent`).
    pub instance_uses: u32,
    /// Calls that one instance serves at a time (`concurrent`).
    pub instance_calls: u32,
    /// How long an instance without calls is kept (`reuse`, `concurrent`).
    #[serde(with = "units::duration")]
    pub instance_idle: Duration,
    /// How much its calls matter when not all can be served.
    pub priority: Priority,
    /// What the host enforces.
    pub limits: Limits,
    /// Where the service may send requests. Empty: nowhere.
    pub outbound: Vec<Destination>,
    /// Which services may call this one. Empty: none; absent: any, unless the host is strict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<AccessRule>>,
    /// What the service may have done with tokens.
    #[serde(skip_serializing_if = "TokenSettings::is_nothing")]
    pub tokens: TokenSettings,
    /// What is said of links: by the imported interface without its version, such as `shop:inventory/stock`.
    pub links: BTreeMap<InterfaceName, LinkSettings>,
    /// How often the service may be called; absent: as often as it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// When its calls are tried again.
    pub retry: RetrySettings,
    /// When its revision is left alone.
    pub breaker: BreakerSettings,
    /// What answers in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// The messages that it reacts to, by a filter of their topics.
    pub subscriptions: BTreeMap<TopicFilter, SubscriptionSettings>,
    /// Whose calls a candidate gets, beside its share.
    pub traffic: TrafficSettings,
    /// What is mirrored of its requests.
    pub mirror: MirrorSettings,
    /// A request that has to succeed before a revision is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthCheck>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: BTreeMap::new(),
            secrets: BTreeMap::new(),
            instances: None,
            instance_uses: 1024,
            instance_calls: 16,
            instance_idle: Duration::from_secs(30),
            priority: Priority::default(),
            limits: Limits::default(),
            outbound: Vec::new(),
            callers: None,
            tokens: TokenSettings::default(),
            links: BTreeMap::new(),
            rate: None,
            retry: RetrySettings::default(),
            breaker: BreakerSettings::default(),
            fallback: None,
            subscriptions: BTreeMap::new(),
            traffic: TrafficSettings::default(),
            mirror: MirrorSettings::default(),
            health: None,
        }
    }
}

/// A setting that no service can run with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {problem}")]
pub struct SettingsError {
    /// The key, as it is written in configuration.
    pub key: &'static str,
    /// What is wrong with its value, and what would be right.
    pub problem: String,
}

impl Settings {
    /// Everything that is wrong with these settings; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        const PAGE: u64 = 64 << 10;
        const FOUR_GIB: u64 = 4 << 30;
        let limits = &self.limits;
        let mut problems = Vec::new();
        let mut judge = Judge(&mut problems);
        let mut require = |met, key, problem| judge.require(met, key, problem);
        require((PAGE..=FOUR_GIB).contains(&limits.memory), "memory", "must lie between 64KiB and 4GiB");
        require(limits.table_elements <= Limits::MAX_TABLE_ELEMENTS, "table_elements", "must be at most 65536");
        let core_instances = 1..=Limits::MAX_CORE_INSTANCES;
        require(core_instances.contains(&limits.core_instances), "core_instances", "must lie between 1 and 50");
        require((64..=1_000_000).contains(&limits.handles), "handles", "must lie between 64 and 1000000");
        require((1 << 10..=1 << 30).contains(&limits.log_rate), "log_rate", "must lie between 1KiB and 1GiB");
        for (key, value) in [
            ("cpu_time", limits.cpu_time),
            ("timeout", limits.timeout),
            ("instance_idle", self.instance_idle),
            ("health.timeout", self.health.as_ref().map_or(DAY, |health| health.timeout)),
        ] {
            require(value >= Duration::from_millis(1) && value <= DAY, key, "must lie between 1ms and 24h");
        }
        require(limits.queue_wait <= DAY, "queue_wait", "must be at most 24h");
        for (key, value) in [
            ("concurrency", limits.concurrency),
            ("instance_uses", self.instance_uses),
            ("instance_calls", self.instance_calls),
            ("outbound_connections", limits.outbound_connections),
        ] {
            require((1..=1_000_000).contains(&value), key, "must lie between 1 and 1000000");
        }
        require(limits.queue <= 1_000_000, "queue", "must be at most 1000000");
        require(
            self.health.as_ref().is_none_or(|health| is_origin_form(&health.path)),
            "health.path",
            "must be a path that starts with `/`, such as `/healthz`",
        );
        require(
            self.links.keys().all(|interface| interface.version.is_none()),
            "links",
            "must name interfaces without their versions, such as `shop:inventory/stock`",
        );
        judge.require(
            self.secrets.keys().all(|name| is_secret_name(name)),
            "secrets",
            "must have names of 1 to 63 letters, digits, `-`, `_` and `.`",
        );
        self.retry.judge(&mut judge);
        self.breaker.judge(&mut judge);
        self.traffic.judge(&mut judge);
        self.mirror.judge(&mut judge);
        for (filter, subscription) in &self.subscriptions {
            for problem in subscription.problems() {
                judge.require(false, "subscriptions", &format!("`{filter}`: `{}` {}", problem.key, problem.problem));
            }
            let own = subscription.dead_letter.as_ref().filter(|topic| filter.matches(topic));
            judge.require(
                own.is_none(),
                "subscriptions",
                &format!("`{filter}`: its `dead_letter` would come back to it"),
            );
        }
        let fallbacks = self.links.values().map(|link| &link.fallback).chain([&self.fallback]).flatten();
        let versioned = fallbacks.flat_map(|fallback| fallback.results.keys());
        judge.require(
            versioned.into_iter().all(|function| function.interface.version.is_none()),
            "fallback",
            "must name functions without versions, such as `shop:pricing/prices.quote`",
        );
        for (interface, problem) in self.links.iter().filter_map(|(name, link)| Some((name, link.problem()?))) {
            judge.require(false, "links", &format!("`{interface}`: `{}` {}", problem.key, problem.problem));
        }
        problems
    }
}

fn is_origin_form(path: &str) -> bool {
    path.starts_with('/') && path.parse::<http::uri::PathAndQuery>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_enforced() {
        assert_eq!(Settings::default().problems(), []);
    }

    #[test]
    fn every_impossible_value_is_named() {
        let settings = Settings {
            instance_uses: 0,
            limits: Limits {
                memory: 1,
                table_elements: u32::MAX,
                core_instances: 51,
                handles: 0,
                log_rate: 0,
                cpu_time: Duration::ZERO,
                concurrency: 0,
                ..Limits::default()
            },
            health: Some(HealthCheck { path: "healthz".to_owned(), timeout: Duration::from_secs(1) }),
            ..Settings::default()
        };
        let keys: Vec<_> = settings.problems().into_iter().map(|problem| problem.key).collect();
        let wanted = [
            "memory",
            "table_elements",
            "core_instances",
            "handles",
            "log_rate",
            "cpu_time",
            "concurrency",
            "instance_uses",
            "health.path",
        ];
        assert_eq!(keys, wanted);
    }

    #[test]
    fn settings_survive_json() {
        let settings = Settings { instances: Some(InstancePolicy::Reuse), ..Settings::default() };
        let json = serde_json::to_string(&settings).unwrap();
        assert!(json.contains(r#""timeout":"15s""#) && json.contains(r#""memory":"128MiB""#), "{json}");
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        assert!(serde_json::from_str::<Settings>(r#"{"timeot":"1s"}"#).is_err());
    }
}
