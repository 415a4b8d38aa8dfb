//! The section `[logs]`: what is logged, how, and what is kept of it.

use patchbay_model::LogLevel;
use toml::de::DeValue;

use super::table::Table;
use super::{closest, value};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// As text on a terminal, as JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// One JSON object per line, with the field names of the Elastic Common Schema.
    Ecs,
}

impl LogFormat {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Auto, Self::Text, Self::Json, Self::Ecs];

    /// Its name on the command line and in `runtime.toml`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
            Self::Ecs => "ecs",
        }
    }
}

/// What `[logs]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogsConfig {
    /// The form of the lines on stderr.
    pub(crate) format: LogFormat,
    /// Records that are kept.
    pub(crate) keep: u32,
    /// What they take together, in bytes.
    pub(crate) keep_size: u64,
    /// What the host says is kept from this level on.
    pub(crate) keep_level: LogLevel,
    /// Names of fields, headers and parameters whose values are taken out of records, beside those that always are.
    pub(crate) redact: Vec<String>,
    /// Whether requests are logged on routes that say nothing of it.
    pub(crate) access: bool,
    /// Whether the records about requests have the query.
    pub(crate) access_query: bool,
}

impl Default for LogsConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            keep: 4096,
            keep_size: 8 << 20,
            keep_level: LogLevel::Info,
            redact: Vec::new(),
            access: false,
            access_query: false,
        }
    }
}

/// Reads `[logs]`.
pub(crate) fn read(table: &mut Table<'_>) -> LogsConfig {
    let mut logs = LogsConfig::default();
    table.set("format", &mut logs.format, format);
    table.set("keep", &mut logs.keep, keep);
    table.set("keep_size", &mut logs.keep_size, keep_size);
    table.set("keep_level", &mut logs.keep_level, value::parsed);
    logs.redact = table.list("redact", name).into_iter().map(|(_, name)| name).collect();
    table.set("access", &mut logs.access, value::boolean);
    table.set("access_query", &mut logs.access_query, value::boolean);
    logs
}

fn format(value: &DeValue<'_>) -> Result<LogFormat, String> {
    let name = value::text(value)?;
    let found = LogFormat::ALL.into_iter().find(|format| format.name() == name);
    let names = LogFormat::ALL.map(LogFormat::name);
    found.ok_or_else(|| format!("`{name}` is no form of a log; {}", closest::suggestion(&name, &names)))
}

fn keep(value: &DeValue<'_>) -> Result<u32, String> {
    let keep = value::number(value)?;
    if (1..=1_000_000).contains(&keep) { Ok(keep) } else { Err("must lie between 1 and 1000000".to_owned()) }
}

fn keep_size(value: &DeValue<'_>) -> Result<u64, String> {
    let size = value::size(value)?;
    let possible = 64 << 10..=1 << 30;
    if possible.contains(&size) { Ok(size) } else { Err("must lie between 64KiB and 1GiB".to_owned()) }
}

fn name(value: &DeValue<'_>) -> Result<String, String> {
    let name = value::text(value)?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = (1..=64).contains(&name.len()) && name.chars().all(is_part);
    if fits { Ok(name) } else { Err(format!("`{name}` is no name of a field; use letters, digits, `-`, `_` and `.`")) }
}
