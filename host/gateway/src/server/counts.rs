//! Connections of a listener, as numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_model::metrics::{Collected, Counter, Family, Gauge};

use super::addresses::TooMuch;

static OPEN: Family<Gauge, 1> =
    Family::new("patchbay_listener_connections", "Connections of a listener, http or admin.", ["listener"]);
static ACCEPTED: Family<Counter, 1> =
    Family::new("patchbay_listener_accepted_connections", "Connections that a listener took.", ["listener"]);
static REFUSED: Family<Counter, 2> = Family::new(
    "patchbay_listener_refused_connections",
    "Connections that were closed at once, by the limit that was reached.",
    ["listener", "limit"],
);

/// What is counted of connections.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounts {
    open: AtomicU64,
    accepted: AtomicU64,
    /// There were as many as there may be in all.
    full: AtomicU64,
    /// There were as many of one address as there may be.
    address_full: AtomicU64,
    /// They came faster from one address than they may.
    address_fast: AtomicU64,
}

/// A connection that is open, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<ConnectionCounts>);

impl ConnectionCounts {
    /// A connection is taken.
    pub(super) fn accepted(self: &Arc<Self>) -> OpenConnection {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// One was refused because there are as many as there may be.
    pub(super) fn full(&self) {
        self.full.fetch_add(1, Ordering::Relaxed);
    }

    /// One was refused because its client has too much.
    pub(super) fn too_much(&self, too_much: TooMuch) {
        let count = match too_much {
            TooMuch::Connections => &self.address_full,
            TooMuch::Rate => &self.address_fast,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells the counts of a listener.
pub(crate) fn collect(listener: &str, counts: &ConnectionCounts, into: &mut Collected) {
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    into.add(&OPEN, [listener], read(&counts.open));
    into.add(&ACCEPTED, [listener], read(&counts.accepted));
    for (limit, count) in [
        ("max_connections", &counts.full),
        ("max_connections_per_address", &counts.address_full),
        ("connection_rate_per_address", &counts.address_fast),
    ] {
        into.add(&REFUSED, [listener, limit], read(count));
    }
}
