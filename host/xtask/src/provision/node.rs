//! Node.js, and the packages that a lock file names.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{is_made_from, mark, remove};
use crate::guests::of_files;
use crate::place::Place;
use crate::program;
use crate::progress::{Stopwatch, say};

/// The oldest Node.js that the packages run with.
const OLDEST: u32 = 20;

/// The version of the Node.js that is there.
pub(crate) fn version() -> Result<String> {
    let advice = || format!("Node.js {OLDEST} or newer is needed: install it so that `node` and `npm` are on the PATH");
    let version = program::output(Command::new("node").arg("--version")).with_context(advice)?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(version.trim().to_owned()),
        _ => bail!("{}; `node` is {}", advice(), version.trim()),
    }
}

/// npm, ready for its arguments.
pub(crate) fn npm() -> Result<Command> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    program::output(Command::new(program).arg("--version"))
        .context("npm is missing: it usually comes with Node.js, on some systems as a package of its own")?;
    let mut command = Command::new(program);
    // Not these: they make npm talk about itself.
    command.envs([
        ("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
        ("NPM_CONFIG_FUND", "false"),
        ("NPM_CONFIG_AUDIT", "false"),
    ]);
    Ok(command)
}

/// Installs what `package-lock.json` in this folder names, unless it is there already. Runs no package's own scripts.
pub(crate) fn install(place: &Place, guest: &str, folder: &Path) -> Result<()> {
    let files = ["package.json", "package-lock.json", ".npmrc"].map(|name| folder.join(name));
    let key = of_files(&version()?, &files)?;
    let packages = folder.join("node_modules");
    if is_made_from(&packages, &key) {
        return Ok(());
    }
    let watch = Stopwatch::start();
    say("Fetching", &format!("the npm packages of {guest}"));
    remove(&packages)?;
    let mut command = npm()?;
    command.args(["ci", "--ignore-scripts"]).current_dir(folder);
    program::quietly(place, &format!("{guest}-npm"), &mut command)
        .context("the packages could not be had; npm must reach its registry")?;
    mark(&packages, &key)?;
    say("Fetched", &format!("the npm packages of {guest} in {}", watch.seconds()));
    Ok(())
}
