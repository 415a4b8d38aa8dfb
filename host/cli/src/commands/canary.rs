//! `patchbay canary`: try a revision, and see how it does.

use patchbay_model::ServiceName;
use reqwest::Method;
use serde_json::{Value, json};

use super::{deploy, steps};
use crate::args::{CanaryArgs, CanaryCommand, CanaryStartArgs};
use crate::client::{Client, service_path};
use crate::failure::Failure;
use crate::screen::Screen;

mod shown;
mod status;

pub(super) use shown::mirror_lines;

/// Does what is asked of canaries.
///
/// # Errors
/// If the host cannot be reached, or refuses.
pub(crate) async fn run(command: &CanaryCommand, screen: Screen) -> Result<(), Failure> {
    match command {
        CanaryCommand::Start(args) => start(args, screen).await,
        CanaryCommand::Status(args) => status::run(args, screen).await,
        CanaryCommand::Promote(args) => end(args, "promote", screen).await,
        CanaryCommand::Abort(args) => end(args, "abort", screen).await,
    }
}

async fn start(args: &CanaryStartArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let candidate = match (&args.component, args.revision) {
        (Some(component), _) => {
            let digest = deploy::upload(&client, &args.name, component, screen).await?;
            json!({ "component": digest, "settings": args.changes.patch(), "plan": args.plan() })
        }
        (None, revision) => json!({ "revision": revision, "plan": args.plan() }),
    };
    begin(&client, &args.name, candidate, screen).await
}

/// Begins a canary, and says where to look after it.
///
/// # Errors
/// If the host refuses.
pub(super) async fn begin(client: &Client, name: &ServiceName, body: Value, screen: Screen) -> Result<(), Failure> {
    let path = format!("{}/canary", service_path(name));
    let ended = match client.change(Method::POST, &path, &body).await {
        Ok(following) => steps::follow(following, screen).await,
        Err(failure) => Err(failure),
    };
    let (outcome, steps) = ended.map_err(|failure| deploy::refusal(name, failure))?;
    steps::conclude(outcome, &steps, screen)?;
    Ok(screen.line(format!("Watch it with `patchbay canary status {name} --watch`"))?)
}

/// Promotes or aborts.
async fn end(args: &CanaryArgs, how: &str, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let path = format!("{}/canary/{how}", service_path(&args.name));
    let following = client.change(Method::POST, &path, &json!({})).await?;
    let (outcome, steps) = steps::follow(following, screen).await?;
    steps::conclude(outcome, &steps, screen)
}
