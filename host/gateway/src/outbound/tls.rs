//! TLS to the outside: the certificates that this machine trusts, and what went wrong.

use std::io;
use std::sync::Arc;

use patchbay_model::OutboundError;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::policy::Host;

/// Makes encrypted connections. What the machine trusts is read with the first one.
#[derive(Default)]
pub(super) struct Tls(OnceCell<Arc<ClientConfig>>);

impl Tls {
    /// Encrypts `stream`, whose other end has to prove that it is `host`.
    ///
    /// # Errors
    /// If it cannot, or speaks no TLS.
    pub(super) async fn connect(&self, host: &Host, stream: TcpStream) -> Result<TlsStream<TcpStream>, OutboundError> {
        let config = self.0.get_or_try_init(trusting_the_machine).await?;
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| OutboundError::InvalidAddress)?,
            Host::Address(address) => ServerName::from(*address),
        };
        let connected = TlsConnector::from(config.clone()).connect(name, stream).await;
        connected.map_err(|error| failed(&error))
    }
}

/// A configuration with the certificates that the platform trusts, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
async fn trusting_the_machine() -> Result<Arc<ClientConfig>, OutboundError> {
    let host = |problem: String| {
        tracing::error!("services cannot send requests over TLS: {problem}");
        OutboundError::Host(problem)
    };
    // Hundreds of files, on some systems.
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let found = found.map_err(|error| host(format!("the certificates could not be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    let (usable, odd) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let problems: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(host(format!(
            "this machine trusts no certificate ({}); install its certificates, or name a file of them in SSL_CERT_FILE",
            if problems.is_empty() { "none are installed".to_owned() } else { problems.join("; ") }
        )));
    }
    tracing::debug!(usable, odd, "the certificates of this machine were read");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| host(error.to_string()))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn failed(error: &io::Error) -> OutboundError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(problem)) => OutboundError::Certificate(problem.to_string()),
        Some(rustls::Error::AlertReceived(alert)) => {
            OutboundError::TlsAlert { number: u8::from(*alert), description: format!("{alert:?}") }
        }
        Some(problem) => OutboundError::Tls(problem.to_string()),
        None => OutboundError::Terminated,
    }
}
