//! `cargo xtask api`: holds the admin API of a running host against `docs/openapi.json`. Schemathesis makes requests from the
//! document, right ones and wrong ones and ones without the token, the same in every run, and looks at what comes back: no failure of the
//! host, no status, type or shape that the document does not have, and nothing for those without the token. What is asked and
//! what counts is in `tests/api/`.

use std::fs;

use anyhow::{Context, Result};
use clap::Args;

use crate::bench::host::Host;
use crate::place::Place;
use crate::progress::{Stopwatch, say};
use crate::provision::python;
use crate::{guests, program};

/// The folder with what Schemathesis is told.
const FOLDER: &str = "tests/api";

/// The services of the host, and their guests. `spare` is there to be removed.
const SERVICES: [(&str, &str); 5] =
    [("caller", "caller"), ("callee", "callee"), ("probe", "probe"), ("probe3", "probe3"), ("spare", "probe3")];

/// What to build before.
#[derive(Args)]
pub(crate) struct Options {
    /// Take the host and the guests as they were built last
    #[arg(long)]
    no_build: bool,
}

/// Builds the host and its guests, and holds it against the document.
pub(crate) fn run(place: &Place, options: &Options) -> Result<()> {
    if !options.no_build {
        guests::build(place, &SERVICES.map(|(_, guest)| guest.to_owned()))?;
        program::build_for_tests(place)?;
    }
    test(place)
}

/// The same with the host and the guests that are built already.
pub(crate) fn test(place: &Place) -> Result<()> {
    let tools = place.toolchain("api");
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    let requirements = place.folder(FOLDER).join("requirements.txt");
    fs::copy(&requirements, tools.join("requirements.txt"))
        .with_context(|| format!("cannot copy {}", requirements.display()))?;
    let environment = python::install(place, "the tests of the admin API", &tools)?;

    let folder = place.folder("target/api");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    // Warnings are what refused changes are told with, and most are refused.
    let host = Host::of(place, ("debug", "error"), &folder, &sections(place))?;
    let token = fs::read_to_string(host.token()).context("the host has no token")?;
    let watch = Stopwatch::start();
    say("Testing", FOLDER);
    let mut schemathesis = environment.program("schemathesis");
    schemathesis.arg("--config-file").arg(place.folder(FOLDER).join("schemathesis.toml"));
    schemathesis.args(["run", &format!("{}/openapi.json", host.admin)]);
    schemathesis.args(["--header", &format!("Authorization: Bearer {}", token.trim())]);
    schemathesis.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", place.folder(FOLDER));
    // Not into the sources.
    schemathesis.env("PYTHONDONTWRITEBYTECODE", "1").env("NO_COLOR", "1").current_dir(&folder);
    program::quietly(place, "api", &mut schemathesis)?;
    say("Tested", &format!("{FOLDER} in {}", watch.seconds()));
    Ok(())
}

/// The services, and a durable topic, as `runtime.toml` has them.
fn sections(place: &Place) -> String {
    let mut text = "[topics.\"notes.>\"]\nlevel = \"durable\"\n".to_owned();
    for (name, guest) in SERVICES {
        let component = place.guests().join(guest).with_extension("wasm");
        text += &format!("[services.{name}]\ncomponent = {component:?}\nroutes = [\"/{name}/*\"]\n");
    }
    text
}
