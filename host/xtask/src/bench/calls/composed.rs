//! The two components composed into one by wac, which is installed with cargo into `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::place::Place;
use crate::program;
use crate::progress::{Stopwatch, say};

use super::GUESTS;

/// The version of wac.
const VERSION: &str = "0.12.0";

/// Where the component lies.
pub(super) fn path(place: &Place) -> PathBuf {
    place.folder("target/bench/calls/composed.wasm")
}

/// Installs wac, unless it is there; returns the program.
pub(super) fn install(place: &Place) -> Result<PathBuf> {
    let tools = place.folder("target/tools");
    let program = tools.join("bin").join(format!("wac{}", std::env::consts::EXE_SUFFIX));
    let version = program::output(Command::new(&program).arg("--version")).unwrap_or_default();
    if !version.contains(VERSION) {
        let watch = Stopwatch::start();
        say("Installing", &format!("wac-cli {VERSION} into {}; this takes minutes", place.shown(&tools)));
        let mut install = program::cargo();
        install.args(["install", "wac-cli", "--locked", "--quiet", "--force", "--debug", "--no-default-features"]);
        let build = tools.join("build");
        install.arg(format!("--version={VERSION}")).arg("--root").arg(&tools).arg("--target-dir").arg(&build);
        program::foreground(&mut install)?;
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
        say("Installed", &format!("wac-cli in {}", watch.seconds()));
    }
    Ok(program)
}

/// Puts the callee into the caller.
pub(super) fn make(place: &Place, wac: &Path) -> Result<()> {
    let [caller, callee] = GUESTS.map(|guest| place.guests().join(guest).with_extension("wasm"));
    let composed = path(place);
    let folder = composed.parent().context("the component lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut plug = Command::new(wac);
    program::foreground(plug.arg("plug").arg(caller).arg("--plug").arg(callee).arg("--output").arg(&composed))
}
