//! The settings of traffic, and the plans of canaries, in the document.

use utoipa::ToSchema;

/// Whose calls a candidate gets, beside its share.
#[derive(ToSchema)]
#[schema(as = TrafficSettings)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(crate) struct TrafficSchema {
    /// Callers that the candidate gets whatever its share: `header:NAME=VALUE`, `cookie:NAME=VALUE` or `claim:NAME=VALUE`.
    #[schema(required = false, example = json!(["header:x-canary=always"]))]
    pins: Vec<String>,
    /// What keeps a caller on the revision that it had before: `user`, `address`, `header:NAME`, `cookie` or `cookie:NAME`;
    /// absent: nothing does.
    #[schema(required = false, example = "user")]
    sticky: Option<String>,
}

/// What is mirrored of the requests of a service.
#[derive(ToSchema)]
#[schema(as = MirrorSettings)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(crate) struct MirrorSchema {
    /// The share of its requests that goes to the service `to`, too.
    #[schema(required = false, example = "10%")]
    share: String,
    /// The service that gets them; absent: only the candidate of a canary does, if the canary asks for it.
    #[schema(required = false)]
    to: Option<String>,
    /// Body of a request or reply that is kept to be mirrored or compared.
    #[schema(required = false, example = "64KiB")]
    max_body: String,
    /// The longest that a mirrored request may take.
    #[schema(required = false, example = "5s")]
    timeout: String,
    /// Mirrored requests at a time; the next one is left out.
    #[schema(required = false, example = 16)]
    concurrency: u32,
    /// Whether samples of answers that differ show how their bodies begin.
    #[schema(required = false, example = false)]
    show_bodies: bool,
}

/// How a candidate is tried.
#[derive(ToSchema)]
#[schema(as = CanaryPlan)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(crate) struct PlanSchema {
    /// The share of requests that is mirrored to the candidate, in a step before it gets calls; absent: there is none.
    #[schema(required = false, example = "10%")]
    mirror: Option<String>,
    /// The share of calls that the candidate gets, step by step.
    #[schema(required = false, example = json!(["5%", "25%", "50%"]))]
    steps: Vec<String>,
    /// How long a step lasts.
    #[schema(required = false, example = "5m")]
    bake: String,
    /// How much longer a step may last that has seen too few calls. Then it waits for somebody who decides.
    #[schema(required = false, example = "5m")]
    prolong: String,
    /// Whether the last step lasts until somebody promotes the candidate.
    #[schema(required = false, example = false)]
    manual: bool,
    /// What is asked of the candidate.
    #[schema(required = false)]
    rules: RulesSchema,
    /// Whose calls the candidate gets; absent: as its settings say.
    #[schema(required = false)]
    traffic: Option<TrafficSchema>,
    /// Whether the candidate may break services that call it.
    #[schema(required = false, example = false)]
    allow_breaking: bool,
}

/// What is asked of a candidate. An error is a fault that is the instance's own doing, and an HTTP reply with a status from
/// 500 on.
#[derive(ToSchema)]
#[schema(as = CanaryRules)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(crate) struct RulesSchema {
    /// The share of the candidate's calls that may be errors; absent: any.
    #[schema(required = false, example = "2%")]
    max_error_rate: Option<String>,
    /// How much larger the share of errors may be than that of the stable revision at the same time; `null`: as much as it
    /// likes.
    #[schema(required = false, example = "1%")]
    max_error_increase: Option<String>,
    /// How many times as long the slowest hundredth of calls may take as that of the stable revision at the same time; absent:
    /// as long as it likes.
    #[schema(required = false, example = "1.5x")]
    max_p99: Option<String>,
    /// Calls that a revision has to have had in a step before its numbers say anything.
    #[schema(required = false, example = 100)]
    min_calls: u32,
    /// The errors that the canary may cost in all; absent: any number.
    #[schema(required = false, example = 20)]
    max_errors: Option<u32>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use patchbay_model::traffic::{CanaryPlan, CanaryRules, MirrorSettings, TrafficSettings, TrafficShare};
    use serde_json::Value;
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn the_document_has_the_keys_of_the_model() {
        let traffic = TrafficSettings { pins: Vec::new(), sticky: "user".parse().ok() };
        let rules = CanaryRules {
            max_error_rate: Some(TrafficShare::ALL),
            max_p99: "2x".parse().ok(),
            max_errors: Some(1),
            ..CanaryRules::default()
        };
        let mirror = Some(TrafficShare::ALL);
        let plan = CanaryPlan { mirror, rules, traffic: Some(traffic), ..CanaryPlan::default() };
        let plan = serde_json::to_value(plan).unwrap();
        let mirror = MirrorSettings { to: "shadow".parse().ok(), ..MirrorSettings::default() };
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        for (schema, value) in [
            (PlanSchema::schema(), &plan),
            (RulesSchema::schema(), &plan["rules"]),
            (TrafficSchema::schema(), &plan["traffic"]),
            (MirrorSchema::schema(), &serde_json::to_value(mirror).unwrap()),
        ] {
            assert_eq!(keys(&serde_json::to_value(schema).unwrap()["properties"]), keys(value));
        }
    }
}
