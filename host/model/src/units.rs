//! Durations, sizes and times as people write them: `15s`, `64MiB`, `2026-01-31T12:00:00Z`.
//!
//! One form everywhere: configuration, admin API, CLI. The modules [`duration`], [`size`] and
//! [`timestamp`] are for serde's `with`.

use std::time::Duration;

/// Why a text is no duration or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The text is no duration.
    #[error("`{0}` is no duration; write a number and a unit, such as `250ms`, `15s` or `2m`")]
    Duration(String),
    /// The text is no size.
    #[error("`{0}` is no size; write a whole number and a unit, such as `64KiB`, `128MiB` or `1GiB`")]
    Size(String),
}

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Parses a duration such as `15s`, `250ms` or `1m 30s`.
///
/// # Errors
/// [`UnitError::Duration`] if `text` is none.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    humantime::parse_duration(text).map_err(|_| UnitError::Duration(text.chars().take(80).collect()))
}

/// Writes a duration so that [`parse_duration`] reads it back.
pub fn format_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Parses a size in bytes such as `128MiB`; the units are powers of 1024.
///
/// # Errors
/// [`UnitError::Size`] if `text` is none or does not fit 64 bits.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Size(text.chars().take(80).collect());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

/// Writes a size exactly, in the largest unit that divides it.
pub fn format_size(bytes: u64) -> String {
    let (unit, factor) =
        UNITS.into_iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor)).unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// Writes a size roughly, in whole KiB or, from 10 MiB, in whole MiB: for sentences.
pub fn round_size(bytes: u64) -> String {
    let unit: u64 = if bytes >= 10 << 20 { 1 << 20 } else { 1 << 10 };
    let rounded = bytes.saturating_add(unit / 2) / unit;
    if rounded == 0 { format_size(bytes) } else { format_size(rounded * unit) }
}

/// Writes a point in time as RFC 3339 text in UTC, to the millisecond.
pub fn format_timestamp(time: std::time::SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// Parses a point in time in UTC, such as `2026-01-31T12:00:00Z`; `None` if `text` is none.
pub fn parse_timestamp(text: &str) -> Option<std::time::SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

/// Serde for durations as text.
pub mod duration {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the duration as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &std::time::Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_duration(*value))
    }

    /// Reads a duration from text.
    ///
    /// # Errors
    /// If the text is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<std::time::Duration, D::Error> {
        super::parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Serde for durations that may be absent, as text.
pub mod optional_duration {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the duration as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<std::time::Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(super::format_duration).serialize(serializer)
    }

    /// Reads a duration from text.
    ///
    /// # Errors
    /// If the text is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<std::time::Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse_duration(&text)).transpose().map_err(serde::de::Error::custom)
    }
}

/// Serde for sizes that may be absent, as text.
pub mod optional_size {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes the size as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(super::format_size).serialize(serializer)
    }

    /// Reads a size from text.
    ///
    /// # Errors
    /// If the text is no size.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::parse_size(&text)).transpose().map_err(serde::de::Error::custom)
    }
}

/// Serde for sizes as text.
pub mod size {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the size as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_size(*value))
    }

    /// Reads a size from text.
    ///
    /// # Errors
    /// If the text is no size.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        super::parse_size(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Serde for points in time as RFC 3339 text in UTC, to the millisecond.
pub mod timestamp {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the time as text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_millis(*value))
    }

    /// Reads a time from text.
    ///
    /// # Errors
    /// If the text is no RFC 3339 time in UTC.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_exact() {
        for (text, bytes) in [("0B", 0), ("1B", 1), ("1023B", 1023), ("1KiB", 1024), ("128MiB", 128 << 20)] {
            assert_eq!(parse_size(text), Ok(bytes));
            assert_eq!(format_size(bytes), text);
        }
        for text in ["", "MiB", "1", "1.5MiB", "-1B", "1MB", "99999999999GiB", "1é"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sentences_get_round_sizes() {
        for (bytes, text) in [(1, "1B"), (135_350, "132KiB"), (12_900_000, "12MiB"), (u64::MAX, "17592186044415MiB")] {
            assert_eq!(round_size(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: u64, millis in 0..10_000_000_000u64) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse_size(&text);
            let _ = parse_duration(&text);
        }
    }
}
