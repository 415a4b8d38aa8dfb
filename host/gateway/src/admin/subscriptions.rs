//! The subscriptions of all services, and how they do.

use axum::Json;
use axum::extract::State;
use patchbay_control::{SubscriptionState, SubscriptionView};
use patchbay_model::bus::SubscriptionSettings;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::rejection::Rejection;
use super::settings::SubscriptionSchema;
use crate::problem::Problem;

/// A subscription of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Subscription {
    /// The service.
    #[schema(example = "shipping")]
    service: String,
    /// The topics: a filter.
    #[schema(example = "shop.orders.*")]
    topic: String,
    /// The consumer group.
    #[schema(example = "shipping")]
    group: String,
    /// Whether it works: `starting`, `active` or `waiting`.
    #[schema(example = "active")]
    state: &'static str,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Messages of durable topics that it has not got yet.
    lag: u64,
    /// Messages that the service is at work on.
    in_flight: u64,
    /// Messages of durable topics that failed and wait to be tried again.
    retrying: u64,
    /// Messages that were handed to the service since the subscription began on this host, each attempt once.
    delivered: u64,
    /// Messages that were done since then.
    acknowledged: u64,
    /// Attempts that failed since then and were followed by another.
    retried: u64,
    /// Messages that became dead letters since then.
    buried: u64,
    /// Where its dead letters go.
    #[schema(example = "dlq.shipping")]
    dead_letter: String,
    /// Dead letters of it that are there now.
    dead_letters: u64,
    /// How it is configured.
    #[schema(value_type = SubscriptionSchema)]
    settings: SubscriptionSettings,
}

impl From<SubscriptionView> for Subscription {
    fn from(view: SubscriptionView) -> Self {
        let (state, reason) = match view.state {
            SubscriptionState::Starting => ("starting", None),
            SubscriptionState::Active => ("active", None),
            SubscriptionState::Waiting(reason) => ("waiting", Some(reason)),
        };
        Self {
            service: view.service.to_string(),
            topic: view.filter.to_string(),
            group: view.group,
            state,
            reason,
            lag: view.lag,
            in_flight: view.in_flight,
            retrying: view.retrying,
            delivered: view.delivered,
            acknowledged: view.acknowledged,
            retried: view.retried,
            buried: view.buried,
            dead_letter: view.dead_letter.to_string(),
            dead_letters: view.dead_letters,
            settings: view.settings,
        }
    }
}

/// Lists the subscriptions of all services that serve.
#[utoipa::path(
    get, operation_id = "listSubscriptions", path = "/v1/subscriptions", tag = "messages",
    responses(
        (status = 200, description = "The subscriptions", body = [Subscription]),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(State(state): State<AdminState>) -> Result<Json<Vec<Subscription>>, Rejection> {
    let subscriptions = state.control.subscriptions().await?;
    Ok(Json(subscriptions.into_iter().map(Subscription::from).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    #[test]
    fn one_that_waits_says_why() {
        let view = SubscriptionView {
            service: "shipping".parse().unwrap(),
            filter: "shop.*".parse().unwrap(),
            group: "shipping".to_owned(),
            settings: SubscriptionSettings::default(),
            state: SubscriptionState::Waiting("the broker is gone".to_owned()),
            lag: 1,
            in_flight: 2,
            retrying: 3,
            delivered: 4,
            acknowledged: 5,
            retried: 6,
            buried: 7,
            dead_letter: "dlq.shipping".parse().unwrap(),
            dead_letters: 8,
        };
        let mut said = to_value(Subscription::from(view)).unwrap();
        let settings = said.as_object_mut().unwrap().remove("settings").unwrap();
        assert_eq!((&settings["max_in_flight"], &settings["start"]), (&json!(32), &json!("new")));
        let wanted = json!({
            "service": "shipping", "topic": "shop.*", "group": "shipping", "state": "waiting",
            "reason": "the broker is gone", "lag": 1, "in_flight": 2, "retrying": 3, "delivered": 4,
            "acknowledged": 5, "retried": 6, "buried": 7, "dead_letter": "dlq.shipping", "dead_letters": 8,
        });
        assert_eq!(said, wanted);
    }
}
