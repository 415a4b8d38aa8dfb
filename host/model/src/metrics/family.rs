//! Families: what a metric is called, what it means, and what its series are told apart by.

use std::marker::PhantomData;

use super::histogram::HistogramReading;
use super::value::{Number, Value};

/// What the values of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Numbers that only grow, from 0 at the start.
    Counter,
    /// Numbers that stand for now.
    Gauge,
    /// Distributions, whose counts only grow.
    Histogram,
}

impl MetricKind {
    /// Its name in the formats of Prometheus.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What is counted, where that is no plain number. Always a base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Parts of a whole, from 0 to 1.
    Ratio,
}

impl Unit {
    /// Its name, which is also the last word of the name of the family.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }

    /// Its name in UCUM, which OpenTelemetry uses.
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::Ratio => "1",
        }
    }
}

/// A kind of value, as the type of a family.
pub trait Measure {
    /// What a series of it is given.
    type Given;

    /// The same as a word.
    const KIND: MetricKind;

    /// The value of a series.
    fn value(given: Self::Given) -> Value;
}

/// The type of families of counters.
#[derive(Debug, Clone, Copy)]
pub enum Counter {}

/// The type of families of gauges.
#[derive(Debug, Clone, Copy)]
pub enum Gauge {}

/// The type of families of histograms.
#[derive(Debug, Clone, Copy)]
pub enum Distribution {}

impl Measure for Counter {
    type Given = Number;
    const KIND: MetricKind = MetricKind::Counter;

    fn value(given: Number) -> Value {
        Value::Number(given)
    }
}

impl Measure for Gauge {
    type Given = Number;
    const KIND: MetricKind = MetricKind::Gauge;

    fn value(given: Number) -> Value {
        Value::Number(given)
    }
}

impl Measure for Distribution {
    type Given = HistogramReading;
    const KIND: MetricKind = MetricKind::Histogram;

    fn value(given: HistogramReading) -> Value {
        Value::Histogram(given)
    }
}

/// A family of metrics with `N` labels, written down once as a `static` beside whoever collects it.
#[derive(Debug)]
pub struct Family<M, const N: usize> {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    labels: [&'static str; N],
    measure: PhantomData<fn() -> M>,
}

/// A family, whatever its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Its name with its unit, and without `_total`.
    pub name: &'static str,
    /// What it means, as a sentence.
    pub help: &'static str,
    /// What is counted.
    pub unit: Option<Unit>,
    /// What its values are.
    pub kind: MetricKind,
    /// The names of its labels, in the order in which their values are given.
    pub labels: &'static [&'static str],
}

impl<M: Measure, const N: usize> Family<M, N> {
    /// A family of this name. `help` is a sentence for operators.
    pub const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, help, unit: None, labels, measure: PhantomData }
    }

    /// The same, whose values have a unit. The name ends in it.
    #[must_use]
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// The same without its type.
    pub const fn description(&'static self) -> Description {
        let Self { name, help, unit, labels, measure: _ } = self;
        Description { name, help, unit: *unit, kind: M::KIND, labels }
    }
}

impl Description {
    /// The name by which Prometheus knows it: that of a counter ends in `_total`.
    pub fn exposed_name(&self) -> String {
        match self.kind {
            MetricKind::Counter => format!("{}_total", self.name),
            MetricKind::Gauge | MetricKind::Histogram => self.name.to_owned(),
        }
    }

    /// Its name without its unit, which some formats add by themselves.
    pub fn bare_name(&self) -> &'static str {
        let bare = self.unit.and_then(|unit| self.name.strip_suffix(unit.name())?.strip_suffix('_'));
        bare.unwrap_or(self.name)
    }
}
