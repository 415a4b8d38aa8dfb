//! Ports of identity.

use std::sync::Arc;
use std::time::Duration;

use super::BoxFuture;
use crate::{AuthError, Credential, User};

/// Tells who a credential is of. Implemented by the backends.
pub trait Authenticator: Send + Sync {
    /// The user that `credential` proves. Whether it is accepted is decided against the time of day at each call, also
    /// where what it says is remembered from an earlier one.
    ///
    /// # Errors
    /// [`AuthError`] if it proves nothing.
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Result<Arc<User>, AuthError>>;
}

/// What a token is to say that the host signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// Whom it is about (`sub`).
    pub subject: String,
    /// Whom it is for (`aud`).
    pub audience: String,
    /// What its bearer may do (`scope`).
    pub scopes: Vec<String>,
    /// Who acts for the subject (`act`, RFC 8693, 4.1): the service that asked for the token.
    pub actor: Option<String>,
    /// How long it is good for.
    pub lifetime: Duration,
}

/// Signs tokens with a key of the host. Implemented by the backends.
pub trait TokenSigner: Send + Sync {
    /// A token that says it, in compact form (RFC 7515).
    ///
    /// # Errors
    /// [`AuthError`] if the host has no key to sign with, or it cannot be read.
    fn sign(&self, request: &TokenRequest) -> Result<String, AuthError>;

    /// The public keys that what was signed can be verified with, as a JSON Web Key Set (RFC 7517).
    fn key_set(&self) -> String;
}
