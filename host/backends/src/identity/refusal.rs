//! Why a credential proves nothing, and how often that was so.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use patchbay_model::{AuthError, AuthErrorKind};

/// Why a credential proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has not the form of a token or of an API key.
    Malformed,
    /// It is signed in a way that is not allowed, or not at all.
    Algorithm,
    /// It asks to be read in a way that is not implemented.
    Extension,
    /// It is of another type.
    Type,
    /// Nobody who is configured says to have issued it.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It was good, and is no more.
    Expired,
    /// It is not good yet.
    NotYet,
    /// A claim is missing, or not what it has to be.
    Claims,
    /// It is signed with a key that its issuer does not have.
    UnknownKey,
    /// Its signature is wrong.
    Signature,
    /// It is no API key that there is.
    UnknownApiKey,
    /// The keys of its issuer cannot be had.
    Unavailable,
}

impl Reason {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::Algorithm,
        Self::Extension,
        Self::Type,
        Self::Issuer,
        Self::Audience,
        Self::Expired,
        Self::NotYet,
        Self::Claims,
        Self::UnknownKey,
        Self::Signature,
        Self::UnknownApiKey,
        Self::Unavailable,
    ];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Extension => "extension",
            Self::Type => "type",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYet => "not-yet",
            Self::Claims => "claims",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "signature",
            Self::UnknownApiKey => "unknown-api-key",
            Self::Unavailable => "unavailable",
        }
    }

    const fn kind(self) -> AuthErrorKind {
        match self {
            Self::Expired => AuthErrorKind::Expired,
            Self::Unavailable => AuthErrorKind::Unavailable,
            _ => AuthErrorKind::Invalid,
        }
    }
}

/// A credential that proves nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) reason: Reason,
    pub(super) details: String,
}

impl Refusal {
    pub(super) fn new(reason: Reason, details: impl Into<String>) -> Self {
        Self { reason, details: details.into() }
    }
}

impl From<Refusal> for AuthError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.reason.kind(), refusal.details)
    }
}

/// What happened since the start, as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthCounts {
    /// Credentials that proved somebody.
    pub verified: u64,
    /// Those among them whose signature was verified at an earlier call.
    pub remembered: u64,
    /// Credentials that proved nothing, by the reason's name.
    pub refused: Vec<(&'static str, u64)>,
    /// Times that keys were fetched.
    pub fetches: u64,
    /// Times that they could not be.
    pub fetch_failures: u64,
}

/// Where it is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) verified: AtomicU64,
    pub(super) remembered: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
    pub(super) fetches: AtomicU64,
    pub(super) fetch_failures: AtomicU64,
}

impl Counters {
    pub(super) fn refused(&self, reason: Reason) {
        if let Some(count) = self.refused.get(reason as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn read(&self) -> AuthCounts {
        let refused = Reason::ALL.iter().zip(&self.refused);
        AuthCounts {
            verified: self.verified.load(Relaxed),
            remembered: self.remembered.load(Relaxed),
            refused: refused.map(|(reason, count)| (reason.name(), count.load(Relaxed))).collect(),
            fetches: self.fetches.load(Relaxed),
            fetch_failures: self.fetch_failures.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            let counters = Counters::default();
            counters.refused(reason);
            let counted: Vec<_> = counters.read().refused.into_iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(counted, [(reason.name(), 1)]);
        }
    }
}
