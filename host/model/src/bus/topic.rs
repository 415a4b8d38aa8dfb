//! Names of topics, and filters that choose among them: the subjects of NATS.
//!
//! A topic is a list of tokens with dots between them: `shop.orders.created`. In a filter a token may be `*`, which
//! stands for any one token, and the last one may be `>`, which stands for one or more.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::ServiceName;
use crate::text::serde_as_text;

/// The longest topic or filter, in bytes.
const LONGEST: usize = 255;

/// Why a text is no topic or no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The text is no topic.
    #[error(
        "`{0}` is no topic; write tokens with dots between them, without blanks, `*` and `>`, 255 bytes at most, such as \
         `shop.orders.created`"
    )]
    Topic(String),
    /// The text is no filter.
    #[error(
        "`{0}` is no filter for topics; write a topic, in which `*` stands for any one token and `>` at the end for one or \
         more, such as `shop.orders.*` or `shop.>`"
    )]
    Filter(String),
}

/// The name of a topic. Topics that begin with `$` belong to the broker, and are none.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

/// Chooses topics.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicFilter(Arc<str>);

impl Topic {
    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether answers to one request are waited for here; who asked told its name to those who may answer.
    pub fn is_inbox(&self) -> bool {
        self.0.starts_with(Self::INBOXES)
    }

    /// What the topics begin with where answers to requests are waited for, as NATS has it.
    pub const INBOXES: &str = "_INBOX.";

    /// Where the dead letters of a service go that says nothing else: `dlq.` and its name, which is always a token.
    pub fn of_dead_letters(service: &ServiceName) -> Self {
        Self(format!("dlq.{service}").into())
    }
}

impl TopicFilter {
    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the filter chooses a topic.
    pub fn matches(&self, topic: &Topic) -> bool {
        // Byte by byte, because this is asked several times for every message. Wildcards are whole tokens, and none is empty.
        let mut rest = topic.0.as_bytes();
        for wanted in self.0.bytes() {
            match (wanted, rest.split_first()) {
                (b'>', found) => return found.is_some(),
                (b'*', Some(_)) => {
                    let end = rest.iter().position(|byte| *byte == b'.').unwrap_or(rest.len());
                    rest = rest.get(end..).unwrap_or_default();
                }
                (wanted, Some((byte, after))) if *byte == wanted => rest = after,
                _ => return false,
            }
        }
        rest.is_empty()
    }

    /// Whether there can be a topic that both choose.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.intersection(other).is_some()
    }

    /// The filter that chooses what both choose; `None` if there is no such topic.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let (mut ours, mut theirs) = (self.0.split('.'), other.0.split('.'));
        let mut tokens = Vec::new();
        let rest = loop {
            match (ours.next(), theirs.next()) {
                (None, None) => break None,
                (Some(">"), Some(token)) => break Some((token, theirs)),
                (Some(token), Some(">")) => break Some((token, ours)),
                (Some("*"), Some(token)) | (Some(token), Some("*")) => tokens.push(token),
                (Some(one), Some(other)) if one == other => tokens.push(one),
                _ => return None,
            }
        };
        if let Some((next, rest)) = rest {
            tokens.push(next);
            tokens.extend(rest);
        }
        Some(Self(tokens.join(".").into()))
    }

    /// Whether it chooses everything that `other` chooses.
    pub fn covers(&self, other: &Self) -> bool {
        self.intersection(other).as_ref() == Some(other)
    }

    /// The only topic that it chooses, if it has no wildcard.
    pub fn as_topic(&self) -> Option<Topic> {
        let plain = self.0.split('.').all(|token| token != "*" && token != ">");
        plain.then(|| Topic(Arc::clone(&self.0)))
    }
}

impl From<Topic> for TopicFilter {
    fn from(topic: Topic) -> Self {
        Self(topic.0)
    }
}

/// Whether every token of a text is one, and it is not the broker's.
fn is_tokens(text: &str) -> bool {
    let is_token = |token: &str| !token.is_empty() && !token.contains(|c: char| c.is_whitespace() || c.is_control());
    text.len() <= LONGEST && !text.starts_with('$') && text.split('.').all(is_token)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let is_topic = is_tokens(text) && !text.contains(['*', '>']);
        if is_topic { Ok(Self(text.into())) } else { Err(TopicError::Topic(shown(text))) }
    }
}

impl FromStr for TopicFilter {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let last = text.split('.').count().saturating_sub(1);
        let in_its_place = |(place, token): (usize, &str)| match token {
            "*" => true,
            ">" => place == last,
            token => !token.contains(['*', '>']),
        };
        let is_filter = is_tokens(text) && text.split('.').enumerate().all(in_its_place);
        if is_filter { Ok(Self(text.into())) } else { Err(TopicError::Filter(shown(text))) }
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0)
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicFilter({})", self.0)
    }
}

