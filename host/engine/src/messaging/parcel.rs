//! A message in the hands of a guest: one that arrived, or one that it makes.
//!
//! Metadata are headers, and those named `ce-NAME` are CloudEvents attributes. A message that arrived shows those of its
//! publisher; when it is sent on, only what the guest has set itself is.

use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::bus::{BusError, Message};
use patchbay_model::ports::Publication;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::attributes;
use crate::limiter::OutOfMemory;
use crate::state::State;

/// What the names of metadata begin with that are attributes: those of CloudEvents over HTTP.
const ATTRIBUTE: &str = "ce-";

/// Names and values.
pub(super) type Metadata = Vec<(String, String)>;

/// Such a message.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// As it arrived, if it did.
    received: Option<Arc<Message>>,
    /// As the guest made or changed it, if it did.
    draft: Option<Box<Draft>>,
    /// Bytes that count as memory of the instance.
    kept: usize,
}

#[derive(Debug, Default)]
struct Draft {
    content_type: Option<String>,
    data: Bytes,
    /// The attributes that it arrived with, which are shown and not sent.
    arrived: Metadata,
    /// The others, if there were any ever.
    metadata: Option<Metadata>,
}

impl Parcel {
    /// A message that is delivered. The instance gets one at a time, so that it does not count.
    pub(crate) const fn received(message: Arc<Message>) -> Self {
        Self { received: Some(message), draft: None, kept: 0 }
    }

    /// A new one.
    pub(super) fn new(data: Bytes) -> Self {
        Self { received: None, draft: Some(Box::new(Draft { data, ..Draft::default() })), kept: 0 }
    }

    pub(super) fn topic(&self) -> Option<String> {
        self.received.as_ref().map(|message| message.topic.as_str().to_owned())
    }

    /// Where an answer is waited for.
    pub(super) fn reply_to(&self) -> Option<String> {
        let topic = self.received.as_ref()?.reply_to.as_ref();
        topic.map(|topic| topic.as_str().to_owned())
    }

    pub(super) fn content_type(&self) -> Option<String> {
        match (&self.draft, &self.received) {
            (Some(draft), _) => draft.content_type.clone(),
            (None, received) => received.as_ref()?.content_type.clone(),
        }
    }

    pub(super) fn data(&self) -> Bytes {
        match (&self.draft, &self.received) {
            (Some(draft), _) => draft.data.clone(),
            (None, received) => received.as_ref().map(|message| message.data.clone()).unwrap_or_default(),
        }
    }

    pub(super) fn metadata(&self) -> Option<Metadata> {
        let Some(draft) = &self.draft else {
            let message = self.received.as_ref()?;
            return Some(shown(message).chain(message.headers.iter().cloned()).collect());
        };
        let own = draft.metadata.as_ref();
        let any = own.is_some() || !draft.arrived.is_empty();
        any.then(|| draft.arrived.iter().chain(own.into_iter().flatten()).cloned().collect())
    }

    pub(super) fn set_content_type(&mut self, content_type: String) {
        self.draft().content_type = Some(content_type);
    }

    pub(super) fn set_data(&mut self, data: Bytes) {
        self.draft().data = data;
    }

    pub(super) fn set_metadata(&mut self, metadata: Metadata) {
        let draft = self.draft();
        draft.arrived.clear();
        draft.metadata = Some(metadata);
    }

    pub(super) fn add_metadata(&mut self, name: String, value: String) {
        let draft = self.draft();
        draft.arrived.retain(|(arrived, _)| *arrived != name);
        draft.metadata.get_or_insert_default().push((name, value));
    }

    pub(super) fn remove_metadata(&mut self, name: &str) {
        let draft = self.draft();
        draft.arrived.retain(|(arrived, _)| arrived != name);
        draft.metadata.get_or_insert_default().retain(|(own, _)| own != name);
    }

    /// What is published of it. Its data are shared.
    ///
    /// # Errors
    /// [`BusError::Invalid`] if an attribute cannot be what it is to be.
    pub(super) fn publication(&self, topic: String) -> std::result::Result<Publication, BusError> {
        let (data, content_type) = (self.data(), self.content_type());
        let mut publication = Publication { topic, data, content_type, ..Publication::default() };
        let Some(draft) = &self.draft else {
            publication.headers = self.received.as_ref().map(|message| message.headers.clone()).unwrap_or_default();
            return Ok(publication);
        };
        for (name, value) in draft.metadata.iter().flatten() {
            match name.strip_prefix(ATTRIBUTE) {
                Some(attribute) => attributes::set(&mut publication, attribute, value.clone())?,
                None => publication.headers.push((name.clone(), value.clone())),
            }
        }
        Ok(publication)
    }

    /// Makes it one that can be changed.
    fn draft(&mut self) -> &mut Draft {
        let received = self.received.as_deref();
        self.draft.get_or_insert_with(|| Box::new(received.map(Draft::of).unwrap_or_default()))
    }

    /// What it takes, in bytes.
    fn size(&self) -> usize {
        let received = self.received.as_ref().map_or(0, |message| message.size());
        received + self.draft.as_ref().map_or(0, |draft| draft.size())
    }
}

impl Draft {
    fn of(message: &Message) -> Self {
        Self {
            content_type: message.content_type.clone(),
            data: message.data.clone(),
            arrived: shown(message).collect(),
            metadata: Some(message.headers.clone()),
        }
    }

    fn size(&self) -> usize {
        let pairs = self.arrived.iter().chain(self.metadata.iter().flatten());
        let pairs = pairs.map(|(name, value)| name.len() + value.len() + 2 * size_of::<String>());
        self.data.len() + self.content_type.as_ref().map_or(0, String::len) + pairs.sum::<usize>()
    }
}

/// The attributes of a message, as metadata.
fn shown(message: &Message) -> impl Iterator<Item = (String, String)> {
    attributes::of(message).map(|(name, value)| (format!("{ATTRIBUTE}{name}"), value))
}

/// Hands a message to the guest that counts as memory of its instance.
///
/// # Errors
/// If the instance has as much memory or as many handles as it may.
pub(super) fn push(state: &mut State, parcel: Parcel) -> Result<Resource<Parcel>> {
    let parcel = recount(state, parcel)?;
    Ok(state.table.push(parcel)?)
}

/// Changes a message, and counts it anew.
///
/// # Errors
/// As above, and if the guest has no such message.
pub(super) fn change(state: &mut State, parcel: &Resource<Parcel>, change: impl FnOnce(&mut Parcel)) -> Result<()> {
    let place = state.table.get_mut(parcel)?;
    change(place);
    let (before, after) = (place.kept, place.size());
    place.kept = after;
    count(state, before, after)
}

/// Takes a message from the guest.
///
/// # Errors
/// If the guest has no such message.
pub(super) fn remove(state: &mut State, parcel: Resource<Parcel>) -> Result<Parcel> {
    let parcel = state.table.delete(parcel)?;
    state.limiter.let_go(parcel.kept);
    Ok(Parcel { kept: 0, ..parcel })
}

fn recount(state: &mut State, parcel: Parcel) -> Result<Parcel> {
    let kept = parcel.size();
    count(state, parcel.kept, kept)?;
    Ok(Parcel { kept, ..parcel })
}

fn count(state: &mut State, before: usize, after: usize) -> Result<()> {
    state.limiter.let_go(before);
    if state.limiter.keep(after) { Ok(()) } else { Err(OutOfMemory.into()) }
}
