//! An example without a test is no example: it rots unseen.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::guests::find::{self, Guest, is_made};
use crate::place::Place;

/// Fails when an example has neither a test of its own nor one of the host's that names it.
pub(crate) fn check(place: &Place) -> Result<()> {
    let mut untested = Vec::new();
    for guest in find::all(place)?.iter().filter(|guest| guest.example) {
        if !has_own(guest)? && !is_named(&place.folder("tests"), &guest.name)? {
            untested.push(guest.name.clone());
        }
    }
    if untested.is_empty() {
        return Ok(());
    }
    bail!("without a test: {}. Write one in the example's own folder or in tests/", untested.join(", "))
}

fn has_own(guest: &Guest) -> Result<bool> {
    any_file(&guest.folder, &|path, text| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let named = [".test.ts", "_test.go"].iter().any(|end| name.ends_with(end));
        text.contains("#[test]")
            || named
            || name.starts_with("test_") && (name.ends_with(".py") || name.ends_with(".c"))
    })
}

fn is_named(tests: &Path, example: &str) -> Result<bool> {
    let name = format!("\"{example}\"");
    any_file(tests, &|path, text| !path.iter().any(|part| part == "guests") && text.contains(&name))
}

/// Whether some text file under a folder is what is looked for.
fn any_file(folder: &Path, wanted: &dyn Fn(&Path, &str) -> bool) -> Result<bool> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let found = if path.is_dir() {
            !is_made(&path) && any_file(&path, wanted)?
        } else {
            fs::read_to_string(&path).is_ok_and(|text| wanted(&path, &text))
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guests::find::Language;

    #[test]
    fn an_example_needs_a_test_of_its_own_or_one_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let (example, tests) = (folder.path().join("cart"), folder.path().join("tests"));
        fs::create_dir_all(&example).unwrap();
        fs::create_dir_all(tests.join("guests")).unwrap();
        fs::write(tests.join("guests/cart.rs"), "\"cart\"").unwrap();
        let guest = Guest {
            name: "cart".into(),
            language: Language::Python,
            folder: example.clone(),
            shared: Vec::new(),
            example: true,
        };
        assert!(!has_own(&guest).unwrap());
        assert!(!is_named(&tests, "cart").unwrap());
        fs::write(tests.join("shop.rs"), "deploy(\"cart\")").unwrap();
        assert!(is_named(&tests, "cart").unwrap());
        fs::write(example.join("test_cart.py"), "").unwrap();
        assert!(has_own(&guest).unwrap());
    }
}