serde_as_text!(Topic, TopicFilter);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> TopicFilter {
        text.parse().unwrap()
    }

    #[test]
    fn topics_and_filters_have_the_syntax_of_nats() {
        for text in ["a", "shop.orders.created", "größe.1", "a-b_c"] {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
            assert_eq!(filter(text).as_topic().unwrap().as_str(), text);
        }
        for text in ["*", ">", "a.*.c", "a.>", "*.*"] {
            assert_eq!(filter(text).as_topic(), None, "{text}");
            assert!(text.parse::<Topic>().is_err(), "{text}");
        }
        for text in ["", ".", "a.", ".a", "a..b", "a b", "a\n", "$SYS.a", "a.>.b", "a*", "a.b>", &"x".repeat(256)] {
            assert!(text.parse::<TopicFilter>().is_err(), "{text}");
            assert!(text.parse::<Topic>().is_err(), "{text}");
        }
    }

    #[test]
    fn filters_choose_topics() {
        for (pattern, topic, chosen) in [
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            ("*.b", "a.b", true),
            (">", "a", true),
        ] {
            assert_eq!(filter(pattern).matches(&topic.parse().unwrap()), chosen, "{pattern} {topic}");
        }
    }

    #[test]
    fn filters_overlap_where_a_topic_is_in_both() {
        for (one, other, overlap) in [
            ("a.*", "*.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            ("a.*", "a.*.c", false),
            ("a.b", "a.c", false),
            (">", "*", true),
            ("a.*.c", "a.b.>", true),
        ] {
            assert_eq!(filter(one).overlaps(&filter(other)), overlap, "{one} {other}");
            assert_eq!(filter(other).overlaps(&filter(one)), overlap, "{other} {one}");
        }
    }

    #[test]
    fn filters_have_intersections() {
        for (one, other, both) in [
            ("a.*", "*.b", Some("a.b")),
            ("a.>", "*.b.>", Some("a.b.>")),
            ("a.>", ">", Some("a.>")),
            ("a.>", "a", None),
            ("a.b", "a.c", None),
            ("*.*", "a.>", Some("a.*")),
        ] {
            assert_eq!(filter(one).intersection(&filter(other)), both.map(filter), "{one} {other}");
            assert_eq!(filter(other).intersection(&filter(one)), both.map(filter), "{other} {one}");
        }
        assert!(filter("a.>").covers(&filter("a.*")) && !filter("a.*").covers(&filter("a.>")));
        assert!(filter("a.b").covers(&filter("a.b")) && !filter("a.b").covers(&filter("a.*")));
    }

    /// What is said of wildcards, token by token.
    fn chooses(filter: &str, topic: &str) -> bool {
        let (wanted, found): (Vec<_>, Vec<_>) = (filter.split('.').collect(), topic.split('.').collect());
        match wanted.split_last() {
            Some((&">", before)) => found.len() > before.len() && chooses_each(before, &found),
            _ => found.len() == wanted.len() && chooses_each(&wanted, &found),
        }
    }

    fn chooses_each(wanted: &[&str], found: &[&str]) -> bool {
        wanted.iter().zip(found).all(|(wanted, found)| *wanted == "*" || wanted == found)
    }

    proptest! {
        #[test]
        fn wildcards_stand_for_tokens(
            pattern in "(([ab]{1,2}|\\*)\\.){0,3}([ab]{1,2}|\\*|>)",
            topic in "([ab]{1,2}\\.){0,4}[ab]{1,2}",
        ) {
            prop_assert_eq!(filter(&pattern).matches(&topic.parse().unwrap()), chooses(&pattern, &topic));
        }

        /// What two filters both match, they overlap on.
        #[test]
        fn a_common_topic_is_an_overlap(
            one in "([ab*]\\.){0,3}[ab*>]",
            other in "([ab*]\\.){0,3}[ab*>]",
            topic in "([ab]\\.){0,4}[ab]",
        ) {
            let topic: Topic = topic.parse().unwrap();
            let (one, other) = (filter(&one), filter(&other));
            let both = one.intersection(&other);
            let in_both = one.matches(&topic) && other.matches(&topic);
            prop_assert_eq!(both.is_some_and(|both| both.matches(&topic)), in_both);
            if one.matches(&topic) && other.matches(&topic) {
                prop_assert!(one.overlaps(&other));
            }
        }
    }
}
