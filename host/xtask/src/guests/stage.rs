//! A copy of a guest's sources under `target/`, next to its tools: what a build leaves behind stays out of the sources.
//! The WIT of WASI is put beside the guest's own. It is taken from the crate `wasip2`, at the version that the lock file
//! next to the guest pins, so that no copy of it lies in this repository. So is the WIT in this repository's `wit`: that of
//! Patchbay, and that of proposals that have no package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::crates;
use super::find::{Guest, is_made};
use crate::place::Place;

/// The folder with the WIT of this repository.
pub(super) const WIT: &str = "wit";

/// The packages in it that guests can import, and the files that they become beside those of WASI.
const OWN_WIT: [(&str, &str); 2] = [("host.wit", "patchbay-host.wit"), ("wasi-messaging.wit", "wasi-messaging.wit")];

/// The folder with the guest's current sources, and with `wit/deps`. Tools that are there already stay.
pub(crate) fn prepare(place: &Place, guest: &Guest) -> Result<PathBuf> {
    let stage = place.toolchain(&guest.name);
    fs::create_dir_all(&stage).with_context(|| format!("cannot make {}", stage.display()))?;
    remove_sources(&stage)?;
    copy(&guest.folder, &stage)?;
    let deps = stage.join("wit/deps");
    copy(&wit_of_wasi(guest)?, &deps)?;
    for (own, name) in OWN_WIT {
        let own = place.folder(WIT).join(own);
        fs::copy(&own, deps.join(name)).with_context(|| format!("cannot copy {}", own.display()))?;
    }
    Ok(stage)
}

/// What was copied before must not outlive its removal from the sources.
fn remove_sources(stage: &Path) -> Result<()> {
    for path in entries(stage)? {
        let removed = match (is_made(&path), path.is_dir()) {
            (true, _) => Ok(()),
            (false, true) => fs::remove_dir_all(&path),
            (false, false) => fs::remove_file(&path),
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Copies a folder into another one. What is no source stays behind.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for source in entries(from)? {
        let target = to.join(source.file_name().unwrap_or_default());
        if !source.is_dir() {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        } else if !is_made(&source) {
            copy(&source, &target)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .with_context(|| format!("cannot list {}", folder.display()))
}

fn wit_of_wasi(guest: &Guest) -> Result<PathBuf> {
    let workspace = guest.folder.parent().context("a guest lies in a folder")?;
    Ok(crates::find(workspace, "wasip2")?.join("wit/deps"))
}
