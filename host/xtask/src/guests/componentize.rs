//! The tool in `host/xtask/componentize`, for languages whose compilers know modules only: it makes bindings before they
//! run, and a component of what they made. It is built when it is first needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::crates;
use super::find::Guest;
use crate::place::Place;
use crate::program;

/// What the tool does, for the digest of what is made with it.
pub(super) const RECIPE: &str = concat!(
    include_str!("componentize.rs"),
    include_str!("stage.rs"),
    include_str!("../../componentize/src/main.rs"),
    include_str!("../../componentize/Cargo.lock"),
);

/// A guest whose world is named as the guest, in a folder with its `wit`.
pub(super) struct Work<'a> {
    pub(super) place: &'a Place,
    pub(super) guest: &'a Guest,
    pub(super) stage: &'a Path,
    /// `c` or `go`.
    pub(super) language: &'static str,
}

impl Work<'_> {
    /// Writes the bindings into a folder. Files that are there already stay.
    pub(super) fn bindings(&self, folder: &Path) -> Result<()> {
        let mut command = build(self.place)?;
        command.args(["bindings", self.language, "wit", &self.guest.name]).arg(folder);
        program::quietly(self.place, &format!("{}-bindings", self.guest.name), command.current_dir(self.stage))
    }

    /// Makes a component of a module.
    pub(super) fn component(&self, module: &str) -> Result<PathBuf> {
        let component = self.stage.join(format!("{}.wasm", self.guest.name));
        let mut command = build(self.place)?;
        command.args(["component", self.language, "wit", &self.guest.name, module]).arg(&component);
        program::quietly(self.place, &format!("{}-component", self.guest.name), command.current_dir(self.stage))?;
        Ok(component)
    }
}

/// The folder of a crate that the tool is built from, with what belongs to its bindings at run time.
pub(super) fn source(place: &Place, name: &str) -> Result<PathBuf> {
    crates::find(&folder(place), name)
}

fn folder(place: &Place) -> PathBuf {
    place.folder("host/xtask/componentize")
}

/// The tool, ready for its arguments.
fn build(place: &Place) -> Result<Command> {
    let target_folder = place.guest_build();
    let mut command = program::cargo();
    command.args(["build", "--locked"]).env("CARGO_TARGET_DIR", &target_folder).env_remove("CARGO_BUILD_TARGET");
    program::quietly(place, "componentize", command.current_dir(folder(place)))
        .context("the tool that makes components of modules could not be built")?;
    Ok(Command::new(target_folder.join("debug").join(format!("componentize{}", std::env::consts::EXE_SUFFIX))))
}
