//! Faults: how a call can fail, cut by what its caller can do about it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The closed list of ways in which a call fails. Every edge maps it in one table, without a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Nothing answers at this address. Ask for another.
    NotFound,
    /// Something answers at this address, but not to this method.
    MethodNotAllowed,
    /// The caller has not proved who it is, or with a credential that is not good. Come back with one that is.
    Unauthenticated,
    /// The caller may not call this service. Its operator can allow it.
    Denied,
    /// The request breaks the protocol or the contract. Repair it.
    Invalid,
    /// The request is larger than the service accepts. Send less.
    TooLarge,
    /// The deadline passed. The work may or may not have been done.
    Deadline,
    /// The service has all the calls it may have; this one was not begun. Try again later.
    Overloaded,
    /// The caller calls more often than it may; this call was not begun. Slow down.
    RateLimited,
    /// No instance can be had now; the call was not begun. Try again.
    Unavailable,
    /// The service used more than it may: memory, CPU time, stack, or the size of its reply.
    Exhausted,
    /// The instance broke off: a trap, a panic, an exit.
    Trapped,
    /// The service ended the call without an answer, or with one that is no valid answer.
    Failed,
    /// Services called each other in too long a chain, which most likely has no end.
    Loop,
    /// The caller went away. Nobody reads the answer.
    Cancelled,
    /// The host itself failed. Its operator has to look.
    Internal,
}

impl FaultKind {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 16] = [
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Unauthenticated,
        Self::Denied,
        Self::Invalid,
        Self::TooLarge,
        Self::Deadline,
        Self::Overloaded,
        Self::RateLimited,
        Self::Unavailable,
        Self::Exhausted,
        Self::Trapped,
        Self::Failed,
        Self::Loop,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The kind's name in problem types, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::TooLarge => "too-large",
            Self::Deadline => "deadline",
            Self::Overloaded => "overloaded",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Trapped => "trapped",
            Self::Failed => "failed",
            Self::Loop => "loop",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One failed call: a kind, a sentence that its caller may read, and details that only the operator may.
///
/// It stands in a box of its own, because the outcome of a call goes through a dozen functions, and has room for a fault in each
/// of them, although nearly all calls end well.
#[derive(Debug, Clone)]
pub struct Fault(Box<Account>);

/// What there is to say of it.
#[derive(Debug, Clone)]
struct Account {
    kind: FaultKind,
    public: Cow<'static, str>,
    details: Option<String>,
    retry_after: Option<Duration>,
    blame: Blame,
    unprocessed: bool,
}

/// Whose doing a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// That of the instance that had the call.
    Own,
    /// That of another call, which shared the instance and has the fault that counts.
    Shared,
    /// That of a service that the instance called.
    Callee,
    /// That of the host, which had to end the call to replace the revision or to stop.
    Host,
}

impl Fault {
    /// A fault whose caller may read `public`.
    pub fn new(kind: FaultKind, public: impl Into<Cow<'static, str>>) -> Self {
        let public = public.into();
        Self(Box::new(Account {
            kind,
            public,
            details: None,
            retry_after: None,
            blame: Blame::Own,
            unprocessed: false,
        }))
    }

    /// Adds what the operator has to know and the caller must not.
    #[must_use]
    pub fn with_details(mut self, details: impl fmt::Display) -> Self {
        self.0.details = Some(details.to_string());
        self
    }

    /// Adds when trying again makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The same fault, as somebody else's doing.
    #[must_use]
    pub fn blamed_on(mut self, blame: Blame) -> Self {
        self.0.blame = blame;
        self
    }

    /// The same fault, of a call that no instance has begun to work on. It can be tried again without harm.
    #[must_use]
    pub fn unprocessed(mut self) -> Self {
        self.0.unprocessed = true;
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> FaultKind {
        self.0.kind
    }

    /// The sentence for the caller.
    pub fn public(&self) -> &str {
        &self.0.public
    }

    /// What only the operator may read.
    pub fn details(&self) -> Option<&str> {
        self.0.details.as_deref()
    }

    /// After what time trying again makes sense, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whose doing it is.
    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// Whether no instance has begun to work on the call.
    pub fn is_unprocessed(&self) -> bool {
        self.0.unprocessed
    }
}

impl fmt::Display for Fault {
    /// For the operator: kind, public sentence and details.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.public)?;
        self.0.details.as_ref().map_or(Ok(()), |details| write!(f, " ({details})"))
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_listed_in_their_order() {
        for (place, kind) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind}");
        }
        // The last one there is.
        assert_eq!(FaultKind::ALL.last(), Some(&FaultKind::Internal));
    }
}
