//! What is configured of those who vouch for users, and of the host's own key. Data alone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::Uri;
use patchbay_model::{Digest, SettingsError};

use super::algorithm::SignatureAlgorithm;

/// Who may vouch for users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthSettings {
    /// The issuers of tokens, by the names that the configuration has for them.
    pub issuers: BTreeMap<String, IssuerSettings>,
    /// The API keys, by name.
    pub keys: BTreeMap<String, ApiKeySettings>,
    /// A file with more API keys. It is read again when it changes.
    pub keys_file: Option<PathBuf>,
    /// The key that the host signs tokens with, if it does.
    pub signing: Option<SigningSettings>,
}

impl AuthSettings {
    /// Whether nobody vouches for anybody.
    pub fn is_empty(&self) -> bool {
        let Self { issuers, keys, keys_file, signing } = self;
        issuers.is_empty() && keys.is_empty() && keys_file.is_none() && signing.is_none()
    }
}

/// The name of the issuer that the host itself is. No other one can have it.
pub const HOST_ISSUER: &str = "host";

/// Names that say who vouches for users that come without a token.
pub const RESERVED_NAMES: [&str; 3] = [HOST_ISSUER, "keys", "certificates"];

/// An issuer of tokens, and what its tokens have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// What its tokens have in `iss`, to the letter.
    pub issuer: String,
    /// The audiences that the host is. A token has to name one of them in `aud`.
    pub audiences: Vec<String>,
    /// The algorithms that it may sign with. Empty: those that fit its keys.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// Where its keys are.
    pub keys: KeySource,
    /// Whether keys may come over HTTP without TLS from another machine. From this one they always may.
    pub allow_http: bool,
    /// What a token may have in `typ`, whatever the case of the letters; an empty text stands for a token without one.
    pub types: Vec<String>,
    /// Claims that a token has to have, other than those that every token has to have.
    pub required_claims: Vec<String>,
    /// How far its clock and that of the host may be apart.
    pub leeway: Duration,
    /// The claims that say what a user may do; the first one that a token has counts.
    pub scopes_claims: Vec<String>,
    /// The claim that says what a user belongs to: its name, or a JSON Pointer (RFC 6901) such as `/realm_access/roles`.
    pub groups_claim: String,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A JSON Web Key Set (RFC 7517) at this URL.
    Jwks(String),
    /// A JSON Web Key Set whose URL the issuer tells (OpenID Connect Discovery 1.0).
    Discovery,
    /// A file: public keys as PEM, or a JSON Web Key Set.
    File(PathBuf),
    /// A file with a secret that the issuer has, too.
    Secret(PathBuf),
}

impl IssuerSettings {
    /// An issuer with these keys and the defaults.
    pub fn new(issuer: impl Into<String>, audiences: Vec<String>, keys: KeySource) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            algorithms: Vec::new(),
            keys,
            allow_http: false,
            types: ["JWT", "at+jwt", ""].map(str::to_owned).to_vec(),
            required_claims: Vec::new(),
            leeway: Duration::from_secs(30),
            scopes_claims: ["scope", "scp"].map(str::to_owned).to_vec(),
            groups_claim: "groups".to_owned(),
        }
    }

    /// Everything that is wrong with these settings; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        let mut wrong = |key, problem: String| problems.push(SettingsError { key, problem });
        if self.issuer.is_empty() {
            wrong("issuer", "must not be empty; write what the tokens have in `iss`".to_owned());
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            wrong("audiences", "must name what tokens for this host have in `aud`, such as `[\"shop\"]`".to_owned());
        }
        let is_secret = matches!(self.keys, KeySource::Secret(_));
        if let Some(odd) = self.algorithms.iter().find(|algorithm| algorithm.is_symmetric() != is_secret) {
            let problem = if is_secret {
                format!("{odd} does not work with a secret; with `secret_file` there are HS256, HS384 and HS512")
            } else {
                format!("{odd} needs a `secret_file`: with a public key as the secret everybody could sign")
            };
            wrong("algorithms", problem);
        }
        if self.types.is_empty() {
            wrong("types", "must name a type, or \"\" for tokens without one".to_owned());
        }
        if self.leeway > Duration::from_secs(600) {
            wrong("leeway", "must be at most 10m".to_owned());
        }
        let url = match &self.keys {
            KeySource::Jwks(url) => Some(("jwks_uri", url)),
            KeySource::Discovery => Some(("issuer", &self.issuer)),
            KeySource::File(_) | KeySource::Secret(_) => None,
        };
        if let Some((key, Err(problem))) = url.map(|(key, url)| (key, check_url(url, self.allow_http))) {
            wrong(key, problem);
        }
        problems
    }
}

