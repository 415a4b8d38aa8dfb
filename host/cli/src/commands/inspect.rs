//! `patchbay inspect`: everything about a service and one of its revisions.

use std::time::SystemTime;

use patchbay_backends::SystemClock;
use patchbay_model::ports::Clock;
use patchbay_model::{Settings, units};
use serde_json::{Value, json};

use super::canary::mirror_lines;
use crate::args::InspectArgs;
use crate::brief;
use crate::client::view::{Contract, ContractItem, Link, Revision, RevisionSummary, Service};
use crate::client::{Client, service_path};
use crate::columns::Columns;
use crate::failure::{Failure, FailureKind};
use crate::screen::{BAD, DIM, GOOD, HEAD, NAME, Screen, WARN, styled};

mod policy;
mod subscriptions;

/// Shows a service, and the revision that was asked for or that serves.
///
/// # Errors
/// If there is none, or the host cannot be reached.
pub(crate) async fn run(args: &InspectArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    if args.policy {
        if args.target.revision.is_some() {
            let message = "policies hold for the revision that serves; leave `@REVISION` away";
            return Err(Failure::new(FailureKind::Usage, message));
        }
        return policy::run(&client, &args.target.service, screen).await;
    }
    let path = service_path(&args.target.service);
    let service = client.get(&path).await?;
    let active = service.get("active").and_then(Value::as_u64);
    let number = args.target.revision.map(|number| u64::from(number.get())).or(active);
    let revision = match number {
        Some(number) => Some(client.get(&format!("{path}/revisions/{number}")).await?),
        None => None,
    };
    if screen.json {
        return screen.value(&json!({ "service": service, "revision": revision }));
    }
    let service: Service = serde_json::from_value(service)?;
    let revision = revision.map(serde_json::from_value::<Revision>).transpose()?;
    let host = client.get("/v1/host").await?;
    let stack = host.pointer("/config/engine.stack").and_then(Value::as_str);
    for line in page(&service, revision.as_ref(), stack, SystemClock.now()) {
        screen.line(line)?;
    }
    Ok(())
}

fn page(service: &Service, revision: Option<&Revision>, stack: Option<&str>, now: SystemTime) -> Vec<String> {
    let mut lines = Vec::new();
    match revision {
        Some(revision) => lines.push(title(&revision.summary, now)),
        None => lines.push(format!("{}  {}", styled(NAME, &service.name), styled(BAD, "does not serve"))),
    }
    if let Some(failure) = &service.failure {
        lines.push(fact("failure", &styled(BAD, failure)));
    }
    if let Some(breaker) = &service.breaker {
        lines.push(fact("breaker", &styled(BAD, breaker)));
    }
    if let Some(canary) = &service.canary {
        let told = format!("{} at step {} of {}, with {}", canary.revision, canary.step, canary.steps, canary.gets());
        lines.push(fact("canary", &styled(WARN, told)));
    }
    for (index, line) in service.mirror.iter().flat_map(mirror_lines).enumerate() {
        lines.push(if index == 0 { fact("mirror", &line) } else { fact("", &line) });
    }
    if let Some(drift) = &service.drift {
        lines.push(fact("drift", &styled(WARN, drift)));
    }
    lines.extend(routes(service));
    lines.extend(links(service));
    lines.push(fact("calls", &format!("{}, and {} waiting", service.calls, service.waiting)));
    let counts: Vec<_> = service.counts.0.iter().filter(|(_, count)| **count > 0).collect();
    if !counts.is_empty() {
        let counts: Vec<_> =
            counts.into_iter().map(|(name, count)| format!("{} {count}", name.replace('_', " "))).collect();
        lines.push(fact("policies", &counts.join(", ")));
    }
    if let Some(revision) = revision {
        lines.extend(about(revision));
        lines.extend(settings(&revision.settings, stack));
        match &revision.contract {
            Some(contract) => lines.extend(items(contract)),
            None => lines.push(fact("contract", "not known while the revision is not compiled")),
        }
    }
    lines.push(String::new());
    lines.extend(revisions(&service.revisions, now));
    lines
}

