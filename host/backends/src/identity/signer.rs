//! The tokens that the host signs.

use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use patchbay_model::ports::{Clock, TokenRequest, TokenSigner};
use patchbay_model::{AuthError, AuthErrorKind};
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::key::Key;
use super::key_set::KeySet;
use super::settings::SigningSettings;
use super::source::{Held, Looking};

/// Keys that were in use and are still published, at most; who changes keys more often loses the oldest.
const MOST_FORMER: usize = 8;

/// How long a token may be looked at after its end, by a clock that is behind.
const LEEWAY: Duration = Duration::from_secs(60);

/// Reads a private key in PEM.
type ReadPem = fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>;

/// A private key, and its public half.
struct SigningKey {
    private: EncodingKey,
    algorithm: Algorithm,
    public: Jwk,
}

/// Keys that can be in use: the one that signs, and those that signed what may still be good.
struct State {
    current: Arc<SigningKey>,
    former: Vec<(Jwk, SystemTime)>,
}

/// Signs tokens with a key from a file, which is read again when it changes.
pub struct KeyFileSigner {
    settings: SigningSettings,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    keeper: AbortHandle,
}

/// What the signer and the keeper of its key share.
struct Shared {
    state: RwLock<State>,
    /// The public keys, for whoever verifies on this host.
    held: watch::Sender<Held>,
    clock: Arc<dyn Clock>,
    /// How long after its last use a key is published.
    afterlife: Duration,
}

impl KeyFileSigner {
    /// Reads the key. Blocks for as long as the file system takes.
    ///
    /// # Errors
    /// What is wrong with its file.
    pub(super) fn open(settings: SigningSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let what = "the keys that the host signs with".to_owned();
        let (looking, first) = Looking::begin(what, settings.key.clone(), SigningKey::read)?;
        let afterlife = settings.max_lifetime + LEEWAY;
        let state = RwLock::new(State { current: Arc::new(first), former: Vec::new() });
        let shared = Arc::new(Shared { state, held: watch::Sender::default(), clock: Arc::clone(&clock), afterlife });
        shared.publish();
        let keeping = Arc::clone(&shared);
        let keeper = tokio::spawn(looking.keep(move |key| keeping.take(key))).abort_handle();
        Ok(Self { settings, clock, shared, keeper })
    }

    /// What it was opened with.
    pub(super) const fn settings(&self) -> &SigningSettings {
        &self.settings
    }

    /// The public keys, now and whenever they change.
    pub(super) fn keys(&self) -> watch::Receiver<Held> {
        self.shared.held.subscribe()
    }
}

impl Drop for KeyFileSigner {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Shared {
    /// Signs with another key from now on.
    fn take(&self, key: SigningKey) {
        let now = self.clock.now();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            let former = std::mem::replace(&mut state.current, Arc::new(key));
            state.former.retain(|(_, until)| now < *until);
            state.former.insert(0, (former.public.clone(), now + self.afterlife));
            state.former.truncate(MOST_FORMER);
        }
        self.publish();
    }

    /// The public keys at this time.
    fn public(&self) -> Vec<Jwk> {
        let now = self.clock.now();
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let former = state.former.iter().filter(|(_, until)| now < *until).map(|(key, _)| key);
        std::iter::once(&state.current.public).chain(former).cloned().collect()
    }

    fn publish(&self) {
        let public = self.public();
        let text = json!({ "keys": public }).to_string();
        let keys = public.iter().filter_map(|key| Key::public(key).ok()).collect();
        let keys = Some(Arc::new(KeySet::new(keys, text.as_bytes())));
        self.held.send_modify(|held| held.keys = keys);
    }
}

impl SigningKey {
    /// Reads a private key.
    fn read(pem: &[u8]) -> Result<Self, String> {
        let unusable = || {
            "holds no private key that can be used; expected is PEM, which begins with `-----BEGIN PRIVATE KEY-----` \
             and is not encrypted, such as `openssl genpkey -algorithm ed25519` makes"
                .to_owned()
        };
        let text = std::str::from_utf8(pem).map_err(|_| unusable())?;
        // What reads RSA keys takes a public one for a private one.
        if !text.contains("-----BEGIN PRIVATE KEY-----") && !text.contains("-----BEGIN RSA PRIVATE KEY-----") {
            return Err(unusable());
        }
        let kinds: [(ReadPem, &[Algorithm]); 3] = [
            (EncodingKey::from_ed_pem, &[Algorithm::EdDSA]),
            (EncodingKey::from_ec_pem, &[Algorithm::ES256, Algorithm::ES384]),
            (EncodingKey::from_rsa_pem, &[Algorithm::RS256]),
        ];
        let read = kinds.iter().find_map(|(read, algorithms)| Some((read(pem).ok()?, *algorithms)));
        let (private, algorithms) = read.ok_or_else(unusable)?;
        let found = algorithms.iter().find_map(|algorithm| Self::new(&private, *algorithm));
        found.ok_or_else(unusable)
    }

    /// The key for one algorithm, if it can sign with it.
    fn new(private: &EncodingKey, algorithm: Algorithm) -> Option<Self> {
        let mut public = Jwk::from_encoding_key(private, algorithm).ok()?;
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256).ok()?);
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Key::public(&public).ok()?;
        jsonwebtoken::crypto::sign(b"a try", private, algorithm).ok()?;
        Some(Self { private: private.clone(), algorithm, public })
    }
}

impl TokenSigner for KeyFileSigner {
    fn sign(&self, request: &TokenRequest) -> Result<String, AuthError> {
        let failed = |problem: &dyn std::fmt::Display| {
            AuthError::new(AuthErrorKind::Unavailable, format!("no token can be signed: {problem}"))
        };
        let now = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).map_err(|error| failed(&error))?.as_secs();
        let lifetime = request.lifetime.min(self.settings.max_lifetime).as_secs().max(1);
        let mut claims = Map::new();
        let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        say("iss", self.settings.issuer.as_str().into());
        say("sub", request.subject.as_str().into());
        say("aud", request.audience.as_str().into());
        say("iat", now.into());
        say("nbf", now.into());
        say("exp", (now + lifetime).into());
        say("jti", unique().map_err(|error| failed(&error))?.into());
        if !request.scopes.is_empty() {
            say("scope", request.scopes.join(" ").into());
        }
        if let Some(actor) = &request.actor {
            say("act", json!({ "sub": actor }));
        }
        let key = Arc::clone(&self.shared.state.read().unwrap_or_else(PoisonError::into_inner).current);
        let mut header = Header::new(key.algorithm);
        header.kid.clone_from(&key.public.common.key_id);
        jsonwebtoken::encode(&header, &claims, &key.private).map_err(|error| failed(&error))
    }

    fn key_set(&self) -> String {
        json!({ "keys": self.shared.public() }).to_string()
    }
}

/// A name that no other token has (RFC 7519, 4.1.7).
fn unique() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
