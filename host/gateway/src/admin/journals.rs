//! What happened and what services printed: the last records as a list, or all from now on as an event stream.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Query, State};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use http::HeaderMap;
use http::request::Parts;
use patchbay_control::{Entry, Event, Journal, Reading};
use patchbay_model::{LogRecord, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;

/// How often a stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which records to read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    /// Records after this number. `Last-Event-ID` wins over it.
    #[serde(default)]
    #[param(format = "uint64")]
    after: u64,
    /// Whether to stay for what comes.
    #[serde(default)]
    follow: bool,
    /// Records of this service only.
    #[param(value_type = Option<String>)]
    service: Option<ServiceName>,
}

/// One thing that happened.
#[derive(ToSchema)]
#[schema(as = Event)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of control")]
pub(super) struct EventSchema {
    /// Counts up by one from 1 with the start of the host.
    number: u64,
    /// When it happened.
    #[schema(format = DateTime)]
    time: String,
    /// What happened: `published`, `change-failed` and so on.
    #[schema(example = "published")]
    kind: String,
    /// The service it happened to.
    #[schema(required = false)]
    service: Option<String>,
    /// The number of the revision it happened to.
    #[schema(required = false)]
    revision: Option<u32>,
    /// The event as a sentence.
    message: String,
}

/// One line that a service printed.
#[derive(ToSchema)]
#[schema(as = LogLine)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct LogSchema {
    /// Counts up by one from 1 with the start of the host.
    number: u64,
    /// When the host received the line.
    #[schema(format = DateTime)]
    time: String,
    /// The service that wrote it.
    service: String,
    /// The number of the revision that wrote it.
    revision: u32,
    /// The call it belongs to.
    #[schema(required = false)]
    call: Option<String>,
    /// `stdout`, `stderr`, or `logging` for `wasi:logging`.
    #[schema(example = "stdout")]
    stream: String,
    /// `trace`, `debug`, `info`, `warn`, `error` or `critical`; only of `wasi:logging`.
    #[schema(required = false)]
    level: Option<String>,
    /// What it is about; only of `wasi:logging`.
    #[schema(required = false)]
    context: Option<String>,
    /// The line without its end.
    line: String,
}

/// Something that journals hold.
trait Recorded: Serialize + Clone + Send + Sync + 'static {
    /// The name of its events in a stream.
    const NAME: &'static str;

    /// The service it belongs to.
    fn service(&self) -> Option<&str>;
}

impl Recorded for Event {
    const NAME: &'static str = "event";

    fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }
}

impl Recorded for LogRecord {
    const NAME: &'static str = "log";

    fn service(&self) -> Option<&str> {
        Some(&self.service)
    }
}

/// A record with its number, as it goes out.
#[derive(Serialize)]
struct Numbered<'a, T> {
    number: u64,
    #[serde(flatten)]
    record: &'a T,
}

/// The selection of a request, with what its headers add.
pub(super) struct Asked(Selection);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Query(mut selection) = Query::<Selection>::from_request_parts(parts, state)
            .await
            .map_err(|error| Rejection::invalid(error.body_text()))?;
        if let Some(last) = last_event_id(&parts.headers)? {
            selection.after = last;
        }
        Ok(Self(selection))
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Rejection> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| Rejection::invalid("`Last-Event-ID` is not the number of a record"))
}

/// Shows what happened to services.
///
/// A list of the last records; with `follow=true` an event stream of `event`s, whose ids are their numbers. A reader
/// that is too slow gets a `missed` event with the count.
#[utoipa::path(
    get, operation_id = "readEvents", path = "/v1/events", tag = "journals", params(Selection),
    responses(
        (status = 200, description = "The records", content((Vec<EventSchema> = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn events(State(state): State<AdminState>, Asked(selection): Asked) -> Response {
    answer(state.control.events(), selection, state.stop)
}

/// Shows what services printed.
///
/// A list of the last records; with `follow=true` an event stream of `log`s, whose ids are their numbers. A reader that
/// is too slow gets a `missed` event with the count.
#[utoipa::path(
    get, operation_id = "readLogs", path = "/v1/logs", tag = "journals", params(Selection),
    responses(
        (status = 200, description = "The records", content((Vec<LogSchema> = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn logs(State(state): State<AdminState>, Asked(selection): Asked) -> Response {
    answer(state.control.logs(), selection, state.stop)
}

fn answer<T: Recorded>(journal: &Journal<T>, selection: Selection, stop: CancellationToken) -> Response {
    let reading = journal.read(selection.after);
    if selection.follow {
        let follower = Follower::new(reading, selection, stop);
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("alive");
        return Sse::new(follower.events()).keep_alive(keep_alive).into_response();
    }
    let wanted = reading.kept.iter().filter(|entry| is_wanted(entry, selection.service.as_ref()));
    let numbered: Vec<_> = wanted.map(|entry| Numbered { number: entry.number, record: &entry.record }).collect();
    Json(numbered).into_response()
}

fn is_wanted<T: Recorded>(entry: &Entry<T>, service: Option<&ServiceName>) -> bool {
    service.is_none_or(|service| entry.record.service() == Some(service.as_str()))
}

/// Someone who reads along.
struct Follower<T> {
    kept: std::vec::IntoIter<Arc<Entry<T>>>,
    reading: tokio::sync::broadcast::Receiver<Arc<Entry<T>>>,
    service: Option<ServiceName>,
    /// Records that were gone before they could be read.
    missed: u64,
    /// The record after those, until the reader has been told of them.
    held: Option<Arc<Entry<T>>>,
    stop: CancellationToken,
}

impl<T: Recorded> Follower<T> {
    fn new(reading: Reading<T>, selection: Selection, stop: CancellationToken) -> Self {
        let first = reading.kept.first().map_or(0, |entry| entry.number);
        // Who asks for all there is misses nothing; who comes back to a number may.
        let missed = if selection.after == 0 { 0 } else { first.saturating_sub(selection.after + 1) };
        Self {
            kept: reading.kept.into_iter(),
            reading: reading.following,
            service: selection.service,
            missed,
            held: None,
            stop,
        }
    }

    fn events(self) -> impl Stream<Item = Result<SseEvent, axum::Error>> {
        stream::unfold(self, async |mut follower| follower.next().await.map(|event| (event, follower)))
    }

    /// The next event; `None` when the host stops.
    async fn next(&mut self) -> Option<Result<SseEvent, axum::Error>> {
        loop {
            let missed = std::mem::take(&mut self.missed);
            if missed > 0 {
                return Some(SseEvent::default().event("missed").json_data(json!({ "count": missed })));
            }
            let entry = match self.held.take().or_else(|| self.kept.next()) {
                Some(entry) => entry,
                None => self.receive().await?,
            };
            if self.missed > 0 {
                self.held = Some(entry);
            } else if is_wanted(&entry, self.service.as_ref()) {
                let data = Numbered { number: entry.number, record: &entry.record };
                return Some(SseEvent::default().event(T::NAME).id(entry.number.to_string()).json_data(data));
            }
        }
    }

    async fn receive(&mut self) -> Option<Arc<Entry<T>>> {
        loop {
            let received = {
                let received = pin!(self.reading.recv());
                self.stop.run_until_cancelled(received).await?
            };
            match received {
                Ok(entry) => return Some(entry),
                Err(RecvError::Lagged(count)) => self.missed += count,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
