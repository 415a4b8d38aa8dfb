//! The policies of a service as they hold now, each value with where it came from.

use std::collections::BTreeMap;

use patchbay_model::{InterfaceName, RevisionNumber, ServiceName, Settings};
use patchbay_striped::Spread;
use serde_json::Value;

use crate::control::{Control, ControlConfig};
use crate::declared::Places;
use crate::snapshot::ServiceEntry;

/// One value of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyValue {
    /// The link that it is about; `None`: all calls of the service.
    pub link: Option<InterfaceName>,
    /// Its key, as `runtime.toml` has it within the table of the service or of the link.
    pub key: String,
    /// The value, as text.
    pub value: String,
    /// Where it came from.
    pub source: PolicySource,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// Nobody said anything else.
    BuiltIn,
    /// `[defaults]`, at this line of `runtime.toml`.
    Defaults(u32),
    /// `[services.NAME]`, at this line of `runtime.toml`.
    Service(u32),
    /// The deployment of this revision.
    Deployment(RevisionNumber),
    /// The service that is called.
    Callee(ServiceName),
}

/// The keys of policies, and where they stand in the settings as JSON.
const KEYS: [(&str, &str); 28] = [
    ("callers", "/callers"),
    ("timeout", "/limits/timeout"),
    ("request_body", "/limits/request_body"),
    ("rate", "/rate"),
    ("concurrency", "/limits/concurrency"),
    ("queue", "/limits/queue"),
    ("queue_wait", "/limits/queue_wait"),
    ("retry.attempts", "/retry/attempts"),
    ("retry.backoff", "/retry/backoff"),
    ("retry.max_backoff", "/retry/max_backoff"),
    ("retry.attempt_timeout", "/retry/attempt_timeout"),
    ("retry.idempotent", "/retry/idempotent"),
    ("retry.budget", "/retry/budget"),
    ("retry.budget_floor", "/retry/budget_floor"),
    ("breaker.failures", "/breaker/failures"),
    ("breaker.success_rate", "/breaker/success_rate"),
    ("breaker.window", "/breaker/window"),
    ("breaker.min_calls", "/breaker/min_calls"),
    ("breaker.open", "/breaker/open"),
    ("breaker.max_open", "/breaker/max_open"),
    ("traffic.pins", "/traffic/pins"),
    ("traffic.sticky", "/traffic/sticky"),
    ("mirror.share", "/mirror/share"),
    ("mirror.to", "/mirror/to"),
    ("mirror.max_body", "/mirror/max_body"),
    ("mirror.timeout", "/mirror/timeout"),
    ("mirror.concurrency", "/mirror/concurrency"),
    ("mirror.show_bodies", "/mirror/show_bodies"),
];

/// The keys of a link, and those of the service that is called that hold where the link says nothing.
const LINK_KEYS: [(&str, &str, Option<&str>); 9] = [
    ("required", "/required", None),
    ("timeout", "/timeout", Some("/limits/timeout")),
    ("concurrency", "/concurrency", Some("/limits/concurrency")),
    ("rate", "/rate", Some("/rate")),
    ("retry.attempts", "/retry/attempts", Some("/retry/attempts")),
    ("retry.backoff", "/retry/backoff", Some("/retry/backoff")),
    ("retry.max_backoff", "/retry/max_backoff", Some("/retry/max_backoff")),
    ("retry.attempt_timeout", "/retry/attempt_timeout", Some("/retry/attempt_timeout")),
    ("retry.idempotent", "/retry/idempotent", Some("/retry/idempotent")),
];

impl Control {
    /// The policies of the revision of `service` that serves, and those of its links. `None` if there is none.
    pub fn policies(&self, service: &ServiceName) -> Option<Vec<PolicyValue>> {
        let snapshot = self.snapshot.load();
        let entry = snapshot.service(service)?;
        let active = entry.active.as_ref()?;
        let origin = Origin::of(snapshot.config(), entry, &active.ready.record.settings, active.id.number);
        let own = KEYS.iter().chain(&[("fallback", "/fallback")]);
        let mut values: Vec<_> = own
            .map(|(key, pointer)| PolicyValue {
                link: None,
                key: (*key).to_owned(),
                value: own_text(key, origin.active.pointer(pointer), snapshot.config().strict),
                source: origin.source(key, pointer),
            })
            .collect();
        for link in snapshot.links().of_caller(service) {
            let callee = link.callee.as_ref().ok().and_then(|callee| snapshot.service(callee));
            values.extend(of_link(&origin, &link.interface, callee));
        }
        Some(values)
    }
}

