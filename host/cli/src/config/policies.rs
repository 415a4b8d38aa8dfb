//! The policies of services and links: `rate`, `retry`, `breaker`, `fallback` and `links`.

use std::collections::BTreeMap;

use patchbay_model::policy::{BreakerSettings, Fallback, LinkRetry, LinkSettings, RetrySettings};
use patchbay_model::{FunctionName, InterfaceName, Settings};
use toml::de::DeValue;

use super::settings::elements;
use super::table::{Named, Table};
use super::value;

/// Reads the policies of all calls of a service.
pub(super) fn read(table: &mut Table<'_>, settings: &mut Settings) {
    if let Some(rate) = table.optional("rate", value::parsed) {
        settings.rate = Some(rate);
    }
    table.section("retry", |table| retry(table, &mut settings.retry));
    table.section("breaker", |table| breaker(table, &mut settings.breaker));
}

fn retry(table: &mut Table<'_>, retry: &mut RetrySettings) {
    table.set("attempts", &mut retry.attempts, value::number);
    table.set("backoff", &mut retry.backoff, value::duration);
    table.set("max_backoff", &mut retry.max_backoff, value::duration);
    table.set("attempt_timeout", &mut retry.attempt_timeout, value::duration);
    if table.has("idempotent") {
        retry.idempotent = elements(table.list("idempotent", value::parsed));
    }
    table.set("budget", &mut retry.budget, value::parsed);
    table.set("budget_floor", &mut retry.budget_floor, value::number);
}

fn breaker(table: &mut Table<'_>, breaker: &mut BreakerSettings) {
    table.set("failures", &mut breaker.failures, value::number);
    table.set("success_rate", &mut breaker.success_rate, value::parsed);
    table.set("window", &mut breaker.window, value::duration);
    table.set("min_calls", &mut breaker.min_calls, value::number);
    table.set("open", &mut breaker.open, value::duration);
    table.set("max_open", &mut breaker.max_open, value::duration);
}

/// Reads what answers in place of a service, if there is something.
pub(super) fn fallback(table: &mut Table<'_>) -> Option<Fallback> {
    let is_there = table.has("fallback");
    let (fallback, says) = table.section("fallback", |table| {
        let fallback = Fallback { service: table.optional("service", value::parsed), results: results(table) };
        (fallback, table.has("service") || table.has("results"))
    });
    if is_there && !says {
        table.report("fallback", "says nothing; name a `service`, or the `results` of functions");
    }
    is_there.then_some(fallback)
}

fn results(table: &mut Table<'_>) -> BTreeMap<FunctionName, serde_json::Value> {
    let entries = table.named("results");
    entries.iter().filter_map(|entry| Some((entry.parsed_name()?, entry.value(value::json)?))).collect()
}

/// Reads `links`: each is the name of a service, or a table.
pub(super) fn links(table: &mut Table<'_>) -> BTreeMap<InterfaceName, LinkSettings> {
    let entries = table.named("links");
    entries.iter().filter_map(|entry| Some((entry.parsed_name()?, link(entry)?))).collect()
}

fn link(entry: &Named<'_>) -> Option<LinkSettings> {
    if entry.is(|value| matches!(value, DeValue::String(_))) {
        return entry.value(value::parsed).map(LinkSettings::to);
    }
    entry.table(|table| {
        let mut required = true;
        table.set("required", &mut required, value::boolean);
        LinkSettings {
            service: table.optional("service", value::parsed),
            required,
            timeout: table.optional("timeout", value::duration),
            concurrency: table.optional("concurrency", value::number),
            rate: table.optional("rate", value::parsed),
            retry: table.section("retry", link_retry),
            fallback: fallback(table),
        }
    })
}

fn link_retry(table: &mut Table<'_>) -> LinkRetry {
    LinkRetry {
        attempts: table.optional("attempts", value::number),
        backoff: table.optional("backoff", value::duration),
        max_backoff: table.optional("max_backoff", value::duration),
        attempt_timeout: table.optional("attempt_timeout", value::duration),
        idempotent: table.has("idempotent").then(|| elements(table.list("idempotent", value::parsed))),
    }
}
