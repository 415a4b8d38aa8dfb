//! The names of traces and spans: numbers that are not zero, written as lower-case hexadecimal digits.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use crate::text::serde_as_text;

/// Names a trace: 16 bytes of which one at least is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(NonZeroU128);

/// Names a span within its trace: 8 bytes of which one at least is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(NonZeroU64);

/// Why a text is no name of a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id of a trace; it has 32 lower-case hexadecimal digits, of which one at least is not 0")]
pub struct TraceIdError(String);

impl TraceId {
    /// The trace with this number; `None` for 0.
    pub const fn new(number: u128) -> Option<Self> {
        match NonZeroU128::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u128 {
        self.0.get()
    }

    /// Its bytes, as they go over the wire.
    pub const fn bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }

    /// Its last 8 bytes as a number. Seven of them are random (W3C Trace Context, level 2), where its flags say so.
    pub const fn low(self) -> u64 {
        self.0.get() as u64
    }
}

impl SpanId {
    /// The span that this text names: 16 lower-case hexadecimal digits, of which one at least is not 0.
    pub fn parse(text: &str) -> Option<Self> {
        let number = if text.len() == 16 { hexadecimal(text.as_bytes()) } else { None };
        number.and_then(|number| u64::try_from(number).ok()).and_then(Self::new)
    }

    /// The span with this number; `None` for 0.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0.get()
    }

    /// Its bytes, as they go over the wire.
    pub const fn bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }
}

/// The number that lower-case hexadecimal digits write; `None` if there is anything else among them, or more than 32.
pub(super) fn hexadecimal(digits: &[u8]) -> Option<u128> {
    if digits.len() > 32 {
        return None;
    }
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

impl FromStr for TraceId {
    type Err = TraceIdError;

    fn from_str(text: &str) -> Result<Self, TraceIdError> {
        let number = if text.len() == 32 { hexadecimal(text.as_bytes()) } else { None };
        number.and_then(Self::new).ok_or_else(|| TraceIdError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

serde_as_text!(TraceId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_written_in_one_way() {
        let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        assert_eq!((id.to_string(), id.low()), ("0af7651916cd43dd8448eb211c80319c".to_owned(), 0x8448_eb21_1c80_319c));
        for wrong in [
            "",
            "0",
            &"0".repeat(32),
            "0AF7651916cd43dd8448eb211c80319c",
            &"1".repeat(33),
            "+f7651916cd43dd8448eb211c80319cab",
        ] {
            assert!(wrong.parse::<TraceId>().is_err(), "{wrong}");
        }
    }
}
