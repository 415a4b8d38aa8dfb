//! The classes, key by key: what is written differently either holds at once or is named.

use std::path::Path;

use super::*;
use crate::config::ConfigFile;

/// The shipped file with what is off in it turned on, but for what names files.
fn shipped() -> String {
    const SHIPPED: &str = include_str!("../../../../../runtime.toml");
    SHIPPED.split("# The services. A name").next().unwrap().to_owned()
}

fn parse(text: &str) -> Config {
    let file = ConfigFile::read("runtime.toml", text.as_bytes().to_vec(), Path::new("")).unwrap();
    file.finish().unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// The file with one line replaced.
fn with(text: &str, key: &str, value: &str) -> String {
    let (section, key) = key.rsplit_once('.').unwrap();
    let (before, rest) = text.split_once(&format!("\n[{section}]\n")).unwrap_or_else(|| panic!("no [{section}]"));
    let at = rest.find(&format!("\n{key} = ")).unwrap_or_else(|| panic!("no {key} in [{section}]")) + 1;
    let end = at + rest[at..].find('\n').unwrap();
    format!("{before}\n[{section}]\n{}{key} = {value}{}", &rest[..at], &rest[end..])
}

#[test]
fn every_key_holds_at_once_or_needs_a_restart() {
    let text = shipped();
    let running = parse(&text);
    for (key, value, restart) in [
        ("host.state", "\"other\"", true),
        ("host.drain", "\"7s\"", false),
        ("host.strict", "true", false),
        ("host.watch", "false", false),
        ("http.listen", "\"127.0.0.1:1\"", true),
        ("http.max_connections", "7", false),
        ("http.max_connections_per_address", "7", false),
        ("http.connection_rate_per_address", "7", false),
        ("http.header_timeout", "\"7s\"", false),
        ("http.idle_timeout", "\"7s\"", false),
        ("http.body_timeout", "\"7s\"", false),
        ("http.stall_timeout", "\"7s\"", false),
        ("http.max_headers", "7", false),
        ("http.max_head", "\"8KiB\"", false),
        ("http.max_streams", "7", false),
        ("admin.listen", "\"127.0.0.1:1\"", true),
        ("admin.max_connections", "7", true),
        ("admin.max_upload", "\"7MiB\"", true),
        ("admin.upload_pause", "\"7s\"", true),
        ("metrics.public", "true", true),
        ("engine.instances", "7", true),
        ("engine.compile_threads", "1", true),
        ("engine.stack", "\"1MiB\"", true),
        ("engine.epoch_tick", "\"2ms\"", true),
        ("engine.cache_size", "\"7MiB\"", true),
        ("engine.code_idle", "\"7m\"", true),
        ("engine.compile_time", "\"7s\"", true),
        ("engine.compile_memory", "\"7GiB\"", true),
        ("deploy.retained", "7", false),
        ("deploy.drain", "\"7s\"", false),
        ("logs.format", "\"ecs\"", true),
        ("logs.keep", "7", false),
        ("logs.keep_size", "\"7MiB\"", false),
        ("logs.keep_level", "\"warn\"", false),
        ("logs.redact", "[\"x-session\"]", false),
        ("logs.access", "true", false),
        ("logs.access_query", "true", false),
        ("bus.backend", "\"nats\"", true),
        ("bus.max_message", "\"7MiB\"", true),
        ("bus.damaged", "\"refuse\"", true),
        ("bus.nats.servers", "[\"nats://other\"]", true),
        ("bus.nats.connect_timeout", "\"7s\"", true),
        ("bus.nats.request_timeout", "\"7s\"", true),
        ("bus.nats.waiting_messages", "7", true),
        ("bus.nats.ack_wait", "\"7s\"", true),
        ("bus.nats.host", "\"other\"", true),
        ("bus.nats.prefix", "\"other\"", true),
        ("bus.nats.replicas", "3", true),
        ("auth.api_key_header", "\"x-other\"", false),
        ("traces.sample", "\"7%\"", false),
        ("traces.at_least", "\"none\"", false),
        ("traces.parent", "\"restart\"", false),
        ("traces.faults", "\"7/s\"", false),
        ("traces.keep", "7", false),
        ("traces.keep_size", "\"7MiB\"", false),
        ("otlp.traces", "false", true),
        ("otlp.queue", "7", true),
        ("otlp.batch", "7", true),
        ("otlp.interval", "\"7s\"", true),
        ("defaults.timeout", "\"7s\"", false),
        ("defaults.retry.attempts", "7", false),
    ] {
        let new = parse(&with(&text, key, value));
        assert_ne!(running, new, "{key} is read");
        let (together, pending) = classify(&running, &new);
        if restart {
            assert_eq!(pending, [key], "{key} is named");
            assert_eq!(together, running, "{key} does not change");
        } else {
            assert_eq!(pending, [""; 0], "{key} needs no restart");
            assert_eq!(together, new, "{key} holds");
        }
        // Back as it was, nothing is left to wait for.
        assert_eq!(classify(&together, &running), (running.clone(), Vec::new()), "{key}");
    }
}

#[test]
fn publishers_change_at_once_and_what_the_bus_keeps_does_not() {
    let topic = "[topics.\"shop.orders.*\"]\n";
    let running = parse(&format!("{topic}publishers = [\"orders\"]\n"));
    let orders = |config: &Config| {
        let found = config.control.topics.iter().find(|(filter, _)| filter.as_str() == "shop.orders.*");
        found.map(|(_, settings)| settings.clone())
    };
    for (new, pending) in [
        (format!("{topic}publishers = [\"web\"]\n"), vec![]),
        (topic.to_owned(), vec![]),
        (format!("{topic}publishers = [\"orders\"]\nage = \"1h\"\n"), vec![r#"topics."shop.orders.*""#]),
        (format!("{topic}publishers = [\"orders\"]\nlevel = \"volatile\"\n"), vec![r#"topics."shop.orders.*""#]),
        (String::new(), vec![r#"topics."shop.orders.*""#]),
        (format!("{topic}publishers = [\"web\"]\n[topics.\"other\"]\n"), vec![r#"topics."other""#]),
    ] {
        let new = parse(&new);
        let (together, named) = classify(&running, &new);
        assert_eq!(named, pending);
        let (before, now) = (orders(&running).unwrap(), orders(&together).unwrap());
        assert_eq!((now.level, now.retention), (before.level, before.retention));
        if let Some(wanted) = orders(&new) {
            assert_eq!(now.publishers, wanted.publishers);
        }
    }
}

#[test]
fn keys_are_found_within_what_waits() {
    for (key, pending, within) in [
        ("http.listen", "http.listen", true),
        ("http.tls.key", "http.tls", true),
        ("http.listener", "http.listen", false),
        ("topics.\"a.b\".age", "topics.\"a.b\"", true),
        ("bus.nats.token_file", "bus.nats.login", true),
        ("bus.nats.prefix", "bus.nats.login", false),
    ] {
        assert_eq!(is_within(key, pending), within, "{key} {pending}");
    }
}
