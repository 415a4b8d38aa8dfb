//! Streams: each declared durable topic has one, made as it is declared. One that is there already is never narrowed and
//! never replaced: what differs is told.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::Request;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use patchbay_model::bus::{BusError, Retention, TopicFilter, TopicSettings, WhenFull};
use patchbay_model::ports::TopicStored;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::link::Link;
use super::{error, names};

/// What the subjects of JetStream's API begin with.
pub(super) const API: &str = "$JS.API";

/// Who made a stream or a consumer, and of what.
pub(super) const MADE_OF: &str = "patchbay.topic";

/// Asks JetStream for something that is about the declared topic `topic`.
pub(super) async fn ask<T: DeserializeOwned>(
    link: &Link,
    topic: &str,
    subject: String,
    body: &(impl Serialize + Sync),
) -> Result<T, BusError> {
    link.connected(0).await?;
    let subject = format!("{API}.{subject}");
    let body = serde_json::to_vec(body).map_err(|error| BusError::Invalid(error.to_string()))?;
    // Some requests must not have a body at all.
    let body = if body == b"null" { Vec::new() } else { body };
    let timeout = link.settings.request_timeout;
    let request = Request::new().payload(body.into()).timeout(Some(timeout));
    let answer = tokio::select! {
        answer = link.client.send_request(subject.clone(), request) => answer,
        text = link.condition.denials.publishing(&subject) => return Err(BusError::Denied(text)),
    };
    let answer = answer.map_err(|error| error::of_request(&format!("`{topic}`"), error.kind(), timeout))?;
    match serde_json::from_slice(&answer.payload) {
        Ok(Response::Ok(value)) => Ok(value),
        Ok(Response::Err { error }) => Err(error::of_jetstream(topic, &error)),
        Err(error) => Err(BusError::Storage(format!("what JetStream says of `{topic}` cannot be read: {error}"))),
    }
}

/// The stream of a declared topic as it is.
pub(super) async fn info(link: &Link, topic: &TopicFilter) -> Result<Info, BusError> {
    let name = names::of_stream(&link.settings.prefix, topic);
    ask(link, topic.as_str(), format!("STREAM.INFO.{name}"), &()).await
}

/// Makes the stream of a declared topic, or widens the one that is there. Returns what is still not as it is declared.
pub(super) async fn reconcile(
    link: &Link,
    topic: &TopicFilter,
    settings: &TopicSettings,
) -> Result<Vec<String>, BusError> {
    let wanted = wanted(link, topic, settings);
    let found = match info(link, topic).await {
        Ok(info) => info.config,
        Err(BusError::NotFound(_)) => {
            let made: Result<Info, _> =
                ask(link, topic.as_str(), format!("STREAM.CREATE.{}", wanted.name), &wanted).await;
            match made {
                Ok(_) => {
                    tracing::info!(%topic, stream = wanted.name, "made a stream");
                    return Ok(Vec::new());
                }
                // Another host was faster.
                Err(error) => info(link, topic).await.map_err(|_| error)?.config,
            }
        }
        Err(error) => return Err(error),
    };
    let (better, mut drift) = compare(found.clone(), &wanted);
    if better != found {
        let updated: Result<Info, _> =
            ask(link, topic.as_str(), format!("STREAM.UPDATE.{}", better.name), &better).await;
        match updated {
            Ok(_) => tracing::info!(%topic, stream = better.name, "widened a stream to what is declared"),
            Err(error) => drift.push(format!("the stream {} cannot be widened: {error}", better.name)),
        }
    }
    Ok(drift)
}

/// The stream that is declared.
fn wanted(link: &Link, topic: &TopicFilter, settings: &TopicSettings) -> Config {
    let retention = &settings.retention;
    let age = retention.age.unwrap_or_default();
    Config {
        name: names::of_stream(&link.settings.prefix, topic),
        description: Some(format!("Messages of the topic {topic}, made by the Patchbay host {}", link.settings.host)),
        subjects: vec![topic.as_str().to_owned()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        max_age: age,
        max_bytes: i64::try_from(retention.size).unwrap_or(i64::MAX),
        max_messages: retention.count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX)),
        max_messages_per_subject: -1,
        max_consumers: -1,
        discard: match retention.when_full {
            WhenFull::Refuse => DiscardPolicy::New,
            WhenFull::DropOldest => DiscardPolicy::Old,
        },
        // The server takes no window that is longer than messages live, and none below a tenth of a second.
        duplicate_window: settings.dedupe.min(if age.is_zero() { settings.dedupe } else { age }).max(SHORTEST_WINDOW),
        num_replicas: link.settings.replicas,
        allow_direct: true,
        metadata: HashMap::from([(MADE_OF.to_owned(), topic.as_str().to_owned())]),
        ..Config::default()
    }
}

/// The shortest time for which JetStream recognises duplicates.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);

