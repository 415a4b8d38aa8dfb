//! The order of the policies, outermost first. Read it top to bottom: this is the life of a call.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use patchbay_model::policy::RetrySettings;
use patchbay_model::ports::BoxFuture;
use patchbay_model::{Blame, CallContext, Fault, FaultKind, Hold, Principal};
use tokio::time::{Instant, sleep};

use crate::access::authorize;
use crate::bulkhead::{Bulkhead, Permit};
use crate::deadline::{self, Ended, Limit};
use crate::measured::Measuring;
use crate::payload::{Bounds, Payload};
use crate::record::{self, Story, Subject, record, span_of_stand_in};
use crate::retry::{self, Failed, Verdict};
use crate::target::{Arrival, Lease, Sought, Target};

/// Takes one call to an instance of `target` and its reply back. The same for every kind of call.
///
/// Dropping the future cancels the call; so does dropping the body of an HTTP reply before its end.
///
/// # Errors
/// The fault that ended the call, with a sentence for its caller and details for the operator.
#[inline]
pub fn call<'a, T: Target, P: Payload + 'a>(
    target: &'a T,
    arrival: &'a Arrival,
    payload: P,
) -> impl Future<Output = Result<P::Reply, Fault>> + Send + 'a {
    call_timed(target, arrival, payload).map(|(outcome, _)| outcome)
}

/// The same, and when there was an outcome.
#[inline]
pub fn call_timed<'a, T: Target, P: Payload + 'a>(
    target: &'a T,
    arrival: &'a Arrival,
    mut payload: P,
) -> impl Future<Output = (Result<P::Reply, Fault>, Instant)> + Send + 'a {
    // 0. Load: a host that is saturated refuses at once, and does not keep itself busy by telling of each one.
    let room = has_room(target, arrival);

    // A block and no `async fn`, which would copy the payload once more.
    async move {
        if let Err(fault) = room {
            return (Err(fault), arrival.arrived);
        }

        // 1. Trace: outermost, so that refusals are seen too.
        let mut story = Story::of(target, arrival, payload.subject());
        let mut measuring = Measuring::new(target.standing().measured.of(&arrival.caller), arrival.arrived);
        let recorded = arrival.trace.is_sampled().then_some(arrival.trace.trace);
        let mut outcome = admit(target, arrival, &mut payload, &mut story).await;
        if let Err(fault) = outcome {
            // 10. Fallback: something else answers, where that is configured.
            story.goes_on();
            outcome = Box::pin(fall_back(target, arrival, payload, fault, &mut story)).await;
        }
        let ended = story.ended();
        let (took, measures) = measuring.ended(ended, outcome.as_ref().map(P::status).map_err(Fault::kind));
        if let Some(trace) = recorded {
            measures.illustrate(target.tracer().exemplar(trace, took));
        }
        record::<P>(target, &mut story, &outcome);
        (outcome, ended)
    }
}

/// Lets a call in, unless the host is saturated and others come first. What a service asks for in the course of a call that
/// was let in is not refused: all that was spent on that call would be lost. Nor is what the host itself asks, or its
/// operator.
fn has_room<T: Target>(target: &T, arrival: &Arrival) -> Result<(), Fault> {
    let from_outside = match arrival.caller {
        Principal::Outside | Principal::User(_) => true,
        // A message comes from a service, and begins something new.
        Principal::Service(_) => arrival.hops == 0,
        Principal::Operator | Principal::Host => false,
    };
    if !from_outside {
        return Ok(());
    }
    let of_route = target.route().and_then(|route| route.settings.priority);
    target.shedder().admit(of_route.unwrap_or(target.settings().priority), arrival.id.number())
}

/// Records a call that was refused before the channel had it, so that it is seen like any other.
pub fn refuse<T: Target>(target: &T, arrival: &Arrival, subject: Subject, fault: &Fault) {
    Measuring::new(target.standing().measured.of(&arrival.caller), arrival.arrived)
        .ended(Instant::now(), Err(fault.kind()));
    record::failed(target, &mut Story::of(target, arrival, subject), fault);
}

