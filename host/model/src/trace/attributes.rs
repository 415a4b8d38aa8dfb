//! What is said of a span, by the names that OpenTelemetry's semantic conventions have for it, and by names of the host's own,
//! which begin with `patchbay.`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::span::SpanRecord;
use super::subject::{MessageFacts, SpanSubject, is_known};
use crate::Principal;

/// One thing that is said of a span or an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What is said.
    pub value: AttributeValue,
}

/// What is said in an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
    /// Any number.
    Real(f64),
    /// Yes or no.
    Flag(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Several, none of which is a list.
    List(Vec<Self>),
}

impl AttributeValue {
    /// Bytes that it takes on the heap, roughly.
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(values) => values.iter().map(|value| size_of::<Self>() + value.size()).sum(),
            Self::Number(_) | Self::Real(_) | Self::Flag(_) => 0,
        }
    }
}

/// As JSON; bytes in base64.
impl From<AttributeValue> for serde_json::Value {
    fn from(value: AttributeValue) -> Self {
        match value {
            AttributeValue::Text(text) => text.into_owned().into(),
            AttributeValue::Number(number) => number.into(),
            AttributeValue::Real(number) => number.into(),
            AttributeValue::Flag(truth) => truth.into(),
            AttributeValue::Bytes(bytes) => STANDARD.encode(bytes).into(),
            AttributeValue::List(values) => values.into_iter().collect(),
        }
    }
}

impl Attribute {
    /// A text.
    pub fn text(name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        Self { name: Cow::Borrowed(name), value: AttributeValue::Text(value.into()) }
    }

    /// A whole number.
    pub fn number(name: &'static str, value: impl TryInto<i64>) -> Self {
        Self { name: Cow::Borrowed(name), value: AttributeValue::Number(value.try_into().unwrap_or(i64::MAX)) }
    }

    /// Any number.
    pub const fn real(name: &'static str, value: f64) -> Self {
        Self { name: Cow::Borrowed(name), value: AttributeValue::Real(value) }
    }

    /// Yes or no.
    pub const fn flag(name: &'static str, value: bool) -> Self {
        Self { name: Cow::Borrowed(name), value: AttributeValue::Flag(value) }
    }

    /// Roughly what it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.value.size()
    }
}

impl SpanRecord {
    /// All that is said of the span.
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut said = of_subject(&self.subject);
        if let Some(fault) = &self.fault {
            said.push(Attribute::text("error.type", fault.kind.clone()));
        }
        if let Some(service) = &self.service {
            said.push(Attribute::text("patchbay.service", service.to_string()));
        }
        if let Some(revision) = self.revision {
            said.push(Attribute::number("patchbay.revision", revision.get()));
        }
        if let Some(call) = self.call {
            said.push(Attribute::text("patchbay.call", call.to_string()));
        }
        if let Some(caller) = &self.caller {
            said.push(Attribute::text("patchbay.caller", name_of(caller)));
        }
        if self.attempts > 0 {
            said.push(Attribute::number("patchbay.attempts", self.attempts));
        }
        if !self.queued.is_zero() {
            said.push(Attribute::real("patchbay.queue.duration", self.queued.as_secs_f64()));
        }
        if let Some(details) = self.fault.as_ref().and_then(|fault| fault.details.clone()) {
            said.push(Attribute::text("patchbay.fault.details", details));
        }
        said.extend(self.own.iter().cloned());
        said
    }
}

/// Who calls. Which user that is, is nobody's business who reads traces.
fn name_of(caller: &Principal) -> Cow<'static, str> {
    match caller {
        Principal::Outside => Cow::Borrowed("outside"),
        Principal::User(_) => Cow::Borrowed("user"),
        Principal::Operator => Cow::Borrowed("operator"),
        Principal::Host => Cow::Borrowed("host"),
        Principal::Service(name) => Cow::Owned(name.to_string()),
    }
}

fn of_subject(subject: &SpanSubject) -> Vec<Attribute> {
    match subject {
        SpanSubject::Request { method, secure, path, route, status } => {
            let mut said = of_method(method, *status);
            said.push(Attribute::text("url.path", path.clone()));
            said.push(Attribute::text("url.scheme", scheme(*secure)));
            said.extend(route.clone().map(|route| Attribute::text("http.route", route)));
            said
        }
        SpanSubject::Function(function) => {
            vec![Attribute::text("rpc.system.name", "patchbay"), Attribute::text("rpc.method", function.to_string())]
        }
        SpanSubject::Delivery { message, group } => {
            let mut said = of_message(message, ("process", "process"));
            said.push(Attribute::text("messaging.consumer.group.name", group.to_string()));
            said
        }
        SpanSubject::Publication(message) => of_message(message, ("publish", "send")),
        SpanSubject::Outgoing { method, target, status } => {
            let mut said = of_method(method, *status);
            said.push(Attribute::text("server.address", target.host.clone()));
            said.push(Attribute::number("server.port", target.port));
            said.push(Attribute::text(
                "url.full",
                format!("{}://{}:{}{}", scheme(target.secure), target.host, target.port, target.path),
            ));
            said
        }
        // Nobody but the host gives such names, so this one is to be believed.
        SpanSubject::Own(_) => vec![Attribute::flag("patchbay.own", true)],
    }
}

const fn scheme(secure: bool) -> &'static str {
    if secure { "https" } else { "http" }
}

fn of_method(method: &http::Method, status: Option<u16>) -> Vec<Attribute> {
    let mut said = if is_known(method) {
        vec![Attribute::text("http.request.method", method.to_string())]
    } else {
        let original = Attribute::text("http.request.method_original", method.to_string());
        vec![Attribute::text("http.request.method", "_OTHER"), original]
    };
    said.extend(status.map(|status| Attribute::number("http.response.status_code", status)));
    said
}

/// `operation` has the name of what is done, and the kind that it is of.
fn of_message(message: &MessageFacts, operation: (&'static str, &'static str)) -> Vec<Attribute> {
    vec![
        Attribute::text("messaging.system", "patchbay"),
        Attribute::text("messaging.operation.name", operation.0),
        Attribute::text("messaging.operation.type", operation.1),
        Attribute::text("messaging.destination.name", message.topic.to_string()),
        Attribute::text("messaging.message.id", message.id.clone()),
        Attribute::number("messaging.message.body.size", i64::try_from(message.size).unwrap_or(i64::MAX)),
    ]
}
