//! Typed calls: exported functions, called with packed arguments.

use std::pin::pin;

use bytes::Bytes;
use patchbay_model::ports::{BoxFuture, in_place};
use patchbay_model::{Fault, TypedCall};
use wasmtime::Store;
use wasmtime::component::Func;

use super::Shared;
use super::guest::{Guest, judge};
use crate::exports::no_such_function;
use crate::fault;
use crate::packed::{ByArity, Packed};
use crate::patience::within;
use crate::state::State;

/// Calls a function. Dropping the future ends the instance, which nothing else is at work in. A block and no `async fn`, which
/// would copy the call once more.
///
/// # Errors
/// [`patchbay_model::FaultKind::Invalid`] if there is no such function, and whatever ends a call.
pub(super) fn invoke<'a>(shared: &'a Shared, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
    // What the call occupies is held by those who wait.
    let TypedCall { context, function, arguments, hold: _ } = call;
    let deadline = context.deadline;
    in_place(Box::new_uninit(), async move {
        let mut claim = shared.claim();
        let mut guest = Guest::obtain(shared, deadline, &mut claim).await?;
        let Some((export, target)) = guest.find(function) else {
            shared.pool.put(guest);
            return Err(no_such_function(function));
        };
        guest.begin(context.into());
        let Guest { store, meter, .. } = &mut *guest;
        let calling = Calling { store, export, arguments };
        let mut work =
            if target.is_async { target.arity.choose_by_result(calling) } else { target.arity.choose(calling) };
        // Lent and not given, here and where such a future is waited for elsewhere: what was only just written in two parts is
        // slow to be read as one, and so to be moved.
        let called = within(deadline, pin!(meter.run(&mut claim, &mut work))).await;
        drop(work);
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

/// An exported function that is to be called.
struct Calling<'g> {
    store: &'g mut Store<State>,
    export: Func,
    arguments: Bytes,
}

impl<'g> ByArity for Calling<'g> {
    type Output = BoxFuture<'g, wasmtime::Result<Bytes>>;

    fn with<const P: usize, const R: usize>(self) -> Self::Output {
        let Self { store, export, arguments } = self;
        in_place(Box::new_uninit(), async move {
            let function = export.typed::<Packed<P>, Packed<R>>(&*store)?;
            let Packed(result) = function.call_async(&mut *store, Packed(arguments)).await?;
            Ok(result)
        })
    }
}
