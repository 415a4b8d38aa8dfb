//! `patchbay reload`: has the running host take runtime.toml as it is now.

use patchbay_gateway::{KeyChangeKind, Reloaded};
use reqwest::Method;
use serde_json::json;

use crate::args::ReloadArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::reload::{told_key, told_service};
use crate::screen::{BAD, GOOD, Screen, WARN, styled};

/// Reloads, and shows what is different.
///
/// # Errors
/// If the host cannot be reached, or does not take the file.
pub(crate) async fn run(args: &ReloadArgs, screen: Screen) -> Result<(), Failure> {
    let path = if args.dry_run { "/v1/reload?dry_run=true" } else { "/v1/reload" };
    let answer = Client::find(&args.host)?.ask(Method::POST, path, &json!({})).await?;
    if screen.json {
        return screen.value(&answer);
    }
    let reloaded: Reloaded = serde_json::from_value(answer)?;
    for change in &reloaded.keys {
        let mark = match change.change {
            KeyChangeKind::Added => styled(GOOD, "+"),
            KeyChangeKind::Removed => styled(BAD, "-"),
            KeyChangeKind::Changed => styled(WARN, "~"),
        };
        screen.line(format!("  {mark} {}", told_key(change)))?;
    }
    for news in &reloaded.services {
        screen.line(format!("  {} {}", styled(GOOD, "*"), told_service(news)))?;
    }
    if !reloaded.needs_restart.is_empty() {
        screen.line(format!("  {} needs a restart: {}", styled(WARN, "!"), reloaded.needs_restart.join(", ")))?;
    }
    let is_same = reloaded.keys.is_empty() && reloaded.services.is_empty();
    screen.line(match (reloaded.applied, is_same) {
        (_, true) => "Nothing is different.",
        (true, false) => "The host has taken runtime.toml.",
        (false, false) => "Nothing was changed; this is what `patchbay reload` would do.",
    })?;
    Ok(())
}
