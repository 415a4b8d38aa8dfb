//! `patchbay canary`: a revision that is tried with a share of the calls.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use patchbay_model::traffic::{Factor, Pin, Sticky, TrafficShare};
use patchbay_model::{RevisionNumber, ServiceName};
use serde_json::{Map, Value, json};

use super::HostArgs;
use super::deploy::{RevisionArgs, duration};

/// `patchbay canary`.
#[derive(Debug, Subcommand)]
pub(crate) enum CanaryCommand {
    /// Try a component, or a retained revision, with a share of the calls that grows step by step
    #[command(
        long_about = "Try a component, or a retained revision, with a share of the calls that grows step by step.\n\n\
            The candidate is held against the same checks as a deployment. After the last step it is promoted by itself, if it \
            has done well; if it breaks a rule, its breaker opens, or it has cost too many errors, the canary is over at once, \
            and the revision that served before serves alone. An error is a call that broke the candidate, or that it answered \
            with a status from 500 on. What the command is not told about settings stays as in the active revision.",
        after_help = "Examples:\n  \
            patchbay canary start orders orders.wasm --steps 5%,25%,50% --bake 2m --max-errors 20\n  \
            patchbay canary start orders orders.wasm --mirror 10% --max-p99 1.5x --sticky user\n  \
            patchbay canary start orders --revision 3 --steps 10% --manual --pin header:x-canary=always"
    )]
    Start(Box<CanaryStartArgs>),
    /// Show how far a canary is, and how both revisions do
    #[command(after_help = "Examples:\n  patchbay canary status orders\n  patchbay canary status orders --watch")]
    Status(CanaryStatusArgs),
    /// Make the candidate the revision that serves, however far its canary is
    #[command(after_help = "Example:\n  patchbay canary promote orders")]
    Promote(CanaryArgs),
    /// End a canary: the revision that served before serves alone
    #[command(after_help = "Example:\n  patchbay canary abort orders")]
    Abort(CanaryArgs),
}

/// `patchbay canary start`.
#[derive(Debug, Args)]
pub(crate) struct CanaryStartArgs {
    /// The service
    pub(crate) name: ServiceName,
    /// The file of the component that is tried
    #[arg(value_name = "COMPONENT.wasm", required_unless_present = "revision")]
    pub(crate) component: Option<PathBuf>,
    /// Try a retained revision, in place of a component
    #[arg(long, value_name = "REVISION", conflicts_with_all = ["component", "config", "unset", "set", "instances", "health",
        "health_timeout", "no_health"])]
    pub(crate) revision: Option<RevisionNumber>,
    /// Mirror this share of the requests to the candidate first, for one step, before it gets calls
    #[arg(long, value_name = "SHARE")]
    mirror: Option<TrafficShare>,
    /// The shares of calls that the candidate gets, step by step [default: 5%,25%,50%]
    #[arg(long, value_name = "SHARES", value_delimiter = ',')]
    steps: Vec<TrafficShare>,
    /// How long a step lasts [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    bake: Option<String>,
    /// How much longer a step may last that has seen too few calls; then it waits for you [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    prolong: Option<String>,
    /// Wait after the last step until somebody promotes the candidate
    #[arg(long)]
    manual: bool,
    #[command(flatten)]
    rules: RulesArgs,
    /// A caller that the candidate gets whatever its share: header:NAME=VALUE, cookie:NAME=VALUE or claim:NAME=VALUE. With it
    /// or --sticky, what `traffic` in the settings says does not count
    #[arg(long = "pin", value_name = "PIN")]
    pins: Vec<Pin>,
    /// What keeps a caller on the revision that it had before: user, address, header:NAME, cookie or cookie:NAME
    #[arg(long, value_name = "WHAT")]
    sticky: Option<Sticky>,
    /// Try it also if it breaks services that call it
    #[arg(long)]
    allow_breaking: bool,
    #[command(flatten)]
    pub(crate) changes: RevisionArgs,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// What is asked of a candidate.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
struct RulesArgs {
    /// The share of the candidate's calls that may be errors [default: any]
    #[arg(long, value_name = "SHARE")]
    max_error_rate: Option<TrafficShare>,
    /// How much larger the share of errors may be than that of the stable revision, or `none` [default: 1%]
    #[arg(long, value_name = "SHARE", value_parser = bound)]
    max_error_increase: Option<Value>,
    /// How many times as long the slowest hundredth of calls may take as that of the stable revision [default: any]
    #[arg(long, value_name = "FACTOR")]
    max_p99: Option<Factor>,
    /// Calls that a revision has to have had in a step before its numbers say anything [default: 100]
    #[arg(long, value_name = "N")]
    min_calls: Option<u32>,
    /// The errors that the canary may cost in all; no more calls are on the candidate than errors are left [default: any]
    #[arg(long, value_name = "N")]
    max_errors: Option<u32>,
}

