//! `patchbay deploy`: upload a component, and follow its way into service.

use std::path::Path;

use patchbay_model::ServiceName;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::canary;
use super::steps::{self, Spinner};
use crate::args::DeployArgs;
use crate::brief;
use crate::client::view::{Host, Service};
use crate::client::{Client, service_path};
use crate::failure::{Failure, FailureKind};
use crate::screen::{NAME, Screen, WARN, styled};

/// Deploys.
///
/// # Errors
/// If the host cannot be reached, or refuses.
pub(crate) async fn run(args: &DeployArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let service = service_path(&args.name);
    let digest = upload(&client, &args.name, &args.component, screen).await?;
    if let Some(plan) = args.canary_plan() {
        return canary::begin(
            &client,
            &args.name,
            json!({
                "component": digest, "settings": args.changes.patch(), "plan": plan,
            }),
            screen,
        )
        .await;
    }
    let mut deployment = Map::new();
    deployment.insert("component".to_owned(), json!(digest));
    deployment.insert("settings".to_owned(), args.changes.patch());
    if args.allow_breaking {
        deployment.insert("allow_breaking".to_owned(), json!(true));
    }
    if args.replace {
        deployment.insert("replace".to_owned(), json!(true));
    }
    if !args.routes.is_empty() {
        let routes: Vec<_> = args.routes.iter().map(ToString::to_string).collect();
        deployment.insert("routes".to_owned(), json!(routes));
        deployment.insert("anonymous".to_owned(), json!(args.anonymous));
    }
    let change = client.change(Method::POST, &format!("{service}/revisions"), &Value::Object(deployment)).await;
    let ended = match change {
        Ok(following) => steps::follow(following, screen).await,
        Err(failure) => Err(failure),
    };
    let (outcome, steps) = ended.map_err(|failure| refusal(&args.name, failure))?;
    steps::conclude(outcome, &steps, screen)?;
    if !screen.json {
        tell_routes(&client, &service, args, screen).await?;
    }
    Ok(())
}

/// Uploads a component that is to be a revision of a service; its digest.
pub(super) async fn upload(
    client: &Client,
    service: &ServiceName,
    component: &Path,
    screen: Screen,
) -> Result<String, Failure> {
    let spinner = Spinner::new(screen);
    let bar = spinner.clone();
    let stored = client.upload(component, move |sent, all| bar.bytes(sent, all)).await;
    spinner.hide();
    let stored = stored?;
    let short: String = stored.digest.chars().take("sha256:".len() + 12).collect();
    screen.line(format!(
        "Deploying {} as {}  ({}, {short})",
        component.display(),
        styled(NAME, service),
        brief::size(stored.size),
    ))?;
    Ok(stored.digest)
}

/// Says what was refused, and that it did no harm.
pub(super) fn refusal(service: &ServiceName, failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Refused => {
            let reason = failure.to_string();
            let colon = if reason.starts_with("at step") { "" } else { ":" };
            let message = format!("the deployment of `{service}` was refused{colon} {reason}\nNothing changed.");
            Failure::new(FailureKind::Refused, message)
        }
        FailureKind::Failed | FailureKind::Usage | FailureKind::Unreachable => failure,
    }
}

/// Says where the service can be called now, or what is missing for that.
async fn tell_routes(client: &Client, path: &str, args: &DeployArgs, screen: Screen) -> Result<(), Failure> {
    let service: Service = serde_json::from_value(client.get(path).await?)?;
    let routes: Vec<_> = service.routes.all().cloned().collect();
    if routes.is_empty() {
        screen.line(format!(
            "{}: no route leads to {name} yet; give it one with `patchbay deploy {name} {} --route '/{name}/*'`",
            styled(WARN, "note"),
            args.component.display(),
            name = args.name,
        ))?;
        return Ok(());
    }
    let host: Host = serde_json::from_value(client.get("/v1/host").await?)?;
    Ok(screen.line(format!("Callers reach it at {}, by {}", host.listeners.http_url, routes.join(", ")))?)
}
