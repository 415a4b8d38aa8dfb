//! A user: somebody outside whom the host knows by a credential.

use std::fmt;
use std::time::SystemTime;

use serde_json::{Map, Value};

/// What proved who a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A token that an issuer signed (RFC 7519).
    Token,
    /// An API key.
    ApiKey,
    /// A certificate that a client showed in its TLS handshake.
    Certificate,
}

impl Proof {
    /// The proof of a name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Token, Self::ApiKey, Self::Certificate].into_iter().find(|proof| proof.name() == name)
    }

    /// The proof's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::ApiKey => "api-key",
            Self::Certificate => "certificate",
        }
    }
}

/// A user, as a verified credential tells. Made by whoever verified it, and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What proved it.
    pub proof: Proof,
    /// The name that `runtime.toml` has for who vouches for the user: that of an issuer, `keys` for API keys,
    /// `certificates` for certificates of clients.
    pub issuer: String,
    /// Whom the issuer says it is: `sub` of a token, the name of an API key, the name in a certificate.
    pub subject: String,
    /// What the user may do, as the issuer says: `scope` of a token (RFC 8693, 4.2).
    pub scopes: Vec<String>,
    /// What the user belongs to, as the issuer says.
    pub groups: Vec<String>,
    /// Everything that the issuer says. Of a token, all of its claims.
    pub claims: Map<String, Value>,
    /// When the credential ends. It is refused from then on; what was begun before goes on.
    pub expires: Option<SystemTime>,
}

impl User {
    /// Everything that the issuer says, as a JSON object.
    pub fn claims_text(&self) -> String {
        // A map of JSON values has a form as JSON.
        serde_json::to_string(&self.claims).unwrap_or_default()
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user:{}/{}", self.issuer, self.subject)
    }
}
