//! `patchbay:host/identity`: who calls, and what is known of the call.

use patchbay_model::{CallContext, Principal};
use wasmtime::component::Linker;
use wasmtime::{AsContextMut, Result, StoreContextMut};

use super::nanos;
use crate::meter::now;
use crate::outgoing::AtWork;
use crate::state::State;
use wit::{WitCall, WitPrincipal, WitRevision};

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/identity@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("current-call", |mut store: StoreContextMut<'_, State>, (): ()| {
        // Only engines with concurrency know tasks, and only theirs works on several calls. The first task of the guest that
        // led here is the call that the host made.
        let task = match store.data().outgoing.at_work {
            AtWork::Calls(_) => store.as_context_mut().async_call_stack()?.last(),
            AtWork::Nothing | AtWork::Call(_) => None,
        };
        let context = store.data().outgoing.at_work.context(task);
        Ok((context.map(WitCall::from),))
    })?;
    interface.func_wrap("myself", |store: StoreContextMut<'_, State>, (): ()| {
        let id = &store.data().revision.id;
        Ok((WitRevision { service: id.service.to_string(), number: id.number.get() },))
    })
}

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the types as they are")]
mod wit {
    use wasmtime::component::{ComponentType, Lower};

    /// Who called.
    #[derive(ComponentType, Lower)]
    #[component(variant)]
    pub(super) enum WitPrincipal {
        #[component(name = "outside")]
        Outside,
        #[component(name = "operator")]
        Operator,
        #[component(name = "host")]
        Host,
        #[component(name = "service")]
        Service(String),
        #[component(name = "user")]
        #[allow(dead_code, reason = "part of the interface; this version verifies no tokens")]
        User(WitUser),
    }

    /// A user, as the verified token says.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(super) struct WitUser {
        issuer: String,
        subject: String,
        claims: String,
    }

    /// The call that the instance works on.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(super) struct WitCall {
        pub(super) id: String,
        pub(super) caller: WitPrincipal,
        pub(super) attempt: u32,
        pub(super) hops: u32,
        #[component(name = "time-left")]
        pub(super) time_left: u64,
        #[component(name = "idempotency-key")]
        pub(super) idempotency_key: Option<String>,
    }

    /// A revision of a service.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(super) struct WitRevision {
        pub(super) service: String,
        pub(super) number: u32,
    }
}

impl From<CallContext> for WitCall {
    fn from(context: CallContext) -> Self {
        let CallContext { id, deadline, hops, caller, attempt, idempotency_key, cause: _ } = context;
        Self {
            id: id.to_string(),
            caller: caller.into(),
            attempt,
            hops,
            time_left: nanos(deadline.saturating_duration_since(now())),
            idempotency_key: idempotency_key.map(|key| key.to_string()),
        }
    }
}

impl From<Principal> for WitPrincipal {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Outside => Self::Outside,
            Principal::Operator => Self::Operator,
            Principal::Host => Self::Host,
            Principal::Service(name) => Self::Service(name.to_string()),
        }
    }
}
