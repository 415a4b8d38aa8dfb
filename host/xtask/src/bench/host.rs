//! A host on a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::place::Place;

use super::client::Admin;
use super::server::{Says, Server};

/// A running host.
pub(crate) struct Host {
    pub(super) server: Server,
    /// Where callers reach it: `http://ADDRESS:PORT`.
    pub(super) http: String,
    /// Where operators reach it.
    pub(crate) admin: String,
    state: PathBuf,
}

impl Host {
    /// Starts the host that is measured.
    pub(super) fn start(place: &Place, folder: &Path, sections: &str) -> Result<Self> {
        Self::of_program(place, &place.optimised("patchbay"), "warn", folder, sections)
    }

    /// Starts a host of this profile, which logs what is of this level, with these sections of `runtime.toml`, on the defaults but for ports that are free. It returns when
    /// all services are up. The folder keeps its state.
    pub(crate) fn of(place: &Place, (profile, level): (&str, &str), folder: &Path, sections: &str) -> Result<Self> {
        Self::of_program(place, &place.binary(profile, "patchbay"), level, folder, sections)
    }

    /// The same with a program that is not where cargo leaves it.
    pub(super) fn of_program(
        place: &Place,
        program: &Path,
        level: &str,
        folder: &Path,
        sections: &str,
    ) -> Result<Self> {
        let text = format!("[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n{sections}");
        Self::configured(place, program, level, folder, &text)
    }

    /// The same with all that `runtime.toml` has in it, which should have ports that are free.
    pub(super) fn configured(place: &Place, program: &Path, level: &str, folder: &Path, text: &str) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let config = folder.join("runtime.toml");
        fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        let mut command = Command::new(program);
        command.args(["up", "--json"]).env("RUST_LOG", level).current_dir(folder);
        let server = Server::start(&mut command, Says::OnStdout, &place.logs().join("bench-patchbay.log"))?;
        let ready: Value = serde_json::from_str(server.first_line()).context("the host does not say that it is up")?;
        let text = |key: &str| ready.get(key).and_then(Value::as_str).map(str::to_owned);
        let (http, admin) = text("http").zip(text("admin")).context("the host does not tell its addresses")?;
        Ok(Self { server, http, admin, state: folder.join("state") })
    }

    /// Its admin API.
    pub(super) fn admin(&self) -> Result<Admin> {
        Admin::new(&self.admin, &self.state)
    }

    /// The file with the token of its admin API.
    pub(crate) fn token(&self) -> PathBuf {
        self.state.join("admin.token")
    }
}
