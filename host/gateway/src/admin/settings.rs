//! The settings of a service in the document, and the merge patch that changes them.

use std::collections::HashMap;

use patchbay_model::Settings;
use serde_json::Value;
use utoipa::ToSchema;

use super::rejection::Rejection;

mod subscription;
mod traffic;

pub(super) use subscription::SubscriptionSchema;
pub(super) use traffic::{MirrorSchema, PlanSchema, TrafficSchema};

/// Settings of a service, as in `runtime.toml`. Durations and sizes are text with a unit: `15s`, `128MiB`.
#[derive(ToSchema)]
#[schema(as = Settings)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct SettingsSchema {
    /// What the service reads through `wasi:config`.
    config: HashMap<String, String>,
    /// The secrets that are granted to it, by the names that it has for them: where each is, never its value. Only those that
    /// `runtime.toml` grants to the service can be named.
    #[schema(required = false, value_type = Object, example = json!({"api-key": {"file": "secrets/api-key"}, "token": {"env": "TOKEN"}}))]
    secrets: std::collections::BTreeMap<String, Value>,
    /// How calls and instances meet: `fresh`, `reuse` or `concurrent`; absent if it follows from the component.
    #[schema(required = false)]
    instances: Option<String>,
    /// Calls that one instance serves before it is replaced.
    instance_uses: u32,
    /// Calls that one instance serves at a time.
    instance_calls: u32,
    /// How long an instance without calls is kept.
    #[schema(example = "30s")]
    instance_idle: String,
    /// How much its calls matter when not all can be served: `low`, `normal` or `high`.
    #[schema(example = "normal")]
    priority: String,
    /// What the host enforces.
    limits: LimitsSchema,
    /// Where the service may send requests: hosts and ports.
    #[schema(example = json!(["api.example.com:443", "10.0.0.0/8:8080"]))]
    outbound: Vec<String>,
    /// Which services may call this one, each with what it may call where that is not everything; absent: any, unless
    /// the host is strict.
    #[schema(required = false, example = json!(["orders", "web shop:inventory/stock.available", "* http"]))]
    callers: Option<Vec<String>>,
    /// What it may have done with tokens.
    #[schema(required = false)]
    tokens: TokenSchema,
    /// What is said of links, by the imported interface: the service that serves it, or its settings.
    #[schema(value_type = Object, example = json!({"shop:inventory/stock": "inventory", "shop:pricing/prices": {"required": false, "timeout": "1s"}}))]
    links: std::collections::BTreeMap<String, Value>,
    /// What it reacts to: for each filter for topics, how messages are handed to it.
    subscriptions: HashMap<String, SubscriptionSchema>,
    /// How often the service may be called.
    #[schema(required = false, example = "100/s burst 20")]
    rate: Option<String>,
    /// When its calls are tried again.
    retry: RetrySchema,
    /// When its revision is left alone.
    breaker: BreakerSchema,
    /// What answers in its place.
    #[schema(required = false)]
    fallback: Option<FallbackSchema>,
    /// Whose calls a candidate gets, beside its share.
    traffic: TrafficSchema,
    /// What is mirrored of its requests.
    mirror: MirrorSchema,
    /// A request that has to succeed before a revision is published.
    #[schema(required = false)]
    health: Option<HealthSchema>,
}

/// What the host enforces for a service.
#[derive(ToSchema)]
#[schema(as = Limits)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct LimitsSchema {
    /// Linear memory of one instance.
    #[schema(example = "128MiB")]
    memory: String,
    /// Elements of all tables of one instance together.
    table_elements: u32,
    /// Core instances that one instance is made of.
    core_instances: u32,
    /// Handles to resources, streams and tasks that one instance holds at a time.
    handles: u32,
    /// CPU time of one call.
    #[schema(example = "5s")]
    cpu_time: String,
    /// Wall time of one call.
    #[schema(example = "15s")]
    timeout: String,
    /// Calls of the service at a time.
    concurrency: u32,
    /// Calls that may wait.
    queue: u32,
    /// How long a call waits at most.
    #[schema(example = "1s")]
    queue_wait: String,
    /// Body of a request.
    #[schema(example = "8MiB")]
    request_body: String,
    /// Body of a reply.
    #[schema(example = "64MiB")]
    response_body: String,
    /// What the instances of a revision may print per second.
    #[schema(example = "1MiB")]
    log_rate: String,
    /// Connections to the outside at a time.
    outbound_connections: u32,
    /// Body of a request that the service sends, and of the reply to it.
    #[schema(example = "64MiB")]
    outbound_body: String,
}

/// What a service may have done with tokens.
#[derive(ToSchema)]
#[schema(as = TokenSettings)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct TokenSchema {
    /// Whether it may have tokens verified.
    #[schema(required = false, example = false)]
    verify: bool,
    /// Whom it may have tokens signed for; `*` is anybody.
    #[schema(required = false, example = json!(["https://api.example.com"]))]
    audiences: Vec<String>,
}

/// When calls are tried again.
#[derive(ToSchema)]
#[schema(as = Retry)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct RetrySchema {
    /// How often a call is tried in all.
    attempts: u32,
    /// The longest pause before the second attempt.
    #[schema(example = "25ms")]
    backoff: String,
    /// What the longest pause does not grow beyond.
    #[schema(example = "250ms")]
    max_backoff: String,
    /// How long one attempt may take, where another one may follow it.
    #[schema(example = "5s")]
    attempt_timeout: String,
    /// What may run twice without harm: functions, and HTTP methods.
    #[schema(example = json!(["shop:inventory/stock.available", "GET"]))]
    idempotent: Vec<String>,
    /// The share of the calls of the last ten seconds that may be tried again.
    #[schema(example = "20%")]
    budget: String,
    /// How many per second may be tried again on top.
    budget_floor: u32,
}

