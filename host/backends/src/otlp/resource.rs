//! Who sends: the host, and the services in it.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use patchbay_model::ServiceName;

/// Who the host is to those who read what it sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtlpResource {
    /// The name of the host as a service, and what its services have as `service.namespace`.
    pub name: String,
    /// Tells it from other hosts of the same name, and from its own earlier runs.
    pub instance: String,
    /// The version of the program.
    pub version: String,
    /// What else is said of it.
    pub attributes: Vec<(String, String)>,
}

impl OtlpResource {
    /// A service of the host, which is a service of its own to those who read it; `None` for the host itself.
    pub fn of(&self, service: Option<&ServiceName>) -> Resource {
        let mut said = match service {
            Some(service) => vec![text("service.name", service.as_str()), text("service.namespace", &self.name)],
            None => vec![text("service.name", &self.name), text("service.version", &self.version)],
        };
        said.push(text("service.instance.id", &self.instance));
        let own =
            self.attributes.iter().filter(|(name, _)| !["service.name", "service.instance.id"].contains(&&**name));
        said.extend(own.map(|(name, value)| text(name, value)));
        Resource { attributes: said, ..Resource::default() }
    }

    /// What made what is sent.
    pub fn scope(&self) -> InstrumentationScope {
        InstrumentationScope {
            name: "patchbay".to_owned(),
            version: self.version.clone(),
            ..InstrumentationScope::default()
        }
    }
}

/// An attribute that is a text.
pub(super) fn text(name: &str, value: &str) -> KeyValue {
    pair(name, Value::StringValue(value.to_owned()))
}

/// An attribute.
pub(super) fn pair(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
