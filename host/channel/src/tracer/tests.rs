//! Which spans are recorded, and where in their trace they stand.

use patchbay_model::ports::NoSpans;
use patchbay_model::trace::TraceFlags;

use super::*;

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(60)
    }
}

fn tracer(change: impl FnOnce(&mut TraceSettings)) -> Tracer {
    let mut settings =
        TraceSettings { sample: TrafficShare::NONE, at_least: None, faults: None, ..TraceSettings::default() };
    change(&mut settings);
    Tracer::new(7, &settings, Arc::new(NoSpans), Arc::new(Epoch))
}

fn foreign(flags: u8) -> SpanContext {
    let context = SpanContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").unwrap();
    SpanContext { flags: TraceFlags::of_bits(flags), state: Some("a=1".into()), ..context }
}

#[tokio::test(start_paused = true)]
async fn a_parent_counts_as_far_as_it_is_trusted() {
    let all = |trust| tracer(|settings| (settings.parent, settings.sample) = (trust, TrafficShare::ALL));
    let none = |trust| tracer(|settings| settings.parent = trust);
    for (tracer, flags, sampled) in [
        (all(ParentTrust::Follow), 0, false),
        (all(ParentTrust::Follow), 1, true),
        (none(ParentTrust::Follow), 1, true),
        (all(ParentTrust::Decide), 0, true),
        (none(ParentTrust::Decide), 1, false),
    ] {
        let came = foreign(flags | 2);
        let NewSpan { context, origin } = tracer.arrive(Some(came.clone()));
        assert_eq!(origin, SpanOrigin::Child { parent: came.span, remote: true });
        let expected = SpanContext { span: context.span, flags: came.flags.sampled(sampled), ..came.clone() };
        assert_eq!(context, expected);
        assert_ne!(context.span, came.span);
    }
    let NewSpan { context, origin } = all(ParentTrust::Restart).arrive(Some(foreign(0)));
    assert_eq!(origin, SpanOrigin::Linked(foreign(0)));
    assert!(context.trace != foreign(0).trace && context.state.is_none() && context.is_sampled());
}

#[tokio::test(start_paused = true)]
async fn a_share_of_traces_is_recorded_and_at_least_some() {
    let tracer = tracer(|settings| settings.sample = "10%".parse().unwrap());
    let sampled = |tracer: &Tracer| (0..10_000).filter(|_| tracer.arrive(None).context.is_sampled()).count();
    let n = sampled(&tracer);
    assert!((900..1_100).contains(&n), "{n} of 10,000");
    let rate: Rate = "5/s".parse().unwrap();
    tracer.set(&TraceSettings { sample: TrafficShare::NONE, at_least: Some(rate), ..TraceSettings::default() });
    assert_eq!(sampled(&tracer), 5);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(sampled(&tracer), 5);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_recorded_and_what_it_happened_in() {
    let tracer = tracer(|settings| settings.faults = Some("3/s".parse().unwrap()));
    let (first, other) = (tracer.arrive(None).context, tracer.arrive(None).context);
    let inner = tracer.follow(Some(&first)).context;
    assert!(!tracer.wants(&first, false));
    assert!(tracer.wants(&inner, true));
    assert!(tracer.wants(&first, false), "it ends later");
    assert!(!tracer.wants(&other, false));
    assert!(tracer.wants(&other, true));
    assert!(!tracer.wants(&other, true), "no more in this second");
    assert!(tracer.wants(&foreign(1), true), "what is sampled does not count in it");
    tracer.set(&TraceSettings { faults: None, ..TraceSettings::default() });
    assert!(!tracer.wants(&other, true));
}

#[test]
fn requests_of_services_stay_in_their_trace() {
    let tracer = tracer(|_| {});
    let course = tracer.arrive(Some(foreign(1))).context;
    let parent = |said: Option<SpanContext>, course: Option<&SpanContext>| {
        let NewSpan { context, origin } = tracer.follow_service(course, said);
        (context.trace, origin.parent(), context.is_sampled(), context.state)
    };
    let own = tracer.follow(Some(&course)).context;
    let span = own.span;
    let updated = SpanContext { state: Some("b=2,a=1".into()), flags: TraceFlags::default(), ..own };
    assert_eq!(parent(None, Some(&course)), (course.trace, Some(course.span), true, course.state.clone()));
    assert_eq!(parent(Some(updated), Some(&course)), (course.trace, Some(span), true, Some("b=2,a=1".into())));
    let elsewhere = tracer.arrive(None).context;
    assert_eq!(parent(Some(elsewhere.clone()), Some(&course)).1, Some(course.span), "it cannot leave it");
    assert_eq!(parent(Some(elsewhere.clone()), None), (elsewhere.trace, Some(elsewhere.span), false, None));
    assert_eq!(parent(None, None).1, None);
    let again = tracer.repeat(&course);
    assert!(again.context.trace != course.trace && again.context.is_sampled());
    assert_eq!(again.origin, SpanOrigin::Linked(course));
}

#[tokio::test(start_paused = true)]
async fn times_are_told_by_both_clocks() {
    let tracer = tracer(|_| {});
    let begun = Instant::now();
    tokio::time::advance(Duration::from_secs(2)).await;
    let (start, duration) = tracer.since(begun);
    assert_eq!((start, duration), (UNIX_EPOCH + Duration::from_secs(58), Duration::from_secs(2)));
}
