//! The choice between two revisions. Pure: a function of the split, of what is known of the call, and of a number that is
//! another one for every call.

use std::net::IpAddr;

use http::HeaderMap;
use patchbay_channel::chance;
use patchbay_model::traffic::{CallerMark, Pin, Sticky, TrafficSettings, TrafficShare};
use patchbay_model::{RevisionId, User};

/// The two revisions that a call can go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The active one.
    Stable,
    /// The one that is tried.
    Candidate,
}

/// How calls are split between a stable revision and a candidate.
#[derive(Debug)]
pub(crate) struct Split {
    share: TrafficShare,
    pins: Vec<Pin>,
    sticky: Option<Kept>,
    /// Another one for every candidate, so that the first to meet one are not always the same.
    seed: u64,
}

/// What keeps a caller where it was.
#[derive(Debug)]
enum Kept {
    User,
    Address,
    Mark(CallerMark),
    /// A cookie of the host, of this name: its value is a number, which the call comes with.
    Visitor(String),
}

/// What is known of a call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts<'a> {
    /// The header fields of a request.
    pub(crate) headers: Option<&'a HeaderMap>,
    /// The user for whom it is made in the end.
    pub(crate) user: Option<&'a User>,
    /// Where a request from outside comes from.
    pub(crate) address: Option<IpAddr>,
    /// What the cookie of the host says.
    pub(crate) visitor: Option<u64>,
}

impl Split {
    /// A split in which `candidate` gets a share, and whatever `traffic` says beside it.
    pub(crate) fn new(candidate: &RevisionId, share: TrafficShare, traffic: &TrafficSettings) -> Self {
        let sticky = traffic.sticky.as_ref().map(|sticky| match sticky {
            Sticky::User => Kept::User,
            Sticky::Address => Kept::Address,
            Sticky::Header(name) => Kept::Mark(CallerMark::Header(name.clone())),
            Sticky::Cookie(name) => Kept::Visitor(name.clone()),
        });
        let seed = fold(fold(START, candidate.service.as_str().as_bytes()), &candidate.number.get().to_le_bytes());
        Self { share, pins: traffic.pins.clone(), sticky, seed }
    }

    /// One in which the candidate gets no call.
    pub(crate) fn none(candidate: &RevisionId) -> Self {
        Self::new(candidate, TrafficShare::NONE, &TrafficSettings::default())
    }

    /// The name of the cookie that callers are kept by, if it is one.
    pub(crate) fn cookie(&self) -> Option<&str> {
        match &self.sticky {
            Some(Kept::Visitor(name)) => Some(name),
            _ => None,
        }
    }

    /// Where a call goes. `number` is spread evenly over all numbers. A caller that is kept goes to the candidate from that
    /// share on that takes in the number that stands for it, and so moves at most once while the share grows.
    pub(crate) fn side(&self, facts: Facts<'_>, number: u64) -> Side {
        let is_pinned = self.pins.iter().any(|pin| pin.fits(facts.headers, facts.user));
        if is_pinned || self.share.takes(self.caller(facts).unwrap_or(number)) { Side::Candidate } else { Side::Stable }
    }

    /// The number that stands for a caller that is kept; `None` if there is nothing to know it by.
    fn caller(&self, facts: Facts<'_>) -> Option<u64> {
        let folded = match self.sticky.as_ref()? {
            Kept::User => {
                let user = facts.user?;
                fold(fold(self.seed, user.issuer.as_bytes()), user.subject.as_bytes())
            }
            // Machines change the lower half of their IPv6 address as they like.
            Kept::Address => match facts.address?.to_canonical() {
                IpAddr::V4(address) => fold(self.seed, &address.octets()),
                IpAddr::V6(address) => fold(self.seed, &(address.to_bits() >> 64).to_le_bytes()),
            },
            Kept::Mark(mark) => fold(self.seed, mark.of(facts.headers?)?),
            Kept::Visitor(_) => fold(self.seed, &facts.visitor?.to_le_bytes()),
        };
        Some(chance(folded, 0))
    }
}

/// The start of FNV-1a, 64 bits.
const START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, 64 bits: the same in every run of the host. What it lacks in evenness, [`chance`] adds.
fn fold(start: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    // What follows is not taken for more of the same.
    step(bytes.iter().fold(start, step), &0xff)
}
