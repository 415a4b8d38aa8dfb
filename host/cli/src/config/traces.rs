//! `[traces]`: which spans are recorded, and how many are kept.

use patchbay_model::policy::Rate;
use patchbay_model::trace::{ParentTrust, TraceSettings};
use toml::de::DeValue;

use super::table::Table;
use super::{closest, value};

/// Reads `[traces]`.
pub(super) fn read(table: &mut Table<'_>) -> TraceSettings {
    let mut traces = TraceSettings::default();
    table.set("sample", &mut traces.sample, value::parsed);
    table.set("at_least", &mut traces.at_least, rate);
    table.set("parent", &mut traces.parent, parent);
    table.set("faults", &mut traces.faults, rate);
    table.set("keep", &mut traces.keep, keep);
    table.set("keep_size", &mut traces.keep_size, value::size);
    traces
}

/// A rate, or `none`.
fn rate(value: &DeValue<'_>) -> Result<Option<Rate>, String> {
    if value.as_str() == Some("none") { Ok(None) } else { value::parsed(value).map(Some) }
}

fn parent(value: &DeValue<'_>) -> Result<ParentTrust, String> {
    let text = value::text(value)?;
    let found = ParentTrust::ALL.into_iter().find(|trust| trust.name() == text);
    let names = ParentTrust::ALL.map(ParentTrust::name);
    found.ok_or_else(|| format!("`{text}` is not known here; {}", closest::suggestion(&text, &names)))
}

fn keep(value: &DeValue<'_>) -> Result<u32, String> {
    let keep = value::number(value)?;
    if keep <= 1_000_000 { Ok(keep) } else { Err("must be at most 1000000".to_owned()) }
}
