//! The order of the policies, pinned with an instance that does what the test says, under a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use patchbay_model::policy::BreakerSettings;
use patchbay_model::ports::{BoxFuture, InstanceCount, NoSpans, Prepared};
use patchbay_model::{
    Body, BodyError, Call, CallId, Limits, Principal, Reply, RevisionNumber, ServiceName, Settings, TypedCall,
    empty_body, full_body,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::breaker::Breaker;
use crate::shed::{Level, Shedder};
use crate::standing::{LinkStanding, Standing};
use crate::target::{LinkPolicy, RoutePolicy, StandIn};
use crate::tracer::Tracer;
use crate::{HttpPayload, TypedPayload};

mod load;
mod measured;
mod policies;
mod routes;
mod spans;

/// What the instance does with a call.
#[derive(Clone, Copy)]
enum Behaviour {
    Answer,
    AnswerAfter(Duration),
    ReadAll,
    Crash,
    CrashInBody,
    NeverEnd {
        sends: bool,
    },
    /// The head comes at once, and the body so much later, if the call has so much time.
    SlowBody(Duration),
    /// So many of its first calls break off.
    CrashFirst(usize),
    /// So many of its first calls find no instance.
    NoInstanceFirst(usize),
    /// The first call takes so long.
    SlowFirst(Duration),
}

impl Behaviour {
    /// What becomes of a call that comes after `before` others, if the behaviour says so.
    async fn first(self, before: usize) -> Result<(), Fault> {
        match self {
            Self::Crash => Err(Fault::new(FaultKind::Trapped, "it broke off")),
            Self::CrashFirst(n) if before < n => Err(Fault::new(FaultKind::Trapped, "it broke off")),
            Self::NoInstanceFirst(n) if before < n => {
                Err(Fault::new(FaultKind::Unavailable, "no instance").unprocessed())
            }
            Self::SlowFirst(time) if before == 0 => {
                sleep(time).await;
                Ok(())
            }
            Self::AnswerAfter(time) => {
                sleep(time).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

struct Instance {
    behaviour: Behaviour,
    calls: AtomicUsize,
}

impl Prepared for Instance {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let body = match self.behaviour {
                Behaviour::Answer => full_body("done"),
                Behaviour::AnswerAfter(delay) => {
                    sleep(delay).await;
                    full_body("done")
                }
                Behaviour::ReadAll => match call.request.into_body().collect().await {
                    Ok(_) => full_body("done"),
                    Err(error) => {
                        return Err(Fault::new(FaultKind::Trapped, "tripped").with_details(error));
                    }
                },
                Behaviour::Crash => return Err(Fault::new(FaultKind::Trapped, "it broke off")),
                Behaviour::CrashInBody => Body::new(Crashing),
                Behaviour::NeverEnd { sends } => Body::new(Endless { sends }),
                Behaviour::SlowBody(time) => {
                    let ends = Instant::from_std(call.context.deadline).min(Instant::now() + time);
                    Body::new(Slow {
                        sleep: Some(Box::pin(tokio::time::sleep_until(ends))),
                        whole: ends == Instant::now() + time,
                    })
                }
                Behaviour::CrashFirst(_) | Behaviour::NoInstanceFirst(_) | Behaviour::SlowFirst(_) => {
                    self.behaviour.first(before).await?;
                    full_body("done")
                }
            };
            Ok(Reply::new(body))
        })
    }

    /// Answers with the number of the attempt.
    fn invoke<'a>(&'a self, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            assert_eq!(call.arguments, "1", "each attempt has the arguments");
            self.behaviour.first(before).await?;
            Ok(Bytes::from(call.context.attempt.to_string()))
        })
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn cool(&self) {}

    fn instances(&self) -> InstanceCount {
        InstanceCount::default()
    }
}

/// A body that does not end: it sends nothing, or without pause.
struct Endless {
    sends: bool,
}

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        match self.sends {
            true => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(bytes::Bytes::from_static(b"x"))))),
            false => std::task::Poll::Pending,
        }
    }
}

/// A body that comes late, or breaks off where its writer has no time for all of it.
struct Slow {
    /// Until it comes; absent once it has.
    sleep: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
    whole: bool,
}

