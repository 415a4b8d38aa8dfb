//! Compatibility: whether an export can serve an import, and what changed between two revisions.
//!
//! A call moves as packed bytes ([`crate::packed`]), and each side reads and writes them by the contract it was built
//! with. So an export can serve an import if whatever bytes the one writes are valid for the other, and mean the same:
//!
//! - The names are the same, or name the same interface on one track of versions.
//! - Every function that is imported is exported. The export may have more.
//! - In parameters the callee reads what the caller writes: it may know more cases and flags than the caller, behind
//!   those that both know. In results it is the other way round: the callee may know fewer.
//! - Everything else about types is the same. What a record or a variant is called does not matter.
//! - A parameter may have another name, since parameters are told apart by their position. An `async func` and a `func`
//!   can serve each other: the host stands between.

mod cases;
mod change;
mod function;
mod members;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

pub use change::{Change, ChangeKind, Diff};

use crate::short::short;
use crate::{Contract, ContractItem, Function};
use walk::Walk;

/// Whether `export` can serve `import`: it can unless the difference [breaks](Diff::breaks).
///
/// Before is what the import asks for, after is what the export offers. Functions that are imported and cannot be
/// called by another service break, too.
pub fn can_serve(export: &ContractItem, import: &ContractItem) -> Diff {
    let mut walk = Walk::new(&import.name);
    if !export.is_on_track_of(&import.name) {
        let note = "neither the same name nor the same interface on one track of versions (1.x, 0.1.x)";
        walk.note_interface(ChangeKind::Changed, true, Some(&import.name), Some(&export.name), note);
        return walk.finish();
    }
    for obstacle in import.functions.iter().filter_map(Function::obstacle) {
        walk.note_obstacle(&obstacle);
    }
    compare(&mut walk, import, export);
    walk.finish()
}

/// What changed between the exports of two revisions of a service, and whether that breaks those who call the old one.
pub fn compare_exports(old: &Contract, new: &Contract) -> Diff {
    let mut diff = Diff::default();
    let mut kept = HashSet::new();
    for before in &old.exports {
        let mut walk = Walk::new(&before.name);
        match new.export_for(&before.name) {
            Some(after) => {
                kept.insert(after.name.as_str());
                compare(&mut walk, before, after);
            }
            None => walk.note_interface(ChangeKind::Removed, true, Some(&before.name), None, "callers may import it"),
        }
        diff.append(walk.finish());
    }
    for after in new.exports.iter().filter(|after| !kept.contains(after.name.as_str())) {
        let mut walk = Walk::new(&after.name);
        walk.note_interface(ChangeKind::Added, false, None, Some(&after.name), "");
        diff.append(walk.finish());
    }
    diff
}

/// Compares function by function.
fn compare(walk: &mut Walk, before: &ContractItem, after: &ContractItem) {
    let (in_before, in_after) = (by_name(before), by_name(after));
    for function in &*before.functions {
        match in_after.get(function.name.as_str()) {
            Some(other) => walk.function(function, other),
            None => {
                let signature = Some(short(&function.signature()));
                walk.note_function(function, ChangeKind::Removed, true, (signature, None), "callers may call it");
            }
        }
    }
    for function in after.functions.iter().filter(|function| !in_before.contains_key(function.name.as_str())) {
        let signature = Some(short(&function.signature()));
        walk.note_function(function, ChangeKind::Added, false, (None, signature), "");
    }
}

fn by_name(item: &ContractItem) -> HashMap<&str, &Function> {
    item.functions.iter().map(|function| (function.name.as_str(), function)).collect()
}
