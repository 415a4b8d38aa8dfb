//! Dead letters: list, look at, replay and drop them.

use std::time::SystemTime;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use patchbay_control::{DeadLetterPlace, StoredDeadLetter};
use patchbay_model::{ServiceName, units};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::AdminState;
use super::message::MessageView;
use super::path::{OfDeadLetter, place};
use super::publish::PublishReceipt;
use super::rejection::Rejection;
use crate::problem::Problem;

/// How many are listed where nobody says so, and how many can be at a time.
const LISTED: (usize, usize) = (100, 1000);

/// Which dead letters to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    /// Those of this service only.
    #[param(value_type = Option<String>)]
    service: Option<ServiceName>,
    /// Those behind this one, `TOPIC/SEQUENCE`: the last one that was listed before.
    #[param(example = "dlq.shipping/7")]
    after: Option<String>,
    /// How many at most: 1 to 1000. Left out: 100.
    limit: Option<usize>,
}

/// A dead letter: a message that could not be handled, and what happened to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetter {
    /// The topic that it was written to.
    #[schema(example = "dlq.shipping")]
    topic: String,
    /// Its place in that.
    sequence: u64,
    /// When it was written.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    stored: SystemTime,
    /// Why the message could not be handled.
    reason: String,
    /// The service that could not.
    #[schema(example = "shipping")]
    service: String,
    /// The number of its revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// The filter of its subscription.
    #[schema(example = "shop.orders.*")]
    filter: String,
    /// Its consumer group.
    #[schema(example = "shipping")]
    group: String,
    /// How often it was tried.
    attempts: u32,
    /// When the bus got it.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    first: SystemTime,
    /// When it was given up.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    last: SystemTime,
    /// How often it was replayed.
    replays: u32,
    /// The message in short.
    message: MessageSummary,
}

/// A message in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageSummary {
    /// The topic that it was published to.
    #[schema(example = "shop.orders.created")]
    topic: String,
    /// Its place in that, if that is durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    /// CloudEvents `id`.
    id: String,
    /// CloudEvents `source`.
    #[schema(example = "/services/orders")]
    source: String,
    /// CloudEvents `type`.
    #[serde(rename = "type")]
    #[schema(example = "OrderCreated")]
    kind: String,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The size of its data, in bytes.
    size: u64,
}

/// A dead letter with its message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WholeDeadLetter {
    /// What happened.
    letter: DeadLetter,
    /// The message as it was.
    original: MessageView,
}

impl From<&StoredDeadLetter> for DeadLetter {
    fn from(stored: &StoredDeadLetter) -> Self {
        let (message, death) = (&stored.letter.message, &stored.letter.death);
        Self {
            topic: stored.place.topic.to_string(),
            sequence: stored.place.sequence,
            stored: stored.stored,
            reason: death.reason.clone(),
            service: death.service.to_string(),
            revision: death.revision.map(patchbay_model::RevisionNumber::get),
            filter: death.filter.to_string(),
            group: death.group.clone(),
            attempts: death.attempts,
            first: death.first,
            last: death.last,
            replays: stored.letter.replays,
            message: MessageSummary {
                topic: message.topic.to_string(),
                sequence: death.sequence,
                id: message.id.clone(),
                source: message.source.clone(),
                kind: message.kind.clone(),
                key: message.key().map(str::to_owned),
                size: message.data.len() as u64,
            },
        }
    }
}

/// Lists dead letters, without what they carry.
///
/// The oldest of each topic come first. A list that is as long as `limit` may go on: ask again with `after`.
#[utoipa::path(
    get, operation_id = "listDeadLetters", path = "/v1/dead-letters", tag = "messages", params(Selection),
    responses(
        (status = 200, description = "The dead letters", body = [DeadLetter]),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(state): State<AdminState>,
    selection: Result<Query<Selection>, QueryRejection>,
) -> Result<Json<Vec<DeadLetter>>, Rejection> {
    let Query(Selection { service, after, limit }) =
        selection.map_err(|error| Rejection::invalid(error.body_text()))?;
    let limit = limit.unwrap_or(LISTED.0);
    if !(1..=LISTED.1).contains(&limit) {
        return Err(Rejection::invalid(format!("`limit` has to lie between 1 and {}", LISTED.1)));
    }
    let after = after.as_deref().map(listed_before).transpose()?;
    let found = state.control.dead_letters(service.as_ref(), after.as_ref(), limit).await?;
    Ok(Json(found.iter().map(DeadLetter::from).collect()))
}

fn listed_before(text: &str) -> Result<DeadLetterPlace, Rejection> {
    let (topic, sequence) = text.rsplit_once('/').ok_or_else(|| {
        Rejection::invalid("`after` has to name the topic and the place of a dead letter, such as `dlq.shipping/7`")
    })?;
    place(topic, sequence)
}

/// Shows a dead letter with the whole message.
#[utoipa::path(
    get, operation_id = "showDeadLetter", path = "/v1/dead-letters/{topic}/{sequence}", tag = "messages",
    params(("topic" = String, Path, description = "The topic that it was written to"), ("sequence" = u64, Path, description = "Its place in that")),
    responses(
        (status = 200, description = "The dead letter", body = WholeDeadLetter),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such dead letter", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<AdminState>,
    OfDeadLetter(place): OfDeadLetter,
) -> Result<Json<WholeDeadLetter>, Rejection> {
    let stored = state.control.dead_letter(&place).await?;
    let death = &stored.letter.death;
    let original = MessageView::new(&stored.letter.message, death.sequence, death.first)?;
    Ok(Json(WholeDeadLetter { letter: DeadLetter::from(&stored), original }))
}

/// Has a dead letter tried once more.
///
/// It goes to the subscription that it failed in and to no other, and its attempts count anew. If it cannot be handled
/// this time either, it is a new dead letter.
#[utoipa::path(
    post, operation_id = "replayDeadLetter", path = "/v1/dead-letters/{topic}/{sequence}/replay", tag = "messages",
    params(("topic" = String, Path, description = "The topic that it was written to"), ("sequence" = u64, Path, description = "Its place in that")),
    responses(
        (status = 200, description = "It is on its way; `id` is that of the message", body = PublishReceipt),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such dead letter", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "There is no room for it; it stays", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn replay(
    State(state): State<AdminState>,
    OfDeadLetter(place): OfDeadLetter,
) -> Result<Json<PublishReceipt>, Rejection> {
    let stored = state.control.dead_letter(&place).await?;
    let receipt = state.control.replay_dead_letter(&place).await?;
    Ok(Json(PublishReceipt::new(stored.letter.message.id, receipt)))
}

/// Drops a dead letter for good.
#[utoipa::path(
    delete, operation_id = "dropDeadLetter", path = "/v1/dead-letters/{topic}/{sequence}", tag = "messages",
    params(("topic" = String, Path, description = "The topic that it was written to"), ("sequence" = u64, Path, description = "Its place in that")),
    responses(
        (status = 200, description = "The one that was dropped", body = DeadLetter),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such dead letter", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn discard(
    State(state): State<AdminState>,
    OfDeadLetter(place): OfDeadLetter,
) -> Result<Json<DeadLetter>, Rejection> {
    let stored = state.control.dead_letter(&place).await?;
    state.control.drop_dead_letter(&place).await?;
    Ok(Json(DeadLetter::from(&stored)))
}