/// What may be changed of a stream that is there without losing anything, and what is left that differs.
fn compare(found: Config, wanted: &Config) -> (Config, Vec<String>) {
    let (mut better, mut drift) = (found, Vec::new());
    let mut differs = |what: &str, found: &dyn std::fmt::Display, wanted: &dyn std::fmt::Display| {
        drift.push(format!("the stream has {what} {found}, and {wanted} is declared"));
    };
    for (what, found, wanted) in [
        ("a size limit in bytes of", &mut better.max_bytes, wanted.max_bytes),
        ("a count limit of", &mut better.max_messages, wanted.max_messages),
        ("a count limit for each topic of", &mut better.max_messages_per_subject, wanted.max_messages_per_subject),
    ] {
        // No limit is zero or less.
        let bound = |limit: i64| if limit <= 0 { i64::MAX } else { limit };
        if bound(wanted) > bound(*found) {
            *found = wanted;
        } else if bound(wanted) < bound(*found) {
            differs(what, found, &wanted);
        }
    }
    let bound = |age: Duration| if age.is_zero() { Duration::MAX } else { age };
    if bound(wanted.max_age) > bound(better.max_age) {
        better.max_age = wanted.max_age;
    } else if bound(wanted.max_age) < bound(better.max_age) {
        let shown = |age: Duration| if age.is_zero() { "none".to_owned() } else { format!("{age:?}") };
        differs("an age limit of", &shown(better.max_age), &shown(wanted.max_age));
    }
    if wanted.duplicate_window != better.duplicate_window {
        better.duplicate_window = wanted.duplicate_window;
    }
    // Refusing instead of dropping loses nothing; the other way round would.
    match (better.discard, wanted.discard) {
        (DiscardPolicy::Old, DiscardPolicy::New) => better.discard = DiscardPolicy::New,
        (DiscardPolicy::New, DiscardPolicy::Old) => differs("when full the policy", &"refuse", &"drop-oldest"),
        (DiscardPolicy::New, DiscardPolicy::New) | (DiscardPolicy::Old, DiscardPolicy::Old) => {}
    }
    better.allow_direct |= wanted.allow_direct;
    if better.retention != wanted.retention {
        differs("a retention of", &format!("{:?}", better.retention), &"limits");
    }
    if better.storage != wanted.storage {
        differs("its messages in", &"memory", &"a file");
    }
    if better.num_replicas != wanted.num_replicas {
        differs("replicas:", &better.num_replicas, &wanted.num_replicas);
    }
    if better.subjects != wanted.subjects {
        differs("the subjects", &better.subjects.join(", "), &wanted.subjects.join(", "));
    }
    for (what, odd) in [
        ("is sealed and takes no messages", better.sealed),
        ("does not acknowledge messages", better.no_ack),
        ("lets publishers replace all its messages (rollup)", better.allow_rollup),
        ("lets no message be deleted", better.deny_delete),
        ("is a mirror, or has sources besides its topic", better.mirror.is_some() || better.sources.is_some()),
        ("renames topics", better.subject_transform.is_some()),
    ] {
        if odd {
            drift.push(format!("the stream {what}, which no declaration asks for"));
        }
    }
    (better, drift)
}

/// What is in force, where it can be said in the words of a declaration.
pub(super) fn in_force(config: &Config, declared: &TopicSettings) -> TopicSettings {
    TopicSettings {
        retention: Retention {
            age: (!config.max_age.is_zero()).then_some(config.max_age),
            size: u64::try_from(config.max_bytes).ok().filter(|size| *size > 0).unwrap_or(u64::MAX),
            count: u64::try_from(config.max_messages).ok().filter(|count| *count > 0),
            when_full: match config.discard {
                DiscardPolicy::New => WhenFull::Refuse,
                DiscardPolicy::Old => WhenFull::DropOldest,
            },
        },
        dedupe: config.duplicate_window,
        ..declared.clone()
    }
}

/// What a stream holds.
pub(super) fn stored(info: &Info) -> TopicStored {
    let state = &info.state;
    TopicStored {
        messages: state.messages,
        bytes: state.bytes,
        first: if state.messages == 0 { 0 } else { state.first_sequence },
        last: state.last_sequence,
        damaged: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            max_bytes: 100,
            max_messages: 10,
            max_messages_per_subject: -1,
            max_age: Duration::from_secs(60),
            duplicate_window: Duration::from_secs(10),
            discard: DiscardPolicy::New,
            allow_direct: true,
            num_replicas: 1,
            ..Config::default()
        }
    }

    #[test]
    fn streams_are_widened_and_never_narrowed() {
        assert_eq!(compare(config(), &config()), (config(), Vec::new()));
        let wider = Config { max_bytes: -1, max_messages: 20, max_age: Duration::ZERO, ..config() };
        assert_eq!(compare(config(), &wider), (wider.clone(), Vec::new()));
        let (better, drift) = compare(wider.clone(), &config());
        assert_eq!((better, drift.len()), (wider, 3), "{drift:?}");
    }

    #[test]
    fn duplicates_and_refusing_are_set() {
        let other = Config { duplicate_window: Duration::from_secs(1), discard: DiscardPolicy::Old, ..config() };
        assert_eq!(compare(other.clone(), &config()), (config(), Vec::new()));
        let (better, drift) = compare(config(), &other);
        assert_eq!((better.discard, better.duplicate_window), (DiscardPolicy::New, Duration::from_secs(1)));
        assert!(drift.len() == 1 && drift[0].contains("refuse"), "{drift:?}");
    }

    #[test]
    fn what_cannot_be_changed_is_told() {
        let odd = Config {
            storage: StorageType::Memory,
            retention: RetentionPolicy::WorkQueue,
            subjects: vec!["a".to_owned()],
            allow_rollup: true,
            num_replicas: 3,
            ..config()
        };
        let (better, drift) = compare(odd.clone(), &config());
        assert_eq!((better, drift.len()), (odd, 5), "{drift:?}");
    }
}
