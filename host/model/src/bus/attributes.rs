//! The attributes of CloudEvents 1.0: their names, what they may be, and what is put in for those that are left out.

use std::time::{Duration, SystemTime};

use super::message::Message;

/// The version of CloudEvents that messages are written in, and the only one that is read.
pub(super) const SPEC_VERSION: &str = "1.0";

/// The attributes that are fields of a [`Message`].
const FIELDS: [&str; 8] = ["specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema"];

/// The members of the JSON format that hold the data. No extension can have such a name either.
const DATA: [&str; 2] = ["data", "data_base64"];

/// What begins the names of headers that carry attributes.
pub(super) const PREFIX: &str = "ce-";

/// The header of the media type.
pub(super) const CONTENT_TYPE: &str = "content-type";

/// Seconds from 1970 to the last second of the year 9999, the last that RFC 3339 can write.
const LAST_SECOND: u64 = 253_402_300_799;

/// What is put in for attributes that whoever published a message left out. Its `type` is then its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// For `id`.
    pub id: String,
    /// For `source`.
    pub source: String,
    /// For `time`.
    pub time: SystemTime,
}

/// Why something is no message of CloudEvents 1.0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// It is not in the JSON format at all.
    #[error("this is no JSON object with the attributes of a CloudEvent: {0}")]
    NotJson(String),
    /// A required attribute is not there, or has no text.
    #[error(
        "the attribute `{0}` is missing; a CloudEvent needs `specversion`, `id`, `source` and `type`, each with some text"
    )]
    Missing(&'static str),
    /// An attribute is not what it has to be.
    #[error("the attribute `{name}` {problem}")]
    Invalid {
        /// The attribute.
        name: String,
        /// What is wrong with it, and what it has to be.
        problem: String,
    },
    /// A header that goes along with a message has a name that attributes are written under.
    #[error("the header `{0}` is no header to send along; `content-type` and `ce-…` say the attributes of the message")]
    Header(String),
}

impl AttributeError {
    pub(super) fn invalid(name: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { name: name.chars().take(80).collect(), problem: problem.into() }
    }
}

/// Whether a name is one that an extension of CloudEvents can have: lower-case letters and digits, and none of the
/// attributes that CloudEvents has itself.
pub fn is_extension_name(name: &str) -> bool {
    let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    is_name && !FIELDS.contains(&name) && !DATA.contains(&name)
}

/// Whether a header carries an attribute, so that it cannot be one that is sent along.
pub fn is_attribute_header(name: &str) -> bool {
    name.eq_ignore_ascii_case(CONTENT_TYPE) || attribute_of(name).is_some()
}

/// The attribute that a header `ce-…` carries; `None` if it is no such header or its name cannot be that of an attribute.
pub(super) fn attribute_of(header: &str) -> Option<String> {
    let (prefix, name) = header.split_at_checked(PREFIX.len())?;
    let name = prefix.eq_ignore_ascii_case(PREFIX).then(|| name.to_ascii_lowercase())?;
    (FIELDS.contains(&name.as_str()) || is_extension_name(&name)).then_some(name)
}

impl Message {
    /// Whether the message can be written as CloudEvents 1.0 says, so that every reader finds the same message again.
    ///
    /// # Errors
    /// [`AttributeError`] for the first attribute or header that stands against it.
    pub fn check_attributes(&self) -> Result<(), AttributeError> {
        for (name, value) in [("id", &self.id), ("source", &self.source), ("type", &self.kind)] {
            if value.is_empty() {
                return Err(AttributeError::Missing(name));
            }
        }
        for (place, (name, _)) in self.extensions.iter().enumerate() {
            if !is_extension_name(name) {
                return Err(AttributeError::invalid(
                    name,
                    "has no name for an extension; use lower-case letters and digits",
                ));
            }
            if self.extensions.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(AttributeError::invalid(name, "is there twice; give it one value"));
            }
        }
        match self.headers.iter().find(|(name, _)| is_attribute_header(name)) {
            Some((name, _)) => Err(AttributeError::Header(name.chars().take(80).collect())),
            None => Ok(()),
        }
    }
}

