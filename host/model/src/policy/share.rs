//! A share of something: `20%`.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;

/// A share in whole percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u8);

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share; write whole percent from 0 to 100, such as `20%`")]
pub struct ShareError(String);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// So many percent; `None` above 100.
    pub const fn percent(percent: u8) -> Option<Self> {
        if percent <= 100 { Some(Self(percent)) } else { None }
    }

    /// Whether it is nothing.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether `part` is at least this share of `whole`.
    pub const fn is_met_by(self, part: u64, whole: u64) -> bool {
        part as u128 * 100 >= whole as u128 * self.0 as u128
    }

    /// This share of `whole`, rounded down.
    pub const fn of(self, whole: u64) -> u64 {
        // Split, so that no count is too large for it.
        whole / 100 * self.0 as u64 + whole % 100 * self.0 as u64 / 100
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse().ok());
        percent.and_then(Self::percent).ok_or_else(|| ShareError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

serde_as_text!(Share);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_percent() {
        for (text, of_1000) in [("0%", 0), ("20%", 200), ("33 %", 330), ("100%", 1000)] {
            assert_eq!(text.parse::<Share>().unwrap().of(1000), of_1000, "{text}");
        }
        for text in ["", "20", "101%", "-1%", "0.5%", "%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        let half: Share = "50%".parse().unwrap();
        assert!(half.is_met_by(20, 40) && !half.is_met_by(20, 41) && half.is_met_by(0, 0));
        assert_eq!("99%".parse::<Share>().unwrap().of(u64::MAX), u64::MAX / 100 * 99 + 14);
    }
}
