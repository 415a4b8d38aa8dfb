//! Mirroring: a share of the requests of a service, sent once more to somebody whose answers nobody gets, and a comparison of
//! what both answered.
//!
//! Its caller never waits for it. A request is mirrored when its own answer is out, so that both never compete; what is kept
//! of it until then are references to the pieces of its body as they stream by, up to a bound. Only so many are mirrored at a
//! time, each has a deadline, and what is beyond is left out and counted.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use patchbay_channel::{Arrival, HttpPayload, chance};
use patchbay_model::policy::Priority;
use patchbay_model::trace::NewSpan;
use patchbay_model::traffic::{MirrorSettings, TrafficShare};
use patchbay_model::{Body, CallId, Fault, Reply, ServiceName, full_body};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use crate::control::Control;
use crate::revision::LiveRevision;
use crate::snapshot::ServiceEntry;

mod answer;
mod tally;
mod target;

pub use tally::{MirrorSample, MirrorView, MirroredAnswer};

use answer::Answer;
use tally::Tally;
use target::{CandidateTarget, Watched};

/// Marks a mirrored request for the service that gets it. What a client or a service sends in it is taken out.
pub const MIRROR_HEADER: HeaderName = HeaderName::from_static("patchbay-mirror");

/// Names the call, in the request that a service gets.
const CALL_HEADER: HeaderName = HeaderName::from_static("patchbay-call");

/// Where requests are mirrored to, and what came of it.
pub(crate) struct Mirror {
    settings: MirrorSettings,
    share: TrafficShare,
    to: To,
    places: Arc<Semaphore>,
    tally: Tally,
}

/// Who gets mirrored requests.
enum To {
    Candidate(Box<CandidateTarget>),
    Service(ServiceName),
}

/// A live request that is going to be mirrored.
pub(crate) struct Mirrored(oneshot::Sender<Answer>);

impl Mirror {
    /// What the settings of a revision say; `None` if they say that nothing is mirrored.
    pub(crate) fn of_settings(settings: &MirrorSettings) -> Option<Arc<Self>> {
        let to = settings.to.clone().filter(|_| !settings.share.is_none())?;
        Some(Arc::new(Self::new(settings.clone(), settings.share, To::Service(to))))
    }

    /// A mirror of a share of requests to a candidate.
    pub(crate) fn to_candidate(live: &Arc<LiveRevision>, share: TrafficShare) -> Arc<Self> {
        let settings = live.ready.record.settings.mirror.clone();
        let target = CandidateTarget::new(Arc::clone(live), settings.timeout);
        Arc::new(Self::new(settings, share, To::Candidate(Box::new(target))))
    }

    fn new(settings: MirrorSettings, share: TrafficShare, to: To) -> Self {
        let places = Arc::new(Semaphore::new(settings.concurrency as usize));
        Self { settings, share, to, places, tally: Tally::default() }
    }

    /// What came of it.
    pub(crate) fn view(&self) -> MirrorView {
        let to = match &self.to {
            To::Candidate(target) => target.id().to_string(),
            To::Service(name) => name.to_string(),
        };
        self.tally.view(to, self.share)
    }

    /// Asks whoever gets mirrored requests.
    async fn ask(&self, control: &Control, arrival: Arrival, request: Box<Request<Body>>) -> Result<Reply, Fault> {
        let payload = HttpPayload::new(request);
        match &self.to {
            To::Candidate(target) => {
                patchbay_channel::call(
                    &Watched { target, shedder: control.shedder(), tracer: &control.tracer },
                    &arrival,
                    payload,
                )
                .await
            }
            To::Service(name) => {
                let entry = control.snapshot.load().service(name).cloned();
                let entry = entry.ok_or_else(|| {
                    Fault::new(patchbay_model::FaultKind::NotFound, "the service to mirror to is not there")
                })?;
                let arrival = Arrival { deadline: Some(arrival.arrived + self.settings.timeout), ..arrival };
                patchbay_channel::call(&control.routed(entry.lend()), &arrival, payload).await
            }
        }
    }
}

impl Mirrored {
    /// Notes the answer to the live request as it goes by.
    pub(crate) fn answered(self, reply: Result<Reply, Fault>, max_body: u64) -> Result<Reply, Fault> {
        let Self(tell) = self;
        match reply {
            Ok(reply) => {
                let status = reply.status().as_u16();
                let told = move |body| {
                    // Who mirrors may have given up.
                    let _ = tell.send(Answer::Status(status, body));
                };
                Ok(reply.map(|body| body.overheard(max_body, told)))
            }
            Err(fault) => {
                let _ = tell.send(Answer::Fault(fault.kind()));
                Err(fault)
            }
        }
    }
}

