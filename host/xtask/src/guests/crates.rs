//! Where cargo keeps the sources of a crate, at the version that a lock file pins.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::program;

/// The folder of a crate that the package or workspace in `folder` depends on.
pub(super) fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let mut command = program::cargo();
    command.args(["metadata", "--locked", "--format-version", "1"]).current_dir(folder);
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    metadata
        .get("packages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| package.get("name").is_some_and(|found| found == name))
        .and_then(|package| Path::new(package.get("manifest_path")?.as_str()?).parent())
        .map(Path::to_owned)
        .with_context(|| format!("{} does not use the crate {name}, which is needed", folder.display()))
}