/// `patchbay canary status`.
#[derive(Debug, Args)]
pub(crate) struct CanaryStatusArgs {
    /// The service
    pub(crate) name: ServiceName,
    /// Go on until the canary is over; fails if the candidate was not promoted
    #[arg(long, short)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// `patchbay canary promote` and `patchbay canary abort`.
#[derive(Debug, Args)]
pub(crate) struct CanaryArgs {
    /// The service
    pub(crate) name: ServiceName,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

impl CanaryStartArgs {
    /// How the candidate is tried, as the admin API takes it. What is not said is left to the host.
    pub(crate) fn plan(&self) -> Value {
        let mut plan = Map::new();
        put(&mut plan, "mirror", self.mirror.as_ref());
        put(&mut plan, "steps", Some(&self.steps).filter(|steps| !steps.is_empty()));
        put(&mut plan, "bake", self.bake.as_ref());
        put(&mut plan, "prolong", self.prolong.as_ref());
        put(&mut plan, "manual", Some(true).filter(|_| self.manual).as_ref());
        put(&mut plan, "allow_breaking", Some(true).filter(|_| self.allow_breaking).as_ref());
        let mut rules = Map::new();
        put(&mut rules, "max_error_rate", self.rules.max_error_rate.as_ref());
        put(&mut rules, "max_error_increase", self.rules.max_error_increase.as_ref());
        put(&mut rules, "max_p99", self.rules.max_p99.as_ref());
        put(&mut rules, "min_calls", self.rules.min_calls.as_ref());
        put(&mut rules, "max_errors", self.rules.max_errors.as_ref());
        put(&mut plan, "rules", Some(rules).filter(|rules| !rules.is_empty()).as_ref());
        let mut traffic = Map::new();
        put(&mut traffic, "pins", Some(&self.pins).filter(|pins| !pins.is_empty()));
        put(&mut traffic, "sticky", self.sticky.as_ref());
        put(&mut plan, "traffic", Some(traffic).filter(|traffic| !traffic.is_empty()).as_ref());
        Value::Object(plan)
    }
}

fn put<T: serde::Serialize>(into: &mut Map<String, Value>, key: &str, value: Option<&T>) {
    if let Some(value) = value {
        into.insert(key.to_owned(), json!(value));
    }
}

/// A share, or no bound at all.
fn bound(text: &str) -> Result<Value, String> {
    if text == "none" {
        return Ok(Value::Null);
    }
    text.parse::<TrafficShare>().map(|share| json!(share)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use patchbay_model::traffic::CanaryPlan;

    use super::super::{Cli, Command};
    use super::*;

    fn plan(arguments: &str) -> Option<Value> {
        let line = format!("patchbay canary start orders {arguments}");
        match Cli::try_parse_from(line.split_whitespace()).ok()?.command {
            Command::Canary(CanaryCommand::Start(args)) => Some(args.plan()),
            _ => None,
        }
    }

    #[test]
    fn options_become_a_plan_that_the_host_understands() {
        for (arguments, wanted) in [
            ("a.wasm", json!({})),
            (
                "a.wasm --steps 0.5%,25% --bake 2m --prolong 0s --manual --mirror 10%",
                json!({ "steps": ["0.5%", "25%"], "bake": "2m", "prolong": "0s", "manual": true, "mirror": "10%" }),
            ),
            (
                "--revision 3 --max-error-rate 2% --max-error-increase none --max-p99 1.5x --min-calls 20 --max-errors 5",
                json!({ "rules": { "max_error_rate": "2%", "max_error_increase": null, "max_p99": "1.5x", "min_calls": 20,
                    "max_errors": 5 } }),
            ),
            (
                "a.wasm --pin header:x-canary=always --pin claim:beta=true --sticky cookie",
                json!({ "traffic": { "pins": ["header:x-canary=always", "claim:beta=true"], "sticky": "cookie" } }),
            ),
            (
                "a.wasm --set memory=64MiB --max-error-increase 1% --allow-breaking",
                json!({ "rules": { "max_error_increase": "1%" }, "allow_breaking": true }),
            ),
        ] {
            assert_eq!(plan(arguments), Some(wanted.clone()), "{arguments}");
            let understood: CanaryPlan = serde_json::from_value(wanted).unwrap();
            assert_eq!(understood.problems(), [], "{arguments}");
        }
        for wrong in [
            "",
            "a.wasm --revision 3",
            "--revision 3 --set memory=64MiB",
            "a.wasm --steps 5",
            "a.wasm --bake soon",
            "a.wasm --max-p99 0.5",
            "a.wasm --pin x-canary",
            "a.wasm --sticky claim",
        ] {
            assert_eq!(plan(wrong), None, "{wrong}");
        }
    }
}
