//! Families as text: OpenMetrics 1.0, or the text format 0.0.4 of Prometheus.

use std::fmt;

use patchbay_model::metrics::{Collected, CollectedFamily, Description, MetricKind, Number, Value};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::exemplars::Exemplars;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus. It has no exemplars and no units.
    Prometheus,
}

impl Format {
    /// The media type of a text in it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// What was collected, as text.
///
/// # Errors
/// Never, as far as is known: the library that writes it may fail in principle.
pub fn encode(collected: &Collected, format: Format) -> Result<String, fmt::Error> {
    let families = collected.families();
    let mut text = String::new();
    match format {
        Format::Prometheus => families.map(Whole).try_for_each(|family| family.write(format, &mut text))?,
        Format::OpenMetrics => {
            for family in families {
                let exemplars = Exemplars::of(family)?;
                let mut own = String::new();
                Whole(family).write(format, &mut own)?;
                text.push_str(&exemplars.put_into(own));
            }
            text::encode_eof(&mut text)?;
        }
    }
    Ok(text)
}

/// A family with all its series.
struct Whole<'a>(&'a CollectedFamily);

impl Whole<'_> {
    fn write(&self, format: Format, into: &mut String) -> fmt::Result {
        write(*self.0.description(), self.0.series(), format, into)
    }
}

/// Writes some series of a family.
pub(super) fn write<'a>(
    description: Description,
    series: impl Iterator<Item = (&'a [Box<str>], &'a Value)>,
    format: Format,
    into: &mut String,
) -> fmt::Result {
    let series =
        series.map(|(labels, value)| (Labels { names: description.labels, values: labels.into() }, value.clone()));
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Series { description, series: series.collect() }));
    match format {
        Format::OpenMetrics => text::encode_registry(into, &registry),
        Format::Prometheus => prometheus_text::encode(into, &registry),
    }
}

/// Series of a family, as the library asks for them.
#[derive(Debug)]
struct Series {
    description: Description,
    series: Vec<(Labels, Value)>,
}

impl Collector for Series {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Description { help, unit, kind, .. } = self.description;
        let metric_type = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
        };
        // The library adds the name of the unit.
        let unit = unit.map(|unit| Unit::Other(unit.name().to_owned()));
        let mut family = encoder.encode_descriptor(self.description.bare_name(), help, unit.as_ref(), metric_type)?;
        self.series.iter().try_for_each(|(labels, value)| one(kind, value, family.encode_family(labels)?))
    }
}

fn one(kind: MetricKind, value: &Value, mut encoder: MetricEncoder<'_>) -> fmt::Result {
    match (kind, value) {
        (MetricKind::Counter, Value::Number(Number::Whole(number))) => {
            encoder.encode_counter::<NoLabelSet, u64, f64>(number, None)
        }
        (MetricKind::Counter, Value::Number(Number::Real(number))) => {
            encoder.encode_counter::<NoLabelSet, f64, f64>(number, None)
        }
        (_, Value::Number(Number::Whole(number))) => encoder.encode_gauge(number),
        (_, Value::Number(Number::Real(number))) => encoder.encode_gauge(number),
        (_, Value::Histogram(reading)) => {
            let buckets: Vec<_> = reading.buckets().collect();
            encoder.encode_histogram::<NoLabelSet>(reading.sum, reading.count(), &buckets, None)
        }
    }
}

/// The labels of a series. Empty values are left out: to Prometheus they are the same as none.
#[derive(Debug)]
struct Labels {
    names: &'static [&'static str],
    values: Box<[Box<str>]>,
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let labels = self.names.iter().zip(&self.values).filter(|(_, value)| !value.is_empty());
        labels.map(|(name, value)| (*name, &**value)).try_for_each(|label| label.encode(encoder.encode_label()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use patchbay_model::metrics::{Bounds, Counter, Distribution, Exemplar, Family, Gauge, HistogramReading, Unit};

    use super::*;

    static CALLS: Family<Counter, 2> = Family::new("test_calls", "Calls `of` a service.", ["caller", "service"]);
    static LEVEL: Family<Gauge, 0> = Family::new("test_level_ratio", "A level.", []).unit(Unit::Ratio);
    static NONE: Family<Gauge, 1> = Family::new("test_none", "Nothing yet.", ["service"]);
    static TOOK: Family<Distribution, 1> = Family::new("test_took_seconds", "Times.", ["service"]).unit(Unit::Seconds);
    static BOUNDS: Bounds = Bounds(&[0.000_001, 2.5]);

    fn collected() -> Collected {
        let mut collected = Collected::default();
        collected.add(&CALLS, ["web", "or\"d\\ers"], 7_u64);
        collected.add(&CALLS, ["", "orders"], 1_u64);
        collected.add(&LEVEL, [], 0.25);
        collected.declare(&NONE);
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
        let exemplar = Some(Exemplar { trace: [0xab; 16], value: 1.5, time });
        let reading = HistogramReading { bounds: &BOUNDS, counts: vec![2, 3, 4], sum: 20.5, exemplar };
        collected.add(&TOOK, ["orders"], reading);
        collected
    }

    #[test]
    fn the_text_of_prometheus() {
        let expected = "\
# HELP test_calls_total Calls `of` a service.
# TYPE test_calls_total counter
test_calls_total{service=\"orders\"} 1
test_calls_total{caller=\"web\",service=\"or\\\"d\\\\ers\"} 7
# HELP test_level_ratio A level.
# TYPE test_level_ratio gauge
test_level_ratio 0.25
# HELP test_none Nothing yet.
# TYPE test_none gauge
# HELP test_took_seconds Times.
# TYPE test_took_seconds histogram
test_took_seconds_bucket{service=\"orders\",le=\"1e-06\"} 2
test_took_seconds_bucket{service=\"orders\",le=\"2.5\"} 5
test_took_seconds_bucket{service=\"orders\",le=\"+Inf\"} 9
test_took_seconds_sum{service=\"orders\"} 20.5
test_took_seconds_count{service=\"orders\"} 9
";
        assert_eq!(encode(&collected(), Format::Prometheus).unwrap(), expected);
    }

    #[test]
    fn the_text_of_open_metrics_has_units_and_exemplars() {
        let expected = "\
# HELP test_calls Calls `of` a service.
# TYPE test_calls counter
test_calls_total{service=\"orders\"} 1
test_calls_total{caller=\"web\",service=\"or\\\"d\\\\ers\"} 7
# HELP test_level_ratio A level.
# TYPE test_level_ratio gauge
# UNIT test_level_ratio ratio
test_level_ratio 0.25
# HELP test_none Nothing yet.
# TYPE test_none gauge
# HELP test_took_seconds Times.
# TYPE test_took_seconds histogram
# UNIT test_took_seconds seconds
test_took_seconds_sum{service=\"orders\"} 20.5
test_took_seconds_count{service=\"orders\"} 9
test_took_seconds_bucket{le=\"0.000001\",service=\"orders\"} 2
test_took_seconds_bucket{le=\"2.5\",service=\"orders\"} 5 # {trace_id=\"abababababababababababababababab\"} 1.5 1700000000.25
test_took_seconds_bucket{le=\"+Inf\",service=\"orders\"} 9
# EOF
";
        assert_eq!(encode(&collected(), Format::OpenMetrics).unwrap(), expected);
    }
}
