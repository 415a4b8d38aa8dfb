//! Whether the services of a reload go together: those that it deploys with all others, and those that it leaves alone with
//! what they were served by before. Two services that change together are held against each other as they will be.

use std::collections::BTreeSet;

use patchbay_model::{InterfaceName, ServiceName};

use super::ReloadProblem;
use super::candidate::Candidate;
use crate::change::{ChangeError, ChangeErrorKind};
use crate::deploy::lacks;
use crate::links::{Link, unversioned};
use crate::snapshot::Snapshot;

/// Everything that does not go together in `new`, with the service that it is laid at the door of.
pub(super) fn judge(old: &Snapshot, new: &Snapshot, candidates: &[Candidate]) -> Vec<ReloadProblem> {
    let made = candidates.iter().filter(|candidate| candidate.live.is_some());
    let deployed: BTreeSet<_> = made.map(|candidate| &candidate.request.service).collect();
    let mut problems = Vec::new();
    for entry in new.services() {
        let is_new = deployed.contains(&entry.name);
        for link in new.links().of_caller(&entry.name) {
            let problem = problem_of(new, &entry.name, link);
            // Who was not served before is not broken by what comes.
            let was_served = || is_served(old, &entry.name, &link.interface);
            let error = problem.filter(|_| is_new && link.required || was_served());
            problems.extend(error.map(|error| ReloadProblem { service: Some(entry.name.clone()), error }));
        }
    }
    problems
}

/// Why a link leads nowhere, or to what does not fit.
fn problem_of(snapshot: &Snapshot, caller: &ServiceName, link: &Link) -> Option<ChangeError> {
    let interface = &link.interface;
    match &link.callee {
        Err(unlinked) => {
            let message = format!(
                "it imports `{interface}`, and {unlinked}; declare what serves it, too, or say that it can do without: \
                 `links = {{ \"{}\" = {{ required = false }} }}`",
                unversioned(interface)
            );
            Some(ChangeError::new(ChangeErrorKind::Unlinked, message))
        }
        Ok(callee) => {
            let active = snapshot.service(callee)?.active.as_ref()?;
            let lacks = lacks(snapshot, caller, interface, &active.ready.contract)?;
            let message =
                format!("it imports `{interface}`, and `{}` does not serve it as it is asked for:\n{lacks}", active.id);
            Some(ChangeError::new(ChangeErrorKind::Refused, message))
        }
    }
}

/// Whether an import is served as it is asked for.
fn is_served(snapshot: &Snapshot, caller: &ServiceName, interface: &InterfaceName) -> bool {
    let link = snapshot.links().of_caller(caller).iter().find(|link| link.interface == *interface);
    link.is_some_and(|link| problem_of(snapshot, caller, link).is_none())
}
