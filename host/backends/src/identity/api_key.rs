//! API keys: how they are made, and how one that is shown is known again.
//!
//! A key is `pbk_`, 256 random bits as 64 hexadecimal digits, and 8 more that are a checksum of all before. So whoever looks
//! for secrets that leaked can tell one, and a typing error is told from a key that is not there without a look at any.
//! What does not have this form is no key, so nobody can choose one that can be guessed.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use patchbay_model::{Digest, Proof, User};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::refusal::{Reason, Refusal};
use super::settings::ApiKeySettings;

const PREFIX: &str = "pbk_";
const SECRET_DIGITS: usize = 64;
const CHECK_DIGITS: usize = 8;

/// A key that was made just now.
pub struct NewApiKey {
    /// The key itself. It is shown once, and kept nowhere.
    pub key: String,
    /// What is kept of it.
    pub hash: Digest,
}

/// Makes a key.
///
/// # Errors
/// If the operating system has no random numbers.
pub fn new_api_key() -> io::Result<NewApiKey> {
    let mut secret = [0; SECRET_DIGITS / 2];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = with_checksum(&format!("{PREFIX}{digits}"));
    let hash = Digest::of(key.as_bytes());
    Ok(NewApiKey { key, hash })
}

fn with_checksum(key: &str) -> String {
    format!("{key}{:08x}", crc32fast::hash(key.as_bytes()))
}

/// Whether a text has the form of a key, with the right checksum.
fn is_well_formed(text: &str) -> bool {
    let is_hex = |digits: &str| digits.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    let secret = text.len().checked_sub(CHECK_DIGITS).and_then(|at| text.get(..at));
    secret.is_some_and(|secret| {
        let digits = secret.strip_prefix(PREFIX);
        digits.is_some_and(|digits| digits.len() == SECRET_DIGITS && is_hex(digits)) && with_checksum(secret) == text
    })
}

/// The name that the configuration has for those who come with an API key.
const ISSUER: &str = "keys";

/// All keys there are.
#[derive(Default)]
pub(super) struct ApiKeys {
    /// In the order of their hashes.
    keys: Vec<(Digest, Arc<User>)>,
}

impl ApiKeys {
    pub(super) fn new(settings: &BTreeMap<String, ApiKeySettings>) -> Self {
        let mut keys: Vec<_> = settings.iter().map(|(name, key)| (key.hash, Arc::new(user(name, key)))).collect();
        keys.sort_by_key(|(hash, _)| *hash);
        Self { keys }
    }

    /// The user that `key` is of, if it is a key.
    ///
    /// # Errors
    /// If it is none, or has ended.
    pub(super) fn find(&self, key: &str, now: SystemTime) -> Result<Arc<User>, Refusal> {
        if !is_well_formed(key) {
            return Err(Refusal::new(Reason::Malformed, "this is no API key of this host, or one with a typing error"));
        }
        let hash = Digest::of(key.as_bytes());
        let user =
            self.with_hash(&hash).ok_or_else(|| Refusal::new(Reason::UnknownApiKey, "there is no such API key"))?;
        match user.expires {
            Some(expires) if now >= expires => {
                Err(Refusal::new(Reason::Expired, format!("the API key `{}` has ended", user.subject)))
            }
            _ => Ok(Arc::clone(user)),
        }
    }

    /// Half of the hash leads to the few that begin alike; those are compared whole, in a time that says nothing.
    fn with_hash(&self, hash: &Digest) -> Option<&Arc<User>> {
        fn half(hash: &Digest) -> [u8; 16] {
            hash.as_bytes().first_chunk().copied().unwrap_or_default()
        }
        let first = self.keys.partition_point(|(known, _)| half(known) < half(hash));
        let alike = self.keys.iter().skip(first).take_while(|(known, _)| half(known) == half(hash));
        let found = alike.filter(|(known, _)| bool::from(known.as_bytes().ct_eq(hash.as_bytes())));
        found.map(|(_, user)| user).last()
    }
}

