//! The standard library of Rust for WebAssembly.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::program;
use crate::progress::say;

/// Makes sure that rustc can build for a target; rustup fetches what is missing.
pub(crate) fn add(place: &Place, target: &str) -> Result<()> {
    let root = place.root();
    let sysroot = program::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root))
        .context("rustc is missing: install Rust with rustup")?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").exists() {
        return Ok(());
    }
    if program::output(Command::new("rustup").arg("--version")).is_none() {
        bail!("the Rust target {target} is missing, and there is no rustup to add it: install it with your Rust");
    }
    say("Fetching", &format!("the Rust target {target}"));
    let mut command = Command::new("rustup");
    program::quietly(place, "rustup", command.args(["target", "add", target]).current_dir(root))
        .with_context(|| format!("the Rust target {target} is missing; `rustup target add {target}` adds it"))
}
