//! What happened and what services printed: the last records as a list, or all from now on as an event stream.

mod log_selection;

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
use patchbay_model::{LogFilter, LogRecord, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;

use log_selection::LogSelection;

/// How often a stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which events to read.
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

/// One line that a service printed, or that the host says of it, of one of its calls, or of itself. What is not known, or does
/// not apply, is absent.
#[derive(ToSchema)]
#[schema(as = LogLine)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct LogSchema {
    /// Counts up by one from 1 with the start of the host.
    number: u64,
    /// When it was written; for a line of a service, when the host received it.
    #[schema(format = DateTime)]
    time: String,
    /// The service that wrote it, or that it is about.
    #[schema(required = false)]
    service: Option<String>,
    /// The number of the revision that wrote it, or that it is about.
    #[schema(required = false)]
    revision: Option<u32>,
    /// The call it belongs to.
    #[schema(required = false)]
    call: Option<String>,
    /// The trace it belongs to, as 32 hexadecimal digits.
    #[schema(required = false, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace: Option<String>,
    /// The span it belongs to, as 16 hexadecimal digits.
    #[schema(required = false, example = "00f067aa0ba902b7")]
    span: Option<String>,
    /// `stdout`, `stderr`, `logging` for `wasi:logging`, or `host` for what the host says.
    #[schema(example = "stdout")]
    stream: String,
    /// `trace`, `debug`, `info`, `warn`, `error` or `critical`; absent of what is printed.
    #[schema(required = false)]
    level: Option<String>,
    /// What it is about; only of `wasi:logging`.
    #[schema(required = false)]
    context: Option<String>,
    /// The part of the host that wrote it.
    #[schema(required = false, example = "patchbay_channel::record")]
    target: Option<String>,
    /// The kind of fault that a call ended in.
    #[schema(required = false, example = "deadline")]
    fault: Option<String>,
    /// Who called.
    #[schema(required = false)]
    caller: Option<String>,
    /// The user for whom the call was made in the end.
    #[schema(required = false)]
    user: Option<String>,
    /// What else the host says of it, by name.
    #[schema(required = false, value_type = Object, example = json!({"attempts": 2}))]
    fields: std::collections::BTreeMap<String, serde_json::Value>,
    /// The line without its end.
    line: String,
}

/// Something that journals hold.
trait Recorded: Serialize + Clone + Send + Sync + 'static {
    /// The name of its events in a stream.
    const NAME: &'static str;

    /// What chooses among them.
    type Filter: Send + Sync + 'static;

    /// Whether it is one of those.
    fn is_wanted(&self, filter: &Self::Filter) -> bool;
}

impl Recorded for Event {
    const NAME: &'static str = "event";
    type Filter = Option<ServiceName>;

    fn is_wanted(&self, service: &Self::Filter) -> bool {
        service.as_ref().is_none_or(|service| self.service.as_deref() == Some(service.as_str()))
    }
}

impl Recorded for LogRecord {
    const NAME: &'static str = "log";
    type Filter = LogFilter;

    fn is_wanted(&self, filter: &LogFilter) -> bool {
        filter.wants(self)
    }
}

/// A record with its number, as it goes out.
#[derive(Serialize)]
struct Numbered<'a, T> {
    number: u64,
    #[serde(flatten)]
    record: &'a T,
}

/// What is asked of a journal, whatever it holds.
struct Wanted<F> {
    /// Records after this number.
    after: u64,
    /// Whether to stay for what comes.
    follow: bool,
    /// Of what is kept, only so many of the newest.
    limit: Option<usize>,
    filter: F,
}

/// A question as it was asked, with what its headers add.
pub(super) struct Asked<Q> {
    query: Q,
    /// The number in `Last-Event-ID`.
    last: Option<u64>,
}

impl<Q: serde::de::DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<Q> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Query(query) = Query::<Q>::from_request_parts(parts, state)
            .await
            .map_err(|error| Rejection::invalid(error.body_text()))?;
        Ok(Self { query, last: last_event_id(&parts.headers)? })
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
pub(super) async fn events(State(state): State<AdminState>, asked: Asked<Selection>) -> Response {
    let Asked { query: Selection { after, follow, service }, last } = asked;
    let wanted = Wanted { after: last.unwrap_or(after), follow, limit: None, filter: service };
    answer(state.control.events(), wanted, state.stop)
}

/// Shows what services printed, and what the host says of them, of their calls, and of itself.
///
/// A list of the last records; with `follow=true` an event stream of `log`s, whose ids are their numbers. A reader that
/// is too slow gets a `missed` event with the count. A record has to meet all conditions that are given.
#[utoipa::path(
    get, operation_id = "readLogs", path = "/v1/logs", tag = "journals", params(LogSelection),
    responses(
        (status = 200, description = "The records", content((Vec<LogSchema> = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn logs(State(state): State<AdminState>, asked: Asked<LogSelection>) -> Result<Response, Rejection> {
    let wanted = asked.query.wanted(asked.last, state.control.now())?;
    Ok(answer(state.control.logs(), wanted, state.stop))
}

fn answer<T: Recorded>(journal: &Journal<T>, wanted: Wanted<T::Filter>, stop: CancellationToken) -> Response {
    let mut reading = journal.read(wanted.after);
    if wanted.follow {
        let follower = Follower::new(reading, wanted, stop);
        let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("alive");
        return Sse::new(follower.events()).keep_alive(keep_alive).into_response();
    }
    keep_newest(&mut reading.kept, &wanted);
    let kept = reading.kept.iter().filter(|entry| entry.record.is_wanted(&wanted.filter));
    let numbered: Vec<_> = kept.map(|entry| Numbered { number: entry.number, record: &entry.record }).collect();
    Json(numbered).into_response()
}

/// Leaves of what was kept only as many of the newest as are wanted.
fn keep_newest<T: Recorded>(kept: &mut Vec<Arc<Entry<T>>>, wanted: &Wanted<T::Filter>) {
    let Some(limit) = wanted.limit else { return };
    kept.retain(|entry| entry.record.is_wanted(&wanted.filter));
    let over = kept.len().saturating_sub(limit);
    kept.drain(..over);
}

/// Someone who reads along.
struct Follower<T: Recorded> {
    kept: std::vec::IntoIter<Arc<Entry<T>>>,
    reading: tokio::sync::broadcast::Receiver<Arc<Entry<T>>>,
    filter: T::Filter,
    /// Records that were gone before they could be read.
    missed: u64,
    /// The record after those, until the reader has been told of them.
    held: Option<Arc<Entry<T>>>,
    stop: CancellationToken,
}

impl<T: Recorded> Follower<T> {
    fn new(mut reading: Reading<T>, wanted: Wanted<T::Filter>, stop: CancellationToken) -> Self {
        let first = reading.kept.first().map_or(0, |entry| entry.number);
        // Who asks for all there is misses nothing; who comes back to a number may.
        let missed = if wanted.after == 0 { 0 } else { first.saturating_sub(wanted.after + 1) };
        keep_newest(&mut reading.kept, &wanted);
        Self {
            kept: reading.kept.into_iter(),
            reading: reading.following,
            filter: wanted.filter,
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
            } else if entry.record.is_wanted(&self.filter) {
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