fn user(name: &str, key: &ApiKeySettings) -> User {
    User {
        scopes: key.scopes.clone(),
        groups: key.groups.clone(),
        expires: key.expires,
        ..User::new(Proof::ApiKey, ISSUER, name)
    }
}

/// A key as a file of keys has it, by its name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyRecord {
    hash: Digest,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    expires: Option<String>,
}

impl TryFrom<ApiKeyRecord> for ApiKeySettings {
    type Error = String;

    fn try_from(record: ApiKeyRecord) -> Result<Self, String> {
        let time = |text: String| {
            let time = patchbay_model::units::parse_timestamp(&text);
            time.ok_or_else(|| format!("`{text}` is no time; write one in UTC such as `2027-01-31T12:00:00Z`"))
        };
        let expires = record.expires.map(time).transpose()?;
        Ok(Self { hash: record.hash, scopes: record.scopes, groups: record.groups, expires })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings(hash: Digest, expires: Option<SystemTime>) -> ApiKeySettings {
        ApiKeySettings { hash, scopes: vec!["read".to_owned()], groups: vec!["partners".to_owned()], expires }
    }

    #[test]
    fn a_key_is_known_again_and_nothing_else_is() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let (one, other, ended, foreign) =
            (new_api_key().unwrap(), new_api_key().unwrap(), new_api_key().unwrap(), new_api_key().unwrap());
        assert_ne!(one.key, other.key);
        let guessed = Digest::of(b"password");
        let keys = BTreeMap::from([
            ("one".to_owned(), settings(one.hash, None)),
            ("other".to_owned(), settings(other.hash, Some(now + Duration::from_nanos(1)))),
            ("ended".to_owned(), settings(ended.hash, Some(now))),
            ("weak".to_owned(), settings(guessed, None)),
        ]);
        let keys = ApiKeys::new(&keys);
        let user = keys.find(&one.key, now).unwrap();
        assert_eq!((user.to_string().as_str(), user.proof), ("user:keys/one", Proof::ApiKey));
        assert_eq!(
            (user.scopes.as_slice(), user.groups.as_slice()),
            (&["read".to_owned()][..], &["partners".to_owned()][..])
        );
        assert_eq!(keys.find(&other.key, now).unwrap().subject, "other");
        let hash = one.hash.to_string();
        for (key, reason) in [
            (ended.key.as_str(), Reason::Expired),
            (&foreign.key, Reason::UnknownApiKey),
            ("", Reason::Malformed),
            ("password", Reason::Malformed),
            (&hash, Reason::Malformed),
            (&one.key[1..], Reason::Malformed),
            (&one.key[..one.key.len() - 1], Reason::Malformed),
            (&one.key.to_uppercase(), Reason::Malformed),
            (&format!("{} ", one.key), Reason::Malformed),
            (&with_checksum("pbk_00"), Reason::Malformed),
            ("pbk_éééééééé", Reason::Malformed),
        ] {
            assert_eq!(keys.find(key, now).unwrap_err().reason, reason, "{key}");
        }
        // A typing error anywhere is told from a key that is not there.
        for at in 0..one.key.len() {
            let mut typed = one.key.clone().into_bytes();
            typed[at] = if typed[at] == b'0' { b'1' } else { b'0' };
            let typed = String::from_utf8(typed).unwrap();
            assert_eq!(keys.find(&typed, now).unwrap_err().reason, Reason::Malformed, "{at}");
        }
    }

    #[test]
    fn keys_that_begin_alike_are_told_apart() {
        let alike = |end: &str| format!("sha256:{}{}", "ab".repeat(16), end.repeat(16)).parse::<Digest>().unwrap();
        let keys = ["00", "77", "ff"].map(|end| (end.to_owned(), settings(alike(end), None)));
        let keys = ApiKeys::new(&BTreeMap::from(keys));
        for end in ["00", "77", "ff"] {
            assert_eq!(keys.with_hash(&alike(end)).unwrap().subject, end);
        }
        for end in ["01", "76", "fe"] {
            assert!(keys.with_hash(&alike(end)).is_none());
        }
    }
}
