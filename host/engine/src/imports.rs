//! The functions that a component imports from other services: each is defined as one that hands its packed arguments to
//! the links of the host, and is answered with a packed result.
//!
//! A `func` keeps its instance waiting. An `async func` does not: the instance goes on with other things meanwhile.

mod carrier;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, pending, select};
use patchbay_model::ports::{LinkCall, LinkMemo, Stopwatch, in_place};
use patchbay_model::{Fault, FaultKind, FunctionName, InterfaceName};
use patchbay_striped::Copies;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Accessor, Component, Linker, LinkerInstance};
use wasmtime::{AsContextMut, Result, StoreContextMut, bail};

use crate::at_work;
use crate::errand::{Errand, Pace};
use crate::meter::{Panic, now};
use crate::packed::{Arity, ByArity, Packed};
use crate::state::State;
use carrier::Carrier;

/// Whether a component may import the interface of this name from another service.
pub(crate) fn is_linkable(name: &str) -> bool {
    name.parse::<InterfaceName>().is_ok_and(|interface| !interface.is_of_the_host())
}

/// Defines what `component` imports from other services. One that is an `async func`, if there are any.
///
/// # Errors
/// If it imports something that no function can stand for.
pub(crate) fn define(component: &Component, linker: &mut Linker<State>) -> Result<Option<FunctionName>> {
    let engine = linker.engine().clone();
    let (mut waits, mut numbers) = (None, 0..);
    for (name, item) in component.component_type().imports(&engine) {
        if !is_linkable(name) {
            continue;
        }
        let (ComponentItem::ComponentInstance(items), Ok(interface)) = (item.ty, name.parse::<InterfaceName>()) else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (function, item) in items.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(ty) => {
                    let wanted = FunctionName { interface: interface.clone(), function: function.to_owned() };
                    if ty.async_() {
                        waits.get_or_insert_with(|| wanted.clone());
                    }
                    let (function, carrier) = (Arc::new(wanted), Carrier::of(&ty));
                    let number = numbers.next().unwrap_or_default();
                    let import = Import { number, function, carrier, pace: Arc::default() };
                    let defining = Defining { instance: &mut instance, import, is_async: ty.async_() };
                    Arity::of(&ty).choose(defining)?;
                }
                ComponentItem::Resource(_) => {
                    bail!("`{name}` has the resource `{function}`, which cannot cross between services")
                }
                _ => {}
            }
        }
    }
    Ok(waits)
}

/// A function that is to be defined.
struct Defining<'i, 'l> {
    instance: &'i mut LinkerInstance<'l, State>,
    import: Import,
    is_async: bool,
}

impl ByArity for Defining<'_, '_> {
    type Output = Result<()>;

    fn with<const P: usize, const R: usize>(self) -> Self::Output {
        let Self { instance, import, is_async } = self;
        let (name, imports) = (import.function.function.clone(), Imports { import, copies: Copies::default() });
        if is_async {
            instance.func_wrap_concurrent(&name, move |accessor: &Accessor<State>, arguments: Packed<P>| {
                let import = Arc::clone(imports.own());
                in_place(
                    Box::new_uninit(),
                    async move { import.call_beside(accessor, arguments.0).await.map(Packed::<R>) },
                )
            })
        } else {
            instance.func_wrap_async(&name, move |mut store: StoreContextMut<'_, State>, arguments: Packed<P>| {
                imports.wire(&mut store.data_mut().wires);
                let number = imports.import.number;
                // As `in_place` has it; what wasmtime takes is not pinned.
                let room = Box::new_uninit();
                let called: Box<_> =
                    Box::write(room, async move { call(store, number, arguments.0).await.map(Packed::<R>) });
                called
            })
        }
    }
}

/// An imported function, for each thread in memory of its own: all instances that import it call it by the same one, and the
/// name of the function goes along with each call.
struct Imports {
    import: Import,
    copies: Copies<Arc<Import>>,
}

impl Imports {
    /// That of this thread.
    fn own(&self) -> &Arc<Import> {
        self.copies.own_or(|| Arc::new(self.import.copied()))
    }

    /// Has an instance keep that of this thread, if it does not yet.
    fn wire(&self, wires: &mut Vec<Option<Wire>>) {
        let own = self.own();
        if wires.len() <= self.import.number {
            wires.resize_with(self.import.number + 1, || None);
        }
        if let Some(wire) = wires.get_mut(self.import.number)
            && !wire.as_ref().is_some_and(|wire| Arc::ptr_eq(&wire.import, own))
        {
            *wire = Some(Wire { import: Arc::clone(own), memo: LinkMemo::default() });
        }
    }
}

