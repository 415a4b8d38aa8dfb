//! Builds of the host that leave something out.

use std::path::PathBuf;

use anyhow::Result;

use crate::builds;
use crate::place::Place;
use crate::progress::say;

use super::super::build as cargo_build;

/// A build of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// Nothing is measured, and nothing is traced.
    Bare,
    /// Calls are measured, and nothing is traced.
    Untraced,
    /// The host as it is.
    Whole,
}

impl Program {
    /// Those that leave something out. The whole one is built by all benchmarks.
    const PARTIAL: [Self; 2] = [Self::Bare, Self::Untraced];

    /// The features of the package that leave it out.
    const fn features(self) -> &'static str {
        match self {
            Self::Bare => "unmeasured,untraced",
            Self::Untraced => "untraced",
            Self::Whole => "",
        }
    }

    /// Where it is kept, apart from the place where cargo leaves all of them.
    pub(super) fn path(self, place: &Place) -> PathBuf {
        let name = match self {
            Self::Bare => "bare",
            Self::Untraced => "untraced",
            Self::Whole => return place.optimised("patchbay"),
        };
        place.folder("target/bench/programs").join(name)
    }
}

/// Builds all of them, the whole one last, so that it is the one that cargo leaves.
pub(super) fn build(place: &Place) -> Result<()> {
    let package = ["--package", "patchbay-cli", "--bins"];
    for program in Program::PARTIAL {
        say("Building", &format!("the host with the features {}; it takes minutes", program.features()));
        build_of(place, program, &package)?;
    }
    cargo_build(place, &package)
}

fn build_of(place: &Place, program: Program, package: &[&str]) -> Result<()> {
    cargo_build(place, &[package, &["--features", program.features()]].concat())?;
    builds::replace(&Program::Whole.path(place), &program.path(place))
}
