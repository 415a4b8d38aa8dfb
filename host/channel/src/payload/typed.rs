//! Functions and their results, as packed values.

use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::ports::{BoxFuture, Prepared};
use patchbay_model::units::format_size;
use patchbay_model::{Fault, FaultKind, FunctionName, Limits, TypedCall};

use super::{Bounds, Leg, Payload};

/// A function and the arguments that it is called with.
#[derive(Debug, Clone)]
pub struct TypedPayload {
    /// The function.
    pub function: Arc<FunctionName>,
    /// Its arguments, packed.
    pub arguments: Bytes,
}

impl Payload for TypedPayload {
    type Reply = Bytes;

    fn limit(&mut self, limits: &Limits) -> Result<(), Fault> {
        let limit = limits.request_body;
        if self.arguments.len() as u64 > limit {
            let accepts = format_size(limit);
            let public = format!("the arguments are larger than the {accepts} that this service accepts");
            return Err(Fault::new(FaultKind::TooLarge, public));
        }
        Ok(())
    }

    fn dispatch<'p>(&mut self, prepared: &'p dyn Prepared, leg: Leg) -> BoxFuture<'p, Result<Bytes, Fault>> {
        let Leg { id, deadline, hops, hold } = leg;
        let (function, arguments) = (Arc::clone(&self.function), std::mem::take(&mut self.arguments));
        prepared.invoke(TypedCall { id, deadline, hops, function, arguments, hold })
    }

    fn fault(&self, _limits: &Limits) -> Option<Fault> {
        None
    }

    fn bind(&self, result: Bytes, mut bounds: Bounds<'_>) -> Result<Bytes, Fault> {
        let limit = bounds.limits.response_body;
        if result.len() as u64 > limit {
            return Err(Fault::new(FaultKind::Exhausted, "The result of the service is larger than it may be.")
                .with_details(format_args!(
                    "it has {} bytes, and `response_body` allows {}",
                    result.len(),
                    format_size(limit)
                )));
        }
        // All of it is there: nothing is occupied any more, and nothing can go wrong.
        bounds.trial.succeeded();
        Ok(result)
    }

    fn status(_result: &Bytes) -> Option<u16> {
        None
    }
}
