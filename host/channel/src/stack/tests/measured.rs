//! What is measured of calls, however they end.

use std::collections::BTreeMap;

use patchbay_model::policy::RouteSettings;
use tokio::time::{advance, timeout};

use super::*;

async fn ask(service: &Service, caller: Principal) -> Result<Reply, Fault> {
    let arrival = Arrival::from_outside(CallId::new(1), caller, service.tracer.follow(None));
    call(&service, &arrival, HttpPayload::new(Request::new(empty_body()))).await
}

/// Calls and faults by who called.
fn measured(service: &Service) -> BTreeMap<String, (u64, Vec<(FaultKind, u64)>)> {
    let callers = service.standing.measured().callers();
    let readings = callers.map(|(caller, measures)| (caller.as_str().to_owned(), measures.read()));
    readings.map(|(caller, reading)| (caller, (reading.durations.count(), reading.faults))).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_are_measured_by_who_makes_them_and_how_they_end() {
    let service = Service::new(Behaviour::CrashFirst(2));
    let mut ends = Vec::new();
    for _ in 0..5 {
        ends.extend(ask(&service, Principal::Outside).await.err().map(|fault| fault.kind()));
        advance(Duration::from_millis(400)).await;
    }
    assert!(ends.contains(&FaultKind::Trapped) && ends.len() < 5, "{ends:?}");
    advance(Duration::from_secs(60)).await;
    assert!(ask(&service, Principal::Operator).await.is_ok());
    let measured = measured(&service);
    let counted = |kind| ends.iter().filter(|end| **end == kind).count() as u64;
    let (calls, faults) = &measured["outside"];
    assert_eq!(*calls, 5);
    assert!(faults.iter().all(|(kind, count)| counted(*kind) == *count), "{faults:?} of {ends:?}");
    assert_eq!(faults.iter().map(|(_, count)| count).sum::<u64>(), ends.len() as u64);
    assert_eq!(measured["operator"], (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_recorded_is_an_example_of_its_time() {
    for sampled in [false, true] {
        let service = Service::new(Behaviour::AnswerAfter(Duration::from_millis(250)));
        let mut span = service.tracer.follow(None);
        span.context.flags = span.context.flags.sampled(sampled);
        let trace = span.context.trace;
        let arrival = Arrival::from_outside(CallId::new(1), Principal::Outside, span);
        call(&&service, &arrival, HttpPayload::new(Request::new(empty_body()))).await.unwrap();
        let (_, measures) = service.standing.measured().callers().next().unwrap();
        let example = measures.read().durations.exemplar.map(|exemplar| (exemplar.trace, exemplar.value));
        assert_eq!(example, sampled.then_some((trace.bytes(), 0.25)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_measured_with_the_time_that_it_took() {
    let service = Service::new(Behaviour::AnswerAfter(Duration::from_secs(9)));
    let given_up = timeout(Duration::from_millis(300), ask(&service, Principal::Outside)).await;
    assert!(given_up.is_err());
    assert_eq!(measured(&service)["outside"], (1, vec![(FaultKind::Cancelled, 1)]));
    advance(Duration::from_secs(1)).await;
    let (_, measures) = service.standing.measured().callers().next().unwrap();
    assert_eq!(measures.read().durations.sum, 0.3);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_a_route_are_kept_when_its_settings_change() {
    let route = RoutePolicy::new("/x/*".parse().unwrap(), RouteSettings::default(), false);
    let service = Service { route: Some(route), ..Service::new(Behaviour::Answer) };
    let fault = Fault::new(FaultKind::Denied, "no");
    let arrival = Arrival::from_outside(CallId::new(1), Principal::Outside, service.tracer.follow(None));
    let subject = Subject::Request { method: http::Method::GET, secure: false, path: "/x/y".parse().ok() };
    refuse(&&service, &arrival, subject, &fault);
    let settings = RouteSettings { anonymous: true, ..RouteSettings::default() };
    let changed = service.route.as_ref().unwrap().changed(settings, false);
    let refused: Vec<_> = changed.measured.refusals().filter(|(_, count)| *count > 0).collect();
    assert_eq!(refused, [(crate::Refusal::Denied, 1)]);
    assert_eq!(measured(&service)["outside"], (1, vec![(FaultKind::Denied, 1)]));
}
