//! How often a service may be called: `100/s`, `600/1m burst 20`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::text::serde_as_text;
use crate::units::{format_duration, parse_duration};

/// So many calls in a time, evenly spread, of which some may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    calls: u32,
    per: Duration,
    burst: u32,
}

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no rate; write calls per time, such as `100/s` or `600/1m`, and how many may come at once where that is \
     not a second's worth: `100/s burst 20`"
)]
pub struct RateError(String);

impl Rate {
    /// `calls` in every `per`. `burst` may come at once; `None`: as many as one second has, at least one.
    ///
    /// Returns `None` if one of them is 0, or the time between two calls is under a nanosecond or over a day.
    pub fn new(calls: u32, per: Duration, burst: Option<u32>) -> Option<Self> {
        let interval = per.checked_div(calls)?;
        if interval.is_zero() || interval > super::DAY {
            return None;
        }
        let of_a_second = Duration::from_secs(1).as_nanos() / interval.as_nanos();
        let burst = burst.unwrap_or_else(|| u32::try_from(of_a_second).unwrap_or(u32::MAX).max(1));
        (burst > 0).then_some(Self { calls, per, burst })
    }

    /// The time between two calls when they are evenly spread.
    pub fn interval(&self) -> Duration {
        self.per / self.calls
    }

    /// How many calls may come at once after a pause.
    pub const fn burst(&self) -> u32 {
        self.burst
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let parse = || {
            let (rate, burst) = match text.split_once(" burst ") {
                Some((rate, burst)) => (rate, Some(burst.trim().parse().ok()?)),
                None => (text, None),
            };
            let (calls, per) = rate.trim().split_once('/')?;
            let per = match per {
                "s" | "m" | "h" | "ms" => parse_duration(&format!("1{per}")).ok()?,
                other => parse_duration(other).ok()?,
            };
            Self::new(calls.parse().ok()?, per, burst)
        };
        parse().ok_or_else(|| RateError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = format_duration(self.per);
        let per = if self.per == Duration::from_secs(1) { "s" } else { &per };
        write!(f, "{}/{per} burst {}", self.calls, self.burst)
    }
}

serde_as_text!(Rate);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_one_form_and_short_ones() {
        for (text, whole, interval) in [
            ("100/s", "100/s burst 100", Duration::from_millis(10)),
            ("100/s burst 20", "100/s burst 20", Duration::from_millis(10)),
            ("60/m", "60/1m burst 1", Duration::from_secs(1)),
            ("5/10s burst 3", "5/10s burst 3", Duration::from_secs(2)),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.to_string().as_str(), rate.interval()), (whole, interval));
            assert_eq!(whole.parse::<Rate>().unwrap(), rate);
        }
        for text in ["", "100", "0/s", "100/", "100/0s", "100/s burst 0", "-1/s", "1/48h", "4000000000/s burst x"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
