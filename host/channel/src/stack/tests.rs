//! The order of the policies, pinned with an instance that does what the test says, under a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use patchbay_model::ports::{BoxFuture, InstanceCount};
use patchbay_model::{Body, BodyError, Call, Reply, empty_body, full_body};
use tokio::time::sleep;

use super::*;
use crate::HttpPayload;

/// What the instance does with a call.
#[derive(Clone, Copy)]
enum Behaviour {
    Answer,
    AnswerAfter(Duration),
    ReadAll,
    Crash,
    CrashInBody,
    NeverEnd { sends: bool },
}

struct Instance {
    behaviour: Behaviour,
    calls: AtomicUsize,
}

impl Prepared for Instance {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
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
            };
            Ok(Reply::new(body))
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
    limits: Limits,
    bulkhead: Bulkhead,
    instance: Arc<Instance>,
    lease: Arc<()>,
    quarantine: Arc<Quarantine>,
    cut: CancellationToken,
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
            quarantine_after: 2,
            ..Limits::default()
        };
        Self {
            name: "orders".parse().unwrap(),
            bulkhead: Bulkhead::new(&limits),
            quarantine: Quarantine::new(&limits, 0, |_| {}),
            limits,
            instance: Arc::new(Instance { behaviour, calls: AtomicUsize::new(0) }),
            lease: Arc::default(),
            cut: CancellationToken::new(),
        }
    }

    fn n_leases(&self) -> usize {
        Arc::strong_count(&self.lease) - 1
    }

    async fn call(&self, body: Body) -> Result<Reply, Fault> {
        let arrival = Arrival { id: CallId::new(1), parent: None, hops: 0, arrived: Instant::now(), deadline: None };
        call(self, arrival, HttpPayload::new(Request::new(body))).await
    }
}

impl Target for Service {
    type Lease = Arc<()>;

    fn name(&self) -> &ServiceName {
        &self.name
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }

    fn choose(&self) -> Result<Chosen<Arc<()>>, Fault> {
        Ok(Chosen {
            prepared: Arc::clone(&self.instance) as Arc<dyn Prepared>,
            lease: Arc::clone(&self.lease),
            quarantine: Arc::clone(&self.quarantine),
            cut: self.cut.clone(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_holds_its_place_and_its_revision_until_the_body_ends() {
    let service = Service::new(Behaviour::Answer);
    let reply = service.call(empty_body()).await.unwrap();
    assert_eq!((service.n_leases(), service.bulkhead.occupancy().calls), (1, 1));
    assert_eq!(service.call(empty_body()).await.unwrap_err().kind(), FaultKind::Overloaded);
    assert_eq!(reply.into_body().collect().await.unwrap().to_bytes(), "done");
    assert_eq!((service.n_leases(), service.bulkhead.occupancy().calls), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_answer_and_frees_the_place() {
    let service = Service::new(Behaviour::AnswerAfter(Duration::from_secs(11)));
    let begun = Instant::now();
    assert_eq!(service.call(empty_body()).await.unwrap_err().kind(), FaultKind::Deadline);
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert_eq!((service.n_leases(), service.bulkhead.occupancy().calls), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_the_body() {
    let service = Service::new(Behaviour::NeverEnd { sends: false });
    let begun = Instant::now();
    let body = service.call(empty_body()).await.unwrap().into_body();
    assert!(matches!(body.collect().await, Err(BodyError::Deadline)));
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    assert_eq!((service.n_leases(), service.bulkhead.occupancy().calls), (0, 0));
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
    assert_eq!(service.instance.calls.load(Ordering::Relaxed), 0);
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
    service.limits.response_body = 3;
    let fault = service.call(empty_body()).await.unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Exhausted);
    assert!(fault.details().unwrap().contains("`response_body` allows 3B"), "{fault}");
    assert_eq!((service.n_leases(), service.bulkhead.occupancy().calls), (0, 0));

    let service = Service::new(Behaviour::NeverEnd { sends: true });
    let mut body = service.call(empty_body()).await.unwrap().into_body();
    for _ in 0..4 {
        assert!(body.frame().await.unwrap().is_ok());
    }
    assert!(matches!(body.frame().await, Some(Err(BodyError::TooLarge { limit: 4 }))));
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_keeps_crashing_rests_and_frees_what_its_calls_held() {
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
        assert_eq!(service.instance.calls.load(Ordering::Relaxed), 2);
        assert_eq!((service.n_leases(), service.bulkhead.occupancy().calls), (0, 0));
        sleep(fault.retry_after().unwrap()).await;
        assert_ne!(service.call(empty_body()).await.err().map(|fault| fault.kind()), Some(FaultKind::Unavailable));
    }
}
