//! What is in the hands of a feed: messages that came and are not settled. Decides, and does nothing itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::Subject;
use patchbay_model::bus::Message;
use patchbay_model::ports::{Incoming, Settlement};
use tokio::time::Instant;

/// Messages that are remembered as done, for each that may be in the hands at a time. Should an acknowledgement be lost on its
/// way, the message comes again, and is not handed out again.
const REMEMBERED: usize = 8;

/// A message in the hands of a feed.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) place: u64,
    /// Where the server wants to hear of it.
    pub(super) reply: Subject,
    /// How often the server delivered it.
    pub(super) delivered: i64,
    /// How often it was tried, this time included.
    pub(super) attempt: u32,
    /// How many deliveries are noted as no attempts.
    pub(super) noted: i64,
    pub(super) stored: SystemTime,
    pub(super) message: Arc<Message>,
}

impl Held {
    /// What has to be noted so that the next delivery is attempt `next`; `None` if it is noted already.
    pub(super) fn note_for(&self, next: u32) -> Option<i64> {
        let uncounted = self.delivered + 1 - i64::from(next);
        (uncounted != self.noted).then_some(uncounted)
    }
}

/// What became of a message that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It is new here, and can be handed out.
    New,
    /// It is in the hands already: the server had missed a sign of life.
    Again {
        /// What has to be noted for it, if anything.
        note: Option<i64>,
    },
    /// It was acknowledged, and the server does not know.
    Done,
}

/// What is to be done for a message that is settled.
#[derive(Debug)]
pub(super) enum Todo {
    /// Tell the server that it is done.
    Acknowledge(Held),
    /// Note what is to be noted, and give it back to the server for a while.
    GiveBack { held: Held, note: Option<i64>, after: Duration },
    /// Note this about the message at the place, which stays in the hands.
    Note { place: u64, uncounted: i64 },
}

/// The hands of one feed.
pub(super) struct Hands {
    window: usize,
    /// Whether messages are settled. Those of a watcher are not.
    tracked: bool,
    /// Whether a message that failed stays here until it is tried again, so that none overtakes it.
    ordered: bool,
    tokens: u64,
    held: BTreeMap<u64, Held>,
    places: HashMap<u64, u64>,
    /// Not handed out, by token.
    ready: VecDeque<u64>,
    /// Handed out, and not settled.
    out: HashSet<u64>,
    /// Kept until they are handed out again.
    waiting: BTreeSet<(Instant, u64)>,
    settled: VecDeque<(u64, Settlement)>,
    done: VecDeque<u64>,
    is_done: HashSet<u64>,
}

