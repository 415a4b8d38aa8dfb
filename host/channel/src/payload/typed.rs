//! Functions and their results, as packed values.

use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::policy::RetrySettings;
use patchbay_model::ports::{BoxFuture, Prepared};
use patchbay_model::units::format_size;
use patchbay_model::{CallContext, Fault, FaultKind, FunctionName, Hold, Limits, TypedCall};

use super::{Bounds, Payload};
use crate::access::Asked;
use crate::record::Subject;
use crate::target::StandIn;

/// A function and the arguments that it is called with.
#[derive(Debug)]
pub struct TypedPayload<'f> {
    function: &'f Arc<FunctionName>,
    /// Packed; absent once they are handed over.
    arguments: Option<Bytes>,
    /// Another reference to the arguments, for another attempt.
    kept: Option<Bytes>,
    /// Whether its caller says that it may be processed twice.
    repeatable: bool,
}

impl<'f> TypedPayload<'f> {
    /// A call of `function` with packed `arguments`.
    pub const fn new(function: &'f Arc<FunctionName>, arguments: Bytes) -> Self {
        Self { function, arguments: Some(arguments), kept: None, repeatable: false }
    }

    /// The same call, whose caller says that it may be processed twice.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

impl Payload for TypedPayload<'_> {
    type Reply = Bytes;

    fn asked(&self) -> Asked<'_> {
        Asked::Function(self.function)
    }

    fn subject(&self) -> Subject {
        Subject::Function(Arc::clone(self.function))
    }

    fn is_repeatable(&self, retry: &RetrySettings) -> bool {
        self.repeatable || retry.repeats_function(self.function)
    }

    fn limit(&mut self, _: &Limits, most: u64) -> Result<(), Fault> {
        if self.arguments.as_ref().is_some_and(|arguments| arguments.len() as u64 > most) {
            let accepts = format_size(most);
            let public = format!("the arguments are larger than the {accepts} that this service accepts");
            return Err(Fault::new(FaultKind::TooLarge, public));
        }
        Ok(())
    }

    fn keep(&mut self) {
        if self.kept.is_none() {
            self.kept.clone_from(&self.arguments);
        }
    }

    fn is_whole(&self) -> bool {
        self.arguments.is_some() || self.kept.is_some()
    }

    fn dispatch<'p>(
        &mut self,
        prepared: &'p dyn Prepared,
        context: Box<CallContext>,
        hold: &'p Hold,
    ) -> BoxFuture<'p, Result<Bytes, Fault>>
    where
        Self: 'p,
    {
        let function = self.function;
        match self.arguments.take().or_else(|| self.kept.clone()) {
            Some(arguments) => prepared.invoke(TypedCall { context, function, arguments, hold }),
            None => super::gone(),
        }
    }

    fn fault(&self, _: u64) -> Option<Fault> {
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
        bounds.trial.succeeded(bounds.answered);
        Ok(result)
    }

    fn substitute(&self, stand_in: &StandIn) -> Option<Bytes> {
        stand_in.result_of(self.function)
    }

    fn status(_result: &Bytes) -> Option<u16> {
        None
    }
}
