//! What a route lets in, and what it bounds.

use patchbay_model::policy::RouteSettings;
use patchbay_model::{Proof, User};

use super::*;

fn ann() -> Principal {
    Principal::User(Arc::new(User {
        proof: Proof::Token,
        issuer: "corp".to_owned(),
        subject: "ann".to_owned(),
        scopes: vec!["read".to_owned()],
        groups: Vec::new(),
        claims: Default::default(),
        expires: None,
    }))
}

fn behind(route: RouteSettings, open: bool) -> Service {
    let route = RoutePolicy { route: "/x/*".parse().unwrap(), settings: route, open };
    Service { route: Some(route), ..Service::new(Behaviour::Answer) }
}

async fn outcome(service: &Service, caller: Principal) -> Option<FaultKind> {
    let arrival = Arrival::from_outside(CallId::new(1), caller);
    call(&service, arrival, HttpPayload::new(Request::new(empty_body()))).await.err().map(|fault| fault.kind())
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
        let service = Service { strict, ..behind(settings.clone(), open) };
        let case = format!("{settings:?} open: {open}, strict: {strict}");
        assert_eq!(outcome(&service, Principal::Outside).await, outside, "{case}");
        assert_eq!(outcome(&service, ann()).await, user, "{case}");
        let refused = [outside, user].iter().flatten().count();
        assert_eq!(service.n_calls(), 2 - refused, "what is refused reaches nobody: {case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_can_only_take_away_from_what_the_service_allows() {
    let settings = RouteSettings { anonymous: true, request_body: Some(3), ..RouteSettings::default() };
    let service = behind(settings, false);
    for (body, fits) in [("abc", true), ("abcd", false)] {
        let arrival = Arrival::from_outside(CallId::new(1), Principal::Outside);
        let outcome = call(&&service, arrival, HttpPayload::new(Request::new(full_body(body)))).await;
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
