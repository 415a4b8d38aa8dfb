//! TLS on a listener: the certificate in files, what clients are offered, and new files taken up while it runs.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio_rustls::TlsAcceptor;

use crate::error::GatewayError;

mod identity;
mod watch;

pub use identity::TlsProblem;

use identity::Identity;
use watch::Current;

/// Where a listener finds its certificate. Both files are looked at while the host runs, and taken up when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM: the certificate of the server, then those between it and the authority that clients trust.
    pub certificate: PathBuf,
    /// PEM: the private key of the first certificate, not encrypted.
    pub key: PathBuf,
}

impl TlsConfig {
    /// Reads both files as a listener would. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// What is wrong with them, and with which.
    pub fn check(&self) -> Result<(), TlsProblem> {
        Identity::read(self).map(drop)
    }
}

/// TLS for one listener.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    config: TlsConfig,
    /// The listener, as people call it.
    what: &'static str,
}

impl Tls {
    /// Reads the files, and offers TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1. Blocks for as long as the file system takes.
    pub(crate) fn load(what: &'static str, config: TlsConfig) -> Result<Self, GatewayError> {
        let failed = |problem: String| GatewayError::Tls { what, problem };
        let identity = Identity::read(&config).map_err(|problem| failed(problem.to_string()))?;
        let current = Arc::new(Current::new(identity));
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| failed(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Clients that come back are spared a part of the handshake, and the host memory for them.
        server.ticketer = ring::Ticketer::new().map_err(|error| failed(error.to_string()))?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(server)), current, config, what })
    }

    /// The SHA-256 of the certificate that is shown, now and whenever it changes.
    pub(crate) fn fingerprint(&self) -> tokio::sync::watch::Receiver<patchbay_model::Digest> {
        self.current.fingerprint()
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

/// Takes up new files for as long as it is polled. Never ends, also where there is no TLS.
pub(crate) async fn watch(tls: Option<&Tls>) {
    match tls {
        Some(tls) => watch::watch(tls.what, &tls.config, &tls.current).await,
        None => std::future::pending().await,
    }
}
