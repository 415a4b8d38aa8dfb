//! A key that the hosts of one NATS share. With it they sign the messages that say for whom they were published, because
//! others can write to NATS, too.
//!
//! What is signed is all that a subscriber sees: the subject, the headers and the data. Who can write to NATS can send such
//! a message once more, as it can any other, but cannot change it or make one of its own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// The header that holds the signature.
pub(super) const SIGNATURE: &str = "Patchbay-Signature";

/// The shortest key, in bytes: that of what it makes (RFC 2104, 3).
const SHORTEST: usize = 32;

/// The key.
#[derive(Clone)]
pub struct AuthorKey(hmac::Key);

/// A key that is too short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key has {0} bytes; it needs {SHORTEST} at least, such as `openssl rand -base64 48` makes")]
pub struct ShortKey(usize);

impl AuthorKey {
    /// The key that is made of a secret.
    ///
    /// # Errors
    /// [`ShortKey`] if others could guess it.
    pub fn new(secret: &[u8]) -> Result<Self, ShortKey> {
        if secret.len() < SHORTEST {
            return Err(ShortKey(secret.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The signature of a message.
    pub(super) fn sign(&self, subject: &str, headers: &[(&str, &str)], data: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        each_part(subject, headers, data, |part| context.update(part));
        URL_SAFE_NO_PAD.encode(context.sign())
    }

    /// Whether a signature is that of a message. Takes as long whether it nearly is or not at all.
    pub(super) fn verify(&self, signature: &str, subject: &str, headers: &[(&str, &str)], data: &[u8]) -> bool {
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let mut signed = Vec::new();
        each_part(subject, headers, data, |part| signed.extend_from_slice(part));
        hmac::verify(&self.0, &signed, &signature).is_ok()
    }
}

impl PartialEq for AuthorKey {
    /// Whether they make the same signatures.
    fn eq(&self, other: &Self) -> bool {
        hmac::verify(&self.0, b"", hmac::sign(&other.0, b"").as_ref()).is_ok()
    }
}

impl Eq for AuthorKey {}

impl fmt::Debug for AuthorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorKey")
    }
}

/// The parts of a message, each after its length, so that none can be moved into another. `headers` are in an order that does
/// not depend on how they came.
fn each_part(subject: &str, headers: &[(&str, &str)], data: &[u8], mut update: impl FnMut(&[u8])) {
    let mut part = |bytes: &[u8]| {
        update(&(bytes.len() as u64).to_be_bytes());
        update(bytes);
    };
    part(subject.as_bytes());
    part(&(headers.len() as u64).to_be_bytes());
    for (name, value) in headers {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    part(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn a_signature_is_that_of_one_message_and_one_key() {
        let key = AuthorKey::new(KEY).unwrap();
        let signature = key.sign("a.b", &[("x", "1"), ("y", "2")], b"data");
        assert!(key.verify(&signature, "a.b", &[("x", "1"), ("y", "2")], b"data"));
        for (subject, headers, data) in [
            ("a.c", vec![("x", "1"), ("y", "2")], "data"),
            ("a.b", vec![("x", "1"), ("y", "3")], "data"),
            ("a.b", vec![("x", "1")], "data"),
            ("a.b", vec![("x", "1y"), ("", "2")], "data"),
            ("a.b", vec![("x1", ""), ("y", "2")], "data"),
            ("a.b", vec![("x", "1"), ("y", "2")], "datum"),
        ] {
            assert!(!key.verify(&signature, subject, &headers, data.as_bytes()), "{subject} {headers:?} {data}");
        }
        let other = AuthorKey::new(b"0123456789abcdef0123456789abcdeX").unwrap();
        for wrong in [other.sign("a.b", &[("x", "1"), ("y", "2")], b"data"), String::new(), "?".to_owned()] {
            assert!(!key.verify(&wrong, "a.b", &[("x", "1"), ("y", "2")], b"data"), "{wrong}");
        }
        assert_eq!(AuthorKey::new(&KEY[1..]).unwrap_err(), ShortKey(31));
        assert_eq!(format!("{key:?}"), "AuthorKey");
    }
}
