//! Secrets: what must not be read by anybody but the service that was granted it. A configuration, the registry and the admin
//! API know references to secrets; the value is read at the place that the reference names, and shown nowhere.

use std::fmt;
use std::hint::black_box;
use std::path::PathBuf;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The value of a secret: text. It has no serialized form, is shown as `secret`, and overwritten when it is dropped.
#[derive(PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The longest value, in bytes.
    pub const MAX_LENGTH: usize = 64 << 10;

    /// A secret of this text.
    pub fn new(text: String) -> Self {
        Self(text.into_bytes())
    }

    /// The text. Whoever asks sees to it that nobody else gets it.
    pub fn expose(&self) -> &str {
        // It was made of text, so this does not fail.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        // Otherwise the compiler could see that nobody reads it any more, and leave it.
        black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

/// Where a secret is. Written `{ file = "secrets/api-key" }` or `{ env = "API_KEY" }`, and shown as `secret(file:secrets/api-key)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// What a file holds, without the end of its last line. A relative path begins at the folder of `runtime.toml`.
    File(PathBuf),
    /// What a variable in the environment of the host held when the host started.
    Env(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "secret(file:{})", path.display()),
            Self::Env(name) => write!(f, "secret(env:{name})"),
        }
    }
}

/// What a reference is, for whoever wrote something else.
const EXPECTED: &str = "a secret is `{\"file\": PATH}` or `{\"env\": NAME}`: where it is, and never the secret itself";

// By hand, because the errors of a derivation repeat what was written, and that may be a secret.
impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Place)
    }
}

/// Takes a map with one key, and says nothing of the value of anything else.
struct Place;

impl<'de> Visitor<'de> for Place {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
        let wrong = || A::Error::custom(EXPECTED);
        let key: Option<String> = map.next_key().map_err(|_| wrong())?;
        let Some(key @ ("file" | "env")) = key.as_deref() else { return Err(wrong()) };
        let place: String = map.next_value().map_err(|_| wrong())?;
        let reference = if key == "file" { SecretRef::File(place.into()) } else { SecretRef::Env(place) };
        match map.next_key::<IgnoredAny>()? {
            None => Ok(reference),
            Some(_) => Err(wrong()),
        }
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<SecretRef, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<SecretRef, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<SecretRef, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<SecretRef, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<SecretRef, E> {
        Err(E::custom(EXPECTED))
    }
}

/// Whether `name` can name a secret within a service.
pub fn is_secret_name(name: &str) -> bool {
    let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    (1..=63).contains(&name.len()) && name.bytes().all(known)
}

/// Whether the name of a key says that its value is to be kept secret, such as `db_password`.
pub fn sounds_secret(key: &str) -> bool {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let words =
        ["password", "passwd", "passphrase", "secret", "token", "apikey", "privatekey", "credential", "accesskey"];
    words.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_nowhere() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "secret secret Some(secret)");
    }

    #[test]
    fn references_are_written_and_shown() {
        for (reference, json, shown) in [
            (
                SecretRef::File("secrets/api-key".into()),
                r#"{"file":"secrets/api-key"}"#,
                "secret(file:secrets/api-key)",
            ),
            (SecretRef::Env("API_KEY".to_owned()), r#"{"env":"API_KEY"}"#, "secret(env:API_KEY)"),
        ] {
            assert_eq!(serde_json::to_string(&reference).unwrap(), json);
            assert_eq!(serde_json::from_str::<SecretRef>(json).unwrap(), reference);
            assert_eq!(reference.to_string(), shown);
        }
        for wrong in [
            r#""hunter2""#,
            r#"{"value":"hunter2"}"#,
            r#"{"file":["hunter2"]}"#,
            r#"{"file":"a","env":"hunter2"}"#,
            r#"["hunter2"]"#,
            "{}",
            "7711",
            "77.11",
            "true",
            "null",
        ] {
            let error = serde_json::from_str::<SecretRef>(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("77"), "{wrong}: {error}");
        }
    }

    #[test]
    fn names_tell_what_is_to_be_kept() {
        for (key, secret) in [
            ("password", true),
            ("db_password", true),
            ("API-KEY", true),
            ("apiKey", true),
            ("github.token", true),
            ("client_secret", true),
            ("greeting", false),
            ("keyboard", false),
            ("api_url", false),
        ] {
            assert_eq!(sounds_secret(key), secret, "{key}");
        }
        for (name, fits) in
            [("api-key", true), ("API_KEY", true), ("a.b", true), ("", false), ("a b", false), ("é", false)]
        {
            assert_eq!(is_secret_name(name), fits, "{name}");
        }
    }
}
