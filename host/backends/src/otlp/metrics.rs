//! Metrics in the form of the protocol.
//!
//! Names are those of OpenTelemetry where the family follows its semantic conventions (`http.server.request.duration`), and
//! else those that Prometheus has, without `_total`, so that what both show can be found under one name. Units stand beside
//! them in UCUM.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, exemplar, metric, number_data_point,
};
use patchbay_model::metrics::{
    Collected, CollectedFamily, Description, Exemplar as Example, HistogramReading, MetricKind, Number, Value,
};

use super::resource::text;
use super::{Exported, OtlpResource, Payload, Signal};

/// What was collected at a time, and since when it counts.
#[derive(Debug)]
pub struct MetricsReading {
    /// What was collected.
    pub collected: Collected,
    /// When the host started; counters count from there.
    pub started: SystemTime,
    /// When it was collected.
    pub time: SystemTime,
}

impl Exported for MetricsReading {
    const SIGNAL: Signal = Signal::Metrics;

    /// They come one at a time, and cannot be cut.
    fn size(&self) -> usize {
        0
    }

    fn payload(batch: Vec<Self>, resource: &OtlpResource) -> Payload {
        let scope_metrics = batch.iter().map(|reading| ScopeMetrics {
            scope: Some(resource.scope()),
            metrics: metrics(reading),
            ..ScopeMetrics::default()
        });
        let resource_metrics = vec![ResourceMetrics {
            resource: Some(resource.of(None)),
            scope_metrics: scope_metrics.collect(),
            ..ResourceMetrics::default()
        }];
        Payload::Metrics(ExportMetricsServiceRequest { resource_metrics })
    }
}

/// Families that follow the semantic conventions, with their names and those of their attributes there.
const CONVENTIONS: [(&str, &str); 2] = [
    ("http_server_request_duration_seconds", "http.server.request.duration"),
    ("http_server_active_requests", "http.server.active_requests"),
];

/// The same of labels.
const ATTRIBUTES: [(&str, &str); 5] = [
    ("http_request_method", "http.request.method"),
    ("http_response_status_code", "http.response.status_code"),
    ("http_route", "http.route"),
    ("url_scheme", "url.scheme"),
    ("error_type", "error.type"),
];

/// Metrics of a reading. Families without a series are left out, because OTLP has no word for them.
fn metrics(reading: &MetricsReading) -> Vec<Metric> {
    let times = Times { start: nanos(reading.started), now: nanos(reading.time) };
    reading.collected.families().filter(|family| family.series().len() > 0).map(|family| times.metric(family)).collect()
}

/// When counting began, and when it was read, in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

impl Times {
    fn metric(self, family: &CollectedFamily) -> Metric {
        let description = family.description();
        let known = CONVENTIONS.iter().find(|(name, _)| *name == description.name);
        let unit = description.unit.map_or("1", |unit| unit.ucum());
        Metric {
            name: known.map_or(description.name, |(_, name)| name).to_owned(),
            description: description.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(self.data(family)),
            ..Metric::default()
        }
    }

    fn data(self, family: &CollectedFamily) -> metric::Data {
        let description = family.description();
        let temporality = AggregationTemporality::Cumulative.into();
        let numbers = || {
            let numbers = family.series().filter_map(|(labels, value)| match value {
                Value::Number(number) => Some(self.number(description, labels, *number)),
                Value::Histogram(_) => None,
            });
            numbers.collect()
        };
        match description.kind {
            MetricKind::Counter => metric::Data::Sum(Sum {
                data_points: numbers(),
                aggregation_temporality: temporality,
                is_monotonic: true,
            }),
            MetricKind::Gauge => metric::Data::Gauge(Gauge { data_points: numbers() }),
            MetricKind::Histogram => {
                let points = family.series().filter_map(|(labels, value)| match value {
                    Value::Histogram(reading) => Some(self.distribution(description, labels, reading)),
                    Value::Number(_) => None,
                });
                metric::Data::Histogram(Histogram {
                    data_points: points.collect(),
                    aggregation_temporality: temporality,
                })
            }
        }
    }

    fn number(self, description: &Description, labels: &[Box<str>], number: Number) -> NumberDataPoint {
        let value = match number {
            Number::Whole(number) => number_data_point::Value::AsInt(i64::try_from(number).unwrap_or(i64::MAX)),
            Number::Real(number) => number_data_point::Value::AsDouble(number),
        };
        let start_time_unix_nano = if description.kind == MetricKind::Counter { self.start } else { 0 };
        NumberDataPoint {
            attributes: attributes(description, labels),
            start_time_unix_nano,
            time_unix_nano: self.now,
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn distribution(
        self,
        description: &Description,
        labels: &[Box<str>],
        reading: &HistogramReading,
    ) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: attributes(description, labels),
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            count: reading.count(),
            sum: Some(reading.sum),
            bucket_counts: reading.counts.clone(),
            explicit_bounds: reading.bounds.0.to_vec(),
            exemplars: reading.exemplar.iter().map(example).collect(),
            ..HistogramDataPoint::default()
        }
    }
}

