//! Typed calls: exported functions, called with packed arguments.

use std::pin::pin;

use bytes::Bytes;
use patchbay_model::ports::BoxFuture;
use patchbay_model::{Fault, TypedCall};
use wasmtime::component::ComponentExportIndex;
use wasmtime::error::Context as _;

use super::Shared;
use super::guest::{Guest, judge};
use crate::exports::no_such_function;
use crate::fault;
use crate::packed::{ByArity, Packed};
use crate::patience::within;

/// Calls a function. Dropping the future ends the instance, which nothing else is at work in. A block and no `async fn`, which
/// would copy the call once more.
///
/// # Errors
/// [`patchbay_model::FaultKind::Invalid`] if there is no such function, and whatever ends a call.
pub(super) fn invoke(shared: &Shared, call: TypedCall) -> BoxFuture<'_, Result<Bytes, Fault>> {
    let TypedCall { context, function, arguments, hold } = call;
    let deadline = context.deadline;
    Box::pin(async move {
        let _hold = hold;
        let mut claim = shared.claim();
        let mut guest = Guest::obtain(shared, deadline, &mut claim).await?;
        let Some(target) = guest.code.exports.find(&function) else {
            shared.pool.put(guest);
            return Err(no_such_function(&function));
        };
        guest.begin(context.into());
        let meter = guest.store.data().meter.clone();
        let calling = Calling { guest: &mut guest, index: target.index, arguments };
        let called =
            if target.is_async { target.arity.choose_by_result(calling) } else { target.arity.choose(calling) };
        let called = within(deadline, pin!(meter.run(&mut claim, called))).await;
        let outcome = judge(called, guest.store.data());
        guest.rest();
        match outcome {
            Ok(result) => {
                shared.pool.put(guest);
                Ok(result)
            }
            Err(fault) => Err(fault::hint(fault, guest.uses)),
        }
    })
}

/// A function of an instance that is to be called.
struct Calling<'g> {
    guest: &'g mut Guest,
    index: ComponentExportIndex,
    arguments: Bytes,
}

impl<'g> ByArity for Calling<'g> {
    type Output = BoxFuture<'g, wasmtime::Result<Bytes>>;

    fn with<const P: usize, const R: usize>(self) -> Self::Output {
        let Self { guest, index, arguments } = self;
        Box::pin(async move {
            let store = &mut guest.store;
            let function = guest.instance.get_func(&mut *store, index).context("the instance lacks an export")?;
            let function = function.typed::<Packed<P>, Packed<R>>(&*store)?;
            let Packed(result) = function.call_async(&mut *store, Packed(arguments)).await?;
            Ok(result)
        })
    }
}
