//! `patchbay rollback` and `patchbay remove`.

use std::io::{self, BufRead, IsTerminal, Write};

use reqwest::Method;
use serde_json::json;

use super::steps;
use crate::args::{RemoveArgs, RollbackArgs};
use crate::client::{Client, service_path};
use crate::failure::{Failure, FailureKind};
use crate::screen::{NAME, Screen, styled};

/// Makes an earlier revision the active one.
///
/// # Errors
/// If there is none, or it cannot serve.
pub(crate) async fn rollback(args: &RollbackArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let service = service_path(&args.name);
    let following = match args.to {
        Some(number) => {
            client.change(Method::POST, &format!("{service}/activate"), &json!({ "revision": number })).await?
        }
        None => client.change(Method::POST, &format!("{service}/rollback"), &json!({})).await?,
    };
    let (outcome, steps) = steps::follow(following, screen).await?;
    steps::conclude(outcome, &steps, screen)
}

/// Removes a service, once it is confirmed.
///
/// # Errors
/// If there is none, or nobody confirms.
pub(crate) async fn remove(args: &RemoveArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let path = service_path(&args.name);
    if !args.yes {
        // So that a name that was mistyped is told before anyone is asked about it.
        client.get(&path).await?;
        confirm(args)?;
    }
    let following = client.change(Method::DELETE, &path, &json!({})).await?;
    let (outcome, steps) = steps::follow(following, screen).await?;
    steps::conclude(outcome, &steps, screen)
}

fn confirm(args: &RemoveArgs) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let message = format!("removing `{}` cannot be undone; confirm with --yes", args.name);
        return Err(Failure::new(FailureKind::Usage, message));
    }
    let mut err = anstream::AutoStream::auto(io::stderr().lock());
    write!(err, "Remove {} with all its revisions? This cannot be undone. [y/N] ", styled(NAME, &args.name))?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::failed("nothing was removed")) }
}
