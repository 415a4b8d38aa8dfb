//! Whom the command line believes to be the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchbay_model::Digest;
use reqwest::ClientBuilder;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::failure::Failure;

/// What makes a host the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Nothing: it speaks plain HTTP.
    Nothing,
    /// A certificate for its name from an authority that this machine trusts.
    System,
    /// A certificate for its name from an authority in this file.
    Authority(PathBuf),
    /// This very certificate, whatever it says: the host itself has left it in its state directory.
    Pinned(Digest),
}

impl Trust {
    /// What holds for a URL that nothing else is known of.
    pub(crate) fn of(url: &str) -> Self {
        if url.starts_with("https://") { Self::System } else { Self::Nothing }
    }

    /// Has the client believe accordingly.
    ///
    /// # Errors
    /// If the authority cannot be read.
    pub(crate) fn apply(&self, client: ClientBuilder) -> Result<ClientBuilder, Failure> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let config = config.map_err(Failure::failed)?;
        let mut config = match self {
            Self::System => {
                // Only the first one counts, and there is no other.
                let _ = provider.as_ref().clone().install_default();
                return Ok(client);
            }
            // Without a look at what this machine trusts, which may be nobody.
            Self::Nothing => config.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
            Self::Authority(path) => config.with_root_certificates(authorities(path)?).with_no_client_auth(),
            Self::Pinned(certificate) => {
                let pin = Pin { certificate: *certificate, provider };
                config.dangerous().with_custom_certificate_verifier(Arc::new(pin)).with_no_client_auth()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(client.tls_backend_preconfigured(config))
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, Failure> {
    let cannot = |what: &dyn std::fmt::Display| {
        Failure::failed(format!("cannot read the certificates in `{}`: {what}", path.display()))
    };
    let bytes = fs::read(path).map_err(|error| cannot(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| cannot(&error))?;
        roots.add(certificate).map_err(|error| cannot(&error))?;
    }
    if roots.is_empty() {
        return Err(cannot(&"there are none; expected is PEM"));
    }
    Ok(roots)
}

/// Believes one certificate. That the host has its key is proved by the handshake, as ever.
#[derive(Debug)]
struct Pin {
    certificate: Digest,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Digest::of(certificate) == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("its certificate is not the one that its state directory names".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
