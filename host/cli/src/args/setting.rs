//! `--set KEY=VALUE`: the settings of a revision, by the keys that `runtime.toml` has for them.

use std::fmt::Display;
use std::str::FromStr;

use patchbay_model::bus::{SubscriptionSettings, TopicFilter};
use patchbay_model::policy::{AccessRule, Fallback, Rate, Repeatable, Share};
use patchbay_model::traffic::{Pin, Sticky, TrafficShare};
use patchbay_model::{Destination, InterfaceName, ServiceName, units};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::config;

/// One setting that is to change, and where it stands in the JSON of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The object that it stands in; `None`: the outermost.
    within: Option<&'static str>,
    key: &'static str,
    value: Value,
}

/// What the value of a key is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Policy,
    Priority,
    Number,
    Duration,
    Size,
    Share,
    Rate,
    Destinations,
    Callers,
    Truth,
    Texts,
    Idempotent,
    Links,
    Fallback,
    Subscriptions,
    Pins,
    Sticky,
    TrafficShare,
    Service,
}

/// The keys as they are written, the objects in which they stand, their names there, and what their values are.
const KEYS: [(&str, Option<&str>, &str, Kind); 48] = [
    ("instances", None, "instances", Kind::Policy),
    ("instance_uses", None, "instance_uses", Kind::Number),
    ("instance_calls", None, "instance_calls", Kind::Number),
    ("instance_idle", None, "instance_idle", Kind::Duration),
    ("priority", None, "priority", Kind::Priority),
    ("memory", Some("limits"), "memory", Kind::Size),
    ("table_elements", Some("limits"), "table_elements", Kind::Number),
    ("core_instances", Some("limits"), "core_instances", Kind::Number),
    ("handles", Some("limits"), "handles", Kind::Number),
    ("cpu_time", Some("limits"), "cpu_time", Kind::Duration),
    ("timeout", Some("limits"), "timeout", Kind::Duration),
    ("concurrency", Some("limits"), "concurrency", Kind::Number),
    ("queue", Some("limits"), "queue", Kind::Number),
    ("queue_wait", Some("limits"), "queue_wait", Kind::Duration),
    ("request_body", Some("limits"), "request_body", Kind::Size),
    ("response_body", Some("limits"), "response_body", Kind::Size),
    ("log_rate", Some("limits"), "log_rate", Kind::Size),
    ("outbound_connections", Some("limits"), "outbound_connections", Kind::Number),
    ("outbound_body", Some("limits"), "outbound_body", Kind::Size),
    ("outbound", None, "outbound", Kind::Destinations),
    ("callers", None, "callers", Kind::Callers),
    ("tokens.verify", Some("tokens"), "verify", Kind::Truth),
    ("tokens.audiences", Some("tokens"), "audiences", Kind::Texts),
    ("links", None, "links", Kind::Links),
    ("rate", None, "rate", Kind::Rate),
    ("retry.attempts", Some("retry"), "attempts", Kind::Number),
    ("retry.backoff", Some("retry"), "backoff", Kind::Duration),
    ("retry.max_backoff", Some("retry"), "max_backoff", Kind::Duration),
    ("retry.attempt_timeout", Some("retry"), "attempt_timeout", Kind::Duration),
    ("retry.idempotent", Some("retry"), "idempotent", Kind::Idempotent),
    ("retry.budget", Some("retry"), "budget", Kind::Share),
    ("retry.budget_floor", Some("retry"), "budget_floor", Kind::Number),
    ("breaker.failures", Some("breaker"), "failures", Kind::Number),
    ("breaker.success_rate", Some("breaker"), "success_rate", Kind::Share),
    ("breaker.window", Some("breaker"), "window", Kind::Duration),
    ("breaker.min_calls", Some("breaker"), "min_calls", Kind::Number),
    ("breaker.open", Some("breaker"), "open", Kind::Duration),
    ("breaker.max_open", Some("breaker"), "max_open", Kind::Duration),
    ("fallback", None, "fallback", Kind::Fallback),
    ("subscriptions", None, "subscriptions", Kind::Subscriptions),
    ("traffic.pins", Some("traffic"), "pins", Kind::Pins),
    ("traffic.sticky", Some("traffic"), "sticky", Kind::Sticky),
    ("mirror.share", Some("mirror"), "share", Kind::TrafficShare),
    ("mirror.to", Some("mirror"), "to", Kind::Service),
    ("mirror.max_body", Some("mirror"), "max_body", Kind::Size),
    ("mirror.timeout", Some("mirror"), "timeout", Kind::Duration),
    ("mirror.concurrency", Some("mirror"), "concurrency", Kind::Number),
    ("mirror.show_bodies", Some("mirror"), "show_bodies", Kind::Truth),
];

