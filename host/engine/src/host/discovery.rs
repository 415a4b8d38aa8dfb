//! `patchbay:host/discovery`: which services there are.

use patchbay_model::{Health, InterfaceName, ServiceInfo};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::state::State;
use wit::{WitHealth, WitService};

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/discovery@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("version", |store: StoreContextMut<'_, State>, (): ()| {
        Ok((store.data().revision.links().version(),))
    })?;
    interface.func_wrap("resolve", |store: StoreContextMut<'_, State>, (name,): (String,)| {
        Ok((store.data().revision.links().resolve(&name).map(WitService::from),))
    })?;
    interface.func_wrap("providers", |store: StoreContextMut<'_, State>, (interface,): (String,)| {
        let services = interface.parse::<InterfaceName>().map(|wanted| {
            let mut services = store.data().revision.links().services();
            services.retain(|service| service.interfaces.iter().any(|own| own.is_meant_by(&wanted)));
            services
        });
        // What is no name of an interface nobody exports.
        Ok((services.unwrap_or_default().into_iter().map(WitService::from).collect::<Vec<_>>(),))
    })
}

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the types as they are")]
mod wit {
    use wasmtime::component::{ComponentType, Lower};

    /// How a service is.
    #[derive(Debug, Clone, Copy, ComponentType, Lower)]
    #[component(enum)]
    #[repr(u8)]
    pub(super) enum WitHealth {
        #[component(name = "serving")]
        Serving,
        #[component(name = "broken")]
        Broken,
        #[component(name = "down")]
        Down,
    }

    /// A service.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(super) struct WitService {
        pub(super) name: String,
        pub(super) revision: Option<u32>,
        pub(super) health: WitHealth,
        pub(super) http: bool,
        pub(super) interfaces: Vec<String>,
    }
}

impl From<ServiceInfo> for WitService {
    fn from(info: ServiceInfo) -> Self {
        let ServiceInfo { name, revision, health, http, interfaces } = info;
        Self {
            name: name.to_string(),
            revision: revision.map(|revision| revision.get()),
            health: match health {
                Health::Serving => WitHealth::Serving,
                Health::Broken => WitHealth::Broken,
                Health::Down => WitHealth::Down,
            },
            http,
            interfaces: interfaces.iter().map(ToString::to_string).collect(),
        }
    }
}
