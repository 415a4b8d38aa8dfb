//! The table of keys: what is claimed, what is done, and what is forgotten. No lock, no clock.

use std::collections::hash_map::Entry as Place;
use std::collections::{BTreeMap, HashMap};

use patchbay_model::Digest;
use patchbay_model::ports::{Claim, Claimed, KeptReply, ReplyKey, ReplyTerms};
use tokio::time::Instant;

/// The keys of one route.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: HashMap<ReplyKey, Entry>,
    /// How many entries each caller has.
    callers: HashMap<Digest, u32>,
    /// When the entries end that are done. The number tells those apart that end at the same time.
    ends: BTreeMap<(Instant, u64), ReplyKey>,
    /// Size of all replies.
    memory: u64,
    /// The number of the newest claim.
    newest: u64,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Digest,
    number: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It ends when its claim is settled, and not by time.
    Running,
    Done(Option<KeptReply>),
}

impl Table {
    /// Claims a key, if it is free at `now` and there is room.
    pub(super) fn claim(&mut self, key: ReplyKey, fingerprint: Digest, terms: &ReplyTerms, now: Instant) -> Claim {
        self.forget(now);
        if let Some(entry) = self.entries.get(&key) {
            return match &entry.state {
                _ if entry.fingerprint != fingerprint => Claim::Other,
                State::Running => Claim::Running,
                State::Done(Some(reply)) => Claim::Done(reply.clone()),
                State::Done(None) => Claim::Lost,
            };
        }
        if self.entries.len() >= terms.keys as usize {
            return Claim::Full { of_caller: false };
        }
        if self.callers.get(&key.caller).is_some_and(|count| *count >= terms.keys_per_caller) {
            return Claim::Full { of_caller: true };
        }
        self.newest += 1;
        let number = self.newest;
        *self.callers.entry(key.caller).or_default() += 1;
        self.entries.insert(key, Entry { fingerprint, number, state: State::Running });
        Claim::New(Claimed { key, number })
    }

    /// Settles a claim as done. A reply that there is no room for is lost.
    pub(super) fn keep(&mut self, claimed: Claimed, reply: Option<KeptReply>, terms: &ReplyTerms, now: Instant) {
        self.forget(now);
        let room = terms.memory.saturating_sub(self.memory);
        let Some(entry) = self.entries.get_mut(&claimed.key) else { return };
        if entry.number != claimed.number || !matches!(entry.state, State::Running) {
            return;
        }
        let reply = reply.filter(|reply| size_of(reply) <= room);
        self.memory += reply.as_ref().map_or(0, size_of);
        let ends = now + terms.ttl;
        entry.state = State::Done(reply);
        self.ends.insert((ends, claimed.number), claimed.key);
    }

    /// Settles a claim as if it had never been.
    pub(super) fn release(&mut self, claimed: Claimed) {
        if let Place::Occupied(place) = self.entries.entry(claimed.key)
            && place.get().number == claimed.number
            && matches!(place.get().state, State::Running)
        {
            place.remove();
            self.leave(claimed.key.caller);
        }
    }

    /// Forgets what has ended by `now`.
    fn forget(&mut self, now: Instant) {
        while let Some(first) = self.ends.first_entry()
            && first.key().0 <= now
        {
            let key = first.remove();
            if let Some(Entry { state: State::Done(Some(reply)), .. }) = self.entries.remove(&key) {
                self.memory -= size_of(&reply);
            }
            self.leave(key.caller);
        }
    }

    fn leave(&mut self, caller: Digest) {
        if let Place::Occupied(mut place) = self.callers.entry(caller) {
            *place.get_mut() -= 1;
            if *place.get() == 0 {
                place.remove();
            }
        }
    }
}

/// What a reply takes, in bytes.
fn size_of(reply: &KeptReply) -> u64 {
    let headers: usize = reply.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (reply.body.len() + headers) as u64
}

#[cfg(test)]
mod tests;