fn example(example: &Example) -> Exemplar {
    Exemplar {
        time_unix_nano: nanos(example.time),
        trace_id: example.trace.to_vec(),
        value: Some(exemplar::Value::AsDouble(example.value)),
        ..Exemplar::default()
    }
}

/// The labels of a series, those without a value left out.
fn attributes(description: &Description, labels: &[Box<str>]) -> Vec<KeyValue> {
    let named = description.labels.iter().zip(labels).filter(|(_, value)| !value.is_empty());
    let known = |label: &str| ATTRIBUTES.iter().find(|(name, _)| *name == label).map(|(_, name)| *name);
    named.map(|(name, value)| text(known(name).unwrap_or(name), value)).collect()
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use patchbay_model::metrics::{Bounds, Counter, Distribution, Family, Gauge as Level, Unit};

    use super::*;

    static CALLS: Family<Counter, 2> = Family::new("test_calls", "Calls.", ["caller", "service"]);
    static LEVEL: Family<Level, 0> = Family::new("test_level_ratio", "A level.", []).unit(Unit::Ratio);
    static NONE: Family<Level, 0> = Family::new("test_none", "Nothing.", []);
    static TOOK: Family<Distribution, 2> =
        Family::new("http_server_request_duration_seconds", "Times.", ["http_route", "http_response_status_code"])
            .unit(Unit::Seconds);
    static BOUNDS: Bounds = Bounds(&[0.5, 1.0]);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn families_become_metrics_with_the_names_of_the_conventions() {
        let mut collected = Collected::default();
        collected.add(&CALLS, ["", "orders"], 7_u64);
        collected.add(&LEVEL, [], 0.25);
        collected.declare(&NONE);
        let exemplar = Some(Example { trace: [9; 16], value: 0.75, time: at(15) });
        let reading = HistogramReading { bounds: &BOUNDS, counts: vec![1, 2, 3], sum: 8.5, exemplar };
        collected.add(&TOOK, ["/a/*", "200"], reading);
        let reading = MetricsReading { collected, started: at(10), time: at(20) };
        let (name, version) = ("patchbay".to_owned(), "1.2.3".to_owned());
        let resource = OtlpResource { name, version, ..OtlpResource::default() };
        let Payload::Metrics(message) = MetricsReading::payload(vec![reading], &resource) else { panic!() };

        let [of_resource] = message.resource_metrics.as_slice() else { panic!("{message:?}") };
        assert!(of_resource.resource.as_ref().unwrap().attributes.contains(&text("service.name", "patchbay")));
        let [scope] = of_resource.scope_metrics.as_slice() else { panic!("{of_resource:?}") };
        assert_eq!(scope.scope.as_ref().unwrap().version, "1.2.3");
        let told: Vec<_> = scope.metrics.iter().map(|metric| (metric.name.as_str(), metric.unit.as_str())).collect();
        assert_eq!(told, [("http.server.request.duration", "s"), ("test_calls", "1"), ("test_level_ratio", "1")]);
        let data: Vec<_> = scope.metrics.iter().map(|metric| metric.data.clone().unwrap()).collect();
        let [metric::Data::Histogram(took), metric::Data::Sum(calls), metric::Data::Gauge(level)] = data.as_slice()
        else {
            panic!("{data:?}")
        };
        let point = &took.data_points[0];
        let labels = [text("http.route", "/a/*"), text("http.response.status_code", "200")];
        assert_eq!(point.attributes, labels);
        assert_eq!((point.count, point.sum, &*point.bucket_counts), (6, Some(8.5), [1, 2, 3].as_slice()));
        assert_eq!(
            (&*point.explicit_bounds, point.exemplars[0].trace_id.as_slice()),
            ([0.5, 1.0].as_slice(), &[9; 16][..])
        );
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (10_000_000_000, 20_000_000_000));
        assert!(calls.is_monotonic && calls.aggregation_temporality == AggregationTemporality::Cumulative as i32);
        assert_eq!(calls.data_points[0].attributes, [text("service", "orders")]);
        assert_eq!(calls.data_points[0].value, Some(number_data_point::Value::AsInt(7)));
        assert_eq!(level.data_points[0].value, Some(number_data_point::Value::AsDouble(0.25)));
    }
}
