//! Services for each other: finding them, and calling their functions.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

use super::BoxFuture;
use crate::{Course, Fault, FunctionName, Invocation, ServiceInfo, ServiceName};

/// Tells services of each other. Implemented by control.
pub trait Discovery: Send + Sync {
    /// A number that grows whenever a service comes, goes, or gets another revision.
    fn version(&self) -> u64;

    /// One service; `None` if there is none of this name.
    fn resolve(&self, name: &str) -> Option<ServiceInfo>;

    /// All services, by name.
    fn services(&self) -> Vec<ServiceInfo>;
}

/// What was found out about where a link leads, for the next call over it. Whoever makes the calls keeps it and does not look
/// into it; whoever leads them says what it is, and asks each time whether it still holds. Without it nothing is but slower.
#[derive(Default)]
pub struct LinkMemo(Option<Box<dyn Any + Send>>);

impl LinkMemo {
    /// What was kept of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }

    /// Keeps something in the place of what was kept.
    pub fn keep<T: Any + Send>(&mut self, found: T) {
        match self.0.as_mut().and_then(|kept| kept.downcast_mut()) {
            Some(kept) => *kept = found,
            None => self.0 = Some(Box::new(found)),
        }
    }
}

/// Takes the typed calls of instances to other services. Implemented by control.
pub trait Links: Discovery {
    /// Takes one call of `caller` to whatever serves the function. Dropping the future cancels the call. `memo` is the one that
    /// the last call got that the same instance made of this function, where it keeps one.
    fn call<'a>(
        &'a self,
        caller: &'a ServiceName,
        course: Course,
        function: &'a Arc<FunctionName>,
        arguments: Bytes,
        memo: Option<&'a mut LinkMemo>,
    ) -> BoxFuture<'a, Result<Bytes, Fault>>;

    /// Makes a call that `caller` names at run time; the result as JSON. Dropping the future cancels the call.
    fn invoke<'a>(
        &'a self,
        caller: &'a ServiceName,
        course: Course,
        invocation: Invocation,
    ) -> BoxFuture<'a, Result<String, Fault>>;
}
