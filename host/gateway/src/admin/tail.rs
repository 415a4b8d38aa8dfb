//! Watching what goes by in topics, as an event stream.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use patchbay_control::Tail;
use patchbay_model::bus::{Start, TopicFilter};
use patchbay_model::ports::Incoming;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::AdminState;
use super::message::MessageView;
use super::rejection::Rejection;
use crate::problem::Problem;

/// How often a stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which messages to watch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Watched {
    /// The topics: a filter.
    #[param(value_type = String, example = "shop.orders.*")]
    topic: TopicFilter,
    /// With which message of durable topics to begin: `new`, `beginning`, or a time in UTC.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "beginning")]
    start: Start,
}

/// Watches the messages of topics.
///
/// An event stream of `message`s. Watching takes nothing away from subscriptions. A reader that is too slow gets a
/// `missed` event with the count of volatile messages that passed by, and an `unreadable` event stands for a message that
/// cannot be written in JSON. The stream ends when the host stops.
#[utoipa::path(
    get, operation_id = "watchMessages", path = "/v1/tail", tag = "messages", params(Watched),
    responses(
        (status = 200, description = "The messages", content((MessageView = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn tail(
    State(state): State<AdminState>,
    watched: Result<Query<Watched>, QueryRejection>,
) -> Result<Response, Rejection> {
    let Query(Watched { topic, start }) = watched.map_err(|error| Rejection::invalid(error.body_text()))?;
    let tail = state.control.tail(&topic, start).await?;
    let watcher = Watcher { tail, ready: Vec::new().into_iter(), told: 0, stop: state.stop };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("alive");
    Ok(Sse::new(watcher.events()).keep_alive(keep_alive).into_response())
}

/// Someone who watches.
struct Watcher {
    tail: Tail,
    ready: std::vec::IntoIter<Incoming>,
    /// Messages that were missed, as far as the reader has been told of them.
    told: u64,
    stop: CancellationToken,
}

impl Watcher {
    fn events(self) -> impl Stream<Item = Result<SseEvent, axum::Error>> {
        stream::unfold(self, async |mut watcher| watcher.next().await.map(|event| (event, watcher)))
    }

    /// The next event; `None` when the host or the bus stops.
    async fn next(&mut self) -> Option<Result<SseEvent, axum::Error>> {
        loop {
            let dropped = self.tail.dropped();
            let missed = dropped.saturating_sub(self.told);
            if missed > 0 {
                self.told = dropped;
                return Some(SseEvent::default().event("missed").json_data(json!({ "count": missed })));
            }
            if let Some(incoming) = self.ready.next() {
                return Some(event(&incoming));
            }
            let batch = self.stop.run_until_cancelled(self.tail.next()).await?;
            if batch.is_empty() {
                return None;
            }
            self.ready = batch.into_iter();
        }
    }
}

fn event(incoming: &Incoming) -> Result<SseEvent, axum::Error> {
    match MessageView::new(&incoming.message, incoming.sequence, incoming.stored) {
        Ok(view) => SseEvent::default().event("message").json_data(view),
        Err(error) => SseEvent::default().event("unreadable").json_data(json!({
            "topic": incoming.message.topic, "sequence": incoming.sequence, "problem": error.to_string(),
        })),
    }
}
