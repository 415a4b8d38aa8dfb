//! Files of a front end.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::rewrite::is_path;
use crate::PathPattern;
use crate::policy::Judge;

/// A directory whose files answer, in place of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesSettings {
    /// The directory.
    pub directory: PathBuf,
    /// Whether a directory answers with its `index.html`.
    pub index: bool,
    /// The file that answers where there is none, by its path in the directory, for a front end that has its own routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// The paths of files that never change, because their names do: callers keep these for a year.
    pub immutable: Vec<PathPattern>,
}

impl Default for FilesSettings {
    fn default() -> Self {
        Self { directory: PathBuf::new(), index: true, fallback: None, immutable: Vec::new() }
    }
}

impl FilesSettings {
    pub(super) fn judge(&self, judge: &mut Judge<'_>) {
        let named = !self.directory.as_os_str().is_empty();
        judge.require(named, "files.directory", "must name a directory, such as `web/dist`");
        let good = self
            .fallback
            .as_ref()
            .is_none_or(|file| is_path(&format!("/{file}")) && !file.contains("..") && !file.contains('%'));
        judge.require(good, "files.fallback", "must be the path of a file in the directory, such as `index.html`");
    }
}
