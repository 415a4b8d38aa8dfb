//! What Patchbay is to reach, beside the native server and `wasmtime serve` of the same run.

use super::super::report::{Goal, Wanted};
use super::results::{Metric, P99, REQUESTS, Results};

/// Workload, subject, what it is compared with, in which metric, and how it should compare.
type Ratio = (&'static str, &'static str, &'static str, Metric, Wanted);

const RATIOS: &[Ratio] = &[
    ("hello", "patchbay-0.2-fresh", "native-axum", REQUESTS, Wanted::AtLeast(0.4)),
    ("hello", "patchbay-0.2-fresh", "wasmtime-0.2-fresh", REQUESTS, Wanted::AtLeast(2.5)),
    ("hello", "patchbay-0.2-fresh", "wasmtime-0.2-fresh-tuned", REQUESTS, Wanted::AtLeast(1.1)),
    ("hello", "patchbay-0.2-fresh", "wasmtime-0.2-fresh-tuned", P99, Wanted::AtMost(1.0)),
    ("hello", "patchbay-0.2-reuse", "native-axum", REQUESTS, Wanted::AtLeast(0.7)),
    ("hello", "patchbay-0.2-reuse", "wasmtime-0.2-reuse-tuned", REQUESTS, Wanted::AtLeast(1.15)),
    ("hello", "patchbay-0.2-reuse", "wasmtime-0.2-reuse-tuned", P99, Wanted::AtMost(1.0)),
    ("hello", "patchbay-0.3-concurrent", "native-axum", REQUESTS, Wanted::AtLeast(0.5)),
    ("hello", "patchbay-0.3-concurrent", "wasmtime-0.3-concurrent", REQUESTS, Wanted::AtLeast(1.1)),
    ("hello", "patchbay-0.3-concurrent", "wasmtime-0.3-concurrent", P99, Wanted::AtMost(1.0)),
    ("typescript", "patchbay-typescript-fresh", "wasmtime-typescript-fresh-tuned", REQUESTS, Wanted::AtLeast(1.0)),
    ("go", "patchbay-go-reuse", "wasmtime-go-reuse-tuned", REQUESTS, Wanted::AtLeast(1.0)),
];

/// The number of connections that goals are about.
const CONNECTIONS: u32 = 50;

/// What a second core should add.
const TIMES: f64 = 1.7;

/// The goals of which both sides were measured.
pub(super) fn of(results: &Results) -> Vec<Goal> {
    let ratio = |(workload, subject, other, metric, wanted): &Ratio| {
        let of = |subject| results.of(workload, CONNECTIONS, subject).map(|runs| runs.samples(*metric));
        let what = format!("{workload}: {} of {subject} / {other}", metric.0);
        Some(Goal { what, wanted: *wanted, measured: of(subject)?.over(&of(other)?) })
    };
    let scaled = results.scaled.iter().filter(|scaled| scaled.subject.starts_with("patchbay-")).map(|scaled| Goal {
        what: format!("scaling: {}, two cores / one", scaled.subject),
        wanted: Wanted::AtLeast(TIMES),
        measured: scaled.times(),
    });
    RATIOS.iter().filter_map(ratio).chain(scaled).collect()
}
