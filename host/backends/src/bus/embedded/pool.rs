//! What a consumer group has to hand out, and what is in whose hands. Decisions only: no clock, no disk, no waiting.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use patchbay_model::bus::Message;
use patchbay_model::ports::{Incoming, Settlement};
use tokio::time::Instant;

/// Messages that wait to be tried again and are kept in memory for it; what is more is read again.
const KEPT: usize = 256;

/// A message, and when it was stored.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) message: Arc<Message>,
    pub(super) stored: SystemTime,
}

/// A message that can be handed out.
#[derive(Debug)]
struct Offer {
    /// The attempt that it is handed out as.
    attempt: u32,
    /// The message; `None`: it has to be read again.
    parcel: Option<Parcel>,
}

/// How the messages of a pool are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Whether what is handed out has to be settled.
    pub(super) settled: bool,
    /// Whether places are those of a durable topic.
    pub(super) stored: bool,
    /// How many may wait to be tried again before no new ones are handed out.
    pub(super) waiting: usize,
}

/// What a consumer group has to hand out, each message at its place, and what is in the hands of its members.
#[derive(Debug)]
pub(super) struct Pool {
    terms: Terms,
    /// Never handed out, in their order.
    fresh: VecDeque<(u64, Parcel)>,
    /// Handed out once, and back: they come before the fresh ones.
    returned: BTreeMap<u64, Offer>,
    /// Come back at a time.
    waiting: BTreeMap<(Instant, u64), Offer>,
    members: BTreeMap<u64, Member>,
}

#[derive(Debug)]
struct Member {
    window: usize,
    hands: HashMap<u64, Offer>,
}

/// What there is for a member.
#[derive(Debug)]
pub(super) enum Taken {
    /// These.
    Handed(Vec<Incoming>),
    /// Those that come next have to be read first: [`Pool::lacking`].
    Lacking,
    /// Nothing, until this time or until something changes.
    Nothing(Option<Instant>),
    /// It has its hands full.
    Full,
    /// It is no member, or none any more.
    Closed,
}

impl Pool {
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            terms,
            fresh: VecDeque::new(),
            returned: BTreeMap::new(),
            waiting: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    /// Adds a message that was never handed out, behind all others.
    pub(super) fn add(&mut self, place: u64, parcel: Parcel) {
        self.fresh.push_back((place, parcel));
    }

    /// Adds a message that was handed out before, in an earlier life of the host.
    pub(super) fn recall(&mut self, place: u64, attempt: u32) {
        self.returned.insert(place, Offer { attempt, parcel: None });
    }

    /// Gives a message that is lacking; `None`: it is gone.
    pub(super) fn supply(&mut self, place: u64, parcel: Option<Parcel>) {
        match parcel {
            None => drop(self.returned.remove(&place)),
            Some(parcel) => {
                if let Some(offer) = self.returned.get_mut(&place) {
                    offer.parcel = Some(parcel);
                }
            }
        }
    }

    /// Takes in a member that has up to `window` messages in its hands.
    pub(super) fn join(&mut self, member: u64, window: u32) {
        let window = usize::try_from(window).unwrap_or(usize::MAX).max(1);
        self.members.insert(member, Member { window, hands: HashMap::new() });
    }

    /// Lets a member go. What is in its hands comes back as the same attempt.
    pub(super) fn leave(&mut self, member: u64) {
        if let Some(member) = self.members.remove(&member) {
            self.returned.extend(member.hands);
        }
    }

    /// Lets all members go.
    pub(super) fn dismiss(&mut self) {
        for member in std::mem::take(&mut self.members).into_values() {
            self.returned.extend(member.hands);
        }
    }

