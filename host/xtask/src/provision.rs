//! Getting the tools that guests' languages and tests need, through the languages' own package managers, into `target/`. What is
//! there already is not fetched again; what cannot be had is said, with what to do about it.

mod apt;
pub(crate) mod browser;
mod chromium;
pub(crate) mod llvm;
pub(crate) mod nats;
pub(crate) mod node;
pub(crate) mod promtool;
pub(crate) mod python;
pub(crate) mod rotel;
pub(crate) mod target;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::place::Place;

/// The file that says from what a folder of tools was made.
const MARK: &str = ".made-from";

/// Whether a folder was made from what `key` stands for, to the end.
fn is_made_from(folder: &Path, key: &str) -> bool {
    fs::read_to_string(folder.join(MARK)).is_ok_and(|found| found == key)
}

/// Marks a folder as made, after the last step.
fn mark(folder: &Path, key: &str) -> Result<()> {
    fs::write(folder.join(MARK), key).with_context(|| format!("cannot write into {}", folder.display()))
}

/// Removes a folder that may be there, with what is left of an earlier attempt.
fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Puts a program among the tools, where tests look for it. Returns where that is.
fn link(place: &Place, program: &str, found: &Path) -> Result<PathBuf> {
    let tool = place.tool(program);
    if fs::read_link(&tool).is_ok_and(|there| there == found) {
        return Ok(tool);
    }
    if let Some(tools) = tool.parent() {
        fs::create_dir_all(tools).with_context(|| format!("cannot make {}", tools.display()))?;
    }
    // What is there may lead to where the repository was once.
    let _ = fs::remove_file(&tool);
    std::os::unix::fs::symlink(found, &tool).with_context(|| format!("cannot make {}", tool.display()))?;
    Ok(tool)
}
