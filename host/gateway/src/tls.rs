//! TLS on a listener: the certificate in files, what clients are offered, and new files taken up while it runs.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::NoServerSessionStorage;
use tokio_rustls::TlsAcceptor;

use crate::error::GatewayError;

mod clients;
mod identity;
mod peer;
mod watch;

pub use clients::ClientTrust;
pub use identity::TlsProblem;
pub(crate) use peer::user;

use clients::Clients;
use identity::Identity;
use watch::Current;

/// Where a listener finds its certificate. All files are looked at while the host runs, and taken up when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM: the certificate of the server, then those between it and the authority that clients trust.
    pub certificate: PathBuf,
    /// PEM: the private key of the first certificate, not encrypted.
    pub key: PathBuf,
    /// Which certificates of clients are believed; `None`: clients are not asked for one.
    pub clients: Option<ClientTrust>,
}

impl TlsConfig {
    /// Reads the files as a listener would. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// What is wrong with them, and with which.
    pub fn check(&self) -> Result<(), TlsProblem> {
        Identity::read(self).map(drop)
    }
}

/// TLS for one listener.
pub(crate) struct Tls {
    server: Acceptor,
    current: Arc<Current>,
    config: TlsConfig,
    /// The listener, as people call it.
    what: &'static str,
}

/// Begins connections, each as it is configured at that time.
#[derive(Clone)]
pub(crate) struct Acceptor(Arc<ArcSwap<ServerConfig>>);

impl Acceptor {
    /// For one connection.
    pub(crate) fn get(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

impl Tls {
    /// Reads the files, and offers TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1. Blocks for as long as the file system takes.
    pub(crate) fn load(what: &'static str, config: TlsConfig) -> Result<Self, GatewayError> {
        let failed = |problem: String| GatewayError::Tls { what, problem };
        let identity = Identity::read(&config).map_err(|problem| failed(problem.to_string()))?;
        let clients = identity.clients.clone();
        let current = Arc::new(Current::new(identity));
        let server = server(&current, clients).map_err(|error| failed(error.to_string()))?;
        Ok(Self { server: Acceptor(Arc::new(ArcSwap::from_pointee(server))), current, config, what })
    }

    /// The SHA-256 of the certificate that is shown, now and whenever it changes.
    pub(crate) fn fingerprint(&self) -> tokio::sync::watch::Receiver<patchbay_model::Digest> {
        self.current.fingerprint()
    }

    pub(crate) fn acceptor(&self) -> &Acceptor {
        &self.server
    }

    /// Asks clients that come from now on for certificates of these authorities.
    fn trust(&self, clients: Option<Clients>) {
        match server(&self.current, clients) {
            Ok(server) => self.server.0.store(Arc::new(server)),
            Err(error) => tracing::error!("{} cannot ask for certificates of new authorities: {error}", self.what),
        }
    }
}

/// A server that shows the current certificate, and asks for those of clients if there is somebody to believe.
fn server(current: &Arc<Current>, clients: Option<Clients>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let asks = clients.is_some();
    let builder = match clients {
        Some(Clients(verifier)) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_cert_resolver(Arc::clone(current) as _);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if asks {
        // Who comes back with a ticket is not asked again; so a certificate would count after its end, and after the
        // end of its authority.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
    } else {
        // Clients that come back are spared a part of the handshake, and the host memory for them.
        server.ticketer = ring::Ticketer::new()?;
    }
    Ok(server)
}

/// Takes up new files for as long as it is polled. Never ends, also where there is no TLS.
pub(crate) async fn watch(tls: Option<&Tls>) {
    match tls {
        Some(tls) => watch::watch(tls).await,
        None => std::future::pending().await,
    }
}
