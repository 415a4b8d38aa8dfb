//! Calls from service to service: who may call whom, and how far.
//!
//! The callee says who may call it, and the channel asks its rules. What a call from a service shares with one from outside
//! is everything else: it goes through the channel, too, with the deadline that its caller has left.

use http::Request;
use patchbay_channel::{Arrival, HttpPayload};
use patchbay_model::trace::NewSpan;
use patchbay_model::{Body, CallId, Course, Fault, FaultKind, Principal, Reply, ServiceName};
use patchbay_striped::Spread;
use tokio::time::Instant;

use crate::control::Control;
use crate::traces::Begun;

/// How many services may call each other in one chain. Services that call each other in a circle would otherwise go on
/// until their deadline, or until nobody has a place left.
pub const MAX_HOPS: u32 = 16;

impl Control {
    /// Takes a call of the service `caller`, made in the course of another call, through the channel of `callee`.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] if there is no such service, [`FaultKind::Denied`] if its rules do not let `caller` in,
    /// [`FaultKind::Loop`] if the chain of calls is too long, and whatever ends a call.
    pub async fn call_service(
        &self,
        callee: &ServiceName,
        caller: &ServiceName,
        mut course: Course,
        begun: Begun,
        request: Box<Request<Body>>,
    ) -> Result<Reply, Fault> {
        let entry = self.snapshot.load().service(callee).map(Spread::lend);
        let entry = entry.ok_or_else(|| Fault::new(FaultKind::NotFound, "no service has this name"))?;
        let hops = next_hop(callee, caller, &course, begun.id)?;
        let arrival = leads_on(caller, Instant::now(), &mut course, hops, (begun.id, begun.span));
        let (request, mirrored) = self.mirror(&entry, &arrival, request);
        let reply = patchbay_channel::call(&self.routed(entry), &arrival, HttpPayload::new(request)).await;
        match mirrored {
            Some((mirrored, max_body)) => mirrored.answered(reply, max_body),
            None => reply,
        }
    }
}

/// How far a call is from outside that `caller` makes of `callee` in the course of another one.
///
/// # Errors
/// [`FaultKind::Loop`] if the chain of calls is too long.
pub(crate) fn next_hop(callee: &ServiceName, caller: &ServiceName, course: &Course, id: CallId) -> Result<u32, Fault> {
    let hops = course.hops.saturating_add(1);
    if hops <= MAX_HOPS {
        return Ok(hops);
    }
    let fault = Fault::new(FaultKind::Loop, "the services called each other in a chain that is too long");
    let details = format!("{caller} called {callee} as call {hops} of a chain, and {MAX_HOPS} are allowed");
    tracing::warn!(service = %callee, %caller, call = %id, details, "{}", fault.public());
    Err(fault.with_details(details))
}

/// The arrival of a call that `caller` makes at `arrived` in the course of another one, so far from outside. What led to that one is
/// taken out of its course.
pub(crate) fn leads_on(
    caller: &ServiceName,
    arrived: Instant,
    course: &mut Course,
    hops: u32,
    (id, span): (CallId, NewSpan),
) -> Arrival {
    Arrival {
        id,
        parent: course.call,
        hops,
        caller: Principal::Service(caller.clone()),
        arrived,
        deadline: Some(Instant::from_std(course.deadline)),
        stands_in: false,
        idempotency_key: None,
        cause: course.cause.take(),
        trace: span.context,
        origin: span.origin,
        user: course.user.take(),
        // Of the request that led to it, only the user is handed on.
        address: None,
        visitor: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use patchbay_model::empty_body;

    use super::*;
    use crate::fakes::Bench;

    fn course(hops: u32, left: Duration) -> Course {
        Course {
            call: Some(CallId::new(7)),
            deadline: (Instant::now() + left).into_std(),
            hops,
            cause: None,
            trace: None,
            user: None,
        }
    }

    async fn call(bench: &Bench, callee: &str, caller: &str, course: Course) -> Result<String, FaultKind> {
        let (callee, caller) = (callee.parse().unwrap(), caller.parse().unwrap());
        let request = Request::get("/").body(empty_body()).unwrap();
        let begun = bench.control.begin_for_service(course.trace.as_ref(), &request);
        let reply = bench.control.call_service(&callee, &caller, course, begun, Box::new(request)).await;
        let body = reply.map_err(|fault| fault.kind())?.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap())
    }

    async fn deploy(bench: &Bench, callers: &[&str], config: &[(&str, &str)]) {
        let mut request = bench.request("inventory", "a", config);
        request.settings.callers = Some(callers.iter().map(|rule| rule.parse().unwrap()).collect());
        bench.control.deploy(request).finished().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_callee_says_who_may_call_it() {
        let bench = Bench::new();
        let within = course(0, Duration::from_secs(5));
        assert_eq!(call(&bench, "inventory", "orders", within.clone()).await, Err(FaultKind::NotFound));
        deploy(&bench, &[], &[("version", "1")]).await;
        assert_eq!(call(&bench, "inventory", "orders", within.clone()).await, Err(FaultKind::Denied));
        deploy(&bench, &["orders"], &[("version", "2")]).await;
        assert_eq!(call(&bench, "inventory", "orders", within.clone()).await, Ok("2".to_owned()));
        assert_eq!(call(&bench, "inventory", "payments", within.clone()).await, Err(FaultKind::Denied));
        // It need not name itself by accident.
        assert_eq!(call(&bench, "inventory", "inventory", within).await, Err(FaultKind::Denied));
    }

    #[tokio::test(start_paused = true)]
    async fn chains_end_and_so_does_the_time_of_the_first_caller() {
        let bench = Bench::new();
        deploy(&bench, &["orders"], &[("version", "1"), ("delay", "3")]).await;
        let time = Duration::from_secs(5);
        assert_eq!(call(&bench, "inventory", "orders", course(MAX_HOPS - 1, time)).await, Ok("1".to_owned()));
        assert_eq!(call(&bench, "inventory", "orders", course(MAX_HOPS, time)).await, Err(FaultKind::Loop));
        let begun = Instant::now();
        let late = course(0, Duration::from_secs(2));
        assert_eq!(call(&bench, "inventory", "orders", late).await, Err(FaultKind::Deadline));
        assert_eq!(begun.elapsed().as_secs(), 2);
    }
}
