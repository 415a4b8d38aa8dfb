//! A certificate and its key, from files.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

use patchbay_model::Digest;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::TlsConfig;
use super::clients::Clients;

/// What is wrong with the files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsProblem {
    /// The key of the configuration that names the file: `certificate`, `key` or `client_ca`.
    pub key: &'static str,
    /// The file, what is wrong with it, and what to do.
    pub problem: String,
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)
    }
}

impl std::error::Error for TlsProblem {}

/// What a server shows to its clients.
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    /// Which certificates of clients are believed.
    pub(super) clients: Option<Clients>,
    /// The bytes of the files.
    pub(super) files: Files,
}

/// What the files hold, as far as it matters whether they hold the same as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Files {
    certificate: Digest,
    key: Digest,
    /// The authorities of clients.
    pub(super) clients: Option<Digest>,
}

/// Certificates and keys are some kilobytes; whatever is larger is something else.
const LARGEST: u64 = 1 << 20;

impl Identity {
    /// Reads the files, and holds them against each other. Blocks for as long as the file system takes.
    pub(super) fn read(config: &TlsConfig) -> Result<Self, TlsProblem> {
        let (chain_pem, key_pem) = (bytes("certificate", &config.certificate)?, bytes("key", &config.key)?);
        let (clients, clients_pem) = Clients::read(config.clients.as_ref())?.unzip();
        let files = Files { certificate: Digest::of(&chain_pem), key: Digest::of(&key_pem), clients: clients_pem };
        let chain = chain(&chain_pem).map_err(|problem| wrong("certificate", &config.certificate, problem))?;
        let key = key(&key_pem).map_err(|problem| wrong("key", &config.key, problem))?;
        let key = ring::sign::any_supported_type(&key).map_err(|_| {
            wrong("key", &config.key, "holds no key that can be used; take one for ECDSA, Ed25519 or RSA")
        })?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => Ok(Self { certified: Arc::new(certified), clients, files }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(wrong(
                "key",
                &config.key,
                format!(
                    "is not the key of the first certificate in `{}`; the certificate of the server comes first there",
                    config.certificate.display()
                ),
            )),
            Err(error) => Err(wrong("certificate", &config.certificate, format!("cannot be used: {error}"))),
        }
    }

    /// What names the certificate in logs: the SHA-256 of what it is on the wire.
    pub(super) fn fingerprint(&self) -> Digest {
        // One without certificates was refused when it was read.
        Digest::of(self.certified.cert.first().map(|certificate| &**certificate).unwrap_or_default())
    }
}

pub(super) fn wrong(key: &'static str, path: &Path, problem: impl fmt::Display) -> TlsProblem {
    TlsProblem { key, problem: format!("the file `{}` {problem}", path.display()) }
}

pub(super) fn bytes(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsProblem> {
    let cannot = |error: std::io::Error| wrong(key, path, format!("cannot be read: {error}"));
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(wrong(key, path, "is no file"));
    }
    if metadata.len() > LARGEST {
        return Err(wrong(key, path, "is too large to be what it should"));
    }
    fs::read(path).map_err(cannot)
}

pub(super) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("is damaged: {error}"))?;
    if chain.is_empty() {
        return Err("holds no certificate; expected is PEM, which begins with `-----BEGIN CERTIFICATE-----`".to_owned());
    }
    Ok(chain)
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => "holds no private key; expected is PEM, which begins with `-----BEGIN PRIVATE \
                                     KEY-----` and is not encrypted"
            .to_owned(),
        // The text of other errors may quote the file, and with it the key.
        _ => "is damaged".to_owned(),
    })
}