async fn admit<T: Target, P: Payload>(
    target: &T,
    arrival: &Arrival,
    payload: &mut P,
    story: &mut Story<'_>,
) -> Result<P::Reply, Fault> {
    let (settings, standing, link) = (target.settings(), target.standing(), target.link());

    // 2. Authorization: of services, by the rules of the one that is called; before anything is spent on them. Those who come
    // in by a route were let in there, and those who come over a link may have been let in for good.
    if arrival.caller.service().is_some() && !target.lets_in() {
        authorize(settings.callers.as_deref(), target.strict(), arrival.asker(), payload.asked())?;
    }

    // 3. Deadline: covers waiting, all attempts and both bodies. The caller can only shorten it.
    let own = link.and_then(|link| link.timeout).or_else(|| target.route()?.settings.timeout);
    let timeout = own.map_or(settings.limits.timeout, |own| own.min(settings.limits.timeout));
    let (deadline, limit) = deadline::deadline(arrival.arrived, arrival.deadline, timeout);

    // 4. Size and rate: refused before a place is spent on it.
    payload.limit(&settings.limits, request_body(target))?;
    if let Some(link) = link {
        link.standing.rate.admit(arrival.arrived).inspect_err(|_| story.rate_refused("link"))?;
    }
    standing.rate.admit(arrival.arrived).inspect_err(|_| story.rate_refused("service"))?;

    // 5. Retry: what did not begin, or may run twice; within the budget, and never past the deadline.
    let retry = link.map_or(&settings.retry, |link| &link.retry);
    let repeatable = payload.is_repeatable(retry);
    standing.budget.call(arrival.arrived);
    let mut elsewhere = false;
    loop {
        story.attempts += 1;
        let bounds = Attempt { deadline, limit, retry, number: story.attempts, repeatable, elsewhere };
        let failed = match attempt(target, arrival, payload, &bounds, story).await {
            Ok(reply) => return Ok(reply),
            Err(failed) => failed,
        };
        story.goes_on();
        elsewhere |= failed.fault.is_unprocessed();
        let times = (Instant::now(), deadline);
        match retry::judge(&failed, (arrival.id, story.attempts), retry, &standing.budget, times) {
            Verdict::Again(pause) => {
                story.tell_attempt(target.name(), &failed.fault, pause);
                standing.tally.retries.count();
                Box::pin(sleep(pause)).await;
            }
            Verdict::Tell => return Err(failed.fault),
            Verdict::BudgetSpent => {
                standing.tally.retries_refused.count();
                story.budget_spent();
                return Err(failed.fault);
            }
        }
    }
}

/// What one attempt is bound by.
struct Attempt<'a> {
    deadline: Instant,
    limit: Limit,
    retry: &'a RetrySettings,
    /// Which one it is, from 1.
    number: u32,
    /// Whether the call may run twice.
    repeatable: bool,
    /// Whether the attempt before was not begun.
    elsewhere: bool,
}

impl Attempt<'_> {
    /// When it is over; the last one has what is left.
    fn end(&self) -> Instant {
        if self.repeatable && self.number < self.retry.attempts {
            self.deadline.min(Instant::now() + self.retry.attempt_timeout)
        } else {
            self.deadline
        }
    }
}

async fn attempt<T: Target, P: Payload>(
    target: &T,
    arrival: &Arrival,
    payload: &mut P,
    bounds: &Attempt<'_>,
    story: &mut Story<'_>,
) -> Result<P::Reply, Failed> {
    let (limits, standing) = (&target.settings().limits, target.standing());
    let Attempt { deadline, limit, number, repeatable, .. } = *bounds;
    let failed = |payload: &P, fault| Failed { fault, whole: payload.is_whole(), repeatable, too_slow: false };

    // 6. Bulkhead: one place per call; a full one is never the fault of the service. It is given back between attempts.
    // Nearly always there is one, and then nobody looks at the clock.
    let (places, begun) = match try_enter(target) {
        Some(places) if number == 1 => (places, arrival.arrived),
        Some(places) => (places, Instant::now()),
        None => {
            let waits = Instant::now();
            let entered = Box::pin(enter(target, deadline)).await;
            let begun = Instant::now();
            story.queued(begun - waits);
            (entered.map_err(|fault| failed(payload, fault))?, begun)
        }
    };

    // 7. Revision: after the wait, so that no call reaches one that was replaced meanwhile.
    let sought = Sought { asked: payload.asked(), headers: payload.headers(), elsewhere: bounds.elsewhere };
    let lease = target.choose(arrival, sought).map_err(|fault| failed(payload, fault))?;
    story.chose(lease.revision());
    let held = Arc::new((places, lease));
    let (_, lease) = &*held;

    // 8. Breaker: a revision whose calls keep failing is left alone.
    let mut trial = lease.breaker().admit(begun).map_err(|fault| {
        standing.tally.broken_off.count();
        story.broken_off();
        failed(payload, fault)
    })?;

    // 9. Dispatch: bound by the deadline and by the end of the revision.
    let end = bounds.end();
    if repeatable || target.stand_in().is_some_and(|stand_in| stand_in.service.is_some()) {
        payload.keep();
    }
    let hold = Hold::of(held.clone());
    let context = Box::write(
        Box::new_uninit(),
        CallContext {
            id: arrival.id,
            // That of the call, and not of the attempt: once there is an answer, its body has all the time there is.
            deadline: deadline.into_std(),
            hops: arrival.hops,
            caller: arrival.caller.clone(),
            attempt: number,
            idempotency_key: arrival.idempotency_key.clone(),
            cause: arrival.cause.clone(),
            trace: Some(arrival.trace.clone()),
            user: arrival.user.clone(),
        },
    );
    let served = {
        let mut work = payload.dispatch(lease.prepared(), context, &hold);
        let patience = payload.patience();
        let end = || patience.as_ref().map_or(end, |patience| Instant::from_std(patience.until()));
        deadline::within(end, lease.cut(), &mut work).await
    };
    // A guest that trips over the end of a body that is too large is not at fault, whatever it answers.
    if let Some(fault) = payload.fault(request_body(target)) {
        return Err(failed(payload, fault));
    }
    let too_slow = end < deadline && Instant::now() >= end;
    let limit = if too_slow { Limit::Operator } else { limit };
    let reply = served.map_err(ended).flatten().map_err(|fault| {
        trial.failed(&fault, limit);
        Failed { too_slow, ..failed(payload, fault) }
    })?;
    let answered = story.answered();
    trial.replied(P::status(&reply), answered);

    // The size of the reply: refused while the caller can be told, and counted from then on.
    let bounds = Bounds { deadline, limit, limits, cut: lease.cut(), hold, trial, breaker: lease.breaker(), answered };
    payload.bind(reply, bounds).map_err(|fault| Failed { whole: false, ..failed(payload, fault) })
}

