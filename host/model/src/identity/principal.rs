//! Who is calling.

use std::fmt;
use std::sync::Arc;

use super::User;
use crate::ServiceName;

/// Who is calling, as the host knows it. No header and no argument has a say in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Somebody outside, who came in through a route and proved nothing.
    Outside,
    /// A user, who came in through a route with a credential that the host has verified.
    User(Arc<User>),
    /// An operator, through the admin API.
    Operator,
    /// The host itself, when it asks for a health path.
    Host,
    /// Another service.
    Service(ServiceName),
}

impl Principal {
    /// The service that calls, if it is one.
    pub const fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Service(name) => Some(name),
            Self::Outside | Self::User(_) | Self::Operator | Self::Host => None,
        }
    }

    /// The user that calls, if it is one.
    pub const fn user(&self) -> Option<&Arc<User>> {
        match self {
            Self::User(user) => Some(user),
            Self::Outside | Self::Operator | Self::Host | Self::Service(_) => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => f.write_str("outside"),
            Self::User(user) => user.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::Host => f.write_str("host"),
            Self::Service(name) => write!(f, "service:{name}"),
        }
    }
}
