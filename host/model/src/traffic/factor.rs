//! How many times as much as something else: `1.5x`.

use std::fmt;
use std::str::FromStr;

use super::share::thousandths;
use crate::text::serde_as_text;

/// A factor, to the thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(u32);

/// Why a text is no factor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no factor; write a number from 1 to 1000 with at most three decimals, such as `1.5x`")]
pub struct FactorError(String);

impl Factor {
    /// So many times `value`.
    pub fn times(self, value: std::time::Duration) -> std::time::Duration {
        value.saturating_mul(self.0) / 1000
    }
}

impl FromStr for Factor {
    type Err = FactorError;

    fn from_str(text: &str) -> Result<Self, FactorError> {
        let number = text.strip_suffix('x').unwrap_or(text);
        let thousandths = thousandths(number).filter(|factor| (1000..=1_000_000).contains(factor));
        thousandths.map(Self).ok_or_else(|| FactorError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / 1000, format!("{:03}", self.0 % 1000));
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{whole}x"),
            decimals => write!(f, "{whole}.{decimals}x"),
        }
    }
}

serde_as_text!(Factor);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn factors_are_written_in_one_way() {
        for (text, written) in [("1", "1x"), ("1.5", "1.5x"), ("2.0x", "2x"), ("1.125x", "1.125x"), ("1000x", "1000x")]
        {
            assert_eq!(text.parse::<Factor>().unwrap().to_string(), written);
        }
        for wrong in ["", "x", "0.9x", "1.0001", "1001x", "-2x", "1,5x", "99999999999"] {
            assert!(wrong.parse::<Factor>().is_err(), "{wrong}");
        }
        assert_eq!("1.5x".parse::<Factor>().unwrap().times(Duration::from_millis(10)), Duration::from_millis(15));
    }
}
