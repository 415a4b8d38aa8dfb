//! Where things are in this repository.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::builds::Build;

/// The repository, and the folder for everything that is made from it.
pub(crate) struct Place {
    root: PathBuf,
    cargo_target: PathBuf,
    build: Build,
}

impl Place {
    /// Finds the repository from this package's own folder, which cargo names.
    pub(crate) fn find() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package)
            .ancestors()
            .nth(2)
            .and_then(|root| root.canonicalize().ok())
            .context("the repository was not found; run this as `cargo xtask`")?;
        let cargo_target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Ok(Self { root, cargo_target, build: Build::default() })
    }

    /// The same place, where the programs that are measured come from another build.
    pub(crate) fn with(&self, build: Build) -> Self {
        Self { root: self.root.clone(), cargo_target: self.cargo_target.clone(), build }
    }

    /// The build that the programs come from which are measured.
    pub(crate) const fn build(&self) -> &Build {
        &self.build
    }

    /// A program that is measured: the host, or one that has parts of it.
    pub(crate) fn optimised(&self, name: &str) -> PathBuf {
        match self.build.folder(self) {
            Some(folder) => folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)),
            None => self.binary("release", name),
        }
    }

    /// The top of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A folder of the repository.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Finished guests, one `NAME.wasm` each. Tests look for them here, whatever `CARGO_TARGET_DIR` says.
    pub(crate) fn guests(&self) -> PathBuf {
        self.root.join("target/guests")
    }

    /// Cargo's target folder of the guests. Not the host's, so that neither waits for the other's lock.
    pub(crate) fn guest_build(&self) -> PathBuf {
        self.root.join("target/guest-build")
    }

    /// The tools that were fetched for a guest, and the copy of its sources that is built next to them.
    pub(crate) fn toolchain(&self, name: &str) -> PathBuf {
        self.root.join("target/toolchains").join(name)
    }

    /// A program that tests or benchmarks start. Tests look for it here, whatever `CARGO_TARGET_DIR` says.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.root.join("target/tools/bin").join(name)
    }

    /// What the programs that were run have printed.
    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("target/logs")
    }

    /// A binary of the host that cargo built in `profile` (`debug` or `release`).
    pub(crate) fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.cargo_target.join(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// A program of the tests that cargo built in `profile` and knows as an example.
    pub(crate) fn example(&self, profile: &str, name: &str) -> PathBuf {
        self.binary(profile, &format!("examples/{name}"))
    }

    /// A path as it is shown to people: relative to the repository where possible.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
