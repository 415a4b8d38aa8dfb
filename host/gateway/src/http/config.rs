//! What can be configured on the HTTP gateway.

use std::net::SocketAddr;
use std::time::Duration;

use patchbay_model::SettingsError;

use crate::server::{AddressLimits, ConnectionLimits};
use crate::tls::TlsConfig;

/// Configuration of [`HttpGateway`](super::HttpGateway). All of it is enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The certificate to show; without one, nothing is encrypted.
    pub tls: Option<TlsConfig>,
    /// Connections at a time; the next one is closed as soon as it is made.
    pub max_connections: u32,
    /// Connections at a time from one address, or from one network of 64 bits of IPv6.
    pub max_connections_per_address: u32,
    /// New connections per second from one address, on average, of which a second's worth may come at once. 0: any
    /// number.
    pub connection_rate_per_address: u32,
    /// How long the head of a request may take from its first byte, and the first byte of a connection. For TLS
    /// and for HTTP/2, how long its handshake may take.
    pub header_timeout: Duration,
    /// How long a connection is kept without a request.
    pub idle_timeout: Duration,
    /// How long a client may pause while it sends the body of a request.
    pub body_timeout: Duration,
    /// How long a client may leave a reply unread. Then its connection is ended, or for HTTP/2 its stream.
    pub stall_timeout: Duration,
    /// Header lines of a request (HTTP/1.1; what they may be in HTTP/2 follows from their size).
    pub max_headers: u32,
    /// Size of the head of a request, in bytes.
    pub max_head: u64,
    /// Requests at a time on one HTTP/2 connection.
    pub max_streams: u32,
    /// Whether each request is logged when its answer is out, on routes that say nothing of it.
    pub access_log: bool,
    /// Whether these records have the query.
    pub access_query: bool,
    /// How long the requests that are under way at the stop may take to end.
    pub drain: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            max_connections: 10_000,
            max_connections_per_address: 5_000,
            connection_rate_per_address: 0,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            max_headers: 100,
            max_head: 64 << 10,
            max_streams: 256,
            access_log: false,
            access_query: false,
            drain: Duration::from_secs(30),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl HttpConfig {
    /// Everything that is wrong with these values; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        let mut require = |met: bool, key, problem: &str| {
            if !met {
                problems.push(SettingsError { key, problem: problem.to_owned() });
            }
        };
        for (key, value, most) in [
            ("max_connections", self.max_connections, 1_000_000),
            ("max_connections_per_address", self.max_connections_per_address, 1_000_000),
            ("max_headers", self.max_headers, 10_000),
            ("max_streams", self.max_streams, 100_000),
        ] {
            require((1..=most).contains(&value), key, &format!("must lie between 1 and {most}"));
        }
        let rate = self.connection_rate_per_address;
        require(rate <= 1_000_000, "connection_rate_per_address", "must be at most 1000000");
        for (key, value) in [
            ("header_timeout", self.header_timeout),
            ("idle_timeout", self.idle_timeout),
            ("body_timeout", self.body_timeout),
            ("stall_timeout", self.stall_timeout),
        ] {
            require((SECOND..=DAY).contains(&value), key, "must lie between 1s and 24h");
        }
        require((8 << 10..=1 << 20).contains(&self.max_head), "max_head", "must lie between 8KiB and 1MiB");
        require(self.drain <= DAY, "drain", "must be at most 24h");
        problems
    }

    pub(super) fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            max_connections: self.max_connections,
            per_address: AddressLimits {
                connections: self.max_connections_per_address,
                rate: self.connection_rate_per_address,
            },
            header_timeout: self.header_timeout,
            idle_timeout: self.idle_timeout,
            body_timeout: self.body_timeout,
            stall_timeout: self.stall_timeout,
            max_headers: self.max_headers,
            max_head: u32::try_from(self.max_head).unwrap_or(u32::MAX),
            max_streams: self.max_streams,
            drain: self.drain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_enforced_and_impossible_values_are_named() {
        assert_eq!(HttpConfig::default().problems(), []);
        let config = HttpConfig {
            max_connections: 0,
            connection_rate_per_address: 1_000_001,
            idle_timeout: Duration::ZERO,
            max_head: 1,
            drain: DAY + SECOND,
            ..HttpConfig::default()
        };
        let keys: Vec<_> = config.problems().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["max_connections", "connection_rate_per_address", "idle_timeout", "max_head", "drain"]);
    }
}
