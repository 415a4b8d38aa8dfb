//! `patchbay deploy`: what the next revision of a service is made of.

use std::path::PathBuf;

use clap::Args;
use patchbay_model::traffic::TrafficShare;
use patchbay_model::{Route, ServiceName};
use serde_json::{Map, Value, json};

use super::HostArgs;
use super::setting::Setting;

/// `patchbay deploy`.
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// The service; made if there is none of that name
    pub(crate) name: ServiceName,
    /// The file of the component
    #[arg(value_name = "COMPONENT.wasm")]
    pub(crate) component: PathBuf,
    /// A route to the service, `[METHOD[,METHOD] ][HOST]PATH`; together they replace those of the last deployment
    #[arg(long = "route", value_name = "ROUTE")]
    pub(crate) routes: Vec<Route>,
    /// Open these routes to everybody, also in a host that knows its callers or is strict
    #[arg(long, requires = "routes")]
    pub(crate) anonymous: bool,
    /// Deploy it also if it breaks services that call it
    #[arg(long)]
    pub(crate) allow_breaking: bool,
    /// Only try it, with this share of the calls, step by step where there are several; see `patchbay canary`
    #[arg(long, value_name = "SHARES", value_delimiter = ',', conflicts_with_all = ["routes", "replace"])]
    pub(crate) canary: Vec<TrafficShare>,
    /// How long each step of --canary lasts, and that the last one ends in its promotion [default: it waits for
    /// `patchbay canary promote`]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "canary")]
    bake: Option<String>,
    /// End a canary of the service that is under way, and take its place
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) changes: RevisionArgs,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

/// What a revision has otherwise than the active one.
#[derive(Debug, Args)]
pub(crate) struct RevisionArgs {
    /// Give the service a value to read through wasi:config
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
    /// Take a value of wasi:config away
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Change a setting, by its key in runtime.toml: memory, timeout, concurrency, instance_uses, ...
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Setting>,
    /// How calls and instances meet: auto, fresh, reuse or concurrent
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    instances: Option<Setting>,
    /// A path that has to answer with status 200 to 299 before the revision takes calls
    #[arg(long, value_name = "PATH", conflicts_with = "no_health")]
    health: Option<String>,
    /// How long the answer of the health path may take
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "no_health")]
    health_timeout: Option<String>,
    /// Ask for no health path any more
    #[arg(long)]
    no_health: bool,
}

impl DeployArgs {
    /// How the revision is tried, if it is not to replace the active one at once. Without a time it waits to be promoted.
    pub(crate) fn canary_plan(&self) -> Option<Value> {
        if self.canary.is_empty() {
            return None;
        }
        let mut plan =
            json!({ "steps": self.canary, "manual": self.bake.is_none(), "allow_breaking": self.allow_breaking });
        if let (Some(plan), Some(bake)) = (plan.as_object_mut(), &self.bake) {
            plan.insert("bake".to_owned(), json!(bake));
        }
        Some(plan)
    }
}

impl RevisionArgs {
    /// What changes in the settings, as a JSON merge patch (RFC 7396).
    pub(crate) fn patch(&self) -> Value {
        let mut patch = Map::new();
        let values = self.config.iter().map(|(key, value)| (key.clone(), json!(value)));
        let config: Map<_, _> = values.chain(self.unset.iter().map(|key| (key.clone(), Value::Null))).collect();
        if !config.is_empty() {
            patch.insert("config".to_owned(), Value::Object(config));
        }
        for setting in self.set.iter().chain(&self.instances) {
            setting.put_into(&mut patch);
        }
        let path = self.health.as_ref().map(|path| ("path".to_owned(), json!(path)));
        let timeout = self.health_timeout.as_ref().map(|timeout| ("timeout".to_owned(), json!(timeout)));
        let health: Map<_, _> = path.into_iter().chain(timeout).collect();
        if self.no_health {
            patch.insert("health".to_owned(), Value::Null);
        } else if !health.is_empty() {
            patch.insert("health".to_owned(), Value::Object(health));
        }
        Value::Object(patch)
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write `KEY=VALUE`")?;
    if key.is_empty() { Err("the key is empty".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

fn policy(text: &str) -> Result<Setting, String> {
    format!("instances={text}").parse()
}

pub(super) fn duration(text: &str) -> Result<String, String> {
    patchbay_model::units::parse_duration(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn patch(arguments: &str) -> Option<Value> {
        let line = format!("patchbay deploy orders orders.wasm {arguments}");
        match Cli::try_parse_from(line.split_whitespace()).ok()?.command {
            Command::Deploy(args) => Some(args.changes.patch()),
            _ => None,
        }
    }

    #[test]
    fn options_become_a_merge_patch() {
        for (arguments, wanted) in [
            ("", json!({})),
            ("--config a=b=c --config d= --unset e", json!({ "config": { "a": "b=c", "d": "", "e": null } })),
            ("--set queue=1 --instances fresh", json!({ "limits": { "queue": 1 }, "instances": "fresh" })),
            ("--instances auto", json!({ "instances": null })),
            ("--health /up --health-timeout 2s", json!({ "health": { "path": "/up", "timeout": "2s" } })),
            ("--no-health", json!({ "health": null })),
        ] {
            assert_eq!(patch(arguments), Some(wanted), "{arguments}");
        }
        let plan = |line: &str| match Cli::try_parse_from(line.split_whitespace()).ok()?.command {
            Command::Deploy(args) => args.canary_plan(),
            _ => None,
        };
        for (line, wanted) in [
            ("patchbay deploy orders a.wasm", None),
            (
                "patchbay deploy orders a.wasm --canary 10%",
                Some(json!({ "steps": ["10%"], "manual": true, "allow_breaking": false })),
            ),
            (
                "patchbay deploy orders a.wasm --canary 10%,50% --bake 1m",
                Some(json!({ "steps": ["10%", "50%"], "manual": false, "bake": "1m", "allow_breaking": false })),
            ),
        ] {
            assert_eq!(plan(line), wanted, "{line}");
        }
        for wrong in [
            "--canary 10",
            "--bake 1m",
            "--canary 10% --route /*",
            "--canary 5% --replace",
            "--config a",
            "--config =b",
            "--set a=1",
            "--instances x",
            "--route x",
            "--no-health --health /",
        ] {
            assert_eq!(patch(wrong), None, "{wrong}");
        }
    }
}
