//! Chromium, as the distribution's package manager has it: the one that is installed; on Debian and its kin one that is
//! installed now, or, for somebody who may not install anything, one that is unpacked under `target/`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{apt, is_made_from, mark};
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
    ensure!(apt::is_there(), "{ADVICE}");
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
    apt::update(place, "chromium");
    let mut command = apt::get();
    command.args(["install", "--yes", "--no-install-recommends"]).args(PACKAGES);
    program::quietly(place, "chromium-apt", &mut command)?;
    on_path("chromium").context("the package chromium is installed, and there is no `chromium` on the PATH")
}

/// Unpacks it, and what else it needs that is not installed, into a folder.
fn unpack(place: &Place, folder: &Path) -> Result<PathBuf> {
    let root = apt::unpack(place, "chromium", &PACKAGES, folder)?;
    write_wrapper(folder, &root)?;
    mark(folder, &key())?;
    Ok(wrapper(folder))
}

/// A program that starts the unpacked browser with the libraries and fonts that lie beside it.
fn write_wrapper(folder: &Path, root: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let [usr, lib] = apt::libraries(root).map(|path| quoted(&path));
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
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("/it's here/lib")), r"'/it'\''s here/lib'");
    }
}
