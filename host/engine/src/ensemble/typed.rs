//! Typed calls: exported functions, called with packed arguments.

use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::ports::{BoxFuture, in_place};
use patchbay_model::{Fault, FunctionName, TypedCall};
use wasmtime::AsContextMut;
use wasmtime::component::{Accessor, Instance};
use wasmtime::error::Context as _;

use super::pool::Pool;
use super::serving::{Answer, Job, Presence, Serving, Work};
use super::vanished;
use super::worker::Parts;
use crate::exports::{Target, no_such_function};
use crate::packed::{ByArity, Packed};
use crate::state::State;

/// Has an instance work on a call of a function. Dropping the future forsakes the call.
///
/// # Errors
/// [`patchbay_model::FaultKind::Invalid`] if there is no such function, and whatever ends a call.
pub(super) async fn invoke(pool: &Arc<Pool>, call: TypedCall<'_>) -> Result<Bytes, Fault> {
    let TypedCall { context, function, arguments, hold } = call;
    let (serving, answered) = Serving::new(context, hold.clone());
    // Tells the worker when this future is dropped.
    let _presence = Presence::new(serving.clone());
    pool.dispatch(Job { serving, work: Work::Function(Arc::clone(function), arguments) });
    match answered.await.unwrap_or_else(|_| Err(vanished()))? {
        Answer::Result(result) => Ok(result),
        Answer::Response(_) | Answer::Verdict(_) => Err(vanished()),
    }
}

/// Has the guest work on a call of a function.
///
/// # Errors
/// What ends the instance.
pub(super) async fn handle(
    accessor: &Accessor<State>,
    parts: &Parts,
    serving: &Serving,
    function: &FunctionName,
    arguments: Bytes,
) -> wasmtime::Result<()> {
    let Some(target) = parts.code.exports.find(function) else {
        serving.fail(no_such_function(function));
        return Ok(());
    };
    let calling = Calling { accessor, instance: parts.instance, serving, target, arguments };
    let result = target.arity.choose_by_result(calling).await?;
    serving.answer(Answer::Result(result));
    Ok(())
}

/// A function of an instance that is to be called.
struct Calling<'c> {
    accessor: &'c Accessor<State>,
    instance: Instance,
    serving: &'c Serving,
    target: Target,
    arguments: Bytes,
}

impl<'c> ByArity for Calling<'c> {
    type Output = BoxFuture<'c, wasmtime::Result<Bytes>>;

    fn with<const P: usize, const R: usize>(self) -> Self::Output {
        let Self { accessor, instance, serving, target, arguments } = self;
        in_place(Box::new_uninit(), async move {
            let (function, call) = accessor.with(|mut access| {
                let mut store = access.as_context_mut();
                let function = instance.get_func(&mut store, target.index).context("the instance lacks an export")?;
                let function = function.typed::<Packed<P>, Packed<R>>(&store)?;
                let call = function.start_call_concurrent(&mut store, Packed(arguments))?;
                wasmtime::Result::<_>::Ok((function, call))
            })?;
            serving.begun_as(call.task());
            let Packed(result) = function.finish_call_concurrent(accessor, call).await?;
            Ok(result)
        })
    }
}
