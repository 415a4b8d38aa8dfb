//! A token in compact form (RFC 7515, 7.1), taken apart and not believed yet.
//!
//! What a token says of itself is what an attacker says. So nothing in its header leads anywhere: not to a key (`jwk`, `x5c`)
//! and not to a place with keys (`jku`, `x5u`); these are not even read. What would change how the token has to be read,
//! and is not implemented, refuses it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::algorithm::SignatureAlgorithm;
use super::json;

/// The longest token that is looked at, in bytes.
pub(super) const LONGEST: usize = 16 << 10;

/// The longest name of a key that is looked for.
const LONGEST_KEY_NAME: usize = 256;

/// A token. Nothing of it is verified.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    /// What it says it is signed with.
    pub(super) algorithm: SignatureAlgorithm,
    /// The key that it says it is signed with.
    pub(super) key: Option<String>,
    /// What it says it is.
    pub(super) kind: Option<String>,
    /// What it says.
    pub(super) claims: Map<String, Value>,
    /// The part that is signed.
    pub(super) message: &'t str,
    /// The signature, as it is written.
    pub(super) signature: &'t str,
}

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenProblem {
    /// It has not the form of one.
    Malformed(String),
    /// It is signed with nothing, or with something unknown.
    Algorithm(String),
    /// It asks to be read in a way that is not implemented.
    Extension(&'static str),
}

/// Takes a token apart.
///
/// # Errors
/// [`TokenProblem`] if it is none.
pub(super) fn parse(token: &str) -> Result<Unverified<'_>, TokenProblem> {
    let malformed = |why: &str| TokenProblem::Malformed(why.to_owned());
    if token.len() > LONGEST {
        return Err(malformed("it is longer than 16 KiB"));
    }
    let parts: Vec<_> = token.splitn(6, '.').collect();
    let (header, claims, signature) = match parts.as_slice() {
        [header, claims, signature] => (*header, *claims, *signature),
        [_, _, _, _, _] => return Err(TokenProblem::Extension("it is encrypted")),
        _ => return Err(malformed("it has not three parts")),
    };
    if signature.is_empty() {
        return Err(TokenProblem::Algorithm("it is not signed".to_owned()));
    }
    // Only one text stands for the bytes, so that nobody can make another token out of one.
    let decode = |part: &str, name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part);
        bytes.map_err(|_| TokenProblem::Malformed(format!("its {name} is no base64url")))
    };
    let object = |part, name: &str| {
        let members = json::object(&decode(part, name)?);
        members.map_err(|why| TokenProblem::Malformed(format!("its {name} cannot be read: {why}")))
    };
    decode(signature, "signature")?;
    let header = Header::read(&object(header, "header")?)?;
    let claims = object(claims, "payload")?;
    // Both dots are there, so this is what stands before the second one.
    let message = token.rsplit_once('.').map_or("", |(message, _)| message);
    Ok(Unverified { algorithm: header.algorithm, key: header.key, kind: header.kind, claims, message, signature })
}

/// What a header says (RFC 7515, 4.1).
struct Header {
    algorithm: SignatureAlgorithm,
    key: Option<String>,
    kind: Option<String>,
}

impl Header {
    fn read(members: &Map<String, Value>) -> Result<Self, TokenProblem> {
        for (name, why) in [
            ("crit", "it asks for extensions with `crit`"),
            ("b64", "it has a payload of its own kind (`b64`)"),
            ("zip", "it is compressed"),
            ("enc", "it is encrypted"),
        ] {
            if members.contains_key(name) {
                return Err(TokenProblem::Extension(why));
            }
        }
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(TokenProblem::Malformed(format!("`{name}` in its header is no string"))),
        };
        let algorithm = text("alg")?.ok_or_else(|| TokenProblem::Algorithm("it names no algorithm".to_owned()))?;
        let algorithm = algorithm.parse().map_err(|_| {
            let shown: String = algorithm.chars().take(20).collect();
            TokenProblem::Algorithm(format!("its algorithm {shown:?} is none that can be verified"))
        })?;
        let key = text("kid")?;
        if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY_NAME) {
            return Err(TokenProblem::Malformed("`kid` in its header names no key".to_owned()));
        }
        Ok(Self { algorithm, key, kind: text("typ")? })
    }
}
