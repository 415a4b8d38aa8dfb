//! `wasmtime serve`: installed with cargo into `target/tools`, optimised as the host is, with what it needs to serve.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::place::Place;
use crate::progress::{Stopwatch, say};
use crate::{guests, program};

use super::super::server::{Says, Server};

/// The version of wasmtime that the host is built with.
pub(super) const VERSION: &str = "48.0.8";

/// What serving needs, and what its own default has that could make it faster.
const FEATURES: &str = "run,serve,compile,cranelift,parallel-compilation,pooling-allocator,component-model,\
    component-model-async,wasi-config,threads,gc,gc-drc,gc-null,backtrace,demangle,logging";

/// The profile of the host's own release build (Cargo.toml).
const PROFILE: [(&str, &str); 2] =
    [("CARGO_PROFILE_RELEASE_LTO", "thin"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "4")];

/// The program.
pub(super) struct Rival {
    program: PathBuf,
}

impl Rival {
    /// Installs it, unless it is there.
    pub(super) fn install(place: &Place) -> Result<Self> {
        let tools = place.folder("target/tools");
        let program = tools.join("bin").join(format!("wasmtime{}", std::env::consts::EXE_SUFFIX));
        let version = program::output(Command::new(&program).arg("--version")).unwrap_or_default();
        if !version.contains(VERSION) {
            let watch = Stopwatch::start();
            say("Installing", &format!("wasmtime-cli {VERSION} into {}; this takes minutes", place.shown(&tools)));
            let mut install = program::cargo();
            install.args(["install", "wasmtime-cli", "--locked", "--quiet", "--force", "--no-default-features"]);
            install.arg(format!("--version={VERSION}")).args(["--features", FEATURES]);
            let build = tools.join("build");
            install.arg("--root").arg(&tools).arg("--target-dir").arg(&build).envs(PROFILE);
            program::foreground(&mut install)?;
            fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
            say("Installed", &format!("wasmtime-cli in {}", watch.seconds()));
        }
        Ok(Self { program })
    }

    /// Serves a guest with these flags; it is compiled before, so that all are served from compiled code.
    pub(super) fn serve(&self, place: &Place, name: &str, guest: &str, flags: &[&[&str]]) -> Result<Server> {
        let code = self.compile(place, guest)?;
        let mut command = Command::new(&self.program);
        command.args(["serve", "--addr=127.0.0.1:0", "--allow-precompiled"]).args(flags.concat()).arg(code);
        Server::start(&mut command, Says::OnStderr, &place.logs().join(format!("bench-{name}.log")))
    }

    /// The compiled code of a guest, which no flag that is used here changes.
    fn compile(&self, place: &Place, guest: &str) -> Result<PathBuf> {
        let wasm = place.guests().join(guest).with_extension("wasm");
        let folder = place.folder("target/bench/wasmtime");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let (code, stamp) = (folder.join(format!("{guest}.cwasm")), folder.join(format!("{guest}.stamp")));
        let wanted = guests::of_files(VERSION, std::slice::from_ref(&wasm))?;
        if !code.exists() || !fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            say("Compiling", &format!("{guest} with wasmtime"));
            program::foreground(Command::new(&self.program).arg("compile").arg("-o").arg(&code).arg(&wasm))?;
            fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
        }
        Ok(code)
    }
}
