//! Where a link leads, as the last call over it found out.
//!
//! To look it up takes the snapshot and two searches by name, which is much beside a call that takes a microsecond. It is the
//! same until another snapshot is shown, and that is one number to be compared.

use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_channel::LinkPolicy;
use patchbay_striped::{Known, Lent};

use crate::control::Control;
use crate::snapshot::ServiceEntry;

/// The service that a link leads to.
pub(crate) struct Linked {
    pub(crate) entry: Lent<ServiceEntry>,
    /// The policies of the link, if it has some of its own.
    pub(crate) policy: Option<Lent<LinkPolicy>>,
    /// Whether its rules let the caller call the function, whomever it acts for.
    pub(crate) lets_in: bool,
}

/// The same, for as long as it holds. It keeps nothing: a revision that was replaced is gone from memory, however long its last
/// caller makes no other call.
pub(super) struct Wired {
    found: Moment,
    control: Known<Control>,
    entry: Known<ServiceEntry>,
    policy: Option<Known<LinkPolicy>>,
    lets_in: bool,
}

/// A moment between two changes of what is found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// How often it changed which services there are at all.
    changes: u64,
    /// The snapshots that were shown.
    shown: u64,
}

impl Moment {
    /// This one. To be taken before anything is looked for.
    pub(super) fn now(changes: &AtomicU64, control: &Control) -> Self {
        Self { changes: changes.load(Ordering::Acquire), shown: control.shown.load(Ordering::Acquire) }
    }
}

impl Wired {
    /// What was found at a moment.
    pub(super) fn new(found: Moment, control: &Lent<Control>, linked: &Linked) -> Self {
        let policy = linked.policy.as_ref().map(Lent::known);
        Self { found, control: control.known(), entry: linked.entry.known(), policy, lets_in: linked.lets_in }
    }

    /// Where the link leads, unless that may be elsewhere by now.
    pub(super) fn lend(&self, changes: &AtomicU64) -> Option<(Lent<Control>, Linked)> {
        let control = self.control.lend()?;
        if self.found != Moment::now(changes, &control) {
            return None;
        }
        let policy = match &self.policy {
            Some(policy) => Some(policy.lend()?),
            None => None,
        };
        Some((control, Linked { entry: self.entry.lend()?, policy, lets_in: self.lets_in }))
    }
}
