//! Generates bindings for guests in C and Go, and makes components of the modules that their compilers make. Called by
//! `cargo xtask guests`:
//!
//! - `componentize bindings LANGUAGE WIT WORLD FOLDER` writes the bindings of a world into a folder;
//! - `componentize component LANGUAGE WIT WORLD MODULE COMPONENT` puts a module of WASI 0.1 into a component of that
//!   world.
//!
//! `LANGUAGE` is `c` or `go`; `WIT` is the folder with the WIT of the world's package, and `deps` in it.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_bindgen_core::{Files, WorldGenerator};
use wit_component::{ComponentEncoder, StringEncoding};

/// What a guest is written in.
#[derive(Clone, Copy)]
enum Language {
    C,
    Go,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match *arguments {
        ["bindings", language, wit, world, folder] => bindings(self::language(language)?, wit, world, folder.as_ref()),
        ["component", language, wit, world, module, component] => {
            let module = fs::read(module).with_context(|| format!("cannot read {module}"))?;
            let bytes = make(self::language(language)?, wit, world, module)?;
            fs::write(component, bytes).with_context(|| format!("cannot write {component}"))
        }
        _ => bail!("expected `bindings LANGUAGE WIT WORLD FOLDER` or `component LANGUAGE WIT WORLD MODULE COMPONENT`"),
    }
}

fn language(name: &str) -> Result<Language> {
    match name {
        "c" => Ok(Language::C),
        "go" => Ok(Language::Go),
        _ => bail!("`{name}` is no language that bindings are made for; there are c and go"),
    }
}

fn resolve(wit: &str, world: &str) -> Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    Ok((resolve, world))
}

/// Writes the bindings of a world. Files that the guest has itself stay as they are.
fn bindings(language: Language, wit: &str, world: &str, folder: &Path) -> Result<()> {
    let (mut resolve, world) = resolve(wit, world)?;
    let mut generator: Box<dyn WorldGenerator> = match language {
        Language::C => wit_bindgen_c::Opts::default().build(),
        // Not formatted: nobody reads it, and `gofmt` need not be on the PATH.
        Language::Go => wit_bindgen_go::Opts { format: wit_bindgen_go::Format::False, ..Default::default() }.build(),
    };
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    for (name, contents) in files.iter() {
        let path = folder.join(name);
        if path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Makes a component of a module of WASI 0.1.
fn make(language: Language, wit: &str, world: &str, mut module: Vec<u8>) -> Result<Vec<u8>> {
    // A module in C has the type of its world from the object file among the bindings.
    if matches!(language, Language::Go) {
        let (resolve, world) = resolve(wit, world)?;
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    }
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .encode()
}
