//! `[bus]`: which bus carries messages, and how it is reached.

use std::path::{Path, PathBuf};

use patchbay_backends::bus::{AuthorKey, Damage, NatsLogin, NatsSettings};
use toml::de::DeValue;

use super::table::Table;
use super::{closest, value};

/// What `[bus]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BusConfig {
    /// Which bus it is.
    pub(crate) backend: BusBackend,
    /// The largest message, in bytes with its attributes.
    pub(crate) max_message: usize,
    /// What becomes of damaged records of the embedded bus.
    pub(crate) damaged: Damage,
    /// How NATS is reached.
    pub(crate) nats: NatsSettings,
}

/// Which bus it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BusBackend {
    /// The one in this process.
    Embedded,
    /// NATS.
    Nats,
}

impl BusBackend {
    /// Its name in configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Nats => "nats",
        }
    }
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            backend: BusBackend::Embedded,
            max_message: 1 << 20,
            damaged: Damage::Skip,
            nats: NatsSettings::default(),
        }
    }
}

/// Reads `[bus]`. Paths are relative to `directory`.
pub(super) fn read(table: &mut Table<'_>, directory: &Path) -> BusConfig {
    let mut bus = BusConfig::default();
    table.set("backend", &mut bus.backend, backend);
    table.set("max_message", &mut bus.max_message, max_message);
    table.set("damaged", &mut bus.damaged, damaged);
    table.section("nats", |table| nats(table, &mut bus.nats, directory));
    bus.nats.max_message = bus.max_message;
    bus
}

fn backend(value: &DeValue<'_>) -> Result<BusBackend, String> {
    let text = value::text(value)?;
    let all = [BusBackend::Embedded, BusBackend::Nats];
    let found = all.into_iter().find(|one| one.name() == text);
    found.ok_or_else(|| format!("`{text}` is no bus; {}", closest::suggestion(&text, &all.map(BusBackend::name))))
}

fn damaged(value: &DeValue<'_>) -> Result<Damage, String> {
    match value::text(value)?.as_str() {
        "skip" => Ok(Damage::Skip),
        "refuse" => Ok(Damage::Refuse),
        other => Err(format!("`{other}` is not known here; {}", closest::suggestion(other, &["skip", "refuse"]))),
    }
}

fn max_message(value: &DeValue<'_>) -> Result<usize, String> {
    let size = value::size(value)?;
    let found = usize::try_from(size).ok().filter(|size| (1 << 10..=64 << 20).contains(size));
    found.ok_or_else(|| "must lie between 1KiB and 64MiB".to_owned())
}

fn nats(table: &mut Table<'_>, nats: &mut NatsSettings, directory: &Path) {
    if table.has("servers") {
        nats.servers = super::settings::elements(table.list("servers", server));
    }
    if table.has("servers") && nats.servers.is_empty() {
        table.report("servers", "names no server; write one such as `nats://127.0.0.1:4222`");
    }
    nats.login = login(table, directory);
    table.section("tls", |table| {
        table.set("required", &mut nats.tls.required, value::boolean);
        nats.tls.authorities = file(table, "ca", directory);
        let own = (file(table, "certificate", directory), file(table, "key", directory));
        match own {
            (Some(certificate), Some(key)) => nats.tls.identity = Some((certificate, key)),
            (Some(_), None) => table.report("key", "is missing; a certificate needs its private key"),
            (None, Some(_)) => table.report("certificate", "is missing; a private key needs its certificate"),
            (None, None) => {}
        }
    });
    table.set("connect_timeout", &mut nats.connect_timeout, value::duration);
    table.set("request_timeout", &mut nats.request_timeout, value::duration);
    table.set("waiting_messages", &mut nats.waiting_messages, value::number);
    table.set("ack_wait", &mut nats.ack_wait, value::duration);
    table.set("host", &mut nats.host, token);
    table.set("prefix", &mut nats.prefix, token);
    table.set("replicas", &mut nats.replicas, replicas);
    nats.author_key = author_key(table, directory);
}

/// Who the host is: one of the ways to say so, at most.
fn login(table: &mut Table<'_>, directory: &Path) -> NatsLogin {
    let credentials = file(table, "credentials", directory).map(NatsLogin::Credentials);
    let nkey = file(table, "nkey", directory).map(NatsLogin::NkeySeed);
    let token = secret(table, "token_file", directory).map(NatsLogin::Token);
    let user = table.optional("user", value::text);
    let password = secret(table, "password_file", directory);
    if user.is_some() != password.is_some() {
        let missing = if user.is_some() { "password_file" } else { "user" };
        table.report(missing, "is missing; a user and the file of the password belong together");
    }
    let user = user.zip(password).map(|(user, password)| NatsLogin::User { user, password });
    let mut ways = [credentials, nkey, token, user].into_iter().flatten();
    let login = ways.next().unwrap_or_default();
    if ways.next().is_some() {
        let at = ["nkey", "token_file", "user"].into_iter().rfind(|key| table.has(key)).unwrap_or("user");
        table.report(
            at,
            "is one way too many to say who the host is; choose one of `credentials`, `nkey`, `token_file` and `user`",
        );
    }
    login
}

fn author_key(table: &mut Table<'_>, directory: &Path) -> Option<AuthorKey> {
    let secret = secret(table, "author_key", directory)?;
    AuthorKey::new(secret.as_bytes()).map_err(|error| table.report("author_key", error.to_string())).ok()
}

/// A file that has to be there.
fn file(table: &mut Table<'_>, key: &'static str, directory: &Path) -> Option<PathBuf> {
    let path = directory.join(table.optional(key, value::path)?);
    if path.is_file() {
        return Some(path);
    }
    table.report(key, format!("the file `{}` does not exist", path.display()));
    None
}

/// What a file holds, without the end of its line.
fn secret(table: &mut Table<'_>, key: &'static str, directory: &Path) -> Option<String> {
    let path = file(table, key, directory)?;
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.trim_end().to_owned()),
        Err(error) => {
            table.report(key, format!("the file `{}` cannot be read: {error}", path.display()));
            None
        }
    }
}

fn server(value: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(value)?;
    let known =
        ["nats://", "tls://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if known { Ok(text) } else { Err(format!("`{text}` is no server; write `nats://HOST:PORT` or `tls://HOST:PORT`")) }
}

/// A part of the names of streams and consumers.
fn token(value: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(value)?;
    let is_one =
        (1..=63).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    if is_one { Ok(text) } else { Err("must be 1 to 63 letters, digits, `-` and `_`".to_owned()) }
}

fn replicas(value: &DeValue<'_>) -> Result<usize, String> {
    let replicas = value::number::<usize>(value)?;
    if (1..=5).contains(&replicas) { Ok(replicas) } else { Err("must lie between 1 and 5".to_owned()) }
}
