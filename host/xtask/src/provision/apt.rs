//! Packages of Debian and its kin: unpacked under `target/`, with what they need that is not installed, for somebody who may not
//! install anything, or need not.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::remove;
use crate::place::Place;
use crate::program;
use crate::progress::say;

/// apt-get, ready for its arguments: it asks nothing, and waits for others that install.
pub(super) fn get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--option", "DPkg::Lock::Timeout=600"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether there is an apt-get.
pub(super) fn is_there() -> bool {
    program::output(Command::new("apt-get").arg("--version")).is_some()
}

/// Has apt-get read what there is. A list that is there may do when the newest cannot be had.
pub(super) fn update(place: &Place, tool: &str) {
    if let Err(error) = program::quietly(place, &format!("{tool}-update"), get().arg("update")) {
        say("Warning", &format!("{error:#}"));
    }
}

/// Unpacks packages into a folder. Returns the root of what is in them.
pub(super) fn unpack(place: &Place, tool: &str, packages: &[&str], folder: &Path) -> Result<PathBuf> {
    remove(folder)?;
    let (downloads, root) = (folder.join("packages"), folder.join("root"));
    for folder in [&downloads, &root] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut simulate = get();
    simulate.args(["--simulate", "install", "--no-install-recommends"]).args(packages);
    let names = packages.join("` and `");
    let plan = program::output(&mut simulate).with_context(|| format!("apt-get knows no package `{names}`"))?;
    let missing = missing(&plan);
    ensure!(!missing.is_empty(), "apt-get says that `{names}` is installed, and {tool} is not on the PATH");
    program::quietly(place, &format!("{tool}-apt"), get().arg("download").args(&missing).current_dir(&downloads))?;
    for package in fs::read_dir(&downloads).with_context(|| format!("cannot list {}", downloads.display()))? {
        let package = package.with_context(|| format!("cannot list {}", downloads.display()))?.path();
        program::quietly(place, &format!("{tool}-dpkg"), Command::new("dpkg").arg("-x").arg(package).arg(&root))?;
    }
    remove(&downloads)?;
    Ok(root)
}

/// Where libraries lie in what was unpacked.
pub(super) fn libraries(root: &Path) -> [PathBuf; 2] {
    ["usr/lib", "lib"].map(|lib| root.join(lib).join(format!("{}-linux-gnu", env::consts::ARCH)))
}

/// The packages that a plan of apt-get would install, as `apt-get download` takes them.
fn missing(plan: &str) -> Vec<String> {
    let package = |line: &str| {
        let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
        // `NAME [INSTALLED] (VERSION SUITE [ARCHITECTURE])`, where the first bracket may be missing.
        let version = rest.split_once('(')?.1.split(' ').next()?;
        Some(format!("{name}={version}"))
    };
    plan.lines().filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_would_install_is_downloaded_in_that_version() {
        let plan = "Reading package lists...\n\
                    Inst libopus0 (1.3.1-3 Debian:12.11/oldstable [amd64])\n\
                    Inst udev [252.38-1] (252.39-1~deb12u2 Debian:12.14/oldstable [amd64])\n\
                    Conf libopus0 (1.3.1-3 Debian:12.11/oldstable [amd64])\n";
        assert_eq!(missing(plan), ["libopus0=1.3.1-3", "udev=252.39-1~deb12u2"]);
    }
}
