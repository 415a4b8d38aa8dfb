//! Names: parsed once at the edge, valid everywhere inside.

use std::borrow::Borrow;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::serde_as_text;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is no service name.
    #[error(
        "`{0}` is no service name; use 1 to 63 lower-case letters, digits and inner hyphens, starting with a letter"
    )]
    Service(String),
    /// The text is no revision number.
    #[error("`{0}` is no revision number; revisions count from 1")]
    Revision(String),
}

/// The name of a service. A DNS label (RFC 1123), so that it can be part of a host name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// Letters that a name has at most: those of a DNS label.
    pub const MOST_LETTERS: usize = 63;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name in memory of its own, with a count of its own of those who have it: for threads that clone it all the time.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self(Arc::from(&*self.0))
    }
}

impl FromStr for ServiceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let well_formed = (1..=Self::MOST_LETTERS).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        if well_formed { Ok(Self(text.into())) } else { Err(NameError::Service(text.chars().take(80).collect())) }
    }
}

impl Borrow<str> for ServiceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceName({})", self.0)
    }
}

serde_as_text!(ServiceName, RevisionId);

/// The number of a revision within its service. Counts from 1 and is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionNumber(NonZeroU32);

impl RevisionNumber {
    /// The first revision of a service.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The revision with this number; `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl FromStr for RevisionNumber {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(Self).map_err(|_| NameError::Revision(text.chars().take(80).collect()))
    }
}

impl fmt::Display for RevisionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One revision of one service, written `orders@4`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevisionId {
    /// The service.
    pub service: ServiceName,
    /// Which of its revisions.
    pub number: RevisionNumber,
}

impl FromStr for RevisionId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (service, number) = text.split_once('@').ok_or_else(|| NameError::Revision(text.to_owned()))?;
        Ok(Self { service: service.parse()?, number: number.parse()? })
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.service, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "orders", "orders-2", &"a".repeat(63)] {
            assert_eq!(good.parse::<ServiceName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "2a", "é", &"a".repeat(64)] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn revisions_are_written_with_an_at_sign() {
        let id: RevisionId = "orders@4".parse().unwrap();
        assert_eq!(id.to_string(), "orders@4");
        assert_eq!(id.number.next().get(), 5);
        for bad in ["orders", "orders@", "orders@0", "orders@-1", "@1"] {
            assert!(bad.parse::<RevisionId>().is_err(), "{bad}");
        }
    }
}
