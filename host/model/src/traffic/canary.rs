//! Canaries: a candidate whose share grows in steps, as long as it does well.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Factor, TrafficSettings, TrafficShare};
use crate::policy::{DAY, Judge};
use crate::settings::SettingsError;
use crate::{RevisionNumber, units};

/// What is asked of a candidate. An error is a fault that is the instance's own doing, and an HTTP reply with a status from
/// 500 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CanaryRules {
    /// The share of the candidate's calls that may be errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_error_rate: Option<TrafficShare>,
    /// How much larger the share of errors may be than that of the stable revision at the same time. Written also where there is
    /// no bound, because what is absent is one percent.
    pub max_error_increase: Option<TrafficShare>,
    /// How many times as long the slowest hundredth of calls may take as that of the stable revision at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_p99: Option<Factor>,
    /// Calls that a revision has to have had in a step before its numbers say anything.
    pub min_calls: u32,
    /// The errors that the canary may cost in all. At the last one it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<u32>,
}

impl Default for CanaryRules {
    /// One more percent of errors than the stable revision has, judged by 100 calls.
    fn default() -> Self {
        Self {
            max_error_rate: None,
            max_error_increase: TrafficShare::percent(1),
            max_p99: None,
            min_calls: 100,
            max_errors: None,
        }
    }
}

/// How a candidate is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CanaryPlan {
    /// The share of requests that is mirrored to the candidate, in a step before it gets calls. Absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<TrafficShare>,
    /// The share of calls that the candidate gets, step by step.
    pub steps: Vec<TrafficShare>,
    /// How long a step lasts.
    #[serde(with = "units::duration")]
    pub bake: Duration,
    /// How much longer a step may last that has seen too few calls.
    #[serde(with = "units::duration")]
    pub prolong: Duration,
    /// Whether the last step lasts until somebody promotes the candidate.
    pub manual: bool,
    /// What is asked of the candidate.
    pub rules: CanaryRules,
    /// Whose calls the candidate gets; absent: as its settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficSettings>,
    /// Whether the candidate may break services that call it.
    pub allow_breaking: bool,
}

impl Default for CanaryPlan {
    /// 5%, 25% and 50%, for five minutes each.
    fn default() -> Self {
        Self {
            mirror: None,
            steps: [5, 25, 50].into_iter().filter_map(TrafficShare::percent).collect(),
            bake: Duration::from_secs(300),
            prolong: Duration::from_secs(300),
            manual: false,
            rules: CanaryRules::default(),
            traffic: None,
            allow_breaking: false,
        }
    }
}

impl CanaryPlan {
    /// How many steps there are, the one that only mirrors among them.
    pub fn n_steps(&self) -> u32 {
        let mirrors = u32::from(self.mirror.is_some());
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(mirrors)
    }

    /// The share of calls that the candidate gets in a step, counted from 0.
    pub fn share(&self, step: u32) -> TrafficShare {
        let index = match self.mirror {
            Some(_) => (step as usize).checked_sub(1),
            None => Some(step as usize),
        };
        index.and_then(|index| self.steps.get(index)).copied().unwrap_or(TrafficShare::NONE)
    }

    /// The share of requests that is mirrored in a step, if it is one that mirrors.
    pub fn mirrors(&self, step: u32) -> Option<TrafficShare> {
        self.mirror.filter(|_| step == 0)
    }

    /// Everything that is wrong with the plan; empty if it can be followed.
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        let mut judge = Judge(&mut problems);
        judge.require(
            (1..=32).contains(&self.steps.len()),
            "steps",
            "must be between 1 and 32 shares, such as `5%,25%,50%`",
        );
        let grow = self.steps.iter().zip(self.steps.iter().skip(1)).all(|(one, next)| one < next);
        let within = self.steps.iter().all(|share| !share.is_none() && *share < TrafficShare::ALL);
        judge.require(
            grow && within,
            "steps",
            "must grow, from more than 0% to less than 100%: the share that is left tells what is normal, and promotion is \
             what makes it 100%",
        );
        judge.require(self.mirror.is_none_or(|share| !share.is_none()), "mirror", "must be more than 0%");
        let possible = self.bake >= Duration::from_secs(1) && self.bake <= 7 * DAY;
        judge.require(possible, "bake", "must lie between 1s and 7days");
        judge.require(self.prolong <= 7 * DAY, "prolong", "must be at most 7days");
        let rules = &self.rules;
        judge.require(
            (1..=10_000_000).contains(&rules.min_calls),
            "min_calls",
            "must lie between 1 and 10000000: nothing is promoted that nobody has called",
        );
        judge.require(rules.max_errors != Some(0), "max_errors", "must be at least 1");
        if let Some(traffic) = &self.traffic {
            traffic.judge(&mut judge);
        }
        problems
    }
}

