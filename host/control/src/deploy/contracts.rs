//! Holds the contract of a new revision against the services that it calls, and against those that call it, before
//! anything of it runs.

use std::fmt::Write as _;

use patchbay_channel::{Asked, may};
use patchbay_contract::{Contract, ContractItem, can_serve};
use patchbay_model::{FunctionName, InterfaceName, ServiceName, Settings};

use super::ready::refused;
use crate::change::{ChangeError, ChangeErrorKind};
use crate::control::Control;
use crate::links::{Exported, exported, imported, is_required, unversioned};
use crate::snapshot::Snapshot;

/// Refuses a component whose functions other services cannot call.
pub(super) fn check_exports(contract: &Contract) -> Result<(), ChangeError> {
    let own = contract.exports.iter().filter(|item| exported(contract).any(|own| own.to_string() == item.name));
    match own.flat_map(|item| item.obstacles().into_iter().map(move |obstacle| (item, obstacle))).next() {
        Some((item, obstacle)) => Err(refused(format!("it exports `{}`, and {obstacle}", item.name))),
        None => Ok(()),
    }
}

impl Control {
    /// Refuses a revision of `service` whose imports nothing serves. What comes back is worth telling.
    pub(crate) fn check_imports(
        &self,
        service: &ServiceName,
        contract: &Contract,
        settings: &Settings,
    ) -> Result<String, ChangeError> {
        let snapshot = self.snapshot.load();
        let mut note = String::new();
        let mut all = None;
        for (item, interface) in imported(contract) {
            if let Some(obstacle) = item.obstacles().first() {
                return Err(refused(format!("it imports `{interface}`, and {obstacle}")));
            }
            let all = all.get_or_insert_with(|| Exported::of(snapshot.services()));
            let callee = match all.resolve(service, settings, &interface) {
                Ok(callee) => callee,
                Err(unlinked) if is_required(settings, &interface) => {
                    let message = format!(
                        "it imports `{interface}`, and {unlinked}; deploy what serves it first, or say that it can do \
                         without: `links = {{ \"{}\" = {{ required = false }} }}`",
                        unversioned(&interface)
                    );
                    return Err(ChangeError::new(ChangeErrorKind::Unlinked, message));
                }
                Err(unlinked) => {
                    let _ = write!(note, ", without `{interface}`: {unlinked}");
                    continue;
                }
            };
            let Some(active) = snapshot.service(&callee).and_then(|entry| entry.active.as_ref()) else { continue };
            let Some(export) = active.ready.contract.export_for(&item.name) else { continue };
            let diff = can_serve(export, item);
            if diff.breaks() {
                let id = &active.id;
                let message =
                    format!("it imports `{interface}`, and `{id}` does not serve it as it is asked for:\n{diff}");
                return Err(refused(message));
            }
            let _ = write!(note, ", `{interface}` from `{callee}`");
            if !self.may_call(service, &interface, item, &active.ready.record.settings) {
                let _ = write!(note, " (whose `callers` do not let `{service}` call all of it yet)");
            }
        }
        Ok(note)
    }

    /// Whether all functions that `caller` imports may be called by it, going by the settings of their service.
    fn may_call(
        &self,
        caller: &ServiceName,
        interface: &InterfaceName,
        import: &ContractItem,
        callee: &Settings,
    ) -> bool {
        import.functions.iter().all(|function| {
            let name = FunctionName { interface: interface.clone(), function: function.name.clone() };
            may(callee.callers.as_deref(), self.snapshot.load().config().strict, caller, Asked::Function(&name))
        })
    }

    /// Refuses a revision of `service` that would break services that call it, unless that is allowed. What comes back
    /// is worth telling.
    pub(crate) fn check_callers(
        &self,
        service: &ServiceName,
        contract: &Contract,
        allow_breaking: bool,
    ) -> Result<String, ChangeError> {
        let snapshot = self.snapshot.load();
        let mut broken: Vec<_> = snapshot
            .links()
            .to(service)
            .filter_map(|(caller, interface)| {
                // Who is not served as it is cannot be broken by what comes.
                let now = &snapshot.service(service)?.active.as_ref()?.ready.contract;
                let is_served = lacks(&snapshot, caller, interface, now).is_none();
                Some((caller, lacks(&snapshot, caller, interface, contract).filter(|_| is_served)?))
            })
            .collect();
        broken.extend(unclear(&snapshot, service, contract));
        if broken.is_empty() {
            return Ok(String::new());
        }
        if allow_breaking {
            let callers: Vec<_> = broken.iter().map(|(caller, _)| format!("`{caller}`")).collect();
            return Ok(format!(", BREAKS {}", callers.join(", ")));
        }
        let mut message = "it would break other services; go on serving what they call, and put what is \
                           different into an interface of another name or major version, or allow it \
                           (`--allow-breaking`)"
            .to_owned();
        for (caller, lacks) in &broken {
            let _ = write!(message, "\n`{caller}` imports:\n{lacks}");
        }
        Err(refused(message))
    }
}

/// The callers of other services to whom it would not be clear any more whom they call, each with the reason.
fn unclear<'s>(
    snapshot: &'s Snapshot,
    service: &ServiceName,
    contract: &Contract,
) -> impl Iterator<Item = (&'s ServiceName, String)> {
    let exports: Vec<_> = exported(contract).collect();
    let links = snapshot.links().served().filter(move |(caller, link, callee)| {
        let serves_too = exports.iter().any(|export| export.is_on_track_of(&link.interface));
        serves_too && *callee != service && *caller != service && !is_named(snapshot, caller, &link.interface)
    });
    links.map(|(caller, link, callee)| {
        let name = unversioned(&link.interface);
        (
            caller,
            format!(
                "~ {}  // `{callee}` serves it: say so first, with `links = {{ \"{name}\" = \"{callee}\" }}`",
                link.interface
            ),
        )
    })
}

/// Whether `caller` says itself who serves what it imports.
fn is_named(snapshot: &Snapshot, caller: &ServiceName, interface: &InterfaceName) -> bool {
    let active = snapshot.service(caller).and_then(|entry| entry.active.as_ref());
    let settings = active.map(|active| &active.ready.record.settings);
    settings.and_then(|settings| settings.links.get(&unversioned(interface))).is_some_and(|link| link.service.is_some())
}

/// What `contract` lacks of what `caller` imports by this name, as text; `None` if it lacks nothing.
pub(crate) fn lacks(
    snapshot: &Snapshot,
    caller: &ServiceName,
    interface: &InterfaceName,
    contract: &Contract,
) -> Option<String> {
    let active = snapshot.service(caller)?.active.as_ref()?;
    let (item, _) = imported(&active.ready.contract).find(|(_, imported)| imported == interface)?;
    let Some(export) = contract.export_for(&item.name) else {
        return Some(format!("- {interface}  // it is not exported"));
    };
    let diff = can_serve(export, item);
    diff.breaks().then(|| diff.to_string())
}

#[cfg(test)]
mod tests;