/// What the service calls of others, and who calls it.
fn links(service: &Service) -> Vec<String> {
    let one = |link: &Link| match (&link.service, &link.problem) {
        (Some(callee), _) => format!("{} from {}", link.interface, styled(NAME, callee)),
        (None, problem) => {
            let problem = problem.as_deref().unwrap_or("from nobody");
            let optional = if link.required { "" } else { " (not required)" };
            format!("{} {}{optional}", link.interface, styled(if link.required { BAD } else { WARN }, problem))
        }
    };
    let mut lines: Vec<_> = service.links.iter().map(|link| fact("links", &one(link))).collect();
    if !service.called_by.is_empty() {
        lines.push(fact("called by", &service.called_by.join(", ")));
    }
    lines
}

/// One fact, under its name.
fn fact(name: &str, value: &str) -> String {
    format!("  {}  {value}", styled(DIM, format!("{name:<10}")))
}

fn title(revision: &RevisionSummary, now: SystemTime) -> String {
    let state = if revision.active { styled(GOOD, "serving") } else { styled(DIM, "retained") };
    let origin = match revision.origin.as_str() {
        "file" => "from runtime.toml",
        _ => "over the admin API",
    };
    format!("{}  {state}, deployed {} {origin}", styled(NAME, &revision.revision), brief::age(revision.created, now))
}

fn routes(service: &Service) -> Vec<String> {
    let routes = &service.routes;
    let declared = routes.declared.iter().map(|route| (route, "runtime.toml"));
    let deployed = routes.deployed.iter().map(|route| (route, "deployment"));
    let all: Vec<_> = declared.chain(deployed).collect();
    if all.is_empty() && service.called_by.is_empty() {
        return vec![fact("routes", &styled(WARN, "none: nobody can call the service"))];
    }
    let lines = all.iter().enumerate().map(|(index, (route, source))| {
        fact(if index == 0 { "routes" } else { "" }, &format!("{route}  {}", styled(DIM, format!("({source})"))))
    });
    lines.collect()
}

fn about(revision: &Revision) -> Vec<String> {
    let summary = &revision.summary;
    let language = revision.contract.as_ref().and_then(|contract| contract.language.as_deref());
    let language = language.map(|language| format!(", {language}")).unwrap_or_default();
    let mut lines =
        vec![fact("component", &summary.component), fact("size", &format!("{}{language}", brief::size(summary.size)))];
    if let (Some(policy), Some(recommended)) = (&revision.policy, &revision.recommended) {
        let advice = if *policy == recommended.policy {
            styled(DIM, format!("(as recommended: {})", recommended.reason))
        } else {
            styled(WARN, format!("({} is recommended: {})", recommended.policy, recommended.reason))
        };
        lines.push(fact("instances", &format!("{policy}  {advice}")));
    }
    if let Some(count) = &summary.instances {
        let memory = count.memory_bytes.map(|bytes| format!(", {} of memory", brief::size(bytes))).unwrap_or_default();
        lines.push(fact("", &format!("{}, {} idle{memory}", brief::count(count.live, "instance"), count.idle)));
    }
    lines
}