impl Hands {
    pub(super) fn new(window: u32, tracked: bool, ordered: bool) -> Self {
        Self {
            window: usize::try_from(window).unwrap_or(usize::MAX).max(1),
            tracked,
            ordered,
            tokens: 0,
            held: BTreeMap::new(),
            places: HashMap::new(),
            ready: VecDeque::new(),
            out: HashSet::new(),
            waiting: BTreeSet::new(),
            settled: VecDeque::new(),
            done: VecDeque::new(),
            is_done: HashSet::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Messages that there is room for.
    pub(super) fn room(&self) -> usize {
        self.window.saturating_sub(self.held.len())
    }

    pub(super) const fn is_tracked(&self) -> bool {
        self.tracked
    }

    pub(super) const fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// Whether the message at a place is new here, so that what is noted of it matters.
    pub(super) fn is_new(&self, place: u64) -> bool {
        !self.places.contains_key(&place) && !self.is_done.contains(&place)
    }

    /// Takes a message that came.
    pub(super) fn came(&mut self, new: Held) -> Came {
        if self.is_done.contains(&new.place) {
            return Came::Done;
        }
        if let Some(held) = self.places.get(&new.place).and_then(|token| self.held.get_mut(token)) {
            (held.reply, held.delivered) = (new.reply, new.delivered);
            let note = held.note_for(held.attempt.saturating_add(1));
            held.noted = note.unwrap_or(held.noted);
            return Came::Again { note };
        }
        self.tokens += 1;
        self.places.insert(new.place, self.tokens);
        self.held.insert(self.tokens, new);
        self.ready.push_back(self.tokens);
        Came::New
    }

    /// Hands out up to `max`.
    pub(super) fn take(&mut self, max: NonZeroUsize) -> Vec<Incoming> {
        let count = max.get().min(self.ready.len());
        let mut taken = Vec::with_capacity(count);
        for token in self.ready.drain(..count) {
            let Some(held) = self.held.get(&token) else { continue };
            taken.push(Incoming {
                token,
                message: Arc::clone(&held.message),
                sequence: Some(held.place),
                attempt: held.attempt,
                stored: held.stored,
            });
            self.out.insert(token);
        }
        if !self.tracked {
            for incoming in &taken {
                self.remove(incoming.token);
            }
        }
        taken
    }

    /// Notes what becomes of a message. One that is not out is left alone.
    pub(super) fn settle(&mut self, token: u64, settlement: Settlement) {
        if self.out.remove(&token) {
            self.settled.push_back((token, settlement));
        }
    }

    /// What is to be done for what was settled since. `now` is the time from which pauses count.
    pub(super) fn todo(&mut self, now: Instant) -> Vec<Todo> {
        let settled = std::mem::take(&mut self.settled);
        settled.into_iter().filter_map(|(token, settlement)| self.decide(now, token, settlement)).collect()
    }

    fn decide(&mut self, now: Instant, token: u64, settlement: Settlement) -> Option<Todo> {
        let (after, tried) = match settlement {
            Settlement::Acknowledge => {
                let held = self.remove(token)?;
                self.remember(held.place);
                return Some(Todo::Acknowledge(held));
            }
            Settlement::Retry(after) => (after, 1),
            Settlement::Release(after) => (after, 0),
        };
        if self.ordered {
            let held = self.held.get_mut(&token)?;
            held.attempt = held.attempt.saturating_add(tried);
            self.waiting.insert((now + after, token));
            // Should the host crash now, the next delivery is an attempt more.
            let note = held.note_for(held.attempt.saturating_add(1))?;
            held.noted = note;
            return Some(Todo::Note { place: held.place, uncounted: note });
        }
        let held = self.remove(token)?;
        let note = held.note_for(held.attempt.saturating_add(tried));
        Some(Todo::GiveBack { held, note, after })
    }

    /// Makes those ready that have waited long enough. Returns whether there were any.
    pub(super) fn wake(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((_, token)) = self.waiting.first().copied().filter(|(at, _)| *at <= now) {
            self.waiting.pop_first();
            // Where it was: before everything that came after it.
            let place = self.ready.iter().position(|other| *other > token).unwrap_or(self.ready.len());
            self.ready.insert(place, token);
            any = true;
        }
        any
    }

    /// When the next one has waited long enough.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// Where the server wants to hear that messages are being worked on.
    pub(super) fn replies(&self) -> Vec<Subject> {
        if self.tracked { self.held.values().map(|held| held.reply.clone()).collect() } else { Vec::new() }
    }

    /// Everything that is left, in its order.
    pub(super) fn empty(&mut self) -> Vec<Held> {
        self.ready.clear();
        self.waiting.clear();
        self.out.clear();
        self.places.clear();
        let mut left: Vec<Held> = std::mem::take(&mut self.held).into_values().collect();
        left.sort_by_key(|held| held.place);
        left
    }

    fn remove(&mut self, token: u64) -> Option<Held> {
        self.out.remove(&token);
        let held = self.held.remove(&token)?;
        self.places.remove(&held.place);
        Some(held)
    }

    fn remember(&mut self, place: u64) {
        if self.is_done.insert(place) {
            self.done.push_back(place);
        }
        if self.done.len() > self.window.saturating_mul(REMEMBERED)
            && let Some(oldest) = self.done.pop_front()
        {
            self.is_done.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
