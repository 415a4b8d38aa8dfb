//! Guests in Go: the compiler makes a module of the generated bindings and the guest's packages. What can run without a
//! component around it is in `internal`, with its tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::componentize::{self, Work};
use super::find::Guest;
use super::stage;
use crate::place::Place;
use crate::{program, provision};

const MODULE: &str = "module.wasm";

/// Builds the component. The world is named as the guest.
pub(crate) fn build(place: &Place, guest: &Guest) -> Result<PathBuf> {
    let stage = prepare(place, guest)?;
    let work = Work { place, guest, stage: &stage, language: "go" };
    work.bindings(&stage)?;
    let mut command = go(place, guest, &stage)?;
    command.args(["build", "-buildmode=c-shared", "-buildvcs=false", "-trimpath"]);
    // The bindings give the memory that the host asks for from the runtime's own allocator, by a name that is not public.
    command.args(["-ldflags=-s -w -checklinkname=0", "-o", MODULE, "."]);
    program::quietly(place, &guest.name, command.envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]))?;
    work.component(MODULE)
}

/// Runs the guest's unit tests, on this machine.
pub(crate) fn test(place: &Place, guest: &Guest) -> Result<()> {
    let stage = prepare(place, guest)?;
    program::foreground(go(place, guest, &stage)?.args(["test", "./internal/..."]))
}

/// The sources, and beside them the Go package that the bindings need: it comes with their generator.
fn prepare(place: &Place, guest: &Guest) -> Result<PathBuf> {
    let stage = stage::prepare(place, guest)?;
    stage::copy(&componentize::source(place, "wit-bindgen-go")?.join("src/pkg"), &stage.join("pkg"))?;
    Ok(stage)
}

/// Go, ready for its arguments: with what the guest's lock file pins and nothing else, writing into the stage alone.
fn go(place: &Place, guest: &Guest, stage: &Path) -> Result<Command> {
    let mut command = provision::python::install(place, &guest.name, stage)?.program("go");
    let own = stage.join(".go");
    command.current_dir(stage);
    command.env_remove("GOFLAGS").env_remove("GOROOT").env_remove("GOEXPERIMENT").env_remove("GOWASM");
    command.envs([("GOENV", "off"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off")]);
    // `go test` would look for a C compiler.
    command.env("CGO_ENABLED", "0");
    command.env("GOCACHE", own.join("cache")).env("GOPATH", own.join("path")).env("GOMODCACHE", own.join("modules"));
    // Go counts its own use in the home of the user.
    command.env("HOME", &own).env("XDG_CONFIG_HOME", &own);
    Ok(command)
}
