//! What is declared of topics: how safe their messages are, and how long and how many of them are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::topic::{Topic, TopicFilter};
use crate::policy::{AccessRule, DAY, Judge};
use crate::{SettingsError, units};

/// How safe a message is once it is acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// In memory: it reaches those that are subscribed now, at most once, and is lost with the host or the broker.
    #[default]
    Volatile,
    /// On the disk before it is acknowledged: it reaches every subscription at least once.
    Durable,
}

impl Level {
    /// The level's name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volatile => "volatile",
            Self::Durable => "durable",
        }
    }
}

/// What happens to a message that a durable topic has no place for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// It is refused, and its publisher told. Nothing is lost.
    #[default]
    Refuse,
    /// The oldest messages make room, whether they were delivered or not.
    DropOldest,
}

impl WhenFull {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::DropOldest => "drop-oldest",
        }
    }
}

/// How much a durable topic keeps. Messages are kept after they were delivered, so that later subscriptions find them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Messages that are older go; `None`: at no age, which is written `never`.
    #[serde(with = "age")]
    pub age: Option<Duration>,
    /// What all messages may take, in bytes.
    #[serde(with = "units::size")]
    pub size: u64,
    /// How many messages there may be; `None`: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What happens when size or count are reached.
    pub when_full: WhenFull,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Some(Duration::from_secs(7 * 24 * 60 * 60)),
            size: 1 << 30,
            count: None,
            when_full: WhenFull::Refuse,
        }
    }
}

/// Serde for the age of messages: a duration, or `never`. Nothing at all would mean the default.
mod age {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::units;

    const NEVER: &str = "never";

    pub(super) fn serialize<S: Serializer>(age: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match age {
            Some(age) => units::duration::serialize(age, serializer),
            None => serializer.serialize_str(NEVER),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            NEVER => Ok(None),
            text => units::parse_duration(text).map(Some).map_err(serde::de::Error::custom),
        }
    }
}

/// What is declared of a topic, or of all topics that a filter chooses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TopicSettings {
    /// How safe its messages are.
    pub level: Level,
    /// What it keeps, if it is durable.
    pub retention: Retention,
    /// For how long a message with the same source and id counts as the same, if it is durable.
    #[serde(with = "units::duration")]
    pub dedupe: Duration,
    /// Who may publish to it; `None`: any service, unless the host is strict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publishers: Option<Vec<AccessRule>>,
    /// Which services may subscribe to it; `None`: any, unless the host is strict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscribers: Option<Vec<AccessRule>>,
}

impl TopicSettings {
    /// Where dead letters go: kept until somebody drops them.
    pub fn dead_letters() -> Self {
        Self { retention: Retention { age: None, ..Retention::default() }, ..Self::default() }
    }
}

impl TopicSettings {
    /// Everything that is wrong with these settings; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);
        let mut problems = Vec::new();
        let mut judge = Judge(&mut problems);
        let retention = &self.retention;
        let aged = retention.age.is_none_or(|age| age >= Duration::from_secs(1) && age <= 100 * YEAR);
        judge.require(aged, "age", "must be at least 1s, or \"never\"");
        judge.require((1 << 16..=1 << 44).contains(&retention.size), "size", "must lie between 64KiB and 16384GiB");
        judge.require(retention.count != Some(0), "count", "must be at least 1");
        judge.require(self.dedupe <= DAY, "dedupe", "must be at most 24h");
        problems
    }
}

impl Default for TopicSettings {
    /// What a declaration that says nothing means: durable, with the retention of [`Retention::default`].
    fn default() -> Self {
        Self {
            level: Level::Durable,
            retention: Retention::default(),
            dedupe: Duration::from_secs(120),
            publishers: None,
            subscribers: None,
        }
    }
}

/// Why topics cannot be declared together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{second}` and `{first}` have topics in common, and each topic can be declared once only")]
pub struct TopicsError {
    /// One declaration.
    pub first: TopicFilter,
    /// The other.
    pub second: TopicFilter,
}

