//! Builds of the programs that are used and measured: as cargo makes them, and trained, which is optimised by what the same program
//! counted while it worked.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::program;

/// Where the trained program is for whoever uses it.
const DIST: &str = "target/dist";

/// Where the program that counts is built, and what it counted.
const TRAINING: &str = "target/training";

/// The variable that has flags for the compiler, and what is between two of them.
const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";
const BETWEEN: &str = "\u{1f}";

/// Has nothing made small because it was done less often than other things. The compiler would do so with all but the 95 % of what was
/// counted: with what is rare, and with what was only trained for a shorter time.
const NOTHING_SMALL: &str = "-Cllvm-args=-pgso=false";

/// How programs are built that are used and measured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Build {
    /// As `cargo build --release` makes them.
    #[default]
    Release,
    /// So that they count what they do, and write it into a folder when they end.
    Counting(Compiler),
    /// By what was counted, which is in this file.
    Trained(Compiler, PathBuf),
}

/// The compiler, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiler {
    /// What it compiles for.
    pub(crate) target: String,
    /// The version of LLVM that it has, without what comes after the first point.
    pub(crate) llvm: u32,
}

impl Compiler {
    /// The one that this repository is built with.
    pub(crate) fn find(place: &Place) -> Result<Self> {
        let says = program::output(Command::new("rustc").arg("-vV").current_dir(place.root()));
        Self::from(&says.context("`rustc -vV` says nothing")?)
            .context("`rustc -vV` does not name its host and its LLVM")
    }

    fn from(says: &str) -> Option<Self> {
        let field = |name: &str| says.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let llvm = field("LLVM version:")?.split('.').next()?.parse().ok()?;
        Some(Self { target: field("host:")?.to_owned(), llvm })
    }
}

impl Build {
    /// The trained one, by what was counted last.
    ///
    /// # Errors
    /// If nothing was.
    pub(crate) fn trained(place: &Place) -> Result<Self> {
        let found = profiles(place).into_iter().next();
        match found {
            Some(profile) => Ok(Self::Trained(Compiler::find(place)?, profile)),
            None => bail!("the host was not trained yet: `cargo xtask dist` does it"),
        }
    }

    /// What it is called where something was measured with it.
    pub(crate) const fn described(&self) -> &'static str {
        match self {
            Self::Release => "`cargo build --release`",
            Self::Counting(_) => "a build that counts",
            Self::Trained(..) => "`cargo xtask dist`",
        }
    }

    /// Where cargo leaves the programs, if that is not where it leaves all others.
    pub(crate) fn folder(&self, place: &Place) -> Option<PathBuf> {
        let (root, compiler) = match self {
            Self::Release => return None,
            Self::Counting(compiler) => (TRAINING, compiler),
            Self::Trained(compiler, _) => (DIST, compiler),
        };
        Some(place.folder(root).join(&compiler.target).join("release"))
    }

    /// Builds programs.
    pub(crate) fn run(&self, place: &Place, what: &[&str]) -> Result<()> {
        let mut cargo = program::cargo();
        cargo.args(["build", "--release", "--locked"]).args(what).current_dir(place.root());
        // With the target named, build scripts and macros are built without these flags: they are neither trained nor used.
        match self {
            Self::Release => {}
            Self::Counting(compiler) => {
                cargo.args(["--target", &compiler.target]).arg("--target-dir").arg(place.folder(TRAINING));
                add_flags(&mut cargo, &[with_path("-Cprofile-generate=", &counts(place))]);
            }
            Self::Trained(compiler, profile) => {
                cargo.args(["--target", &compiler.target]).arg("--target-dir").arg(place.folder(DIST));
                add_flags(&mut cargo, &[with_path("-Cprofile-use=", profile), NOTHING_SMALL.into()]);
            }
        }
        program::foreground(&mut cargo)
    }
}

/// The trained program, for whoever uses it.
pub(crate) fn trained_program(place: &Place) -> PathBuf {
    place.folder(DIST).join(format!("patchbay{}", env::consts::EXE_SUFFIX))
}

/// Where programs write what they counted.
pub(crate) fn counts(place: &Place) -> PathBuf {
    place.folder(TRAINING).join("counts")
}

/// Where what they counted is put together. The name tells it from any other, and so has cargo build anew after each training.
pub(crate) fn profile(place: &Place, digest: &str) -> PathBuf {
    place.folder(DIST).join(format!("{digest}.profdata"))
}

/// Those that are there; more than one only if somebody put it there.
pub(crate) fn profiles(place: &Place) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place.folder(DIST)) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "profdata")).collect()
}

/// Copies what was built to where an older one may be, which may be in use.
pub(crate) fn replace(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Adds flags for the compiler to those that there are in the environment.
fn add_flags(cargo: &mut Command, more: &[OsString]) {
    let variable = |name| env::var(name).ok();
    cargo.env(ENCODED, added(variable(ENCODED).as_deref(), variable("RUSTFLAGS").as_deref(), more));
}

fn with_path(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(path);
    flag
}

/// The flags with more. Cargo takes those of one variable or those of the other, and only in the one that is used here
/// may paths have spaces.
fn added(encoded: Option<&str>, plain: Option<&str>, more: &[OsString]) -> OsString {
    let of_plain = || plain.unwrap_or_default().split_ascii_whitespace().collect::<Vec<_>>().join(BETWEEN);
    let mut flags = OsString::from(encoded.map_or_else(of_plain, str::to_owned));
    for flag in more {
        if !flags.is_empty() {
            flags.push(BETWEEN);
        }
        flags.push(flag);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_read_from_what_it_says_of_itself() {
        let says = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n\
                    LLVM version: 22.1.2\n";
        let compiler = Compiler { target: "x86_64-unknown-linux-gnu".to_owned(), llvm: 22 };
        assert_eq!(Compiler::from(says), Some(compiler));
        assert_eq!(Compiler::from("rustc 1.95.0\nhost: x\n"), None, "a compiler without LLVM");
    }

    #[test]
    fn flags_are_added_to_those_that_there_are() {
        for (encoded, plain, wanted) in [
            (None, None, "-Cx=/a b|-Cu"),
            (None, Some(" -Cy  -Cz "), "-Cy|-Cz|-Cx=/a b|-Cu"),
            (Some("-Cw=/c d|-Cv"), Some("-Cy"), "-Cw=/c d|-Cv|-Cx=/a b|-Cu"),
            (Some(""), Some("-Cy"), "-Cx=/a b|-Cu"),
        ] {
            let encoded = encoded.map(|flags| flags.replace('|', BETWEEN));
            let flags = added(encoded.as_deref(), plain, &[with_path("-Cx=", Path::new("/a b")), "-Cu".into()]);
            assert_eq!(flags.to_str(), Some(&*wanted.replace('|', BETWEEN)), "{encoded:?} {plain:?}");
        }
    }

    #[test]
    fn each_build_has_a_place_of_its_own() {
        let place = Place::find().unwrap();
        let compiler = Compiler { target: "x86_64-unknown-linux-gnu".to_owned(), llvm: 22 };
        let counting = place.with(Build::Counting(compiler.clone()));
        let trained = place.with(Build::Trained(compiler, "x.profdata".into()));
        let paths = [&place, &counting, &trained].map(|place| place.optimised("patchbay"));
        assert!(paths[1].starts_with(place.folder(TRAINING)) && paths[2].starts_with(place.folder(DIST)), "{paths:?}");
        assert_ne!(trained_program(&place), paths[2], "cargo's own is not what people are told of");
        assert_eq!(trained.build().described(), "`cargo xtask dist`");
    }
}
