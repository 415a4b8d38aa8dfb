//! Who is calling.

use std::fmt;

use crate::ServiceName;

/// Who is calling, as the host knows it. No header and no argument has a say in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Somebody outside, who came in through a route.
    Outside,
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
            Self::Outside | Self::Operator | Self::Host => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => f.write_str("outside"),
            Self::Operator => f.write_str("operator"),
            Self::Host => f.write_str("host"),
            Self::Service(name) => write!(f, "service:{name}"),
        }
    }
}
