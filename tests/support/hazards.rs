//! What goes wrong with a host: the plan that it reads before each act, and the acts that it wrote down.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The hazards of one host.
pub(crate) struct Hazards(PathBuf);

impl Hazards {
    pub(crate) fn new(folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// From now on this goes wrong. Acts are counted, and written down, from here.
    pub(crate) fn plan(&self, plan: &str) {
        self.calm();
        let _ = std::fs::remove_file(self.0.join("acts"));
        std::fs::write(self.0.join("plan.new"), plan).unwrap();
        std::fs::rename(self.0.join("plan.new"), self.0.join("plan")).unwrap();
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        let _ = std::fs::remove_file(self.0.join("plan"));
    }

    /// The acts since the last plan, each with how often it was met by then: `1 rename registry.json`.
    pub(crate) fn acts(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.join("acts")).unwrap_or_default();
        let mut met = HashMap::new();
        let mut acts = Vec::new();
        for act in text.lines() {
            let times: &mut u32 = met.entry(act).or_default();
            *times += 1;
            // In how many pieces an upload arrives is chance.
            if *times == 1 || act != "write components/.incoming" {
                acts.push(format!("{times} {act}"));
            }
        }
        acts
    }
}
