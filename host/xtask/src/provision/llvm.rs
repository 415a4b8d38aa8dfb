//! `llvm-profdata`, which puts together what programs counted: the compiler's own, one on the PATH, or one that the distribution's
//! package manager has, unpacked under `target/`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{apt, is_made_from, mark};
use crate::builds::Compiler;
use crate::place::Place;
use crate::program;
use crate::progress::{Stopwatch, say};

/// What it is called.
const NAME: &str = "llvm-profdata";

/// The program, and where it finds its libraries if that is not where all programs do.
pub(crate) struct Profdata {
    program: PathBuf,
    libraries: Option<OsString>,
}

impl Profdata {
    /// Finds one that writes what this compiler reads, or fetches it.
    ///
    /// # Errors
    /// If there is none, with what to do.
    pub(crate) fn install(place: &Place, compiler: &Compiler) -> Result<Self> {
        let fits = |found: &Self| found.version() == Some(compiler.llvm);
        let of_compiler =
            sysroot(place).map(|root| root.join("lib/rustlib").join(&compiler.target).join("bin").join(NAME));
        let on_path = [format!("{NAME}-{}", compiler.llvm), NAME.to_owned()].map(PathBuf::from);
        let mut there = of_compiler.into_iter().chain(on_path).map(|program| Self { program, libraries: None });
        if let Some(found) = there.find(fits) {
            return Ok(found);
        }
        let (folder, package) = (place.toolchain("llvm"), package(compiler));
        let unpacked = Self::unpacked(&folder.join("root"), compiler)?;
        if is_made_from(&folder, &package) && fits(&unpacked) {
            return Ok(unpacked);
        }
        let advice = format!(
            "training needs {NAME} of LLVM {}, as the compiler has it: `rustup component add llvm-tools` has it, or put it on \
             the PATH (on Debian and Ubuntu: `apt-get install {package}`)",
            compiler.llvm
        );
        ensure!(apt::is_there(), "{advice}");
        let watch = Stopwatch::start();
        say("Fetching", NAME);
        apt::unpack(place, NAME, &[&package], &folder).with_context(|| advice.clone())?;
        mark(&folder, &package)?;
        ensure!(fits(&unpacked), "{} does not run; {advice}", unpacked.program.display());
        say("Fetched", &format!("{NAME} in {}", watch.seconds()));
        Ok(unpacked)
    }

    /// The one that lies in what was unpacked.
    fn unpacked(root: &Path, compiler: &Compiler) -> Result<Self> {
        let program = root.join(format!("usr/lib/llvm-{}/bin", compiler.llvm)).join(NAME);
        let libraries = env::join_paths(apt::libraries(root)).context("this path cannot be a path of libraries")?;
        Ok(Self { program, libraries: Some(libraries) })
    }

    /// It, ready for its arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    /// The version of its LLVM; `None` if there is no such program, or if it does not run.
    fn version(&self) -> Option<u32> {
        version_in(&program::output(self.command().arg("--version"))?)
    }
}

/// The package that has it.
fn package(compiler: &Compiler) -> String {
    format!("llvm-{}", compiler.llvm)
}

/// Where the compiler is.
fn sysroot(place: &Place) -> Option<PathBuf> {
    let says = program::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(place.root()))?;
    Some(PathBuf::from(says.trim()))
}

fn version_in(says: &str) -> Option<u32> {
    says.split_once("LLVM version ")?.1.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_it_says_of_itself() {
        for (says, version) in [
            ("LLVM (http://llvm.org/):\n  LLVM version 22.1.2-rust-1.95.0-stable\n  Optimized build.\n", Some(22)),
            ("Debian LLVM version 14.0.6\n", Some(14)),
            ("llvm-profdata: unknown\n", None),
        ] {
            assert_eq!(version_in(says), version, "{says}");
        }
    }

    #[test]
    fn one_of_another_version_is_not_taken() {
        let compiler = Compiler { target: "x86_64-unknown-linux-gnu".to_owned(), llvm: 22 };
        let found = Profdata::unpacked(Path::new("/nowhere"), &compiler).unwrap();
        assert_eq!(found.version(), None);
        assert!(found.program.ends_with("usr/lib/llvm-22/bin/llvm-profdata"), "{}", found.program.display());
    }
}
