//! Certificates of clients: whose are believed, and whether one is needed.

use std::path::PathBuf;
use std::sync::Arc;

use patchbay_model::Digest;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::TlsProblem;
use super::identity::{bytes, chain, wrong};

/// Which certificates of clients are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTrust {
    /// PEM: the authorities that sign them.
    pub authorities: PathBuf,
    /// Whether a client without a certificate is refused in the handshake. One with a wrong certificate always is.
    pub required: bool,
}

/// What verifies the certificates of clients.
#[derive(Clone)]
pub(super) struct Clients(pub(super) Arc<dyn ClientCertVerifier>);

impl Clients {
    /// Reads the authorities, if there are any; and what tells their file from another. Blocks for as long as the file
    /// system takes.
    pub(super) fn read(trust: Option<&ClientTrust>) -> Result<Option<(Self, Digest)>, TlsProblem> {
        const KEY: &str = "client_ca";
        let Some(ClientTrust { authorities, required }) = trust else { return Ok(None) };
        let pem = bytes(KEY, authorities)?;
        let mut roots = RootCertStore::empty();
        for certificate in chain(&pem).map_err(|problem| wrong(KEY, authorities, problem))? {
            let added = roots.add(certificate);
            added.map_err(|error| {
                wrong(KEY, authorities, format!("holds a certificate that cannot be used: {error}"))
            })?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
        let builder = if *required { builder } else { builder.allow_unauthenticated() };
        let verifier = builder.build().map_err(|error| wrong(KEY, authorities, format!("cannot be used: {error}")))?;
        Ok(Some((Self(verifier), Digest::of(&pem))))
    }
}
