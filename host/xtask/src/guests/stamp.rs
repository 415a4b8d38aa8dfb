//! When a guest is current: a digest of everything that it was built from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::componentize;
use super::find::{Guest, Language, is_made};
use crate::place::Place;
use crate::{program, provision};

/// The digest of a guest's sources, of its lock files, of its toolchain's version, and of this tool's own recipe.
pub(crate) fn of(place: &Place, guest: &Guest) -> Result<String> {
    let (recipe, toolchain) = match guest.language {
        Language::Rust => (include_str!("rust.rs"), rustc(&guest.folder)?),
        Language::TypeScript => {
            (concat!(include_str!("stage.rs"), include_str!("typescript.rs")), provision::node::version()?)
        }
        Language::Python => {
            (concat!(include_str!("stage.rs"), include_str!("python.rs")), provision::python::version()?)
        }
        Language::Go => (include_str!("go.rs"), componentize::RECIPE.to_owned() + &provision::python::version()?),
        Language::C => (include_str!("c.rs"), componentize::RECIPE.to_owned() + &provision::python::version()?),
    };
    let mut files = Vec::new();
    for path in guest.shared.iter().chain([&guest.folder]) {
        collect(path, &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    add(&mut digest, recipe.as_bytes());
    add(&mut digest, toolchain.as_bytes());
    for file in files {
        let shown = file.strip_prefix(place.root()).unwrap_or(&file);
        add(&mut digest, shown.as_os_str().as_encoded_bytes());
        add(&mut digest, &fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(hex(&digest.finalize()))
}

/// The digest of some files, to know whether what was made from them is current.
pub(crate) fn of_files(version: &str, files: &[PathBuf]) -> Result<String> {
    let mut digest = Sha256::new();
    add(&mut digest, version.as_bytes());
    for file in files {
        add(&mut digest, &fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(hex(&digest.finalize()))
}

/// Length first, so that no two lists of parts are the same bytes.
fn add(digest: &mut Sha256, part: &[u8]) {
    digest.update((part.len() as u64).to_le_bytes());
    digest.update(part);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rustc(folder: &Path) -> Result<String> {
    program::output(Command::new("rustc").arg("-vV").current_dir(folder)).context("rustc is missing: install Rust")
}

/// The files under a path that a component can be made of: no prose, no tests in folders of their own, no output.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", path.display()))?.path();
        let prose = path.extension().is_some_and(|extension| extension == "md");
        if path.is_dir() && (is_made(&path) || path.ends_with("tests")) || prose {
            continue;
        }
        collect(&path, files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_changes_with_content_and_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let digest = || {
            let mut files = Vec::new();
            collect(folder.path(), &mut files).unwrap();
            files.sort();
            of_files("1", &files).unwrap()
        };
        write("src/app.py", "one");
        let first = digest();
        for made in ["README.md", "tests/test_app.py", "node_modules/a/index.js", "src/__pycache__/app.pyc"] {
            write(made, "anything");
            assert_eq!(digest(), first, "{made}");
        }
        write("src/app.py", "two");
        assert_ne!(digest(), first);
    }
}