/// The keys that a setting may have.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(key, ..)| *key)
}

impl Setting {
    /// Puts the setting into a JSON merge patch (RFC 7396) of the settings.
    pub(crate) fn put_into(&self, patch: &mut Map<String, Value>) {
        match self.within {
            None => {
                patch.insert(self.key.to_owned(), self.value.clone());
            }
            Some(within) => {
                if let Value::Object(object) = patch.entry(within).or_insert_with(|| json!({})) {
                    object.insert(self.key.to_owned(), self.value.clone());
                }
            }
        }
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write `KEY=VALUE`, such as `memory=64MiB`")?;
        let Some((_, within, key, kind)) = KEYS.into_iter().find(|(known, ..)| *known == key) else {
            let known: Vec<_> = keys().collect();
            return Err(format!("`{key}` is no setting; {}", config::suggestion(key, &known)));
        };
        Ok(Self { within, key, value: kind.parse(value)? })
    }
}

impl Kind {
    fn parse(self, text: &str) -> Result<Value, String> {
        match self {
            // The policy that the component's exports suggest is the one that nobody names.
            Self::Policy => Ok(config::instance_policy(text)?.map_or(Value::Null, |policy| json!(policy.name()))),
            Self::Priority => config::priority_named(text).map(|priority| json!(priority)),
            Self::Number => text.parse::<u32>().map(Value::from).map_err(|_| format!("`{text}` is no whole number")),
            Self::Duration => units::parse_duration(text).map(|_| json!(text)).map_err(|error| error.to_string()),
            Self::Size => units::parse_size(text).map(|_| json!(text)).map_err(|error| error.to_string()),
            Self::Destinations => list::<Destination>(text),
            Self::Share => text.parse::<Share>().map(|_| json!(text)).map_err(|error| error.to_string()),
            // As often as it can, which nobody has to say otherwise.
            Self::Rate if text.is_empty() => Ok(Value::Null),
            Self::Rate => text.parse::<Rate>().map(|rate| json!(rate)).map_err(|error| error.to_string()),
            // Nobody is let in by no rule; `any` takes all rules away.
            Self::Callers if text == "any" => Ok(Value::Null),
            Self::Callers => list::<AccessRule>(text),
            Self::Truth => {
                text.parse::<bool>().map(Value::from).map_err(|_| format!("`{text}` is neither `true` nor `false`"))
            }
            Self::Texts => list::<String>(text),
            Self::Idempotent => list::<Repeatable>(text),
            Self::Links => links(text),
            Self::Fallback if text.is_empty() => Ok(Value::Null),
            Self::Fallback => fallback(text),
            Self::Pins => list::<Pin>(text),
            // Nothing keeps anybody, which nobody has to say otherwise; the same holds of a mirror that leads nowhere.
            Self::Sticky | Self::Service if text.is_empty() => Ok(Value::Null),
            Self::Sticky => text.parse::<Sticky>().map(|sticky| json!(sticky)).map_err(|error| error.to_string()),
            Self::TrafficShare => {
                text.parse::<TrafficShare>().map(|share| json!(share)).map_err(|error| error.to_string())
            }
            Self::Service => text.parse::<ServiceName>().map(|name| json!(name)).map_err(|error| error.to_string()),
            Self::Subscriptions if text.is_empty() => Ok(Value::Null),
            Self::Subscriptions => subscriptions(text),
        }
    }
}

/// A list whose elements are separated by commas; nothing is the empty list.
fn list<T: FromStr<Err: Display>>(text: &str) -> Result<Value, String> {
    let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
    let checked = elements.map(|element| element.parse::<T>().map(|_| element).map_err(|error| error.to_string()));
    checked.collect::<Result<Vec<_>, _>>().map(|elements| json!(elements))
}

/// Links, `INTERFACE=SERVICE` each, separated by commas. Those that are not given stay.
fn links(text: &str) -> Result<Value, String> {
    let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
    let one = |element: &str| -> Result<_, String> {
        let (interface, service) = element.split_once('=').ok_or("write `links=INTERFACE=SERVICE`")?;
        interface.parse::<InterfaceName>().map_err(|error| error.to_string())?;
        service.parse::<ServiceName>().map_err(|error| error.to_string())?;
        Ok((interface.to_owned(), json!(service)))
    };
    elements.map(one).collect::<Result<Map<_, _>, _>>().map(Value::Object)
}

/// What answers in place of the service: another one, or JSON with `service` and `results`.
fn fallback(text: &str) -> Result<Value, String> {
    if !text.starts_with('{') {
        return text
            .parse::<ServiceName>()
            .map(|service| json!({ "service": service }))
            .map_err(|error| error.to_string());
    }
    let fallback: Fallback = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(json!(fallback))
}

