//! Values of series.

use super::histogram::HistogramReading;

/// A number: whole where it is counted, so that no count is lost in the digits of a fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole one.
    Whole(u64),
    /// Any other.
    Real(f64),
}

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// That of a counter or a gauge.
    Number(Number),
    /// That of a histogram.
    Histogram(HistogramReading),
}

impl Number {
    /// As a fraction.
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Self::Whole(one.saturating_add(other)),
            _ => Self::Real(self.as_f64() + other.as_f64()),
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<u32> for Number {
    fn from(number: u32) -> Self {
        Self::Whole(u64::from(number))
    }
}

impl From<bool> for Number {
    /// 1 for what is so, and 0 for what is not.
    fn from(is_so: bool) -> Self {
        Self::Whole(u64::from(is_so))
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<std::time::Duration> for Number {
    /// In seconds.
    fn from(time: std::time::Duration) -> Self {
        Self::Real(time.as_secs_f64())
    }
}

impl Value {
    /// Adds another one of the same family.
    pub(super) fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Number(number), Self::Number(other)) => *number = number.plus(other),
            (Self::Histogram(reading), Self::Histogram(other)) => reading.add(&other),
            // A family has one kind of value; its type sees to that.
            (Self::Number(_), Self::Histogram(_)) | (Self::Histogram(_), Self::Number(_)) => {}
        }
    }
}
