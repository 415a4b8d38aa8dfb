//! What a route lets in, and what it bounds.

use http::Method;
use patchbay_model::policy::{RateVerdicts, RouteSettings};
use patchbay_model::{Proof, User};

use super::*;
use crate::access::let_in;

fn ann() -> Principal {
    Principal::User(Arc::new(User { scopes: vec!["read".to_owned()], ..User::new(Proof::Token, "corp", "ann") }))
}

fn behind(route: RouteSettings, open: bool) -> Service {
    let route = RoutePolicy::new("/x/*".parse().unwrap(), route, open);
    Service { route: Some(route), ..Service::new(Behaviour::Answer) }
}

async fn outcome(service: &Service, caller: Principal) -> Option<FaultKind> {
    let arrival = Arrival::from_outside(CallId::new(1), caller, service.tracer.follow(None));
    let outcome = call(&service, &arrival, HttpPayload::new(Request::new(empty_body()))).await;
    outcome.err().map(|fault| fault.kind())
}

#[tokio::test(start_paused = true)]
async fn a_route_lets_in_whom_it_is_for() {
    use FaultKind::{Denied, Unauthenticated};
    let rules = |rules: &[&str]| Some(rules.iter().map(|rule| rule.parse().unwrap()).collect());
    for (anonymous, callers, open, strict, outside, user) in [
        (false, None, true, false, None, None),
        (false, None, true, true, Some(Unauthenticated), Some(Denied)),
        (false, None, false, false, Some(Unauthenticated), None),
        (false, None, false, true, Some(Unauthenticated), Some(Denied)),
        (true, None, false, true, None, None),
        (false, rules(&["scope:read GET"]), false, true, Some(Unauthenticated), None),
        (false, rules(&["scope:read GET"]), true, false, Some(Unauthenticated), None),
        (false, rules(&["scope:read POST"]), false, false, Some(Unauthenticated), Some(Denied)),
        (false, rules(&["scope:write", "user:bob"]), false, false, Some(Unauthenticated), Some(Denied)),
        (false, rules(&["scope:write", "user"]), false, false, Some(Unauthenticated), None),
        (false, rules(&[]), false, false, Some(Unauthenticated), Some(Denied)),
    ] {
        let settings = RouteSettings { anonymous, callers, ..RouteSettings::default() };
        let case = format!("{settings:?} open: {open}, strict: {strict}");
        let route = RoutePolicy::new("/x/*".parse().unwrap(), settings, open);
        let enter = |user| entering(&route, strict, user);
        assert_eq!(enter(None), outside, "{case}");
        assert_eq!(enter(ann().user().map(|ann| &**ann)), user, "{case}");
    }
}

/// Why a user is not let in by a route.
fn entering(route: &RoutePolicy, strict: bool, user: Option<&User>) -> Option<FaultKind> {
    let mut verdicts = RateVerdicts::default();
    let_in(route, strict, user, &Method::GET, None, &mut verdicts).err().map(|fault| fault.kind())
}

#[tokio::test(start_paused = true)]
async fn those_who_are_not_let_in_take_nothing_from_the_rate() {
    let settings = RouteSettings { rate: Some("1/s".parse().unwrap()), ..RouteSettings::default() };
    let route = RoutePolicy::new("/x".parse().unwrap(), settings, false);
    let enter = |user| entering(&route, false, user);
    let ann = ann();
    let ann = ann.user().map(|ann| &**ann);
    assert_eq!(enter(None), Some(FaultKind::Unauthenticated));
    assert_eq!((enter(ann), enter(ann)), (None, Some(FaultKind::RateLimited)));
}

#[tokio::test(start_paused = true)]
async fn places_of_a_route_are_some_of_those_of_the_service() {
    let settings = RouteSettings { anonymous: true, concurrency: Some(1), ..RouteSettings::default() };
    let service = behind(settings, false);
    let held = outcome_of(&service).await.unwrap();
    let waiting = outcome(&service, Principal::Outside);
    assert_eq!(waiting.await, Some(FaultKind::Overloaded));
    drop(held);
    assert_eq!(outcome(&service, Principal::Outside).await, None);
}

async fn outcome_of(service: &Service) -> Result<Reply, Fault> {
    let arrival = Arrival::from_outside(CallId::new(1), Principal::Outside, service.tracer.follow(None));
    call(&service, &arrival, HttpPayload::new(Request::new(empty_body()))).await
}

#[tokio::test(start_paused = true)]
async fn a_route_can_only_take_away_from_what_the_service_allows() {
    let settings = RouteSettings { anonymous: true, request_body: Some(3), ..RouteSettings::default() };
    let service = behind(settings, false);
    for (body, fits) in [("abc", true), ("abcd", false)] {
        let arrival = Arrival::from_outside(CallId::new(1), Principal::Outside, service.tracer.follow(None));
        let outcome = call(&&service, &arrival, HttpPayload::new(Request::new(full_body(body)))).await;
        assert_eq!(outcome.err().map(|fault| fault.kind()), (!fits).then_some(FaultKind::TooLarge), "{body}");
    }
    let settings = |timeout| RouteSettings {
        anonymous: true,
        timeout: Some(Duration::from_secs(timeout)),
        ..RouteSettings::default()
    };
    for (timeout, waited) in [(3, 3), (60, 10)] {
        let service = Service {
            route: behind(settings(timeout), false).route,
            ..Service::new(Behaviour::AnswerAfter(Duration::from_secs(100)))
        };
        let begun = Instant::now();
        assert_eq!(outcome(&service, Principal::Outside).await, Some(FaultKind::Deadline));
        assert_eq!(begun.elapsed(), Duration::from_secs(waited));
    }
}
