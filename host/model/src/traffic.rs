//! Traffic between two revisions of a service: the share of calls that a candidate gets, whose calls it gets, how a canary
//! grows that share, and what is mirrored.

mod caller;
mod canary;
mod factor;
mod mirror;
mod share;

use serde::{Deserialize, Serialize};

pub use caller::{CallerMark, CallerMarkError, Pin, PinError, Sticky, StickyError};
pub use canary::{CanaryPlan, CanaryRecord, CanaryRules};
pub use factor::{Factor, FactorError};
pub use mirror::MirrorSettings;
pub use share::{TrafficShare, TrafficShareError};

use crate::policy::Judge;

/// Whose calls a candidate gets, beside its share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficSettings {
    /// Callers that the candidate gets whatever its share. One that fits is enough.
    pub pins: Vec<Pin>,
    /// What keeps a caller on the revision that it had before; absent: each call is chosen for by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
}

impl TrafficSettings {
    /// More pins than anyone needs; each call is held against all of them.
    const MAX_PINS: usize = 32;

    /// Notes what is wrong with the settings.
    pub(crate) fn judge(&self, judge: &mut Judge<'_>) {
        judge.require(self.pins.len() <= Self::MAX_PINS, "traffic.pins", "must be at most 32");
    }
}
