//! What happened to services: the closed list of events.

use std::time::SystemTime;

use patchbay_model::units;
use serde::Serialize;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The host has brought up what it remembered and what its file declares.
    HostStarted,
    /// The host stops: it drains and then exits.
    HostStopping,
    /// The host is saturated: it refuses calls, those of low priority first.
    SheddingBegan,
    /// The host has room for all calls again.
    SheddingEnded,
    /// The host took a new `runtime.toml`; the message says what is different.
    Reloaded,
    /// A new `runtime.toml` was not taken; the message says why, and what was before still holds.
    ReloadRefused,
    /// A step of a change is done.
    StepDone,
    /// A change was refused or failed; what served before still serves.
    ChangeFailed,
    /// A revision serves from now on.
    Published,
    /// A revision has no calls any more.
    Drained,
    /// Calls of a revision were cut because they outlived the drain deadline.
    Cut,
    /// A revision let go of its instances. It may still be activated again.
    Retired,
    /// A revision is forgotten and its memory is free.
    Freed,
    /// A service is gone.
    Removed,
    /// A service cannot serve.
    ServiceFailed,
    /// The breaker of a revision opened: it gets no calls for a while, because they kept failing.
    BreakerOpened,
    /// The breaker of a revision closed: a call succeeded.
    BreakerClosed,
    /// A candidate gets a share of the calls, or is about to.
    CanaryStarted,
    /// A canary that was under way goes on after a start of the host.
    CanaryResumed,
    /// The candidate gets a larger share.
    CanaryAdvanced,
    /// A step of a canary goes on for longer, or until somebody decides.
    CanaryWaits,
    /// The candidate became the active revision.
    CanaryPromoted,
    /// The candidate is gone: the canary was ended, by a rule or by somebody.
    CanaryAborted,
    /// What was compiled before was damaged and had to be compiled again.
    CacheDamaged,
}

impl EventKind {
    /// Its name in metrics, the same as in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostStarted => "host-started",
            Self::HostStopping => "host-stopping",
            Self::SheddingBegan => "shedding-began",
            Self::SheddingEnded => "shedding-ended",
            Self::Reloaded => "reloaded",
            Self::ReloadRefused => "reload-refused",
            Self::StepDone => "step-done",
            Self::ChangeFailed => "change-failed",
            Self::Published => "published",
            Self::Drained => "drained",
            Self::Cut => "cut",
            Self::Retired => "retired",
            Self::Freed => "freed",
            Self::Removed => "removed",
            Self::ServiceFailed => "service-failed",
            Self::BreakerOpened => "breaker-opened",
            Self::BreakerClosed => "breaker-closed",
            Self::CanaryStarted => "canary-started",
            Self::CanaryResumed => "canary-resumed",
            Self::CanaryAdvanced => "canary-advanced",
            Self::CanaryWaits => "canary-waits",
            Self::CanaryPromoted => "canary-promoted",
            Self::CanaryAborted => "canary-aborted",
            Self::CacheDamaged => "cache-damaged",
        }
    }
}

/// One event.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// When it happened.
    #[serde(serialize_with = "units::timestamp::serialize")]
    pub time: SystemTime,
    /// What happened.
    pub kind: EventKind,
    /// The service it happened to; absent where it is the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The number of the revision it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The event as a sentence.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for kind in [EventKind::HostStarted, EventKind::BreakerOpened, EventKind::CacheDamaged, EventKind::Cut] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