/// Subscriptions as JSON, by their filters. Those that are not given stay, and so does what is not said of those that are;
/// `null` takes one away.
fn subscriptions(text: &str) -> Result<Value, String> {
    let all: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!("write `subscriptions={{\"TOPIC\": {{}}}}`, a JSON object: {error}"))?;
    for (filter, settings) in all.iter() {
        filter.parse::<TopicFilter>().map_err(|error| error.to_string())?;
        let checked = Option::<SubscriptionSettings>::deserialize(settings);
        checked.map_err(|error| format!("the subscription to `{filter}`: {error}"))?;
    }
    Ok(Value::Object(all))
}

#[cfg(test)]
mod tests {
    use patchbay_model::Settings;

    use super::*;

    #[test]
    fn settings_stand_where_the_host_looks_for_them() {
        let mut patch = Map::new();
        for text in [
            "memory=64MiB",
            "timeout=2s",
            "instances=reuse",
            "instance_uses=7",
            "queue=0",
            "outbound=api.example.com:443, 10.0.0.0/8:*",
            "callers=",
            "rate=100/s",
            "retry.attempts=1",
            "breaker.success_rate=80%",
            "fallback=spare",
            "links=shop:inventory/stock=inventory, shop:pricing/prices=pricing",
            "subscriptions={\"shop.*\": {\"attempts\": 3}, \"news.>\": null}",
        ] {
            text.parse::<Setting>().unwrap().put_into(&mut patch);
        }
        let wanted = json!({
            "instances": "reuse", "instance_uses": 7, "outbound": ["api.example.com:443", "10.0.0.0/8:*"], "callers": [],
            "links": { "shop:inventory/stock": "inventory", "shop:pricing/prices": "pricing" },
            "limits": { "memory": "64MiB", "timeout": "2s", "queue": 0 }, "rate": "100/s burst 100",
            "retry": { "attempts": 1 }, "breaker": { "success_rate": "80%" }, "fallback": { "service": "spare" },
            "subscriptions": { "shop.*": { "attempts": 3 }, "news.>": null },
        });
        assert_eq!(Value::Object(patch), wanted);
    }

    #[test]
    fn every_setting_of_the_model_has_a_key() {
        let Value::Object(settings) = serde_json::to_value(Settings::default()).unwrap() else { panic!() };
        for (key, value) in settings.iter().filter(|(key, _)| *key != "config") {
            let objects = [Some("limits"), Some("retry"), Some("breaker"), Some("traffic"), Some("mirror")];
            let within = objects.into_iter().find(|object| *object == Some(key));
            let names: Vec<_> = match (within, value) {
                (Some(_), Value::Object(object)) => object.keys().cloned().collect(),
                _ => vec![key.clone()],
            };
            for name in names {
                let known = KEYS.iter().any(|(_, object, known, _)| (*object, *known) == (within.flatten(), &name));
                assert!(known, "{key}: {name}");
            }
        }
    }

    #[test]
    fn wrong_settings_are_explained() {
        for (text, wanted) in [
            ("memory", "KEY=VALUE"),
            ("memroy=1MiB", "did you mean `memory`?"),
            ("memory=1", "is no size"),
            ("timeout=soon", "is no duration"),
            ("queue=-1", "is no whole number"),
            ("outbound=api.example.com", "has no port"),
            ("callers=orders,Payments", "`Payments` is no rule"),
            ("tokens.verify=yes", "neither `true` nor `false`"),
            ("rate=fast", "is no rate"),
            ("breaker.success_rate=0.8", "is no share"),
            ("retry.idempotent=GET,reserve it", "is no function"),
            ("fallback={\"servcie\":\"a\"}", "servcie"),
            ("subscriptions=shop.*", "a JSON object"),
            ("subscriptions={\"shop.>.a\":{}}", "is no filter"),
            ("subscriptions={\"shop\":{\"atempts\":1}}", "atempts"),
            ("subscriptions={\"shop\":{\"backoff\":1}}", "the subscription to `shop`"),
            ("instances=reused", "did you mean `reuse`?"),
            ("traffic.pins=x-canary", "is no pin"),
            ("traffic.sticky=claim", "keeps no caller"),
            ("mirror.share=0.1", "is no share of calls"),
            ("mirror.show_bodies=yes", "neither `true` nor `false`"),
        ] {
            let error = text.parse::<Setting>().unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        for none in ["instances=auto", "subscriptions="] {
            assert_eq!(none.parse::<Setting>().unwrap().value, Value::Null);
        }
    }
}