/// What an instance keeps of a function that it imports, once it called it.
pub(crate) struct Wire {
    /// That of the thread that it was on last.
    import: Arc<Import>,
    /// What was found out about the link.
    memo: LinkMemo,
}

/// Calls what an imported function is linked to, in the course of the call that the instance works on, and has the instance wait. The
/// instance has the function by its number.
async fn call(mut store: StoreContextMut<'_, State>, number: usize, arguments: Bytes) -> Result<Bytes> {
    let State { outgoing, revision, meter, wires, .. } = store.data_mut();
    let Some(Some(Wire { import, memo })) = wires.get_mut(number) else { bail!("the function has no wire") };
    let Some(mut course) = outgoing.at_work.course() else { return Err(import.outside()) };
    let watch = Stopwatch::new(now());
    let (caller, function, memo) = (revision.service(), &import.function, Some(memo));
    let mut call = LinkCall { caller, function, arguments, course: &mut course, watch: &watch, memo };
    let outcome = meter.apart_by(&watch, &mut revision.links().call(&mut call)).await;
    import.conclude(outcome)
}

/// An imported function.
struct Import {
    /// Which of those of its component it is.
    number: usize,
    function: Arc<FunctionName>,
    carrier: Option<Carrier>,
    /// Of the calls that are made on this thread, where the instance does not wait for them.
    pace: Arc<Pace>,
}

impl Import {
    /// The same, which shares nothing with this one.
    fn copied(&self) -> Self {
        Self {
            number: self.number,
            function: Arc::new((*self.function).clone()),
            carrier: self.carrier.clone(),
            pace: Arc::default(),
        }
    }

    /// Calls what the function is linked to, while the instance goes on with other things.
    async fn call_beside(&self, accessor: &Accessor<State>, arguments: Bytes) -> Result<Bytes> {
        let (revision, course, errands) = accessor.with(|mut access| {
            let mut store = access.as_context_mut();
            let task = at_work::task(&mut store)?;
            let state = store.data();
            let course = state.outgoing.at_work.course_of(task);
            Result::<_>::Ok((state.revision.clone(), course, state.errands.clone()))
        })?;
        let (mut course, forsaken) = course.ok_or_else(|| self.outside())?;
        let (function, deadline) = (self.function.clone(), course.deadline);
        let call = async move {
            let (caller, function, watch) = (revision.service(), &function, &Stopwatch::new(now()));
            let course = &mut course;
            revision.links().call(&mut LinkCall { caller, function, arguments, course, watch, memo: None }).await
        };
        let called = match errands {
            Some(errands) => errands.add(&self.pace, call),
            None => Errand::spawn(call),
        };
        // A fault would end all calls that the instance is at work on. One that nobody waits for any more is no reason to.
        let result = match select(called, forsaken).await {
            Either::Left((called, _)) => called.unwrap_or_else(|panic| Err(host_failed(&panic))),
            Either::Right(((), called)) => {
                // Which breaks it off.
                drop(called);
                return pending().await;
            }
        };
        match self.conclude(result) {
            Err(_) if deadline <= now() => pending().await,
            outcome => outcome,
        }
    }

    /// What the instance gets.
    fn conclude(&self, result: std::result::Result<Bytes, Fault>) -> Result<Bytes> {
        result.or_else(|fault| match self.carrier.as_ref().and_then(|carrier| carrier.carry(&fault)) {
            Some(result) => Ok(result.into()),
            None => Err(CalleeFault { function: self.function.clone(), fault }.into()),
        })
    }

    fn outside(&self) -> wasmtime::Error {
        wasmtime::format_err!("`{}` was called outside of a call, while the instance was made", self.function)
    }
}

fn host_failed(panic: &Panic) -> Fault {
    Fault::new(FaultKind::Internal, "The host failed.").with_details(panic)
}

/// The fault of a call that a guest made, where the function's own error cannot carry it. It ends the guest's call.
#[derive(Debug)]
pub(crate) struct CalleeFault {
    function: Arc<FunctionName>,
    pub(crate) fault: Fault,
}

impl fmt::Display for CalleeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its call of `{}` ended in a fault: {}", self.function, self.fault)
    }
}

impl std::error::Error for CalleeFault {}
