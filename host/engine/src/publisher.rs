//! What instances publish: from the interfaces that they import to the port of the bus.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::Course;
use patchbay_model::bus::{BusError, Message, Receipt};
use patchbay_model::ports::Publication;
use patchbay_striped::Lent;
use wasmtime::{Result, StoreContextMut, format_err};

use crate::at_work;
use crate::meter::Meter;
use crate::revision::Revision;
use crate::state::State;

/// Publishes on behalf of an instance, in the course of one call.
pub(crate) struct Publisher {
    revision: Lent<Revision>,
    meter: Arc<Meter>,
    course: Course,
}

impl Publisher {
    /// For the call that the instance works on. Where it cannot be told which of several that is, in the course of all that
    /// it does.
    ///
    /// # Errors
    /// If it works on none.
    pub(crate) fn new(store: &mut StoreContextMut<'_, State>) -> Result<Self> {
        let task = at_work::task(store)?;
        let state = store.data();
        let course = state.outgoing.at_work.course_of(task).map(|(course, _)| course);
        let course = course.ok_or_else(outside)?;
        Ok(Self { revision: state.revision.clone(), meter: state.meter.clone(), course })
    }

    /// Publishes.
    ///
    /// # Errors
    /// If the message was not taken.
    pub(crate) async fn publish(self, publication: Publication) -> std::result::Result<Receipt, BusError> {
        let service = &self.revision.id.service;
        self.meter.apart(self.revision.messaging().publish(service, self.course, publication)).await
    }

    /// Publishes, and waits for answers.
    ///
    /// # Errors
    /// If the message was not taken, or nobody answered.
    pub(crate) async fn request(
        self,
        publication: Publication,
        wanted: u32,
        timeout: Option<Duration>,
    ) -> std::result::Result<Vec<Message>, BusError> {
        let wanted = answers(wanted)?;
        let service = &self.revision.id.service;
        let requested = self.revision.messaging().request(service, self.course, publication, wanted, timeout);
        self.meter.apart(requested).await
    }
}

/// A number of answers to wait for.
///
/// # Errors
/// If it is none.
pub(crate) fn answers(wanted: u32) -> std::result::Result<NonZeroUsize, BusError> {
    let wanted = usize::try_from(wanted).ok().and_then(NonZeroUsize::new);
    wanted.ok_or_else(|| BusError::Invalid("a request has to want one answer at least; publish it instead".to_owned()))
}

/// Why nothing can be published.
pub(crate) fn outside() -> wasmtime::Error {
    format_err!("a message was to be published outside of a call, while the instance was made")
}
