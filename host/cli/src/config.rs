//! `runtime.toml`: from text to a typed configuration, with everything that is wrong told at once.

mod auth;
mod bus;
mod closest;
mod document;
mod edge;
mod host;
mod listeners;
mod logs;
mod metrics;
mod otlp;
mod policies;
mod problem;
mod routes;
mod secrets;
mod services;
mod settings;
mod table;
#[cfg(test)]
mod tests;
mod topics;
mod traces;
mod traffic;
mod value;

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use patchbay_control::ControlConfig;
use patchbay_engine::EngineConfig;
use patchbay_gateway::{AdminConfig, HttpConfig, MetricsConfig};
use patchbay_model::ServiceName;
use toml::de::DeTable;

pub(crate) use auth::{AuthConfig, name as key_name};
pub(crate) use bus::{BusBackend, BusConfig};
pub(crate) use closest::suggestion;
pub(crate) use document::Document;
pub(crate) use host::HostConfig;
pub(crate) use logs::{LogFormat, LogsConfig};
pub(crate) use otlp::OtlpConfig;
pub(crate) use problem::{Problem, Problems, Source};
pub(crate) use services::ServiceConfig;
pub(crate) use value::{INSTANCE_POLICIES, instance_policy, priority_named};

use table::Reader;

/// The name of the file where none is given.
pub(crate) const FILE: &str = "runtime.toml";

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) host: HostConfig,
    pub(crate) http: HttpConfig,
    pub(crate) admin: AdminConfig,
    pub(crate) engine: EngineConfig,
    pub(crate) control: ControlConfig,
    pub(crate) bus: BusConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) metrics: MetricsConfig,
    pub(crate) logs: LogsConfig,
    pub(crate) otlp: OtlpConfig,
    pub(crate) services: Vec<ServiceConfig>,
}

impl Config {
    /// Whether the host has no means to know who comes in from outside.
    pub(crate) fn is_open(&self) -> bool {
        let asks_for_certificates = self.http.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
        self.auth.settings.is_empty() && !asks_for_certificates
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file says what cannot be.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// The file cannot be read.
    #[error("cannot read `{file}`: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the operating system said.
        error: io::Error,
    },
}

/// A file that was read: what it says, and what is wrong with it.
pub(crate) struct ConfigFile {
    file: String,
    text: String,
    /// The configuration as far as it can be read.
    pub(crate) config: Config,
    problems: Vec<Problem>,
    /// What should be looked at, and is no problem.
    pub(crate) warnings: Vec<Problem>,
}

impl ConfigFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read or is no text. What it says is judged by [`ConfigFile::finish`].
    pub(crate) fn open(path: &Path) -> Result<Self, ConfigError> {
        Self::read(&path.display().to_string(), bytes_of(path)?, directory_of(path))
    }

    /// Reads what is in the file `file`; paths in it are relative to `directory`.
    ///
    /// # Errors
    /// [`ConfigError::Problems`] if it is no text.
    pub(crate) fn read(file: &str, bytes: Vec<u8>, directory: &Path) -> Result<Self, ConfigError> {
        let text = text_of(file, bytes)?;
        let Read { config, problems, warnings, .. } = read(file, &text, directory);
        Ok(Self { file: file.to_owned(), text, config, problems, warnings })
    }

    /// What the file says, key by key.
    pub(crate) fn document(&self) -> Document {
        Document::of(&self.file, &self.text)
    }

    /// Notes one more problem, at these bytes of the file.
    pub(crate) fn report(&mut self, at: &Range<usize>, key: &str, message: &str) {
        self.problems.push(Source::new(&self.file, &self.text).problem(at, key, message));
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
    }

    /// The configuration, if nothing is wrong with it but that components are not there.
    ///
    /// # Errors
    /// Everything else that is wrong.
    pub(crate) fn finish_without_components(mut self) -> Result<Config, Problems> {
        self.problems.retain(|problem| !problem.key.ends_with(".component"));
        self.finish()
    }

    /// Notes one more problem, where a key stands.
    pub(crate) fn complain(&mut self, key: &str, message: &str) {
        let at = self.document().place(key);
        self.report(&at, key, message);
    }

    /// A problem with a service, as one line with the place at which its component is named, if the file declares it.
    pub(crate) fn placed(&self, service: &ServiceName, message: &str) -> String {
        let declared = self.config.services.iter().find(|declared| declared.name == *service);
        declared.map_or_else(
            || format!("`{service}`: {message}"),
            |declared| {
                let source = Source::new(&self.file, &self.text);
                source.problem(&declared.component_at, format!("services.{service}"), message).to_string()
            },
        )
    }

    /// The configuration, if nothing is wrong with it.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn finish(self) -> Result<Config, Problems> {
        self.judged()?;
        Ok(self.config)
    }

    /// Whether nothing is wrong with it so far.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn judged(&self) -> Result<(), Problems> {
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems.clone())) }
    }
}