impl http_body::Body for Slow {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        let Some(sleep) = &mut self.sleep else { return std::task::Poll::Ready(None) };
        std::task::ready!(sleep.as_mut().poll(cx));
        self.sleep = None;
        std::task::Poll::Ready(Some(match self.whole {
            true => Ok(http_body::Frame::data(bytes::Bytes::from_static(b"done"))),
            false => Err(BodyError::Deadline),
        }))
    }
}

/// A body whose writer is lost.
struct Crashing;

impl http_body::Body for Crashing {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        let fault = Fault::new(FaultKind::Trapped, "it broke off");
        std::task::Poll::Ready(Some(Err(BodyError::Lost(fault))))
    }
}

struct Service {
    name: ServiceName,
    settings: Settings,
    standing: Standing,
    shedder: Shedder,
    tracer: Tracer,
    instance: Arc<Instance>,
    lease: Arc<()>,
    breaker: Arc<Breaker>,
    cut: CancellationToken,
    link: Option<LinkPolicy>,
    route: Option<RoutePolicy>,
    stand_in: Option<StandIn>,
    other: Option<Arc<Service>>,
}

impl Service {
    fn new(behaviour: Behaviour) -> Self {
        let limits = Limits {
            timeout: Duration::from_secs(10),
            concurrency: 1,
            queue: 4,
            queue_wait: Duration::from_secs(1),
            request_body: 4,
            response_body: 4,
            ..Limits::default()
        };
        let breaker = BreakerSettings { failures: 2, ..BreakerSettings::default() };
        Self::with(behaviour, Settings { limits, breaker, ..Settings::default() })
    }

    fn with(behaviour: Behaviour, settings: Settings) -> Self {
        Self {
            name: "orders".parse().unwrap(),
            standing: Standing::new(&settings),
            shedder: Shedder::default(),
            tracer: spans::tracer(Arc::new(NoSpans)),
            breaker: Breaker::new(&settings.breaker, 0, |_| {}),
            settings,
            instance: Arc::new(Instance { behaviour, calls: AtomicUsize::new(0) }),
            lease: Arc::default(),
            cut: CancellationToken::new(),
            link: None,
            route: None,
            stand_in: None,
            other: None,
        }
    }

    fn n_leases(&self) -> usize {
        Arc::strong_count(&self.lease) - 1
    }

    fn n_calls(&self) -> usize {
        self.instance.calls.load(Ordering::Relaxed)
    }

    async fn call(&self, body: Body) -> Result<Reply, Fault> {
        let arrival = Arrival::from_outside(CallId::new(1), Principal::Outside, self.tracer.follow(None));
        call(&self, &arrival, HttpPayload::new(Request::new(body))).await
    }

    async fn call_function(&self, caller: Principal) -> Result<Bytes, Fault> {
        let arrival = Arrival::from_outside(CallId::new(1), caller, self.tracer.follow(None));
        let function = Arc::new("a:b/c@1.0.0.f".parse().unwrap());
        call(&self, &arrival, TypedPayload::new(&function, Bytes::from_static(b"1"))).await
    }
}

struct Kept {
    instance: Arc<Instance>,
    _lease: Arc<()>,
    breaker: Arc<Breaker>,
    cut: CancellationToken,
}

impl Lease for Kept {
    fn prepared(&self) -> &dyn Prepared {
        &*self.instance
    }

    fn revision(&self) -> Option<RevisionNumber> {
        RevisionNumber::new(3)
    }

    fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    fn cut(&self) -> &CancellationToken {
        &self.cut
    }
}

impl Target for &Service {
    type Lease = Kept;

