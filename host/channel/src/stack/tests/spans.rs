//! What the spans of calls say.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use patchbay_model::policy::{Rate, RetrySettings};
use patchbay_model::ports::{Clock, SpanSink};
use patchbay_model::trace::{SpanKind, SpanOrigin, SpanRecord, SpanSubject, TraceSettings};
use patchbay_model::traffic::TrafficShare;

use super::*;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(12 * 60 * 60)
    }
}

/// Records what fails, and nothing else.
pub(super) fn tracer(sink: Arc<dyn SpanSink>) -> Tracer {
    let settings = TraceSettings { sample: TrafficShare::NONE, at_least: None, ..TraceSettings::default() };
    Tracer::new(7, &settings, sink, Arc::new(Noon))
}

/// Keeps spans.
#[derive(Default)]
struct Kept(Mutex<Vec<Arc<SpanRecord>>>);

impl SpanSink for Kept {
    fn record(&self, span: Arc<SpanRecord>) {
        self.0.lock().unwrap().push(span);
    }
}

impl Kept {
    fn take(&self) -> Vec<Arc<SpanRecord>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A service, all of whose calls are recorded or only those that fail, and their spans.
fn watched(service: Service, sample: TrafficShare) -> (Service, Arc<Kept>) {
    let kept = Arc::<Kept>::default();
    let service = Service { tracer: tracer(Arc::clone(&kept) as _), ..service };
    service.tracer.set(&TraceSettings { sample, at_least: None, ..TraceSettings::default() });
    (service, kept)
}

fn names(span: &SpanRecord) -> Vec<&str> {
    span.events.iter().map(|event| &*event.name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_span_says_what_happened_on_the_way() {
    let (service, kept) = watched(Service::new(Behaviour::AnswerAfter(Duration::from_millis(300))), TrafficShare::ALL);
    let service =
        Service { route: Some(RoutePolicy::new("/x/*".parse().unwrap(), Default::default(), true)), ..service };
    let request = || Request::post("/x/y?secret=1").body(empty_body()).unwrap();
    let ask = async || {
        let arrival = Arrival::from_outside(CallId::new(7), Principal::Outside, service.tracer.arrive(None));
        call(&&service, &arrival, HttpPayload::new(request())).await.unwrap().into_body().collect().await.unwrap();
    };
    tokio::join!(ask(), ask());
    let [first, second] = &*kept.take() else { panic!("two calls, two spans") };
    assert_eq!((first.name.as_str(), first.kind, first.attempts), ("POST /x/*", SpanKind::Server, 1));
    assert_eq!((first.queued, first.duration), (Duration::ZERO, Duration::from_millis(300)));
    assert_eq!(first.start + first.duration, Noon.now());
    assert_eq!((first.revision.map(RevisionNumber::get), first.call), (Some(3), Some(CallId::new(7))));
    assert_eq!((first.origin.clone(), first.fault.clone()), (SpanOrigin::Root, None));
    assert!(matches!(&first.subject, SpanSubject::Request { path, status: Some(200), .. } if path == "/x/y"));
    assert_eq!(names(first), ["patchbay.revision"]);
    // It waited for the place of the first one.
    assert_eq!(
        (second.queued, names(second)),
        (Duration::from_millis(300), vec!["patchbay.place", "patchbay.revision"])
    );
    assert_ne!(first.context.trace, second.context.trace);
}

#[tokio::test(start_paused = true)]
async fn calls_that_go_well_leave_no_span_unless_they_are_sampled() {
    let (service, kept) = watched(Service::new(Behaviour::Answer), TrafficShare::NONE);
    service.call(empty_body()).await.unwrap();
    assert_eq!(kept.take(), []);
}

#[tokio::test(start_paused = true)]
async fn each_policy_that_steps_in_is_an_event() {
    let retry = RetrySettings { idempotent: vec!["a:b/c.f".parse().unwrap()], ..RetrySettings::default() };
    let stand_in = || Some(StandIn { results: vec![("a:b/c.f".parse().unwrap(), "spare".into())], service: None });
    let rate: Rate = "1/1m".parse().unwrap();
    type Case = (Behaviour, Settings, Option<StandIn>, &'static [&'static str], &'static [Option<&'static str>]);
    let cases: [Case; 5] = [
        (
            Behaviour::NoInstanceFirst(1),
            Settings { retry: retry.clone(), ..Settings::default() },
            None,
            &["patchbay.retry"],
            &[],
        ),
        (Behaviour::Crash, Settings::default(), None, &[], &[Some("trapped")]),
        (Behaviour::Crash, Settings::default(), stand_in(), &["patchbay.fallback"], &[]),
        (
            Behaviour::Crash,
            Settings { breaker: BreakerSettings { failures: 1, ..BreakerSettings::default() }, ..Settings::default() },
            None,
            &["patchbay.breaker.open"],
            &[Some("trapped"), Some("unavailable")],
        ),
        (
            Behaviour::Answer,
            Settings { rate: Some(rate), ..Settings::default() },
            None,
            &["patchbay.rate.refused"],
            &[Some("rate-limited")],
        ),
    ];
    for (behaviour, settings, stand_in, events, faults) in cases {
        let case = format!("{settings:?}");
        let (service, kept) = watched(Service { stand_in, ..Service::with(behaviour, settings) }, TrafficShare::ALL);
        let mut seen = Vec::new();
        for _ in 0..2 {
            let _ = service.call_function(Principal::Operator).await;
            seen.extend(kept.take());
        }
        let told: Vec<_> =
            seen.iter().flat_map(|span| names(span)).filter(|name| *name != "patchbay.revision").collect();
        assert!(events.iter().all(|event| told.contains(event)), "{told:?} {case}");
        let failed: Vec<_> = seen.iter().filter_map(|span| span.fault.as_ref()).map(|fault| &*fault.kind).collect();
        assert!(faults.iter().flatten().all(|kind| failed.contains(kind)), "{failed:?} {case}");
        assert_eq!(seen[0].name, "a:b/c@1.0.0.f");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_recorded_though_it_was_not_sampled() {
    let (service, kept) = watched(Service::new(Behaviour::Crash), TrafficShare::NONE);
    service.call(empty_body()).await.unwrap_err();
    let [span] = &*kept.take() else { panic!("one span") };
    assert!(!span.context.is_sampled());
    assert_eq!(span.fault.as_ref().map(|fault| &*fault.kind), Some("trapped"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_a_span() {
    let (service, kept) = watched(Service::new(Behaviour::AnswerAfter(Duration::from_secs(5))), TrafficShare::ALL);
    let gone = tokio::time::timeout(Duration::from_secs(1), service.call(empty_body())).await;
    assert!(gone.is_err());
    let [span] = &*kept.take() else { panic!("one span") };
    assert_eq!(span.fault.as_ref().map(|fault| &*fault.kind), Some("cancelled"));
    assert_eq!(span.duration, Duration::from_secs(1));
    // Nobody is to blame for it.
    let (service, kept) = watched(service, TrafficShare::NONE);
    let _ = tokio::time::timeout(Duration::from_secs(1), service.call(empty_body())).await;
    assert_eq!(kept.take(), []);
}

#[tokio::test(start_paused = true)]
async fn a_stand_in_has_a_span_within_that_of_the_call() {
    let (other, of_other) = watched(Service::new(Behaviour::Answer), TrafficShare::ALL);
    let other = Service { name: "spare".parse().unwrap(), ..other };
    let stand_in = StandIn { results: Vec::new(), service: Some("spare".parse().unwrap()) };
    let service = Service { stand_in: Some(stand_in), other: Some(Arc::new(other)), ..Service::new(Behaviour::Crash) };
    let (service, of_service) = watched(service, TrafficShare::ALL);
    service.call_function(Principal::Operator).await.unwrap();
    let ([outer], [inner]) = (&*of_service.take(), &*of_other.take()) else { panic!("a span each") };
    assert_eq!((inner.context.trace, inner.origin.parent()), (outer.context.trace, Some(outer.context.span)));
    assert_eq!((outer.fault.clone(), inner.attempts), (None, 1));
    assert!(names(outer).contains(&"patchbay.fallback"));
}
