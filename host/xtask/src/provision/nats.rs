//! The NATS server that tests start, as Python's package index has it: one program that needs nothing else.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{link, python};
use crate::place::Place;

/// What the server's program is called.
const PROGRAM: &str = "nats-server";

/// Fetches the server, unless it is there already. Returns where it is: tests look for it there.
pub(crate) fn install(place: &Place) -> Result<PathBuf> {
    let folder = place.toolchain("nats");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let requirements = place.folder("host/xtask/nats/requirements.txt");
    fs::copy(&requirements, folder.join("requirements.txt"))
        .with_context(|| format!("cannot copy {}", requirements.display()))?;
    let environment = python::install(place, "nats", &folder).context("the NATS server that tests need")?;
    link(place, PROGRAM, &environment.path(PROGRAM))
}
