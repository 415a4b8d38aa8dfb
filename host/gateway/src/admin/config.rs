//! What can be configured on the admin API.

use std::net::SocketAddr;
use std::time::Duration;

use patchbay_model::SettingsError;

use super::metrics::MetricsConfig;
use crate::tls::TlsConfig;

/// Configuration of [`AdminApi`](super::AdminApi). All of it is enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where to listen. An address that other machines can reach is allowed, and warned of.
    pub listen: SocketAddr,
    /// The certificate to show; without one, nothing is encrypted.
    pub tls: Option<TlsConfig>,
    /// Connections at a time; the next one is closed as soon as it is made.
    pub max_connections: u32,
    /// Size of a component that is uploaded, in bytes.
    pub max_upload: u64,
    /// Size of the largest message that the bus takes, in bytes.
    pub max_message: u64,
    /// How long an upload may pause.
    pub upload_pause: Duration,
    /// What is to be had of metrics.
    pub metrics: MetricsConfig,
    /// How long the requests that are under way at the stop may take to end.
    pub drain: Duration,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            tls: None,
            max_connections: 256,
            max_upload: 256 << 20,
            max_message: 1 << 20,
            upload_pause: Duration::from_secs(30),
            metrics: MetricsConfig::default(),
            drain: Duration::from_secs(5),
        }
    }
}

impl AdminConfig {
    /// Everything that is wrong with these values; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let mut problems = Vec::new();
        let mut require = |met: bool, key, problem: &str| {
            if !met {
                problems.push(SettingsError { key, problem: problem.to_owned() });
            }
        };
        require((1..=100_000).contains(&self.max_connections), "max_connections", "must lie between 1 and 100000");
        require((1..=4 << 30).contains(&self.max_upload), "max_upload", "must lie between 1B and 4GiB");
        require((1..=1 << 30).contains(&self.max_message), "max_message", "must lie between 1B and 1GiB");
        let pause = Duration::from_secs(1)..=DAY;
        require(pause.contains(&self.upload_pause), "upload_pause", "must lie between 1s and 24h");
        require(self.drain <= DAY, "drain", "must be at most 24h");
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_enforced_and_impossible_values_are_named() {
        assert_eq!(AdminConfig::default().problems(), []);
        let config = AdminConfig { max_connections: 0, max_upload: 0, ..AdminConfig::default() };
        let keys: Vec<_> = config.problems().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["max_connections", "max_upload"]);
    }
}
