//! The steps of one change as they are told to those who follow it, and to the journal of events.

use std::future::Future;
use std::sync::Arc;

use patchbay_model::{RevisionNumber, ServiceName};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::change::{ChangeError, Progress, Step, StepState};
use crate::event::{Event, EventKind};
use crate::journal::Journal;
use crate::measured::ControlMeasured;
use patchbay_model::ports::Clock;

/// Tells what happens to one service.
#[derive(Clone)]
pub(crate) struct Teller {
    pub(crate) service: ServiceName,
    pub(crate) events: Arc<Journal<Event>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) measured: Arc<ControlMeasured>,
}

impl Teller {
    pub(crate) fn tell(&self, kind: EventKind, revision: Option<RevisionNumber>, message: impl Into<String>) {
        let message = message.into();
        match kind {
            EventKind::ChangeFailed
            | EventKind::Cut
            | EventKind::ServiceFailed
            | EventKind::BreakerOpened
            | EventKind::CanaryAborted
            | EventKind::CanaryWaits
            | EventKind::SheddingBegan
            | EventKind::ReloadRefused
            | EventKind::CacheDamaged => {
                tracing::warn!(service = %self.service, "{message}");
            }
            EventKind::StepDone | EventKind::Drained | EventKind::Retired | EventKind::Freed => {
                tracing::debug!(service = %self.service, "{message}");
            }
            EventKind::HostStarted
            | EventKind::HostStopping
            | EventKind::SheddingEnded
            | EventKind::Published
            | EventKind::BreakerClosed
            | EventKind::CanaryStarted
            | EventKind::CanaryResumed
            | EventKind::CanaryAdvanced
            | EventKind::CanaryPromoted
            | EventKind::Reloaded
            | EventKind::Removed => {
                tracing::info!(service = %self.service, "{message}");
            }
        }
        self.measured.events.count(Some(&self.service), kind);
        self.events.append(Event {
            time: self.clock.now(),
            kind,
            service: Some(self.service.to_string()),
            revision: revision.map(RevisionNumber::get),
            message,
        });
    }
}

/// Tells the steps of one change.
pub(crate) struct Steps {
    pub(crate) teller: Teller,
    progress: mpsc::Sender<Progress>,
}

impl Steps {
    pub(crate) fn new(teller: Teller, progress: mpsc::Sender<Progress>) -> Self {
        Self { teller, progress }
    }

    /// Does one step. `work` returns what it made and a note about it.
    pub(crate) async fn step<T>(
        &self,
        step: Step,
        work: impl Future<Output = Result<(T, String), ChangeError>>,
    ) -> Result<T, ChangeError> {
        let begun = Instant::now();
        let tell = |state, note: &str| {
            // Who reads too slowly misses news; the change does not wait for readers.
            let _ = self.progress.try_send(Progress { step, state, elapsed: begun.elapsed(), note: note.to_owned() });
        };
        tell(StepState::Begun, "");
        let outcome = work.await;
        if let Some(durations) = self.teller.measured.step(step) {
            durations.count(begun.elapsed());
        }
        match outcome {
            Ok((made, note)) => {
                tell(StepState::Done, &note);
                let message = if note.is_empty() { format!("{step} done") } else { format!("{step}: {note}") };
                self.teller.tell(EventKind::StepDone, None, message);
                Ok(made)
            }
            Err(mut error) => {
                tell(StepState::Failed, &error.message);
                error.step = Some(step);
                Err(error)
            }
        }
    }

    /// Says that a step has nothing to do.
    pub(crate) fn skip(&self, step: Step, note: &str) {
        let skipped =
            Progress { step, state: StepState::Skipped, elapsed: std::time::Duration::ZERO, note: note.to_owned() };
        let _ = self.progress.try_send(skipped);
    }
}
