//! `patchbay ps`: the services at a glance.

use serde::Deserialize;

use crate::args::PsArgs;
use crate::brief;
use crate::client::Client;
use crate::client::view::{Canary, Service};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::screen::{BAD, DIM, GOOD, NAME, Screen, WARN, styled};

/// What the host tells of itself, as far as it is shown here.
#[derive(Debug, Deserialize)]
struct NeedsRestart {
    needs_restart: Vec<String>,
}

/// Lists the services.
///
/// # Errors
/// If the host cannot be reached.
pub(crate) async fn run(args: &PsArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let services = client.get("/v1/services").await?;
    if screen.json {
        return screen.value(&services);
    }
    let services: Vec<Service> = serde_json::from_value(services)?;
    if services.is_empty() {
        screen.line("No services. Deploy one with `patchbay deploy NAME COMPONENT.wasm --route '/*'`.")?;
    } else {
        for line in table(&services) {
            screen.line(line)?;
        }
    }
    let waiting: NeedsRestart = serde_json::from_value(client.get("/v1/host").await?)?;
    if !waiting.needs_restart.is_empty() {
        let keys = waiting.needs_restart.join(", ");
        screen
            .line(format!("\n{}: the values of {keys} in runtime.toml hold after a restart", styled(WARN, "host")))?;
    }
    Ok(())
}

fn table(services: &[Service]) -> Vec<String> {
    let mut columns =
        Columns::new(["SERVICE", "REVISION", "STATE", "INSTANCES", "MEMORY", "CALLS", "WAITING", "DRIFT", "ROUTES"]);
    let mut notes = Vec::new();
    for service in services {
        let routes: Vec<_> = service.routes.all().map(String::as_str).collect();
        columns.add([
            styled(NAME, &service.name),
            revision(service),
            state(service),
            live(service),
            service.memory_bytes.map_or_else(|| "-".to_owned(), brief::size),
            service.calls.to_string(),
            service.waiting.to_string(),
            if service.drift.is_some() { styled(WARN, "yes") } else { styled(DIM, "no") },
            if routes.is_empty() { styled(WARN, "none") } else { routes.join(", ") },
        ]);
        if let Some(failure) = service.failure.as_ref().filter(|_| service.active.is_none()) {
            notes.push(format!("{}: {failure}", styled(BAD, &service.name)));
        }
        if let Some(canary) = &service.canary {
            let told =
                format!("{} is tried, step {} of {}: {}", canary.revision, canary.step, canary.steps, canary.gets());
            notes.push(format!("{}: {told}", styled(WARN, &service.name)));
        }
        if let Some(breaker) = &service.breaker {
            notes.push(format!("{}: breaker {breaker}", styled(BAD, &service.name)));
        }
        if let Some(drift) = &service.drift {
            notes.push(format!("{}: {drift}", styled(WARN, &service.name)));
        }
    }
    let mut lines = columns.lines();
    if !notes.is_empty() {
        lines.push(String::new());
        lines.append(&mut notes);
    }
    lines
}

/// The revision that serves, and the one that is tried with its share.
fn revision(service: &Service) -> String {
    let active = service.active.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let number = |canary: &Canary| canary.revision.rsplit('@').next().unwrap_or_default().to_owned();
    match &service.canary {
        Some(canary) => format!("{active}, {} {}", number(canary), canary.share),
        None => active,
    }
}

fn state(service: &Service) -> String {
    match (service.active, service.failure.as_deref()) {
        (Some(_), _) if service.breaker.is_some() => styled(BAD, "broken"),
        (Some(_), _) => styled(GOOD, "serving"),
        (None, Some("the service is starting")) => styled(WARN, "starting"),
        (None, _) => styled(BAD, "failed"),
    }
}

/// The instances of all its revisions: those that drain have some, too.
fn live(service: &Service) -> String {
    let live: u64 =
        service.revisions.iter().filter_map(|revision| revision.instances.as_ref()).map(|count| count.live).sum();
    live.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_a_line_and_trouble_is_told_below() {
        let services: Vec<Service> = serde_json::from_str(
            r#"[
                {"name":"orders","active":3,"routes":{"declared":["/api/*"],"deployed":["GET /x"]},"links":[],
                 "called_by":[],"calls":2,"waiting":0,"memory_bytes":8388608,"counts":{},
                 "drift":"runtime.toml declares other settings","revisions":[
                    {"revision":"orders@3","number":3,"active":true,"compiled":true,"component":"sha256:00","size":1,
                     "origin":"api","created":"2026-01-01T00:00:00Z","instances":{"live":4,"idle":1}}]},
                {"name":"p","failure":"no instance","routes":{"declared":[],"deployed":[]},"links":[],
                 "called_by":[],"calls":0,"waiting":0,"counts":{"retries":3},"revisions":[]},
                {"name":"r","active":4,"canary":{"revision":"r@5","step":1,"steps":2,"share":"25%","baked":"3s",
                 "phase":"baking","errors":0,"candidate":{"calls":0,"errors":0},"stable":{"calls":0,"errors":0},"plan":{}},
                 "routes":{"declared":["/r"],"deployed":[]},"links":[],"called_by":[],"calls":0,"waiting":0,"counts":{},
                 "revisions":[]},
                {"name":"q","active":1,"breaker":{"failures":7,"remaining":"1s 500ms"},
                 "routes":{"declared":["/q"],"deployed":[]},"links":[],"called_by":[],"calls":0,"waiting":0,"counts":{"retries":3},"revisions":[]}
            ]"#,
        )
        .unwrap();
        let plain: Vec<_> =
            table(&services).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "SERVICE  REVISION  STATE    INSTANCES  MEMORY  CALLS  WAITING  DRIFT  ROUTES",
                "orders   3         serving  4          8.0MiB  2      0        yes    /api/*, GET /x",
                "p        -         failed   0          -       0      0        no     none",
                "r        4, 5 25%  serving  0          -       0      0        no     /r",
                "q        1         broken   0          -       0      0        no     /q",
                "",
                "orders: runtime.toml declares other settings",
                "p: no instance",
                "r: r@5 is tried, step 1 of 2: 25% of the calls",
                "q: breaker open, 7 calls in a row failed; none goes through for another 1s 500ms",
            ]
        );
    }
}
