//! `patchbay canary status`: how far a canary is, once or until it is over.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde_json::Value;

use super::shown::page;
use crate::args::CanaryStatusArgs;
use crate::client::view::CanaryStatus;
use crate::client::{Client, service_path};
use crate::failure::Failure;
use crate::screen::Screen;

/// How often a canary is looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// Shows a canary.
///
/// # Errors
/// If the host cannot be reached, or if it is watched and its candidate is not promoted.
pub(super) async fn run(args: &CanaryStatusArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let path = format!("{}/canary", service_path(&args.name));
    let mut n_shown = 0;
    loop {
        let value = client.get(&path).await?;
        let status: CanaryStatus = serde_json::from_value(value.clone())?;
        n_shown = show(&status, &value, n_shown, args, screen)?;
        if !args.watch || status.canary.is_none() {
            return conclude(args, &status);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Shows what there is now in place of the `n_shown` lines before it; how many lines it is.
fn show(
    status: &CanaryStatus,
    value: &Value,
    n_shown: usize,
    args: &CanaryStatusArgs,
    screen: Screen,
) -> Result<usize, Failure> {
    if screen.json {
        screen.value(value)?;
        return Ok(0);
    }
    let lines = page(status, &args.name);
    if n_shown > 0 && io::stdout().is_terminal() {
        // Up by the lines that were shown, and everything below away (ECMA-48: CUU, ED).
        let mut out = io::stdout().lock();
        write!(out, "\x1b[{n_shown}A\x1b[J")?;
        out.flush()?;
    }
    for line in &lines {
        screen.line(line)?;
    }
    Ok(lines.len())
}

/// Whoever watched to the end learns by the exit code how it was.
fn conclude(args: &CanaryStatusArgs, status: &CanaryStatus) -> Result<(), Failure> {
    match &status.last {
        Some(last) if args.watch && !last.promoted => Err(Failure::failed("the candidate was not promoted")),
        _ => Ok(()),
    }
}
