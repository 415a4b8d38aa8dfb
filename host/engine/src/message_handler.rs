//! What a component exports to handle messages, and how it is called: `patchbay:host/message-handler`, its variant with an
//! `async func`, or `wasi:messaging/incoming-handler`.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::bus::{Message, Verdict};
use patchbay_model::{Fault, FaultKind, InterfaceName};
use wasmtime::component::{Component, ComponentExportIndex, Instance, Resource, TypedFunc};
use wasmtime::error::Context as _;
use wasmtime::{AsContextMut, Engine, Result};

use crate::at_work::Handling;
use crate::fault::cut;
use crate::host::{Delivery, Incoming};
use crate::messaging::{Parcel, WasiError};
use crate::state::State;
use wit::{Outcome, Retry};

/// Patchbay's own, as components export it.
const OWN: &str = "patchbay:host/message-handler@0.1.0";
/// The same for many messages at a time.
const OWN_ASYNC: &str = "patchbay:host/async-message-handler@0.1.0";
/// That of WASI.
const WASI: &str = "wasi:messaging/incoming-handler@0.2.0-draft";
/// The function of each of them.
const HANDLE: &str = "handle";

/// The ways to handle messages. Of those that a component has, the first in this order is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Patchbay's own, with an `async func`.
    OwnAsync,
    /// Patchbay's own.
    Own,
    /// That of WASI.
    Wasi,
}

impl Way {
    /// What the export of this name is, if it handles messages.
    pub(crate) fn of(export: &InterfaceName) -> Option<Self> {
        let ways = [(OWN_ASYNC, Self::OwnAsync), (OWN, Self::Own), (WASI, Self::Wasi)];
        let is = |name: &str| name.parse::<InterfaceName>().is_ok_and(|name| name.is_on_track_of(export));
        ways.into_iter().find(|(name, _)| is(name)).map(|(_, way)| way)
    }

    /// Whether its function is an `async func`.
    pub(crate) const fn is_async(self) -> bool {
        matches!(self, Self::OwnAsync)
    }
}

/// Finds the handler in every instance of a component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageHandlerIndex {
    pub(crate) way: Way,
    index: ComponentExportIndex,
}

impl MessageHandlerIndex {
    /// That of `component`, if it handles messages.
    pub(crate) fn of(component: &Component, engine: &Engine) -> Option<Self> {
        let ty = component.component_type();
        let handlers = ty.exports(engine).filter_map(|(name, _)| {
            let way = Way::of(&name.parse().ok()?)?;
            let interface = component.get_export_index(None, name)?;
            Some(Self { way, index: component.get_export_index(Some(&interface), HANDLE)? })
        });
        handlers.min_by_key(|handler| handler.way)
    }

    /// The handler of an instance.
    ///
    /// # Errors
    /// If it does not have the type that its name promises.
    pub(crate) fn load(
        &self,
        mut store: impl AsContextMut<Data = State>,
        instance: &Instance,
    ) -> Result<MessageHandler> {
        let function = instance.get_func(&mut store, self.index).context("the instance lacks an export")?;
        Ok(match self.way {
            Way::Own | Way::OwnAsync => MessageHandler::Own(function.typed(&store)?),
            Way::Wasi => MessageHandler::Wasi(function.typed(&store)?),
        })
    }
}

/// Handles messages, as an instance exports it.
#[derive(Clone, Copy)]
pub(crate) enum MessageHandler {
    /// Patchbay's own.
    Own(OwnHandler),
    /// That of WASI.
    Wasi(WasiHandler),
}

/// The function of Patchbay's own.
pub(crate) type OwnHandler = TypedFunc<(Incoming, Delivery), (Outcome,)>;
/// The function of WASI.
pub(crate) type WasiHandler = TypedFunc<(Resource<Parcel>,), (std::result::Result<(), WasiError>,)>;

/// The fault of a message for a component that handles none.
pub(crate) fn handles_none(message: &Message) -> Fault {
    Fault::new(FaultKind::Invalid, "The service handles no messages.").with_details(&message.topic)
}

/// What Patchbay's own is called with.
pub(crate) fn arguments(message: Arc<Message>, attempt: u32, handling: &Handling) -> (Incoming, Delivery) {
    (message.into(), Delivery::new(attempt, handling))
}

/// What Patchbay's own says of the message.
pub(crate) fn verdict((outcome,): (Outcome,)) -> Verdict {
    match outcome {
        Outcome::Acknowledge => Verdict::Acknowledge,
        Outcome::Retry(Retry { after, reason }) => {
            Verdict::Retry { after: after.map(Duration::from_nanos), reason: reason.as_deref().map(cut) }
        }
        Outcome::Reject(reason) => Verdict::Reject { reason: cut(&reason) },
    }
}

/// What that of WASI is called with.
///
/// # Errors
/// If the instance has as many handles as it may.
pub(crate) fn parcel(state: &mut State, message: Arc<Message>) -> Result<(Resource<Parcel>,)> {
    Ok((state.table.push(Parcel::received(message))?,))
}

/// What that of WASI says of the message.
pub(crate) fn wasi_verdict((outcome,): (std::result::Result<(), WasiError>,)) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Acknowledge,
        Err(error) => Verdict::Retry { after: None, reason: Some(cut(&error.to_string())) },
    }
}

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the types as they are")]
mod wit {
    use wasmtime::component::{ComponentType, Lift};

    /// What becomes of a message.
    #[derive(ComponentType, Lift)]
    #[component(variant)]
    pub(crate) enum Outcome {
        #[component(name = "acknowledge")]
        Acknowledge,
        #[component(name = "retry")]
        Retry(Retry),
        #[component(name = "reject")]
        Reject(String),
    }

    /// A message that failed.
    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(crate) struct Retry {
        pub(super) after: Option<u64>,
        pub(super) reason: Option<String>,
    }
}
