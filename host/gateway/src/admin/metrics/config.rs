//! What can be configured of metrics.

/// Configuration of the metrics that the admin listener shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Whether they can be read without the admin token.
    pub public: bool,
}
