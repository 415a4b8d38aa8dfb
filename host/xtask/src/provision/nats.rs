//! The NATS server that tests start, as Python's package index has it: one program that needs nothing else.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::python;
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
    let tool = place.tool(PROGRAM);
    let fetched = environment.path(PROGRAM);
    if fs::read_link(&tool).is_ok_and(|found| found == fetched) {
        return Ok(tool);
    }
    if let Some(tools) = tool.parent() {
        fs::create_dir_all(tools).with_context(|| format!("cannot make {}", tools.display()))?;
    }
    // What is there may lead to where the repository was once.
    let _ = fs::remove_file(&tool);
    std::os::unix::fs::symlink(&fetched, &tool).with_context(|| format!("cannot make {}", tool.display()))?;
    Ok(tool)
}
