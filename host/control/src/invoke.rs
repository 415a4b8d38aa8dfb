//! Calls of functions that a service names at run time, with values as JSON.

use std::sync::Arc;

use patchbay_channel::TypedPayload;
use patchbay_contract::packed;
use patchbay_model::{Course, Fault, FaultKind, Invocation, ServiceName};
use tokio::time::Instant;

use crate::control::Control;
use crate::functions::find;
use crate::internal::{leads_on, next_hop};

impl Control {
    /// Makes the call of `caller`, in the course of a call that it works on; the result as JSON, `null` if there is none.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] if there is no such service or function, [`FaultKind::Invalid`] if the arguments are not
    /// those of the function, and whatever ends a call.
    pub(crate) async fn invoke(
        &self,
        caller: &ServiceName,
        mut course: Course,
        invocation: Invocation,
    ) -> Result<String, Fault> {
        let Invocation { service, function, arguments, deadline, idempotency_key } = invocation;
        let not_found = |what: String| Fault::new(FaultKind::NotFound, what).unprocessed();
        let invalid = |what: String| Fault::new(FaultKind::Invalid, what).unprocessed();
        let entry = self.snapshot.load().service_called(&service).cloned();
        let entry = entry.ok_or_else(|| not_found("no service has this name".to_owned()))?;
        let Some(active) = entry.active.clone() else {
            return Err(Fault::new(FaultKind::Unavailable, "the service has no revision that can serve").unprocessed());
        };
        let (name, function) = find(&active.ready.contract, &function).map_err(|error| not_found(error.to_string()))?;
        let arguments = serde_json::from_str(&arguments).map_err(|error| invalid(format!("no JSON: {error}")))?;
        let arguments =
            packed::arguments_from_json(function, &arguments).map_err(|error| invalid(error.to_string()))?;

        if let Some(deadline) = deadline {
            course.deadline = course.deadline.min((Instant::now() + deadline).into_std());
        }
        let begun = (self.new_call(), self.tracer.follow(course.trace.as_ref()));
        let hops = next_hop(&entry.name, caller, &course, begun.0)?;
        let mut arrival = leads_on(caller, Instant::now(), &mut course, hops, begun);
        let name = Arc::new(name);
        let mut payload = TypedPayload::new(&name, arguments.into());
        if let Some(key) = idempotency_key {
            payload = payload.repeatable();
            arrival.idempotency_key = Some(key.into());
        }
        let result = patchbay_channel::call(&self.routed(entry.lend()), &arrival, payload).await?;
        let result = packed::result_to_json(function, &result).map_err(|error| {
            Fault::new(
                FaultKind::Failed,
                "the service was replaced during the call by one whose result has another type",
            )
            .with_details(error)
        })?;
        Ok(result.to_string())
    }
}

#[cfg(test)]
mod tests;
