//! What goes on, for people who look on: services, who calls whom, and topics. Counts only grow; whoever wants a rate takes the
//! difference of two of these.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{Query, State};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use patchbay_control::{LinkActivity, LinkReading, ServiceActivity, TopicActivity};
use patchbay_model::units;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use utoipa::{IntoParams, ToSchema};

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;

/// How often those who follow are told.
const PERIOD: Duration = Duration::from_secs(1);

/// How to read it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Reading {
    /// Whether to stay, and be told once a second.
    #[serde(default)]
    follow: bool,
}

/// What goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Activity {
    /// The time of day.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    time: SystemTime,
    /// All services by name.
    services: Vec<ActiveService>,
    /// Who calls whom: links that were used, and those that follow from contracts.
    links: Vec<ActiveLink>,
    /// The declared topics by name, and `_undeclared` for all others.
    topics: Vec<ActiveTopic>,
}

/// A service, and how much it has to do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActiveService {
    /// Its name.
    #[schema(example = "orders")]
    name: String,
    /// The number of the revision that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// The number of the revision that is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<u32>,
    /// The share of calls that it gets, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_share: Option<f64>,
    /// Instances that are at work.
    busy: u64,
    /// Instances that wait for a call.
    idle: u64,
    /// Linear memory of all these instances, and what the host keeps for them, in bytes.
    memory_bytes: u64,
    /// Calls that have a place.
    calls: u32,
    /// Calls that wait for one.
    waiting: u32,
    /// Whether the breaker lets no call through.
    broken: bool,
}

/// The calls of one caller of one service, since the service is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActiveLink {
    /// The caller: a service, `outside`, `operator` or `host`.
    #[schema(example = "outside")]
    caller: String,
    /// The service.
    #[schema(example = "orders")]
    service: String,
    /// Calls that ended.
    calls: u64,
    /// Those among them that ended in a fault, by its kind.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    faults: BTreeMap<&'static str, u64>,
    /// Those among them that were answered with an HTTP status of 500 or more.
    error_replies: u64,
    /// How long they took.
    latency: Latency,
}

/// How long calls took.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Latency {
    /// Calls.
    count: u64,
    /// The sum of their times.
    sum_seconds: f64,
    /// For each bound in seconds, the calls that took no longer. What took longer than the last one is in `count` alone.
    #[schema(value_type = Vec<Vec<f64>>, example = json!([[0.001, 3], [0.0025, 7]]))]
    buckets: Vec<(f64, u64)>,
}

/// A topic, since the host runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActiveTopic {
    /// As it is declared.
    #[schema(example = "shop.>")]
    name: String,
    /// Messages that were published here.
    published: u64,
    /// Messages that were handed to services, each attempt once.
    delivered: u64,
    /// Those among them that had been handed over before.
    redelivered: u64,
    /// Messages that became dead letters.
    dead: u64,
    /// Messages that consumer groups have not got yet; only of durable topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
}

impl From<patchbay_control::Activity> for Activity {
    fn from(activity: patchbay_control::Activity) -> Self {
        Self {
            time: activity.time,
            services: activity.services.into_iter().map(ActiveService::from).collect(),
            links: activity.links.into_iter().map(ActiveLink::from).collect(),
            topics: activity.topics.into_iter().map(ActiveTopic::from).collect(),
        }
    }
}

impl From<ServiceActivity> for ActiveService {
    fn from(service: ServiceActivity) -> Self {
        let ServiceActivity { name, active, candidate, busy, idle, memory_bytes, calls, waiting, broken } = service;
        Self {
            name: name.to_string(),
            revision: active.map(|number| number.get()),
            candidate: candidate.map(|(number, _)| number.get()),
            candidate_share: candidate.map(|(_, share)| share),
            busy,
            idle,
            memory_bytes,
            calls,
            waiting,
            broken,
        }
    }
}

impl From<LinkActivity> for ActiveLink {
    fn from(LinkActivity { caller, service, reading }: LinkActivity) -> Self {
        let service = service.to_string();
        let Some(LinkReading { durations, faults, error_replies }) = reading else {
            let latency = Latency::default();
            return Self { caller, service, calls: 0, faults: BTreeMap::new(), error_replies: 0, latency };
        };
        let buckets = durations.cumulative().filter(|(bound, _)| bound.is_finite()).collect();
        Self {
            caller,
            service,
            calls: durations.count(),
            faults: faults.into_iter().map(|(kind, count)| (kind.name(), count)).collect(),
            error_replies,
            latency: Latency { count: durations.count(), sum_seconds: durations.sum, buckets },
        }
    }
}

impl From<TopicActivity> for ActiveTopic {
    fn from(topic: TopicActivity) -> Self {
        let TopicActivity { name, published, delivered, redelivered, dead, pending } = topic;
        Self { name, published, delivered, redelivered, dead, pending }
    }
}

/// Shows what goes on: services, who calls whom, and topics.
///
/// Counts grow from the start of the host on; a rate is the difference of two readings. With `follow=true` an event stream
/// with an `activity` once a second.
#[utoipa::path(
    get, operation_id = "readActivity", path = "/v1/activity", tag = "host", params(Reading),
    responses(
        (status = 200, description = "What goes on", content((Activity = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn activity(
    State(state): State<AdminState>,
    reading: Result<Query<Reading>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Rejection> {
    let Query(Reading { follow }) = reading.map_err(|error| Rejection::invalid(error.body_text()))?;
    if follow {
        return Ok(Sse::new(followed(state)).keep_alive(KeepAlive::default()).into_response());
    }
    Ok(Json(Activity::from(state.control.activity().await)).into_response())
}

/// What goes on, once a second, until the host stops.
fn followed(state: AdminState) -> impl Stream<Item = Result<SseEvent, axum::Error>> {
    stream::unfold((state, Instant::now()), async |(state, due)| {
        state.stop.run_until_cancelled(sleep_until(due)).await?;
        let activity = Activity::from(state.control.activity().await);
        let event = SseEvent::default().event("activity").json_data(&activity);
        // A reader that is slow misses some, and is not told of them all at once.
        let next = (due + PERIOD).max(Instant::now());
        Some((event, (state, next)))
    })
}
