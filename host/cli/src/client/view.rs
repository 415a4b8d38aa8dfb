//! What the admin API tells, as far as people are shown it.

mod canary;
mod messages;
mod traces;

use std::time::{Duration, SystemTime};

use patchbay_model::{Settings, units};
use serde::{Deserialize, Serialize};

pub(crate) use canary::{Answer, Canary, CanaryStatus, Mirror, Numbers};
pub(crate) use messages::{DeadLetter, Message, Receipt, StoredMessages, Subscription, Topic, WholeDeadLetter};
pub(crate) use traces::{Span, Trace, TraceLine};

/// A component that was uploaded.
#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    pub(crate) digest: String,
    pub(crate) size: u64,
}

/// A step of a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StepNews {
    pub(crate) step: String,
    pub(crate) state: String,
    pub(crate) elapsed: String,
    pub(crate) note: String,
}

/// How a change ended well.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// A revision serves that did not before.
    Activated { revision: String, replaced: Option<String>, calls_cut: u64 },
    /// A revision is tried beside the one that serves.
    CanaryStarted { revision: String, stable: String, share: String, mirrored: Option<String> },
    /// A canary is over, and what served before serves alone.
    CanaryAborted { revision: String, calls_cut: u64 },
    /// What was asked for serves already.
    Unchanged { revision: String },
    /// The service is gone.
    Removed { service: String, calls_cut: u64 },
}

/// A service.
#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) active: Option<u32>,
    pub(crate) failure: Option<String>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) canary: Option<Canary>,
    pub(crate) mirror: Option<Mirror>,
    pub(crate) drift: Option<String>,
    pub(crate) routes: Routes,
    pub(crate) links: Vec<Link>,
    pub(crate) called_by: Vec<String>,
    pub(crate) calls: u32,
    pub(crate) waiting: u32,
    /// Absent in the answers of a host that does not tell.
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) counts: Counts,
    pub(crate) revisions: Vec<RevisionSummary>,
}

/// What a service imports from another one.
#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    pub(crate) interface: String,
    pub(crate) service: Option<String>,
    pub(crate) problem: Option<String>,
    pub(crate) required: bool,
}

/// How often a policy had to do something, by the names that the admin API has for it.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Counts(pub(crate) std::collections::BTreeMap<String, u64>);

/// Why the revision that serves gets no calls.
#[derive(Debug, Deserialize)]
pub(crate) struct Breaker {
    pub(crate) failures: u32,
    #[serde(with = "units::duration")]
    pub(crate) remaining: Duration,
}

impl std::fmt::Display for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "open, {} calls in a row failed; ", self.failures)?;
        match self.remaining {
            Duration::ZERO => f.write_str("one call may probe"),
            remaining => write!(f, "none goes through for another {}", units::format_duration(remaining)),
        }
    }
}

/// The routes to a service.
#[derive(Debug, Deserialize)]
pub(crate) struct Routes {
    pub(crate) declared: Vec<String>,
    pub(crate) deployed: Vec<String>,
}

impl Routes {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.declared.iter().chain(&self.deployed)
    }
}

/// A revision in short.
#[derive(Debug, Deserialize)]
pub(crate) struct RevisionSummary {
    pub(crate) revision: String,
    pub(crate) active: bool,
    /// Absent in the answers of a host that knows no canaries.
    #[serde(default)]
    pub(crate) candidate: bool,
    pub(crate) compiled: bool,
    pub(crate) component: String,
    pub(crate) size: u64,
    pub(crate) origin: String,
    #[serde(with = "units::timestamp")]
    pub(crate) created: SystemTime,
    pub(crate) instances: Option<Instances>,
}

/// Instances of a revision.
#[derive(Debug, Deserialize)]
pub(crate) struct Instances {
    pub(crate) live: u64,
    pub(crate) idle: u64,
    /// Absent in the answers of a host that does not tell.
    pub(crate) memory_bytes: Option<u64>,
}

/// A revision in full.
#[derive(Debug, Deserialize)]
pub(crate) struct Revision {
    #[serde(flatten)]
    pub(crate) summary: RevisionSummary,
    pub(crate) settings: Settings,
    pub(crate) contract: Option<Contract>,
    pub(crate) policy: Option<String>,
    pub(crate) recommended: Option<Recommended>,
}

/// The instance policy that suits a component.
#[derive(Debug, Deserialize)]
pub(crate) struct Recommended {
    pub(crate) policy: String,
    pub(crate) reason: String,
}

/// What a component asks for and offers.
#[derive(Debug, Deserialize)]
pub(crate) struct Contract {
    pub(crate) imports: Vec<ContractItem>,
    pub(crate) exports: Vec<ContractItem>,
    pub(crate) language: Option<String>,
}

/// One import or export.
#[derive(Debug, Deserialize)]
pub(crate) struct ContractItem {
    pub(crate) name: String,
    pub(crate) functions: Vec<String>,
}

/// The host.
#[derive(Debug, Deserialize)]
pub(crate) struct Host {
    pub(crate) listeners: Listeners,
}

/// Where a host listens.
#[derive(Debug, Deserialize)]
pub(crate) struct Listeners {
    pub(crate) http_url: String,
}

/// One line that a service printed, or that the host says.
#[derive(Debug, Deserialize)]
pub(crate) struct LogLine {
    pub(crate) time: String,
    pub(crate) service: Option<String>,
    pub(crate) revision: Option<u32>,
    pub(crate) call: Option<String>,
    pub(crate) fault: Option<String>,
    #[serde(default)]
    pub(crate) fields: std::collections::BTreeMap<String, serde_json::Value>,
    pub(crate) stream: String,
    pub(crate) level: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) line: String,
}

/// One thing that happened.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) time: String,
    pub(crate) kind: String,
    pub(crate) service: Option<String>,
    pub(crate) revision: Option<u32>,
    pub(crate) message: String,
}
