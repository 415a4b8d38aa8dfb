//! What somebody outside shows to prove who it is, and how that can fail.

use std::fmt;

/// What a request came with. Nothing of it is verified.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// A bearer token (RFC 6750), without the name of the scheme.
    Token(&'a str),
    /// An API key.
    ApiKey(&'a str),
}

impl fmt::Debug for Credential<'_> {
    /// Never shows the credential, which whoever reads a log could use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Credential(token)",
            Self::ApiKey(_) => "Credential(api key)",
        })
    }
}

/// Why a credential proves nothing, cut by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthErrorKind {
    /// It is no credential of this kind, or none that is accepted here.
    Invalid,
    /// It was good, and is no more.
    Expired,
    /// The keys that it has to be held against cannot be had now.
    Unavailable,
}

/// A credential that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{details}")]
pub struct AuthError {
    /// What can be done about it.
    pub kind: AuthErrorKind,
    /// Why, for the operator alone: a caller that guesses must not learn from it. It never holds the credential.
    pub details: String,
}

impl AuthError {
    /// An error of this kind.
    pub fn new(kind: AuthErrorKind, details: impl Into<String>) -> Self {
        Self { kind, details: details.into() }
    }
}