/// What has to be remembered of a canary that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryRecord {
    /// The candidate.
    pub revision: RevisionNumber,
    /// How it is tried.
    pub plan: CanaryPlan,
    /// The step, counted from 0.
    pub step: u32,
    /// When the step began.
    #[serde(with = "units::timestamp")]
    pub since: SystemTime,
    /// How long the step has lasted already, not counting the time in which the host was down.
    #[serde(with = "units::duration")]
    pub baked: Duration,
    /// The errors that it has cost its callers.
    #[serde(default)]
    pub errors: u32,
    /// Whether the candidate was deployed for the canary, and is forgotten with it.
    #[serde(default)]
    pub made: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: &[&str]) -> CanaryPlan {
        CanaryPlan { steps: steps.iter().map(|step| step.parse().unwrap()).collect(), ..CanaryPlan::default() }
    }

    #[test]
    fn plans_have_to_lead_somewhere() {
        let with = |change: fn(&mut CanaryPlan)| {
            let mut plan = CanaryPlan::default();
            change(&mut plan);
            plan
        };
        for (plan, wrong) in [
            (CanaryPlan::default(), None),
            (plan(&["0.1%", "1%", "99.9%"]), None),
            (plan(&[]), Some("steps")),
            (plan(&["5%", "5%"]), Some("steps")),
            (plan(&["50%", "5%"]), Some("steps")),
            (plan(&["0%", "5%"]), Some("steps")),
            (plan(&["5%", "100%"]), Some("steps")),
            (with(|plan| plan.bake = Duration::ZERO), Some("bake")),
            (with(|plan| plan.prolong = 8 * DAY), Some("prolong")),
            (with(|plan| plan.rules.min_calls = 0), Some("min_calls")),
            (with(|plan| plan.rules.max_errors = Some(0)), Some("max_errors")),
            (with(|plan| plan.mirror = Some(TrafficShare::NONE)), Some("mirror")),
        ] {
            let found = plan.problems().first().map(|problem| problem.key);
            assert_eq!(found, wrong, "{plan:?}");
        }
    }

    #[test]
    fn a_step_that_mirrors_comes_first() {
        let mut plan = plan(&["5%", "50%"]);
        let shares =
            |plan: &CanaryPlan| (0..=plan.n_steps()).map(|step| plan.share(step).to_string()).collect::<Vec<_>>();
        assert_eq!(shares(&plan), ["5%", "50%", "0%"]);
        plan.mirror = TrafficShare::percent(10);
        assert_eq!(shares(&plan), ["0%", "5%", "50%", "0%"]);
        assert_eq!((plan.mirrors(0), plan.mirrors(1)), (TrafficShare::percent(10), None));
    }

    #[test]
    fn a_record_is_read_back_and_lacks_may_be() {
        let record = CanaryRecord {
            revision: RevisionNumber::FIRST,
            plan: CanaryPlan::default(),
            step: 1,
            since: SystemTime::UNIX_EPOCH,
            baked: Duration::from_secs(7),
            errors: 3,
            made: true,
        };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<CanaryRecord>(&text).unwrap(), record);
        let unbound = CanaryRules { max_error_increase: None, ..CanaryRules::default() };
        let text = serde_json::to_string(&unbound).unwrap();
        assert_eq!(serde_json::from_str::<CanaryRules>(&text).unwrap(), unbound);
        assert_eq!(serde_json::from_str::<CanaryRules>("{}").unwrap(), CanaryRules::default());
        let short = r#"{"revision":1,"plan":{"steps":["5%"]},"step":0,"since":"2026-01-01T00:00:00Z","baked":"0s"}"#;
        let record: CanaryRecord = serde_json::from_str(short).unwrap();
        assert_eq!((record.errors, record.plan.bake), (0, CanaryPlan::default().bake));
    }
}
