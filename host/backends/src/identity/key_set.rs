//! The keys of an issuer, as they are at one time.

use patchbay_model::Digest;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use super::algorithm::SignatureAlgorithm;
use super::json;
use super::key::Key;

/// Keys that are taken of one set. Issuers have two or three.
const MOST_KEYS: usize = 64;

/// Keys that one token is held against where it does not say which: each costs the host a verification.
const MOST_CANDIDATES: usize = 4;

/// Keys that belong together.
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Tells it from others.
    pub(super) version: Digest,
}

/// What a set has for a token.
pub(super) enum Found<'k> {
    /// The keys that may have signed it, at least one.
    Keys(Vec<&'k Key>),
    /// Keys of that name, none for that algorithm.
    OtherAlgorithm,
    /// No key of that name.
    Unknown,
    /// Too many.
    TooMany,
}

impl KeySet {
    /// These keys. `text` is what they were read from.
    pub(super) fn new(keys: Vec<Key>, text: &[u8]) -> Self {
        Self { keys, version: Digest::of(text) }
    }

    /// A JSON Web Key Set (RFC 7517, 5). Keys that cannot be used are left out; `what` names the set in the log.
    ///
    /// # Errors
    /// If it is none, or no key of it can be used.
    pub(super) fn jwks(text: &[u8], what: &str) -> Result<Self, String> {
        let set = json::object(text).map_err(|problem| format!("is no JSON Web Key Set: {problem}"))?;
        let Some(Value::Array(listed)) = set.get("keys") else {
            return Err("is no JSON Web Key Set: it has no list `keys`".to_owned());
        };
        if listed.len() > MOST_KEYS {
            return Err(format!("has {} keys; {MOST_KEYS} are the most", listed.len()));
        }
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for key in listed {
            let read = key.as_object().ok_or_else(|| "it is no object".to_owned()).and_then(Key::jwk);
            match read {
                Ok(key) => keys.push(key),
                Err(problem) => problems.push(problem),
            }
        }
        if keys.is_empty() {
            return Err(format!("has no key that can be used ({})", said(&problems)));
        }
        for problem in problems {
            tracing::debug!("a key of {what} is left out: {problem}");
        }
        Ok(Self::new(keys, text))
    }

    /// Public keys as PEM, or a JSON Web Key Set.
    ///
    /// # Errors
    /// If it is neither.
    pub(super) fn file(text: &[u8], what: &str) -> Result<Self, String> {
        if text.trim_ascii_start().starts_with(b"{") {
            return Self::jwks(text, what);
        }
        let Ok(pem) = std::str::from_utf8(text) else {
            return Err("is neither PEM nor a JSON Web Key Set".to_owned());
        };
        if pem.contains("PRIVATE KEY-----") {
            return Err("holds a private key; name a file with the public one, which verifying takes".to_owned());
        }
        let mut keys = Vec::new();
        for block in pem.split_inclusive("-----END PUBLIC KEY-----") {
            if let Some(at) = block.find("-----BEGIN PUBLIC KEY-----") {
                keys.push(public(block.get(at..).unwrap_or(block).as_bytes())?);
            }
        }
        if keys.is_empty() {
            return Err("holds no public key; expected is PEM, which begins with `-----BEGIN PUBLIC KEY-----`, or a \
                        JSON Web Key Set"
                .to_owned());
        }
        if keys.len() > MOST_CANDIDATES {
            return Err(format!("has {} keys without names; {MOST_CANDIDATES} are the most", keys.len()));
        }
        Ok(Self::new(keys, text))
    }

    /// The secret in a file, without the end of its line.
    ///
    /// # Errors
    /// If it is too short.
    pub(super) fn secret(text: &[u8]) -> Result<Self, String> {
        let secret = text.strip_suffix(b"\n").unwrap_or(text);
        let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
        Ok(Self::new(vec![Key::secret(secret)?], text))
    }

    /// The keys that may have signed a token that names `id` and `algorithm`.
    pub(super) fn find(&self, id: Option<&str>, algorithm: SignatureAlgorithm) -> Found<'_> {
        // A token may leave its key unnamed, and so may a set.
        let named = self.keys.iter().filter(|key| id.is_none() || key.id.is_none() || key.id.as_deref() == id);
        let fitting: Vec<_> = named.clone().filter(|key| key.fits(algorithm)).collect();
        match fitting.len() {
            0 if named.count() == 0 => Found::Unknown,
            0 => Found::OtherAlgorithm,
            1..=MOST_CANDIDATES => Found::Keys(fitting),
            _ => Found::TooMany,
        }
    }
}

fn said(problems: &[String]) -> String {
    if problems.is_empty() { "it is empty".to_owned() } else { problems.join("; ") }
}

/// The curves that are used, as their object identifiers are written in a key (RFC 5480, 2.1.1.1).
const CURVES: [&[u8]; 2] = [&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], &[6, 5, 0x2b, 0x81, 4, 0, 0x22]];

/// What says that a key is a point on a curve (RFC 5480, 2.1.1).
const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

fn public(block: &[u8]) -> Result<Key, String> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(block).map_err(|_| "is damaged".to_owned())?;
    let has = |what: &[u8]| der.windows(what.len()).any(|window| window == what);
    // The library takes every point of the right size to be on the curve of that size.
    if has(EC) && !CURVES.iter().any(|curve| has(curve)) {
        return Err("holds a key on a curve that is not used; there are P-256, P-384 and Ed25519".to_owned());
    }
    Key::pem(block).map_err(|problem| format!("holds a key that cannot be used: {problem}"))
}