/// When a revision is left alone.
#[derive(ToSchema)]
#[schema(as = BreakerSettings)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct BreakerSchema {
    /// Failures in a row that open it; 0: however many.
    failures: u32,
    /// It opens when a smaller share of the calls in `window` succeeds; 0%: however small.
    #[schema(example = "80%")]
    success_rate: String,
    /// The time that `success_rate` looks back.
    #[schema(example = "10s")]
    window: String,
    /// Calls that `window` has to have seen.
    min_calls: u32,
    /// How long it is open the first time.
    #[schema(example = "1s")]
    open: String,
    /// What that does not grow beyond.
    #[schema(example = "1m")]
    max_open: String,
}

/// What answers in place of a service.
#[derive(ToSchema)]
#[schema(as = Fallback)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct FallbackSchema {
    /// Results of functions, as JSON.
    #[schema(required = false, value_type = Object, example = json!({"shop:pricing/prices.quote": {"ok": {"cents": 0}}}))]
    results: std::collections::BTreeMap<String, Value>,
    /// Another service with the same contract.
    #[schema(required = false)]
    service: Option<String>,
}

/// A request that a new revision has to answer with success.
#[derive(ToSchema)]
#[schema(as = HealthCheck)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct HealthSchema {
    /// The path to ask for with GET.
    #[schema(example = "/healthz")]
    path: String,
    /// How long the answer may take.
    #[schema(example = "5s")]
    timeout: String,
}

/// Applies a JSON merge patch (RFC 7396) to settings.
pub(super) fn patched(settings: &Settings, patch: &Value) -> Result<Settings, Rejection> {
    if !patch.is_object() {
        return Err(Rejection::invalid("`settings` has to be an object: the settings to change"));
    }
    let mut value = serde_json::to_value(settings)
        .map_err(|error| Rejection::invalid(format!("the present settings cannot be patched: {error}")))?;
    merge(&mut value, patch);
    serde_json::from_value(value).map_err(|error| Rejection::invalid(format!("`settings`: {error}")))
}

/// The function of RFC 7396, section 2. As deep as the patch, which serde_json holds to 128 levels.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use patchbay_model::bus::SubscriptionSettings;
    use patchbay_model::policy::Fallback;
    use patchbay_model::{HealthCheck, InstancePolicy, TokenSettings};
    use serde_json::json;
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn merging_follows_the_examples_of_the_rfc() {
        // RFC 7396, appendix A.
        for (original, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut target = original.clone();
            merge(&mut target, &patch);
            assert_eq!(target, result, "{original} {patch}");
        }
    }

    #[test]
    fn settings_are_patched_and_unknown_ones_named() {
        let settings = Settings { config: [("a".to_owned(), "1".to_owned())].into(), ..Settings::default() };
        let patch = json!({"config": {"a": null, "b": "2"}, "limits": {"timeout": "2s"}});
        let new = patched(&settings, &patch).unwrap();
        assert_eq!(new.config, [("b".to_owned(), "2".to_owned())].into());
        assert_eq!(new.limits.timeout.as_secs(), 2);
        assert_eq!(new.limits.memory, settings.limits.memory);
        for (patch, named) in [
            (json!({"limits": {"memroy": "1MiB"}}), "memroy"),
            (json!({"limits": {"memory": 5}}), "string"),
            (json!([]), "object"),
            (json!({"limits": {"timeout": "soon"}}), "soon"),
        ] {
            let problem = patched(&settings, &patch).unwrap_err().into_problem();
            assert!(problem.detail.contains(named), "{patch}: {}", problem.detail);
        }
    }

    #[test]
    fn the_document_has_the_keys_of_the_model() {
        let subscription = SubscriptionSettings {
            group: Some("a".to_owned()),
            dead_letter: Some("dlq.a".parse().unwrap()),
            ..SubscriptionSettings::default()
        };
        let settings = Settings {
            instances: Some(InstancePolicy::Reuse),
            health: Some(HealthCheck { path: "/".to_owned(), timeout: HealthCheck::default_timeout() }),
            secrets: [("key".to_owned(), patchbay_model::SecretRef::Env("KEY".to_owned()))].into(),
            callers: Some(Vec::new()),
            subscriptions: [("shop.*".parse().unwrap(), subscription)].into(),
            tokens: TokenSettings { verify: true, audiences: vec!["api".to_owned()] },
            rate: Some("1/s".parse().unwrap()),
            fallback: Some(Fallback {
                results: [("a:b/c.f".parse().unwrap(), Value::Null)].into(),
                service: Some("other".parse().unwrap()),
            }),
            ..Settings::default()
        };
        let value = serde_json::to_value(settings).unwrap();
        let keys =
            |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
        for (schema, value) in [
            (SettingsSchema::schema(), &value),
            (LimitsSchema::schema(), &value["limits"]),
            (HealthSchema::schema(), &value["health"]),
            (RetrySchema::schema(), &value["retry"]),
            (BreakerSchema::schema(), &value["breaker"]),
            (FallbackSchema::schema(), &value["fallback"]),
            (SubscriptionSchema::schema(), &value["subscriptions"]["shop.*"]),
        ] {
            assert_eq!(keys(&serde_json::to_value(schema).unwrap()["properties"]), keys(value));
        }
    }
}
