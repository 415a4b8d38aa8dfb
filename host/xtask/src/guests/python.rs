//! Guests in Python: componentize-py puts the interpreter around `src/app.py`.

use std::path::PathBuf;

use anyhow::Result;

use super::find::Guest;
use super::stage;
use crate::place::Place;
use crate::{program, provision};

/// Builds the component. The world is named as the guest.
pub(crate) fn build(place: &Place, guest: &Guest) -> Result<PathBuf> {
    let stage = stage::prepare(place, guest)?;
    let output = format!("{}.wasm", guest.name);
    let mut command = provision::python::install(place, &guest.name, &stage)?.program("componentize-py");
    command.args(["-d", "wit", "-w", &guest.name, "componentize", "-p", "src", "app", "-o", &output]);
    // Packages of a virtual environment that happens to be active must not get in.
    program::quietly(place, &guest.name, command.env_remove("VIRTUAL_ENV").current_dir(&stage))?;
    Ok(stage.join(output))
}

/// Runs the guest's unit tests.
pub(crate) fn test(place: &Place, guest: &Guest) -> Result<()> {
    let stage = stage::prepare(place, guest)?;
    let mut command = provision::python::install(place, &guest.name, &stage)?.program("python");
    program::foreground(command.args(["-m", "unittest", "discover", "-s", "tests"]).current_dir(&stage))
}
