//! The policies of one link: what its caller says of it, over what its callee says of all its calls.

use std::sync::Arc;

use patchbay_channel::{LinkPolicy, LinkStanding, StandIn};
use patchbay_model::policy::{LinkSettings, RetrySettings};
use patchbay_model::{InterfaceName, Limits, ServiceName};
use patchbay_striped::Spread;

use super::{Link, Unlinked, is_required, unversioned};
use crate::revision::LiveRevision;
use crate::snapshot::ServiceEntry;

/// What the policies of a link are made from. As long as it stays the same they do, with what they keep.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    settings: LinkSettings,
    stand_in: Option<StandIn>,
    callee: ServiceName,
    retry: RetrySettings,
    limits: Limits,
}

/// The link of an import of `caller` that leads to `target`. `before`: what it was in the snapshot before.
pub(super) fn link(
    caller: &LiveRevision,
    interface: InterfaceName,
    callee: Result<ServiceName, Unlinked>,
    target: Option<&Spread<ServiceEntry>>,
    before: Option<&Link>,
) -> Link {
    let required = is_required(&caller.ready.record.settings, &interface);
    let origin = target.and_then(|target| origin(caller, &interface, target));
    let (policy, origin) = match (origin, before) {
        (None, _) => (None, None),
        (Some(origin), Some(before)) if before.origin.as_deref() == Some(&origin) => {
            (before.policy.clone(), before.origin.clone())
        }
        (Some(origin), _) => (Some(policy(&origin).into()), Some(Arc::new(origin))),
    };
    Link { interface, callee, required, policy, origin }
}

/// What the policies of a link are made from; `None` if its caller says nothing of its own.
fn origin(caller: &LiveRevision, interface: &InterfaceName, target: &ServiceEntry) -> Option<Origin> {
    let name = unversioned(interface);
    let settings = caller.ready.record.settings.links.get(&name)?;
    let LinkSettings { service: _, required: _, timeout, concurrency, rate, retry, fallback } = settings;
    let says_nothing = timeout.is_none()
        && concurrency.is_none()
        && rate.is_none()
        && fallback.is_none()
        && *retry == patchbay_model::policy::LinkRetry::default();
    if says_nothing {
        return None;
    }
    let callee = target.active.as_ref().map(|active| active.ready.record.settings.clone()).unwrap_or_default();
    Some(Origin {
        settings: settings.clone(),
        stand_in: caller.ready.stand_ins.links.get(&name).cloned(),
        callee: target.name.clone(),
        retry: callee.retry,
        limits: callee.limits,
    })
}

fn policy(origin: &Origin) -> LinkPolicy {
    let Origin { settings, stand_in, callee: _, retry, limits } = origin;
    LinkPolicy {
        timeout: settings.timeout,
        retry: settings.retry.over(retry),
        stand_in: stand_in.clone(),
        standing: LinkStanding::new(settings, limits),
    }
}
