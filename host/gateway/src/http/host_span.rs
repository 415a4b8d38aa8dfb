//! The span of a request that the host answers by itself. One that comes to a service has its span from the channel, and so has one
//! that is refused on the way to a service.

use http::Response;
use patchbay_control::{Begun, Control, HostAnswer, Routing};
use patchbay_model::trace::TRACED;
use patchbay_model::{CallId, FaultKind, Principal};
use tokio::time::Instant;

use super::access::cache_status;
use crate::problem::{Faulted, entry_of};

/// A request that is under way, and its span, unless somebody else tells of it. If nobody says how it was answered when it is
/// dropped, its caller went away.
pub(super) struct HostSpan<'a> {
    control: &'a Control,
    begun: Begun,
    arrived: Instant,
    came_in: Option<Routing>,
    caller: Principal,
    /// Whether its end is told elsewhere, or not at all.
    left: bool,
}

impl<'a> HostSpan<'a> {
    /// A request came.
    pub(super) fn begin(control: &'a Control, begun: Begun, arrived: Instant) -> Self {
        Self { control, begun, arrived, came_in: None, caller: Principal::Outside, left: !TRACED }
    }

    /// Names the call.
    pub(super) const fn id(&self) -> CallId {
        self.begun.id
    }

    /// The request as control knows it.
    pub(super) const fn begun(&self) -> &Begun {
        &self.begun
    }

    /// It comes in by this route.
    pub(super) fn comes_in_by(&mut self, routing: &Routing) {
        self.came_in = TRACED.then(|| routing.clone());
    }

    /// It comes from this one.
    pub(super) fn comes_from(&mut self, caller: &Principal) {
        self.caller = caller.clone();
    }

    /// What comes of it on the way to its service is told by the channel. Where its route leads to none, nobody does.
    pub(super) fn goes_to_service(&mut self) {
        self.left |= self.came_in.as_ref().is_some_and(|came_in| came_in.service().is_some());
    }

    /// It is refused because the host is saturated, and then nobody keeps busy with telling of it.
    pub(super) const fn shed(&mut self) {
        self.left = true;
    }

    /// It is answered with this.
    pub(super) fn answered<B>(mut self, reply: &Response<B>) {
        let fault = reply.extensions().get::<Faulted>().map(|faulted| faulted.kind);
        self.end(Some(reply.status().as_u16()), fault, cache_status(reply).and_then(|status| status.to_str().ok()));
    }

    fn end(&mut self, status: Option<u16>, fault: Option<FaultKind>, cache: Option<&str>) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        let came_in = self.came_in.as_ref();
        let answer = HostAnswer {
            arrived: self.arrived,
            route: came_in.map(|came_in| &came_in.policy().route),
            service: came_in.and_then(Routing::service),
            caller: &self.caller,
            status,
            fault: fault.map(|kind| (kind, entry_of(kind).title)),
            cache,
        };
        self.control.answered(&self.begun, &answer);
    }
}

impl Drop for HostSpan<'_> {
    fn drop(&mut self) {
        self.end(None, None, None);
    }
}
