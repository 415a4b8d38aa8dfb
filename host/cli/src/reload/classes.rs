//! Which keys can change while the host runs, and which need a restart: each is in just one class, because a section is taken
//! apart whole, and a field that is in none or in two of them does not compile.

use std::collections::BTreeMap;

use patchbay_backends::bus::NatsSettings;
use patchbay_control::ControlConfig;
use patchbay_engine::EngineConfig;
use patchbay_gateway::{AdminConfig, HttpConfig, MetricsConfig};
use patchbay_model::bus::{TopicFilter, TopicSettings, Topics};

use crate::config::{AuthConfig, BusConfig, Config, HostConfig, LogsConfig, OtlpConfig};

/// The section that holds after a reload: `live` fields are those of the new one, `restart` fields stay and are noted by
/// their keys where they differ, and `derived` fields, which follow from other keys, stay without a word.
macro_rules! section {
    (
        $type:ident, $name:literal, $running:expr, $new:expr, $pending:expr,
        live: [$($live:ident),*], restart: [$($restart:ident),*], derived: [$($derived:ident),*]
    ) => {{
        let $type { $($live,)* $($restart,)* $($derived: _,)* } = $new;
        $(if *$restart != $running.$restart {
            $pending.push(concat!($name, ".", stringify!($restart)).to_owned());
        })*
        $type {
            $($live: $live.clone(),)*
            $($restart: $running.$restart.clone(),)*
            $($derived: $running.$derived.clone(),)*
        }
    }};
}

/// The configuration that holds after a reload from `running` to `new`, and the keys in `new` that hold only after a restart.
pub(super) fn classify(running: &Config, new: &Config) -> (Config, Vec<String>) {
    let Config { host, http, admin, engine, control, bus, auth, logs, metrics, otlp, services } = new;
    let mut pending = Vec::new();
    let mut config = Config {
        host: section!(HostConfig, "host", running.host, host, pending,
            live: [drain, strict, watch, shed], restart: [state], derived: []),
        // `drain` is that of the host, and what is logged is said in `[logs]`.
        http: section!(HttpConfig, "http", running.http, http, pending,
            live: [max_connections, max_connections_per_address, connection_rate_per_address, header_timeout, idle_timeout,
                body_timeout, stall_timeout, max_headers, max_head, max_streams, access_log, access_query, drain],
            restart: [listen, tls], derived: []),
        admin: section!(AdminConfig, "admin", running.admin, admin, pending,
            live: [], restart: [listen, tls, max_connections, max_upload, upload_pause], derived: [max_message, metrics, drain]),
        engine: section!(EngineConfig, "engine", running.engine, engine, pending,
            live: [],
            restart: [instances, compile_threads, stack, epoch_tick, cache_size, code_idle, compile_time, compile_memory],
            derived: []),
        control: self::control(&running.control, control, &mut pending),
        bus: self::bus(&running.bus, bus, &mut pending),
        auth: section!(AuthConfig, "auth", running.auth, auth, pending,
            live: [api_key_header, settings], restart: [], derived: []),
        logs: section!(LogsConfig, "logs", running.logs, logs, pending,
            live: [keep, keep_size, keep_level, redact, access, access_query], restart: [format], derived: []),
        metrics: section!(MetricsConfig, "metrics", running.metrics, metrics, pending,
            live: [], restart: [public], derived: []),
        otlp: section!(OtlpConfig, "otlp", running.otlp, otlp, pending,
            live: [],
            restart: [endpoint, protocol, ca, headers, timeout, traces, metrics, metrics_interval, logs, queue, batch, interval, name, attributes],
            derived: []),
        services: services.clone(),
    };
    // Follows from sections of which some wait for a restart.
    config.control.open = config.is_open();
    pending.sort_unstable();
    (config, pending)
}

fn control(running: &ControlConfig, new: &ControlConfig, pending: &mut Vec<String>) -> ControlConfig {
    let ControlConfig { retained, drain, defaults, default_places, strict, topics, open, routes, shed, traces } = new;
    ControlConfig {
        retained: *retained,
        drain: *drain,
        defaults: defaults.clone(),
        default_places: default_places.clone(),
        strict: *strict,
        topics: self::topics(&running.topics, topics, pending),
        open: *open,
        routes: routes.clone(),
        shed: shed.clone(),
        traces: traces.clone(),
    }
}

/// The bus keeps what it keeps until it is opened anew; who may publish and subscribe is control's affair.
fn topics(running: &Topics, new: &Topics, pending: &mut Vec<String>) -> Topics {
    let kept = |topics: &Topics| -> BTreeMap<TopicFilter, TopicSettings> {
        topics.iter().map(|(filter, settings)| (filter.clone(), settings.clone())).collect()
    };
    let (mut together, mut wanted) = (kept(running), kept(new));
    for (filter, settings) in &mut together {
        let key = || format!("topics.{:?}", filter.as_str());
        match wanted.remove(filter) {
            Some(new) => {
                let TopicSettings { level, retention, dedupe, publishers, subscribers } = new;
                if (level, &retention, dedupe) != (settings.level, &settings.retention, settings.dedupe) {
                    pending.push(key());
                }
                settings.publishers = publishers;
                settings.subscribers = subscribers;
            }
            None => pending.push(key()),
        }
    }
    pending.extend(wanted.keys().map(|filter| format!("topics.{:?}", filter.as_str())));
    // They went together before.
    Topics::new(together).unwrap_or_else(|_| running.clone())
}

fn bus(running: &BusConfig, new: &BusConfig, pending: &mut Vec<String>) -> BusConfig {
    // What has no key of its own is the same in both.
    let _: NatsSettings = section!(NatsSettings, "bus.nats", running.nats, &new.nats, pending,
        live: [],
        restart: [
            servers, login, tls, connect_timeout, request_timeout, waiting_messages, ack_wait, host, prefix, replicas, author_key
        ],
        derived: [name, ping_interval, waiting_bytes, max_message, subscription_messages, subscription_bytes]);
    section!(BusConfig, "bus", running, new, pending, live: [], restart: [backend, max_message, damaged], derived: [nats])
}

/// Whether a key of the file is what a key of `classify` names, or within it. Of `bus.nats.login` it has keys of other names.
pub(super) fn is_within(key: &str, pending: &str) -> bool {
    const LOGIN: [&str; 5] = ["credentials", "nkey", "token_file", "user", "password_file"];
    if pending == "bus.nats.login" {
        return key.strip_prefix("bus.nats.").is_some_and(|key| LOGIN.contains(&key));
    }
    key.strip_prefix(pending).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests;
