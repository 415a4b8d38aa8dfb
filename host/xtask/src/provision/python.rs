//! Python, and a virtual environment with the packages that a guest's `requirements.txt` names.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{is_made_from, mark, remove};
use crate::guests::of_files;
use crate::place::Place;
use crate::program;
use crate::progress::{Stopwatch, say};

/// The oldest Python 3 that the packages run with.
const OLDEST: u32 = 10;

/// What Python is called; the first that is there is taken.
const NAMES: [&str; 2] = ["python3", "python"];

/// A virtual environment that is ready.
pub(crate) struct Environment(PathBuf);

impl Environment {
    /// A program of the environment, ready for its arguments.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.path(name))
    }

    /// Where a program of the environment is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(name)
    }

    /// Where the files of a package are.
    pub(crate) fn package(&self, name: &str) -> Result<PathBuf> {
        let script =
            format!("import importlib.util as util; print(util.find_spec({name:?}).submodule_search_locations[0])");
        let found = program::output(self.program("python").args(["-c", &script]));
        found
            .map(|path| PathBuf::from(path.trim()))
            .with_context(|| format!("the package {name} is not where it should be"))
    }
}

/// The version of the Python that is there.
pub(crate) fn version() -> Result<String> {
    Ok(find()?.1)
}

fn find() -> Result<(&'static str, String)> {
    let mut older = None;
    for name in NAMES {
        let Some(version) = program::output(Command::new(name).arg("--version")) else { continue };
        let version = version.trim().trim_start_matches("Python ").to_owned();
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
        if parts.next() == Some(3) && parts.next() >= Some(OLDEST) {
            return Ok((name, version));
        }
        older = Some(format!("; `{name}` is {version}"));
    }
    bail!("Python 3.{OLDEST} or newer is needed, as `python3` on the PATH{}", older.unwrap_or_default())
}

/// Makes the environment that `requirements.txt` in this folder asks for, unless it is there already.
pub(crate) fn install(place: &Place, guest: &str, folder: &Path) -> Result<Environment> {
    let requirements = folder.join("requirements.txt");
    let (python, version) = find()?;
    let key = of_files(&version, std::slice::from_ref(&requirements))?;
    let environment = Environment(folder.join(".venv"));
    if is_made_from(&environment.0, &key) {
        return Ok(environment);
    }
    let watch = Stopwatch::start();
    let log = format!("{guest}-pip");
    say("Fetching", &format!("the Python packages of {guest}"));
    remove(&environment.0)?;
    program::quietly(place, &log, Command::new(python).args(["-m", "venv"]).arg(&environment.0))
        .context("Python has no working `venv`; on Debian and Ubuntu the package python3-venv has it")?;
    let mut command = environment.program("python");
    command.args(["-m", "pip", "install", "--require-hashes", "--disable-pip-version-check", "-r"]).arg(&requirements);
    program::quietly(place, &log, &mut command).context("the packages could not be had; pip must reach its index")?;
    mark(&environment.0, &key)?;
    say("Fetched", &format!("the Python packages of {guest} in {}", watch.seconds()));
    Ok(environment)
}
