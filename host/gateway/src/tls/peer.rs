//! Who a client is, as its certificate says. It was verified in the handshake.

use std::time::{Duration, SystemTime};

use patchbay_model::{Digest, Proof, User, units};
use serde_json::{Map, Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// The name that the configuration has for those who come with a certificate.
const ISSUER: &str = "certificates";

/// Why a certificate says of nobody who it is.
#[derive(Debug, thiserror::Error)]
#[error("the certificate of a client cannot be read: {0}")]
pub(crate) struct PeerError(String);

/// The user whom a certificate, in DER, names.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn user(der: &[u8]) -> Result<User, PeerError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| PeerError(error.to_string()))?;
    let names = Names::of(&certificate)?;
    let fingerprint = Digest::of(der);
    let subject = names.uri.first().or(names.dns.first()).or(names.email.first()).or(names.common.as_ref());
    let subject = subject.cloned().unwrap_or_else(|| fingerprint.to_string());
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    let not_after = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let claims = json!({
        "subject": certificate.subject().to_string(),
        "uri": names.uri,
        "dns": names.dns,
        "email": names.email,
        "serial": certificate.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "not_after": units::format_timestamp(not_after),
        "sha256": fingerprint.hex(),
    });
    let claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
    Ok(User {
        proof: Proof::Certificate,
        issuer: ISSUER.to_owned(),
        subject,
        scopes: Vec::new(),
        groups: Vec::new(),
        claims,
        expires: Some(not_after),
    })
}

/// The names in a certificate (RFC 5280, 4.2.1.6). What has control characters in it is nobody's name.
#[derive(Default)]
struct Names {
    uri: Vec<String>,
    dns: Vec<String>,
    email: Vec<String>,
    common: Option<String>,
}

impl Names {
    fn of(certificate: &X509Certificate<'_>) -> Result<Self, PeerError> {
        let mut names = Self::default();
        let alternative = certificate.subject_alternative_name().map_err(|error| PeerError(error.to_string()))?;
        for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
            let (kind, name) = match name {
                GeneralName::URI(name) => (&mut names.uri, name),
                GeneralName::DNSName(name) => (&mut names.dns, name),
                GeneralName::RFC822Name(name) => (&mut names.email, name),
                _ => continue,
            };
            kind.extend(is_name(name).then(|| (*name).to_owned()));
        }
        let common = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        names.common = common.filter(|name| is_name(name)).map(str::to_owned);
        Ok(names)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}
