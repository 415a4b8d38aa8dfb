//! Who is let in while the host is saturated.

use patchbay_model::policy::{Priority, RouteSettings};

use super::*;

/// Whether each of many calls was let in: none, some or all.
async fn let_in(service: &Service, caller: &Principal, hops: u32) -> &'static str {
    const CALLS: usize = 100;
    let mut served = 0;
    for number in 0..CALLS as u64 {
        let mut arrival = Arrival::from_outside(CallId::new(number), caller.clone(), service.tracer.follow(None));
        arrival.hops = hops;
        match call(&service, &arrival, HttpPayload::new(Request::new(empty_body()))).await {
            Ok(reply) => {
                reply.into_body().collect().await.unwrap();
                served += 1;
            }
            Err(fault) => {
                assert_eq!(fault.kind(), FaultKind::Overloaded);
                assert!(fault.is_unprocessed() && fault.retry_after().is_some(), "{fault}");
            }
        }
    }
    assert_eq!(service.n_calls(), served, "what is refused reaches nobody");
    match served {
        0 => "none",
        CALLS => "all",
        _ => "some",
    }
}

fn service(priority: Priority, route: Option<Option<Priority>>) -> Service {
    let mut service = Service::new(Behaviour::Answer);
    service.settings.priority = priority;
    service.route = route.map(|priority| {
        let settings = RouteSettings { anonymous: true, priority, ..RouteSettings::default() };
        RoutePolicy::new("/x/*".parse().unwrap(), settings, true)
    });
    service
}

#[tokio::test(start_paused = true)]
async fn the_least_important_calls_from_outside_are_refused_first() {
    use Priority::{High, Low, Normal};
    let other = Principal::Service("orders".parse().unwrap());
    for (priority, route, caller, hops, shares) in [
        (Normal, None, Principal::Outside, 0, ["all", "all", "some", "none"]),
        (Low, None, Principal::Outside, 0, ["some", "none", "none", "none"]),
        (High, None, Principal::Outside, 0, ["all", "all", "all", "all"]),
        // A route can say that its calls matter more, or less.
        (Low, Some(Some(Normal)), Principal::Outside, 0, ["all", "all", "some", "none"]),
        (High, Some(Some(Low)), Principal::Outside, 0, ["some", "none", "none", "none"]),
        (Low, Some(None), Principal::Outside, 0, ["some", "none", "none", "none"]),
        // A message begins something, and what a service asks for in the course of a call does not.
        (Low, None, other.clone(), 0, ["some", "none", "none", "none"]),
        (Low, None, other, 1, ["all", "all", "all", "all"]),
        (Low, None, Principal::Operator, 0, ["all", "all", "all", "all"]),
        (Low, None, Principal::Host, 0, ["all", "all", "all", "all"]),
    ] {
        for (level, share) in [500, 1000, 1500, 2000].into_iter().zip(shares) {
            let service = service(priority, route);
            service.shedder.set(Level::new(level));
            let case = format!("{priority:?}, {route:?}, {caller}, {hops} hops, level {level}");
            assert_eq!(let_in(&service, &caller, hops).await, share, "{case}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_counted_for_the_host_and_holds_nothing() {
    let service = service(Priority::Low, None);
    service.shedder.set(Level::MOST);
    assert_eq!(let_in(&service, &Principal::Outside, 0).await, "none");
    assert_eq!(service.shedder.status().refused, [100, 0, 0]);
    assert_eq!(service.standing.bulkhead().occupancy().calls, 0);
    service.shedder.set(Level::NONE);
    assert_eq!(let_in(&service, &Principal::Outside, 0).await, "all");
}
