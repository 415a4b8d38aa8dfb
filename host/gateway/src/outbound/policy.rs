//! Where the requests of a revision may go: decided for the name first, and again for every address it leads to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::Scheme;
use patchbay_model::{Destination, OutboundError, is_public};

/// Where a request goes: what connections are kept by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) secure: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// The host of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case, and without the dot that may end it.
    Name(String),
    Address(IpAddr),
}

impl Origin {
    /// The origin of an absolute address.
    ///
    /// # Errors
    /// [`OutboundError::InvalidAddress`] if nothing can be sent there.
    pub(super) fn of(uri: &Uri) -> Result<Self, OutboundError> {
        let invalid = OutboundError::InvalidAddress;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(invalid),
        };
        let authority = uri.authority().ok_or(OutboundError::InvalidAddress)?;
        // Credentials have no place in an address (RFC 9110, 4.2.4), and here they would end up in `Host`.
        if authority.as_str().contains('@') {
            return Err(invalid);
        }
        let port = match (authority.port(), secure) {
            (Some(port), _) => port.as_u16(),
            (None, true) => 443,
            (None, false) => 80,
        };
        let host = authority.host();
        // A port that is there and is no number is none to the parser.
        let colons = authority.as_str().len() != host.len();
        if port == 0 || host.is_empty() || (colons && authority.port().is_none()) {
            return Err(invalid);
        }
        let host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => Host::Address(inner.parse().map(IpAddr::V6).map_err(|_| invalid)?),
            None => match host.parse() {
                Ok(address) => Host::Address(IpAddr::V4(address)),
                Err(_) => Host::Name(host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()),
            },
        };
        Ok(Self { secure, host, port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        match &self.host {
            Host::Name(name) => write!(f, "{scheme}://{name}:{}", self.port),
            Host::Address(address) => write!(f, "{scheme}://{}", SocketAddr::new(*address, self.port)),
        }
    }
}

/// What the `outbound` list of a revision allows.
#[derive(Debug)]
pub(super) struct Policy(Vec<Destination>);

impl Policy {
    pub(super) const fn new(destinations: Vec<Destination>) -> Self {
        Self(destinations)
    }

    /// Whether requests may go there, going by what they ask for.
    pub(super) fn permits(&self, origin: &Origin) -> bool {
        let port = origin.port;
        self.0.iter().any(|destination| match &origin.host {
            Host::Name(name) => destination.permits_name(name, port),
            Host::Address(address) => destination.permits_address(*address, port),
        })
    }

    /// Whether a connection may be made to an address that a permitted name leads to.
    pub(super) fn reaches(&self, address: SocketAddr) -> bool {
        is_public(address.ip()) || self.0.iter().any(|destination| destination.lists(address.ip(), address.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(uri: &str) -> Result<Origin, OutboundError> {
        Origin::of(&uri.parse().unwrap())
    }

    #[test]
    fn origins_are_told_apart_by_what_matters() {
        let name = |secure, name: &str, port| Ok(Origin { secure, host: Host::Name(name.to_owned()), port });
        let address =
            |secure, text: &str, port| Ok(Origin { secure, host: Host::Address(text.parse().unwrap()), port });
        for (uri, expected) in [
            ("http://shop.example/a", name(false, "shop.example", 80)),
            ("https://SHOP.example./a", name(true, "shop.example", 443)),
            ("https://shop.example:8443/", name(true, "shop.example", 8443)),
            ("http://127.0.0.1:8080/", address(false, "127.0.0.1", 8080)),
            ("https://[::1]/", address(true, "::1", 443)),
            ("http://2130706433/", name(false, "2130706433", 80)),
            ("http://user:word@shop.example/", Err(OutboundError::InvalidAddress)),
            ("http://shop.example:0/", Err(OutboundError::InvalidAddress)),
            ("http://shop.example:/", Err(OutboundError::InvalidAddress)),
            ("ftp://shop.example/", Err(OutboundError::InvalidAddress)),
            ("/a", Err(OutboundError::InvalidAddress)),
        ] {
            assert_eq!(origin(uri), expected, "{uri}");
        }
    }

    #[test]
    fn a_name_that_leads_inside_needs_the_address_listed_too() {
        let list = |entries: &[&str]| Policy::new(entries.iter().map(|entry| entry.parse().unwrap()).collect());
        for (entries, permitted, reached) in [
            (&[][..], false, false),
            (&["localhost:80"], true, false),
            (&["*:80"], true, false),
            (&["127.0.0.1:80"], false, true),
            (&["localhost:80", "127.0.0.0/8:80"], true, true),
            (&["localhost:80", "127.0.0.1:81"], true, false),
        ] {
            let policy = list(entries);
            assert_eq!(policy.permits(&origin("http://localhost/").unwrap()), permitted, "{entries:?}");
            assert_eq!(policy.reaches("127.0.0.1:80".parse().unwrap()), reached, "{entries:?}");
            assert!(policy.reaches("93.184.216.34:80".parse().unwrap()));
        }
    }
}
