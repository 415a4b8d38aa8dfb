//! What is written of the metrics: the table in `docs/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::exposition::Exposition;
use crate::support::root;

/// A family, as it is written of.
struct Entry {
    kind: String,
    labels: BTreeSet<String>,
    help: String,
}

/// All of them by name.
pub(super) struct Catalogue(BTreeMap<String, Entry>);

impl Catalogue {
    pub(super) fn of_documentation() -> Self {
        let text = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
        let entries = rows.map(|row| {
            let (name, rest) = row.split_once("` | ").unwrap();
            let [kind, labels, help] = rest.splitn(3, " | ").collect::<Vec<_>>().try_into().unwrap();
            let labels = labels.split(", ").map(|label| label.trim_matches('`').to_owned());
            let labels = labels.filter(|label| !label.is_empty()).collect();
            (name.to_owned(), Entry { kind: kind.to_owned(), labels, help: help.to_owned() })
        });
        let catalogue = Self(entries.collect());
        assert!(catalogue.0.len() > 70, "only {} families were found", catalogue.0.len());
        catalogue
    }

    /// Fails unless a host shows just these.
    pub(super) fn assert_same_families(&self, shown: &Exposition) {
        let documented: BTreeMap<_, _> =
            self.0.iter().map(|(name, entry)| (name.clone(), (entry.kind.clone(), entry.help.clone()))).collect();
        for (name, family) in &shown.families {
            assert_eq!(documented.get(name), Some(family), "{name} is shown, and docs/metrics.md says otherwise");
        }
        for name in documented.keys() {
            assert!(shown.families.contains_key(name), "{name} is documented, and is not shown");
        }
    }

    /// Fails unless there is a series of this name with these labels; `place` asks for it.
    pub(super) fn assert_has(&self, series: &str, labels: &[&str], place: &str) {
        let entry = self.entry(series).unwrap_or_else(|| panic!("{place}: there is no metric {series}"));
        for label in labels {
            assert!(entry.labels.contains(*label), "{place}: {series} has no label {label}");
        }
    }

    /// Whether a series has this label.
    pub(super) fn has_label(&self, series: &str, label: &str) -> bool {
        self.entry(series).is_some_and(|entry| entry.labels.contains(label))
    }

    fn entry(&self, series: &str) -> Option<&Entry> {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end));
        let histogram = of_histogram.and_then(|name| self.0.get(name)).filter(|entry| entry.kind == "histogram");
        // The name of a histogram alone is that of no series.
        histogram.or_else(|| self.0.get(series).filter(|entry| entry.kind != "histogram"))
    }
}
