//! What the policies make of a service that misbehaves.

use patchbay_model::policy::{LinkSettings, RetrySettings};

use super::*;

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

/// Settings under which the function may run twice.
fn idempotent() -> Settings {
    settings(|settings| settings.retry.idempotent = vec!["a:b/c.f".parse().unwrap(), "GET".parse().unwrap()])
}

async fn function(service: &Service) -> Result<Bytes, FaultKind> {
    service.call_function(Principal::Operator).await.map_err(|fault| fault.kind())
}

#[tokio::test(start_paused = true)]
async fn what_may_run_twice_is_tried_again_and_knows_it() {
    let service = Service::with(Behaviour::CrashFirst(2), idempotent());
    assert_eq!(function(&service).await, Ok(Bytes::from("3")));
    assert_eq!(service.standing.counts().retries, 2);
    // And not for ever.
    let service = Service::with(Behaviour::CrashFirst(3), idempotent());
    assert_eq!(function(&service).await, Err(FaultKind::Trapped));
    assert_eq!(service.n_calls(), 3);
    // Nor what may not.
    let service = Service::with(Behaviour::CrashFirst(1), Settings::default());
    assert_eq!(function(&service).await, Err(FaultKind::Trapped));
    assert_eq!(service.n_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_body_can_be_sent_again() {
    let service = Service::with(Behaviour::CrashFirst(1), idempotent());
    assert!(service.call(empty_body()).await.is_ok());
    assert_eq!(service.n_calls(), 2);
    let service = Service::with(Behaviour::CrashFirst(1), idempotent());
    assert_eq!(service.call(full_body("x")).await.unwrap_err().kind(), FaultKind::Trapped);
    assert_eq!(service.n_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_attempt_gives_way_to_another_one() {
    let service = Service::with(Behaviour::SlowFirst(Duration::from_secs(8)), idempotent());
    let begun = Instant::now();
    assert_eq!(function(&service).await, Ok(Bytes::from("2")));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    // The last attempt has all the time that is left.
    let once = settings(|settings| {
        settings.retry =
            RetrySettings { attempts: 1, idempotent: idempotent().retry.idempotent, ..settings.retry.clone() };
    });
    let service = Service::with(Behaviour::SlowFirst(Duration::from_secs(8)), once);
    assert_eq!(function(&service).await, Ok(Bytes::from("1")));
}

#[tokio::test(start_paused = true)]
async fn a_body_has_more_time_than_an_attempt_to_answer() {
    let service = Service::with(Behaviour::SlowBody(Duration::from_secs(8)), idempotent());
    let reply = service.call(empty_body()).await.unwrap();
    assert_eq!(reply.into_body().collect().await.unwrap().to_bytes(), "done");
    assert_eq!(service.n_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_is_free_while_a_call_waits_for_its_next_attempt() {
    let mut settings = idempotent();
    settings.limits.concurrency = 1;
    settings.retry.backoff = Duration::from_millis(250);
    let service = Service::with(Behaviour::CrashFirst(1), settings);
    let retried = service.call_function(Principal::Operator);
    let mut retried = std::pin::pin!(retried);
    // The first attempt is over; its call waits now.
    assert!(polled_once(retried.as_mut()).is_none());
    assert_eq!(service.standing.bulkhead().occupancy().calls, 0);
    assert_eq!(function(&service).await, Ok(Bytes::from("1")));
    assert_eq!(retried.await.unwrap(), "2");
}

/// What the future has come to, if it is over.
fn polled_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_refuses_before_anything_is_spent() {
    let service =
        Service::with(Behaviour::Answer, settings(|settings| settings.rate = Some("10/s burst 2".parse().unwrap())));
    for wanted in [true, true, false, false] {
        assert_eq!(function(&service).await.is_ok(), wanted);
    }
    assert_eq!((service.n_calls(), service.standing.counts().rate_limited), (2, 2));
    sleep(Duration::from_millis(100)).await;
    assert!(function(&service).await.is_ok());
}

fn link(service: &Service, settings: &LinkSettings) -> Option<LinkPolicy> {
    Some(LinkPolicy {
        timeout: settings.timeout,
        retry: settings.retry.over(&service.settings.retry),
        stand_in: None,
        standing: LinkStanding::new(settings, &service.settings.limits),
    })
}

#[tokio::test(start_paused = true)]
async fn a_link_has_its_own_time_rate_and_places() {
    let mut service = Service::with(Behaviour::AnswerAfter(Duration::from_secs(3)), Settings::default());
    let mut own = LinkSettings { timeout: Some(Duration::from_secs(2)), ..LinkSettings::default() };
    service.link = link(&service, &own);
    assert_eq!(function(&service).await, Err(FaultKind::Deadline));
    own = LinkSettings { rate: Some("1/s".parse().unwrap()), ..LinkSettings::default() };
    service.link = link(&service, &own);
    assert!(function(&service).await.is_ok());
    own = LinkSettings { concurrency: Some(1), ..LinkSettings::default() };
    service.link = link(&service, &own);
    let begun = Instant::now();
    let (one, other) = tokio::join!(function(&service), function(&service));
    // The second one waits for as long as the queue of the service lets it.
    assert_eq!((one.is_ok(), other), (true, Err(FaultKind::Overloaded)));
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn rules_are_asked_before_anything_else() {
    let service = Service::with(
        Behaviour::Answer,
        settings(|settings| settings.callers = Some(vec!["web a:b/c.f".parse().unwrap()])),
    );
    let call = |name: &str| service.call_function(Principal::Service(name.parse().unwrap()));
    assert!(call("web").await.is_ok());
    assert_eq!(call("orders").await.unwrap_err().kind(), FaultKind::Denied);
    assert_eq!((service.n_calls(), service.standing.counts().denied), (1, 1));
    assert!(function(&service).await.is_ok(), "rules are about services");
}

#[tokio::test(start_paused = true)]
async fn a_result_or_another_service_stands_in() {
    let mut service = Service::with(Behaviour::Crash, Settings::default());
    let results = vec![("a:b/c.f".parse().unwrap(), Bytes::from("plenty"))];
    service.stand_in = Some(StandIn { results, service: None });
    assert_eq!(function(&service).await, Ok(Bytes::from("plenty")));
    assert_eq!(service.standing.counts().fallbacks, 1);

    let other = Arc::new(Service::with(Behaviour::Answer, Settings::default()));
    let mut service = Service::with(Behaviour::Crash, Settings::default());
    service.stand_in = Some(StandIn { results: Vec::new(), service: Some("other".parse().unwrap()) });
    service.other = Some(Arc::clone(&other));
    assert_eq!(function(&service).await, Ok(Bytes::from("1")));
    assert!(service.call(empty_body()).await.is_ok());
    // A body that is gone cannot be sent to anybody.
    assert_eq!(service.call(full_body("x")).await.unwrap_err().kind(), FaultKind::Trapped);
    assert_eq!((service.n_calls(), other.n_calls(), service.standing.counts().fallbacks), (3, 2, 2));
    // Nothing stands in for a call that is not allowed.
    service.settings.callers = Some(Vec::new());
    let denied = service.call_function(Principal::Service("web".parse().unwrap())).await;
    assert_eq!(denied.unwrap_err().kind(), FaultKind::Denied);
}

#[tokio::test(start_paused = true)]
async fn two_services_that_stand_in_for_each_other_come_to_an_end() {
    let stand_in = || Some(StandIn { results: Vec::new(), service: Some("other".parse().unwrap()) });
    let last = Service { stand_in: stand_in(), ..Service::with(Behaviour::Answer, Settings::default()) };
    let other = Service {
        stand_in: stand_in(),
        other: Some(Arc::new(last)),
        ..Service::with(Behaviour::Crash, Settings::default())
    };
    let service = Service {
        stand_in: stand_in(),
        other: Some(Arc::new(other)),
        ..Service::with(Behaviour::Crash, Settings::default())
    };
    let fault = service.call_function(Principal::Operator).await.unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Trapped);
    assert!(fault.details().unwrap().contains("which stands in for it"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_instance_is_tried_again_whatever_it_is() {
    let service = Service::with(Behaviour::NoInstanceFirst(1), Settings::default());
    // Its arguments went along with the attempt, so it would have to be told what to keep.
    assert_eq!(function(&service).await, Err(FaultKind::Unavailable));
    let service = Service::with(Behaviour::NoInstanceFirst(1), idempotent());
    assert_eq!(function(&service).await, Ok(Bytes::from("2")));
}
