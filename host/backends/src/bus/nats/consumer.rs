//! Consumers: where a group stands in a durable topic, kept by the server.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, Info, ReplayPolicy};
use patchbay_model::bus::{BusError, Start, TopicFilter};
use patchbay_model::ports::GroupInfo;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::durable::Counts;
use super::link::Link;
use super::names;
use super::stream::{MADE_OF, ask};

/// The metadata that say which group a consumer is of.
const GROUP: &str = "patchbay.group";
const FILTER: &str = "patchbay.filter";
const HOST: &str = "patchbay.host";

/// Messages that a group may have out over all its hosts, those that wait to be tried again among them. Each feed has a
/// bound of its own that is lower.
const MOST_OUT: i64 = 10_000;

/// After what time the server forgets a consumer of a watcher that is gone.
const WATCHER_IS_GONE: Duration = Duration::from_secs(60);

/// Which consumer somebody wants.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The declaration.
    pub(super) topic: TopicFilter,
    /// The filter as it was asked for.
    pub(super) filter: TopicFilter,
    /// The topics of the declaration that it chooses.
    pub(super) subjects: TopicFilter,
    pub(super) start: Start,
    pub(super) kind: Kind,
    pub(super) window: u32,
}

/// Whose consumer it is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Group {
        name: String,
        broadcast: bool,
    },
    /// One who watches, with a name that nobody else has.
    Watcher {
        name: String,
    },
}

/// A consumer that is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) stream: String,
    pub(super) name: String,
    /// Messages that are out, and the count of deliveries: what is needed to tell whether somebody left them behind.
    pub(super) out: usize,
    pub(super) deliveries: u64,
    /// What is not as it should be.
    pub(super) drift: Vec<String>,
}

#[derive(Serialize)]
struct Create<'c> {
    stream_name: &'c str,
    config: &'c Config,
}

/// Makes the consumer, or takes the one that is there. `resume` is the place after which it goes on if it is gone, and was
/// there before.
pub(super) async fn ensure(link: &Link, wanted: &Wanted, resume: Option<u64>) -> Result<Found, BusError> {
    let stream = names::of_stream(&link.settings.prefix, &wanted.topic);
    let config = config(link, wanted, resume)?;
    let name = config.name.clone().unwrap_or_default();
    let subject = format!("CONSUMER.CREATE.{stream}.{name}");
    let topic = wanted.topic.as_str();
    let create = |config: Config| {
        let (subject, stream) = (subject.clone(), stream.clone());
        async move { ask::<Info>(link, topic, subject, &Create { stream_name: &stream, config: &config }).await }
    };
    if matches!(wanted.kind, Kind::Watcher { .. }) {
        let info = create(config).await?;
        return Ok(found(&stream, &info, Vec::new()));
    }
    let info = match info(link, topic, &stream, &name).await {
        Err(BusError::NotFound(_)) => {
            let info = create(config).await?;
            return Ok(found(&stream, &info, Vec::new()));
        }
        other => other?,
    };
    let (better, mut drift) = compare(info.config.clone(), &config);
    if better != info.config
        && let Err(error) = create(better).await
    {
        drift.push(format!("the consumer {name} cannot be changed to what the group needs: {error}"));
    }
    Ok(found(&stream, &info, drift))
}

/// A consumer as it is.
pub(super) async fn info(link: &Link, topic: &str, stream: &str, name: &str) -> Result<Info, BusError> {
    ask(link, topic, format!("CONSUMER.INFO.{stream}.{name}"), &()).await
}

fn found(stream: &str, info: &Info, drift: Vec<String>) -> Found {
    Found {
        stream: stream.to_owned(),
        name: info.name.clone(),
        out: info.num_ack_pending,
        deliveries: info.delivered.consumer_sequence,
        drift,
    }
}

fn config(link: &Link, wanted: &Wanted, resume: Option<u64>) -> Result<Config, BusError> {
    let deliver_policy = match (resume, wanted.start) {
        (Some(place), _) => DeliverPolicy::ByStartSequence { start_sequence: place + 1 },
        (None, Start::New) => DeliverPolicy::New,
        (None, Start::Beginning) => DeliverPolicy::All,
        (None, Start::At(time)) => DeliverPolicy::ByStartTime { start_time: time.into() },
    };
    let common = Config {
        deliver_policy,
        filter_subject: wanted.subjects.as_str().to_owned(),
        replay_policy: ReplayPolicy::Instant,
        max_deliver: -1,
        ..Config::default()
    };
    let made_of = (MADE_OF.to_owned(), wanted.topic.as_str().to_owned());
    Ok(match &wanted.kind {
        Kind::Watcher { name } => Config {
            name: Some(name.clone()),
            ack_policy: AckPolicy::None,
            inactive_threshold: WATCHER_IS_GONE,
            memory_storage: true,
            num_replicas: 1,
            metadata: HashMap::from([made_of]),
            ..common
        },
        Kind::Group { name, broadcast } => {
            let host = broadcast.then_some(link.settings.host.as_str());
            let consumer = names::of_consumer(name, &wanted.filter, host);
            let mut metadata = HashMap::from([
                made_of,
                (GROUP.to_owned(), name.clone()),
                (FILTER.to_owned(), wanted.filter.as_str().to_owned()),
            ]);
            metadata.extend(host.map(|host| (HOST.to_owned(), host.to_owned())));
            Config {
                durable_name: Some(consumer.clone()),
                name: Some(consumer),
                description: Some(format!("The group {name} of Patchbay, for {}", wanted.filter)),
                ack_policy: AckPolicy::Explicit,
                ack_wait: link.settings.ack_wait,
                max_ack_pending: MOST_OUT.max(i64::from(wanted.window) * 4),
                metadata,
                ..common
            }
        }
    })
}

