//! The metrics of a whole host, held against what is written of them.

use std::fmt::Write as _;
use std::path::PathBuf;

use patchbay_model::metrics::{Collected, MOST_SERIES, MetricKind};

use super::*;
use crate::config::ConfigFile;
use crate::telemetry;

/// The documentation, and what its table begins and ends with.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
const BEGIN: &str = "<!-- families: made by a test -->\n";
const END: &str = "<!-- end of families -->\n";

/// A folder that is removed when the test is over.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the folder for temporary things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn collect(folder: &Folder) -> Collected {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listeners = "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[engine]\ninstances = 4\n";
    let file = folder.0.join("runtime.toml");
    let file_of = ConfigFile::read("runtime.toml", listeners.as_bytes().to_vec(), &folder.0).unwrap();
    let (document, config) = (file_of.document(), file_of.finish().unwrap());
    let (telemetry, _) = telemetry::make(None, &config).unwrap_or_else(|failure| panic!("{failure}"));
    let app = App::assemble(&config, Source { file, state: None }, document, telemetry).await;
    let app = app.unwrap_or_else(|failure| panic!("{failure}"));
    app.metrics.collect().await
}

/// The families as rows of a table.
fn table(collected: &Collected) -> String {
    let mut table = "| name | kind | labels | what it tells |\n|---|---|---|---|\n".to_owned();
    for family in collected.families() {
        let description = family.description();
        let labels: Vec<_> = description.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind) = (description.exposed_name(), description.kind.name());
        writeln!(table, "| `{name}` | {kind} | {} | {} |", labels.join(", "), description.help).unwrap();
    }
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn the_families_are_those_of_the_documentation() {
    let folder = Folder(std::env::temp_dir().join(format!("patchbay-families-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let collected = collect(&folder).await;
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table(&collected));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(DOCUMENT, wanted).unwrap();
        return;
    }
    let differ = text.lines().zip(wanted.lines()).find(|(written, wanted)| written != wanted);
    assert!(text == wanted, "docs/metrics.md is not up to date, UPDATE_GOLDEN=1 rewrites it; first: {differ:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_helps_are_as_prometheus_wants_them() {
    let folder = Folder(std::env::temp_dir().join(format!("patchbay-names-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let collected = collect(&folder).await;
    assert!(collected.families().count() > 70);
    for family in collected.families() {
        let description = family.description();
        let name = description.name;
        let is_word = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(is_word(name) && description.labels.iter().all(|label| is_word(label)), "{name}");
        assert!(["patchbay_", "http_server_", "process_"].iter().any(|prefix| name.starts_with(prefix)), "{name}");
        assert!(description.help.ends_with('.') && !description.help.contains('|'), "{name}: {}", description.help);
        // `_total` is put behind by those who write them.
        assert!(!["_total", "_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end)), "{name}");
        let ends_in_unit = ["_seconds", "_bytes", "_ratio"].iter().any(|unit| name.ends_with(unit));
        assert_eq!(description.unit.is_some_and(|unit| name.ends_with(unit.name())), ends_in_unit, "{name}");
        assert!(description.kind != MetricKind::Histogram || ends_in_unit, "{name}");
        assert!(family.series().len() <= MOST_SERIES && family.folded() == 0, "{name}");
    }
}