/// How large what a call carries may be, in bytes.
fn request_body<T: Target>(target: &T) -> u64 {
    let of_service = target.settings().limits.request_body;
    target.route().and_then(|route| route.settings.request_body).map_or(of_service, |own| own.min(of_service))
}

/// The places that a call takes: that of its link or route, where that has some of its own, and that of the service.
type Places = (Option<Permit>, Permit);

/// The bulkhead of the link or the route, where that has places of its own.
fn bulkhead_of_way<T: Target>(target: &T) -> Option<&Bulkhead> {
    let of_link = target.link().and_then(|link| link.standing.bulkhead.as_ref());
    of_link.or_else(|| target.route()?.standing.bulkhead())
}

/// Takes both, if they are free.
fn try_enter<T: Target>(target: &T) -> Option<Places> {
    let of_way = match bulkhead_of_way(target) {
        Some(bulkhead) => Some(bulkhead.try_enter()?),
        None => None,
    };
    Some((of_way, target.standing().bulkhead.try_enter()?))
}

/// Waits for both.
async fn enter<T: Target>(target: &T, deadline: Instant) -> Result<Places, Fault> {
    let entering = async {
        let of_way = match bulkhead_of_way(target) {
            Some(bulkhead) => Some(bulkhead.enter(deadline).await?),
            None => None,
        };
        Ok((of_way, target.standing().bulkhead.enter(deadline).await?))
    };
    entering.await.map_err(Fault::unprocessed)
}

/// What stands in for a service that could not answer; its fault, if nothing does.
async fn fall_back<T: Target, P: Payload>(
    target: &T,
    arrival: &Arrival,
    payload: P,
    fault: Fault,
    story: &mut Story<'_>,
) -> Result<P::Reply, Fault> {
    let Some(stand_in) = target.stand_in().filter(|_| can_be_stood_in_for(fault.kind())) else { return Err(fault) };
    if let Some(reply) = payload.substitute(stand_in) {
        target.standing().tally.fallbacks.count();
        story.stood_in("a result that is configured", &fault);
        return Ok(reply);
    }
    // One that stands in for another finds nobody to stand in for itself, so that no circle of them has no end.
    if arrival.stands_in || !payload.is_whole() {
        return Err(fault);
    }
    let Some(other) = target.instead() else { return Err(fault) };
    story.stood_in(other.name().as_str(), &fault);
    let span = span_of_stand_in(target.tracer(), arrival);
    let arrival = Arrival { stands_in: true, trace: span.context, origin: span.origin, ..arrival.clone() };
    let answered = other_call(&other, &arrival, payload).await;
    match answered {
        Ok(reply) => {
            target.standing().tally.fallbacks.count();
            Ok(reply)
        }
        Err(second) => {
            let details =
                format!("{}; `{}`, which stands in for it: {second}", fault.details().unwrap_or("-"), other.name());
            Err(fault.with_details(details))
        }
    }
}

/// The call of another service in place of one: boxed, because it is the same function again.
fn other_call<'a, T: Target, P: Payload + 'a>(
    other: &'a T,
    arrival: &'a Arrival,
    payload: P,
) -> BoxFuture<'a, Result<P::Reply, Fault>> {
    Box::pin(call(other, arrival, payload))
}

/// Whether it makes sense that something else answers. It does not where the caller is wrong, or gone.
const fn can_be_stood_in_for(kind: FaultKind) -> bool {
    match kind {
        FaultKind::Deadline
        | FaultKind::Overloaded
        | FaultKind::RateLimited
        | FaultKind::Unavailable
        | FaultKind::Exhausted
        | FaultKind::Trapped
        | FaultKind::Failed
        | FaultKind::Internal => true,
        FaultKind::NotFound
        | FaultKind::MethodNotAllowed
        | FaultKind::Unauthenticated
        | FaultKind::Denied
        | FaultKind::Invalid
        | FaultKind::TooLarge
        | FaultKind::Loop
        | FaultKind::Cancelled => false,
    }
}

/// The fault of a call that came to no end of its own.
fn ended(ended: Ended) -> Fault {
    match ended {
        Ended::Late => Fault::new(FaultKind::Deadline, "the service did not answer before the deadline"),
        Ended::Cut => Fault::new(FaultKind::Deadline, "the service was replaced and the call did not end in time")
            .blamed_on(Blame::Host),
    }
}

#[cfg(test)]
mod tests;
