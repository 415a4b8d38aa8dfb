//! `patchbay:host/identity`: who calls, and what is known of the call.

use patchbay_model::{CallContext, Principal, User};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use super::nanos;
use crate::at_work;
use crate::meter::now;
use crate::state::State;
pub(super) use wit::WitUser;
use wit::{WitCall, WitPrincipal, WitRevision};

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/identity@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("current-call", |mut store: StoreContextMut<'_, State>, (): ()| {
        Ok((at_work::look(&mut store, |assignment| WitCall::from(assignment.context()))?,))
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
        User(WitUser),
    }

    /// A user, as the verified token says.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(in crate::host) struct WitUser {
        pub(super) issuer: String,
        pub(super) subject: String,
        pub(super) scopes: Vec<String>,
        pub(super) groups: Vec<String>,
        pub(super) claims: String,
    }

    /// The call that the instance works on.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(super) struct WitCall {
        pub(super) id: String,
        pub(super) caller: WitPrincipal,
        pub(super) user: Option<WitUser>,
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
        let CallContext { id, deadline, hops, caller, attempt, idempotency_key, cause: _, trace: _, user } = context;
        Self {
            id: id.to_string(),
            caller: caller.into(),
            user: user.as_deref().map(WitUser::from),
            attempt,
            hops,
            time_left: nanos(deadline.saturating_duration_since(now())),
            idempotency_key: idempotency_key.map(|key| key.to_string()),
        }
    }
}

impl From<&User> for WitUser {
    fn from(user: &User) -> Self {
        Self {
            issuer: user.issuer.clone(),
            subject: user.subject.clone(),
            scopes: user.scopes.clone(),
            groups: user.groups.clone(),
            claims: user.claims_text(),
        }
    }
}

impl From<Principal> for WitPrincipal {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Outside => Self::Outside,
            Principal::User(user) => Self::User(WitUser::from(&*user)),
            Principal::Operator => Self::Operator,
            Principal::Host => Self::Host,
            Principal::Service(name) => Self::Service(name.to_string()),
        }
    }
}
