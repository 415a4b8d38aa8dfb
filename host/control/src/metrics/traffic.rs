//! Revisions beside each other: those that serve, those that are tried, and what is mirrored.

use patchbay_model::metrics::{Collected, Counter, Family, Gauge, Unit};

use crate::canary;
use crate::mirror::MirrorView;
use crate::revision::LiveRevision;
use crate::snapshot::Snapshot;

static CALLS: Family<Counter, 2> = Family::new(
    "patchbay_revision_calls",
    "Calls that ended on a revision since it was activated.",
    ["service", "revision"],
);
static ERRORS: Family<Counter, 2> = Family::new(
    "patchbay_revision_errors",
    "Calls that broke the revision, or that it answered with an HTTP status of 500 or more, since it was activated.",
    ["service", "revision"],
);
static ACTIVE: Family<Gauge, 2> =
    Family::new("patchbay_revision_active_calls", "Calls that are on a revision.", ["service", "revision"]);
static SHARE: Family<Gauge, 2> = Family::new(
    "patchbay_canary_share_ratio",
    "The share of calls that a canary gives its candidate now.",
    ["service", "revision"],
)
.unit(Unit::Ratio);
static STEP: Family<Gauge, 2> =
    Family::new("patchbay_canary_step", "The step that a canary is in, counted from 0.", ["service", "revision"]);
static CANARY_ERRORS: Family<Gauge, 2> = Family::new(
    "patchbay_canary_errors",
    "The errors that a canary has cost its callers since it began.",
    ["service", "revision"],
);
static MIRRORED: Family<Counter, 3> = Family::new(
    "patchbay_mirror_requests",
    "Requests in the mirrored share, by how the answers compare: same, status-differs, body-differs, uncompared, or \
     left-out, which were not mirrored.",
    ["service", "to", "result"],
);

pub(super) fn collect(snapshot: &Snapshot, into: &mut Collected) {
    for counter in [&CALLS, &ERRORS] {
        into.declare(counter);
    }
    for gauge in [&ACTIVE, &SHARE, &STEP, &CANARY_ERRORS] {
        into.declare(gauge);
    }
    into.declare(&MIRRORED);
    for entry in snapshot.services() {
        let service = entry.name.as_str();
        let candidate = entry.candidate.as_ref().map(|candidate| candidate.live());
        for live in entry.active.iter().chain(candidate) {
            revision(service, live, into);
        }
        if let Some(canary) = canary::view(entry) {
            let revision = canary.revision.number.to_string();
            into.add(&SHARE, [service, &revision], canary.share.fraction());
            into.add(&STEP, [service, &revision], canary.step);
            into.add(&CANARY_ERRORS, [service, &revision], canary.errors);
            if let Some(view) = &canary.mirror {
                mirror(service, view, into);
            }
        }
        if let Some(own) = entry.active.as_ref().and_then(|active| active.mirror.as_ref()) {
            mirror(service, &own.view(), into);
        }
    }
}

fn revision(service: &str, live: &LiveRevision, into: &mut Collected) {
    let (revision, reading) = (live.id.number.to_string(), live.breaker.observed().read());
    into.add(&CALLS, [service, &revision], reading.calls());
    into.add(&ERRORS, [service, &revision], reading.errors);
    into.add(&ACTIVE, [service, &revision], live.n_calls());
}

fn mirror(service: &str, view: &MirrorView, into: &mut Collected) {
    for (result, count) in [
        ("same", view.same),
        ("status-differs", view.status_differs),
        ("body-differs", view.body_differs),
        ("uncompared", view.uncompared),
        ("left-out", view.left_out),
    ] {
        into.add(&MIRRORED, [service, &view.to, result], count);
    }
}
