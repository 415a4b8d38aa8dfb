//! From what wasmtime reports to the faults that callers get. What callers read says nothing of the inside; the
//! operator's details say as much as is known.

use std::fmt::Write as _;

use patchbay_model::units::{format_duration, format_size};
use patchbay_model::{Blame, Fault, FaultKind, Limits};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::imports::CalleeFault;
use crate::limiter::Refused;
use crate::meter::{Panic, Stop};
use crate::revision::Revision;
use crate::state::HANDED_OVER;
use crate::tally::Limit;

/// Frames of a backtrace that are worth telling.
const FRAMES: usize = 8;
/// Length of the text of an error, in bytes: guests have a hand in it.
const TEXT: usize = 2 << 10;

/// What wasmtime says when an instance has as many handles as it may. A plain text; `tests/misuse/hostile.rs` pins it.
const NO_HANDLE: &str = "store handle limit exceeded";
/// The same for what a guest hands to the host in one call.
const TOO_MUCH: &str = "fuel allocated for hostcalls has been exhausted";
/// The same for core instances.
const NO_CORE_INSTANCE: &str = "resource limit exceeded: instance count too high";

/// The fault that `error`, coming out of an instance, is. `refused` is what the instance was refused.
pub(crate) fn of_error(error: &wasmtime::Error, refused: Option<Refused>, revision: &Revision) -> Fault {
    let limits = &revision.settings.limits;
    let tally = &revision.tally;
    if let Some(stop) = error.downcast_ref::<Stop>() {
        if *stop == Stop::CpuTime {
            tally.hit(Limit::CpuTime);
        }
        return of_stop(*stop, limits);
    }
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        tally.hit(Limit::Instances);
        return Fault::new(FaultKind::Unavailable, "No instance can be had now; the call was not begun.")
            .with_details(format_args!("all slots for instances are taken ({full}); raise `instances` of the engine"))
            .unprocessed();
    }
    if let Some(callee) = error.downcast_ref::<CalleeFault>() {
        return of_callee(callee);
    }
    if let Some((limit, public, details)) = used_up(error, refused, limits, revision.stack()) {
        tally.hit(limit);
        return Fault::new(FaultKind::Exhausted, public)
            .with_details(format_args!("{details}; it ended with: {}", describe(error)));
    }
    tally.trapped();
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return broken().with_details(format_args!(
            "the instance called exit with status {code}; a service has to answer calls, not to exit"
        ));
    }
    broken().with_details(describe(error))
}

/// What an instance wanted more of than it may have, if it ended for that: the limit, a sentence for the caller, and one for
/// the operator.
fn used_up(
    error: &wasmtime::Error,
    refused: Option<Refused>,
    limits: &Limits,
    stack: u64,
) -> Option<(Limit, &'static str, String)> {
    const MEMORY: &str = "The service used more memory than it may.";
    const HANDLES: &str = "The service used more handles than it may.";
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        let details = format!("a call went deeper than the {} of stack that `engine.stack` allows", format_size(stack));
        return Some((Limit::Stack, "The service used more stack than it may.", details));
    }
    let says = |text: &str| error.chain().any(|cause| cause.to_string().contains(text));
    if matches!(error.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full)) || says(NO_HANDLE) {
        return Some((
            Limit::Handles,
            HANDLES,
            format!("an instance wanted more than the {} that `handles` allows", limits.handles),
        ));
    }
    if says(TOO_MUCH) {
        let details = format!("a guest may hand {} to the host at once", format_size(HANDED_OVER as u64));
        return Some((Limit::HandedOver, "The service handed more to the host than it may.", details));
    }
    if says(NO_CORE_INSTANCE) {
        let details =
            format!("it is made of more core instances than the {} of `core_instances`", limits.core_instances);
        return Some((Limit::CoreInstances, "The service is made of more parts than it may be.", details));
    }
    Some(match refused? {
        Refused::Memory(wanted) => {
            let (wanted, allowed) = (format_size(wanted), format_size(limits.memory));
            (
                Limit::Memory,
                MEMORY,
                format!("an instance wanted {wanted} of memory in all, and `memory` allows {allowed}"),
            )
        }
        Refused::TableElements(wanted) => {
            let allowed = limits.table_elements;
            (
                Limit::TableElements,
                MEMORY,
                format!("an instance wanted {wanted} elements of tables in all, and `table_elements` allows {allowed}"),
            )
        }
    })
}

