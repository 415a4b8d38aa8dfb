//! Guests in TypeScript: `npm run build`, with the packages that the lock file names.

use std::path::PathBuf;

use anyhow::Result;

use super::find::Guest;
use super::stage;
use crate::place::Place;
use crate::{program, provision};

/// Builds the component.
pub(crate) fn build(place: &Place, guest: &Guest) -> Result<PathBuf> {
    let stage = stage::prepare(place, guest)?;
    provision::node::install(place, &guest.name, &stage)?;
    program::quietly(place, &guest.name, provision::node::npm()?.args(["run", "build"]).current_dir(&stage))?;
    Ok(stage.join("dist").join(format!("{}.wasm", guest.name)))
}

/// Runs the guest's unit tests.
pub(crate) fn test(place: &Place, guest: &Guest) -> Result<()> {
    let stage = stage::prepare(place, guest)?;
    provision::node::install(place, &guest.name, &stage)?;
    program::foreground(provision::node::npm()?.args(["test", "--silent"]).current_dir(&stage))
}
