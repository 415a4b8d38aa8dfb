//! What the environment says of OTLP, by the names that OpenTelemetry has for it. It counts where `runtime.toml` is silent.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::Secret;
use percent_encoding::percent_decode_str;

use super::settings::{HeaderText, OtlpHeader, OtlpProtocol};

/// What the environment says, by the names of OpenTelemetry's specification.
#[derive(Debug, Clone, Default)]
pub struct OtlpEnvironment {
    /// `OTEL_SDK_DISABLED`: nothing is sent.
    pub disabled: bool,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub protocol: Option<OtlpProtocol>,
    /// `OTEL_EXPORTER_OTLP_HEADERS`.
    pub headers: Vec<OtlpHeader>,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`.
    pub timeout: Option<Duration>,
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    pub ca: Option<PathBuf>,
    /// `OTEL_SERVICE_NAME`.
    pub name: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub attributes: Vec<(String, String)>,
    /// What could not be read, as sentences.
    pub problems: Vec<String>,
}

impl OtlpEnvironment {
    /// Reads it. `variable` gives the value of a variable; an empty one is none.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut read = Self {
            disabled: get("OTEL_SDK_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")),
            endpoint: get("OTEL_EXPORTER_OTLP_ENDPOINT"),
            ca: get("OTEL_EXPORTER_OTLP_CERTIFICATE").map(PathBuf::from),
            name: get("OTEL_SERVICE_NAME"),
            ..Self::default()
        };
        if let Some(name) = get("OTEL_EXPORTER_OTLP_PROTOCOL") {
            read.protocol = OtlpProtocol::ALL.into_iter().find(|protocol| protocol.name() == name.trim());
            if read.protocol.is_none() {
                read.problems.push(format!(
                    "OTEL_EXPORTER_OTLP_PROTOCOL is `{name}`; what can be spoken is `grpc` and `http/protobuf`"
                ));
            }
        }
        if let Some(text) = get("OTEL_EXPORTER_OTLP_TIMEOUT") {
            match text.trim().parse() {
                Ok(millis) => read.timeout = Some(Duration::from_millis(millis)),
                Err(_) => {
                    read.problems
                        .push(format!("OTEL_EXPORTER_OTLP_TIMEOUT is `{text}`, and no number of milliseconds"));
                }
            }
        }
        for name in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_RESOURCE_ATTRIBUTES"] {
            let Some(text) = get(name) else { continue };
            match pairs(&text) {
                Some(pairs) if name == "OTEL_RESOURCE_ATTRIBUTES" => read.attributes = pairs,
                Some(pairs) => {
                    let header =
                        |(name, value)| OtlpHeader { name, value: HeaderText::Fixed(Arc::new(Secret::new(value))) };
                    read.headers = pairs.into_iter().map(header).collect();
                }
                // What is in it may be a secret.
                None => read.problems.push(format!("{name} is not written `name=value,name=value`")),
            }
        }
        // The variable that is just for it wins.
        let of_attributes =
            read.attributes.iter().find(|(name, _)| name == "service.name").map(|(_, value)| value.clone());
        read.name = read.name.or(of_attributes);
        read
    }
}

/// Pairs as in W3C Baggage: with commas between, and values percent-encoded.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?.into_owned();
            let name = name.trim();
            (!name.is_empty()).then(|| (name.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> OtlpEnvironment {
        OtlpEnvironment::read(|name| {
            variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_speaks_as_opentelemetry_says() {
        let environment = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, x-tenant = shop,"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment.name=prod"),
        ]);
        assert_eq!(environment.endpoint.as_deref(), Some("https://collector:4318"));
        assert_eq!(
            (environment.protocol, environment.timeout),
            (Some(OtlpProtocol::Http), Some(Duration::from_millis(2500)))
        );
        let headers: Vec<_> = environment.headers.iter().map(|header| (&*header.name, header.value.now())).collect();
        assert_eq!(headers, [("authorization", "Bearer x".to_owned()), ("x-tenant", "shop".to_owned())]);
        assert!(!format!("{environment:?}").contains("Bearer"), "{environment:?}");
        assert_eq!((environment.name.as_deref(), environment.attributes.len()), (Some("a"), 2));
        assert_eq!(
            read(&[("OTEL_SERVICE_NAME", "b"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a")]).name.as_deref(),
            Some("b")
        );
        assert!(read(&[("OTEL_SDK_DISABLED", "TRUE")]).disabled && !read(&[("OTEL_SDK_DISABLED", "1")]).disabled);
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).endpoint.is_none());
    }

    #[test]
    fn what_cannot_be_read_is_named_without_its_value() {
        let environment = read(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "sesame"),
            ("OTEL_RESOURCE_ATTRIBUTES", "=x"),
        ]);
        let problems = environment.problems.join("\n");
        assert_eq!(environment.problems.len(), 4, "{problems}");
        assert!(
            problems.contains("http/json") && problems.contains("10s") && !problems.contains("sesame"),
            "{problems}"
        );
    }
}