    fn name(&self) -> &ServiceName {
        &self.name
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn strict(&self) -> bool {
        false
    }

    fn shedder(&self) -> &Shedder {
        &self.shedder
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    fn standing(&self) -> &Standing {
        &self.standing
    }

    fn link(&self) -> Option<&LinkPolicy> {
        self.link.as_ref()
    }

    fn route(&self) -> Option<&RoutePolicy> {
        self.route.as_ref()
    }

    fn stand_in(&self) -> Option<&StandIn> {
        self.stand_in.as_ref()
    }

    fn instead(&self) -> Option<Self> {
        self.other.as_deref()
    }

    fn choose(&self, _: &Arrival, _: Sought<'_>) -> Result<Kept, Fault> {
        Ok(Kept {
            instance: Arc::clone(&self.instance),
            _lease: Arc::clone(&self.lease),
            breaker: Arc::clone(&self.breaker),
            cut: self.cut.clone(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_holds_its_place_and_its_revision_until_the_body_ends() {
    let service = Service::new(Behaviour::Answer);
    let reply = service.call(empty_body()).await.unwrap();
    assert_eq!((service.n_leases(), service.standing.bulkhead().occupancy().calls), (1, 1));
    assert_eq!(service.call(empty_body()).await.unwrap_err().kind(), FaultKind::Overloaded);
    assert_eq!(reply.into_body().collect().await.unwrap().to_bytes(), "done");
    assert_eq!((service.n_leases(), service.standing.bulkhead().occupancy().calls), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_answer_and_frees_the_place() {
    let service = Service::new(Behaviour::AnswerAfter(Duration::from_secs(11)));
    let begun = Instant::now();
    assert_eq!(service.call(empty_body()).await.unwrap_err().kind(), FaultKind::Deadline);
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert_eq!((service.n_leases(), service.standing.bulkhead().occupancy().calls), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_body() {
    let service = Service::new(Behaviour::NeverEnd { sends: false });
    let begun = Instant::now();
    let body = service.call(empty_body()).await.unwrap().into_body();
    assert!(matches!(body.collect().await, Err(BodyError::Deadline)));
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert_eq!((service.n_leases(), service.standing.bulkhead().occupancy().calls), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_body_that_never_pauses() {
    let service = Service::new(Behaviour::NeverEnd { sends: true });
    let mut body = service.call(empty_body()).await.unwrap().into_body();
    assert!(body.frame().await.unwrap().is_ok());
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(matches!(body.frame().await, Some(Err(BodyError::Deadline))));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_never_reaches_an_instance() {
    let service = Service::new(Behaviour::ReadAll);
    assert_eq!(service.call(full_body("12345")).await.unwrap_err().kind(), FaultKind::TooLarge);
    assert_eq!(service.n_calls(), 0);
    assert!(service.call(full_body("1234")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_cut_ends_its_calls() {
    let service = Service::new(Behaviour::AnswerAfter(Duration::from_secs(5)));
    let cut = service.cut.clone();
    let (outcome, ()) = tokio::join!(service.call(empty_body()), async move {
        sleep(Duration::from_secs(2)).await;
        cut.cancel();
    });
    assert_eq!(outcome.unwrap_err().kind(), FaultKind::Deadline);

    let service = Service::new(Behaviour::NeverEnd { sends: false });
    let body = service.call(empty_body()).await.unwrap().into_body();
    service.cut.cancel();
    assert!(matches!(body.collect().await, Err(BodyError::Aborted(_))));
    assert_eq!(service.n_leases(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_too_large_is_refused_or_broken_off() {
    let mut service = Service::new(Behaviour::Answer);
    service.settings.limits.response_body = 3;
    let fault = service.call(empty_body()).await.unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Exhausted);
    assert!(fault.details().unwrap().contains("`response_body` allows 3B"), "{fault}");
    assert_eq!((service.n_leases(), service.standing.bulkhead().occupancy().calls), (0, 0));

    let service = Service::new(Behaviour::NeverEnd { sends: true });
    let mut body = service.call(empty_body()).await.unwrap().into_body();
    for _ in 0..4 {
        assert!(body.frame().await.unwrap().is_ok());
    }
    assert!(matches!(body.frame().await, Some(Err(BodyError::TooLarge { limit: 4 }))));
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_keeps_failing_is_left_alone_and_its_calls_hold_nothing() {
    for behaviour in [Behaviour::Crash, Behaviour::CrashInBody] {
        let service = Service::new(behaviour);
        for _ in 0..2 {
            match service.call(empty_body()).await {
                Ok(reply) => assert!(reply.into_body().collect().await.is_err()),
                Err(fault) => assert_eq!(fault.kind(), FaultKind::Trapped),
            }
        }
        let begun = Instant::now();
        let fault = service.call(empty_body()).await.unwrap_err();
        assert_eq!((fault.kind(), Instant::now()), (FaultKind::Unavailable, begun));
        assert_eq!(service.n_calls(), 2);
        assert_eq!((service.n_leases(), service.standing.bulkhead().occupancy().calls), (0, 0));
        sleep(fault.retry_after().unwrap()).await;
        assert_ne!(service.call(empty_body()).await.err().map(|fault| fault.kind()), Some(FaultKind::Unavailable));
    }
}
