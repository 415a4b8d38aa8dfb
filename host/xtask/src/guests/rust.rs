//! Guests in Rust: cargo makes the component by itself.

use std::path::PathBuf;

use anyhow::Result;

use super::find::Guest;
use crate::place::Place;
use crate::{program, provision};

const TARGET: &str = "wasm32-wasip2";

/// Builds one package. One at a time, because features of packages that are built together would mix.
pub(crate) fn build(place: &Place, guest: &Guest) -> Result<PathBuf> {
    provision::target::add(place, TARGET)?;
    let target_folder = place.guest_build();
    let mut command = program::cargo();
    command
        .args(["build", "--release", "--locked", "--target", TARGET, "--package", &guest.name])
        .env("CARGO_TARGET_DIR", &target_folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .current_dir(&guest.folder);
    program::quietly(place, &guest.name, &mut command)?;
    Ok(target_folder.join(TARGET).join("release").join(format!("{}.wasm", guest.name.replace('-', "_"))))
}
