//! `patchbay:host/tokens`: tokens that a service has verified, and tokens that it has signed. What it may not have done is part
//! of the result, so it never ends the call of who asks.

use std::time::Duration;

use patchbay_model::ports::{TokenError, TokenWish};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut, bail};

use super::identity::WitUser;
use crate::state::State;
use wit::{WitError, WitErrorKind};

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/tokens@0.1.0";

/// What `verify` returns.
type Verified = (std::result::Result<WitUser, WitError>,);
/// What `mint` is given.
type Wish = (String, Vec<String>, Option<u64>);
/// What `mint` returns.
type Minted = (std::result::Result<String, WitError>,);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap_async("verify", |store: StoreContextMut<'_, State>, (token,): (String,)| {
        Box::new(verify(store, token))
    })?;
    interface.func_wrap_async("mint", |store: StoreContextMut<'_, State>, wish: Wish| Box::new(mint(store, wish)))
}

async fn verify(store: StoreContextMut<'_, State>, token: String) -> Result<Verified> {
    let (revision, meter) = (store.data().revision.clone(), store.data().meter.clone());
    let verified = meter.apart(revision.tokens().verify(&revision.id.service, &token)).await;
    Ok((verified.map(|user| WitUser::from(&*user)).map_err(WitError::from),))
}

async fn mint(store: StoreContextMut<'_, State>, (audience, scopes, lifetime): Wish) -> Result<Minted> {
    let state = store.data();
    let Some(course) = state.outgoing.at_work.course() else {
        bail!("`mint` was called outside of a call, while the instance was made");
    };
    let (revision, meter) = (state.revision.clone(), state.meter.clone());
    // One who works on several calls at once cannot be told for whom this is, and a token about itself would say more.
    if course.call.is_none() {
        let error =
            TokenError::Denied("it cannot be told for which of its calls the instance wants a token".to_owned());
        return Ok((Err(error.into()),));
    }
    let wish = TokenWish { audience, scopes, lifetime: lifetime.map(Duration::from_nanos) };
    let minted = meter.apart(revision.tokens().mint(&revision.id.service, course, wish)).await;
    Ok((minted.map_err(WitError::from),))
}

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the types as they are")]
mod wit {
    use wasmtime::component::{ComponentType, Lower};

    /// What was not done.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(super) struct WitError {
        pub(super) kind: WitErrorKind,
        pub(super) message: String,
    }

    /// Why.
    #[derive(Clone, Copy, ComponentType, Lower)]
    #[component(enum)]
    #[repr(u8)]
    pub(super) enum WitErrorKind {
        #[component(name = "invalid")]
        Invalid,
        #[component(name = "expired")]
        Expired,
        #[component(name = "denied")]
        Denied,
        #[component(name = "unavailable")]
        Unavailable,
    }
}

impl From<TokenError> for WitError {
    fn from(error: TokenError) -> Self {
        let kind = match &error {
            TokenError::Invalid(_) => WitErrorKind::Invalid,
            TokenError::Expired => WitErrorKind::Expired,
            TokenError::Denied(_) => WitErrorKind::Denied,
            TokenError::Unavailable(_) => WitErrorKind::Unavailable,
        };
        Self { kind, message: error.to_string() }
    }
}
