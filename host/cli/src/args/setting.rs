//! `--set KEY=VALUE`: the settings of a revision, by the keys that `runtime.toml` has for them.

use std::fmt::Display;
use std::str::FromStr;

use patchbay_model::{Destination, InterfaceName, ServiceName, units};
use serde_json::{Map, Value, json};

use crate::config;

/// One setting that is to change, and where it stands in the JSON of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    is_limit: bool,
    key: &'static str,
    value: Value,
}

/// What the value of a key is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Policy,
    Number,
    Duration,
    Size,
    Destinations,
    Services,
    Links,
}

/// The keys: whether they are limits, and what their values are.
const KEYS: [(&str, bool, Kind); 22] = [
    ("instances", false, Kind::Policy),
    ("instance_uses", false, Kind::Number),
    ("instance_calls", false, Kind::Number),
    ("instance_idle", false, Kind::Duration),
    ("memory", true, Kind::Size),
    ("table_elements", true, Kind::Number),
    ("core_instances", true, Kind::Number),
    ("handles", true, Kind::Number),
    ("cpu_time", true, Kind::Duration),
    ("timeout", true, Kind::Duration),
    ("concurrency", true, Kind::Number),
    ("queue", true, Kind::Number),
    ("queue_wait", true, Kind::Duration),
    ("request_body", true, Kind::Size),
    ("response_body", true, Kind::Size),
    ("log_rate", true, Kind::Size),
    ("quarantine_after", true, Kind::Number),
    ("outbound_connections", true, Kind::Number),
    ("outbound_body", true, Kind::Size),
    ("outbound", false, Kind::Destinations),
    ("callers", false, Kind::Services),
    ("links", false, Kind::Links),
];

impl Setting {
    /// Puts the setting into a JSON merge patch (RFC 7396) of the settings.
    pub(crate) fn put_into(&self, patch: &mut Map<String, Value>) {
        if !self.is_limit {
            patch.insert(self.key.to_owned(), self.value.clone());
        } else if let Value::Object(limits) = patch.entry("limits").or_insert_with(|| json!({})) {
            limits.insert(self.key.to_owned(), self.value.clone());
        }
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write `KEY=VALUE`, such as `memory=64MiB`")?;
        let Some((key, is_limit, kind)) = KEYS.into_iter().find(|(known, ..)| *known == key) else {
            let known: Vec<_> = KEYS.iter().map(|(known, ..)| *known).collect();
            return Err(format!("`{key}` is no setting; {}", config::suggestion(key, &known)));
        };
        Ok(Self { is_limit, key, value: kind.parse(value)? })
    }
}

impl Kind {
    fn parse(self, text: &str) -> Result<Value, String> {
        match self {
            // The policy that the component's exports suggest is the one that nobody names.
            Self::Policy => Ok(config::instance_policy(text)?.map_or(Value::Null, |policy| json!(policy.name()))),
            Self::Number => text.parse::<u32>().map(Value::from).map_err(|_| format!("`{text}` is no whole number")),
            Self::Duration => units::parse_duration(text).map(|_| json!(text)).map_err(|error| error.to_string()),
            Self::Size => units::parse_size(text).map(|_| json!(text)).map_err(|error| error.to_string()),
            Self::Destinations => list::<Destination>(text),
            Self::Services => list::<ServiceName>(text),
            Self::Links => links(text),
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
            "links=shop:inventory/stock=inventory, shop:pricing/prices=pricing",
        ] {
            text.parse::<Setting>().unwrap().put_into(&mut patch);
        }
        let wanted = json!({
            "instances": "reuse", "instance_uses": 7, "outbound": ["api.example.com:443", "10.0.0.0/8:*"], "callers": [],
            "links": { "shop:inventory/stock": "inventory", "shop:pricing/prices": "pricing" },
            "limits": { "memory": "64MiB", "timeout": "2s", "queue": 0 },
        });
        assert_eq!(Value::Object(patch), wanted);
    }

    #[test]
    fn every_setting_of_the_model_has_a_key() {
        let Value::Object(mut settings) = serde_json::to_value(Settings::default()).unwrap() else { panic!() };
        let Some(Value::Object(limits)) = settings.remove("limits") else { panic!() };
        for key in limits.keys().chain(settings.keys().filter(|key| *key != "config")) {
            assert!(KEYS.iter().any(|(known, ..)| known == key), "{key}");
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
            ("callers=orders,Payments", "`Payments` is no service name"),
            ("instances=reused", "did you mean `reuse`?"),
        ] {
            let error = text.parse::<Setting>().unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert_eq!("instances=auto".parse::<Setting>().unwrap().value, Value::Null);
    }
}
