//! `cargo xtask guests`: builds guests, those of `guest-examples/` and those of `tests/guests/`.

mod c;
mod componentize;
mod crates;
pub(crate) mod find;
mod go;
mod python;
mod rust;
mod stage;
mod stamp;
mod typescript;

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::progress::{Stopwatch, say};
use find::{Guest, Language};

pub(crate) use c::test as test_c;
pub(crate) use go::test as test_go;
pub(crate) use python::test as test_python;
pub(crate) use stamp::of_files;
pub(crate) use typescript::test as test_typescript;

/// Builds the guests with these names, or all of them.
pub(crate) fn build(place: &Place, names: &[String]) -> Result<()> {
    let guests = find::all(place)?;
    if let Some(stranger) = names.iter().find(|name| guests.iter().all(|guest| guest.name != **name)) {
        let known: Vec<&str> = guests.iter().map(|guest| guest.name.as_str()).collect();
        bail!("there is no guest `{stranger}`; there are {}", known.join(", "));
    }
    let chosen: Vec<&Guest> = guests.iter().filter(|guest| names.is_empty() || names.contains(&guest.name)).collect();
    build_each(place, &chosen)
}

/// Builds the example services.
pub(crate) fn build_examples(place: &Place) -> Result<()> {
    let guests = find::all(place)?;
    let examples: Vec<&Guest> = guests.iter().filter(|guest| guest.example).collect();
    build_each(place, &examples)
}

/// Builds guests one after the other: each build uses all processors itself. A guest that fails does not keep the
/// others from being built.
fn build_each(place: &Place, guests: &[&Guest]) -> Result<()> {
    let folder = place.guests();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let _lock = lock(&folder)?;
    let mut failed = Vec::new();
    for guest in guests {
        if let Err(error) = build_one(place, guest, &folder) {
            eprintln!("error: {}: {error:#}", guest.name);
            failed.push(guest.name.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("not built: {}", failed.join(", "))
}

/// Only one process at a time builds guests; the others wait, since they want the same files.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        say("Waiting", "for another process that builds guests");
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

fn build_one(place: &Place, guest: &Guest, folder: &Path) -> Result<()> {
    let watch = Stopwatch::start();
    let wasm = folder.join(format!("{}.wasm", guest.name));
    let stamp = folder.join(format!("{}.stamp", guest.name));
    let wanted = stamp::of(place, guest)?;
    if wasm.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        say("Current", &guest.name);
        return Ok(());
    }
    say("Building", &format!("{} ({})", guest.name, guest.language));
    let built = match guest.language {
        Language::Rust => rust::build(place, guest)?,
        Language::TypeScript => typescript::build(place, guest)?,
        Language::Python => python::build(place, guest)?,
        Language::Go => go::build(place, guest)?,
        Language::C => c::build(place, guest)?,
    };
    publish(&built, &wasm)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    let size = fs::metadata(&wasm).map_or(0, |wasm| wasm.len() / 1024);
    say("Built", &format!("{} in {}, {size} KiB", place.shown(&wasm), watch.seconds()));
    Ok(())
}

/// Puts a component in its place in one step: whoever reads it meets the old one or the new one.
fn publish(built: &Path, wasm: &Path) -> Result<()> {
    let fresh = wasm.with_extension("fresh");
    fs::copy(built, &fresh).with_context(|| format!("cannot copy {}", built.display()))?;
    fs::rename(&fresh, wasm).with_context(|| format!("cannot write {}", wasm.display()))
}
