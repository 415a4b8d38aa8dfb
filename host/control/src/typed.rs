//! Typed calls: of operators, who name the service, and of services, whose imports are linked to others.

mod wired;

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use patchbay_channel::{Arrival, Asked, Target as _, TypedPayload, always};
use patchbay_model::ports::{self, BoxFuture, LinkCall, in_place};
use patchbay_model::{CallId, Course, Fault, FaultKind, FunctionName, Invocation, Principal, ServiceInfo, ServiceName};
use patchbay_striped::{Lent, Spread};
use tokio::time::{Duration, Instant};

use crate::control::Control;
use crate::internal::{leads_on, next_hop};
use crate::links::unversioned;
use wired::{Linked, Moment, Wired};

/// Takes the calls that services make of each other.
#[derive(Default)]
pub struct ServiceLinks {
    control: ArcSwapOption<Spread<Control>>,
    /// Another number after each change of `control`.
    changes: AtomicU64,
}

/// Leads the calls of services to others for as long as it is there.
///
/// The services hold what takes their calls, and that holds the services, so somebody has to let go. A weak reference would do so
/// by itself, and have every call of every service count itself in at the same place.
#[must_use = "calls are led nowhere once it is dropped"]
pub struct LinksAttached(Arc<ServiceLinks>);

impl Drop for LinksAttached {
    fn drop(&mut self) {
        self.0.lead_to(None);
    }
}

impl ServiceLinks {
    /// Leads calls to the services of `control`, until what comes back is dropped. Before and after that there are none.
    pub fn attach(self: &Arc<Self>, control: &Arc<Control>) -> LinksAttached {
        self.lead_to(Some(Arc::new(Spread::new(Arc::clone(control)))));
        LinksAttached(Arc::clone(self))
    }

    fn lead_to(&self, control: Option<Arc<Spread<Control>>>) {
        self.control.store(control);
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn control(&self) -> Result<Lent<Control>, Fault> {
        let control = self.control.load().as_ref().map(|control| control.lend());
        control.ok_or_else(|| Fault::new(FaultKind::Unavailable, "there are no services yet").unprocessed())
    }
}

impl ports::Discovery for ServiceLinks {
    fn version(&self) -> u64 {
        self.control().map_or(0, |control| control.version())
    }

    fn resolve(&self, name: &str) -> Option<ServiceInfo> {
        self.control().ok()?.info(&name.parse().ok()?)
    }

    fn services(&self) -> Vec<ServiceInfo> {
        self.control().map(|control| control.discover().1).unwrap_or_default()
    }
}

impl ports::Links for ServiceLinks {
    fn call<'a>(&'a self, call: &'a mut LinkCall<'_>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        // In one piece: each `async fn` in between would have its arguments copied once more.
        in_place(Box::new_uninit(), async move {
            let LinkCall { caller, function, arguments, course, watch, memo } = call;
            let known = memo.as_ref().and_then(|memo| memo.get::<Wired>()?.lend(&self.changes));
            let (control, linked) = match known {
                Some(known) => known,
                None => {
                    let control = self.control()?;
                    let moment = Moment::now(&self.changes, &control);
                    let linked = match control.linked(caller, function) {
                        Ok(linked) => linked,
                        Err(fault) => return control.without_link(caller, function, fault),
                    };
                    if let Some(memo) = memo {
                        memo.keep(Wired::new(moment, &control, &linked));
                    }
                    (control, linked)
                }
            };
            let target = control.routed(linked.entry).over(linked.policy, linked.lets_in);
            let begun = (control.new_call(), control.tracer.follow(course.trace.as_ref()));
            let hops = next_hop(target.name(), caller, course, begun.0)?;
            let arrival = leads_on(caller, Instant::from_std(watch.begun()), course, hops, begun);
            let payload = TypedPayload::new(function, mem::take(arguments));
            let (outcome, ended) = patchbay_channel::call_timed(&target, &arrival, payload).await;
            watch.stop(ended.into_std());
            outcome
        })
    }

    fn invoke<'a>(
        &'a self,
        caller: &'a ServiceName,
        course: Course,
        invocation: Invocation,
    ) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move { self.control()?.invoke(caller, course, invocation).await })
    }
}

impl Control {
    /// Calls a function of `service` with packed arguments, for an operator. The result is packed, too.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] if there is no such service, and whatever ends a call.
    pub async fn call_function(
        &self,
        service: &ServiceName,
        id: CallId,
        deadline: Option<Duration>,
        payload: TypedPayload<'_>,
    ) -> Result<Bytes, Fault> {
        let entry = self.snapshot.load().service(service).map(Spread::lend);
        let entry = entry.ok_or_else(|| Fault::new(FaultKind::NotFound, "no service has this name"))?;
        let mut arrival = Arrival::from_outside(id, Principal::Operator, self.tracer.follow(None));
        arrival.deadline = deadline.map(|deadline| arrival.arrived + deadline);
        patchbay_channel::call(&self.routed(entry), &arrival, payload).await
    }

    /// What answers a call that nobody serves: a result that the caller's link has for it, or else the fault.
    fn without_link(&self, caller: &ServiceName, function: &FunctionName, fault: Fault) -> Result<Bytes, Fault> {
        let snapshot = self.snapshot.load();
        let active = snapshot.service(caller).and_then(|entry| entry.active.as_ref());
        let stand_in = active.and_then(|active| active.ready.stand_ins.links.get(&unversioned(&function.interface)));
        let result = stand_in.and_then(|stand_in| stand_in.result_of(function));
        if result.is_some() {
            let (kind, details) = (fault.kind(), fault.details());
            tracing::warn!(%caller, %function, fault = %kind, details, "call answered by a fallback");
        }
        result.ok_or(fault)
    }

    /// The service that serves a function that `caller` imports, with the policies of the link.
    fn linked(&self, caller: &ServiceName, function: &FunctionName) -> Result<Linked, Fault> {
        let unavailable = |details: String| {
            Fault::new(FaultKind::Unavailable, "no service offers this").with_details(details).unprocessed()
        };
        let snapshot = self.snapshot.load();
        let link = snapshot.links().of_caller(caller).iter().find(|link| link.interface == function.interface);
        let Some(link) = link else {
            return Err(unavailable(format!("the revision of `{caller}` that serves imports no such function")));
        };
        let callee = match &link.callee {
            Ok(callee) => snapshot.service(callee).map(Spread::lend),
            Err(unlinked) => return Err(unavailable(format!("`{}`: {unlinked}", function.interface))),
        };
        let callee = callee.ok_or_else(|| unavailable(format!("the service for `{}` was removed", link.interface)))?;
        let rules = callee.active.as_ref().map(|active| active.ready.record.settings.callers.as_deref());
        let asked = Asked::Function(function);
        let lets_in = rules.is_some_and(|rules| always(rules, callee.strict, caller, asked));
        Ok(Linked { entry: callee, policy: link.policy.as_ref().map(Spread::lend), lets_in })
    }
}