/// The state directory that the file at `path` names, as far as it can be read.
pub(crate) fn state_of(path: &Path) -> PathBuf {
    let text = bytes_of(path).and_then(|bytes| text_of("", bytes)).unwrap_or_default();
    read("", &text, directory_of(path)).config.host.state
}

/// The directory that paths in the file at `path` are relative to.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The bytes of the file at `path`.
///
/// # Errors
/// [`ConfigError::Unreadable`] if it cannot be read.
fn bytes_of(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| ConfigError::Unreadable { file: path.display().to_string(), error })
}

/// The text that `bytes` of the file `file` are.
///
/// # Errors
/// [`ConfigError::Problems`] if they are none.
fn text_of(file: &str, bytes: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let message = "this byte is no UTF-8, which TOML is written in; save the file as UTF-8";
        Problems(vec![Source::new(file, &text).problem(&(at..at + 1), "", message)]).into()
    })
}

/// What was read of a file.
struct Read {
    /// The configuration, as far as it can be read.
    config: Config,
    /// What is wrong with the text.
    problems: Vec<Problem>,
    /// What should be looked at.
    warnings: Vec<Problem>,
    /// Every key that was asked for.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds it against the shipped file"))]
    asked: BTreeSet<String>,
}

fn read(file: &str, text: &str, directory: &Path) -> Read {
    let source = Source::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What is missing or wrong beyond the syntax cannot be told apart from what the syntax error hides.
        let mut config = Config::default();
        config.host.state = directory.join(config.host.state);
        let problems = syntax_problems(&source, text, &errors);
        return Read { config, problems, warnings: Vec::new(), asked: BTreeSet::new() };
    }
    let reader = Reader::new(source);
    let config = reader.root(&document, |root| {
        let host = root.section("host", |table| host::host(table, directory));
        let mut http = root.section("http", |table| listeners::http(table, host.drain, directory));
        let mut admin = root.section("admin", |table| listeners::admin(table, host.drain, directory));
        let engine = root.section("engine", host::engine);
        let mut control = host::control(root, &host);
        control.traces = root.section("traces", traces::read);
        let bus = root.section("bus", |table| bus::read(table, directory));
        let otlp = root.section("otlp", |table| otlp::read(table, directory));
        let auth = root.section("auth", |table| auth::read(table, directory));
        let metrics = root.section("metrics", metrics::read);
        let logs = root.section("logs", logs::read);
        (http.access_log, http.access_query) = (logs.access, logs.access_query);
        admin.max_message = bus.max_message as u64;
        admin.metrics = metrics.clone();
        let mut placed = Vec::new();
        control.routes = routes::of_host(root, directory, &mut placed);
        let services = services::read(root, &control.defaults, directory, placed);
        let config = Config { host, http, admin, engine, control, bus, auth, logs, metrics, otlp, services };
        let open = config.is_open();
        Config { control: ControlConfig { open, ..config.control }, ..config }
    });
    let (problems, warnings, asked) = reader.finish();
    Read { config, problems, warnings, asked }
}

/// The first syntax error of each line; the others follow from it.
fn syntax_problems(source: &Source<'_>, text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let end = text.len()..text.len();
    let problem = |error: &toml::de::Error| {
        let at = error.span().unwrap_or_else(|| end.clone());
        source.problem(&at, "", format!("this is no TOML: {}", error.message()))
    };
    let mut problems: Vec<_> = errors.iter().map(problem).collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems.dedup_by_key(|problem| problem.line);
    problems
}
