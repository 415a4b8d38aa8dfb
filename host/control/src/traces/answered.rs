//! The spans of requests that the host answers by itself, and that come to no service: no route fits, the one that they come in by
//! leads to none, or what stands before the service knows the answer.

use std::borrow::Cow;
use std::time::Duration;

use patchbay_model::trace::{Attribute, SpanEvent, SpanFault, SpanKind, SpanRecord};
use patchbay_model::{FaultKind, Principal, Route, ServiceName};
use tokio::time::Instant;

use super::Begun;
use crate::control::Control;

/// How the host answered a request by itself.
#[derive(Debug, Clone, Copy)]
pub struct HostAnswer<'a> {
    /// When the request came.
    pub arrived: Instant,
    /// The route that it came in by, if one fits.
    pub route: Option<&'a Route>,
    /// The service that the route leads to, if it leads to one. It was not asked.
    pub service: Option<&'a ServiceName>,
    /// Who it comes from, as far as that was found out.
    pub caller: &'a Principal,
    /// The status of the reply; none if the caller went away before there was one.
    pub status: Option<u16>,
    /// The fault that the reply tells of, if it does, in words that the caller reads.
    pub fault: Option<(FaultKind, &'static str)>,
    /// What a cache did, by the names of RFC 9211, where one has to do with the answer.
    pub cache: Option<&'a str>,
}

impl Control {
    /// Records the span of a request that the host answered by itself, if it is wanted. Only what is the fault of the host, a
    /// status of 500 or more, is a failure that is recorded in any case.
    pub fn answered(&self, begun: &Begun, answer: &HostAnswer<'_>) {
        let failed = answer.status.is_some_and(|status| status >= 500);
        if !self.tracer.wants(&begun.span.context, failed) {
            return;
        }
        let (start, duration) = self.tracer.since(answer.arrived);
        let subject = begun.subject.span_subject(answer.route, answer.status);
        self.tracer.record(SpanRecord {
            context: begun.span.context.clone(),
            origin: begun.span.origin.clone(),
            kind: SpanKind::Server,
            name: subject.name(),
            start,
            duration,
            service: answer.service.cloned(),
            revision: None,
            call: Some(begun.id),
            caller: Some(answer.caller.clone()),
            attempts: 0,
            queued: Duration::ZERO,
            fault: answer.span_fault(),
            subject,
            events: answer.cached(duration).into_iter().collect(),
            own: Vec::new(),
        });
    }
}

impl HostAnswer<'_> {
    fn span_fault(&self) -> Option<SpanFault> {
        let Some(status) = self.status else { return Some(SpanFault::cancelled()) };
        let (kind, message) = match self.fault {
            Some((kind, words)) => (Cow::Borrowed(kind.name()), words.to_owned()),
            None if status < 500 => return None,
            None => (Cow::Owned(status.to_string()), format!("the host answered with status {status}")),
        };
        Some(SpanFault { kind, message, details: None })
    }

    /// What a cache did, which was over when the answer was there.
    fn cached(&self, after: Duration) -> Option<SpanEvent> {
        let status = Attribute::text("patchbay.cache.status", self.cache?.to_owned());
        Some(SpanEvent { name: Cow::Borrowed("patchbay.cache"), after, attributes: vec![status] })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Request;
    use patchbay_model::empty_body;
    use patchbay_model::trace::{SpanSubject, TraceSettings};
    use patchbay_model::traffic::TrafficShare;

    use super::*;
    use crate::fakes::Bench;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    /// What is recorded of an answer, of a request with these flags, by a host that samples nothing by itself.
    fn recorded(flags: &str, status: Option<u16>, fault: Option<FaultKind>) -> Option<Arc<SpanRecord>> {
        let bench = Bench::new();
        let settings = TraceSettings { sample: TrafficShare::NONE, at_least: None, ..TraceSettings::default() };
        bench.control.set_traces(&settings);
        let parent = format!("00-{TRACE}-b7ad6b7169203331-{flags}");
        let request = Request::get("/x/y?secret=1").header("traceparent", parent).body(empty_body()).unwrap();
        let begun = bench.control.begin(&request, false);
        let answer = HostAnswer {
            arrived: Instant::now(),
            route: Some(&"/x/*".parse().unwrap()),
            service: None,
            caller: &Principal::Outside,
            status,
            fault: fault.map(|kind| (kind, "in words")),
            cache: Some("patchbay; hit"),
        };
        bench.control.answered(&begun, &answer);
        let spans = bench.control.trace(TRACE.parse().unwrap());
        assert!(spans.len() <= 1, "{spans:?}");
        spans.into_iter().next()
    }

    #[tokio::test]
    async fn what_is_sampled_is_recorded_and_what_is_not_only_where_the_host_failed() {
        use FaultKind::{Internal, NotFound, RateLimited, Unauthenticated};
        for (status, fault, failed, told) in [
            (Some(200), None, false, None),
            (Some(404), Some(NotFound), false, Some("not-found")),
            (Some(401), Some(Unauthenticated), false, Some("unauthenticated")),
            (Some(429), Some(RateLimited), false, Some("rate-limited")),
            (Some(409), None, false, None),
            (Some(500), Some(Internal), true, Some("internal")),
            (Some(503), None, true, Some("503")),
            (None, None, false, Some("cancelled")),
        ] {
            let span = recorded("01", status, fault).unwrap();
            assert_eq!(span.fault.as_ref().map(|fault| &*fault.kind), told, "{status:?}");
            assert_eq!(recorded("00", status, fault).is_some(), failed, "{status:?}");
        }
    }

    #[tokio::test]
    async fn the_span_says_what_the_request_was_and_that_no_service_got_it() {
        let span = recorded("01", Some(404), Some(FaultKind::NotFound)).unwrap();
        let (route, path) = (Some("/x/*".to_owned()), "/x/y".to_owned());
        let subject = SpanSubject::Request { method: http::Method::GET, secure: false, path, route, status: Some(404) };
        assert_eq!((span.name.as_str(), &span.subject, span.kind), ("GET /x/*", &subject, SpanKind::Server));
        assert_eq!((&span.service, span.revision, span.attempts), (&None, None, 0));
        assert!(span.origin.parent().is_some() && span.call.is_some());
        assert_eq!((&*span.events[0].name, span.events.len()), ("patchbay.cache", 1));
        assert_eq!(span.fault.as_ref().map(|fault| fault.message.as_str()), Some("in words"));
    }
}
