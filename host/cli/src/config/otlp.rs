//! `[otlp]`: where what the host observes is sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchbay_backends::otlp::{OtlpProtocol, OtlpSettings};
use patchbay_model::SecretRef;
use toml::de::DeValue;

use super::table::Table;
use super::{closest, secrets, value};

/// What `[otlp]` says. What it does not say, the environment may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtlpConfig {
    /// The address of the collector.
    pub(crate) endpoint: Option<String>,
    /// How it is spoken to.
    pub(crate) protocol: Option<OtlpProtocol>,
    /// The authority that its certificate is signed with.
    pub(crate) ca: Option<PathBuf>,
    /// What everything that is sent carries: header fields, and where their values are.
    pub(crate) headers: BTreeMap<String, SecretRef>,
    /// How long one answer may take.
    pub(crate) timeout: Option<Duration>,
    /// Whether spans are sent.
    pub(crate) traces: bool,
    /// Whether metrics are sent.
    pub(crate) metrics: bool,
    /// How often metrics are sent.
    pub(crate) metrics_interval: Duration,
    /// Whether log records are sent.
    pub(crate) logs: bool,
    /// What may wait to be sent, of each signal.
    pub(crate) queue: u32,
    /// What is sent at once, at most.
    pub(crate) batch: u32,
    /// How long something may wait for others to be sent with it.
    pub(crate) interval: Duration,
    /// The name of the host as a service.
    pub(crate) name: Option<String>,
    /// What else is said of it.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        let OtlpSettings { queue, batch, interval, .. } = OtlpSettings::default();
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            endpoint: None,
            protocol: None,
            ca: None,
            headers: BTreeMap::new(),
            timeout: None,
            traces: true,
            metrics: true,
            metrics_interval: Duration::from_secs(60),
            logs: true,
            queue: number(queue),
            batch: number(batch),
            interval,
            name: None,
            attributes: BTreeMap::new(),
        }
    }
}

/// Reads `[otlp]`. Paths are relative to `directory`.
pub(super) fn read(table: &mut Table<'_>, directory: &Path) -> OtlpConfig {
    let mut otlp = OtlpConfig::default();
    table.set("traces", &mut otlp.traces, value::boolean);
    table.set("metrics", &mut otlp.metrics, value::boolean);
    table.set("metrics_interval", &mut otlp.metrics_interval, metrics_interval);
    table.set("logs", &mut otlp.logs, value::boolean);
    otlp.endpoint = table.optional("endpoint", endpoint);
    otlp.protocol = table.optional("protocol", protocol);
    otlp.ca = table.optional("ca", value::path).map(|path| directory.join(path));
    let headers = table.named("headers");
    otlp.headers =
        headers.iter().filter_map(|entry| Some((entry.name.to_owned(), secrets::reference(entry)?))).collect();
    otlp.timeout = table.optional("timeout", value::duration);
    table.set("queue", &mut otlp.queue, |value| within(value, 1..=1_000_000));
    table.set("batch", &mut otlp.batch, |value| within(value, 1..=10_000));
    table.set("interval", &mut otlp.interval, interval);
    otlp.name = table.optional("name", value::text);
    let attributes = table.named("attributes");
    otlp.attributes =
        attributes.iter().filter_map(|entry| Some((entry.name.to_owned(), entry.value(value::text)?))).collect();
    otlp
}

fn endpoint(value: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(value)?;
    let is_one =
        ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if is_one && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    Err(format!("`{text}` is no address of a collector; write one such as `http://127.0.0.1:4317`"))
}

fn protocol(value: &DeValue<'_>) -> Result<OtlpProtocol, String> {
    let text = value::text(value)?;
    let found = OtlpProtocol::ALL.into_iter().find(|protocol| protocol.name() == text);
    let names = OtlpProtocol::ALL.map(OtlpProtocol::name);
    found.ok_or_else(|| format!("`{text}` is not known here; {}", closest::suggestion(&text, &names)))
}

fn within(value: &DeValue<'_>, possible: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let number = value::number(value)?;
    if possible.contains(&number) {
        return Ok(number);
    }
    Err(format!("must lie between {} and {}", possible.start(), possible.end()))
}

fn metrics_interval(value: &DeValue<'_>) -> Result<Duration, String> {
    let interval = value::duration(value)?;
    let possible = Duration::from_secs(1)..=Duration::from_secs(3600);
    if possible.contains(&interval) { Ok(interval) } else { Err("must lie between 1s and 1h".to_owned()) }
}

fn interval(value: &DeValue<'_>) -> Result<Duration, String> {
    let interval = value::duration(value)?;
    let possible = Duration::from_millis(10)..=Duration::from_secs(60);
    if possible.contains(&interval) { Ok(interval) } else { Err("must lie between 10ms and 1m".to_owned()) }
}
