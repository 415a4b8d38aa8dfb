//! Messages, and what instances say of them.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::bus::{Delivery, Message, Patience, Verdict};
use patchbay_model::policy::RetrySettings;
use patchbay_model::ports::{BoxFuture, Prepared};
use patchbay_model::units::format_size;
use patchbay_model::{CallContext, Fault, FaultKind, Hold, Limits};

use super::{Bounds, Payload};
use crate::access::Asked;
use crate::record::Subject;
use crate::target::StandIn;

/// A message for a consumer group.
///
/// The channel tries it again only where no instance has begun: everything else is an attempt, and the subscription counts
/// those.
#[derive(Debug)]
pub struct MessagePayload {
    message: Arc<Message>,
    group: Arc<str>,
    attempt: u32,
    /// What one extension gives: the time that the service has for a call.
    grant: Duration,
    /// How long the instance that has it may go on.
    patience: Option<Arc<Patience>>,
}

impl MessagePayload {
    /// A message that is handed to `group` for the time `attempt`, counted from 1.
    pub const fn new(message: Arc<Message>, group: Arc<str>, attempt: u32) -> Self {
        Self { message, group, attempt, grant: Duration::ZERO, patience: None }
    }
}

impl Payload for MessagePayload {
    type Reply = Verdict;

    fn asked(&self) -> Asked<'_> {
        Asked::Message
    }

    fn subject(&self) -> Subject {
        Subject::Message { message: Arc::clone(&self.message), group: Arc::clone(&self.group) }
    }

    fn is_repeatable(&self, _retry: &RetrySettings) -> bool {
        false
    }

    fn limit(&mut self, limits: &Limits, most: u64) -> Result<(), Fault> {
        self.grant = limits.timeout;
        if self.message.data.len() as u64 > most {
            let accepts = format_size(most);
            let public = format!("the message is larger than the {accepts} that this service accepts");
            return Err(Fault::new(FaultKind::TooLarge, public));
        }
        Ok(())
    }

    fn keep(&mut self) {}

    fn is_whole(&self) -> bool {
        true
    }

    fn dispatch<'p>(
        &mut self,
        prepared: &'p dyn Prepared,
        mut context: Box<CallContext>,
        hold: &'p Hold,
    ) -> BoxFuture<'p, Result<Verdict, Fault>>
    where
        Self: 'p,
    {
        let patience = Arc::new(Patience::new(context.deadline, self.grant));
        self.patience = Some(Arc::clone(&patience));
        context.attempt = self.attempt;
        let (message, group) = (Arc::clone(&self.message), Arc::clone(&self.group));
        prepared.deliver(Delivery { context, message, group, patience, hold: hold.clone() })
    }

    fn patience(&self) -> Option<Arc<Patience>> {
        self.patience.clone()
    }

    fn fault(&self, _: u64) -> Option<Fault> {
        None
    }

    fn bind(&self, verdict: Verdict, mut bounds: Bounds<'_>) -> Result<Verdict, Fault> {
        bounds.trial.succeeded(bounds.answered);
        Ok(verdict)
    }

    fn substitute(&self, _stand_in: &StandIn) -> Option<Verdict> {
        None
    }

    fn status(_verdict: &Verdict) -> Option<u16> {
        None
    }
}
