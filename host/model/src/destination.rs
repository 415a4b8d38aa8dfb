//! Where a service may send requests: the entries of its `outbound` list, and what they let through.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::HostPattern;
use crate::address::{is_public, plain};
use crate::text::serde_as_text;

/// One entry of an `outbound` list: a host and a port.
///
/// Names lead to public addresses only. An address that is not public can be reached where an entry names it, by
/// itself or as part of a network, whether a request asks for the address or for a listed name that leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    host: Hosts,
    /// `None` is every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Hosts {
    /// `*`: every name, and every public address.
    Any,
    Named(HostPattern),
    Network(Network),
}

/// Addresses that share their first `prefix` bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// There is more than a host and a port.
    #[error("`{0}` is more than a host and a port; write only those, such as `api.example.com:443`")]
    Address(String),
    /// There is no port.
    #[error("`{0}` has no port; write one, such as `{0}:443`, or `{0}:*` for every port")]
    NoPort(String),
    /// The port is none.
    #[error("`{0}` is no port; write a number from 1 to 65535, or `*` for every port")]
    Port(String),
    /// An IPv6 address without brackets cannot be told from its port.
    #[error("`{0}` looks like an IPv6 address; write it in brackets, with a port, such as `[2001:db8::1]:443`")]
    Brackets(String),
    /// The host is none.
    #[error(
        "`{0}` is no host; write a name such as `api.example.com`, `*.example.com` for all names below it, an address \
         such as `10.0.0.5`, a network such as `10.0.0.0/8`, or `*` for every public host"
    )]
    Host(String),
    /// The network is none.
    #[error("`{text}` is no network; {problem}")]
    Network {
        /// The network as it is written.
        text: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The name belongs to the services of the host.
    #[error(
        "`{0}` is below `internal`, where the services of this host are, which needs no entry here; a service says in \
         its `callers` who may call it"
    )]
    Internal(String),
}

impl Destination {
    /// Whether requests for this name may be sent to this port. Names are compared without case, and without the dot
    /// that may end them.
    pub fn permits_name(&self, name: &str, port: u16) -> bool {
        let named = match &self.host {
            Hosts::Any => true,
            Hosts::Named(pattern) => pattern.matches(name.strip_suffix('.').unwrap_or(name)),
            Hosts::Network(_) => false,
        };
        named && self.port.is_none_or(|own| own == port)
    }

    /// Whether requests that ask for this address itself may be sent to this port.
    pub fn permits_address(&self, address: IpAddr, port: u16) -> bool {
        let any = self.host == Hosts::Any && self.port.is_none_or(|own| own == port) && is_public(address);
        any || self.lists(address, port)
    }

    /// Whether the entry is for this address, public or not.
    pub fn lists(&self, address: IpAddr, port: u16) -> bool {
        let Hosts::Network(network) = &self.host else { return false };
        network.has(address) && self.port.is_none_or(|own| own == port)
    }
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        match (self.address, plain(address)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                own.to_bits() == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                own.to_bits() == other.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    const fn size(address: IpAddr) -> u8 {
        match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }

    /// The network that `address` is in.
    fn around(address: IpAddr, prefix: u8) -> Self {
        let address = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Ipv4Addr::from_bits(v4.to_bits() & mask).into()
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                Ipv6Addr::from_bits(v6.to_bits() & mask).into()
            }
        };
        Self { address, prefix }
    }
}

impl fmt::Display for Network {
    /// As it is written outside of brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, prefix } = self;
        if *prefix == Self::size(*address) { write!(f, "{address}") } else { write!(f, "{address}/{prefix}") }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Hosts::Any => f.write_str("*")?,
            Hosts::Named(pattern) => write!(f, "{pattern}")?,
            Hosts::Network(network) if network.address.is_ipv6() => write!(f, "[{network}]")?,
            Hosts::Network(network) => write!(f, "{network}")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    /// Reads `HOST:PORT`: the host a name, `*.NAME`, an address, a network or `*`; IPv6 in brackets; the port a number
    /// or `*`.
    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let shown = || text.chars().take(160).collect::<String>();
        let unbracketed = text.split('/').next().unwrap_or_default();
        if text.contains("://") || text.contains(['@', '?', '#']) {
            return Err(DestinationError::Address(shown()));
        }
        if !text.starts_with('[') && (unbracketed.parse::<Ipv6Addr>().is_ok() || text.matches(':').count() > 1) {
            return Err(DestinationError::Brackets(shown()));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => return Err(DestinationError::NoPort(shown())),
        };
        if port.contains('/') {
            return Err(DestinationError::Address(shown()));
        }
        let port = match port {
            "*" => None,
            digits => Some(parse_port(digits)?),
        };
        Ok(Self { host: parse_host(host)?, port })
    }
}

fn parse_port(text: &str) -> Result<u16, DestinationError> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or_else(|| DestinationError::Port(text.chars().take(40).collect()))
}

fn parse_host(text: &str) -> Result<Hosts, DestinationError> {
    let wrong = || DestinationError::Host(text.chars().take(160).collect());
    if text == "*" {
        return Ok(Hosts::Any);
    }
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or_else(wrong)?;
        return match inner.split_once('/') {
            Some((address, prefix)) => network(text, address.parse::<Ipv6Addr>().ok().map(IpAddr::V6), prefix),
            None => inner.parse::<Ipv6Addr>().map(|address| alone(address.into())).map_err(|_| wrong()),
        };
    }
    if let Some((address, prefix)) = text.split_once('/') {
        return network(text, address.parse::<Ipv4Addr>().ok().map(IpAddr::V4), prefix);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(alone(address.into()));
    }
    let pattern = text.parse::<HostPattern>().map_err(|_| wrong())?;
    let name = match &pattern {
        HostPattern::Exact(name) | HostPattern::Below(name) => name,
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    if last == "internal" {
        return Err(DestinationError::Internal(text.chars().take(160).collect()));
    }
    // What ends in a number is an address to a resolver, in one of the forms that nobody means to write.
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wrong());
    }
    Ok(Hosts::Named(pattern))
}

fn alone(address: IpAddr) -> Hosts {
    let address = plain(address);
    Hosts::Network(Network { address, prefix: Network::size(address) })
}

fn network(text: &str, address: Option<IpAddr>, prefix: &str) -> Result<Hosts, DestinationError> {
    let wrong = |problem: String| DestinationError::Network { text: text.chars().take(160).collect(), problem };
    let address = address.ok_or_else(|| wrong("write an address and a length, such as `10.0.0.0/8`".to_owned()))?;
    let size = Network::size(address);
    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= size && !text.contains('+'));
    let prefix = prefix.ok_or_else(|| wrong(format!("its length must lie between 0 and {size}")))?;
    let network = Network::around(address, prefix);
    if network.address != address {
        return Err(wrong(format!("bits beyond its length are set; did you mean `{network}`?")));
    }
    if plain(address) != address {
        return Err(wrong("it is IPv4 in the form of IPv6; write it as IPv4".to_owned()));
    }
    Ok(Hosts::Network(network))
}

serde_as_text!(Destination);

#[cfg(test)]
mod tests;
