//! Changes over HTTP: waited for, or followed step by step as an event stream. Either way the change goes on to its
//! end when its client goes away; only the telling stops.

use axum::Json;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use http::HeaderMap;
use http::header::ACCEPT;
use patchbay_control::{Change, Outcome, Progress, Step, StepState};
use patchbay_model::units;
use serde::Serialize;
use utoipa::ToSchema;

use super::rejection::Rejection;

/// News of a change under way: the data of a `step` event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepNews {
    /// The step.
    #[schema(example = "compile")]
    step: &'static str,
    /// Where it stands: `begun`, `done`, `skipped` or `failed`.
    #[schema(example = "done")]
    state: &'static str,
    /// How long it took so far.
    #[schema(example = "1s 204ms")]
    elapsed: String,
    /// What there is to say about it; may be empty.
    note: String,
}

/// How a change ended well: the answer, or the data of an `outcome` event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(super) enum ChangeOutcome {
    /// A revision serves that did not before.
    Activated {
        /// The revision.
        #[schema(example = "orders@4")]
        revision: String,
        /// The one it replaced.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(example = "orders@3")]
        replaced: Option<String>,
        /// Calls that outlived the drain deadline and were ended.
        calls_cut: u64,
    },
    /// A revision is tried beside the one that serves.
    CanaryStarted {
        /// The candidate.
        #[schema(example = "orders@5")]
        revision: String,
        /// The revision that serves.
        #[schema(example = "orders@4")]
        stable: String,
        /// The share of calls that the candidate gets now.
        #[schema(example = "5%")]
        share: String,
        /// The share of requests that is mirrored to it now.
        #[serde(skip_serializing_if = "Option::is_none")]
        mirrored: Option<String>,
    },
    /// A canary is over, and what served before it serves alone.
    CanaryAborted {
        /// The candidate that is gone.
        #[schema(example = "orders@5")]
        revision: String,
        /// Calls that outlived the drain deadline and were ended.
        calls_cut: u64,
    },
    /// What was asked for serves already.
    Unchanged {
        /// The revision that serves.
        #[schema(example = "orders@4")]
        revision: String,
    },
    /// The service is gone.
    Removed {
        /// The service.
        #[schema(example = "orders")]
        service: String,
        /// Calls that outlived the drain deadline and were ended.
        calls_cut: u64,
    },
}

impl From<Progress> for StepNews {
    fn from(progress: Progress) -> Self {
        let state = match progress.state {
            StepState::Begun => "begun",
            StepState::Done => "done",
            StepState::Skipped => "skipped",
            StepState::Failed => "failed",
        };
        let elapsed = units::format_duration(progress.elapsed);
        Self { step: Step::name(progress.step), state, elapsed, note: progress.note }
    }
}

impl From<Outcome> for ChangeOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Activated { revision, replaced, calls_cut } => Self::Activated {
                revision: revision.to_string(),
                replaced: replaced.map(|replaced| replaced.to_string()),
                calls_cut,
            },
            Outcome::CanaryStarted { revision, stable, share, mirrored } => Self::CanaryStarted {
                revision: revision.to_string(),
                stable: stable.to_string(),
                share: share.to_string(),
                mirrored: mirrored.map(|share| share.to_string()),
            },
            Outcome::CanaryAborted { revision, calls_cut } => {
                Self::CanaryAborted { revision: revision.to_string(), calls_cut }
            }
            Outcome::Unchanged { revision } => Self::Unchanged { revision: revision.to_string() },
            Outcome::Removed { service, calls_cut } => Self::Removed { service: service.to_string(), calls_cut },
        }
    }
}

/// Answers a request for a change in the way that its `Accept` header asks for.
pub(super) async fn answer(change: Change, headers: &HeaderMap) -> Result<Response, Rejection> {
    if wants_stream(headers) {
        return Ok(Sse::new(told(change)).keep_alive(KeepAlive::default()).into_response());
    }
    let outcome = change.finished().await?;
    Ok(Json(ChangeOutcome::from(outcome)).into_response())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value
            .split(',')
            .any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream"))
    })
}

/// The steps of a change as events, and its end as the last one.
fn told(change: Change) -> impl Stream<Item = Result<Event, axum::Error>> {
    stream::unfold(Some(change), async |change| {
        let mut change = change?;
        if let Some(progress) = change.progress.recv().await {
            return Some((Event::default().event("step").json_data(StepNews::from(progress)), Some(change)));
        }
        let last = match change.finished().await {
            Ok(outcome) => Event::default().event("outcome").json_data(ChangeOutcome::from(outcome)),
            Err(error) => Event::default().event("error").json_data(Rejection::from(error).into_problem()),
        };
        Some((last, None))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::to_value;

    use super::*;

    #[test]
    fn what_goes_out_is_what_control_says() {
        let progress = Progress {
            step: Step::Compile,
            state: StepState::Done,
            elapsed: Duration::from_millis(1204),
            note: "compiled".to_owned(),
        };
        assert_eq!(to_value(StepNews::from(progress.clone())).unwrap(), to_value(progress).unwrap());
        let (new, old) = ("orders@4".parse().unwrap(), "orders@3".parse().unwrap());
        for outcome in [
            Outcome::Activated { revision: new, replaced: Some(old), calls_cut: 2 },
            Outcome::Unchanged { revision: "orders@4".parse().unwrap() },
            Outcome::Removed { service: "orders".parse().unwrap(), calls_cut: 0 },
        ] {
            assert_eq!(to_value(ChangeOutcome::from(outcome.clone())).unwrap(), to_value(outcome).unwrap());
        }
    }
}
