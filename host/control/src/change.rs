//! Changes: what can be asked of the registry, the steps a change goes through, and how it can end.

use std::fmt;
use std::time::Duration;

use patchbay_model::ports::StorageError;
use patchbay_model::traffic::TrafficShare;
use patchbay_model::{Digest, Origin, RevisionId, Route, ServiceName, Settings, units};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::routes::RouteConflict;

/// A new revision of a service.
#[derive(Debug, Clone)]
pub struct DeployRequest {
    /// The service; made if there is none of that name.
    pub service: ServiceName,
    /// The component, which has to be stored already.
    pub component: Digest,
    /// The configuration.
    pub settings: Settings,
    /// The routes given at deployment; `None` leaves those there are.
    pub routes: Option<Vec<Route>>,
    /// Whether these routes are for everybody. Means nothing without them.
    pub anonymous: bool,
    /// Who asks.
    pub origin: Origin,
    /// Whether the revision may break services that call it.
    pub allow_breaking: bool,
    /// Whether it may end a canary of the service that is under way.
    pub replace: bool,
}

/// The steps of a change, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Read the component and its contract, and hold it against the host and the settings.
    Inspect,
    /// Come by machine code, and link it.
    Compile,
    /// Make the first instance.
    Warm,
    /// Ask the health path, if one is configured.
    Health,
    /// Save the registry and publish the new snapshot.
    Publish,
    /// Wait for the calls on the old revision.
    Drain,
    /// Let go of the old revision.
    Retire,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 7] =
        [Self::Inspect, Self::Compile, Self::Warm, Self::Health, Self::Publish, Self::Drain, Self::Retire];

    /// The step's name, as people see it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Compile => "compile",
            Self::Warm => "warm",
            Self::Health => "health",
            Self::Publish => "publish",
            Self::Drain => "drain",
            Self::Retire => "retire",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// It has begun.
    Begun,
    /// It is done.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It failed, and the change with it.
    Failed,
}

/// News of a change under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// Where it stands.
    pub state: StepState,
    /// How long it took so far.
    #[serde(serialize_with = "units::duration::serialize")]
    pub elapsed: Duration,
    /// What there is to say about it; may be empty.
    pub note: String,
}

/// How a change ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A revision serves that did not before.
    Activated {
        /// The revision.
        revision: RevisionId,
        /// The one it replaced.
        #[serde(skip_serializing_if = "Option::is_none")]
        replaced: Option<RevisionId>,
        /// Calls that outlived the drain deadline and were ended.
        calls_cut: u64,
    },
    /// A revision is tried beside the one that serves.
    CanaryStarted {
        /// The candidate.
        revision: RevisionId,
        /// The revision that serves.
        stable: RevisionId,
        /// The share of calls that the candidate gets now.
        share: TrafficShare,
        /// The share of requests that is mirrored to it now.
        #[serde(skip_serializing_if = "Option::is_none")]
        mirrored: Option<TrafficShare>,
    },
    /// A canary is over, and what served before it serves alone.
    CanaryAborted {
        /// The candidate that is gone.
        revision: RevisionId,
        /// Calls that outlived the drain deadline and were ended.
        calls_cut: u64,
    },
    /// What was asked for serves already.
    Unchanged {
        /// The revision that serves.
        revision: RevisionId,
    },
    /// The service is gone.
    Removed {
        /// The service.
        service: ServiceName,
        /// Calls that outlived the drain deadline and were ended.
        calls_cut: u64,
    },
}

/// What the one who asked can do about a change that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeErrorKind {
    /// There is no such service, revision or component.
    NotFound,
    /// What was asked for cannot be: repair the component or the settings.
    Refused,
    /// It imports what no service serves, or more than one: deploy or name the one first.
    Unlinked,
    /// It collides with something that exists or is under way.
    Conflict,
    /// The host failed, or is stopping.
    Host,
}

/// Why a change failed. What served before it still serves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChangeError {
    /// What to do about it.
    pub kind: ChangeErrorKind,
    /// The step at which it failed; `None` if none had begun.
    pub step: Option<Step>,
    /// What happened and what to do, as a sentence.
    pub message: String,
}

impl ChangeError {
    pub(crate) fn new(kind: ChangeErrorKind, message: impl Into<String>) -> Self {
        Self { kind, step: None, message: message.into() }
    }
}

impl From<StorageError> for ChangeError {
    fn from(error: StorageError) -> Self {
        let kind = match &error {
            StorageError::Missing(_) => ChangeErrorKind::NotFound,
            StorageError::Damaged { .. } | StorageError::Medium { .. } => ChangeErrorKind::Host,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<RouteConflict> for ChangeError {
    fn from(conflict: RouteConflict) -> Self {
        Self::new(ChangeErrorKind::Conflict, conflict.to_string())
    }
}

/// A change under way. It goes on to its end, whether anyone follows it or not.
#[derive(Debug)]
pub struct Change {
    /// News, step by step; ends with the change. Read it, or drop it.
    pub progress: mpsc::Receiver<Progress>,
    /// How it ended.
    pub outcome: oneshot::Receiver<Result<Outcome, ChangeError>>,
}

impl Change {
    /// Waits for the end.
    ///
    /// # Errors
    /// The error of the change.
    pub async fn finished(self) -> Result<Outcome, ChangeError> {
        drop(self.progress);
        self.outcome.await.unwrap_or_else(|_| {
            Err(ChangeError::new(ChangeErrorKind::Host, "the host stopped before the change ended"))
        })
    }
}
