//! Which guests there are.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::stage::WIT;
use crate::place::Place;
use crate::program;

/// The folder of the example services.
pub(crate) const EXAMPLES: &str = "guest-examples";

/// The folder of the guests that probe and misbehave.
pub(crate) const PROBES: &str = "tests/guests";

/// A component that can be built from sources in this repository.
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) language: Language,
    pub(crate) folder: PathBuf,
    /// Files and folders outside its own that it is built from.
    pub(crate) shared: Vec<PathBuf>,
    /// Whether it is an example service.
    pub(crate) example: bool,
}

/// What a guest is written in. Known by one file in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// `Cargo.toml`
    Rust,
    /// `package.json`
    TypeScript,
    /// `src/app.py`
    Python,
    /// `go.mod`
    Go,
    /// `src/main.c`
    C,
}

/// The files that tell a language, but for Rust: its guests are the members of a cargo workspace.
const MARKS: [(&str, Language); 4] = [
    ("package.json", Language::TypeScript),
    ("src/app.py", Language::Python),
    ("go.mod", Language::Go),
    ("src/main.c", Language::C),
];

impl fmt::Display for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Rust => "Rust",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::C => "C",
        })
    }
}

/// All guests: examples first, each group by name.
pub(crate) fn all(place: &Place) -> Result<Vec<Guest>> {
    let wit = place.folder(WIT);
    let mut guests = in_folder(&place.folder(EXAMPLES), &wit, true)?;
    guests.extend(in_folder(&place.folder(PROBES), &wit, false)?);
    Ok(guests)
}

fn in_folder(parent: &Path, wit: &Path, example: bool) -> Result<Vec<Guest>> {
    let mut guests = crates(parent, wit, example)?;
    let entries = fs::read_dir(parent).with_context(|| format!("cannot list {}", parent.display()))?;
    for entry in entries {
        let folder = entry.with_context(|| format!("cannot list {}", parent.display()))?.path();
        if !folder.is_dir() || folder.join("Cargo.toml").exists() || is_made(&folder) {
            continue;
        }
        let mut languages = MARKS.iter().filter(|(file, _)| folder.join(file).exists()).map(|(_, language)| *language);
        let (Some(language), None) = (languages.next(), languages.next()) else {
            let marks: Vec<&str> = MARKS.iter().map(|(file, _)| *file).collect();
            bail!("{}: which language is this? Expected one of Cargo.toml, {}", folder.display(), marks.join(", "));
        };
        // The WIT of WASI comes with a crate, whose version this file pins.
        let shared = vec![parent.join("Cargo.lock"), wit.to_owned()];
        guests.push(Guest { name: name(&folder), language, folder, shared, example });
    }
    guests.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(guests)
}

/// Whether a folder is no source: build output, or hidden.
pub(crate) fn is_made(path: &Path) -> bool {
    let name = name(path);
    ["target", "dist", "node_modules", "__pycache__"].contains(&name.as_str()) || name.starts_with('.')
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The members of a cargo workspace that become components: dynamic libraries and programs.
fn crates(workspace: &Path, wit: &Path, example: bool) -> Result<Vec<Guest>> {
    let packages = metadata(workspace)?;
    let mut guests = Vec::new();
    for package in &packages {
        if !is_component(package) {
            continue;
        }
        let mut shared = BTreeSet::from([workspace.join("Cargo.toml"), workspace.join("Cargo.lock"), wit.to_owned()]);
        for dependency in array(package, "dependencies") {
            shared.extend(dependency.get("path").and_then(Value::as_str).map(PathBuf::from));
        }
        let manifest = Path::new(text(package, "manifest_path")?);
        guests.push(Guest {
            name: text(package, "name")?.to_owned(),
            language: Language::Rust,
            folder: manifest.parent().context("a manifest lies in a folder")?.to_owned(),
            shared: shared.into_iter().collect(),
            example,
        });
    }
    Ok(guests)
}

fn metadata(workspace: &Path) -> Result<Vec<Value>> {
    let mut command = program::cargo();
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(workspace);
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{}: {}", workspace.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    Ok(array(&metadata, "packages").cloned().collect())
}

fn is_component(package: &Value) -> bool {
    array(package, "targets")
        .flat_map(|target| array(target, "kind"))
        .any(|kind| kind.as_str().is_some_and(|kind| kind == "cdylib" || kind == "bin"))
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("cargo metadata has no `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_of_this_repository_is_found() {
        let guests = all(&Place::find().unwrap()).unwrap();
        let known = |name: &str| {
            let guest = guests.iter().find(|guest| guest.name == name).unwrap_or_else(|| panic!("{name}"));
            (guest.language, guest.example)
        };
        assert_eq!(known("orders"), (Language::Rust, true));
        assert_eq!(known("payments"), (Language::TypeScript, true));
        assert_eq!(known("shipping"), (Language::Python, true));
        assert_eq!(known("inventory"), (Language::Go, true));
        assert_eq!(known("pricing"), (Language::C, true));
        assert_eq!(known("probe"), (Language::Rust, false));
        assert!(guests.iter().all(|guest| guest.name != "behaviour"), "a library is no guest");
    }

    #[test]
    fn a_guest_depends_on_the_crates_beside_it() {
        let guests = all(&Place::find().unwrap()).unwrap();
        let probe = guests.iter().find(|guest| guest.name == "probe").unwrap();
        assert!(probe.shared.iter().any(|path| path.ends_with("tests/guests/behaviour")), "{:?}", probe.shared);
    }
}
