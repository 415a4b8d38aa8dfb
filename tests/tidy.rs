//! The rules of the house, checked: where crates may look, how files open, how long they are, what is documented.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::root;

/// Every Rust source file of the project.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for room in ["host", "tests", "guest-examples"] {
        collect(&root().join(room), &mut files);
    }
    assert!(files.len() > 50, "only {} files were found", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let skipped = ["target", "node_modules"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !skipped {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn files_say_what_they_are_and_stay_short() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        let shown = path.strip_prefix(root()).unwrap().display();
        if !text.starts_with("//!") {
            wrong.push(format!("{shown} does not open with //!"));
        }
        if text.lines().count() > 500 {
            wrong.push(format!("{shown} has {} lines; 500 is the most", text.lines().count()));
        }
        if path.ends_with("mod.rs") {
            wrong.push(format!("{shown}: write foo.rs beside foo/, not foo/mod.rs"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_look_down_only() {
    let allowed = |name: &str| -> &[&str] {
        match name {
            "contract" | "backends" => &["model"],
            "channel" | "engine" => &["model", "striped"],
            "control" => &["model", "striped", "contract", "channel"],
            "gateway" => &["model", "striped", "contract", "control"],
            "cli" => &["model", "contract", "channel", "control", "engine", "backends", "gateway"],
            _ => &[],
        }
    };
    for entry in std::fs::read_dir(root().join("host")).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let Ok(text) = std::fs::read_to_string(&manifest) else { continue };
        let manifest: toml_edit::DocumentMut = text.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().strip_prefix("patchbay-").unwrap().to_owned();
        for (dependency, _) in manifest["dependencies"].as_table().unwrap() {
            if let Some(dependency) = dependency.strip_prefix("patchbay-") {
                assert!(allowed(&name).contains(&dependency), "{name} may not look at {dependency}");
            }
            let only = match dependency {
                "wasmtime" | "wasmtime-wasi" | "wasmtime-wasi-http" => "engine",
                "axum" | "hyper" => "gateway",
                _ => continue,
            };
            assert_eq!(name, only, "only {only} sees {dependency}");
        }
        let anyhow = manifest["dependencies"].as_table().unwrap().contains_key("anyhow");
        assert!(!anyhow || ["cli", "xtask"].contains(&name.as_str()), "{name}: libraries have errors of their own");
    }
}

#[test]
fn every_example_has_a_readme_and_a_test_that_runs_it() {
    let tests = std::fs::read_to_string(root().join("tests/languages.rs")).unwrap();
    let mut examples = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("guest-examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "target" {
            assert!(path.join("README.md").is_file(), "{name} has no README.md");
            assert!(tests.contains(&format!("fn {name}_in_")), "no test in tests/languages.rs runs {name}");
            examples.insert(name);
        }
    }
    let expected = ["hello", "inventory", "orders", "payments", "pricing", "shipping"].map(str::to_owned);
    assert!(expected.iter().all(|name| examples.contains(name)), "{examples:?}");
}