/// The fault of a call that ended because one that it made ended in a fault. The instance is lost with it, but that is
/// not its own doing.
fn of_callee(callee: &CalleeFault) -> Fault {
    let kind = match callee.fault.kind() {
        FaultKind::Deadline => FaultKind::Deadline,
        FaultKind::Overloaded | FaultKind::Unavailable => FaultKind::Unavailable,
        FaultKind::Loop => FaultKind::Loop,
        _ => FaultKind::Failed,
    };
    Fault::new(kind, "A service that this one needs did not answer as it should.")
        .with_details(callee)
        .blamed_on(Blame::Callee)
}

/// The fault of a guest that was interrupted.
pub(crate) fn of_stop(stop: Stop, limits: &Limits) -> Fault {
    match stop {
        Stop::Deadline => Fault::new(FaultKind::Deadline, "The deadline of the call passed before it was answered."),
        Stop::CpuTime => Fault::new(FaultKind::Exhausted, "The service used more CPU time than it may.").with_details(
            format_args!("the call used more than the {} that `cpu_time` allows", format_duration(limits.cpu_time)),
        ),
    }
}

/// The fault of a host that panicked.
pub(crate) fn of_panic(panic: &Panic) -> Fault {
    Fault::new(FaultKind::Internal, "The host failed.").with_details(panic)
}

/// The service ended the call without a valid answer.
pub(crate) fn no_answer(details: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Failed, "The service ended the call without an answer.").with_details(details)
}

/// The request cannot be handed to a guest.
pub(crate) fn invalid(public: &'static str) -> Fault {
    Fault::new(FaultKind::Invalid, public)
}

/// Some engines of languages serve one call per instance and fail on the second; whoever declared `reuse` has to know.
pub(crate) fn hint(fault: Fault, uses: u32) -> Fault {
    if uses < 2 || !matches!(fault.kind(), FaultKind::Trapped | FaultKind::Failed) {
        return fault;
    }
    let details = fault.details().unwrap_or("no details").to_owned();
    fault.with_details(format_args!(
        "{details}; this was call {uses} of an instance that served before: if it is always so, the component serves \
         one call per instance, and `instances = \"fresh\"` is the cure"
    ))
}

fn broken() -> Fault {
    Fault::new(FaultKind::Trapped, "The service broke off.")
}

/// What is known of an error, with the innermost functions.
fn describe(error: &wasmtime::Error) -> String {
    let trap = error.downcast_ref::<Trap>();
    let mut text = trap.map_or_else(|| cut(&format!("{:#}", Plain(error))), ToString::to_string);
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return text };
    for (number, frame) in backtrace.frames().iter().take(FRAMES).enumerate() {
        text.push_str(if number == 0 { "; in " } else { " < " });
        let name = frame.func_name().map(cut).unwrap_or_else(|| format!("function {}", frame.func_index()));
        // Writing to a String cannot fail.
        let _ = write!(text, "{name}");
    }
    if backtrace.frames().len() > FRAMES {
        text.push_str(" < ...");
    }
    text
}

/// An error's chain of causes without the backtrace that wasmtime prepends as a cause.
struct Plain<'a>(&'a wasmtime::Error);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for cause in self.0.chain() {
            let text = cause.to_string();
            if text.starts_with("error while executing at wasm backtrace") {
                continue;
            }
            write!(f, "{separator}{text}")?;
            separator = ": ";
        }
        Ok(())
    }
}

/// The beginning of a text that a guest has a hand in.
pub(crate) fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
