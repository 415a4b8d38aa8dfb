//! `patchbay:host/invoke`: calls of functions that are named at run time. A fault is part of the result, so it never ends the
//! call of its caller.

use std::time::Duration;

use patchbay_model::{Fault, FaultKind, Invocation};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut, bail};

use super::nanos;
use crate::state::State;
use wit::{WitFault, WitFaultKind, WitOptions};

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/invoke@0.1.0";

/// What `call` is given.
type Arguments = (String, String, String, WitOptions);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.instance(INTERFACE)?.func_wrap_async("call", |store: StoreContextMut<'_, State>, arguments: Arguments| {
        Box::new(async move { call(store, arguments).await.map(|result| (result.map_err(WitFault::from),)) })
    })
}

/// Makes the call, in the course of the call that the instance works on.
async fn call(
    store: StoreContextMut<'_, State>,
    (service, function, arguments, options): Arguments,
) -> Result<std::result::Result<String, Fault>> {
    let state = store.data();
    let Some(course) = state.outgoing.at_work.course() else {
        bail!("`invoke` was called outside of a call, while the instance was made");
    };
    let (revision, meter) = (state.revision.clone(), state.meter.clone());
    let WitOptions { deadline, idempotency_key } = options;
    let deadline = deadline.map(Duration::from_nanos);
    let invocation = Invocation { service, function, arguments, deadline, idempotency_key };
    Ok(meter.apart(revision.links().invoke(&revision.id.service, course, invocation)).await)
}

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the types as they are")]
mod wit {
    use wasmtime::component::{ComponentType, Lift, Lower};

    /// How a call is to be made.
    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(super) struct WitOptions {
        pub(super) deadline: Option<u64>,
        #[component(name = "idempotency-key")]
        pub(super) idempotency_key: Option<String>,
    }

    /// A call that failed.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(super) struct WitFault {
        pub(super) kind: WitFaultKind,
        pub(super) message: String,
        #[component(name = "retry-after")]
        pub(super) retry_after: Option<u64>,
    }

    /// How it failed, in the order of the interface.
    #[derive(Debug, Clone, Copy, ComponentType, Lower)]
    #[component(enum)]
    #[repr(u8)]
    pub(super) enum WitFaultKind {
        #[component(name = "not-found")]
        NotFound,
        #[component(name = "method-not-allowed")]
        MethodNotAllowed,
        #[component(name = "denied")]
        Denied,
        #[component(name = "invalid")]
        Invalid,
        #[component(name = "too-large")]
        TooLarge,
        #[component(name = "deadline")]
        Deadline,
        #[component(name = "overloaded")]
        Overloaded,
        #[component(name = "rate-limited")]
        RateLimited,
        #[component(name = "unavailable")]
        Unavailable,
        #[component(name = "exhausted")]
        Exhausted,
        #[component(name = "trapped")]
        Trapped,
        #[component(name = "failed")]
        Failed,
        #[component(name = "loop")]
        Loop,
        #[component(name = "cancelled")]
        Cancelled,
        #[component(name = "internal")]
        Internal,
    }
}

impl From<Fault> for WitFault {
    fn from(fault: Fault) -> Self {
        Self {
            kind: fault.kind().into(),
            message: fault.public().to_owned(),
            retry_after: fault.retry_after().map(nanos),
        }
    }
}

impl From<FaultKind> for WitFaultKind {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::NotFound => Self::NotFound,
            FaultKind::MethodNotAllowed => Self::MethodNotAllowed,
            FaultKind::Denied | FaultKind::Unauthenticated => Self::Denied,
            FaultKind::Invalid => Self::Invalid,
            FaultKind::TooLarge => Self::TooLarge,
            FaultKind::Deadline => Self::Deadline,
            FaultKind::Overloaded => Self::Overloaded,
            FaultKind::RateLimited => Self::RateLimited,
            FaultKind::Unavailable => Self::Unavailable,
            FaultKind::Exhausted => Self::Exhausted,
            FaultKind::Trapped => Self::Trapped,
            FaultKind::Failed => Self::Failed,
            FaultKind::Loop => Self::Loop,
            FaultKind::Cancelled => Self::Cancelled,
            FaultKind::Internal => Self::Internal,
        }
    }
}