/// An API key. What it is a key to is for whoever reads the settings; the key itself is not in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeySettings {
    /// The SHA-256 of the key.
    pub hash: Digest,
    /// What whoever has it may do.
    pub scopes: Vec<String>,
    /// What whoever has it belongs to.
    pub groups: Vec<String>,
    /// When it ends.
    pub expires: Option<SystemTime>,
}

/// The key that the host signs tokens with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSettings {
    /// The file of the private key, as PEM (PKCS#8): Ed25519, P-256, P-384 or RSA. It is read again when it changes.
    pub key: PathBuf,
    /// What the tokens have in `iss`.
    pub issuer: String,
    /// The audiences that the host is when such a token is shown to it. Empty: what `issuer` says.
    pub audiences: Vec<String>,
    /// How long a token is good for, at most.
    pub max_lifetime: Duration,
}

impl SigningSettings {
    /// Signs as `issuer` with the key in a file, and has the defaults.
    pub fn new(issuer: impl Into<String>, key: PathBuf) -> Self {
        Self { key, issuer: issuer.into(), audiences: Vec::new(), max_lifetime: Duration::from_secs(300) }
    }

    /// Everything that is wrong with these settings; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        if self.issuer.is_empty() {
            problems.push(SettingsError { key: "issuer", problem: "must not be empty".to_owned() });
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60)).contains(&self.max_lifetime) {
            problems.push(SettingsError { key: "max_lifetime", problem: "must lie between 1s and 24h".to_owned() });
        }
        problems
    }
}

/// Whether keys may be fetched from `url`.
///
/// # Errors
/// Why not, and what to do.
pub(super) fn check_url(url: &str, allow_http: bool) -> Result<(), String> {
    let wrong = || format!("`{url}` is no URL; write one such as `https://id.example.com/keys`");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        return Err("must not have a user or a password in it".to_owned());
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if allow_http || is_this_machine(authority.host()) => Ok(()),
        Some("http") => Err(format!(
            "`{url}` is not protected, so whoever is on the way can put keys of their own in; write `https`, or \
             `allow_http = true` if nobody can be"
        )),
        _ => Err(wrong()),
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for (url, allow_http, accepted) in [
            ("https://id.example.com/keys", false, true),
            ("http://id.example.com/keys", false, false),
            ("http://id.example.com/keys", true, true),
            ("http://localhost:8080/keys", false, true),
            ("http://127.0.0.1/keys", false, true),
            ("http://[::1]:1/keys", false, true),
            ("http://127.0.0.1.example.com/", false, false),
            ("http://localhost.example.com/", false, false),
            ("http://localhost@example.com/", false, false),
            ("https://user:pass@example.com/", false, false),
            ("file:///etc/keys", true, false),
            ("ftp://id.example.com/", true, false),
            ("/keys", true, false),
            ("", true, false),
        ] {
            assert_eq!(check_url(url, allow_http).is_ok(), accepted, "{url}");
        }
    }

    #[test]
    fn every_impossible_setting_is_named() {
        let fine = IssuerSettings::new("https://id", vec!["shop".to_owned()], KeySource::Discovery);
        assert_eq!(fine.problems(), []);
        let secret = KeySource::Secret("secret".into());
        for (settings, keys) in [
            (IssuerSettings::new("", vec![], KeySource::File("keys".into())), &["issuer", "audiences"][..]),
            (IssuerSettings { audiences: vec![String::new()], ..fine.clone() }, &["audiences"]),
            (IssuerSettings { algorithms: vec![SignatureAlgorithm::Hs256], ..fine.clone() }, &["algorithms"]),
            (
                IssuerSettings { algorithms: vec![SignatureAlgorithm::Rs256], keys: secret.clone(), ..fine.clone() },
                &["algorithms"],
            ),
            (IssuerSettings { algorithms: vec![SignatureAlgorithm::Hs512], keys: secret, ..fine.clone() }, &[]),
            (IssuerSettings { types: vec![], leeway: Duration::from_secs(601), ..fine.clone() }, &["types", "leeway"]),
            (IssuerSettings { issuer: "http://id.example".to_owned(), ..fine.clone() }, &["issuer"]),
            (IssuerSettings { keys: KeySource::Jwks("keys".to_owned()), ..fine }, &["jwks_uri"]),
        ] {
            let found: Vec<_> = settings.problems().into_iter().map(|problem| problem.key).collect();
            assert_eq!(found, keys, "{settings:?}");
        }
        let signing = SigningSettings { max_lifetime: Duration::ZERO, ..SigningSettings::new("", "key".into()) };
        let found: Vec<_> = signing.problems().into_iter().map(|problem| problem.key).collect();
        assert_eq!(found, ["issuer", "max_lifetime"]);
        assert_eq!(SigningSettings::new("https://shop.example", "key".into()).problems(), []);
    }
}