/// The values of one link.
fn of_link(origin: &Origin<'_>, interface: &InterfaceName, callee: Option<&Spread<ServiceEntry>>) -> Vec<PolicyValue> {
    let name = crate::links::unversioned(interface).to_string();
    let pointer_of = |rest: &str| format!("/links/{}{rest}", name.replace('~', "~0").replace('/', "~1"));
    let settings = callee.and_then(|callee| callee.active.as_ref()).map(|active| &active.ready.record.settings);
    let of_callee = settings.map(as_json).unwrap_or_default();
    let value = |key: &str, pointer: &str, inherited: Option<&str>| {
        let full = pointer_of(pointer);
        let (value, source) = match (origin.active.pointer(&full), inherited, callee) {
            (Some(own), ..) => (text_of(Some(own)), origin.source(&format!("links.{name}.{key}"), &full)),
            (None, Some(inherited), Some(callee)) => {
                (text_of(of_callee.pointer(inherited)), PolicySource::Callee(callee.name.clone()))
            }
            (None, Some(_), None) => (text_of(None), PolicySource::BuiltIn),
            (None, None, _) => ("true".to_owned(), PolicySource::BuiltIn),
        };
        PolicyValue { link: Some(interface.clone()), key: key.to_owned(), value, source }
    };
    let mut values: Vec<_> = LINK_KEYS.iter().map(|(key, own, inherited)| value(key, own, *inherited)).collect();
    values.push(value("fallback", "/fallback", Some("/fallback")));
    values
}

/// What tells where a value came from.
struct Origin<'c> {
    active: Value,
    number: RevisionNumber,
    /// What `runtime.toml` declares of the service, and at which lines; or the defaults alone.
    declared: (Value, Option<&'c Places>),
    defaults: &'c Places,
}

impl<'c> Origin<'c> {
    fn of(config: &'c ControlConfig, entry: &'c ServiceEntry, active: &Settings, number: RevisionNumber) -> Self {
        let declared = match &entry.declared {
            Some(declared) => (as_json(&declared.settings), Some(&declared.places)),
            None => (as_json(&config.defaults), None),
        };
        Self { active: as_json(active), number, declared, defaults: &config.default_places }
    }

    /// Where the value came from that stands at `pointer`. What differs from the file was given at the deployment.
    fn source(&self, key: &str, pointer: &str) -> PolicySource {
        let (declared, places) = &self.declared;
        if declared.pointer(pointer) != self.active.pointer(pointer) {
            return PolicySource::Deployment(self.number);
        }
        let line = |places: &Places| line_of(&places.0, key);
        match (places.and_then(line), line(self.defaults)) {
            (Some(line), _) => PolicySource::Service(line),
            (None, Some(line)) => PolicySource::Defaults(line),
            (None, None) => PolicySource::BuiltIn,
        }
    }
}

/// The line of a key, or of the shorter form that says the same: a link that is only a name, a table on one line.
fn line_of(lines: &BTreeMap<String, u32>, key: &str) -> Option<u32> {
    let longer = || {
        let prefix = format!("{key}.");
        lines.iter().find(|(known, _)| known.starts_with(&prefix)).map(|(_, line)| *line)
    };
    lines.get(key).copied().or_else(longer)
}

fn as_json(settings: &Settings) -> Value {
    // Settings have nothing that JSON has no form for.
    serde_json::to_value(settings).unwrap_or_default()
}

/// The value of a policy of a service. Its rules are the one where nothing said means something.
fn own_text(key: &str, value: Option<&Value>, strict: bool) -> String {
    match (key, value) {
        ("callers", None) if strict => "none, because the host is strict".to_owned(),
        ("callers", None) => "any".to_owned(),
        _ => text_of(value),
    }
}

/// A value as people write it.
fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(elements)) if elements.is_empty() => "none".to_owned(),
        Some(Value::Array(elements)) => {
            elements.iter().map(|element| text_of(Some(element))).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}
