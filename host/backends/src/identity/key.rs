//! A key that signatures are verified with, and what it may verify.
//!
//! Which algorithms a key verifies follows from the key alone. A token that says to be signed with another one is refused
//! before anything is computed; so a public RSA key is never the secret of an HMAC.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::algorithm::SignatureAlgorithm as Alg;

/// RSA keys with fewer bits can be broken (RFC 7518, 3.3); those with more cost too much to use.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The shortest secret that is taken, in bytes: as long as the hash of HS256 (RFC 7518, 3.2).
pub(super) const SHORTEST_SECRET: usize = 32;

/// A key.
#[derive(Clone)]
pub(super) struct Key {
    /// Its name in the header of tokens. One without a name may be meant by any.
    pub(super) id: Option<String>,
    algorithms: Vec<Alg>,
    key: DecodingKey,
}

impl Key {
    /// Whether it can verify what is signed with `algorithm`.
    pub(super) fn fits(&self, algorithm: Alg) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether `signature`, in base64url, is one of `message` with this key.
    pub(super) fn verifies(&self, algorithm: Alg, message: &str, signature: &str) -> bool {
        self.fits(algorithm)
            && jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, of_library(algorithm))
                .unwrap_or(false)
    }

    /// A secret, which both sides have.
    ///
    /// # Errors
    /// If it is too short.
    pub(super) fn secret(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < SHORTEST_SECRET {
            return Err(format!("is too short: a secret has at least {SHORTEST_SECRET} bytes that nobody can guess"));
        }
        // RFC 7518, 3.2: a key is at least as long as the hash.
        let fitting = [(Alg::Hs256, 32), (Alg::Hs384, 48), (Alg::Hs512, 64)];
        let algorithms = fitting.into_iter().filter(|(_, shortest)| bytes.len() >= *shortest);
        let key = DecodingKey::from_secret(bytes).map_err(|error| error.to_string())?;
        Ok(Self { id: None, algorithms: algorithms.map(|(algorithm, _)| algorithm).collect(), key })
    }

    /// A public key in one block of PEM.
    ///
    /// # Errors
    /// If it is none that can be used.
    pub(super) fn pem(block: &[u8]) -> Result<Self, String> {
        let read = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
        let key = read.iter().find_map(|read| read(block).ok());
        let key = key.ok_or("is of a kind that cannot be used; there are RSA, P-256, P-384 and Ed25519")?;
        let jwk = Jwk::from_decoding_key(&key, None).map_err(|_| "cannot be used")?;
        Self::public(&jwk)
    }

    /// The public half of a key of the library.
    ///
    /// # Errors
    /// If it is none that can be used.
    pub(super) fn public(jwk: &Jwk) -> Result<Self, String> {
        if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
            return Err("is a secret".to_owned());
        }
        match serde_json::to_value(jwk) {
            Ok(Value::Object(members)) => Self::jwk(&members),
            Ok(_) | Err(_) => Err("cannot be read".to_owned()),
        }
    }

    /// A public key as JSON (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2).
    ///
    /// # Errors
    /// Why it is none that tokens are verified with.
    pub(super) fn jwk(members: &Map<String, Value>) -> Result<Self, String> {
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(format!("`{name}` is no string")),
        };
        if ["d", "k", "p", "q"].iter().any(|name| members.contains_key(*name)) {
            return Err("it is no public key".to_owned());
        }
        if text("use")?.is_some_and(|meant| meant != "sig") {
            return Err("it is not meant for signatures".to_owned());
        }
        if let Some(operations) = members.get("key_ops") {
            let verifies = |operations: &Vec<Value>| operations.iter().any(|operation| operation == "verify");
            if !operations.as_array().is_some_and(verifies) {
                return Err("it is not meant to verify".to_owned());
            }
        }
        let bytes = |name: &str| {
            let text = text(name)?.ok_or_else(|| format!("`{name}` is missing"))?;
            URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{name}` is no base64url"))
        };
        let (mut algorithms, key) = match (text("kty")?, text("crv")?) {
            (Some("RSA"), _) => rsa(&bytes("n")?, &bytes("e")?)?,
            (Some("EC"), Some("P-256")) => (vec![Alg::Es256], point(&bytes("x")?, &bytes("y")?, 32)?),
            (Some("EC"), Some("P-384")) => (vec![Alg::Es384], point(&bytes("x")?, &bytes("y")?, 48)?),
            (Some("OKP"), Some("Ed25519")) => (vec![Alg::EdDsa], edwards(&bytes("x")?)?),
            _ => return Err("it is of a kind that is not used".to_owned()),
        };
        if let Some(only) = text("alg")? {
            algorithms.retain(|algorithm| algorithm.name() == only);
        }
        if algorithms.is_empty() {
            return Err("its `alg` does not fit it".to_owned());
        }
        Ok(Self { id: text("kid")?.map(str::to_owned), algorithms, key })
    }
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<(Vec<Alg>, DecodingKey), String> {
    let significant = modulus.iter().skip_while(|byte| **byte == 0);
    let leading = significant.clone().next().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = significant.count() * 8 - leading;
    if !RSA_BITS.contains(&bits) {
        return Err(format!("it is an RSA key of {bits} bits; there have to be 2048 to 8192"));
    }
    // An exponent of 1 would make every message its own signature.
    let value = exponent.iter().try_fold(0_u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    if value.is_none_or(|value| value < 3 || value % 2 == 0) {
        return Err("its exponent is none of an RSA key".to_owned());
    }
    let algorithms = vec![Alg::Rs256, Alg::Rs384, Alg::Rs512, Alg::Ps256, Alg::Ps384, Alg::Ps512];
    Ok((algorithms, DecodingKey::from_rsa_raw_components(modulus, exponent)))
}

fn point(x: &[u8], y: &[u8], size: usize) -> Result<DecodingKey, String> {
    if x.len() != size || y.len() != size {
        return Err("its point has another size than its curve".to_owned());
    }
    // Uncompressed (SEC 1, 2.3.3). Whether the point is on the curve is looked at with each signature.
    Ok(DecodingKey::from_ec_der(&[&[4], x, y].concat()))
}

fn edwards(x: &[u8]) -> Result<DecodingKey, String> {
    if x.len() == 32 { Ok(DecodingKey::from_ed_der(x)) } else { Err("it has not 32 bytes".to_owned()) }
}

/// The algorithm as the library has it.
pub(super) const fn of_library(algorithm: Alg) -> Algorithm {
    match algorithm {
        Alg::Hs256 => Algorithm::HS256,
        Alg::Hs384 => Algorithm::HS384,
        Alg::Hs512 => Algorithm::HS512,
        Alg::Rs256 => Algorithm::RS256,
        Alg::Rs384 => Algorithm::RS384,
        Alg::Rs512 => Algorithm::RS512,
        Alg::Ps256 => Algorithm::PS256,
        Alg::Ps384 => Algorithm::PS384,
        Alg::Ps512 => Algorithm::PS512,
        Alg::Es256 => Algorithm::ES256,
        Alg::Es384 => Algorithm::ES384,
        Alg::EdDsa => Algorithm::EdDSA,
    }
}
