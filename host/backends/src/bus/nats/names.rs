//! What streams, consumers and counts are called in NATS, and which subjects two filters have in common.

use std::fmt::Write as _;

use patchbay_model::Digest;
use patchbay_model::bus::TopicFilter;

/// The longest name that is written out. The server takes 255 bytes, and makes folders of them.
const LONGEST: usize = 160;

/// Digits of a digest that tell names apart.
const DIGITS: usize = 10;

/// The stream of a declared topic: the prefix and the declaration, with `_` for each dot. Declarations that differ have
/// streams that differ.
pub(super) fn of_stream(prefix: &str, topic: &TopicFilter) -> String {
    shortened(format!("{}_{}", escaped(prefix), escaped(topic.as_str())))
}

/// The consumer of a group: its name and a digest of its filter, and the host if the group is that host's own.
pub(super) fn of_consumer(group: &str, filter: &TopicFilter, host: Option<&str>) -> String {
    let mut name = format!("{}-{}", escaped(group), digest(filter.as_str()));
    if let Some(host) = host {
        let _ = write!(name, "-{}", escaped(host));
    }
    shortened(name)
}

/// The bucket in which deliveries are noted that were no attempts.
pub(super) fn of_bucket(prefix: &str) -> String {
    shortened(format!("{}-deliveries", escaped(prefix)))
}

/// A text as a part of a name. Letters, digits and `-` stay as they are and dots become `_`; everything else is written with
/// `=` so that no two texts look the same.
fn escaped(text: &str) -> String {
    let mut name = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'.' => name.push('_'),
            b'*' => name.push_str("=any"),
            b'>' => name.push_str("=all"),
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => name.push(char::from(byte)),
            other => {
                let _ = write!(name, "=x{other:02x}");
            }
        }
    }
    name
}

/// A name that is too long ends with a digest of what it would be.
fn shortened(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let kept: String = name.chars().take(LONGEST - DIGITS - 1).collect();
    format!("{kept}={}", digest(&name))
}

fn digest(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string().chars().filter(char::is_ascii_hexdigit).take(DIGITS).collect()
}

/// The filter that chooses what both choose; `None` if there is no such topic.
pub(super) fn common(one: &TopicFilter, other: &TopicFilter) -> Option<TopicFilter> {
    let (mut ours, mut theirs) = (one.as_str().split('.'), other.as_str().split('.'));
    let mut tokens = Vec::new();
    loop {
        let token = match (ours.next(), theirs.next()) {
            (None, None) => break,
            (Some(">"), Some(token)) => {
                tokens.push(token);
                tokens.extend(theirs);
                break;
            }
            (Some(token), Some(">")) => {
                tokens.push(token);
                tokens.extend(ours);
                break;
            }
            (Some("*"), Some(token)) | (Some(token), Some("*")) => token,
            (Some(one), Some(other)) if one == other => one,
            _ => return None,
        };
        tokens.push(token);
    }
    tokens.join(".").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use patchbay_model::bus::Topic;
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> TopicFilter {
        text.parse().unwrap()
    }

    #[test]
    fn names_can_be_read() {
        for (topic, name) in [
            ("shop.orders", "patchbay_shop_orders"),
            ("dlq.>", "patchbay_dlq_=all"),
            ("a-b.*.c_d", "patchbay_a-b_=any_c=x5fd"),
            ("größe", "patchbay_gr=xc3=xb6=xc3=x9fe"),
        ] {
            assert_eq!(of_stream("patchbay", &filter(topic)), name);
        }
        let consumer = of_consumer("shipping", &filter("shop.>"), Some("host.1"));
        assert!(consumer.starts_with("shipping-") && consumer.ends_with("-host_1"), "{consumer}");
        assert_eq!(of_bucket("patchbay"), "patchbay-deliveries");
    }

    #[test]
    fn long_names_stay_different() {
        let long = |end: &str| of_stream("patchbay", &filter(&format!("{}.{end}", "ä".repeat(60))));
        assert!(long("a").len() <= LONGEST && long("a") != long("b"));
    }

    #[test]
    fn filters_have_topics_in_common() {
        for (one, other, both) in [
            ("a.*", "*.b", Some("a.b")),
            ("a.>", "*.b.*", Some("a.b.*")),
            (">", "a.>", Some("a.>")),
            ("a.*", "a.>", Some("a.*")),
            ("a.b", "a.b", Some("a.b")),
            ("a.b", "a", None),
            ("a.>", "b.>", None),
            ("a.>", "a", None),
        ] {
            assert_eq!(common(&filter(one), &filter(other)), both.map(filter), "{one} {other}");
            assert_eq!(common(&filter(other), &filter(one)), both.map(filter), "{other} {one}");
        }
    }

    proptest! {
        #[test]
        fn what_is_common_is_what_both_choose(
            one in "([ab*]\\.){0,3}[ab*>]",
            other in "([ab*]\\.){0,3}[ab*>]",
            topic in "([ab]\\.){0,4}[ab]",
        ) {
            let (one, other, topic): (_, _, Topic) = (filter(&one), filter(&other), topic.parse().unwrap());
            let both = common(&one, &other).is_some_and(|both| both.matches(&topic));
            prop_assert_eq!(both, one.matches(&topic) && other.matches(&topic));
        }

        #[test]
        fn no_two_declarations_share_a_stream(texts in prop::collection::btree_set("[a_.=x5f*>/-]{1,6}", 1..20)) {
            let filters: BTreeSet<TopicFilter> = texts.iter().filter_map(|text| text.parse().ok()).collect();
            let names: BTreeSet<String> = filters.iter().map(|filter| of_stream("p", filter)).collect();
            prop_assert_eq!(names.len(), filters.len());
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c);
            prop_assert!(names.iter().all(|name| name.chars().all(allowed)), "{:?}", names);
        }
    }
}
