//! Services as other services find them, and calls that name what they call at run time.

use std::time::Duration;

use crate::{InterfaceName, RevisionNumber, ServiceName};

/// A service, as others find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceInfo {
    /// Its name.
    pub name: ServiceName,
    /// The revision that serves; `None` if none can.
    pub revision: Option<RevisionNumber>,
    /// How it is.
    pub health: Health,
    /// Whether it handles HTTP requests.
    pub http: bool,
    /// The interfaces that it exports to be called by others.
    pub interfaces: Vec<InterfaceName>,
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It takes calls.
    Serving,
    /// Its calls keep failing, and it is left alone for a while.
    Broken,
    /// Nothing of it can serve.
    Down,
}

/// A call of a function that is named at run time, with its arguments as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The service.
    pub service: String,
    /// The function, with or without its interface.
    pub function: String,
    /// Its arguments: an object by their names, or an array by their positions.
    pub arguments: String,
    /// How long to wait for the result, if not as long as the caller has time.
    pub deadline: Option<Duration>,
    /// Names what is to be done. With one, the call may run twice.
    pub idempotency_key: Option<String>,
}