/// All declared topics. No topic is declared twice, so each has one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics(BTreeMap<TopicFilter, TopicSettings>);

impl Topics {
    /// Every topic under this is a durable one for dead letters, without being declared.
    pub const DEAD_LETTERS: &'static str = "dlq.>";

    /// Dead letters that are replayed go through these, to the one subscription that they failed in. They are durable
    /// without being declared, too.
    pub const REPLAYS: &'static str = "replay.>";

    /// These declarations, and those of [`Topics::DEAD_LETTERS`] and [`Topics::REPLAYS`] unless they are among them.
    ///
    /// # Errors
    /// [`TopicsError`] if two of them have a topic in common.
    pub fn new(declared: BTreeMap<TopicFilter, TopicSettings>) -> Result<Self, TopicsError> {
        let mut topics = Self(BTreeMap::new());
        let implied = [Self::DEAD_LETTERS, Self::REPLAYS].into_iter().filter_map(|filter| filter.parse().ok());
        let implied: Vec<_> = implied.filter(|filter| !declared.contains_key(filter)).collect();
        let implied = implied.into_iter().map(|filter: TopicFilter| {
            let is_kept = filter.as_str() == Self::DEAD_LETTERS;
            (filter, if is_kept { TopicSettings::dead_letters() } else { TopicSettings::default() })
        });
        for (filter, settings) in declared.into_iter().chain(implied) {
            if let Some(first) = topics.0.keys().find(|first| first.overlaps(&filter)) {
                return Err(TopicsError { first: first.clone(), second: filter });
            }
            topics.0.insert(filter, settings);
        }
        Ok(topics)
    }

    /// The declaration of a topic, if it has one.
    pub fn of(&self, topic: &Topic) -> Option<(&TopicFilter, &TopicSettings)> {
        self.0.iter().find(|(filter, _)| filter.matches(topic))
    }

    /// The level of a topic: one that is not declared is volatile.
    pub fn level(&self, topic: &Topic) -> Level {
        self.of(topic).map_or(Level::Volatile, |(_, settings)| settings.level)
    }

    /// All declarations.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicFilter, &TopicSettings)> {
        self.0.iter()
    }
}

impl Default for Topics {
    /// Those that the host has without any being declared.
    fn default() -> Self {
        Self::new(BTreeMap::new()).unwrap_or(Self(BTreeMap::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(filters: &[&str]) -> Result<Topics, TopicsError> {
        Topics::new(filters.iter().map(|filter| (filter.parse().unwrap(), TopicSettings::default())).collect())
    }

    #[test]
    fn each_topic_has_one_declaration() {
        let topics = declared(&["shop.*", "shop.orders.>"]).unwrap();
        let of = |topic: &str| topics.of(&topic.parse().unwrap()).map(|(filter, _)| filter.to_string());
        assert_eq!(of("shop.a"), Some("shop.*".to_owned()));
        assert_eq!(of("shop.orders.a"), Some("shop.orders.>".to_owned()));
        assert_eq!(of("other"), None);
        assert_eq!(topics.level(&"other".parse().unwrap()), Level::Volatile);
        let error = declared(&["shop.*", "shop.orders"]).unwrap_err();
        assert!(error.to_string().contains("`shop.orders`"), "{error}");
        assert!(declared(&["dlq.orders"]).is_err());
    }

    #[test]
    fn dead_letters_always_have_a_place() {
        let topics = declared(&[]).unwrap();
        assert_eq!(topics.level(&"dlq.orders".parse().unwrap()), Level::Durable);
        assert_eq!(declared(&["dlq.>"]).unwrap().iter().count(), 2);
    }

    #[test]
    fn settings_survive_json() {
        for settings in [TopicSettings::default(), TopicSettings::dead_letters()] {
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<TopicSettings>(&json).unwrap(), settings);
            assert!(json.contains(r#""level":"durable""#) && json.contains(r#""when_full":"refuse""#), "{json}");
        }
    }
}
