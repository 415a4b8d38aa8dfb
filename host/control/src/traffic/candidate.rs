//! A second revision of a service that takes calls, beside the active one.

use std::sync::Arc;

use http::Request;
use patchbay_model::Body;

use super::{Facts, Side, Split, Visitor};
use crate::canary::Watch;
use crate::mirror::Mirror;
use crate::revision::{Lease, LiveRevision};

/// The candidate of a service in one step of its canary.
pub(crate) struct Candidate {
    /// The revision, and how it does.
    pub(crate) watch: Arc<Watch>,
    split: Split,
    /// The errors at which it gets no call any more, counted from when it came up.
    max_errors: u32,
    /// Where requests are mirrored to the candidate, in a step that mirrors.
    mirror: Option<Arc<Mirror>>,
}

impl Candidate {
    /// A candidate that gets calls as `split` says, until it has cost `max_errors` errors.
    pub(crate) fn new(watch: Arc<Watch>, split: Split, max_errors: u32, mirror: Option<Arc<Mirror>>) -> Self {
        Self { watch, split, max_errors, mirror }
    }

    /// What mirrors requests to it now.
    pub(crate) fn mirror(&self) -> Option<&Arc<Mirror>> {
        self.mirror.as_ref().filter(|_| !self.watch.is_halted())
    }

    /// The revision.
    pub(crate) fn live(&self) -> &Arc<LiveRevision> {
        &self.watch.live
    }

    /// The caller of a request from outside, if it is kept where it is by a cookie. `seed` is random, and another one for
    /// every call.
    pub(crate) fn visitor(&self, request: &Request<Body>, seed: u64) -> Option<Visitor> {
        Visitor::of(self.split.cookie(), request, seed)
    }

    /// Takes a call that is the candidate's, if it may have one; `number` is spread evenly over all numbers.
    ///
    /// As long as its errors are counted, no more calls are on it than errors are left: if all of them fail, the budget is
    /// used up and not exceeded. What it may not take goes to the stable revision.
    pub(crate) fn enter(&self, facts: Facts<'_>, number: u64) -> Option<Lease> {
        if self.split.side(facts, number) == Side::Stable || self.watch.is_halted() {
            return None;
        }
        let observed = self.live().breaker.observed();
        if !observed.enter(self.max_errors) {
            if observed.errors() >= self.max_errors {
                self.watch.alarm();
            }
            return None;
        }
        let lease = self.live().enter_counted();
        if lease.is_none() {
            observed.leave();
        }
        lease
    }
}
