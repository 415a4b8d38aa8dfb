//! Chromium, as the distribution's package manager has it: the one that is installed; on Debian and its kin one that is
//! installed now, or, for somebody who may not install anything, one that is unpacked under `target/`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{is_made_from, mark, remove};
use crate::place::Place;
use crate::program;
use crate::progress::{Stopwatch, say};

/// What the browser is called; the first that is there and runs is taken.
const NAMES: [&str; 3] = ["chromium", "google-chrome-stable", "google-chrome"];

/// The packages: the browser, and a font, without which pages have no text.
const PACKAGES: [&str; 2] = ["chromium", "fonts-liberation"];

/// What to do where it cannot be had.
const ADVICE: &str = "the tests in the browser need Chromium: install it so that `chromium` is on the PATH (on Debian and Ubuntu: \
                      `apt-get install chromium`)";

/// Makes sure that there is a browser. Returns where it is.
pub(crate) fn install(place: &Place) -> Result<PathBuf> {
    if let Some(found) = NAMES.iter().find_map(|name| on_path(name).filter(|path| runs(path))) {
        return Ok(found);
    }
    let unpacked = place.toolchain("chromium");
    if is_made_from(&unpacked, &key()) && runs(&wrapper(&unpacked)) {
        return Ok(wrapper(&unpacked));
    }
    ensure!(program::output(Command::new("apt-get").arg("--version")).is_some(), "{ADVICE}");
    let watch = Stopwatch::start();
    say("Fetching", "Chromium");
    let browser = if is_root() { installed(place) } else { unpack(place, &unpacked) };
    let browser = browser.context(ADVICE)?;
    ensure!(runs(&browser), "{} does not run; {ADVICE}", browser.display());
    say("Fetched", &format!("Chromium in {}", watch.seconds()));
    Ok(browser)
}

/// Installs it into the system.
fn installed(place: &Place) -> Result<PathBuf> {
    update(place);
    let mut command = apt_get();
    command.args(["install", "--yes", "--no-install-recommends"]).args(PACKAGES);
    program::quietly(place, "chromium-apt", &mut command)?;
    on_path("chromium").context("the package chromium is installed, and there is no `chromium` on the PATH")
}

/// Unpacks it, and what else it needs that is not installed, into a folder.
fn unpack(place: &Place, folder: &Path) -> Result<PathBuf> {
    remove(folder)?;
    let (packages, root) = (folder.join("packages"), folder.join("root"));
    for folder in [&packages, &root] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut simulate = apt_get();
    simulate.args(["--simulate", "install", "--no-install-recommends"]).args(PACKAGES);
    let plan = program::output(&mut simulate).context("apt-get knows no package `chromium`")?;
    let missing = missing(&plan);
    ensure!(!missing.is_empty(), "apt-get says that Chromium is installed, and it is not on the PATH");
    program::quietly(place, "chromium-apt", apt_get().arg("download").args(&missing).current_dir(&packages))?;
    for package in fs::read_dir(&packages).with_context(|| format!("cannot list {}", packages.display()))? {
        let package = package.with_context(|| format!("cannot list {}", packages.display()))?.path();
        program::quietly(place, "chromium-dpkg", Command::new("dpkg").arg("-x").arg(package).arg(&root))?;
    }
    remove(&packages)?;
    write_wrapper(folder, &root)?;
    mark(folder, &key())?;
    Ok(wrapper(folder))
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

/// A program that starts the unpacked browser with the libraries and fonts that lie beside it.
fn write_wrapper(folder: &Path, root: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let libraries = ["usr/lib", "lib"].map(|lib| root.join(lib).join(format!("{}-linux-gnu", env::consts::ARCH)));
    let [usr, lib] = libraries.map(|path| quoted(&path));
    let (share, browser) = (quoted(&root.join("usr/share")), quoted(&root.join("usr/lib/chromium/chromium")));
    let text = format!("#!/bin/sh\nexport LD_LIBRARY_PATH={usr}:{lib} XDG_DATA_HOME={share}\nexec {browser} \"$@\"\n");
    let path = wrapper(folder);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", path.display()))
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn wrapper(folder: &Path) -> PathBuf {
    folder.join("chromium")
}

fn key() -> String {
    PACKAGES.join(" ")
}

/// Has apt-get read what there is. A list that is there may do when the newest cannot be had.
fn update(place: &Place) {
    if let Err(error) = program::quietly(place, "chromium-update", apt_get().arg("update")) {
        say("Warning", &format!("{error:#}"));
    }
}

/// apt-get, ready for its arguments: it asks nothing, and waits for others that install.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--option", "DPkg::Lock::Timeout=600"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether a browser can be started at all.
fn runs(browser: &Path) -> bool {
    program::output(Command::new(browser).arg("--version")).is_some()
}

fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    false
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

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("/it's here/lib")), r"'/it'\''s here/lib'");
    }
}
