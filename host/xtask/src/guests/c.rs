//! Guests in C: `zig cc` makes a module of `src/*.c` and the generated bindings. `src/main.c` speaks WASI; everything else
//! can run without a component around it, and `tests/*.c` is a program that does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::componentize::Work;
use super::find::Guest;
use super::stage;
use crate::place::Place;
use crate::{program, provision};

const MODULE: &str = "module.wasm";

/// How the guest's own sources are compiled, everywhere.
const STRICT: [&str; 5] = ["-std=c17", "-Wall", "-Wextra", "-Wconversion", "-Werror"];

/// Makes a module that is called more than once, small first.
const REACTOR: [&str; 4] = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-Os"];

/// Builds the component. The world is named as the guest.
pub(crate) fn build(place: &Place, guest: &Guest) -> Result<PathBuf> {
    let stage = stage::prepare(place, guest)?;
    let work = Work { place, guest, stage: &stage, language: "c" };
    let generated = stage.join("bindings");
    work.bindings(&generated)?;
    let bindings = |suffix: &str| generated.join(format!("{}{suffix}", guest.name));
    // On their own, because what is generated need not be free of warnings.
    let mut command = zig_cc(place, guest, &stage)?;
    command.args(REACTOR).args(["-w", "-c", "-o"]).args([bindings(".o"), bindings(".c")]);
    program::quietly(place, &guest.name, &mut command)?;
    let mut command = zig_cc(place, guest, &stage)?;
    command.args(REACTOR).args(STRICT).args(["-Ibindings", "-Wl,--strip-all", "-o", MODULE]);
    command.args(sources(&stage.join("src"))?).args([bindings(".o"), bindings("_component_type.o")]);
    program::quietly(place, &guest.name, &mut command)?;
    work.component(MODULE)
}

/// Runs the guest's unit tests on this machine, with the compiler's checks for undefined behaviour, which `zig cc` makes
/// in a build that is not optimised.
pub(crate) fn test(place: &Place, guest: &Guest) -> Result<()> {
    let stage = stage::prepare(place, guest)?;
    let mut files = sources(&stage.join("src"))?;
    files.retain(|file| !file.ends_with("main.c"));
    files.extend(sources(&stage.join("tests"))?);
    let tests = stage.join(format!("test{}", std::env::consts::EXE_SUFFIX));
    let mut command = zig_cc(place, guest, &stage)?;
    command.args(STRICT).arg("-g").args(files).arg("-o").arg(&tests);
    program::quietly(place, &format!("{}-test", guest.name), &mut command)?;
    program::foreground(Command::new(tests).current_dir(&stage))
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The compiler, ready for its arguments, writing into the stage alone.
fn zig_cc(place: &Place, guest: &Guest, stage: &Path) -> Result<Command> {
    let mut command = provision::python::install(place, &guest.name, stage)?.program("python");
    command.args(["-m", "ziglang", "cc"]).current_dir(stage);
    for cache in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
        command.env(cache, stage.join(".zig-cache"));
    }
    Ok(command)
}
