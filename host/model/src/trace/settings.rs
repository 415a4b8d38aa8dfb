//! What is configured of traces.

use crate::policy::Rate;
use crate::traffic::TrafficShare;

/// What a context counts for that a request from outside comes with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ParentTrust {
    /// Its trace goes on, and is recorded if it says so.
    #[default]
    Follow,
    /// Its trace goes on, and the host decides by itself whether it is recorded.
    Decide,
    /// Another trace begins, which the first span links with that context. What tracing systems said to themselves ends
    /// here.
    Restart,
}

impl ParentTrust {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Follow, Self::Decide, Self::Restart];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Decide => "decide",
            Self::Restart => "restart",
        }
    }
}

/// Which spans are recorded, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// The share of traces that is recorded, of those for which the host decides.
    pub sample: TrafficShare,
    /// Traces that are recorded whatever the share, as long as there are no more than this. `None`: none.
    pub at_least: Option<Rate>,
    /// What a context from outside counts for.
    pub parent: ParentTrust,
    /// Spans of what fails that are recorded whatever the share, as long as there are no more than this. `None`: none.
    pub faults: Option<Rate>,
    /// Spans that are kept for those who come late.
    pub keep: u32,
    /// Roughly what these may take in memory, in bytes.
    pub keep_size: u64,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self {
            sample: TrafficShare::percent(1).unwrap_or_default(),
            at_least: Rate::new(1, std::time::Duration::from_secs(1), Some(10)),
            parent: ParentTrust::Follow,
            faults: Rate::new(100, std::time::Duration::from_secs(1), None),
            keep: 4096,
            keep_size: 8 << 20,
        }
    }
}
