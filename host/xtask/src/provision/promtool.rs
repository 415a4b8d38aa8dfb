//! Prometheus' `promtool`, which tests hold metrics and alert rules against: the one that is installed, or that of Debian's
//! package, unpacked into `target/` without being installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{is_made_from, link, mark, remove};
use crate::place::Place;
use crate::program;
use crate::progress::say;

/// What the program is called.
const PROGRAM: &str = "promtool";
/// The package that has it.
const PACKAGE: &str = "prometheus";

/// Provides the program, unless it is there already. Returns where it is: tests look for it there.
pub(crate) fn install(place: &Place) -> Result<PathBuf> {
    let found = installed().map_or_else(|| unpacked(place), Ok)?;
    link(place, PROGRAM, &found)
}

/// The program that is on the path.
fn installed() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
}

/// The program of the package.
fn unpacked(place: &Place) -> Result<PathBuf> {
    let folder = place.toolchain(PROGRAM);
    let program = folder.join("usr/bin").join(PROGRAM);
    if is_made_from(&folder, PACKAGE) && program.is_file() {
        return Ok(program);
    }
    say("Fetching", "promtool, of Debian's package prometheus");
    remove(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let hint =
        "promtool is missing, and Debian's package cannot be had; install Prometheus, so that promtool is on the path";
    program::quietly(place, PROGRAM, Command::new("apt-get").args(["download", PACKAGE]).current_dir(&folder))
        .context(hint)?;
    let package = package_in(&folder)?;
    program::quietly(place, PROGRAM, Command::new("dpkg").arg("-x").arg(&package).arg(&folder)).context(hint)?;
    fs::remove_file(&package).with_context(|| format!("cannot remove {}", package.display()))?;
    if !program.is_file() {
        bail!("Debian's package {PACKAGE} has no usr/bin/{PROGRAM} any more; install it so that it is on the path");
    }
    mark(&folder, PACKAGE)?;
    Ok(program)
}

/// The package that was downloaded; its name has its version.
fn package_in(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let package = paths.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    package.with_context(|| format!("apt-get has left no package in {}", folder.display()))
}
