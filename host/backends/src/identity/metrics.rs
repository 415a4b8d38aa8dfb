//! What happened to credentials, as metrics.

use patchbay_model::metrics::{Collected, Counter, Family};

use super::refusal::AuthCounts;

static VERIFIED: Family<Counter, 0> =
    Family::new("patchbay_auth_verified_credentials", "Credentials that proved somebody.", []);
static REMEMBERED: Family<Counter, 0> = Family::new(
    "patchbay_auth_remembered_credentials",
    "Credentials that proved somebody and whose signature was verified at an earlier call.",
    [],
);
static REFUSED: Family<Counter, 1> =
    Family::new("patchbay_auth_refused_credentials", "Credentials that proved nothing, by the reason.", ["reason"]);
static FETCHES: Family<Counter, 0> =
    Family::new("patchbay_auth_key_fetches", "Times that keys of issuers were fetched.", []);
static FETCH_FAILURES: Family<Counter, 0> =
    Family::new("patchbay_auth_key_fetch_failures", "Times that keys of issuers could not be fetched.", []);

/// Tells the counts; those of a host that knows nobody have none.
pub fn collect(counts: Option<&AuthCounts>, into: &mut Collected) {
    for counter in [&VERIFIED, &REMEMBERED, &FETCHES, &FETCH_FAILURES] {
        into.declare(counter);
    }
    into.declare(&REFUSED);
    let Some(counts) = counts else { return };
    into.add(&VERIFIED, [], counts.verified);
    into.add(&REMEMBERED, [], counts.remembered);
    into.add(&FETCHES, [], counts.fetches);
    into.add(&FETCH_FAILURES, [], counts.fetch_failures);
    for (reason, count) in &counts.refused {
        into.add(&REFUSED, [*reason], *count);
    }
}
