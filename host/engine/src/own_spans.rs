//! `wasi:otel/tracing`: spans that guests make themselves, in the trace of the call that they work on. The interface stands in
//! `wit/wasi-otel.wit`.
//!
//! A guest says when a span begins, and tells all of it when it ends. In between, what the host does for the guest follows from
//! that span. Nothing that a guest says here ends its call: a span that cannot be is dropped, and counted.

mod wit;

use patchbay_model::trace::{SpanContext, ToldError, ToldSpan};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::at_work;
use crate::state::State;
use wit::{WitContext, WitSpan};

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "wasi:otel/tracing@0.2.0-rc.2";
/// What its types are made of. There is no function in it.
pub(crate) const TYPES: &str = "wasi:otel/types@0.2.0-rc.2";

/// Links the interface.
///
/// # Errors
/// If it is defined already.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.instance(TYPES)?;
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("on-start", |mut store: StoreContextMut<'_, State>, (context,): (WitContext,)| {
        begin(&mut store, context)
    })?;
    interface
        .func_wrap("on-end", |mut store: StoreContextMut<'_, State>, (span,): (WitSpan,)| end(&mut store, span))?;
    interface.func_wrap("outer-span-context", |mut store: StoreContextMut<'_, State>, (): ()| {
        let context = at_work::look(&mut store, |assignment| assignment.begun().trace.clone())?;
        Ok((context.flatten().map_or_else(WitContext::invalid, |context| WitContext::of(&context, true)),))
    })?;
    // What later drafts have in place of it.
    interface.func_wrap("current-span-context", |mut store: StoreContextMut<'_, State>, (): ()| {
        let context = at_work::look(&mut store, |assignment| {
            let call = assignment.begun().trace.as_ref()?;
            Some(match assignment.own_span() {
                Some(span) => WitContext::of(&SpanContext { span, ..call.clone() }, false),
                None => WitContext::of(call, true),
            })
        })?;
        Ok((context.flatten().unwrap_or_else(WitContext::invalid),))
    })
}

/// A span begins.
fn begin(store: &mut StoreContextMut<'_, State>, context: WitContext) -> Result<()> {
    let (told, now) = (context.into(), store.data().revision.now());
    let within = at_work::look(store, |assignment| {
        assignment.begin_span(&told, now);
        assignment.span()
    })?;
    store.data().output.within(within.flatten());
    Ok(())
}

/// A span is over.
fn end(store: &mut StoreContextMut<'_, State>, span: WitSpan) -> Result<()> {
    let revision = store.data().revision.clone();
    let (told, now) = (ToldSpan::from(span), revision.now());
    let ended = at_work::look(store, |assignment| {
        let place = assignment.end_span(&told, now);
        (place.map(|place| (place, assignment.begun().id)), assignment.span())
    })?;
    let (ended, within) = ended.unwrap_or((Err(ToldError::NoCall), None));
    store.data().output.within(within);
    match ended {
        Ok((place, call)) => {
            if revision.spans().wants(&place.context, told.has_failed()) {
                revision.spans().record(told.record(place, &revision.id, call));
            }
        }
        Err(error) => {
            tracing::debug!(revision = %revision.id, "a span of the service was dropped: {error}");
            revision.tally.lost_span();
        }
    }
    Ok(())
}
