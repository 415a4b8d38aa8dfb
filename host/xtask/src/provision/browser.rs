//! What the tests in the browser need: Chromium, and the packages that drive it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{chromium, node};
use crate::place::Place;

/// The folder of the tests, with the list of their packages.
pub(crate) const TESTS: &str = "tests/browser";

/// What says which packages these are.
const LISTS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// A browser, and the folder with the `node_modules` of those that drive it.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) packages: PathBuf,
}

/// Fetches what is not there already.
pub(crate) fn install(place: &Place) -> Result<Browser> {
    let packages = place.toolchain("browser");
    fs::create_dir_all(&packages).with_context(|| format!("cannot make {}", packages.display()))?;
    for list in LISTS {
        let list = place.folder(TESTS).join(list);
        fs::copy(&list, packages.join(list.file_name().unwrap_or_default()))
            .with_context(|| format!("cannot copy {}", list.display()))?;
    }
    node::install(place, "the tests in the browser", &packages)?;
    Ok(Browser { chromium: chromium::install(place)?, packages })
}