/// `stack` is the limit that the engine has for all services.
fn settings(settings: &Settings, stack: Option<&str>) -> Vec<String> {
    let limits = &settings.limits;
    let (size, duration) = (units::format_size, units::format_duration);
    let mut lines = vec![
        fact(
            "limits",
            &format!(
                "memory {}, cpu_time {}, timeout {}",
                size(limits.memory),
                duration(limits.cpu_time),
                duration(limits.timeout)
            ),
        ),
        fact(
            "",
            &format!(
                "table_elements {}, core_instances {}, handles {}{}",
                limits.table_elements,
                limits.core_instances,
                limits.handles,
                stack.map(|stack| format!(", engine.stack {stack}")).unwrap_or_default()
            ),
        ),
        fact(
            "",
            &format!(
                "concurrency {}, queue {}, queue_wait {}{}",
                limits.concurrency,
                limits.queue,
                duration(limits.queue_wait),
                settings.rate.map(|rate| format!(", rate {rate}")).unwrap_or_default()
            ),
        ),
        fact(
            "",
            &format!(
                "request_body {}, response_body {}, log_rate {}",
                size(limits.request_body),
                size(limits.response_body),
                size(limits.log_rate)
            ),
        ),
        fact(
            "",
            &format!(
                "outbound_connections {}, outbound_body {}",
                limits.outbound_connections,
                size(limits.outbound_body)
            ),
        ),
        fact(
            "",
            &format!(
                "instance_uses {}, instance_calls {}, instance_idle {}",
                settings.instance_uses,
                settings.instance_calls,
                duration(settings.instance_idle)
            ),
        ),
    ];
    lines.push(fact("outbound", &joined(&settings.outbound, "nowhere")));
    lines.push(fact(
        "callers",
        &match &settings.callers {
            Some(rules) => joined(rules, "no other service"),
            None => styled(DIM, "not said: any other service, unless the host is strict"),
        },
    ));
    lines.extend(subscriptions::facts(&settings.subscriptions));
    if let Some(health) = &settings.health {
        lines.push(fact("health", &format!("GET {} within {}", health.path, duration(health.timeout))));
    }
    for (index, (key, value)) in settings.config.iter().enumerate() {
        lines.push(fact(if index == 0 { "config" } else { "" }, &format!("{key} = {value:?}")));
    }
    for (index, (name, reference)) in settings.secrets.iter().enumerate() {
        lines.push(fact(if index == 0 { "secrets" } else { "" }, &format!("{name} = {reference}")));
    }
    lines
}

/// The elements of a list, or what it means that there are none.
fn joined<T: ToString>(elements: &[T], none: &str) -> String {
    let elements: Vec<_> = elements.iter().map(ToString::to_string).collect();
    if elements.is_empty() { styled(DIM, none) } else { elements.join(", ") }
}

/// Exports with their functions, which is what a service is for; imports by name, of which there are many.
fn items(contract: &Contract) -> Vec<String> {
    let mut lines = vec![String::new(), styled(HEAD, "EXPORTS")];
    for ContractItem { name, functions } in &contract.exports {
        lines.push(format!("  {name}"));
        lines.extend(functions.iter().map(|function| format!("      {}", styled(DIM, function))));
    }
    lines.extend([String::new(), styled(HEAD, "IMPORTS")]);
    for ContractItem { name, functions } in &contract.imports {
        let functions = brief::count(functions.len() as u64, "function");
        lines.push(format!("  {name}  {}", styled(DIM, format!("({functions})"))));
    }
    lines
}

fn revisions(revisions: &[RevisionSummary], now: SystemTime) -> Vec<String> {
    let mut columns = Columns::new(["REVISION", "STATE", "COMPONENT", "SIZE", "INSTANCES", "MEMORY", "DEPLOYED"]);
    let unknown = || "-".to_owned();
    for revision in revisions.iter().rev() {
        let state = match (revision.active, revision.compiled) {
            (true, _) => styled(GOOD, "serving"),
            (false, _) if revision.candidate => styled(WARN, "tried"),
            (false, true) => "compiled".to_owned(),
            (false, false) => styled(DIM, "stored"),
        };
        columns.add([
            styled(NAME, &revision.revision),
            state,
            revision.component.chars().take("sha256:".len() + 12).collect(),
            brief::size(revision.size),
            revision.instances.as_ref().map_or_else(unknown, |count| count.live.to_string()),
            revision.instances.as_ref().and_then(|count| count.memory_bytes).map_or_else(unknown, brief::size),
            brief::age(revision.created, now),
        ]);
    }
    columns.lines()
}
