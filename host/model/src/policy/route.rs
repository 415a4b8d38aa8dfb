//! What is enforced on a route, beside what is enforced for the service that it leads to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AccessRule, DAY, EdgeSettings, Judge, Operation, Priority, Rate, Term};
use crate::settings::SettingsError;
use crate::units;

/// The settings of a route. What is absent is as the service has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteSettings {
    /// Whether those may come in who show no credential.
    pub anonymous: bool,
    /// Who may come in, and with which methods. Absent: everybody whom the host knows, unless it is strict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<AccessRule>>,
    /// Whether the service gets the credential that the host has verified.
    pub forward_credentials: bool,
    /// The longest that a call may take, if that is less than the service allows.
    #[serde(with = "units::optional_duration", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Body of a request in bytes, if that is less than the service allows.
    #[serde(with = "units::optional_size", skip_serializing_if = "Option::is_none")]
    pub request_body: Option<u64>,
    /// Calls at a time that come in here, among those that the service may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How much its calls matter when not all can be served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How often it may be called, beside the rate of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How often each user may call it; those without a credential count by their address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_user: Option<Rate>,
    /// How often it may be called from each address; for IPv6, from each network of 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_address: Option<Rate>,
    /// Whether each request is logged when its answer is out. Absent: as `[logs] access` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log: Option<bool>,
    /// What happens to requests and replies at the edge of the host.
    #[serde(skip_serializing_if = "EdgeSettings::is_empty")]
    pub edge: EdgeSettings,
}

impl RouteSettings {
    /// Everything that is wrong with these settings, beside what is wrong with those of the edge; empty if they can be
    /// enforced.
    pub fn own_problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        let mut judge = Judge(&mut problems);
        let possible = |value: Duration| value >= Duration::from_millis(1) && value <= DAY;
        judge.require(self.timeout.is_none_or(possible), "timeout", "must lie between 1ms and 24h");
        let concurrency = self.concurrency.is_none_or(|calls| (1..=1_000_000).contains(&calls));
        judge.require(concurrency, "concurrency", "must lie between 1 and 1000000");
        for rule in self.callers.iter().flatten() {
            let of_service = rule.who().iter().any(|term| matches!(term, Term::Service(_)));
            judge.require(
                !of_service,
                "callers",
                &format!("has the rule `{rule}`, and no service comes in by a route"),
            );
            let fits = matches!(rule.operation(), Operation::All | Operation::Http | Operation::Methods(_));
            judge.require(fits, "callers", &format!("has the rule `{rule}`, and a route leads to no function"));
        }
        judge.require(
            !(self.anonymous && self.callers.is_some()),
            "callers",
            "says who may come in, and `anonymous` that everybody may; leave one of them out",
        );
        problems
    }
}
