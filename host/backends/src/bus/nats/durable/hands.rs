//! What is in the hands of the feeds of a consumer: messages that came and are not settled. The feeds of a host share what
//! comes, so that one that is busy or ends leaves its messages to the others. Decides, and does nothing itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::iter;
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

/// For how long after its time a message is expected that was given back.
const EXPECTED: Duration = Duration::from_secs(60);

/// Messages that are expected at a time.
const MOST_EXPECTED: usize = 10_000;

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

/// One of the feeds.
struct Seat {
    window: usize,
    /// Messages that it was handed and did not settle.
    out: usize,
}

/// The hands of the feeds of one consumer.
pub(super) struct Hands {
    /// Whether messages are settled. Those of a watcher are not.
    tracked: bool,
    /// Whether a message that failed stays here until it is tried again, so that none overtakes it.
    ordered: bool,
    seats: HashMap<u64, Seat>,
    /// Counts seats and messages.
    tokens: u64,
    /// Whether the last feed left, so that none can join any more.
    left: bool,
    held: BTreeMap<u64, Held>,
    places: HashMap<u64, u64>,
    /// Not handed out, by place.
    ready: BTreeMap<u64, u64>,
    /// Handed out and not settled, with the seat.
    out: HashMap<u64, u64>,
    /// Kept until they are handed out again.
    waiting: BTreeSet<(Instant, u64)>,
    settled: VecDeque<(u64, Settlement)>,
    /// Given back, by place: when they are due, and as which attempt they come. A server that crashes may forget how often it
    /// delivered a message.
    away: HashMap<u64, (Instant, u32)>,
    done: VecDeque<u64>,
    is_done: HashSet<u64>,
}

/// Where the messages of a consumer are, as far as this host knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Counts {
    /// Handed out.
    pub(in super::super) out: usize,
    /// Here, and not handed out.
    pub(in super::super) ready: usize,
    /// To be tried again, here or at the server.
    pub(in super::super) retrying: usize,
}

impl Hands {
    pub(super) fn new(tracked: bool, ordered: bool) -> Self {
        Self {
            tracked,
            ordered,
            seats: HashMap::new(),
            tokens: 0,
            left: false,
            held: BTreeMap::new(),
            places: HashMap::new(),
            ready: BTreeMap::new(),
            out: HashMap::new(),
            waiting: BTreeSet::new(),
            settled: VecDeque::new(),
            away: HashMap::new(),
            done: VecDeque::new(),
            is_done: HashSet::new(),
        }
    }

    /// Gives a feed a seat; none if the last one left.
    pub(super) fn join(&mut self, window: u32) -> Option<u64> {
        if self.left {
            return None;
        }
        self.tokens += 1;
        let window = usize::try_from(window).unwrap_or(usize::MAX).max(1);
        self.seats.insert(self.tokens, Seat { window, out: 0 });
        Some(self.tokens)
    }

    /// Takes a feed's seat. What it has goes to the others. Returns whether it was the last.
    pub(super) fn leave(&mut self, seat: u64) -> bool {
        if self.seats.remove(&seat).is_none() {
            return false;
        }
        let back: Vec<u64> = self.out.iter().filter(|(_, owner)| **owner == seat).map(|(token, _)| *token).collect();
        for token in back {
            self.out.remove(&token);
            self.make_ready(token);
        }
        self.left = self.seats.is_empty();
        self.left
    }

    /// Lets nobody join any more.
    pub(super) const fn close(&mut self) {
        self.left = true;
    }

    /// Whether a feed has a seat.
    pub(super) fn has(&self, seat: u64) -> bool {
        self.seats.contains_key(&seat)
    }

    fn window(&self) -> usize {
        self.seats.values().fold(0, |sum, seat| sum.saturating_add(seat.window))
    }

    /// Where messages are.
    pub(super) fn counts(&mut self, now: Instant) -> Counts {
        self.away.retain(|_, (due, _)| *due + EXPECTED > now);
        let settled = self.settled.len();
        Counts {
            out: self.out.len() + settled,
            ready: self.ready.len(),
            retrying: self.waiting.len() + self.away.values().filter(|(due, _)| *due > now).count(),
        }
    }

    /// Messages that there is room for.
    pub(super) fn room(&self) -> usize {
        self.window().saturating_sub(self.held.len())
    }

    pub(super) const fn is_tracked(&self) -> bool {
        self.tracked
    }

    pub(super) const fn is_ordered(&self) -> bool {
        self.ordered
    }

    fn make_ready(&mut self, token: u64) {
        if let Some(held) = self.held.get(&token) {
            self.ready.insert(held.place, token);
        }
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
        let next = self.away.remove(&new.place).map_or(new.attempt, |(_, next)| next);
        let new = Held { attempt: new.attempt.max(next), ..new };
        self.held.insert(self.tokens, new);
        self.make_ready(self.tokens);
        Came::New
    }

    /// Hands out up to `max` to a feed, and no more than its window has room for.
    pub(super) fn take(&mut self, seat: u64, max: NonZeroUsize) -> Vec<Incoming> {
        let Some(own) = self.seats.get_mut(&seat) else { return Vec::new() };
        let room = if self.tracked { own.window.saturating_sub(own.out) } else { usize::MAX };
        let tokens: Vec<u64> =
            iter::from_fn(|| self.ready.pop_first()).map(|(_, token)| token).take(max.get().min(room)).collect();
        let mut taken = Vec::with_capacity(tokens.len());
        for token in tokens {
            let Some(held) = self.held.get(&token) else { continue };
            taken.push(Incoming {
                token,
                message: Arc::clone(&held.message),
                sequence: Some(held.place),
                attempt: held.attempt,
                stored: held.stored,
            });
            if self.tracked {
                own.out += 1;
                self.out.insert(token, seat);
            }
        }
        if !self.tracked {
            for incoming in &taken {
                self.remove(incoming.token);
            }
        }
        taken
    }

    /// Whether there is something to hand out.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Notes what becomes of a message. One that the feed was not handed is left alone.
    pub(super) fn settle(&mut self, seat: u64, token: u64, settlement: Settlement) {
        if self.out.get(&token) != Some(&seat) {
            return;
        }
        self.out.remove(&token);
        if let Some(own) = self.seats.get_mut(&seat) {
            own.out = own.out.saturating_sub(1);
        }
        self.settled.push_back((token, settlement));
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
        let next = held.attempt.saturating_add(tried);
        self.expect(now, held.place, now + after, next);
        let note = held.note_for(next);
        Some(Todo::GiveBack { held, note, after })
    }

    /// Makes those ready that have waited long enough. Returns whether there were any.
    pub(super) fn wake(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((_, token)) = self.waiting.first().copied().filter(|(at, _)| *at <= now) {
            self.waiting.pop_first();
            self.make_ready(token);
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
        let held = self.held.remove(&token)?;
        self.places.remove(&held.place);
        Some(held)
    }

    /// Notes that a message comes again. Those that should have come long ago went to another host.
    fn expect(&mut self, now: Instant, place: u64, due: Instant, next: u32) {
        if self.away.len() >= MOST_EXPECTED {
            self.away.retain(|_, (due, _)| *due + EXPECTED > now);
        }
        if self.away.len() < MOST_EXPECTED {
            self.away.insert(place, (due, next));
        }
    }

    fn remember(&mut self, place: u64) {
        if self.is_done.insert(place) {
            self.done.push_back(place);
        }
        if self.done.len() > self.window().saturating_mul(REMEMBERED)
            && let Some(oldest) = self.done.pop_front()
        {
            self.is_done.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
