//! When requests were sent and answered, held against when swaps were under way.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A request that was answered. Microseconds, since measuring began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    sent: u64,
    latency: u64,
}

/// A time in which a swap was under way. Microseconds, since measuring began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) begin: u64,
    pub(super) end: u64,
}

/// How long requests took, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latencies {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

/// Reads what the load generator wrote, in the order in which it was sent.
pub(super) fn read(path: &Path) -> Result<Vec<Request>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (pairs, _) = bytes.as_chunks::<8>();
    let mut requests: Vec<_> = pairs
        .iter()
        .map(|[a, b, c, d, e, f, g, h]| Request {
            sent: u32::from_le_bytes([*a, *b, *c, *d]).into(),
            latency: u32::from_le_bytes([*e, *f, *g, *h]).into(),
        })
        .collect();
    requests.sort_unstable_by_key(|request| request.sent);
    Ok(requests)
}

/// The requests during which a swap was under way, and the others. Windows follow each other.
pub(super) fn split(requests: &[Request], windows: &[Window]) -> (Latencies, Latencies) {
    let (around, between): (Vec<_>, Vec<_>) = requests.iter().copied().partition(|request| {
        let next = windows.partition_point(|window| window.end < request.sent);
        windows.get(next).is_some_and(|window| window.begin <= request.sent + request.latency)
    });
    (latencies(&around), latencies(&between))
}

/// What the latencies are like.
pub(super) fn latencies(requests: &[Request]) -> Latencies {
    let mut sorted: Vec<_> = requests.iter().map(|request| request.latency).collect();
    sorted.sort_unstable();
    let at = |share: f64| {
        let place = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(place.max(1) - 1).map_or(f64::NAN, |latency| *latency as f64)
    };
    Latencies { p50: at(0.5), p99: at(0.99), max: at(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_around_a_swap_if_it_was_under_way_in_it() {
        let windows = [Window { begin: 100, end: 200 }, Window { begin: 300, end: 400 }];
        for (sent, latency, around) in [
            (0, 99, false),
            (0, 100, true),
            (150, 1, true),
            (200, 1, true),
            (201, 98, false),
            (201, 99, true),
            (401, 1, false),
        ] {
            let (inside, outside) = split(&[Request { sent, latency }], &windows);
            assert_eq!((inside.max.is_nan(), outside.max.is_nan()), (!around, around), "{sent} {latency}");
        }
    }

    #[test]
    fn quantiles_are_measured_values() {
        let requests: Vec<_> = (1..=200).map(|latency| Request { sent: 0, latency }).collect();
        let Latencies { p50, p99, max } = latencies(&requests);
        assert_eq!([p50, p99, max].map(|value| value as u64), [100, 198, 200]);
    }
}
