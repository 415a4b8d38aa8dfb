//! The receiver of OTLP that tests send to, as Python's package index has it: one program that needs nothing else.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{link, python};
use crate::place::Place;

/// What the program is called.
const PROGRAM: &str = "rotel-agent";

/// Fetches the receiver, unless it is there already. Returns where it is: tests look for it there.
pub(crate) fn install(place: &Place) -> Result<PathBuf> {
    let folder = place.toolchain("rotel");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let requirements = place.folder("host/xtask/rotel/requirements.txt");
    fs::copy(&requirements, folder.join("requirements.txt"))
        .with_context(|| format!("cannot copy {}", requirements.display()))?;
    let environment = python::install(place, "rotel", &folder).context("the receiver of OTLP that tests need")?;
    // The package has the program beside its modules, and not among the programs.
    link(place, PROGRAM, &environment.package("rotel")?.join(PROGRAM))
}