    pub(super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// The member that was there first.
    pub(super) fn first_member(&self) -> Option<u64> {
        self.members.keys().next().copied()
    }

    /// Hands out up to `max` messages.
    pub(super) fn take(&mut self, member: u64, max: NonZeroUsize, now: Instant) -> Taken {
        self.wake(now);
        let ready = self.returned.len() + self.fresh.len();
        // One member with a large appetite leaves something for the others.
        let share = ready.div_ceil(self.members.len().max(1)).max(1);
        let Self { members, returned, fresh, waiting, terms } = self;
        let Some(member) = members.get_mut(&member) else { return Taken::Closed };
        let credit = if terms.settled { member.window.saturating_sub(member.hands.len()) } else { usize::MAX };
        if credit == 0 {
            return Taken::Full;
        }
        let wanted = credit.min(max.get()).min(share);
        let mut handed = Vec::with_capacity(wanted.min(ready));
        while handed.len() < wanted {
            let (place, attempt, parcel) = match returned.first_entry() {
                Some(first) => {
                    if first.get().parcel.is_none() {
                        break;
                    }
                    let (place, offer) = first.remove_entry();
                    let Some(parcel) = offer.parcel else { break };
                    (place, offer.attempt, parcel)
                }
                None if waiting.len() >= terms.waiting => break,
                None => {
                    let Some((place, parcel)) = fresh.pop_front() else { break };
                    (place, 1, parcel)
                }
            };
            let Parcel { message, stored } = &parcel;
            let sequence = terms.stored.then_some(place);
            handed.push(Incoming { token: place, message: Arc::clone(message), sequence, attempt, stored: *stored });
            if terms.settled {
                member.hands.insert(place, Offer { attempt, parcel: Some(parcel) });
            }
        }
        if !handed.is_empty() {
            return Taken::Handed(handed);
        }
        if returned.is_empty() { Taken::Nothing(self.due()) } else { Taken::Lacking }
    }

    /// The messages that have to be read before others can be handed out.
    pub(super) fn lacking(&self) -> Vec<u64> {
        let returned = self.returned.iter().take(KEPT);
        returned.filter(|(_, offer)| offer.parcel.is_none()).map(|(place, _)| *place).collect()
    }

    /// Says what becomes of a message. Returns whether it was in the hands of the member.
    pub(super) fn settle(&mut self, member: u64, place: u64, settlement: Settlement, now: Instant) -> bool {
        let Some(Offer { attempt, parcel }) =
            self.members.get_mut(&member).and_then(|member| member.hands.remove(&place))
        else {
            return false;
        };
        let (attempt, pause) = match settlement {
            Settlement::Acknowledge => return true,
            Settlement::Retry(pause) => (attempt.saturating_add(1), pause),
            Settlement::Release(pause) => (attempt, pause),
        };
        if pause == Duration::ZERO {
            self.returned.insert(place, Offer { attempt, parcel });
            return true;
        }
        let parcel = parcel.filter(|_| !self.terms.stored || self.waiting.len() < KEPT);
        let due = now.checked_add(pause).unwrap_or(now);
        self.waiting.insert((due, place), Offer { attempt, parcel });
        true
    }

    /// Makes those available whose time has come.
    fn wake(&mut self, now: Instant) {
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > now {
                break;
            }
            let ((_, place), offer) = first.remove_entry();
            self.returned.insert(place, offer);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// How many there are that were never handed out.
    pub(super) fn n_fresh(&self) -> usize {
        self.fresh.len()
    }

    /// The first place that was never handed out, of those that are in the pool.
    pub(super) fn first_fresh(&self) -> Option<u64> {
        self.fresh.front().map(|(place, _)| *place)
    }

    /// How many there are in the hands of members.
    pub(super) fn n_in_hand(&self) -> usize {
        self.members.values().map(|member| member.hands.len()).sum()
    }

    /// How many wait to be handed out once more.
    pub(super) fn n_waiting(&self) -> usize {
        self.waiting.len() + self.returned.len()
    }

    /// How many messages all members may have in their hands.
    pub(super) fn windows(&self) -> usize {
        self.members.values().map(|member| member.window).sum()
    }

    /// What was handed out and is not settled: the places, and the attempts as which they were handed out last or are
    /// next.
    pub(super) fn outstanding(&self) -> BTreeMap<u64, u32> {
        let in_hand = self.members.values().flat_map(|member| member.hands.iter());
        let waiting = self.waiting.iter().map(|((_, place), offer)| (place, offer));
        in_hand.chain(&self.returned).chain(waiting).map(|(place, offer)| (*place, offer.attempt)).collect()
    }

    /// Forgets the message at a place, unless it is in somebody's hands.
    pub(super) fn forget(&mut self, gone: u64) {
        self.fresh.retain(|(place, _)| *place != gone);
        self.returned.remove(&gone);
        self.waiting.retain(|(_, place), _| *place != gone);
    }

    pub(super) fn set_waiting_limit(&mut self, limit: usize) {
        self.terms.waiting = limit;
    }
}