/// What is to be changed of a consumer that is there, and what cannot be.
fn compare(found: Config, wanted: &Config) -> (Config, Vec<String>) {
    let (mut better, mut drift) = (found, Vec::new());
    let name = better.name.clone().unwrap_or_default();
    better.ack_wait = wanted.ack_wait;
    better.backoff.clear();
    if better.max_deliver > 0 {
        better.max_deliver = -1;
    }
    if better.max_ack_pending > 0 && better.max_ack_pending < wanted.max_ack_pending {
        better.max_ack_pending = wanted.max_ack_pending;
    }
    if better.headers_only {
        better.headers_only = false;
    }
    if better.ack_policy != wanted.ack_policy {
        drift.push(format!(
            "the consumer {name} acknowledges by the policy {:?}; messages can be lost",
            better.ack_policy
        ));
    }
    if better.filter_subject != wanted.filter_subject || !better.filter_subjects.is_empty() {
        let subjects = if better.filter_subject.is_empty() {
            better.filter_subjects.join(", ")
        } else {
            better.filter_subject.clone()
        };
        drift
            .push(format!("the consumer {name} chooses `{subjects}`, and the group wants `{}`", wanted.filter_subject));
    }
    if better.deliver_subject.is_some() {
        drift.push(format!("the consumer {name} is pushed to a subject, and cannot serve a group"));
    }
    if better.pause_until.is_some() {
        drift.push(format!("the consumer {name} is paused"));
    }
    (better, drift)
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    consumers: Option<Vec<Info>>,
    total: usize,
}

/// All consumers of the stream of a declared topic.
pub(super) async fn all(link: &Link, topic: &TopicFilter) -> Result<Vec<Info>, BusError> {
    let stream = names::of_stream(&link.settings.prefix, topic);
    let mut all = Vec::new();
    loop {
        let body = json!({ "offset": all.len() });
        let page: Page = ask(link, topic.as_str(), format!("CONSUMER.LIST.{stream}"), &body).await?;
        let more = page.consumers.unwrap_or_default();
        let is_last = more.is_empty();
        all.extend(more);
        if is_last || all.len() >= page.total {
            return Ok(all);
        }
    }
}

/// The group that a consumer is of; `None` if it is of no group. `here` is what this host knows of its messages: what it does
/// not know of is in the hands of another host, or failed at one.
pub(super) fn as_group(topic: &TopicFilter, info: &Info, here: Counts) -> Option<GroupInfo> {
    let metadata = &info.config.metadata;
    let (group, filter) = (metadata.get(GROUP)?.clone(), metadata.get(FILTER)?.parse().ok()?);
    // To the server everything is out that is neither to come nor acknowledged.
    let ready = here.ready.min(info.num_ack_pending);
    let retrying = here.retrying.min(info.num_ack_pending - ready);
    Some(GroupInfo {
        topic: topic.clone(),
        group,
        filter,
        lag: info.num_pending + ready as u64,
        in_flight: (info.num_ack_pending - ready - retrying) as u64,
        retrying: retrying as u64,
        acknowledged: info.ack_floor.stream_sequence,
    })
}

/// Forgets a group: all consumers of that name and filter.
pub(super) async fn forget(
    link: &Link,
    topic: &TopicFilter,
    group: &str,
    filter: &TopicFilter,
) -> Result<(), BusError> {
    for info in all(link, topic).await? {
        let metadata = &info.config.metadata;
        let is = |key: &str, value: &str| metadata.get(key).is_some_and(|found| found == value);
        if is(GROUP, group) && is(FILTER, filter.as_str()) {
            delete(link, topic, &info.stream_name, &info.name).await?;
        }
    }
    Ok(())
}

/// Deletes a consumer. No error if there is none.
pub(super) async fn delete(link: &Link, topic: &TopicFilter, stream: &str, name: &str) -> Result<(), BusError> {
    let deleted: Result<serde_json::Value, _> =
        ask(link, topic.as_str(), format!("CONSUMER.DELETE.{stream}.{name}"), &()).await;
    match deleted {
        Ok(_) | Err(BusError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            name: Some("shipping-1".to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(30),
            max_deliver: -1,
            max_ack_pending: MOST_OUT,
            filter_subject: "shop.>".to_owned(),
            ..Config::default()
        }
    }

    #[test]
    fn consumers_are_made_to_lose_nothing() {
        assert_eq!(compare(config(), &config()), (config(), Vec::new()));
        let others_limits = Config {
            ack_wait: Duration::from_secs(1),
            max_deliver: 3,
            max_ack_pending: 10,
            backoff: vec![Duration::from_secs(1)],
            headers_only: true,
            ..config()
        };
        assert_eq!(compare(others_limits, &config()), (config(), Vec::new()));
        let wider = Config { max_ack_pending: -1, ..config() };
        assert_eq!(compare(wider.clone(), &config()), (wider, Vec::new()));
    }

    #[test]
    fn what_cannot_be_changed_is_told() {
        let odd = Config {
            ack_policy: AckPolicy::All,
            filter_subject: "shop.a".to_owned(),
            deliver_subject: Some("x".to_owned()),
            ..config()
        };
        let (better, drift) = compare(odd.clone(), &config());
        assert_eq!((better, drift.len()), (odd, 3), "{drift:?}");
    }
}