/// A time as RFC 3339 writes it. One outside of the years 1970 to 9999 becomes the nearest that is in them.
pub(super) fn written_time(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let since = since.min(Duration::from_secs(LAST_SECOND));
    humantime::format_rfc3339(SystemTime::UNIX_EPOCH + since).to_string()
}

/// Reads a time of RFC 3339, with any offset from UTC.
pub(super) fn read_time(text: &str) -> Result<SystemTime, AttributeError> {
    let wrong = || AttributeError::invalid("time", "is no time of RFC 3339, such as `2026-01-31T12:00:00Z`");
    let text = text.trim().to_ascii_uppercase();
    if text.ends_with('Z') {
        return humantime::parse_rfc3339(&text).map_err(|_| wrong());
    }
    let (local, offset) = text.split_at_checked(text.len().saturating_sub("+00:00".len())).ok_or_else(wrong)?;
    let local = humantime::parse_rfc3339(&format!("{local}Z")).map_err(|_| wrong())?;
    let (sign, distance) = offset.split_at_checked(1).ok_or_else(wrong)?;
    let (hours, minutes) = distance.split_once(':').ok_or_else(wrong)?;
    let number = |digits: &str, most: u64| digits.parse::<u64>().ok().filter(|n| digits.len() == 2 && *n <= most);
    let seconds = number(hours, 23).zip(number(minutes, 59)).map(|(hours, minutes)| hours * 3600 + minutes * 60);
    let distance = Duration::from_secs(seconds.ok_or_else(wrong)?);
    match sign {
        "+" => local.checked_sub(distance),
        "-" => local.checked_add(distance),
        _ => None,
    }
    .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bus::binary::tests::message;

    #[test]
    fn times_have_any_offset() {
        let at = |text: &str| read_time(text).map(written_time);
        for (text, utc) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500000000Z"),
            ("2026-01-31T12:00:00+01:30", "2026-01-31T10:30:00Z"),
            ("2026-01-31T12:00:00.25-08:00", "2026-01-31T20:00:00.250000000Z"),
            ("2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00Z"),
        ] {
            assert_eq!(at(text).unwrap(), utc, "{text}");
        }
        for text in [
            "",
            "Z",
            "now",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00+1:00",
            "ä+01:00",
            "2026-13-31T12:00:00Z",
        ] {
            assert!(at(text).unwrap_err().to_string().contains("`time`"), "{text}");
        }
    }

    #[test]
    fn times_that_cannot_be_written_become_the_nearest() {
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST_SECOND * 2);
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(written_time(far), "9999-12-31T23:59:59Z");
        assert_eq!(written_time(before), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        assert_eq!(message().check_attributes(), Ok(()));
        type Change = fn(&mut Message);
        let with = |change: Change| {
            let mut message = message();
            change(&mut message);
            message.check_attributes().unwrap_err().to_string()
        };
        let cases: [(Change, &str); 6] = [
            (|m| m.id.clear(), "`id`"),
            (|m| m.kind.clear(), "`type`"),
            (|m| m.extensions.push(("Trace".to_owned(), String::new())), "`Trace`"),
            (|m| m.extensions.push(("id".to_owned(), String::new())), "`id`"),
            (
                |m| m.extensions.extend([("a".to_owned(), String::new()), ("a".to_owned(), String::new())]),
                "`a` is there twice",
            ),
            (|m| m.headers.push(("Ce-Id".to_owned(), String::new())), "`Ce-Id`"),
        ];
        for (change, named) in cases {
            let error = with(change);
            assert!(error.contains(named), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_time_panics(text in "\\PC{0,40}", digits in "[0-9TZ:.+-]{15,40}") {
            let _ = (read_time(&text), read_time(&digits));
        }
    }
}
