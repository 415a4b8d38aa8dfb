//! A share of calls: `10%`, `0.1%`.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;

/// A share of calls, to the thousandth of a percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficShare(u32);

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share of calls; write percent from 0 to 100 with at most three decimals, such as `10%` or `0.1%`")]
pub struct TrafficShareError(String);

/// All calls, in thousandths of a percent.
const ALL: u32 = 100_000;

impl TrafficShare {
    /// No call.
    pub const NONE: Self = Self(0);
    /// Every call.
    pub const ALL: Self = Self(ALL);

    /// So many whole percent; `None` above 100.
    pub const fn percent(percent: u8) -> Option<Self> {
        if percent <= 100 { Some(Self(percent as u32 * 1000)) } else { None }
    }

    /// Whether it is no call.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether a call with this number is in the share. Numbers are spread evenly over all that there are; one that is in a
    /// share is in every larger one.
    pub const fn takes(self, number: u64) -> bool {
        (number as u128 * ALL as u128) >> 64 < self.0 as u128
    }

    /// The share in thousandths of a percent, from 0 to 100,000.
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// So many thousandths of a percent; all, if there are more than that.
    pub const fn of_thousandths(thousandths: u32) -> Self {
        if thousandths <= ALL { Self(thousandths) } else { Self(ALL) }
    }

    /// The share as a number from 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(ALL)
    }
}

impl FromStr for TrafficShare {
    type Err = TrafficShareError;

    fn from_str(text: &str) -> Result<Self, TrafficShareError> {
        let share = text.strip_suffix('%').and_then(|number| thousandths(number.trim_end()));
        let share = share.filter(|share| *share <= ALL).map(Self);
        share.ok_or_else(|| TrafficShareError(text.chars().take(80).collect()))
    }
}

/// The thousandths that a number with at most three decimals is.
pub(super) fn thousandths(number: &str) -> Option<u32> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return None;
    }
    let decimals: u32 = format!("{decimals:0<3}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(decimals)
}

impl fmt::Display for TrafficShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / 1000, self.0 % 1000);
        if decimals == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{decimals:03}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

serde_as_text!(TrafficShare);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_in_one_way() {
        for (text, written) in [
            ("0%", "0%"),
            ("10%", "10%"),
            ("10.0%", "10%"),
            ("0.1%", "0.1%"),
            ("0.125%", "0.125%"),
            ("100%", "100%"),
            ("99.999%", "99.999%"),
            ("5 %", "5%"),
        ] {
            assert_eq!(text.parse::<TrafficShare>().unwrap().to_string(), written);
        }
        for wrong in ["", "%", "10", "0.1", ".5%", "5.%", "-1%", "100.001%", "0.0001%", "1e1%", "99999999999%"] {
            assert!(wrong.parse::<TrafficShare>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_takes_as_many_numbers_as_it_says() {
        for (share, taken) in [("0%", 0), ("0.1%", 100), ("12.5%", 12_500), ("50%", 50_000), ("100%", 100_000)] {
            let share: TrafficShare = share.parse().unwrap();
            let step = u64::MAX / 100_000;
            let n = (0..100_000_u64).filter(|index| share.takes(index * step + step / 2)).count();
            assert_eq!(n, taken, "{share}");
        }
        assert!(TrafficShare::ALL.takes(u64::MAX) && !TrafficShare::NONE.takes(0));
    }
}
