//! Traffic between the stable revision of a service and its candidate: which of them a call goes to.

use patchbay_channel::chance;
use patchbay_model::CallId;

mod candidate;
mod split;
mod visitor;

pub(crate) use candidate::Candidate;
pub(crate) use split::{Facts, Side, Split};
pub(crate) use visitor::Visitor;

/// The number that decides on a call where nothing else does: another one for every call of every run of the host, spread
/// evenly over all numbers.
pub(crate) const fn number_of(run: u64, call: CallId) -> u64 {
    chance(run ^ call.number(), 0)
}

#[cfg(test)]
mod tests;
