//! The types of the interface, from and to those of the model.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use patchbay_model::bus::{BusError, Message, Receipt};
use patchbay_model::ports::Publication;
use wasmtime::Result;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Lower};

use super::nanos;
use crate::at_work::Handling;
use crate::attributes;
use crate::meter::now;
pub(crate) use wit::Delivery;
pub(super) use wit::{Failure, WitPublication, WitReceipt};
use wit::{Kind, View};

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the types as they are")]
mod wit {
    use bytes::Bytes;
    use wasmtime::component::{ComponentType, Lift, Lower};

    /// A message that was published, without a copy of it.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct View<'m> {
        pub(super) topic: &'m str,
        pub(super) id: &'m str,
        pub(super) source: &'m str,
        pub(super) kind: &'m str,
        pub(super) time: u64,
        pub(super) subject: Option<&'m str>,
        #[component(name = "content-type")]
        pub(super) content_type: Option<&'m str>,
        #[component(name = "data-schema")]
        pub(super) data_schema: Option<&'m str>,
        pub(super) key: Option<&'m str>,
        pub(super) extensions: &'m [(String, String)],
        pub(super) headers: &'m [(String, String)],
        #[component(name = "reply-to")]
        pub(super) reply_to: Option<&'m str>,
        pub(super) data: &'m [u8],
    }

    /// What is to be published.
    #[derive(ComponentType, Lift)]
    #[component(record)]
    pub(in crate::host::messaging) struct WitPublication {
        pub(super) topic: String,
        pub(super) data: Bytes,
        #[component(name = "content-type")]
        pub(super) content_type: Option<String>,
        pub(super) kind: Option<String>,
        pub(super) id: Option<String>,
        pub(super) subject: Option<String>,
        pub(super) key: Option<String>,
        pub(super) extensions: Vec<(String, String)>,
        pub(super) headers: Vec<(String, String)>,
        #[component(name = "reply-to")]
        pub(super) reply_to: Option<String>,
    }

    /// What a publisher gets for a message that was taken.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(in crate::host::messaging) struct WitReceipt {
        pub(super) durable: bool,
        pub(super) sequence: Option<u64>,
        pub(super) duplicate: bool,
    }

    /// Why the bus did not do what it was asked to, in the order of the interface.
    #[derive(Debug, Clone, Copy, ComponentType, Lower)]
    #[component(enum)]
    #[repr(u8)]
    pub(in crate::host::messaging) enum Kind {
        #[component(name = "invalid")]
        Invalid,
        #[component(name = "denied")]
        Denied,
        #[component(name = "too-large")]
        TooLarge,
        #[component(name = "full")]
        Full,
        #[component(name = "unavailable")]
        Unavailable,
        #[component(name = "timeout")]
        Timeout,
        #[component(name = "no-responders")]
        NoResponders,
        #[component(name = "not-found")]
        NotFound,
        #[component(name = "storage")]
        Storage,
    }

    /// A failure.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(in crate::host::messaging) struct Failure {
        pub(super) kind: Kind,
        pub(super) message: String,
    }

    /// How a message is handed to an instance.
    #[derive(ComponentType, Lower)]
    #[component(record)]
    pub(crate) struct Delivery {
        pub(super) group: std::sync::Arc<str>,
        pub(super) attempt: u32,
        #[component(name = "time-left")]
        pub(super) time_left: u64,
    }
}

impl WitPublication {
    /// # Errors
    /// [`BusError::Invalid`] if an attribute cannot be what it is to be.
    pub(super) fn into_publication(self) -> std::result::Result<Publication, BusError> {
        let Self { topic, data, content_type, kind, id, subject, key, extensions, headers, reply_to } = self;
        let reply_to = reply_to.map(|topic| topic.parse()).transpose();
        let mut publication = Publication {
            topic,
            id,
            kind,
            subject,
            content_type,
            key,
            headers,
            reply_to: reply_to.map_err(|error| BusError::Invalid(format!("{error}")))?,
            data,
            ..Publication::default()
        };
        for (name, value) in extensions {
            attributes::set(&mut publication, &name, value)?;
        }
        Ok(publication)
    }

    /// The same as the answer to a message.
    ///
    /// # Errors
    /// Those of the other.
    pub(super) fn into_reply(self, to: String) -> std::result::Result<Publication, BusError> {
        Self { topic: to, ..self }.into_publication()
    }
}

impl From<Receipt> for WitReceipt {
    fn from(Receipt { level, sequence, duplicate }: Receipt) -> Self {
        Self { durable: level.is_stored(), sequence, duplicate }
    }
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        let kind = match error {
            BusError::Invalid(_) => Kind::Invalid,
            BusError::Denied(_) => Kind::Denied,
            BusError::TooLarge { .. } => Kind::TooLarge,
            BusError::Full { .. } => Kind::Full,
            BusError::Unavailable(_) => Kind::Unavailable,
            BusError::Timeout(_) => Kind::Timeout,
            BusError::NoResponders(_) => Kind::NoResponders,
            BusError::NotFound(_) => Kind::NotFound,
            BusError::Storage(_) => Kind::Storage,
        };
        Self { kind, message: error.to_string() }
    }
}

impl Delivery {
    /// As it is now.
    pub(crate) fn new(attempt: u32, handling: &Handling) -> Self {
        let left = handling.patience.until().saturating_duration_since(now());
        Self { group: handling.group.clone(), attempt, time_left: nanos(left) }
    }
}

/// A message on its way into a guest, which gets it without another copy of it being made.
pub(crate) struct Incoming(Arc<Message>);

impl From<Message> for Incoming {
    fn from(message: Message) -> Self {
        Self(Arc::new(message))
    }
}

impl From<Arc<Message>> for Incoming {
    fn from(message: Arc<Message>) -> Self {
        Self(message)
    }
}

impl Incoming {
    fn view(&self) -> View<'_> {
        let message = &*self.0;
        View {
            topic: message.topic.as_str(),
            id: &message.id,
            source: &message.source,
            kind: &message.kind,
            time: since_1970(message.time),
            subject: message.subject.as_deref(),
            content_type: message.content_type.as_deref(),
            data_schema: message.data_schema.as_deref(),
            key: message.key(),
            extensions: &message.extensions,
            headers: &message.headers,
            reply_to: message.reply_to.as_ref().map(|topic| topic.as_str()),
            data: &message.data,
        }
    }
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, nanos)
}

#[allow(unsafe_code, reason = "it is what the view is, whose implementation is derived")]
// SAFETY: everything is that of `View`, whatever its lifetime: a view is made and lowered in its place.
unsafe impl ComponentType for Incoming {
    type Lower = <View<'static> as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <View<'static> as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        <View<'static> as ComponentType>::typecheck(ty, types)
    }
}

#[allow(unsafe_code, reason = "it is what the view is, whose implementation is derived")]
// SAFETY: as above.
unsafe impl Lower for Incoming {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        self.view().linear_lower_to_flat(cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(&self, cx: &mut LowerContext<'_, T>, ty: InterfaceType, offset: usize) -> Result<()> {
        self.view().linear_lower_to_memory(cx, ty, offset)
    }
}
