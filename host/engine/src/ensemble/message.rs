//! Messages.

use std::sync::Arc;

use patchbay_model::Fault;
use patchbay_model::bus::{Delivery, Message, Verdict};
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;

use super::pool::Pool;
use super::serving::{Answer, Job, Presence, Serving, Work};
use super::vanished;
use crate::at_work::{Assignment, Handling};
use crate::message_handler::{self, MessageHandler, arguments};
use crate::state::State;

/// Has an instance handle a message. Dropping the future forsakes the call.
///
/// # Errors
/// [`patchbay_model::FaultKind::Invalid`] if the component handles none, and whatever ends a call.
pub(super) async fn deliver(pool: &Arc<Pool>, delivery: Delivery) -> Result<Verdict, Fault> {
    let Delivery { context, message, group, patience, hold } = delivery;
    if !pool.code.handles_messages() {
        return Err(message_handler::handles_none(&message));
    }
    let handling = Handling { group, patience };
    let (serving, answered) = Serving::new(Assignment::handling(context, handling), hold);
    // Tells the worker when this future is dropped.
    let _presence = Presence::new(serving.clone());
    pool.dispatch(Job { serving, work: Work::Message(message) });
    match answered.await.unwrap_or_else(|_| Err(vanished()))? {
        Answer::Verdict(verdict) => Ok(verdict),
        Answer::Response(_) | Answer::Result(_) => Err(vanished()),
    }
}

/// Has the guest handle a message.
///
/// # Errors
/// What ends the instance.
pub(super) async fn handle(
    accessor: &Accessor<State>,
    handler: Option<&MessageHandler>,
    serving: &Serving,
    message: Arc<Message>,
) -> wasmtime::Result<()> {
    let assigned = serving.assignment.handed();
    let (Some(handler), Some((attempt, handling))) = (handler, assigned) else {
        serving.fail(message_handler::handles_none(&message));
        return Ok(());
    };
    let verdict = match handler {
        MessageHandler::Own(function) => {
            let arguments = arguments(message, attempt, &handling);
            let call =
                accessor.with(|mut access| function.start_call_concurrent(access.as_context_mut(), arguments))?;
            serving.begun_as(call.task());
            message_handler::verdict(function.finish_call_concurrent(accessor, call).await?)
        }
        MessageHandler::Wasi(function) => {
            let call = accessor.with(|mut access| {
                let parcel = message_handler::parcel(access.get(), message)?;
                function.start_call_concurrent(access.as_context_mut(), parcel)
            })?;
            serving.begun_as(call.task());
            message_handler::wasi_verdict(function.finish_call_concurrent(accessor, call).await?)
        }
    };
    serving.answer(Answer::Verdict(verdict));
    Ok(())
}
