//! Messages.

use std::pin::pin;

use patchbay_model::bus::{Delivery, Verdict};
use patchbay_model::{Fault, FaultKind};

use super::Shared;
use super::guest::{Guest, judge};
use crate::at_work::{Assignment, Handling};
use crate::fault;
use crate::message_handler::{self, MessageHandler, arguments};
use crate::patience::within_movable;

/// Has an instance handle a message. Dropping the future ends the instance, which nothing else is at work in.
///
/// # Errors
/// [`FaultKind::Invalid`] if the component handles none, and whatever ends a call.
pub(super) async fn deliver(shared: &Shared, delivery: Delivery) -> Result<Verdict, Fault> {
    let Delivery { context, message, group, patience, hold: _hold } = delivery;
    if !shared.code.handles_messages() {
        return Err(message_handler::handles_none(&message));
    }
    let attempt = context.attempt;
    let handling = Handling { group, patience: patience.clone() };
    let assignment = Assignment::handling(context, handling.clone());
    let mut claim = shared.claim();
    let mut guest = Guest::obtain(shared, assignment.deadline(), &mut claim).await?;
    guest.begin(assignment);
    let Guest { store, handler: Some(handler), .. } = &mut *guest else {
        return Err(Fault::new(FaultKind::Internal, "The host failed.").with_details("an instance lost its handler"));
    };
    let meter = store.data().meter.clone();
    let handled = async {
        match handler {
            MessageHandler::Own(function) => {
                let arguments = arguments(message, attempt, &handling);
                function.call_async(&mut *store, arguments).await.map(message_handler::verdict)
            }
            MessageHandler::Wasi(function) => {
                let parcel = message_handler::parcel(store.data_mut(), message)?;
                function.call_async(&mut *store, parcel).await.map(message_handler::wasi_verdict)
            }
        }
    };
    let handled = within_movable(|| patience.until(), pin!(meter.run(&mut claim, handled))).await;
    let outcome = judge(handled, guest.store.data());
    guest.rest();
    match outcome {
        Ok(verdict) => {
            shared.pool.put(guest);
            Ok(verdict)
        }
        Err(fault) => Err(fault::hint(fault, guest.uses)),
    }
}
