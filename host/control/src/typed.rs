//! Typed calls: of operators, who name the service, and of services, whose imports are linked to others.

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use patchbay_channel::{Arrival, TypedPayload};
use patchbay_model::ports::{self, BoxFuture};
use patchbay_model::{CallId, Course, Fault, FaultKind, FunctionName, ServiceName};
use tokio::time::{Duration, Instant};

use crate::control::Control;
use crate::snapshot::{ServiceEntry, Snapshot};
use crate::target::Routed;

/// Takes the calls that services make of each other.
#[derive(Debug, Default)]
pub struct ServiceLinks(OnceLock<Weak<Control>>);

impl ServiceLinks {
    /// Leads calls to the services of `control`. To be called once; until then there are none.
    pub fn attach(&self, control: &Arc<Control>) {
        // A second control would be a defect of the composition; the first one stays.
        let _ = self.0.set(Arc::downgrade(control));
    }
}

impl ports::Links for ServiceLinks {
    fn call<'a>(
        &'a self,
        caller: &'a ServiceName,
        course: Course,
        function: &'a Arc<FunctionName>,
        arguments: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, Fault>> {
        Box::pin(async move {
            let control = self.0.get().and_then(Weak::upgrade);
            let control = control.ok_or_else(|| Fault::new(FaultKind::Unavailable, "there are no services yet"))?;
            control.call_linked(caller, course, function, arguments).await
        })
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
        payload: TypedPayload,
    ) -> Result<Bytes, Fault> {
        let entry = self.snapshot.load().service(service).cloned();
        let entry = entry.ok_or_else(|| Fault::new(FaultKind::NotFound, "no service has this name"))?;
        let arrived = Instant::now();
        let deadline = deadline.map(|deadline| arrived + deadline);
        let arrival = Arrival { id, parent: None, hops: 0, arrived, deadline };
        patchbay_channel::call(&Routed { snapshot: &self.snapshot, entry, caller: None }, arrival, payload).await
    }

    /// Calls what an import of `caller` is linked to, in the course of a call that it works on.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`] if it is linked to nothing, [`FaultKind::Denied`] if the callee does not name `caller`
    /// among its callers, [`FaultKind::Loop`] if the chain of calls is too long, and whatever ends a call.
    async fn call_linked(
        &self,
        caller: &ServiceName,
        course: Course,
        function: &Arc<FunctionName>,
        arguments: Bytes,
    ) -> Result<Bytes, Fault> {
        let callee = linked(&self.snapshot.load(), caller, function)?;
        let arrival = self.leads_on(&callee, caller, course, self.new_call())?;
        let payload = TypedPayload { function: Arc::clone(function), arguments };
        let target = Routed { snapshot: &self.snapshot, entry: callee, caller: Some(caller) };
        patchbay_channel::call(&target, arrival, payload).await
    }
}

/// The service that serves a function that `caller` imports.
fn linked(snapshot: &Snapshot, caller: &ServiceName, function: &FunctionName) -> Result<Arc<ServiceEntry>, Fault> {
    let unavailable =
        |details: String| Fault::new(FaultKind::Unavailable, "no service offers this").with_details(details);
    let link = snapshot.links().of_caller(caller).iter().find(|link| link.interface == function.interface);
    let callee = match link.map(|link| &link.callee) {
        Some(Ok(callee)) => callee,
        Some(Err(unlinked)) => return Err(unavailable(format!("`{}`: {unlinked}", function.interface))),
        None => return Err(unavailable(format!("the revision of `{caller}` that serves imports no such function"))),
    };
    let entry = snapshot.service(callee).cloned();
    entry.ok_or_else(|| unavailable(format!("the service `{callee}` was removed")))
}
