//! What the admin API tells of canaries and of mirrors.

use std::time::Duration;

use patchbay_model::traffic::CanaryPlan;
use patchbay_model::units;
use serde::Deserialize;

/// The canary of a service, and how the last one ended.
#[derive(Debug, Deserialize)]
pub(crate) struct CanaryStatus {
    pub(crate) canary: Option<Canary>,
    pub(crate) last: Option<Ended>,
}

/// A canary under way.
#[derive(Debug, Deserialize)]
pub(crate) struct Canary {
    pub(crate) revision: String,
    pub(crate) step: u32,
    pub(crate) steps: u32,
    pub(crate) share: String,
    pub(crate) mirrored: Option<String>,
    #[serde(with = "units::duration")]
    pub(crate) baked: Duration,
    pub(crate) phase: String,
    pub(crate) reason: Option<String>,
    pub(crate) errors: u32,
    pub(crate) candidate: Numbers,
    pub(crate) stable: Numbers,
    pub(crate) mirror: Option<Mirror>,
    pub(crate) plan: CanaryPlan,
}

/// How a revision does.
#[derive(Debug, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    #[serde(default, with = "units::optional_duration")]
    pub(crate) p50: Option<Duration>,
    #[serde(default, with = "units::optional_duration")]
    pub(crate) p99: Option<Duration>,
}

/// A canary that is over.
#[derive(Debug, Deserialize)]
pub(crate) struct Ended {
    pub(crate) promoted: bool,
    pub(crate) message: String,
}

/// What is mirrored, and how the answers compare.
#[derive(Debug, Deserialize)]
pub(crate) struct Mirror {
    pub(crate) to: String,
    pub(crate) share: String,
    pub(crate) same: u64,
    pub(crate) status_differs: u64,
    pub(crate) body_differs: u64,
    pub(crate) uncompared: u64,
    pub(crate) left_out: u64,
    pub(crate) samples: Vec<Difference>,
}

/// A request that was answered differently.
#[derive(Debug, Deserialize)]
pub(crate) struct Difference {
    pub(crate) call: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) live: Answer,
    pub(crate) mirrored: Answer,
}

/// One of two answers that differ.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) digest: Option<String>,
    pub(crate) begins: Option<String>,
}

impl Canary {
    /// What the candidate gets, as a phrase.
    pub(crate) fn gets(&self) -> String {
        match &self.mirrored {
            Some(mirrored) => format!("{mirrored} of the requests, mirrored"),
            None => format!("{} of the calls", self.share),
        }
    }
}
