//! The way to a collector.

use std::error::Error as _;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::refusal::{Refusal, root_cause};
use super::settings::{OtlpHeader, OtlpProtocol, OtlpSettings};
use super::{Payload, Signal};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// Who sends, to the collector.
const AGENT: &str = concat!("patchbay/", env!("CARGO_PKG_VERSION"));

/// The way to a collector. Connections are made when there is something to send, and made again when they are lost.
pub struct OtlpLink {
    headers: Vec<OtlpHeader>,
    timeout: Duration,
    way: Way,
}

enum Way {
    Grpc(Channel),
    Http { client: reqwest::Client, base: String },
}

impl OtlpLink {
    /// The way that the settings say.
    ///
    /// # Errors
    /// If the address, a header or a certificate cannot be used.
    pub fn new(settings: &OtlpSettings) -> Result<Self, String> {
        let way = match settings.protocol {
            OtlpProtocol::Grpc => Way::Grpc(channel(settings)?),
            OtlpProtocol::Http => {
                let base = settings.endpoint.trim_end_matches('/').to_owned();
                Way::Http { client: client(settings)?, base }
            }
        };
        for header in &settings.headers {
            AsciiMetadataKey::from_str(&header.name)
                .map_err(|_| format!("`{}` is no name of a header", header.name))?;
        }
        Ok(Self { headers: settings.headers.clone(), timeout: settings.timeout, way })
    }

    /// Sends something. How much of it the collector rejected for good.
    ///
    /// # Errors
    /// [`Refusal`] if it was not taken.
    pub async fn send(&self, payload: &Payload) -> Result<u64, Refusal> {
        let sent = tokio::time::timeout(self.timeout, async {
            match &self.way {
                Way::Grpc(channel) => self.call(channel.clone(), payload).await,
                Way::Http { client, base } => self.post(client, base, payload).await,
            }
        });
        sent.await.unwrap_or_else(|_| Err(Refusal::unreachable(format!("no answer within {:?}", self.timeout))))
    }

    async fn call(&self, channel: Channel, payload: &Payload) -> Result<u64, Refusal> {
        let metadata = self.metadata()?;
        let refused = |status| Refusal::of_status(&status);
        macro_rules! export {
            ($client:ident, $request:expr, $rejected:ident) => {{
                let request = tonic::Request::from_parts(metadata, tonic::Extensions::default(), $request.clone());
                let answer = $client::new(channel).export(request).await.map_err(refused)?.into_inner();
                answer.partial_success.map_or(0, |partial| count(partial.$rejected))
            }};
        }
        Ok(match payload {
            Payload::Traces(request) => export!(TraceServiceClient, request, rejected_spans),
            Payload::Metrics(request) => export!(MetricsServiceClient, request, rejected_data_points),
            Payload::Logs(request) => export!(LogsServiceClient, request, rejected_log_records),
        })
    }

    async fn post(&self, client: &reqwest::Client, base: &str, payload: &Payload) -> Result<u64, Refusal> {
        let body = match payload {
            Payload::Traces(request) => request.encode_to_vec(),
            Payload::Metrics(request) => request.encode_to_vec(),
            Payload::Logs(request) => request.encode_to_vec(),
        };
        let url = format!("{base}/v1/{}", payload.signal().name());
        let mut request = client.post(url).header(CONTENT_TYPE, "application/x-protobuf").header(USER_AGENT, AGENT);
        for header in &self.headers {
            let name = HeaderName::from_str(&header.name).map_err(|_| wrong(&header.name))?;
            let mut value = HeaderValue::from_str(&header.value.now()).map_err(|_| wrong(&header.name))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let answer = request.body(body).send().await.map_err(|error| Refusal::unreachable(root_cause(&error)))?;
        let status = answer.status();
        if status.is_success() {
            let body = answer.bytes().await.unwrap_or_default();
            return Ok(rejected(payload.signal(), &body));
        }
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Err(Refusal::of_response(status, after))
    }

    fn metadata(&self) -> Result<MetadataMap, Refusal> {
        let mut metadata = MetadataMap::new();
        for header in &self.headers {
            let key = AsciiMetadataKey::from_str(&header.name).map_err(|_| wrong(&header.name))?;
            let mut value = AsciiMetadataValue::try_from(&*header.value.now()).map_err(|_| wrong(&header.name))?;
            value.set_sensitive(true);
            metadata.insert(key, value);
        }
        Ok(metadata)
    }
}

/// A header cannot be sent; nothing of its value is told.
fn wrong(name: &str) -> Refusal {
    Refusal { why: format!("the header `{name}` has a value that no header can have"), again: false, after: None }
}

fn count(rejected: i64) -> u64 {
    u64::try_from(rejected).unwrap_or(0)
}

/// How much was rejected, as the answer over HTTP says. One that cannot be read says nothing.
fn rejected(signal: Signal, body: &[u8]) -> u64 {
    macro_rules! read {
        ($answer:ident, $rejected:ident) => {
            $answer::decode(body).ok().and_then(|answer| answer.partial_success).map_or(0, |partial| partial.$rejected)
        };
    }
    count(match signal {
        Signal::Traces => read!(ExportTraceServiceResponse, rejected_spans),
        Signal::Metrics => read!(ExportMetricsServiceResponse, rejected_data_points),
        Signal::Logs => read!(ExportLogsServiceResponse, rejected_log_records),
    })
}

fn channel(settings: &OtlpSettings) -> Result<Channel, String> {
    let wrong = |error: tonic::transport::Error| {
        let cause = error.source().map(root_cause);
        format!("`{}` cannot be used: {}", settings.endpoint, cause.unwrap_or_else(|| error.to_string()))
    };
    let mut endpoint = Endpoint::from_shared(settings.endpoint.clone()).map_err(wrong)?;
    endpoint = endpoint.connect_timeout(CONNECT).user_agent(AGENT).map_err(wrong)?;
    if settings.endpoint.starts_with("https://") {
        let tls = match authority(settings)? {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        endpoint = endpoint.tls_config(tls).map_err(wrong)?;
    }
    Ok(endpoint.connect_lazy())
}

fn client(settings: &OtlpSettings) -> Result<reqwest::Client, String> {
    let mut roots = RootCertStore::empty();
    match authority(settings)? {
        Some(pem) => {
            use rustls::pki_types::CertificateDer;
            use rustls::pki_types::pem::PemObject;
            let certificates: Vec<_> =
                CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
            let (_, wrong) = roots.add_parsable_certificates(certificates);
            if wrong > 0 || roots.is_empty() {
                return Err("`otlp.ca` has no certificate that can be trusted".to_owned());
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // What is sent is not for whoever a redirect names.
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none());
    builder.connect_timeout(CONNECT).build().map_err(|error| root_cause(&error))
}

/// The authority that the collector's certificate is signed with, where it is said, as PEM.
fn authority(settings: &OtlpSettings) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = &settings.ca else { return Ok(None) };
    std::fs::read(path).map(Some).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
}