impl Control {
    /// Has a request mirrored, if it is one of those that are. The body of the request is followed from now on; the answer
    /// has to be shown to what comes back.
    pub(crate) fn mirror(
        &self,
        entry: &ServiceEntry,
        arrival: &Arrival,
        mut request: Box<Request<Body>>,
    ) -> (Box<Request<Body>>, Option<(Mirrored, u64)>) {
        let of_candidate = entry.candidate.as_ref().and_then(|candidate| candidate.mirror());
        let Some(mirror) = of_candidate.or_else(|| entry.active.as_ref()?.mirror.as_ref()) else {
            return (request, None);
        };
        if !mirror.share.takes(chance(self.ports.run ^ arrival.id.number(), 2)) {
            return (request, None);
        }
        let max_body = mirror.settings.max_body;
        let place = Arc::clone(&mirror.places).try_acquire_owned();
        let (Some(control), Ok(place)) = (self.this.upgrade(), place) else {
            mirror.tally.left_out();
            return (request, None);
        };
        let (tell_body, body) = oneshot::channel();
        let (tell_answer, answer) = oneshot::channel();
        let live = Live { id: arrival.id, head: head_of(&request), body, answer, place };
        let again = repeated(arrival, self.new_call(), self.tracer.repeat(&arrival.trace));
        let unheard = std::mem::take(request.body_mut());
        *request.body_mut() = unheard.overheard(max_body, move |body| {
            let _ = tell_body.send(body);
        });
        let mirror = Arc::clone(mirror);
        let stopping = self.stopping.clone();
        tokio::spawn(async move {
            stopping.run_until_cancelled(live.repeat(&mirror, &control, again)).await;
        });
        (request, Some((Mirrored(tell_answer), max_body)))
    }
}

/// A live request, and what becomes of it.
struct Live {
    id: CallId,
    head: Parts,
    /// Its body, once all of it went by; `None` if it is larger than what is kept.
    body: oneshot::Receiver<Option<bytes::Bytes>>,
    answer: oneshot::Receiver<Answer>,
    place: OwnedSemaphorePermit,
}

impl Live {
    /// Sends the request once more when its answer is out, and compares.
    async fn repeat(self, mirror: &Mirror, control: &Control, arrival: Arrival) {
        let Self { id, mut head, body, answer, place: _place } = self;
        // Neither comes if the caller goes away, if the service did not read the body to its end, or if that is too large.
        let (Ok(Some(body)), Ok(live)) = (body.await, answer.await) else { return mirror.tally.left_out() };
        let arrival = Arrival { arrived: Instant::now(), ..arrival };
        let mirrored = arrival.id;
        // Nobody waits for it, so everybody else comes first.
        if control.shedder.admit(Priority::Low, mirrored.number()).is_err() {
            return mirror.tally.left_out();
        }
        arrival.trace.write(&mut head.headers);
        head.headers.insert(MIRROR_HEADER, HeaderValue::from_static("true"));
        if let Ok(call) = HeaderValue::from_bytes(&mirrored.digits()) {
            head.headers.insert(CALL_HEADER, call);
        }
        let (method, path) = (head.method.clone(), head.uri.path().to_owned());
        let request = Box::new(Request::from_parts(head, full_body(body)));
        let answer = match mirror.ask(control, arrival, request).await {
            Ok(reply) => Answer::read(reply, mirror.settings.max_body).await,
            Err(fault) => Answer::Fault(fault.kind()),
        };
        mirror.tally.compare(&live, &answer, mirror.settings.show_bodies, || MirrorSample {
            call: id,
            mirrored_call: mirrored,
            method,
            path,
            live: MirroredAnswer::default(),
            mirrored: MirroredAnswer::default(),
        });
    }
}

/// The head of a request once more, without what belongs to its connection.
fn head_of(request: &Request<Body>) -> Parts {
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = request.method().clone();
    head.uri = request.uri().clone();
    head.version = request.version();
    head.headers = request.headers().clone();
    head
}

/// The arrival of the same call by another name.
fn repeated(arrival: &Arrival, id: CallId, span: NewSpan) -> Arrival {
    Arrival {
        id,
        parent: arrival.parent,
        hops: arrival.hops,
        caller: arrival.caller.clone(),
        arrived: arrival.arrived,
        deadline: None,
        stands_in: false,
        idempotency_key: arrival.idempotency_key.clone(),
        cause: arrival.cause.clone(),
        trace: span.context,
        origin: span.origin,
        user: arrival.user.clone(),
        address: arrival.address,
        visitor: arrival.visitor,
    }
}

#[cfg(test)]
mod tests;
