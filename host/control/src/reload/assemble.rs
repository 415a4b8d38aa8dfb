//! From a snapshot and what a reload has made ready to the snapshot that comes after it.

use std::sync::Arc;

use patchbay_model::{Declaration, ServiceName};

use super::candidate::Candidate;
use super::plan::Plan;
use crate::applied::Applied;
use crate::deploy::{Replaced, trim};
use crate::routes::RouteConflict;
use crate::snapshot::{ServiceEntry, Snapshot};

/// The snapshot after the reload, and what each service loses by it.
pub(super) fn assemble(
    old: &Snapshot,
    applied: &Arc<Applied>,
    plan: &Plan,
    candidates: &[Candidate],
) -> Result<(Snapshot, Vec<(ServiceName, Replaced)>), RouteConflict> {
    let mut lost = Vec::new();
    let mut entries: Vec<_> = Vec::new();
    for entry in old.services() {
        if plan.removed.contains(&entry.name) {
            let dropped = entry.record.revisions.iter().map(|record| (record.number, record.component)).collect();
            let candidate = entry.candidate.as_ref().map(|candidate| Arc::clone(candidate.live()));
            lost.push((entry.name.clone(), Replaced { old: entry.active.clone(), dropped, candidate }));
        } else {
            entries.push(ServiceEntry::clone(entry));
        }
    }
    let new = applied.services.keys().filter(|name| old.service(name).is_none());
    entries.extend(new.map(|name| ServiceEntry::new(name, applied)));
    for entry in &mut entries {
        entry.declared = applied.services.get(&entry.name).cloned();
        entry.strict = applied.config.strict;
        let Some(candidate) = candidates.iter().find(|candidate| candidate.request.service == entry.name) else {
            continue;
        };
        let request = &candidate.request;
        entry.record.declaration =
            Some(Declaration { component: request.component, settings: request.settings.clone() });
        if let Some(live) = &candidate.live {
            let number = live.id.number;
            entry.record.next = number.next();
            entry.record.active = number;
            entry.record.revisions.push(live.ready.record.clone());
            entry.ready.insert(number, Arc::clone(&live.ready));
            entry.failure = None;
            let before = entry.active.replace(Arc::clone(live));
            let dropped = trim(entry, applied.config.retained);
            lost.push((entry.name.clone(), Replaced { old: before, dropped, candidate: None }));
        }
    }
    Ok((old.replaced(entries, Arc::clone(applied))?, lost))
}
