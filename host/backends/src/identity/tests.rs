//! Tokens and keys, good and bad, with real cryptography, keys that are here alone, and a clock that only tests move.

mod claims;
mod files;
mod http;
mod keys;
mod mutation;
mod rotation;
mod signer;
mod vectors;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use patchbay_model::ports::{Authenticator, BoxFuture, Clock};
use patchbay_model::{AuthError, Credential, User};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;

/// What the issuer of the tests has in `iss`.
const ISSUER: &str = "https://id.example";

/// When the tests begin, in seconds since 1970.
const BEGIN: u64 = 1_800_000_000;

/// The time of day, which goes on with tokio's clock.
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN) + self.0.elapsed()
    }
}

/// A key that signs.
#[derive(Clone)]
struct TestKey {
    private: EncodingKey,
    algorithm: Algorithm,
    id: Option<&'static str>,
}

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/identity/tests/keys/", $name, ".pem"))
    };
}
use pem;

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl TestKey {
    fn rsa() -> Self {
        let private = EncodingKey::from_rsa_pem(pem!("rsa").as_bytes()).unwrap();
        Self { private, algorithm: Algorithm::RS256, id: Some("rsa") }
    }

    fn p256() -> Self {
        let private = EncodingKey::from_ec_pem(pem!("p256").as_bytes()).unwrap();
        Self { private, algorithm: Algorithm::ES256, id: Some("p256") }
    }

    fn p384() -> Self {
        let private = EncodingKey::from_ec_pem(pem!("p384").as_bytes()).unwrap();
        Self { private, algorithm: Algorithm::ES384, id: Some("p384") }
    }

    fn ed() -> Self {
        let private = EncodingKey::from_ed_pem(pem!("ed").as_bytes()).unwrap();
        Self { private, algorithm: Algorithm::EdDSA, id: Some("ed") }
    }

    fn secret(secret: &[u8]) -> Self {
        Self { private: EncodingKey::from_secret(secret).unwrap(), algorithm: Algorithm::HS256, id: None }
    }

    fn named(self, id: &'static str) -> Self {
        Self { id: Some(id), ..self }
    }

    fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = self.id.map(str::to_owned);
        // One key of RSA is for all algorithms of RSA.
        jwk.common.key_algorithm = None;
        serde_json::to_value(jwk).unwrap()
    }

    fn header(&self) -> Value {
        let mut header = json!({ "alg": format!("{:?}", self.algorithm), "typ": "JWT" });
        if let Some(id) = self.id {
            header["kid"] = id.into();
        }
        header
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    fn sign_with(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64url(header), base64url(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

fn jwks(keys: &[&TestKey]) -> String {
    json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() }).to_string()
}

/// What a good token says.
fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "ada", "aud": "shop", "exp": BEGIN + 3600, "iat": BEGIN })
}

/// `claims()` with one of them changed, or taken out.
fn with(name: &str, value: impl Into<Option<Value>>) -> Value {
    let mut claims = claims();
    match value.into() {
        Some(value) => claims[name] = value,
        None => drop(claims.as_object_mut().unwrap().remove(name)),
    }
    claims
}

/// What answers where keys are fetched.
#[derive(Default)]
struct Web {
    pages: Mutex<BTreeMap<String, String>>,
    max_age: Mutex<Option<Duration>>,
    asked: Mutex<Vec<(String, Instant)>>,
    delay: Mutex<Duration>,
}

const KEYS: &str = "https://id.example/keys";

impl Web {
    fn put(&self, url: &str, body: impl Into<String>) {
        self.pages.lock().unwrap().insert(url.to_owned(), body.into());
    }

    fn remove(&self, url: &str) {
        self.pages.lock().unwrap().remove(url);
    }

    fn n_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Fetch for Web {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Fetched, String>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push((url.to_owned(), Instant::now()));
            let delay = *self.delay.lock().unwrap();
            tokio::time::sleep(delay).await;
            let page = self.pages.lock().unwrap().get(url).cloned();
            let page = page.ok_or_else(|| format!("nothing answers at {url}"))?;
            Ok(Fetched { body: page.into_bytes(), max_age: *self.max_age.lock().unwrap() })
        })
    }
}

fn no_keys_file(_: &Path, _: &[u8]) -> Result<BTreeMap<String, ApiKeySettings>, String> {
    Err("is not read here".to_owned())
}

/// A host that knows issuers.
struct Bench {
    web: Arc<Web>,
    outside: Outside,
    identity: Identity,
}

impl Bench {
    fn outside() -> (Arc<Web>, Outside) {
        let web = Arc::new(Web::default());
        let clock = Arc::new(TestClock(Instant::now()));
        (Arc::clone(&web), Outside { clock, fetch: web, read_keys: no_keys_file })
    }

    /// One issuer, whose keys are at a URL.
    fn with(keys: &str, change: impl FnOnce(&mut IssuerSettings)) -> Self {
        let (web, outside) = Self::outside();
        web.put(KEYS, keys);
        let mut issuer = IssuerSettings::new(ISSUER, vec!["shop".to_owned()], KeySource::Jwks(KEYS.to_owned()));
        change(&mut issuer);
        let settings = AuthSettings { issuers: BTreeMap::from([("main".to_owned(), issuer)]), ..Default::default() };
        let identity = open(&settings, &outside, &Identity::default()).unwrap();
        Self { web, outside, identity }
    }

    fn new(keys: &[&TestKey]) -> Self {
        Self::with(&jwks(keys), |_| {})
    }

    async fn check(&self, token: &str) -> Result<Arc<User>, AuthError> {
        self.identity.authenticator.as_ref().unwrap().authenticate(Credential::Token(token)).await
    }

    fn counts(&self) -> AuthCounts {
        self.identity.authenticator.as_ref().unwrap().counts()
    }

    /// Why a token is refused, by the name of the reason; `None` if it is not.
    async fn refusal(&self, token: &str) -> Option<&'static str> {
        let before = self.counts();
        let refused = self.check(token).await.is_err();
        let after = self.counts();
        let mut changed = after.refused.iter().zip(&before.refused).filter(|(after, before)| after != before);
        let reason = changed.next().map(|((name, _), _)| *name);
        assert_eq!(refused, reason.is_some());
        assert_eq!(refused, after.verified == before.verified);
        reason
    }
}
